//! What the pool knows: pools with their clients, groups, users and sign-ins.
//!
//! Plain values behind one lock in `Service`; operations read and change them in short steps that never wait.
//! Nothing here reads a clock, does arithmetic that takes time, or writes a file (`store` does that).
//! No type here implements `Debug`: they hold verifiers, client secrets and pool secrets.

mod attempts;
mod client;
mod code;
mod device;
mod factor;
mod grant;
mod lockout;
mod passkey;
mod pool;
mod pool_settings;
mod spent;
pub(crate) mod store;
mod user;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use attempts::{Action, Attempts};
pub(crate) use client::Client;
pub use client::{AuthFlow, ClientSettings, Unit, Validity};
pub(crate) use code::{CodeError, CodeUse, Codes};
pub(crate) use device::Device;
pub use device::DeviceSettings;
pub(crate) use factor::{CodeCheck, Factors, Registering, SoftwareToken, code_attempts};
pub use factor::{FirstFactor, MfaConfiguration, MfaMethod, MfaSettings};
pub(crate) use grant::{Grant, GrantedDevice, Presented, RefreshToken};
pub(crate) use lockout::Lockout;
pub(crate) use passkey::Passkey;
pub use passkey::WebAuthnSettings;
pub(crate) use pool::{Group, Pool, is_email, is_phone_number};
pub(crate) use pool_settings::STANDARD_ATTRIBUTES;
pub use pool_settings::{PasswordPolicy, PoolSettings, Recovery};
pub(crate) use spent::Spent;
pub use user::UserStatus;
pub(crate) use user::{User, UserName};

use crate::error::ApiError;

/// Everything that is kept across restarts, and the lock-outs, which are not.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) pools: BTreeMap<String, Pool>,
    /// Counts changes, so that a call waits only for what it changed itself.
    #[serde(skip)]
    pub(crate) version: u64,
}

impl State {
    /// The pool of an id, or ResourceNotFoundException.
    pub(crate) fn pool(&self, id: &str) -> Result<&Pool, ApiError> {
        self.pools.get(id).ok_or_else(|| ApiError::pool_missing(id))
    }

    /// As `pool`, to change it.
    pub(crate) fn pool_mut(&mut self, id: &str) -> Result<&mut Pool, ApiError> {
        self.pools
            .get_mut(id)
            .ok_or_else(|| ApiError::pool_missing(id))
    }

    /// The app client of an id with its pool: client ids are unique over all pools.
    pub(crate) fn client(&self, id: &str) -> Result<(&Pool, &Client), ApiError> {
        self.pools
            .values()
            .find_map(|pool| pool.clients.get(id).map(|client| (pool, client)))
            .ok_or_else(|| ApiError::client_missing(id))
    }
}
