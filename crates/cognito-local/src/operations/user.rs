//! What a signed-in user does with an access token: GetUser, ChangePassword, GlobalSignOut.

use serde::Deserialize;
use serde_json::{Value, json};

use super::view;
use crate::constraint::{Constraints, PASSWORD, TOKEN};
use crate::error::ApiError;
use crate::service::Service;
use crate::srp::Password;
use crate::state::UserStatus;
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
pub(super) async fn change_password(
    service: &Service,
    request: ChangePassword,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    let previous = constraints.required("previousPassword", request.previous_password, &PASSWORD);
    let proposed = constraints.required("proposedPassword", request.proposed_password, &PASSWORD);
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    let now = service.now();
    let (pool_name, name, current) = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        if pool.lockout.is_locked(&caller.user, now) {
            return Err(ApiError::not_authorized("Password attempts exceeded"));
        }
        let user = pool
            .users
            .get(&caller.user)
            .ok_or_else(ApiError::user_missing)?;
        pool.settings.password_policy.check(&proposed)?;
        let current = user.password.clone().ok_or_else(ApiError::incorrect)?;
        Ok::<_, ApiError>((pool.srp_name().to_owned(), user.name.clone(), current))
    })?;
    let salt = current.salt.clone();
    let work = move || {
        Ok::<_, ApiError>((
            current.matches(&pool_name, &name, &previous)?,
            Password::new(&pool_name, &name, &proposed)?,
        ))
    };
    let (right, password) = service.compute(work).await??;
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        if pool.lockout.is_locked(&caller.user, now) {
            return Err(ApiError::not_authorized("Password attempts exceeded"));
        }
        let user = pool
            .users
            .get_mut(&caller.user)
            .ok_or_else(ApiError::user_missing)?;
        if !right
            || user
                .password
                .as_ref()
                .is_none_or(|password| password.salt != salt)
        {
            pool.lockout.failed(&caller.user, now);
            return Err(ApiError::incorrect());
        }
        pool.lockout.clear(&caller.user);
        user.set_password(password, UserStatus::Confirmed, now);
        Ok(json!({}))
    })
}
