//! Passkeys of a signed-in user: StartWebAuthnRegistration, CompleteWebAuthnRegistration, ListWebAuthnCredentials,
//! DeleteWebAuthnCredential.
//!
//! The credential itself is checked in `web_authn`; signing in with it is in `sign_in::web_authn`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::view;
use crate::constraint::{Constraints, TEXT, TOKEN};
use crate::error::ApiError;
use crate::random;
use crate::service::Service;
use crate::state::{FirstFactor, Passkey, Pool, Registering, User, WebAuthnSettings};
use crate::token::authorize;
use crate::web_authn::{self, ALGORITHMS, WebAuthnError};

/// Milliseconds the browser gives the person for the ceremony, as Cognito sets them.
const TIMEOUT: u64 = 60_000;

/// Life of a registration's challenge: the browser's time and as much again for the way there and back.
const CHALLENGE_LIFE: Duration = Duration::from_millis(2 * TIMEOUT);

/// `MaxResults` of ListWebAuthnCredentials; no user has more.
const LONGEST_PAGE: i64 = 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartWebAuthnRegistration {
    access_token: Option<String>,
}

pub(super) async fn start_web_authn_registration(
    service: &Service,
    request: StartWebAuthnRegistration,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    let challenge = URL_SAFE_NO_PAD.encode(random::bytes::<{ web_authn::CHALLENGE_BYTES }>()?);
    let expires = service.now() + CHALLENGE_LIFE;
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let settings = settings(pool)?;
        let rp_name = pool.name.clone();
        let user = user(pool, &caller.user)?;
        if user.factors.passkeys.len() >= Passkey::MOST {
            return Err(ApiError::limit_exceeded(
                "The user has the most passkeys a user may have.",
            ));
        }
        user.factors.registering = Some(Registering {
            challenge: challenge.clone(),
            client: caller.client.id.clone(),
            expires,
        });
        let options = creation_options(&settings, &rp_name, user, &challenge);
        Ok(json!({ "CredentialCreationOptions": options }))
    })
}

