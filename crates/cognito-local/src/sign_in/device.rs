//! Devices in a sign-in: DEVICE_SRP_AUTH, DEVICE_PASSWORD_VERIFIER, and which device the tokens are bound to.
//!
//! A remembered device stands in for the second factor where the pool says so, and then has to prove itself by SRP: the
//! same algebra as for passwords, with the group key for the pool's name and the device key for the user's.
//! Administrators' password sign-ins know no devices.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::chain::Next;
use super::{
    Caller, Flow, Parameters, Step, UnderWay, attempts_exceeded, challenge, foreign_session, go_on,
    milliseconds, new_session, open_session, required, seal, spend, srp,
};
use crate::error::ApiError;
use crate::random;
use crate::sealed::{Carrier, SecretBlock};
use crate::secret_hash;
use crate::service::Service;
use crate::srp::{Claim, Exchange};
use crate::state::{Device, GrantedDevice, Pool, User, code_attempts};

const SRP_AUTH: &str = "DEVICE_SRP_AUTH";
const VERIFIER: &str = "DEVICE_PASSWORD_VERIFIER";

/// Whether devices play a part in this sign-in.
pub(crate) fn are_tracked(pool: &Pool, under_way: &UnderWay) -> bool {
    pool.settings.devices.is_some() && under_way.flow != Flow::AdminUserPassword
}

/// The device the client says it is, if the user has it.
fn named<'a>(pool: &Pool, user: &'a User, under_way: &UnderWay) -> Option<&'a Device> {
    let key = under_way.device_key.as_ref()?;
    user.factors
        .devices
        .get(key)
        .filter(|_| are_tracked(pool, under_way))
}

/// ResourceNotFoundException for a device that was forgotten: the client drops it and begins again.
pub(super) fn check_known(pool: &Pool, user: &User, under_way: &UnderWay) -> Result<(), ApiError> {
    let stale = under_way.device_key.is_some()
        && are_tracked(pool, under_way)
        && named(pool, user, under_way).is_none();
    if stale { Err(missing()) } else { Ok(()) }
}

/// Whether the device makes a second factor needless. `next` makes it prove itself in the same sign-in.
pub(super) fn stands_in(pool: &Pool, user: &User, under_way: &UnderWay) -> bool {
    pool.settings
        .devices
        .is_some_and(|devices| devices.challenge_required_on_new_device)
        && named(pool, user, under_way).is_some_and(|device| device.remembered)
}

/// Asks the device for its proof, unless there is none to ask or it has given it.
pub(super) fn next(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
) -> Result<Next, ApiError> {
    let asked = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        let user = pool
            .users
            .get(&under_way.user)
            .ok_or_else(foreign_session)?;
        check_known(pool, user, &under_way)?;
        Ok::<_, ApiError>(named(pool, user, &under_way).is_some())
    })?;
    if !asked || under_way.proven_device == under_way.device_key {
        return Ok(Next::LetThrough(under_way));
    }
    let parameters = json!({ "USERNAME": under_way.name, "DEVICE_KEY": under_way.device_key });
    challenge(service, caller, SRP_AUTH, under_way, &(), parameters).map(Next::Ask)
}

/// RespondToAuthChallenge with DEVICE_SRP_AUTH.
pub(crate) async fn respond_srp(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(responses, "USERNAME")?;
    let key = required(responses, "DEVICE_KEY")?;
    let a = srp::public(responses)?;
    secret_hash::check(
        &caller.client,
        username,
        responses.get("SECRET_HASH").map(String::as_str),
    )?;
    let session = open_session(service, caller, SRP_AUTH, username, session)?;
    let under_way = session.under_way.clone();
    let device = device(service, caller, &under_way, key)?;
    spend(service, caller, &session)?;
    let salt = device.password.salt.clone();
    let exchange = service
        .compute(move || Exchange::begin(&device.password, &a))
        .await??;
    let b = exchange.b.clone();
    let name = under_way.name.clone();
    let next = new_session(service, caller, VERIFIER, under_way, &())?;
    let block = SecretBlock {
        id: random::uuid()?,
        client: caller.client.id.clone(),
        carrier: Carrier::Session(next.id.clone()),
        exchange,
        expires: milliseconds(service.now() + srp::BLOCK_LIFE),
    };
    let block = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        Ok::<_, ApiError>(block.seal(&pool.secret)?)
    })?;
    Ok(Step::Challenge {
        name: VERIFIER,
        session: Some(seal(service, caller, next)?),
        parameters: json!({
            "SALT": salt,
            "SECRET_BLOCK": block,
            "SRP_B": b,
            "USERNAME": name,
            "DEVICE_KEY": key,
        }),
    })
}

