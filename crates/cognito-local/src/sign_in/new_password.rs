//! NEW_PASSWORD_REQUIRED: a user with a temporary password sets a password and the attributes the pool requires.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Caller, Parameters, Step, UnderWay, foreign_session, go_on, open_session, required, spend_in,
};
use crate::constraint::{ATTRIBUTE_VALUE, Constraints, PASSWORD};
use crate::error::ApiError;
use crate::password;
use crate::secret_hash;
use crate::service::Service;
use crate::state::{Pool, User, UserStatus};

const NAME: &str = "NEW_PASSWORD_REQUIRED";

/// How attributes are named in the challenge and in its answer.
const PREFIX: &str = "userAttributes.";

/// The challenge after a right temporary password that has not expired.
pub(super) fn challenge(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
) -> Result<Step, ApiError> {
    let now = service.now();
    let parameters = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        let user = pool
            .users
            .get(&under_way.user)
            .ok_or_else(ApiError::incorrect)?;
        let days = pool
            .settings
            .password_policy
            .temporary_password_validity_days;
        if now >= user.password_set + Duration::from_secs(u64::from(days) * 86_400) {
            let text = "Temporary password has expired and must be reset by an administrator.";
            return Err(ApiError::not_authorized(text));
        }
        let visible: BTreeMap<_, _> = user
            .attributes
            .iter()
            .filter(|(name, _)| *name != "sub" && caller.client.settings.reads(name))
            .collect();
        let missing: Vec<_> = pool
            .missing_attributes(user)
            .into_iter()
            .map(|name| format!("{PREFIX}{name}"))
            .collect();
        Ok(json!({
            "USER_ID_FOR_SRP": user.name,
            // Both are JSON in a text.
            "userAttributes": json!(visible).to_string(),
            "requiredAttributes": Value::from(missing).to_string(),
        }))
    })?;
    super::challenge(service, caller, NAME, under_way, &(), parameters)
}

/// RespondToAuthChallenge with NEW_PASSWORD_REQUIRED. A refused password or attribute leaves the session usable.
pub(crate) async fn respond(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(responses, "USERNAME")?;
    let password = required(responses, "NEW_PASSWORD")?.to_owned();
    secret_hash::check(
        &caller.client,
        username,
        responses.get("SECRET_HASH").map(String::as_str),
    )?;
    let session = open_session(service, caller, NAME, username, session)?;
    let mut under_way = session.under_way.clone();
    under_way.see_device(responses);
    let attributes = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        let user = pool
            .users
            .get(&under_way.user)
            .ok_or_else(foreign_session)?;
        check_password(pool, &password)?;
        attributes(pool, caller, user, responses)
    })?;
    let password = password::enrol(service, &caller.pool, &under_way.user, password).await?;
    let (now, salt) = (service.now(), password.salt.clone());
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        spend_in(pool, &session, now)?;
        let user = pool
            .users
            .get_mut(&under_way.user)
            .filter(|user| {
                let proven = user.password.as_ref().map(|password| &password.salt);
                user.enabled && proven == under_way.password.as_ref()
            })
            .ok_or_else(foreign_session)?;
        user.attributes.extend(attributes);
        user.set_password(password, UserStatus::Confirmed, now);
        Ok::<_, ApiError>(())
    })?;
    under_way.password = Some(salt);
    under_way.new_password = true;
    go_on(service, caller, under_way).await
}

fn check_password(pool: &Pool, password: &str) -> Result<(), ApiError> {
    let mut constraints = Constraints::default();
    constraints.optional("newPassword", Some(password.to_owned()), &PASSWORD);
    constraints.check()?;
    pool.settings.password_policy.check(password)
}

/// The attributes of the answer, when the client may set them and none is missing afterwards.
fn attributes(
    pool: &Pool,
    caller: &Caller,
    user: &User,
    responses: &Parameters,
) -> Result<Vec<(String, String)>, ApiError> {
    let given: Vec<_> = responses
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value.clone())))
        .collect();
    let mut after = user.clone();
    for (name, value) in &given {
        pool.check_attribute(name, value)?;
        if !ATTRIBUTE_VALUE.allows(value) {
            return Err(ApiError::invalid_parameter(format!(
                "Invalid attributes given, {name} is too long"
            )));
        }
        if !caller.client.settings.writes(name) || name.ends_with("_verified") {
            return Err(ApiError::not_authorized(
                "A client attempted to write unauthorized attribute",
            ));
        }
        let names_the_user = matches!(name.as_str(), "email" | "phone_number");
        if names_the_user && user.attributes.contains_key(name) {
            return Err(ApiError::not_authorized(format!(
                "Cannot modify an already provided {name}"
            )));
        }
        after.attributes.insert(name.clone(), value.clone());
    }
    if let Some(missing) = pool.missing_attributes(&after).first() {
        return Err(ApiError::invalid_parameter(format!(
            "Invalid attributes given, {missing} is missing"
        )));
    }
    if let Some((attribute, _)) = pool.taken_alias(&after) {
        return Err(ApiError::alias_exists(format!(
            "An account with the given {attribute} already exists."
        )));
    }
    Ok(given)
}
