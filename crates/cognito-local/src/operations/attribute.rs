//! Attributes of a user: changed, deleted and proven by code.
//!
//! A new address is unproven until its code came back; where the pool wants that first, the old value stays so long.
//! Users never set the verified flags themselves; the administration may.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Attribute, attribute_map, text_map, writable};
use crate::constraint::{ATTRIBUTE_NAME, CODE, Constraints, POOL_ID, TOKEN, USERNAME};
use crate::error::ApiError;
use crate::message::{self, CodeDelivery, Contact, Medium, Message, NO_CLIENT, Purpose};
use crate::service::Service;
use crate::state::{Action, CodeError, CodeUse, Pool};
use crate::token::authorize;

/// A code for an address, with the key of its user.
struct Pending {
    contact: Contact,
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateUserAttributes {
    access_token: Option<String>,
    user_attributes: Option<Vec<Attribute>>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

/// Changes attributes. An empty value deletes one.
pub(super) async fn update_user_attributes(
    service: &Service,
    request: UpdateUserAttributes,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    let attributes = attribute_map(&mut constraints, "userAttributes", request.user_attributes);
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    let now = service.now();
    let pending = service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        for (name, value) in &attributes {
            if value.is_empty() {
                writable_name(&caller.client, name)?;
            } else {
                writable(pool, &caller.client, name, value)?;
            }
        }
        change(pool, &caller.user, attributes, now)
    })?;
    let mut list = Vec::new();
    for pending in pending {
        let message = Message {
            pool: &caller.pool,
            client: &caller.client.id,
            metadata: &request.client_metadata,
            purpose: Purpose::UpdateUserAttribute,
            user: &caller.user,
            contact: &pending.contact,
            code: &pending.code,
        };
        list.push(message::send(service, &message).await?.details());
    }
    Ok(json!({ "CodeDeliveryDetailsList": list }))
}

