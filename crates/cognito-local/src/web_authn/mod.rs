//! Passkeys, the relying party's side (Web Authentication Level 3 §7.1 and §7.2).
//!
//! Checks what a browser sends against the challenge, the origin, the RP id, the flags, the signature and the counter.
//! Attestation is not looked at, as Cognito does not. Knows no user and keeps no challenge: `operations::web_authn` and
//! `sign_in::web_authn` do.

mod authenticator_data;
mod cbor;
mod public_key;

use std::collections::BTreeSet;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::state::{Passkey, WebAuthnSettings};
use authenticator_data::AuthenticatorData;
pub(crate) use public_key::{ALGORITHMS, PublicKey};

/// Bytes of a challenge; the specification wants 16 at least.
pub(crate) const CHALLENGE_BYTES: usize = 32;

/// The longest credential id of the specification.
const LONGEST_ID: usize = 1_023;

/// Why a credential was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebAuthnError {
    #[error("the credential has not the form of {0}")]
    Malformed(&'static str),
    #[error("the credential answers another challenge")]
    Challenge,
    #[error("the page's origin does not belong to the relying party")]
    Origin,
    #[error("the credential was made for another relying party")]
    RelyingParty,
    #[error("the authenticator says that nobody was present")]
    NotPresent,
    #[error("the authenticator did not check who holds it")]
    NotVerified,
    #[error("the key is neither ES256 nor RS256")]
    NotSupported,
    #[error("the signature does not match")]
    Signature,
    #[error("the signature counter went back: the authenticator may have been copied")]
    Counter,
}

/// What a registration gave.
pub(crate) struct Registered {
    /// Base64url without padding.
    pub(crate) id: String,
    pub(crate) public_key: PublicKey,
    pub(crate) counter: u32,
    pub(crate) attachment: Option<String>,
    pub(crate) transports: BTreeSet<String>,
}

/// What a sign-in proved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asserted {
    pub(crate) counter: u32,
    /// The authenticator checked who holds it.
    pub(crate) user_verified: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    id: String,
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    authenticator_attachment: Option<String>,
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    attestation_object: Option<String>,
    authenticator_data: Option<String>,
    signature: Option<String>,
    user_handle: Option<String>,
    transports: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// The id of the credential in a browser's answer, to look its key up by; nothing is proven yet.
pub(crate) fn claimed_id(credential: &Value) -> Option<&str> {
    credential.get("id")?.as_str()
}

/// Checks a `RegistrationResponseJSON` made for `challenge` (base64url).
pub(crate) fn register(
    settings: &WebAuthnSettings,
    challenge: &str,
    credential: &Value,
) -> Result<Registered, WebAuthnError> {
    let credential = read(credential)?;
    let client_data = decode(&credential.response.client_data_json, "clientDataJSON")?;
    check_client_data(settings, "webauthn.create", challenge, &client_data)?;
    let attestation = credential
        .response
        .attestation_object
        .ok_or(WebAuthnError::Malformed("attestationObject"))?;
    let attestation = decode(&attestation, "attestationObject")?;
    let bytes = cbor::read(&attestation)
        .and_then(|object| object.member("authData")?.bytes())
        .ok_or(WebAuthnError::Malformed("attestationObject"))?;
    let data = AuthenticatorData::read(bytes)?;
    check_flags(settings, &data)?;
    let (id, key) = data
        .credential
        .as_ref()
        .ok_or(WebAuthnError::Malformed("authData"))?;
    if id.len() > LONGEST_ID || URL_SAFE_NO_PAD.encode(id) != credential.id {
        return Err(WebAuthnError::Malformed("id"));
    }
    Ok(Registered {
        public_key: PublicKey::from_cose(key)?,
        counter: data.counter,
        attachment: credential
            .authenticator_attachment
            .filter(|attachment| matches!(attachment.as_str(), "platform" | "cross-platform")),
        transports: credential
            .response
            .transports
            .unwrap_or_default()
            .into_iter()
            .filter(|transport| TRANSPORTS.contains(&transport.as_str()))
            .collect(),
        id: credential.id,
    })
}

