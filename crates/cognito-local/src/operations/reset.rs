//! ForgotPassword, ConfirmForgotPassword and AdminResetUserPassword.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::account::{self, Account, Open, Outgoing};
use super::sign_up::ClientAndUsername;
use super::text_map;
use crate::constraint::{CLIENT_ID, CODE, Constraints, PASSWORD, POOL_ID, SECRET_HASH, USERNAME};
use crate::error::ApiError;
use crate::message::{self, Contact, Medium, Message, NO_CLIENT, Purpose};
use crate::password;
use crate::service::Service;
use crate::state::{Action, CodeError, CodeUse, Pool, User, UserStatus};
use crate::trigger::user_migration::{self, Migrated, Migration};

/// Sends a code to a proven address of the user. Under ENABLED everybody gets the same kind of answer: a user, a disabled
/// one, one without a proven address, and nobody.
pub(super) async fn forgot_password(
    service: &Service,
    request: ClientAndUsername,
) -> Result<Value, ApiError> {
    let account = request.check()?.account(service)?;
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&account.caller.pool)?;
        recoverable(pool)?;
        // Before anything else: the migration function must not become a place to guess at.
        pool.attempts
            .count(&account.key, Action::ForgotPassword, now)
    })?;
    let account = taken_over(service, account).await?;
    let outgoing = service.change(|state| {
        let pool = state.pool_mut(&account.caller.pool)?;
        let media = pool.settings.recovery_media();
        let user = account.user(pool)?;
        if user.is_some_and(|user| user.status == UserStatus::ForceChangePassword) {
            return Err(ApiError::not_authorized(
                "User password cannot be reset in the current state.",
            ));
        }
        let contact = user.and_then(|user| proven(pool, user));
        let shown = match &contact {
            Some(contact) => Some(contact.clone()),
            None if account.hidden() => account.stand_in(pool, &media),
            None => None,
        };
        let shown = shown.ok_or_else(no_contact)?;
        Outgoing::issue(pool, &account, CodeUse::ResetPassword, contact, shown, now)
    })?;
    let details = outgoing
        .send(service, &account, Purpose::ForgotPassword)
        .await?;
    Ok(json!({ "CodeDeliveryDetails": details }))
}

/// NotAuthorizedException where only the administration resets passwords.
fn recoverable(pool: &Pool) -> Result<(), ApiError> {
    if pool.settings.recovery_media().is_empty() {
        return Err(ApiError::not_authorized(
            "Contact administrator to reset password.",
        ));
    }
    Ok(())
}

/// The account, after the UserMigration function was asked for a user who is missing.
async fn taken_over(service: &Service, account: Account) -> Result<Account, ApiError> {
    let missing = service.read(|state| {
        let pool = state.pool(&account.caller.pool)?;
        Ok::<_, ApiError>(!pool.users.contains_key(&account.key))
    })?;
    if !missing {
        return Ok(account);
    }
    let migration = Migration {
        caller: &account.caller,
        typed: &account.username,
        password: None,
    };
    match user_migration::migrate(service, &migration).await? {
        Migrated::TakenOver => account.again(service),
        Migrated::Refused(error) if !account.hidden() => Err(error),
        Migrated::Refused(_) | Migrated::Unknown => Ok(account),
    }
}

/// The proven address the pool writes to when the password is forgotten.
fn proven(pool: &Pool, user: &User) -> Option<Contact> {
    pool.settings
        .recovery_media()
        .into_iter()
        .find_map(|medium| Contact::verified(user, medium))
}

fn no_contact() -> ApiError {
    ApiError::invalid_parameter(
        "Cannot reset password for the user as there is no registered/verified email or phone_number",
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConfirmForgotPassword {
    client_id: Option<String>,
    username: Option<String>,
    confirmation_code: Option<String>,
    password: Option<String>,
    secret_hash: Option<String>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

/// Sets a new password by the code of ForgotPassword. A password that is refused leaves the code usable.
pub(super) async fn confirm_forgot_password(
    service: &Service,
    request: ConfirmForgotPassword,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let client_id = constraints.required("clientId", request.client_id, &CLIENT_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    let code = constraints.required("confirmationCode", request.confirmation_code, &CODE);
    let chosen = constraints.required("password", request.password, &PASSWORD);
    let secret_hash = constraints.optional("secretHash", request.secret_hash, &SECRET_HASH);
    constraints.check()?;
    let open = Open {
        client_id,
        username,
        secret_hash,
        metadata: request.client_metadata,
    };
    let account = open.account(service)?;
    let (caller, key, now) = (&account.caller, &account.key, service.now());
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        // Before the code: what a password lacks is told to everybody alike.
        pool.settings.password_policy.check(&chosen)?;
        pool.attempts
            .count(key, Action::ConfirmForgotPassword, now)?;
        let known = account.user(pool)?.is_some();
        right_code(pool, key, &code, known, now)
    })?;
    let password = password::enrol(service, &caller.pool, key, chosen).await?;
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let known = account.user(pool)?.is_some();
        // Once more: the code may have been used while the password was enrolled.
        right_code(pool, key, &code, known, now)?;
        pool.codes.take(key, CodeUse::ResetPassword);
        pool.lockout.clear(key);
        let user = pool.users.get_mut(key).ok_or_else(ApiError::user_missing)?;
        user.set_password(password, UserStatus::Confirmed, now);
        Ok::<_, ApiError>(())
    })?;
    let (pool, client) = (&caller.pool, &caller.client.id);
    let metadata = &caller.metadata;
    account::confirmed(
        service,
        pool,
        client,
        key,
        "ConfirmForgotPassword",
        metadata,
    )
    .await?;
    Ok(json!({}))
}

fn right_code(
    pool: &mut Pool,
    key: &str,
    code: &str,
    known: bool,
    now: Duration,
) -> Result<(), ApiError> {
    pool.codes
        .check(&pool.secret, key, CodeUse::ResetPassword, code, now)?;
    if known {
        Ok(())
    } else {
        // One in a million guesses meets the code that nobody was told.
        Err(CodeError::Wrong.into())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminResetUserPassword {
    user_pool_id: Option<String>,
    username: Option<String>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

/// Makes the password unusable until the user sets a new one by the code that is sent.
pub(super) async fn admin_reset_user_password(
    service: &Service,
    request: AdminResetUserPassword,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    constraints.check()?;
    let now = service.now();
    let (key, contact, code) = service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let user = pool.user(&username)?;
        if !matches!(
            user.status,
            UserStatus::Confirmed | UserStatus::ResetRequired
        ) {
            return Err(ApiError::not_authorized(
                "User password cannot be reset in the current state.",
            ));
        }
        let key = pool.key(&user.name);
        // An administrator may reset where users may not: any proven address will do.
        let contact = proven(pool, user)
            .or_else(|| Contact::verified(user, Medium::Email))
            .or_else(|| Contact::verified(user, Medium::Sms))
            .ok_or_else(no_contact)?;
        let code = pool.issue_code(&key, CodeUse::ResetPassword, contact.clone(), now)?;
        let user = pool
            .users
            .get_mut(&key)
            .ok_or_else(ApiError::user_missing)?;
        user.status = UserStatus::ResetRequired;
        user.modified = now;
        Ok((key, contact, code))
    })?;
    let message = Message {
        pool: &pool_id,
        client: NO_CLIENT,
        metadata: &request.client_metadata,
        purpose: Purpose::ForgotPassword,
        user: &key,
        contact: &contact,
        code: &code,
    };
    message::send(service, &message).await?;
    Ok(json!({}))
}
