//! SignUp, ConfirmSignUp, ResendConfirmationCode and AdminConfirmSignUp.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::{self, Open, Outgoing, deliver};
use super::{Attribute, attribute_map, text_map, writable};
use crate::constraint::{
    CLIENT_ID, CODE, Constraints, PASSWORD, POOL_ID, SECRET_HASH, SESSION, USERNAME,
};
use crate::error::ApiError;
use crate::message::{Contact, Medium, NO_CLIENT, Purpose};
use crate::service::Service;
use crate::sign_in::{Caller, user_auth};
use crate::srp::Password;
use crate::state::{Action, CodeError, CodeUse, Pool, User, UserStatus};
use crate::trigger::{self, Event, Kind};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SignUp {
    client_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
    secret_hash: Option<String>,
    user_attributes: Option<Vec<Attribute>>,
    validation_data: Option<Vec<Attribute>>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

/// What a PreSignUp function may answer.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PreSignUp {
    auto_confirm_user: Option<bool>,
    auto_verify_email: Option<bool>,
    auto_verify_phone: Option<bool>,
}

/// Makes a user who must confirm with a code, unless the PreSignUp function confirms at once. Does not hide that a name
/// is taken.
pub(super) async fn sign_up(service: &Service, request: SignUp) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let client_id = constraints.required("clientId", request.client_id, &CLIENT_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    let password = constraints.optional("password", request.password, &PASSWORD);
    let secret_hash = constraints.optional("secretHash", request.secret_hash, &SECRET_HASH);
    let mut attributes = attribute_map(&mut constraints, "userAttributes", request.user_attributes);
    let validation = attribute_map(&mut constraints, "validationData", request.validation_data);
    constraints.check()?;
    let open = Open {
        client_id,
        username,
        secret_hash,
        metadata: request.client_metadata,
    };
    let (caller, username) = open.caller(service)?;
    let now = service.now();
    let mut user = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        if pool.settings.allow_admin_create_user_only {
            return Err(ApiError::not_authorized(
                "SignUp is not permitted for this user pool",
            ));
        }
        for (name, value) in &attributes {
            writable(pool, &caller.client, name, value)?;
        }
        pool.add_sign_in_attribute(&username, &mut attributes);
        let name = pool.internal_name(&username, None)?;
        let user = User::new(name, attributes, now)?;
        check_new(pool, &user)?;
        match &password {
            Some(password) => pool.settings.password_policy.check(password)?,
            None if pool.settings.is_passwordless() => {}
            None => return Err(ApiError::missing_parameter("Password")),
        }
        Ok(user)
    })?;
    pre_sign_up(service, &caller, &mut user, &validation).await?;
    let (pool_name, name) = (
        service.read(|state| Ok::<_, ApiError>(state.pool(&caller.pool)?.srp_name().to_owned()))?,
        user.name.clone(),
    );
    let confirmed = user.status == UserStatus::Confirmed;
    if let Some(password) = password {
        let password = service
            .compute(move || Password::new(&pool_name, &name, &password))
            .await??;
        let status = user.status;
        user.set_password(password, status, now);
    }
    let sub = user.sub().to_owned();
    let (key, outgoing) = service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        check_new(pool, &user)?;
        let key = pool.key(&user.name);
        pool.add_user(user, false)?;
        let outgoing = if confirmed {
            None
        } else {
            confirmation(pool, &key, now)?
        };
        Ok::<_, ApiError>((key, outgoing))
    })?;
    let mut answer = Map::new();
    answer.insert("UserConfirmed".to_owned(), confirmed.into());
    answer.insert("UserSub".to_owned(), sub.into());
    if confirmed {
        let (pool, client) = (&caller.pool, &caller.client.id);
        account::confirmed(
            service,
            pool,
            client,
            &key,
            "ConfirmSignUp",
            &caller.metadata,
        )
        .await?;
    }
    if let Some((contact, code)) = outgoing {
        let sent = deliver(service, &caller, Purpose::SignUp, &key, &contact, &code).await?;
        answer.insert("CodeDeliveryDetails".to_owned(), sent.details());
    }
    let session = user_auth::signing_up(service, &caller, &key, confirmed)?;
    answer.extend(session.map(|session| ("Session".to_owned(), session.into())));
    Ok(answer.into())
}

