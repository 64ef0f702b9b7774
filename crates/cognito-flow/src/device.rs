//! Remembered devices: the password a browser keeps for its next sign-in, and the verifier the pool keeps of it
//! (ConfirmDevice). Same algebra as for a person's password, with the device's own names.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::srp::{Identity, device_verifier};
use crate::{Entropy, NewDevice, Secret};

/// A device that the pool remembers, as a browser keeps it: to be sealed.
#[derive(Clone)]
pub struct RememberedDevice {
    /// `DeviceKey`.
    pub device_key: String,
    /// `DeviceGroupKey`.
    pub device_group_key: String,
    /// Base64 text, used as it is.
    pub password: Secret<String>,
}

/// `DeviceSecretVerifierConfig` of ConfirmDevice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceVerifier {
    /// `PasswordVerifier`: base64 of P(v).
    pub password_verifier: String,
    /// `Salt`: base64 of P(salt).
    pub salt: String,
}

impl RememberedDevice {
    /// Makes a device's password and what the pool keeps of it. Takes about 5 ms of CPU: run it off the async threads.
    ///
    /// The password is 40 random bytes, the salt 16: `entropy` gives both, so each must be drawn for this call alone.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "entropy is spent: the same bits never serve two"
    )]
    pub fn register(device: NewDevice, entropy: [Entropy; 2]) -> (Self, DeviceVerifier) {
        let [for_password, for_salt] = &entropy;
        let random = Zeroizing::new(*for_password.expose());
        let password = STANDARD.encode(random.get(..40).unwrap_or_default());
        let salt = for_salt.expose().get(..16).unwrap_or_default();
        let NewDevice {
            device_key,
            device_group_key,
        } = device;
        let remembered = Self {
            device_key,
            device_group_key,
            password: Secret::new(password),
        };
        let (salt, verifier) = device_verifier(&remembered.identity(), salt);
        let verifier = DeviceVerifier {
            password_verifier: STANDARD.encode(&*verifier),
            salt: STANDARD.encode(&*salt),
        };
        (remembered, verifier)
    }

    pub(crate) fn identity(&self) -> Identity<'_> {
        Identity {
            namespace: &self.device_group_key,
            id: &self.device_key,
            password: self.password.expose(),
        }
    }
}

/// The key names the browser to the pool: not for logs either.
impl fmt::Debug for RememberedDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RememberedDevice").finish_non_exhaustive()
    }
}
