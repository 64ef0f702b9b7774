//! What a signed-in user does with an access token: GetUser, ChangePassword, GlobalSignOut, DeleteUser.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::view;
use crate::constraint::{Constraints, PASSWORD, TOKEN};
use crate::error::ApiError;
use crate::password;
use crate::service::Service;
use crate::state::{Action, Pool, UserStatus};
use crate::token::{Authorized, authorize};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AccessTokenOnly {
    access_token: Option<String>,
}

async fn caller(service: &Service, request: AccessTokenOnly) -> Result<Authorized, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    constraints.check()?;
    authorize(service, &token).await
}

pub(super) async fn get_user(
    service: &Service,
    request: AccessTokenOnly,
) -> Result<Value, ApiError> {
    let caller = caller(service, request).await?;
    service.read(|state| {
        let user = state
            .pool(&caller.pool)?
            .users
            .get(&caller.user)
            .ok_or_else(ApiError::user_missing)?;
        let mut answer = view::mfa(user);
        answer.insert("Username".to_owned(), user.name.as_str().into());
        answer.insert(
            "UserAttributes".to_owned(),
            view::attributes(user, |name| caller.client.settings.reads(name)),
        );
        Ok(answer.into())
    })
}

pub(super) async fn global_sign_out(
    service: &Service,
    request: AccessTokenOnly,
) -> Result<Value, ApiError> {
    let caller = caller(service, request).await?;
    service.change(|state| {
        state
            .pool_mut(&caller.pool)
            .map(|pool| pool.revoke_all(&caller.user))
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangePassword {
    access_token: Option<String>,
    previous_password: Option<String>,
    proposed_password: Option<String>,
}

/// A wrong previous password counts like one at sign-in: a stolen access token must not be a place to guess at.
/// Only a user without a password may leave the previous one out.
pub(super) async fn change_password(
    service: &Service,
    request: ChangePassword,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    let previous = constraints.optional("previousPassword", request.previous_password, &PASSWORD);
    let proposed = constraints.required("proposedPassword", request.proposed_password, &PASSWORD);
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    let now = service.now();
    let (pool_name, name, current) = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        check_lock(pool, &caller.user, now)?;
        let user = pool
            .users
            .get(&caller.user)
            .ok_or_else(ApiError::user_missing)?;
        pool.settings.password_policy.check(&proposed)?;
        Ok::<_, ApiError>((
            pool.srp_name().to_owned(),
            user.name.clone(),
            user.password.clone(),
        ))
    })?;
    let salt = current.as_ref().map(|password| password.salt.clone());
    let right = match (current, previous) {
        (Some(current), Some(previous)) => {
            service
                .compute(move || current.matches(&pool_name, &name, &previous))
                .await??
        }
        (Some(_), None) => {
            return Err(ApiError::invalid_parameter(
                "Previous password is required.",
            ));
        }
        (None, _) => true,
    };
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        check_lock(pool, &caller.user, now)?;
        if !right {
            pool.lockout.failed(&caller.user, now);
            return Err(ApiError::incorrect());
        }
        pool.attempts
            .count(&caller.user, Action::ChangePassword, now)
    })?;
    let password = password::enrol(service, &caller.pool, &caller.user, proposed).await?;
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        check_lock(pool, &caller.user, now)?;
        let user = pool
            .users
            .get_mut(&caller.user)
            .ok_or_else(ApiError::user_missing)?;
        // Another call may have changed it meanwhile: then the previous password is no longer the right one.
        if user.password.as_ref().map(|password| &password.salt) != salt.as_ref() {
            return Err(ApiError::incorrect());
        }
        user.set_password(password, UserStatus::Confirmed, now);
        pool.lockout.clear(&caller.user);
        Ok(json!({}))
    })
}

fn check_lock(pool: &Pool, key: &str, now: Duration) -> Result<(), ApiError> {
    if pool.lockout.is_locked(key, now) {
        return Err(ApiError::not_authorized("Password attempts exceeded"));
    }
    Ok(())
}

/// Deletes the user who calls.
pub(super) async fn delete_user(
    service: &Service,
    request: AccessTokenOnly,
) -> Result<Value, ApiError> {
    let caller = caller(service, request).await?;
    service.change(|state| {
        state
            .pool_mut(&caller.pool)
            .map(|pool| pool.remove_user(&caller.user))
    })?;
    Ok(Value::Null)
}