/// What a new user must have, and may not share with another.
fn check_new(pool: &Pool, user: &User) -> Result<(), ApiError> {
    if pool.users.contains_key(&pool.key(&user.name)) {
        return Err(ApiError::username_exists("User already exists"));
    }
    if let Some((attribute, _)) = pool.taken_alias(user) {
        return Err(ApiError::username_exists(format!(
            "An account with the given {attribute} already exists."
        )));
    }
    if let Some(missing) = pool.missing_attributes(user).first() {
        return Err(ApiError::invalid_parameter(format!(
            "Attributes did not conform to the schema: {missing}: The attribute is required"
        )));
    }
    Ok(())
}

/// Asks the PreSignUp function, and does what it says. Whoever is not made yet has no `sub` and no status to tell.
async fn pre_sign_up(
    service: &Service,
    caller: &Caller,
    user: &mut User,
    validation: &BTreeMap<String, String>,
) -> Result<(), ApiError> {
    let event = pre_sign_up_event(
        &caller.pool,
        &caller.client.id,
        "PreSignUp_SignUp",
        user,
        validation,
        &caller.metadata,
    );
    let Some(response) = trigger::call(service, event).await? else {
        return Ok(());
    };
    let answer: PreSignUp = trigger::read(response)?;
    for (verify, medium) in [
        (answer.auto_verify_email, Medium::Email),
        (answer.auto_verify_phone, Medium::Sms),
    ] {
        if verify != Some(true) {
            continue;
        }
        if Contact::of(user, medium).is_none() {
            return Err(ApiError::invalid_lambda_response(
                "Unrecognizable lambda output",
            ));
        }
        user.attributes
            .insert(medium.verified_attribute().to_owned(), "true".to_owned());
    }
    if answer.auto_confirm_user == Some(true) {
        user.status = UserStatus::Confirmed;
    }
    Ok(())
}

/// The event of a user who is about to be made.
pub(super) fn pre_sign_up_event<'a>(
    pool: &'a str,
    client: &'a str,
    source: &'a str,
    user: &'a User,
    validation: &BTreeMap<String, String>,
    metadata: &BTreeMap<String, String>,
) -> Event<'a> {
    let attributes: BTreeMap<_, _> = user
        .attributes
        .iter()
        .filter(|(name, _)| *name != "sub")
        .collect();
    let mut request = Map::new();
    request.insert("userAttributes".to_owned(), json!(attributes));
    let validation = if validation.is_empty() {
        Value::Null
    } else {
        json!(validation)
    };
    request.insert("validationData".to_owned(), validation);
    trigger::add_metadata(&mut request, metadata);
    Event {
        pool,
        client,
        kind: Kind::PreSignUp,
        source,
        user_name: &user.name,
        request,
        response: json!({ "autoConfirmUser": false, "autoVerifyEmail": false, "autoVerifyPhone": false }),
    }
}

