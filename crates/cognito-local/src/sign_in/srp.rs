//! USER_SRP_AUTH and the PASSWORD_VERIFIER challenge.
//!
//! The state of the exchange travels in the SECRET_BLOCK, so nothing is kept for who never answers. A block
//! is good for one answer, right or wrong, within 30 s. Inside another flow it is bound to that flow's `Session`: a
//! block that could stand alone would let its answer leave the flow and what the flow still asks for.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{
    Caller, Flow, Parameters, Step, Target, UnderWay, expired_session, foreign_session, go_on,
    milliseconds, new_session, open_session, required, seal, settle, used_session,
};
use crate::error::ApiError;
use crate::sealed::{Carrier, SecretBlock};
use crate::service::Service;
use crate::srp::{Claim, Exchange, LONGEST_PUBLIC};
use crate::trigger::authentication;
use crate::{random, secret_hash, timestamp};

const NAME: &str = "PASSWORD_VERIFIER";

/// Life of a SECRET_BLOCK; the service documents "a few seconds".
pub(super) const BLOCK_LIFE: Duration = Duration::from_secs(30);

/// InitiateAuth with USER_SRP_AUTH.
pub(crate) async fn begin(
    service: &Service,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(parameters, "USERNAME")?;
    let a = public(parameters)?;
    secret_hash::check(
        &caller.client,
        username,
        parameters.get("SECRET_HASH").map(String::as_str),
    )?;
    let target = Target::look_up(service, caller, username)?;
    if !target.known && !caller.hides_users() {
        return Err(ApiError::user_missing());
    }
    let under_way = UnderWay::begin(&target, Flow::UserSrp, parameters.get("DEVICE_KEY"));
    authentication::begins(service, caller, &under_way).await?;
    let parameters = exchange(service, caller, &target, a, Carrier::Block(under_way)).await?;
    Ok(Step::Challenge {
        name: NAME,
        session: None,
        parameters,
    })
}

/// `SRP_A`: its length is looked at before it becomes a number.
pub(crate) fn public(parameters: &Parameters) -> Result<String, ApiError> {
    let a = required(parameters, "SRP_A")?;
    if a.len() > LONGEST_PUBLIC {
        return Err(ApiError::invalid_parameter("Invalid SRP_A value."));
    }
    Ok(a.to_owned())
}

/// PASSWORD_VERIFIER inside another flow, with its `Session`; `under_way.srp_a` is what the client sent.
pub(crate) async fn verifier(
    service: &Service,
    caller: &Caller,
    mut under_way: UnderWay,
) -> Result<Step, ApiError> {
    let a = under_way
        .srp_a
        .take()
        .ok_or_else(|| ApiError::missing_parameter("SRP_A"))?;
    let target = Target::look_up(service, caller, &under_way.user)?;
    let session = new_session(service, caller, NAME, under_way, &())?;
    let carrier = Carrier::Session(session.id.clone());
    let parameters = exchange(service, caller, &target, a, carrier).await?;
    Ok(Step::Challenge {
        name: NAME,
        session: Some(seal(service, caller, session)?),
        parameters,
    })
}

/// Begins the exchange; the parameters of PASSWORD_VERIFIER.
async fn exchange(
    service: &Service,
    caller: &Caller,
    target: &Target,
    a: String,
    carrier: Carrier,
) -> Result<Value, ApiError> {
    let password = target.password.clone();
    let exchange = service
        .compute(move || Exchange::begin(&password, &a))
        .await??;
    let b = exchange.b.clone();
    let block = SecretBlock {
        id: random::uuid()?,
        client: caller.client.id.clone(),
        carrier,
        exchange,
        expires: milliseconds(service.now() + BLOCK_LIFE),
    };
    let secret_block = service.read(|state| {
        state
            .pool(&caller.pool)
            .map(|pool| block.seal(&pool.secret))
    })??;
    Ok(json!({
        "SALT": target.password.salt,
        "SECRET_BLOCK": secret_block,
        "SRP_B": b,
        "USERNAME": target.name,
        "USER_ID_FOR_SRP": target.name,
    }))
}

/// RespondToAuthChallenge with PASSWORD_VERIFIER.
pub(crate) async fn respond(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
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

    let (block, signed) = redeem(service, caller, secret_block)?;
    let mut under_way = match block.carrier {
        Carrier::Block(under_way) => under_way,
        Carrier::Session(id) => {
            let session = open_session(service, caller, NAME, username, session)?;
            if session.id != id {
                return Err(foreign_session());
            }
            session.under_way
        }
    };
    caller.check_flow(under_way.flow.setting())?;
    under_way.see_device(responses);
    let target = Target::look_up(service, caller, &under_way.user)?;
    let answers_for = username == under_way.name
        || Target::look_up(service, caller, username)?.key == under_way.user;
    let expected = {
        let (password, pool_name, name) = (
            target.password.clone(),
            target.pool_name.clone(),
            under_way.name.clone(),
        );
        let exchange = block.exchange;
        let claim = move || {
            let claim = Claim {
                pool_name: &pool_name,
                user: &name,
                secret_block: &signed,
                timestamp: &timestamp,
            };
            exchange.signature(&password, &claim)
        };
        service.compute(claim).await??
    };
    let right = answers_for && verify_slices_are_equal(&expected, &signature).is_ok();
    settle(service, caller, &target, right)?;
    under_way.password = Some(target.password.salt);
    under_way.prove(NAME);
    go_on(service, caller, under_way).await
}

/// Opens a SECRET_BLOCK and marks it as used, before the proof is looked at: a block is one guess.
pub(super) fn redeem(
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

pub(super) fn check_timestamp(service: &Service, text: &str) -> Result<(), ApiError> {
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
