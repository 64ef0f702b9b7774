//! Checks the pool's tokens.
//!
//! Between the pool's answer and a session: nothing else makes `Claims`. `jsonwebtoken` checks the RS256
//! signature and nothing more; every claim is checked here, by type and value, against a `Clock` that
//! tests can move. What that crate lets through (an unknown `crit`, an array as `iss`, a number as `aud`,
//! a missing `aud`) stops here. No error holds a claim's value.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cognito_flow::UnixSeconds;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::identity::Claims;

/// Longest token, before anything of it is decoded.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Longest key id; real ones have 44 characters.
const MAX_KID_BYTES: usize = 128;

/// How far two clocks may be apart, in seconds.
const LEEWAY: u64 = 30;

/// The last second of the year 9999: what is later is not a time but an overflow to be.
const MAX_TIME: u64 = 253_402_300_799;

/// Whose tokens are believed.
#[derive(Debug)]
pub(super) struct Verifier {
    issuer: String,
    client_id: String,
    signature_only: Validation,
}

/// What an access token says, as far as it matters.
#[derive(Debug)]
pub(super) struct AccessToken {
    /// `sub`.
    pub(super) subject: String,
    /// `username`: the internal user name.
    pub(super) username: String,
    /// `device_key`, where the pool remembers devices.
    pub(super) device_key: Option<String>,
    /// `iat`.
    pub(super) issued_at: UnixSeconds,
    /// `exp`.
    pub(super) expires_at: UnixSeconds,
}

