//! USER_SRP_AUTH and the PASSWORD_VERIFIER challenge.
//!
//! The state of the exchange travels in the SECRET_BLOCK, so nothing is kept for who never answers. A block
//! is good for one answer, right or wrong, within 30 s.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{
    Caller, Parameters, Step, Target, expired_session, foreign_session, milliseconds, required,
    settle, used_session,
};
use crate::error::ApiError;
use crate::sealed::SecretBlock;
use crate::service::Service;
use crate::srp::{Claim, Exchange, LONGEST_PUBLIC};
use crate::{random, secret_hash, timestamp};

/// Life of a SECRET_BLOCK; the service documents "a few seconds".
const BLOCK_LIFE: Duration = Duration::from_secs(30);

/// InitiateAuth with USER_SRP_AUTH.
pub(crate) async fn begin(
    service: &Service,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(parameters, "USERNAME")?;
    let a = required(parameters, "SRP_A")?.to_owned();
    if a.len() > LONGEST_PUBLIC {
        return Err(ApiError::invalid_parameter("Invalid SRP_A value."));
    }
    secret_hash::check(
        &caller.client,
        username,
        parameters.get("SECRET_HASH").map(String::as_str),
    )?;
    let target = Target::look_up(service, caller, username)?;
    if !target.known && !caller.hides_users() {
        return Err(ApiError::user_missing());
    }
    let password = target.password.clone();
    let exchange = service
        .compute(move || Exchange::begin(&password, &a))
        .await??;
    let b = exchange.b.clone();
    let block = SecretBlock {
        id: random::uuid()?,
        client: caller.client.id.clone(),
        key: target.key,
        name: target.name.clone(),
        exchange,
        expires: milliseconds(service.now() + BLOCK_LIFE),
    };
    let secret_block = service.read(|state| {
        state
            .pool(&caller.pool)
            .map(|pool| block.seal(&pool.secret))
    })??;
    Ok(Step::Challenge {
        name: "PASSWORD_VERIFIER",
        session: None,
        parameters: json!({
            "SALT": target.password.salt,
            "SECRET_BLOCK": secret_block,
            "SRP_B": b,
            "USERNAME": target.name,
            "USER_ID_FOR_SRP": target.name,
        }),
    })
}

/// RespondToAuthChallenge with PASSWORD_VERIFIER.
pub(crate) async fn respond(
    service: &Service,
    caller: &Caller,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    caller.check_flow(crate::state::AuthFlow::AllowUserSrpAuth)?;
    let username = required(responses, "USERNAME")?;
    let secret_block = required(responses, "PASSWORD_CLAIM_SECRET_BLOCK")?;
    let signature = STANDARD
        .decode(required(responses, "PASSWORD_CLAIM_SIGNATURE")?)
        .unwrap_or_default();
    let timestamp = required(responses, "TIMESTAMP")?.to_owned();
    secret_hash::check(
        &caller.client,
        username,
        responses.get("SECRET_HASH").map(String::as_str),
    )?;
    check_timestamp(service, &timestamp)?;

    let (block, signed) = spend(service, caller, secret_block)?;
    let target = Target::look_up(service, caller, &block.key)?;
    let answers_for =
        username == block.name || Target::look_up(service, caller, username)?.key == block.key;
    let expected = {
        let (password, pool_name, name) = (
            target.password.clone(),
            target.pool_name.clone(),
            block.name,
        );
        let claim = move || {
            let claim = Claim {
                pool_name: &pool_name,
                user: &name,
                secret_block: &signed,
                timestamp: &timestamp,
            };
            block.exchange.signature(&password, &claim)
        };
        service.compute(claim).await??
    };
    let right = answers_for && verify_slices_are_equal(&expected, &signature).is_ok();
    settle(service, caller, &target, right)
}

/// Opens a SECRET_BLOCK and marks it as used, before the proof is looked at: a block is one guess.
fn spend(
    service: &Service,
    caller: &Caller,
    text: &str,
) -> Result<(SecretBlock, Vec<u8>), ApiError> {
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let (block, signed) = SecretBlock::open(&pool.secret, text)
            .filter(|(block, _)| block.client == caller.client.id)
            .ok_or_else(foreign_session)?;
        let expires = Duration::from_millis(block.expires);
        if expires <= now {
            return Err(expired_session());
        }
        if !pool.spent.spend(&block.id, expires, now) {
            return Err(used_session());
        }
        Ok((block, signed))
    })
}

fn check_timestamp(service: &Service, text: &str) -> Result<(), ApiError> {
    let Some(claimed) = timestamp::parse(text) else {
        return Err(ApiError::invalid_parameter(
            "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.",
        ));
    };
    let off = claimed.abs_diff(service.now());
    if off > timestamp::TOLERANCE {
        tracing::warn!(
            seconds = off.as_secs(),
            "a client's TIMESTAMP is off: set its clock"
        );
        return Err(ApiError::incorrect());
    }
    Ok(())
}
