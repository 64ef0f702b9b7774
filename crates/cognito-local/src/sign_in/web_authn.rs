//! WEB_AUTHN: signing in with a passkey.
//!
//! The challenge travels sealed in the `Session`. The credential is checked in `web_authn`; whatever is wrong with it,
//! the answer is the same, and it counts as a wrong code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{
    Caller, Parameters, Step, UnderWay, attempts_exceeded, challenge, go_on, open_session,
    required, spend_in,
};
use crate::error::ApiError;
use crate::random;
use crate::secret_hash;
use crate::service::Service;
use crate::state::{Pool, code_attempts};
use crate::web_authn::{self, Asserted, WebAuthnError};

const NAME: &str = "WEB_AUTHN";

/// Milliseconds the browser gives the person, as Cognito sets them.
const TIMEOUT: u64 = 180_000;

/// Asks for an assertion by one of the user's passkeys.
pub(super) fn ask(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
) -> Result<Step, ApiError> {
    let nonce = URL_SAFE_NO_PAD.encode(random::bytes::<{ web_authn::CHALLENGE_BYTES }>()?);
    let options = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        let settings = pool
            .settings
            .web_authn
            .as_ref()
            .ok_or_else(ApiError::incorrect)?;
        let user = pool
            .users
            .get(&under_way.user)
            .ok_or_else(ApiError::incorrect)?;
        let allowed: Vec<_> = user
            .factors
            .passkeys
            .iter()
            .filter(|passkey| passkey.relying_party_id == settings.relying_party_id)
            .map(|passkey| json!({ "type": "public-key", "id": passkey.id, "transports": passkey.transports }))
            .collect();
        Ok::<_, ApiError>(json!({
            "challenge": nonce,
            "timeout": TIMEOUT,
            "rpId": settings.relying_party_id,
            "allowCredentials": allowed,
            "userVerification": settings.asked_verification(),
        }))
    })?;
    // JSON in a text.
    let parameters = json!({ "CREDENTIAL_REQUEST_OPTIONS": options.to_string() });
    challenge(service, caller, NAME, under_way, &nonce, parameters)
}

/// RespondToAuthChallenge with WEB_AUTHN.
pub(crate) async fn respond(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(responses, "USERNAME")?;
    let credential: Value = serde_json::from_str(required(responses, "CREDENTIAL")?)
        .map_err(|_no_json| ApiError::invalid_parameter("Invalid CREDENTIAL."))?;
    secret_hash::check(
        &caller.client,
        username,
        responses.get("SECRET_HASH").map(String::as_str),
    )?;
    let session = open_session(service, caller, NAME, username, session)?;
    let nonce: String = session.own()?;
    let mut under_way = session.under_way.clone();
    under_way.see_device(responses);
    let now = service.now();
    let both_factors = service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let attempts = code_attempts(&under_way.user);
        if pool.lockout.is_locked(&attempts, now) {
            return Err(attempts_exceeded());
        }
        match check(pool, &under_way, &nonce, &credential) {
            Ok(both_factors) => {
                spend_in(pool, &session, now)?;
                pool.lockout.clear(&attempts);
                Ok(both_factors)
            }
            Err(error) => {
                tracing::info!(%error, "a passkey was refused");
                pool.lockout.failed(&attempts, now);
                Err(ApiError::incorrect())
            }
        }
    })?;
    under_way.prove(NAME);
    under_way.second_factor |= both_factors;
    go_on(service, caller, under_way).await
}

/// Checks the credential and moves its counter; whether it stands for a second factor as well.
fn check(
    pool: &mut Pool,
    under_way: &UnderWay,
    nonce: &str,
    credential: &Value,
) -> Result<bool, WebAuthnError> {
    let settings = pool
        .settings
        .web_authn
        .as_ref()
        .ok_or(WebAuthnError::RelyingParty)?;
    let user = pool
        .users
        .get_mut(&under_way.user)
        .ok_or(WebAuthnError::RelyingParty)?;
    let (handle, id) = (user.passkey_handle(), web_authn::claimed_id(credential));
    let passkey = user
        .factors
        .passkeys
        .iter_mut()
        .find(|passkey| Some(passkey.id.as_str()) == id)
        .ok_or(WebAuthnError::RelyingParty)?;
    let Asserted {
        counter,
        user_verified,
    } = web_authn::assert(settings, passkey, &handle, nonce, credential)?;
    passkey.counter = counter;
    Ok(settings.multi_factor && user_verified)
}