fn writable_name(client: &crate::state::Client, name: &str) -> Result<(), ApiError> {
    if client.settings.writes(name) && !name.ends_with("_verified") && name != "sub" {
        return Ok(());
    }
    Err(ApiError::not_authorized(
        "A client attempted to write unauthorized attribute",
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminUpdateUserAttributes {
    user_pool_id: Option<String>,
    username: Option<String>,
    user_attributes: Option<Vec<Attribute>>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

/// As UpdateUserAttributes, for any attribute of any user, verified flags included.
pub(super) async fn admin_update_user_attributes(
    service: &Service,
    request: AdminUpdateUserAttributes,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    let attributes = attribute_map(&mut constraints, "userAttributes", request.user_attributes);
    constraints.check()?;
    let now = service.now();
    let (key, pending) = service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let key = pool.key(&pool.user(&username)?.name);
        for (name, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            pool.check_attribute(name, value)?;
        }
        let pending = change(pool, &key, attributes, now)?;
        Ok::<_, ApiError>((key, pending))
    })?;
    for pending in pending {
        let message = Message {
            pool: &pool_id,
            client: NO_CLIENT,
            metadata: &request.client_metadata,
            purpose: Purpose::UpdateUserAttribute,
            user: &key,
            contact: &pending.contact,
            code: &pending.code,
        };
        message::send(service, &message).await?;
    }
    Ok(json!({}))
}

/// Brings attributes that were checked into a user, and makes the codes for addresses that are to be proven.
fn change(
    pool: &mut Pool,
    key: &str,
    attributes: BTreeMap<String, String>,
    now: Duration,
) -> Result<Vec<Pending>, ApiError> {
    let mut after = pool
        .users
        .get(key)
        .ok_or_else(ApiError::user_missing)?
        .clone();
    let mut unproven = Vec::new();
    for medium in [Medium::Email, Medium::Sms] {
        let Some(address) = attributes.get(medium.attribute()) else {
            continue;
        };
        let flag = medium.verified_attribute();
        let declared = attributes.get(flag).is_some_and(|proven| proven == "true");
        let same = after.attributes.get(medium.attribute()) == Some(address);
        if address.is_empty() || declared || same {
            continue;
        }
        unproven.push(Contact {
            medium,
            address: address.clone(),
        });
    }
    let waits = |medium: Medium| {
        let settings = &pool.settings;
        settings
            .attributes_require_verification_before_update
            .contains(medium.attribute())
    };
    for (name, value) in attributes {
        let held_back = Medium::of_attribute(&name).is_some_and(|medium| {
            waits(medium) && unproven.iter().any(|contact| contact.medium == medium)
        });
        if held_back {
            continue;
        }
        if value.is_empty() {
            remove(pool, &mut after.attributes, &name)?;
        } else {
            after.attributes.insert(name, value);
        }
    }
    for contact in unproven.iter().filter(|contact| !waits(contact.medium)) {
        let flag = contact.medium.verified_attribute().to_owned();
        after.attributes.insert(flag, "false".to_owned());
    }
    // What would clash once it is proven is told now, while the caller is there to hear it.
    let mut proven = after.clone();
    for contact in &unproven {
        let attribute = contact.medium.attribute().to_owned();
        proven.attributes.insert(attribute, contact.address.clone());
    }
    pool.claim_aliases(&proven, false)?;
    after.modified = now;
    pool.users.insert(key.to_owned(), after);
    let mut pending = Vec::new();
    for contact in unproven {
        let attribute = contact.medium.attribute();
        // The last code was for another address.
        let purpose = CodeUse::of_medium(contact.medium);
        pool.codes.take(key, purpose);
        if pool.settings.auto_verified_attributes.contains(attribute) {
            let code = pool.issue_code(key, purpose, contact.clone(), now)?;
            pending.push(Pending { contact, code });
        }
    }
    Ok(pending)
}

/// Takes an attribute away, an address with its verified flag.
fn remove(
    pool: &Pool,
    attributes: &mut BTreeMap<String, String>,
    name: &str,
) -> Result<(), ApiError> {
    let settings = &pool.settings;
    if name == "sub"
        || settings.required_attributes.contains(name)
        || settings.username_attributes.contains(name)
    {
        return Err(ApiError::invalid_parameter(format!(
            "Cannot delete the required attribute {name}"
        )));
    }
    attributes.remove(name);
    if let Some(medium) = Medium::of_attribute(name) {
        attributes.remove(medium.verified_attribute());
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteUserAttributes {
    access_token: Option<String>,
    user_attribute_names: Option<BTreeSet<String>>,
}

pub(super) async fn delete_user_attributes(
    service: &Service,
    request: DeleteUserAttributes,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    let names = names(&mut constraints, request.user_attribute_names);
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        for name in &names {
            writable_name(&caller.client, name)?;
        }
        delete(pool, &caller.user, &names, now)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminDeleteUserAttributes {
    user_pool_id: Option<String>,
    username: Option<String>,
    user_attribute_names: Option<BTreeSet<String>>,
}

pub(super) fn admin_delete_user_attributes(
    service: &Service,
    request: AdminDeleteUserAttributes,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    let names = names(&mut constraints, request.user_attribute_names);
    constraints.check()?;
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let key = pool.key(&pool.user(&username)?.name);
        delete(pool, &key, &names, now)
    })
}

fn names(constraints: &mut Constraints, names: Option<BTreeSet<String>>) -> Vec<String> {
    if names.is_none() {
        constraints.required("userAttributeNames", None, &ATTRIBUTE_NAME);
    }
    names
        .unwrap_or_default()
        .into_iter()
        .map(|name| constraints.required("userAttributeNames.member", Some(name), &ATTRIBUTE_NAME))
        .collect()
}

fn delete(pool: &mut Pool, key: &str, names: &[String], now: Duration) -> Result<Value, ApiError> {
    let user = pool.users.get(key).ok_or_else(ApiError::user_missing)?;
    let mut attributes = user.attributes.clone();
    for name in names {
        remove(pool, &mut attributes, name)?;
    }
    let user = pool.users.get_mut(key).ok_or_else(ApiError::user_missing)?;
    user.attributes = attributes;
    user.modified = now;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetUserAttributeVerificationCode {
    access_token: Option<String>,
    attribute_name: Option<String>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

/// Sends a code to the user's address; of an address that waits to be proven, to that one.
pub(super) async fn get_user_attribute_verification_code(
    service: &Service,
    request: GetUserAttributeVerificationCode,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    let name = constraints.required("attributeName", request.attribute_name, &ATTRIBUTE_NAME);
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    let medium = provable(&name)?;
    let (key, now) = (&caller.user, service.now());
    let (contact, code) = service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let user = pool.users.get(key).ok_or_else(ApiError::user_missing)?;
        let purpose = CodeUse::of_medium(medium);
        let contact = pool
            .codes
            .contact(key, purpose, now)
            .cloned()
            .or_else(|| Contact::of(user, medium))
            .ok_or_else(|| {
                ApiError::invalid_parameter(format!("User does not have {name} to verify."))
            })?;
        pool.attempts.count(key, Action::AttributeCode, now)?;
        let code = pool.issue_code(key, purpose, contact.clone(), now)?;
        Ok::<_, ApiError>((contact, code))
    })?;
    let message = Message {
        pool: &caller.pool,
        client: &caller.client.id,
        metadata: &request.client_metadata,
        purpose: Purpose::VerifyUserAttribute,
        user: key,
        contact: &contact,
        code: &code,
    };
    let delivery: CodeDelivery = message::send(service, &message).await?;
    Ok(json!({ "CodeDeliveryDetails": delivery.details() }))
}

fn provable(name: &str) -> Result<Medium, ApiError> {
    Medium::of_attribute(name).ok_or_else(|| {
        ApiError::invalid_parameter(format!(
            "Invalid attribute name {name}: only email and phone_number are verified."
        ))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VerifyUserAttribute {
    access_token: Option<String>,
    attribute_name: Option<String>,
    code: Option<String>,
}

/// Proves an address by its code; one that waited becomes the user's.
pub(super) async fn verify_user_attribute(
    service: &Service,
    request: VerifyUserAttribute,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    let name = constraints.required("attributeName", request.attribute_name, &ATTRIBUTE_NAME);
    let code = constraints.required("code", request.code, &CODE);
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    let purpose = CodeUse::of_medium(provable(&name)?);
    let (key, now) = (&caller.user, service.now());
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        pool.attempts.count(key, Action::VerifyAttribute, now)?;
        let checked = pool.codes.check(&pool.secret, key, purpose, &code, now);
        let contact = checked.map_err(|error| match error {
            // The operation has no TooManyFailedAttemptsException.
            CodeError::Dead => {
                ApiError::limit_exceeded("Attempt limit exceeded, please try after some time.")
            }
            error => error.into(),
        })?;
        pool.prove(key, &contact, false, now)?;
        pool.codes.take(key, purpose);
        Ok(json!({}))
    })
}