/// `PublicKeyCredentialCreationOptionsJSON`.
fn creation_options(
    settings: &WebAuthnSettings,
    rp_name: &str,
    user: &User,
    challenge: &str,
) -> Value {
    let shown_name = user
        .attributes
        .get("preferred_username")
        .or_else(|| user.attributes.get("email"))
        .unwrap_or(&user.name);
    let exclude: Vec<_> = user
        .factors
        .passkeys
        .iter()
        .map(|passkey| json!({ "id": passkey.id, "type": "public-key", "transports": passkey.transports }))
        .collect();
    let parameters: Vec<_> = ALGORITHMS
        .iter()
        .map(|algorithm| json!({ "alg": algorithm, "type": "public-key" }))
        .collect();
    json!({
        "authenticatorSelection": {
            "requireResidentKey": true,
            "residentKey": "required",
            "userVerification": settings.asked_verification(),
        },
        "challenge": challenge,
        "excludeCredentials": exclude,
        "pubKeyCredParams": parameters,
        "rp": { "id": settings.relying_party_id, "name": rp_name },
        "timeout": TIMEOUT,
        "user": {
            "id": user.passkey_handle(),
            "name": shown_name,
            "displayName": user.attributes.get("name").unwrap_or(shown_name),
        },
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompleteWebAuthnRegistration {
    access_token: Option<String>,
    credential: Option<Value>,
}

/// A challenge is good for one try: whatever is wrong with the credential, the next one needs a new challenge.
pub(super) async fn complete_web_authn_registration(
    service: &Service,
    request: CompleteWebAuthnRegistration,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    constraints.check()?;
    let credential = request
        .credential
        .ok_or_else(|| ApiError::missing_parameter("Credential"))?;
    let caller = authorize(service, &token).await?;
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let settings = settings(pool)?;
        let factors = &mut user(pool, &caller.user)?.factors;
        let registering = factors
            .registering
            .as_ref()
            .filter(|registering| registering.expires > now)
            .ok_or_else(challenge_missing)?;
        if registering.client != caller.client.id {
            return Err(ApiError::web_authn_client_mismatch(
                "The registration was begun by another app client.",
            ));
        }
        let challenge = registering.challenge.clone();
        factors.registering = None;
        if factors.passkeys.len() >= Passkey::MOST {
            return Err(ApiError::limit_exceeded(
                "The user has the most passkeys a user may have.",
            ));
        }
        let registered =
            web_authn::register(&settings, &challenge, &credential).map_err(refusal)?;
        let taken = pool.users.values().any(|user| {
            let passkeys = &user.factors.passkeys;
            passkeys.iter().any(|passkey| passkey.id == registered.id)
        });
        if taken {
            return Err(ApiError::invalid_parameter(
                "The credential is registered already.",
            ));
        }
        let user = user(pool, &caller.user)?;
        user.factors.passkeys.push(Passkey {
            id: registered.id,
            public_key: registered.public_key,
            relying_party_id: settings.relying_party_id,
            counter: registered.counter,
            name: "Passkey".to_owned(),
            attachment: registered.attachment,
            transports: registered.transports,
            created: now,
        });
        user.modified = now;
        Ok(json!({}))
    })
}

fn refusal(error: WebAuthnError) -> ApiError {
    let text = format!("The credential was refused: {error}.");
    match error {
        WebAuthnError::Challenge => challenge_missing(),
        WebAuthnError::Origin => ApiError::web_authn_origin_not_allowed(text),
        WebAuthnError::RelyingParty => ApiError::web_authn_relying_party_mismatch(text),
        WebAuthnError::NotSupported => ApiError::web_authn_credential_not_supported(text),
        WebAuthnError::Malformed(_)
        | WebAuthnError::NotPresent
        | WebAuthnError::NotVerified
        | WebAuthnError::Signature
        | WebAuthnError::Counter => ApiError::invalid_parameter(text),
    }
}

fn challenge_missing() -> ApiError {
    ApiError::web_authn_challenge_not_found("The registration's challenge is unknown or expired.")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListWebAuthnCredentials {
    access_token: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

pub(super) async fn list_web_authn_credentials(
    service: &Service,
    request: ListWebAuthnCredentials,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    let most = constraints.number("maxResults", request.max_results, &(0..=LONGEST_PAGE));
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    let most = most
        .and_then(|most| usize::try_from(most).ok())
        .filter(|most| *most > 0)
        .unwrap_or(Passkey::MOST);
    service.read(|state| {
        let user = state
            .pool(&caller.pool)?
            .users
            .get(&caller.user)
            .ok_or_else(ApiError::user_missing)?;
        let passkeys = &user.factors.passkeys;
        // The token is the id of the next one to be shown.
        let from = match &request.next_token {
            None => 0,
            Some(id) => passkeys
                .iter()
                .position(|passkey| passkey.id == *id)
                .ok_or_else(|| ApiError::invalid_parameter("Invalid pagination token."))?,
        };
        let shown: Vec<_> = passkeys.iter().skip(from).take(most).map(shown).collect();
        let mut answer = json!({ "Credentials": shown });
        if let (Some(next), Some(answer)) = (passkeys.get(from + most), answer.as_object_mut()) {
            answer.insert("NextToken".to_owned(), next.id.as_str().into());
        }
        Ok(answer)
    })
}

fn shown(passkey: &Passkey) -> Value {
    let mut view = Map::new();
    let mut put = |name: &str, value: Value| view.insert(name.to_owned(), value);
    put("CredentialId", passkey.id.as_str().into());
    put("FriendlyCredentialName", passkey.name.as_str().into());
    put("RelyingPartyId", passkey.relying_party_id.as_str().into());
    put("AuthenticatorTransports", json!(passkey.transports));
    put("CreatedAt", view::timestamp(passkey.created));
    if let Some(attachment) = &passkey.attachment {
        put("AuthenticatorAttachment", attachment.as_str().into());
    }
    view.into()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteWebAuthnCredential {
    access_token: Option<String>,
    credential_id: Option<String>,
}

pub(super) async fn delete_web_authn_credential(
    service: &Service,
    request: DeleteWebAuthnCredential,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    let id = constraints.required("credentialId", request.credential_id, &TEXT);
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    service.change(|state| {
        let passkeys = &mut user(state.pool_mut(&caller.pool)?, &caller.user)?
            .factors
            .passkeys;
        let before = passkeys.len();
        passkeys.retain(|passkey| passkey.id != id);
        if passkeys.len() == before {
            return Err(ApiError::resource_not_found("Credential does not exist."));
        }
        Ok(json!({}))
    })
}

/// How the pool takes passkeys, when it does.
fn settings(pool: &Pool) -> Result<WebAuthnSettings, ApiError> {
    if !pool.settings.first_factors.contains(&FirstFactor::WebAuthn) {
        return Err(ApiError::web_authn_not_enabled(
            "Passkeys are not enabled for the user pool.",
        ));
    }
    pool.settings.web_authn.clone().ok_or_else(|| {
        ApiError::web_authn_configuration_missing("The user pool has no relying party id.")
    })
}

fn user<'a>(pool: &'a mut Pool, key: &str) -> Result<&'a mut User, ApiError> {
    pool.users.get_mut(key).ok_or_else(ApiError::user_missing)
}
