//! What comes next in a sign-in: the one place that decides it.
//!
//! Every challenge, when it is passed, adds what was proven to `UnderWay` and calls `go_on`. Each step here either asks
//! for something (a `Step::Challenge`) or lets pass; the last one issues the tokens. The state may have changed since
//! the last call, so nothing about the account is remembered: each call looks again.

use super::{
    Caller, Flow, Step, UnderWay, custom, device, foreign_session, mfa, new_password,
    reset_required,
};
use crate::error::ApiError;
use crate::service::Service;
use crate::state::{Pool, User, UserStatus};
use crate::token;
use crate::trigger::{authentication, pre_token_generation};

/// What a part of the chain says to a sign-in.
pub(super) enum Next {
    Ask(Step),
    /// Nothing is left to ask here.
    LetThrough(UnderWay),
}

/// The next challenge, or the tokens.
///
/// # Errors
/// Whatever ends the sign-in: the account's status, a trigger, a password changed in the meantime.
pub(crate) async fn go_on(
    service: &Service,
    caller: &Caller,
    mut under_way: UnderWay,
) -> Result<Step, ApiError> {
    let custom = under_way.flow == Flow::Custom;
    // Without a password the custom challenges are the proof: how the account stands is told to nobody before them.
    if custom && under_way.password.is_none() {
        match custom::next(service, caller, under_way).await? {
            Next::Ask(step) => return Ok(step),
            Next::LetThrough(proven) => under_way = proven,
        }
    }
    let status = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        Ok::<_, ApiError>(user(pool, caller, &under_way)?.status)
    })?;
    match status {
        UserStatus::Unconfirmed => {
            return Err(ApiError::user_not_confirmed("User is not confirmed."));
        }
        UserStatus::ResetRequired => return Err(reset_required()),
        UserStatus::ForceChangePassword if under_way.password.is_some() => {
            return new_password::challenge(service, caller, under_way);
        }
        // A temporary password that was never asked for stays what it is.
        UserStatus::ForceChangePassword | UserStatus::Confirmed => {}
    }
    match mfa::next(service, caller, under_way).await? {
        Next::Ask(step) => return Ok(step),
        Next::LetThrough(proven) => under_way = proven,
    }
    if custom {
        match custom::next(service, caller, under_way).await? {
            Next::Ask(step) => return Ok(step),
            Next::LetThrough(proven) => under_way = proven,
        }
    }
    match device::next(service, caller, under_way)? {
        Next::Ask(step) => Ok(step),
        Next::LetThrough(proven) => issue(service, caller, &proven).await,
    }
}

/// The tokens, after the triggers that come before them.
async fn issue(service: &Service, caller: &Caller, under_way: &UnderWay) -> Result<Step, ApiError> {
    authentication::succeeded(service, caller, under_way).await?;
    let source = under_way.token_source();
    let changes = pre_token_generation::ask(service, caller, &under_way.user, source).await?;
    let (now, issuer) = (service.now(), service.issuer(&caller.pool));
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        user(pool, caller, under_way)?;
        let device = device::bind(pool, under_way, now)?;
        let tokens = token::begin(
            pool,
            &caller.client,
            &under_way.user,
            device,
            &issuer,
            now,
            &changes,
        )?;
        Ok(Step::Tokens(tokens))
    })
}

/// The user of a sign-in, as long as the sign-in holds.
fn user<'a>(pool: &'a Pool, caller: &Caller, under_way: &UnderWay) -> Result<&'a User, ApiError> {
    let user = pool
        .users
        .get(&under_way.user)
        .filter(|_| under_way.known)
        .ok_or_else(ApiError::incorrect)?;
    if !user.enabled {
        return Err(if caller.hides_users() {
            ApiError::incorrect()
        } else {
            ApiError::not_authorized("User is disabled.")
        });
    }
    let changed = under_way.password.as_ref().is_some_and(|salt| {
        user.password
            .as_ref()
            .is_none_or(|password| password.salt != *salt)
    });
    if changed {
        return Err(foreign_session());
    }
    Ok(user)
}
