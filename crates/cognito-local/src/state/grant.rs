//! One sign-in and the refresh tokens it handed out.
//!
//! Tokens are kept as digests: the file on disk opens no session. A grant is named by the `event_id` of its access
//! tokens, so that revoking it ends them as well.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::random;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// The key of the user in the pool.
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) origin_jti: String,
    pub(crate) auth_time: Duration,
    /// The end of every refresh token of this sign-in: rotation does not move it.
    pub(crate) refresh_until: Duration,
    /// The end of the last access token; the grant is forgotten after both ends.
    pub(crate) access_until: Duration,
    pub(crate) revoked: bool,
    pub(crate) refresh_tokens: Vec<IssuedToken>,
    /// The device of the sign-in, in a pool that remembers devices: proven, or handed out to be confirmed.
    #[serde(default)]
    pub(crate) device: Option<GrantedDevice>,
}

/// The device a sign-in is bound to.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct GrantedDevice {
    pub(crate) key: String,
    pub(crate) group_key: String,
}

/// A refresh token as the pool remembers it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct IssuedToken {
    digest: String,
    /// Set when the token was rotated out: the end of its grace period.
    usable_until: Option<Duration>,
}

/// How a refresh token of this grant stands at the moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    Usable,
    /// Rotated out and past its grace period.
    Reused,
    Unknown,
}

impl Grant {
    pub(crate) fn remember(&mut self, token: &RefreshToken) {
        self.refresh_tokens.push(IssuedToken {
            digest: token.digest(),
            usable_until: None,
        });
    }

    pub(crate) fn presented(&self, token: &RefreshToken, now: Duration) -> Presented {
        let digest = token.digest();
        match self
            .refresh_tokens
            .iter()
            .find(|issued| issued.digest == digest)
        {
            None => Presented::Unknown,
            Some(IssuedToken {
                usable_until: Some(end),
                ..
            }) if now >= *end => Presented::Reused,
            Some(_) => Presented::Usable,
        }
    }

    /// Starts the grace period of a token that gets a successor; a second use does not prolong it.
    pub(crate) fn rotate_out(&mut self, token: &RefreshToken, usable_until: Duration) {
        let digest = token.digest();
        for issued in self
            .refresh_tokens
            .iter_mut()
            .filter(|issued| issued.digest == digest)
        {
            issued.usable_until.get_or_insert(usable_until);
        }
    }

    pub(crate) fn is_over(&self, now: Duration) -> bool {
        now >= self.refresh_until && now >= self.access_until
    }
}

/// A refresh token as the client holds it: looks like the five-part JWE of the real service, about 1,700
/// characters, so that size faults show up at home. All of it is random but the id of its grant.
pub(crate) struct RefreshToken(pub(crate) String);

impl RefreshToken {
    /// `grant` is the UUID naming the grant.
    pub(crate) fn new(grant: &str) -> Result<Self, Unspecified> {
        let id = Uuid::try_parse(grant).map_err(|_not_a_uuid| Unspecified)?;
        let mut key = random::bytes::<256>()?;
        if let Some(start) = key.get_mut(..16) {
            start.copy_from_slice(id.as_bytes());
        }
        let parts = [
            URL_SAFE_NO_PAD.encode(r#"{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}"#),
            URL_SAFE_NO_PAD.encode(key),
            URL_SAFE_NO_PAD.encode(random::bytes::<12>()?),
            URL_SAFE_NO_PAD.encode(random::bytes::<930>()?),
            URL_SAFE_NO_PAD.encode(random::bytes::<16>()?),
        ];
        Ok(Self(parts.join(".")))
    }

    /// The grant a token says it belongs to; the digest decides.
    pub(crate) fn grant(&self) -> Option<String> {
        let key = URL_SAFE_NO_PAD.decode(self.0.split('.').nth(1)?).ok()?;
        Some(Uuid::from_slice(key.get(..16)?).ok()?.to_string())
    }

    fn digest(&self) -> String {
        STANDARD_NO_PAD.encode(digest(&SHA256, self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            user: "ada".to_owned(),
            client: "web".to_owned(),
            origin_jti: String::new(),
            auth_time: Duration::ZERO,
            refresh_until: Duration::from_secs(100),
            access_until: Duration::from_secs(50),
            revoked: false,
            refresh_tokens: Vec::new(),
            device: None,
        }
    }

    #[test]
    fn a_refresh_token_names_its_grant_and_has_the_size_of_a_real_one() {
        let id = random::uuid().unwrap();
        let token = RefreshToken::new(&id).unwrap();
        assert_eq!(token.grant(), Some(id));
        assert!((1_600..1_800).contains(&token.0.len()), "{}", token.0.len());
        for garbage in ["", "a.b", "....", "eyJ.AAAA.c.d.e"] {
            assert_eq!(RefreshToken(garbage.to_owned()).grant(), None);
        }
    }

    #[test]
    fn a_rotated_token_works_to_the_end_of_its_grace_period_and_is_reuse_afterwards() {
        let mut grant = grant();
        let token = RefreshToken::new(&random::uuid().unwrap()).unwrap();
        assert_eq!(grant.presented(&token, Duration::ZERO), Presented::Unknown);
        grant.remember(&token);
        assert_eq!(
            grant.presented(&token, Duration::from_secs(99)),
            Presented::Usable
        );
        grant.rotate_out(&token, Duration::from_secs(10));
        grant.rotate_out(&token, Duration::from_secs(20));
        assert_eq!(
            grant.presented(&token, Duration::from_secs(9)),
            Presented::Usable
        );
        assert_eq!(
            grant.presented(&token, Duration::from_secs(10)),
            Presented::Reused
        );
    }
}