/// RespondToAuthChallenge with DEVICE_PASSWORD_VERIFIER.
pub(crate) async fn respond_verifier(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(responses, "USERNAME")?;
    let key = required(responses, "DEVICE_KEY")?.to_owned();
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
    srp::check_timestamp(service, &timestamp)?;
    let (block, signed) = srp::redeem(service, caller, secret_block)?;
    let session = open_session(service, caller, VERIFIER, username, session)?;
    if !matches!(&block.carrier, Carrier::Session(id) if *id == session.id) {
        return Err(foreign_session());
    }
    spend(service, caller, &session)?;
    let mut under_way = session.under_way;
    let device = device(service, caller, &under_way, &key)?;
    let device_key = key.clone();
    let claim = move || {
        let claim = Claim {
            pool_name: &device.group_key,
            user: &device_key,
            secret_block: &signed,
            timestamp: &timestamp,
        };
        block.exchange.signature(&device.password, &claim)
    };
    let expected = service.compute(claim).await??;
    let right = verify_slices_are_equal(&expected, &signature).is_ok();
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let attempts = code_attempts(&under_way.user);
        if pool.lockout.is_locked(&attempts, now) {
            return Err(attempts_exceeded());
        }
        if !right {
            pool.lockout.failed(&attempts, now);
            return Err(ApiError::incorrect());
        }
        pool.lockout.clear(&attempts);
        Ok(())
    })?;
    under_way.prove(VERIFIER);
    under_way.proven_device = Some(key);
    go_on(service, caller, under_way).await
}

/// The device of this sign-in; `key` is what the client repeats.
fn device(
    service: &Service,
    caller: &Caller,
    under_way: &UnderWay,
    key: &str,
) -> Result<Device, ApiError> {
    if under_way.device_key.as_deref() != Some(key) {
        return Err(foreign_session());
    }
    service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        let user = pool.users.get(&under_way.user).ok_or_else(missing)?;
        named(pool, user, under_way).cloned().ok_or_else(missing)
    })
}

/// The device a sign-in's tokens are bound to: the one that proved itself, or a new one to be confirmed, which is then
/// `NewDeviceMetadata`.
pub(super) fn bind(
    pool: &mut Pool,
    under_way: &UnderWay,
    now: std::time::Duration,
) -> Result<Option<Bound>, ApiError> {
    if !are_tracked(pool, under_way) {
        return Ok(None);
    }
    let Some(key) = &under_way.proven_device else {
        let region = pool
            .id
            .split_once('_')
            .map_or("local", |(region, _)| region);
        let device = GrantedDevice {
            key: format!("{region}_{}", random::uuid()?),
            group_key: format!("-{}", random::text(random::ALPHANUMERIC, 8)?),
        };
        return Ok(Some(Bound { device, new: true }));
    };
    let known = pool
        .users
        .get_mut(&under_way.user)
        .and_then(|user| user.factors.devices.get_mut(key))
        .ok_or_else(missing)?;
    known.authenticated = now;
    let device = GrantedDevice {
        key: key.clone(),
        group_key: known.group_key.clone(),
    };
    Ok(Some(Bound { device, new: false }))
}

/// See `bind`.
pub(crate) struct Bound {
    pub(crate) device: GrantedDevice,
    pub(crate) new: bool,
}

fn missing() -> ApiError {
    ApiError::resource_not_found("Device does not exist.")
}
