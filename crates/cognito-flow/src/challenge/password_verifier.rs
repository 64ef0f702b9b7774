//! PASSWORD_VERIFIER: the pool's half of SRP came, the proof of the password goes back. No person is asked.
//!
//! Cognito gives seconds for this step, so the password is held across one call and no longer.

use std::collections::BTreeMap;

use crate::srp::{EphemeralKey, Identity, ServerValues};
use crate::timestamp::Timestamp;
use crate::{Context, FlowError, Parameters, Secret};

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
    pub(crate) fn respond(
        self,
        parameters: &BTreeMap<String, String>,
        context: &Context<'_>,
    ) -> Result<(String, Parameters), FlowError> {
        let required = |parameter: &'static str| {
            let value = parameters.get(parameter).map(String::as_str);
            value
                .filter(|value| !value.is_empty())
                .ok_or(FlowError::MissingParameter {
                    challenge: NAME,
                    parameter,
                })
        };
        let user_id = required("USER_ID_FOR_SRP")?;
        let secret_block = required("SECRET_BLOCK")?;
        let server = ServerValues::parse(required("SRP_B")?, required("SALT")?, secret_block)?;
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
        Ok((user_id.to_owned(), responses))
    }
}
