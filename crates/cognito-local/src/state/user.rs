//! One user of a pool.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::Factors;
use crate::random;
use crate::srp::Password;

/// Former passwords kept: the longest `PasswordHistorySize` less the current one.
const PASSWORDS_REMEMBERED: usize = 23;

/// Cognito's `UserStatus`, those the local pool knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserStatus {
    /// Signed up, not confirmed yet.
    Unconfirmed,
    /// Signs in with the password.
    #[default]
    Confirmed,
    /// Must set a password of their own first (ForgotPassword).
    ResetRequired,
    /// Has a temporary password: meets NEW_PASSWORD_REQUIRED.
    ForceChangePassword,
}

impl UserStatus {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Confirmed => "CONFIRMED",
            Self::ResetRequired => "RESET_REQUIRED",
            Self::ForceChangePassword => "FORCE_CHANGE_PASSWORD",
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct User {
    /// The internal user name (USER_ID_FOR_SRP): never changes, since every verifier is made with it.
    pub(crate) name: String,
    /// With `sub`; without `cognito:user_status`.
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) enabled: bool,
    pub(crate) status: UserStatus,
    pub(crate) password: Option<Password>,
    /// Passwords before this one, the last first.
    #[serde(default)]
    pub(crate) password_history: Vec<Password>,
    /// When the password was set: a temporary one expires.
    pub(crate) password_set: Duration,
    pub(crate) groups: BTreeSet<String>,
    /// Second factors, devices and passkeys.
    #[serde(default)]
    pub(crate) factors: Factors,
    pub(crate) created: Duration,
    pub(crate) modified: Duration,
    /// The password as the seed wrote or generated it, for the banner; gone when it is changed.
    pub(crate) printed_password: Option<String>,
}

/// The internal name of a new user.
pub(crate) enum UserName {
    /// The name the user signs in with.
    Chosen(String),
    /// The `sub`, where users sign in with an attribute.
    Sub(String),
}

impl UserName {
    /// The name itself.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Chosen(name) | Self::Sub(name) => name,
        }
    }
}

impl User {
    /// A user without a password, who cannot sign in yet. In pools with UsernameAttributes the name is the `sub`.
    pub(crate) fn new(
        name: UserName,
        mut attributes: BTreeMap<String, String>,
        now: Duration,
    ) -> Result<Self, Unspecified> {
        let (name, sub) = match name {
            UserName::Sub(sub) => (sub.clone(), sub),
            UserName::Chosen(name) => (name, random::uuid()?),
        };
        attributes.insert("sub".to_owned(), sub);
        Ok(Self {
            name,
            attributes,
            enabled: true,
            status: UserStatus::Unconfirmed,
            password: None,
            password_history: Vec::new(),
            password_set: now,
            groups: BTreeSet::new(),
            factors: Factors::default(),
            created: now,
            modified: now,
            printed_password: None,
        })
    }

    pub(crate) fn sub(&self) -> &str {
        self.attributes.get("sub").map_or("", String::as_str)
    }

    /// A contact attribute (`email`, `phone_number`) the user has proven to own.
    pub(crate) fn verified(&self, attribute: &str) -> Option<&str> {
        let flag = self.attributes.get(&format!("{attribute}_verified"));
        let value = self.attributes.get(attribute)?;
        (flag.is_some_and(|flag| flag == "true") && !value.is_empty()).then_some(value.as_str())
    }

    /// `user.id` of passkeys, base64url: the `sub`, since it tells nobody who the user is.
    pub(crate) fn passkey_handle(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.sub())
    }

    /// Sets a password and the status that comes with it.
    pub(crate) fn set_password(&mut self, password: Password, status: UserStatus, now: Duration) {
        if let Some(last) = self.password.replace(password) {
            self.password_history.insert(0, last);
            self.password_history.truncate(PASSWORDS_REMEMBERED);
        }
        self.status = status;
        self.password_set = now;
        self.modified = now;
        self.printed_password = None;
    }
}
