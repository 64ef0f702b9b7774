//! PASSWORD_VERIFIER: the pool's half of SRP came, the proof of the password goes back. No person is asked.
//!
//! Cognito gives seconds for this step, so the password is held across one call and no longer.

use super::Asked;
use crate::srp::{EphemeralKey, Identity, ServerValues};
use crate::timestamp::Timestamp;
use crate::{FlowError, Parameters, Secret};

pub(crate) const NAME: &str = "PASSWORD_VERIFIER";

/// Holds the password and the SRP secret until the pool's values come.
pub(crate) struct Prover {
    key: EphemeralKey,
    password: Secret<String>,
}

impl Prover {
    pub(crate) fn new(exponent: &[u8], password: Secret<String>) -> Self {
        Self {
            key: EphemeralKey::new(exponent),
            password,
        }
    }

    pub(crate) fn srp_a(&self) -> String {
        self.key.srp_a()
    }

    /// The responses, and the USERNAME they carry: USER_ID_FOR_SRP, which is also the name that is hashed.
    pub(crate) fn respond(self, asked: &Asked<'_>) -> Result<(String, Parameters), FlowError> {
        let context = asked.context;
        let user_id = asked.required(NAME, "USER_ID_FOR_SRP")?;
        let secret_block = asked.required(NAME, "SECRET_BLOCK")?;
        let server = ServerValues::parse(
            asked.required(NAME, "SRP_B")?,
            asked.required(NAME, "SALT")?,
            secret_block,
        )?;
        let identity = Identity {
            namespace: context.client.pool_id().name(),
            id: user_id,
            password: self.password.expose(),
        };
        let timestamp = Timestamp(context.now).to_string();
        let signature = self.key.sign(&identity, &server, &timestamp)?;

        let mut responses = Parameters::for_user(context.client, user_id);
        responses.insert(
            "PASSWORD_CLAIM_SECRET_BLOCK",
            Secret::new(secret_block.to_owned()),
        );
        responses.insert("PASSWORD_CLAIM_SIGNATURE", Secret::new(signature));
        responses.insert("TIMESTAMP", Secret::new(timestamp));
        responses.insert_device_key(context);
        Ok((user_id.to_owned(), responses))
    }
}
