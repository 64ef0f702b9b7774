//! Which app client of which user pool signs people in. Checked types: made in one place, right ever after.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Secret;
use crate::mac::hmac_sha256;

/// An app client with what its calls need to carry.
#[derive(Clone, Debug)]
pub struct AppClient {
    pool_id: UserPoolId,
    client_id: ClientId,
    client_secret: Option<Secret<String>>,
}

impl AppClient {
    pub const fn new(
        pool_id: UserPoolId,
        client_id: ClientId,
        client_secret: Option<Secret<String>>,
    ) -> Self {
        Self {
            pool_id,
            client_id,
            client_secret,
        }
    }

    pub const fn pool_id(&self) -> &UserPoolId {
        &self.pool_id
    }

    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    pub const fn client_secret(&self) -> Option<&Secret<String>> {
        self.client_secret.as_ref()
    }

    /// SECRET_HASH = base64(HMAC-SHA-256(client secret, user name ‖ client id)); `None` for a client without a secret.
    ///
    /// `username` is the very USERNAME sent in the same call: an alias in the first call and the internal name in the
    /// next give two different hashes.
    pub fn secret_hash(&self, username: &str) -> Option<Secret<String>> {
        let client_secret = self.client_secret.as_ref()?;
        let mac = hmac_sha256(
            client_secret.expose().as_bytes(),
            &[username.as_bytes(), self.client_id.as_str().as_bytes()],
        );
        Some(Secret::new(STANDARD.encode(*mac)))
    }
}

/// `<region>_<id>`, for example `eu-west-1_AbC123xyz`; at most 55 characters (Cognito API, UserPoolIdType).
///
/// Narrower than the API's pattern: the region becomes part of a host name, so it is lower-case letters, digits and `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPoolId {
    text: String,
    underscore: usize,
}

impl UserPoolId {
    /// What is before the underscore.
    pub fn region(&self) -> &str {
        self.text.get(..self.underscore).unwrap_or_default()
    }

    /// What is after the underscore: the pool's name in SRP.
    pub fn name(&self) -> &str {
        self.text.get(self.underscore + 1..).unwrap_or_default()
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for UserPoolId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (region, name) = text.split_once('_').ok_or(IdError::UserPoolId)?;
        let region_fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty()
            || name.is_empty()
            || text.len() > 55
            || !region.chars().all(region_fits)
            || !name.chars().all(|c| c.is_ascii_alphanumeric())
        {
            return Err(IdError::UserPoolId);
        }
        Ok(Self {
            text: text.to_owned(),
            underscore: region.len(),
        })
    }
}

impl fmt::Display for UserPoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An app client's id: 1 to 128 of `[A-Za-z0-9_+]` (Cognito API, ClientIdType).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId(String);

impl ClientId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '+';
        if text.is_empty() || text.len() > 128 || !text.chars().all(fits) {
            return Err(IdError::ClientId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an id was refused, as a text for the person who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("expected <region>_<id>, e.g. eu-west-1_AbC123xyz")]
    UserPoolId,
    #[error("expected 1 to 128 letters, digits, _ or +, e.g. 1h57kf5cpq17m0eml12EXAMPLE")]
    ClientId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors;

    #[test]
    fn a_pool_id_is_split_at_its_underscore() {
        let id: UserPoolId = "eu-west-1_AbC123xyz".parse().unwrap();
        assert_eq!(
            (id.region(), id.name(), id.as_str()),
            ("eu-west-1", "AbC123xyz", "eu-west-1_AbC123xyz")
        );
        assert_eq!(id.to_string(), "eu-west-1_AbC123xyz");
        assert_eq!("local_Ab12".parse::<UserPoolId>().unwrap().name(), "Ab12");
    }

    #[test]
    fn a_pool_id_that_cannot_be_one_is_refused_with_an_example() {
        let long = format!("eu-west-1_{}", "a".repeat(46));
        for text in [
            "",
            "_",
            "eu-west-1",
            "eu-west-1_",
            "_AbC",
            "eu-west-1_Ab_C",
            "eu-west-1_AbC ",
            "EU-west-1_AbC",
            "evil.example_a",
            "eu-west-1/_a",
            "eu-west-1_é",
            "eu-west-1_a\n",
            long.as_str(),
        ] {
            let error = text.parse::<UserPoolId>().unwrap_err();
            assert_eq!(
                error.to_string(),
                "expected <region>_<id>, e.g. eu-west-1_AbC123xyz",
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_client_id_is_1_to_128_word_characters_or_plus() {
        let longest = "a".repeat(128);
        for text in ["1h57kf5cpq17m0eml12EXAMPLE", "a", "a_b+c", longest.as_str()] {
            assert_eq!(text.parse::<ClientId>().unwrap().as_str(), text);
        }
        let too_long = "a".repeat(129);
        for text in ["", "a b", "a-b", "é", "a\n", too_long.as_str()] {
            assert_eq!(text.parse::<ClientId>(), Err(IdError::ClientId), "{text:?}");
        }
    }

    #[test]
    fn every_secret_hash_vector_comes_out() {
        for vector in vectors::load().secret_hash {
            let client = AppClient::new(
                "local_Ab12".parse().unwrap(),
                vector.client_id.parse().unwrap(),
                Some(Secret::new(vector.client_secret)),
            );
            let secret_hash = client.secret_hash(&vector.username).unwrap();
            assert_eq!(
                *secret_hash.expose(),
                vector.secret_hash,
                "{} {}",
                vector.id,
                vector.note
            );
        }
    }

    #[test]
    fn a_client_without_a_secret_has_no_secret_hash() {
        let client = AppClient::new("local_Ab12".parse().unwrap(), "abc".parse().unwrap(), None);
        assert!(client.secret_hash("jane").is_none());
    }
}