/// Checks an `AuthenticationResponseJSON` made for `challenge` (base64url) with this passkey of the user whose handle
/// (base64url) this is.
pub(crate) fn assert(
    settings: &WebAuthnSettings,
    passkey: &Passkey,
    user_handle: &str,
    challenge: &str,
    credential: &Value,
) -> Result<Asserted, WebAuthnError> {
    let credential = read(credential)?;
    if credential.id != passkey.id || passkey.relying_party_id != settings.relying_party_id {
        return Err(WebAuthnError::RelyingParty);
    }
    let handle = credential.response.user_handle.as_deref();
    if handle.is_some_and(|handle| handle != user_handle) {
        return Err(WebAuthnError::Malformed("userHandle"));
    }
    let client_data = decode(&credential.response.client_data_json, "clientDataJSON")?;
    check_client_data(settings, "webauthn.get", challenge, &client_data)?;
    let member = |value: Option<String>, name: &'static str| {
        decode(&value.ok_or(WebAuthnError::Malformed(name))?, name)
    };
    let bytes = member(credential.response.authenticator_data, "authenticatorData")?;
    let signature = member(credential.response.signature, "signature")?;
    let data = AuthenticatorData::read(&bytes)?;
    check_flags(settings, &data)?;
    let signed = [&bytes, digest(&SHA256, &client_data).as_ref()].concat();
    passkey.public_key.verify(&signed, &signature)?;
    if (data.counter != 0 || passkey.counter != 0) && data.counter <= passkey.counter {
        return Err(WebAuthnError::Counter);
    }
    Ok(Asserted {
        counter: data.counter,
        user_verified: data.user_verified,
    })
}

/// `AuthenticatorTransport`.
const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];

fn read(credential: &Value) -> Result<Credential, WebAuthnError> {
    let read = Credential::deserialize(credential)
        .map_err(|_other| WebAuthnError::Malformed("a public key credential"))?;
    if read.kind != "public-key" || read.id != read.raw_id {
        return Err(WebAuthnError::Malformed("a public key credential"));
    }
    Ok(read)
}

fn decode(text: &str, name: &'static str) -> Result<Vec<u8>, WebAuthnError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_no_base64| WebAuthnError::Malformed(name))
}

fn check_client_data(
    settings: &WebAuthnSettings,
    kind: &str,
    challenge: &str,
    bytes: &[u8],
) -> Result<(), WebAuthnError> {
    let data: ClientData = serde_json::from_slice(bytes)
        .map_err(|_no_json| WebAuthnError::Malformed("clientDataJSON"))?;
    if data.kind != kind {
        return Err(WebAuthnError::Malformed("clientDataJSON"));
    }
    if verify_slices_are_equal(data.challenge.as_bytes(), challenge.as_bytes()).is_err() {
        return Err(WebAuthnError::Challenge);
    }
    if data.cross_origin || !is_origin_of(&data.origin, &settings.relying_party_id) {
        return Err(WebAuthnError::Origin);
    }
    Ok(())
}

/// Whether pages of an origin may use passkeys of an RP id: the same host or one below it, by https, or by http on
/// `localhost`, which browsers trust as well.
fn is_origin_of(origin: &str, rp_id: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let (host, port) = authority
        .rsplit_once(':')
        .map_or((authority, None), |(host, port)| (host, Some(port)));
    let local = host == "localhost" || host.ends_with(".localhost");
    (scheme == "https" || scheme == "http" && local)
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
        && !host.contains(['/', '@', '?', '#'])
        && (host == rp_id
            || host
                .strip_suffix(rp_id)
                .is_some_and(|below| below.ends_with('.') && below.len() > 1))
}

fn check_flags(
    settings: &WebAuthnSettings,
    data: &AuthenticatorData<'_>,
) -> Result<(), WebAuthnError> {
    let expected = digest(&SHA256, settings.relying_party_id.as_bytes());
    if data.rp_id_hash != expected.as_ref() {
        Err(WebAuthnError::RelyingParty)
    } else if !data.user_present {
        Err(WebAuthnError::NotPresent)
    } else if !data.user_verified && (settings.user_verification_required || settings.multi_factor)
    {
        Err(WebAuthnError::NotVerified)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_relying_partys_host_or_below_it_by_https_or_on_localhost() {
        for (origin, rp_id) in [
            ("https://example.com", "example.com"),
            ("https://app.example.com:8443", "example.com"),
            ("http://localhost:4280", "localhost"),
            ("http://localhost", "localhost"),
            ("http://app.localhost:4280", "app.localhost"),
            ("https://localhost:1", "localhost"),
        ] {
            assert!(is_origin_of(origin, rp_id), "{origin} {rp_id}");
        }
        for (origin, rp_id) in [
            ("http://example.com", "example.com"),
            ("https://badexample.com", "example.com"),
            ("https://.example.com", "example.com"),
            ("https://example.com.evil.org", "example.com"),
            ("https://evil.org/example.com", "example.com"),
            ("https://user@example.com", "example.com"),
            ("https://example.com", "app.example.com"),
            ("http://127.0.0.1:4280", "localhost"),
            ("http://notlocalhost", "localhost"),
            ("http://localhost:99999", "localhost"),
            ("null", "localhost"),
            ("android:apk-key-hash:abc", "localhost"),
            ("", ""),
        ] {
            assert!(!is_origin_of(origin, rp_id), "{origin} {rp_id}");
        }
    }
}
