//! Remembered devices at the pool: a new one is confirmed after the sign-in, or its tokens cannot be renewed.

use aws_lc_rs::rand;
use cognito_flow::{Entropy, RememberedDevice, Secret};
use zeroize::Zeroizing;

use super::{CognitoError, SignedIn, UserPool, report};

impl UserPool {
    /// ConfirmDevice and, where the person must agree and does, UpdateDeviceStatus. Gives the device as this browser may
    /// keep it; `None` when there is nothing new.
    ///
    /// # Errors
    /// The device is not confirmed: the tokens cannot be renewed, but hold for their time.
    pub async fn confirm_device(
        &self,
        signed_in: &SignedIn,
        name: &str,
        remember: bool,
    ) -> Result<Option<RememberedDevice>, CognitoError> {
        let Some(new) = signed_in.new_device.clone() else {
            return Ok(None);
        };
        let entropy = [entropy()?, entropy()?];
        let register = move || Ok(RememberedDevice::register(new, entropy));
        let (device, verifier) = self.off_thread(register).await.inspect_err(report)?;
        let (token, key) = (&signed_in.access_token, device.device_key.as_str());
        let confirmed = match self.api.confirm_device(token, key, name, verifier).await {
            Err(error) if error.exception_name() == Some("DeviceKeyExistsException") => {
                return Ok(None);
            }
            confirmed => confirmed,
        };
        let must_agree = confirmed.inspect_err(report)?;
        if must_agree && remember {
            let remembered = self.api.remember_device(token, key).await;
            remembered.inspect_err(report)?;
        }
        Ok(Some(device))
    }

    /// ForgetDevice.
    ///
    /// # Errors
    /// [`CognitoError::DeviceUnknown`] when it is forgotten already.
    pub async fn forget_device(
        &self,
        access_token: &Secret<String>,
        device_key: &str,
    ) -> Result<(), CognitoError> {
        let forgotten = self.api.forget_device(access_token, device_key).await;
        forgotten.inspect_err(report)
    }
}

/// Random bits for one step.
pub(super) fn entropy() -> Result<Entropy, CognitoError> {
    let mut bits = Zeroizing::new([0_u8; 48]);
    rand::fill(bits.as_mut())
        .map_err(|_| CognitoError::Internal("the system's random source failed"))?;
    Ok(Entropy::new(*bits))
}
