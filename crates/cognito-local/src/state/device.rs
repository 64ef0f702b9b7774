//! Devices a pool remembers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::srp::Password;

/// `DeviceConfiguration`; a pool without one remembers no devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeviceSettings {
    /// A remembered device stands in for the second factor.
    pub challenge_required_on_new_device: bool,
    /// A confirmed device is remembered only after UpdateDeviceStatus; without it, at once.
    pub only_remembered_on_user_prompt: bool,
}

/// A device its client confirmed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    /// What SRP hashes in place of the pool's name.
    pub(crate) group_key: String,
    /// The verifier of the device's own secret.
    pub(crate) password: Password,
    pub(crate) name: Option<String>,
    pub(crate) remembered: bool,
    pub(crate) created: Duration,
    pub(crate) modified: Duration,
    pub(crate) authenticated: Duration,
}

impl Device {
    /// Devices one user may have; a new one takes the place of the one that signed in longest ago.
    pub(crate) const MOST: usize = 100;

    /// `DeviceRememberedStatus`, also the attribute `device_status`.
    pub(crate) fn status(&self) -> &'static str {
        if self.remembered {
            "remembered"
        } else {
            "not_remembered"
        }
    }
}
