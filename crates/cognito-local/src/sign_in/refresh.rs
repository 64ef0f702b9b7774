//! Refresh: REFRESH_TOKEN_AUTH and GetTokensFromRefreshToken, with and without rotation.

use std::time::Duration;

use super::{Caller, Parameters, Step, required};
use crate::error::ApiError;
use crate::secret_hash;
use crate::service::Service;
use crate::state::{AuthFlow, Grant, Pool, Presented, RefreshToken};
use crate::token::{self, Unsigned, invalid_refresh_token};
use crate::trigger::pre_token_generation;

/// InitiateAuth with REFRESH_TOKEN_AUTH. Gives no refresh token; refused when the client rotates them.
pub(crate) async fn begin(
    service: &Service,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Step, ApiError> {
    caller.check_flow(AuthFlow::AllowRefreshTokenAuth)?;
    if caller.client.settings.refresh_token_rotation.is_some() {
        return Err(ApiError::invalid_parameter(
            "REFRESH_TOKEN_AUTH flow not enabled for this client",
        ));
    }
    let token = RefreshToken(required(parameters, "REFRESH_TOKEN")?.to_owned());
    let device = parameters.get("DEVICE_KEY").map(String::as_str);
    // The hash is over the internal user name, which no parameter carries: the token's own user is meant.
    let owner = owner(service, caller, &token);
    let hash = parameters.get("SECRET_HASH").map(String::as_str);
    secret_hash::check(&caller.client, owner.as_deref().unwrap_or_default(), hash)?;
    Ok(Step::Tokens(redeem(service, caller, &token, device).await?))
}

/// Trades a refresh token for new tokens; with rotation also for its successor.
pub(crate) async fn redeem(
    service: &Service,
    caller: &Caller,
    token: &RefreshToken,
    device: Option<&str>,
) -> Result<Unsigned, ApiError> {
    let now = service.now();
    let user = service.read(|state| {
        let (_, grant) = usable(state.pool(&caller.pool)?, caller, token, device, now)?;
        Ok::<_, ApiError>(grant.user.clone())
    })?;
    let source = "TokenGeneration_RefreshTokens";
    let changes = pre_token_generation::ask(service, caller, &user, source).await?;
    let (now, issuer) = (service.now(), service.issuer(&caller.pool));
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        // Once more: while the function ran, the token may have been revoked or rotated out by another call.
        let (event_id, _) = usable(pool, caller, token, device, now)?;
        let successor = match caller.client.settings.refresh_token_rotation {
            None => None,
            Some(grace) => {
                let successor = RefreshToken::new(&event_id)?;
                let grant = pool
                    .grants
                    .get_mut(&event_id)
                    .ok_or_else(invalid_refresh_token)?;
                grant.rotate_out(token, now + Duration::from_secs(grace.into()));
                grant.remember(&successor);
                Some(successor)
            }
        };
        let client = &caller.client;
        let mut tokens = token::renew(pool, client, &event_id, &issuer, now, &changes)?;
        tokens.refresh_token = successor;
        Ok(tokens)
    })
}

/// The sign-in of a refresh token that is good at the moment, and its `event_id`.
fn usable<'a>(
    pool: &'a Pool,
    caller: &Caller,
    token: &RefreshToken,
    device: Option<&str>,
    now: Duration,
) -> Result<(String, &'a Grant), ApiError> {
    let event_id = token.grant().ok_or_else(invalid_refresh_token)?;
    let grant = pool
        .grants
        .get(&event_id)
        .filter(|grant| grant.client == caller.client.id)
        .ok_or_else(invalid_refresh_token)?;
    let presented = grant.presented(token, now);
    if presented == Presented::Unknown {
        return Err(invalid_refresh_token());
    }
    if grant.revoked {
        return Err(ApiError::not_authorized("Refresh Token has been revoked"));
    }
    if now >= grant.refresh_until {
        return Err(ApiError::not_authorized("Refresh Token has expired"));
    }
    if presented == Presented::Reused {
        return Err(ApiError::refresh_token_reuse(
            "Refresh Token has been used already.",
        ));
    }
    let user = pool
        .users
        .get(&grant.user)
        .filter(|user| user.enabled)
        .ok_or_else(|| ApiError::not_authorized("User is disabled."))?;
    // A pool that remembers devices renews only for the device of the sign-in, once it is confirmed.
    if pool.settings.devices.is_some() {
        let bound = grant.device.as_ref().map(|device| device.key.as_str());
        let confirmed = bound.is_some_and(|key| user.factors.devices.contains_key(key));
        if !confirmed || device != bound {
            return Err(invalid_refresh_token());
        }
    }
    Ok((event_id, grant))
}

/// The internal name of the user whose refresh token this is.
fn owner(service: &Service, caller: &Caller, token: &RefreshToken) -> Option<String> {
    let now = service.now();
    service.read(|state| {
        let pool = state.pool(&caller.pool).ok()?;
        let grant = pool.grants.get(&token.grant()?)?;
        if grant.client != caller.client.id || grant.presented(token, now) == Presented::Unknown {
            return None;
        }
        Some(pool.users.get(&grant.user)?.name.clone())
    })
}
