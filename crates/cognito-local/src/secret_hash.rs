//! SECRET_HASH and client secrets: the first proof of a confidential app client.
//!
//! Checked before any user is looked up, so that a caller without the secret learns nothing about users.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::ApiError;
use crate::state::Client;

/// Checks `base64(HMAC-SHA256(secret, username ‖ clientId))`. Clients without a secret ignore the parameter.
pub(crate) fn check(client: &Client, username: &str, hash: Option<&str>) -> Result<(), ApiError> {
    let (Some(secret), id) = (&client.secret, &client.id) else {
        return Ok(());
    };
    let Some(hash) = hash else {
        let text =
            format!("Client {id} is configured with secret but SECRET_HASH was not received");
        return Err(ApiError::not_authorized(text));
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let given = STANDARD.decode(hash).unwrap_or_default();
    hmac::verify(&key, format!("{username}{id}").as_bytes(), &given).map_err(|_differs| {
        ApiError::not_authorized(format!("SecretHash does not match for the client: {id}"))
    })
}

/// Whether a plain `ClientSecret` is the client's; a client without a secret needs none.
pub(crate) fn is_secret_of(client: &Client, given: Option<&str>) -> bool {
    match &client.secret {
        None => true,
        Some(secret) => given.is_some_and(|given| {
            verify_slices_are_equal(given.as_bytes(), secret.as_bytes()).is_ok()
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Map, Value};

    use super::*;
    use crate::state::ClientSettings;

    fn client(id: &str, secret: Option<&str>) -> Client {
        Client {
            id: id.to_owned(),
            name: String::new(),
            secret: secret.map(str::to_owned),
            settings: ClientSettings::default(),
            shown: Map::new(),
            created: Duration::ZERO,
        }
    }

    #[test]
    fn every_vector_is_accepted_and_every_other_hash_refused() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../tests/data/srp-vectors.json")).unwrap();
        for vector in vectors["secret_hash"].as_array().unwrap() {
            let text = |field: &str| vector[field].as_str().unwrap();
            let client = client(text("client_id"), Some(text("client_secret")));
            check(&client, text("username"), Some(text("secret_hash"))).unwrap();
            for (username, hash) in [
                (text("username"), None),
                (text("username"), Some("")),
                (text("username"), Some("AAAA")),
                ("somebody else", Some(text("secret_hash"))),
            ] {
                assert!(
                    check(&client, username, hash).is_err(),
                    "{username} {hash:?}"
                );
            }
        }
    }

    #[test]
    fn a_client_without_a_secret_ignores_the_hash() {
        check(&client("web", None), "ada", None).unwrap();
        check(&client("web", None), "ada", Some("anything")).unwrap();
        assert!(is_secret_of(&client("web", None), None));
        assert!(!is_secret_of(&client("web", Some("secret")), None));
        assert!(!is_secret_of(
            &client("web", Some("secret")),
            Some("Secret")
        ));
        assert!(is_secret_of(&client("web", Some("secret")), Some("secret")));
    }
}
