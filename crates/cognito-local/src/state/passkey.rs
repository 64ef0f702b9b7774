//! Passkeys of a user, and how a pool takes them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::web_authn::PublicKey;

/// `WebAuthnConfiguration`; a pool without one takes no passkeys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebAuthnSettings {
    /// The domain passkeys are made for: the host name of the page or a parent of it. `localhost` on one machine.
    pub relying_party_id: String,
    /// Whether the authenticator must check who holds it (`required`), or only where it can (`preferred`).
    pub user_verification_required: bool,
    /// `MULTI_FACTOR_WITH_USER_VERIFICATION`: a passkey whose holder was checked needs no second factor.
    pub multi_factor: bool,
}

impl WebAuthnSettings {
    /// `UserVerification`.
    pub(crate) fn user_verification(&self) -> &'static str {
        if self.user_verification_required {
            "required"
        } else {
            "preferred"
        }
    }

    /// What browsers are asked: a passkey that stands for two factors is worth nothing unverified.
    pub(crate) fn asked_verification(&self) -> &'static str {
        if self.multi_factor {
            "required"
        } else {
            self.user_verification()
        }
    }

    /// `FactorConfiguration`.
    pub(crate) fn factor_configuration(&self) -> &'static str {
        if self.multi_factor {
            "MULTI_FACTOR_WITH_USER_VERIFICATION"
        } else {
            "SINGLE_FACTOR"
        }
    }
}

/// A registered passkey.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Passkey {
    /// Base64url without padding, as it goes over the wire.
    pub(crate) id: String,
    pub(crate) public_key: PublicKey,
    /// The RP id it was made for: worthless under another one.
    pub(crate) relying_party_id: String,
    /// The authenticator's signature counter; 0 where it keeps none.
    pub(crate) counter: u32,
    pub(crate) name: String,
    pub(crate) attachment: Option<String>,
    pub(crate) transports: BTreeSet<String>,
    pub(crate) created: Duration,
}

impl Passkey {
    /// Passkeys one user may have.
    pub(crate) const MOST: usize = 20;
}