/// What an ID token says.
#[derive(Debug)]
pub(super) struct IdToken {
    /// All of it.
    pub(super) claims: Claims,
    /// `auth_time`.
    pub(super) auth_time: UnixSeconds,
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than R-69 allows.
    #[error("a token of the pool is over {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Not three parts of base64url with JSON objects, or a member twice.
    #[error("a token of the pool is malformed")]
    Malformed,
    /// A header that this verifier does not take.
    #[error("a token's header is refused: {0}")]
    Header(&'static str),
    /// Signed by somebody else, or changed since.
    #[error("a token's signature is wrong")]
    Signature,
    /// A claim that is absent, of a wrong type, or out of range.
    #[error("a token's {0} is absent or no value it can have")]
    Claim(&'static str),
    /// A good claim with another value than it must have here.
    #[error("a token's {0} is not the one expected")]
    Unexpected(&'static str),
    /// Over, though it has just been issued: our clock is ahead.
    #[error("a token has expired")]
    Expired,
    /// From the future: our clock is behind.
    #[error("a token is not valid yet")]
    NotYetValid,
}

impl TokenError {
    /// Whether two clocks that differ explain it: a pool sends only tokens it has just made (F-13).
    pub fn is_clock_skew(&self) -> bool {
        matches!(self, Self::Expired | Self::NotYetValid)
    }

    pub(super) fn hint(&self) -> String {
        match self {
            Self::Expired | Self::NotYetValid => format!(
                "clock skew: the pool's fresh token is off by more than {LEEWAY} s; set this machine's clock (NTP)"
            ),
            Self::Unexpected("iss") => {
                "the pool signs as another issuer: check cognito.issuer (pools can have the type UPDATED, with the host issuer-cognito-idp…)".to_owned()
            }
            Self::TooLong => {
                "a trigger or the pool's attributes make the tokens too long: leave claims out".to_owned()
            }
            _ => "the tokens do not come from this pool and client: check cognito.issuer, cognito.jwks_url and cognito.client_id".to_owned(),
        }
    }
}

impl Verifier {
    pub(super) fn new(issuer: String, client_id: String) -> Self {
        let mut signature_only = Validation::new(Algorithm::RS256);
        signature_only.required_spec_claims.clear();
        signature_only.validate_exp = false;
        signature_only.validate_nbf = false;
        signature_only.validate_aud = false;
        Self {
            issuer,
            client_id,
            signature_only,
        }
    }

    /// Checks an ID token: `token_use` is `id` and `aud` the client id, one string.
    pub(super) fn id_token(
        &self,
        token: &str,
        key: &DecodingKey,
        now: UnixSeconds,
    ) -> Result<IdToken, TokenError> {
        let claims = self.checked_claims(token, key, now)?;
        claims.expect("token_use", "id")?;
        claims.expect("aud", &self.client_id)?;
        claims.text("cognito:username")?;
        let auth_time = claims.time("auth_time")?;
        Ok(IdToken {
            claims: Claims::verified(claims.0),
            auth_time,
        })
    }

    /// Checks an access token: `token_use` is `access` and `client_id` ours.
    pub(super) fn access_token(
        &self,
        token: &str,
        key: &DecodingKey,
        now: UnixSeconds,
    ) -> Result<AccessToken, TokenError> {
        let claims = self.checked_claims(token, key, now)?;
        claims.expect("token_use", "access")?;
        claims.expect("client_id", &self.client_id)?;
        // Only a trigger adds one to a token of this kind, and Cognito takes no other value from it.
        if claims.0.contains_key("aud") {
            claims.expect("aud", &self.client_id)?;
        }
        Ok(AccessToken {
            subject: claims.text("sub")?.to_owned(),
            username: claims.text("username")?.to_owned(),
            device_key: claims.text("device_key").ok().map(str::to_owned),
            issued_at: claims.time("iat")?,
            expires_at: claims.time("exp")?,
        })
    }

    /// The signature, and the claims that both kinds have.
    fn checked_claims(
        &self,
        token: &str,
        key: &DecodingKey,
        now: UnixSeconds,
    ) -> Result<Object, TokenError> {
        key_id(token)?; // checks the header
        let decoded = jsonwebtoken::decode::<Object>(token, key, &self.signature_only);
        let claims = decoded.map_err(|error| TokenError::of(&error))?.claims;

        claims.expect("iss", &self.issuer)?;
        claims.text("sub")?;
        let UnixSeconds(now) = now;
        let UnixSeconds(issued_at) = claims.time("iat")?;
        let UnixSeconds(expires_at) = claims.time("exp")?;
        let UnixSeconds(auth_time) = claims.time("auth_time")?;
        if issued_at > now + LEEWAY {
            return Err(TokenError::NotYetValid);
        }
        if now >= expires_at + LEEWAY {
            return Err(TokenError::Expired);
        }
        if auth_time > issued_at {
            return Err(TokenError::Claim("auth_time"));
        }
        if claims.0.contains_key("nbf") {
            let UnixSeconds(not_before) = claims.time("nbf")?;
            if not_before > now + LEEWAY {
                return Err(TokenError::NotYetValid);
            }
        }
        Ok(claims)
    }
}

/// The `kid` of a token, after the checks that need no key: length, form, algorithm, no `crit`.
///
/// Keys that the header itself names (`jku`, `jwk`, `x5u`, `x5c`) are not looked at.
pub(super) fn key_id(token: &str) -> Result<String, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Malformed);
    };
    let header = URL_SAFE_NO_PAD.decode(header);
    let header = header.map_err(|_| TokenError::Malformed)?;
    let Object(header) = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(TokenError::Header("alg is not RS256"));
    }
    if header.contains_key("crit") {
        return Err(TokenError::Header("crit"));
    }
    match header.get("kid").and_then(Value::as_str) {
        Some(kid) if !kid.is_empty() && kid.len() <= MAX_KID_BYTES => Ok(kid.to_owned()),
        _ => Err(TokenError::Header("no kid")),
    }
}

impl TokenError {
    fn of(error: &jsonwebtoken::errors::Error) -> Self {
        use jsonwebtoken::errors::ErrorKind;
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::InvalidAlgorithm => Self::Header("alg is not RS256"),
            _ => Self::Malformed,
        }
    }
}

/// A JSON object whose members each come once: of two, readers would take different ones.
#[derive(Debug)]
struct Object(Map<String, Value>);

impl Object {
    /// A text that is not empty.
    fn text(&self, name: &'static str) -> Result<&str, TokenError> {
        let text = self.0.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
            .ok_or(TokenError::Claim(name))
    }

    /// A text of this very value.
    fn expect(&self, name: &'static str, value: &str) -> Result<(), TokenError> {
        if self.text(name)? == value {
            Ok(())
        } else {
            Err(TokenError::Unexpected(name))
        }
    }

    /// Whole seconds since 1970, in a range where adding the leeway cannot overflow.
    fn time(&self, name: &'static str) -> Result<UnixSeconds, TokenError> {
        let seconds = self.0.get(name).and_then(Value::as_u64);
        seconds
            .filter(|seconds| *seconds <= MAX_TIME)
            .map(UnixSeconds)
            .ok_or(TokenError::Claim(name))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Map<String, Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut object = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if object.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is there twice"));
                    }
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(Members).map(Self)
    }
}