/// The code for a user who signed up, and where it goes: nowhere when the pool verifies nothing the user has.
fn confirmation(
    pool: &mut Pool,
    key: &str,
    now: Duration,
) -> Result<Option<(Contact, String)>, ApiError> {
    let user = pool.users.get(key).ok_or_else(ApiError::user_missing)?;
    let contact = pool
        .settings
        .verification_media()
        .find_map(|medium| Contact::of(user, medium));
    let Some(contact) = contact else {
        return Ok(None);
    };
    let code = pool.issue_code(key, CodeUse::SignUp, contact.clone(), now)?;
    Ok(Some((contact, code)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConfirmSignUp {
    client_id: Option<String>,
    username: Option<String>,
    confirmation_code: Option<String>,
    secret_hash: Option<String>,
    force_alias_creation: Option<bool>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
    session: Option<String>,
}

/// Confirms a user by the code of SignUp, which also proves the address it went to.
pub(super) async fn confirm_sign_up(
    service: &Service,
    request: ConfirmSignUp,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let client_id = constraints.required("clientId", request.client_id, &CLIENT_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    let code = constraints.required("confirmationCode", request.confirmation_code, &CODE);
    let secret_hash = constraints.optional("secretHash", request.secret_hash, &SECRET_HASH);
    let session = constraints.optional("session", request.session, &SESSION);
    constraints.check()?;
    let open = Open {
        client_id,
        username,
        secret_hash,
        metadata: request.client_metadata,
    };
    let account = open.account(service)?;
    let session = session
        .map(|session| user_auth::open_signing_up(service, &account.caller, &account.key, &session))
        .transpose()?;
    let (force, now) = (request.force_alias_creation == Some(true), service.now());
    service.change(|state| {
        let pool = state.pool_mut(&account.caller.pool)?;
        pool.attempts
            .count(&account.key, Action::ConfirmSignUp, now)?;
        let known = match account.user(pool)? {
            Some(user) if user.status != UserStatus::Unconfirmed => {
                return Err(not_unconfirmed(user));
            }
            user => user.is_some(),
        };
        let contact = pool
            .codes
            .check(&pool.secret, &account.key, CodeUse::SignUp, &code, now)?;
        if !known {
            // One in a million guesses meets the code that nobody was told.
            return Err(ApiError::from(CodeError::Wrong));
        }
        let unchanged = pool
            .users
            .get(&account.key)
            .and_then(|user| user.attributes.get(contact.medium.attribute()))
            .is_some_and(|address| *address == contact.address);
        if unchanged {
            pool.prove(&account.key, &contact, force, now)?;
        }
        pool.codes.take(&account.key, CodeUse::SignUp);
        confirm(pool, &account.key, now)
    })?;
    let caller = &account.caller;
    let (pool, client) = (&caller.pool, &caller.client.id);
    account::confirmed(
        service,
        pool,
        client,
        &account.key,
        "ConfirmSignUp",
        &caller.metadata,
    )
    .await?;
    Ok(match session {
        Some(session) => json!({ "Session": user_auth::signed_up(service, caller, session)? }),
        None => json!({}),
    })
}

fn confirm(pool: &mut Pool, key: &str, now: Duration) -> Result<(), ApiError> {
    let user = pool.users.get_mut(key).ok_or_else(ApiError::user_missing)?;
    user.status = UserStatus::Confirmed;
    user.modified = now;
    Ok(())
}

fn not_unconfirmed(user: &User) -> ApiError {
    ApiError::not_authorized(format!(
        "User cannot be confirmed. Current status is {}",
        user.status.name()
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClientAndUsername {
    client_id: Option<String>,
    username: Option<String>,
    secret_hash: Option<String>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

impl ClientAndUsername {
    pub(super) fn check(self) -> Result<Open, ApiError> {
        let mut constraints = Constraints::default();
        let client_id = constraints.required("clientId", self.client_id, &CLIENT_ID);
        let username = constraints.required("username", self.username, &USERNAME);
        let secret_hash = constraints.optional("secretHash", self.secret_hash, &SECRET_HASH);
        constraints.check()?;
        Ok(Open {
            client_id,
            username,
            secret_hash,
            metadata: self.client_metadata,
        })
    }
}

/// Sends a new code to a user who signed up; the last one stops working.
pub(super) async fn resend_confirmation_code(
    service: &Service,
    request: ClientAndUsername,
) -> Result<Value, ApiError> {
    let account = request.check()?.account(service)?;
    let now = service.now();
    let outgoing = service.change(|state| {
        let pool = state.pool_mut(&account.caller.pool)?;
        pool.attempts.count(&account.key, Action::ResendCode, now)?;
        let media: Vec<_> = pool.settings.verification_media().collect();
        let user = account.user(pool)?;
        if user.is_some_and(|user| user.status != UserStatus::Unconfirmed) {
            return Err(ApiError::invalid_parameter("User is already confirmed."));
        }
        let contact =
            user.and_then(|user| media.iter().find_map(|medium| Contact::of(user, *medium)));
        let shown = match &contact {
            Some(contact) => Some(contact.clone()),
            None if account.hidden() => account.stand_in(pool, &media),
            None => None,
        };
        let shown = shown.ok_or_else(|| {
            ApiError::invalid_parameter("Cannot resend codes. Auto verification not turned on.")
        })?;
        Outgoing::issue(pool, &account, CodeUse::SignUp, contact, shown, now)
    })?;
    let details = outgoing
        .send(service, &account, Purpose::ResendCode)
        .await?;
    Ok(json!({ "CodeDeliveryDetails": details }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminConfirmSignUp {
    user_pool_id: Option<String>,
    username: Option<String>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

/// Confirms a user without a code; proves no address.
pub(super) async fn admin_confirm_sign_up(
    service: &Service,
    request: AdminConfirmSignUp,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    constraints.check()?;
    let now = service.now();
    let key = service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let user = pool.user(&username)?;
        if user.status != UserStatus::Unconfirmed {
            return Err(not_unconfirmed(user));
        }
        let key = pool.key(&user.name);
        pool.codes.take(&key, CodeUse::SignUp);
        confirm(pool, &key, now)?;
        Ok(key)
    })?;
    let metadata = &request.client_metadata;
    account::confirmed(
        service,
        &pool_id,
        NO_CLIENT,
        &key,
        "ConfirmSignUp",
        metadata,
    )
    .await?;
    Ok(json!({}))
}
