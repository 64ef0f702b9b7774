//! DEVICE_SRP_AUTH and DEVICE_PASSWORD_VERIFIER: a remembered browser proves that it has the device's password. No person
//! is asked.

use super::Asked;
use crate::device::RememberedDevice;
use crate::srp::{EphemeralKey, Identity, ServerValues};
use crate::timestamp::Timestamp;
use crate::{FlowError, Parameters, Secret};

/// The challenge that asks for the device's SRP_A.
pub(crate) const SRP_AUTH: &str = "DEVICE_SRP_AUTH";
/// The challenge that follows.
pub(crate) const VERIFIER: &str = "DEVICE_PASSWORD_VERIFIER";

/// Holds the SRP secret until the pool's values come.
pub(crate) struct DeviceProver {
    key: EphemeralKey,
    device: RememberedDevice,
}

impl DeviceProver {
    /// The responses to DEVICE_SRP_AUTH.
    pub(crate) fn begin(asked: &Asked<'_>) -> Result<(Self, Parameters), FlowError> {
        let context = asked.context;
        let device = context.device.ok_or(FlowError::UnknownDevice)?.clone();
        let key = EphemeralKey::new(asked.exponent);
        let mut responses = Parameters::for_user(context.client, &asked.course.username);
        responses.insert_device_key(context);
        responses.insert("SRP_A", Secret::new(key.srp_a()));
        Ok((Self { key, device }, responses))
    }

    /// The responses to DEVICE_PASSWORD_VERIFIER. USERNAME is the person's, as it was.
    pub(crate) fn respond(self, asked: &Asked<'_>) -> Result<Parameters, FlowError> {
        let context = asked.context;
        let secret_block = asked.required(VERIFIER, "SECRET_BLOCK")?;
        let server = ServerValues::parse(
            asked.required(VERIFIER, "SRP_B")?,
            asked.required(VERIFIER, "SALT")?,
            secret_block,
        )?;
        let timestamp = Timestamp(context.now).to_string();
        let signature = self
            .key
            .sign(&self.device.identity(), &server, &timestamp)?;
        let mut responses = Parameters::for_user(context.client, &asked.course.username);
        let Identity { id, .. } = self.device.identity();
        responses.insert("DEVICE_KEY", Secret::new(id.to_owned()));
        responses.insert(
            "PASSWORD_CLAIM_SECRET_BLOCK",
            Secret::new(secret_block.to_owned()),
        );
        responses.insert("PASSWORD_CLAIM_SIGNATURE", Secret::new(signature));
        responses.insert("TIMESTAMP", Secret::new(timestamp));
        Ok(responses)
    }
}
