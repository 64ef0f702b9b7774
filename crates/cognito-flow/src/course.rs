//! What runs through a sign-in from its first call to its tokens, and what the machine waits for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::FlowKind;
use crate::challenge::device::DeviceProver;
use crate::challenge::password_verifier::Prover;

/// What every step of one sign-in knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Course {
    #[serde(rename = "f")]
    pub(crate) kind: FlowKind,
    /// The USERNAME of the next response.
    #[serde(rename = "u")]
    pub(crate) username: String,
    /// CUSTOM_CHALLENGE rounds so far.
    #[serde(rename = "r")]
    pub(crate) rounds: u8,
    /// Whether the pool has found the password right: so once the call under way is not refused.
    #[serde(rename = "p")]
    pub(crate) password_proven: bool,
}

impl Course {
    pub(crate) const fn new(kind: FlowKind, username: String) -> Self {
        Self {
            kind,
            username,
            rounds: 0,
            password_proven: false,
        }
    }

    /// Takes the pool's own name for the person, which replaces an alias as soon as it is told (Amplify does the same).
    pub(crate) fn learn_username(&mut self, parameters: &BTreeMap<String, String>) {
        let told = ["USERNAME", "USER_ID_FOR_SRP"]
            .iter()
            .find_map(|parameter| parameters.get(*parameter).filter(|value| !value.is_empty()));
        if let Some(told) = told {
            self.username.clone_from(told);
        }
    }
}

/// Which replies are in turn.
pub(crate) enum Awaits {
    /// Tokens or any challenge that a person answers.
    Anything,
    PasswordVerifier {
        prover: Prover,
        otherwise: Otherwise,
    },
    DevicePasswordVerifier(DeviceProver),
    /// AssociateSoftwareToken's secret.
    SoftwareTokenSecret,
    /// VerifySoftwareToken's session.
    SoftwareTokenVerified,
}

/// What may come in reply to SRP_A instead of PASSWORD_VERIFIER.
#[derive(Clone, Copy)]
pub(crate) enum Otherwise {
    /// Nothing: the password was not proven.
    Nothing,
    /// Nothing, and it is the pool's triggers that skip the password (CUSTOM_WITH_SRP).
    PasswordSkipped,
    /// A challenge (USER_AUTH: this person cannot do what was preferred), never tokens.
    Challenge,
    /// Everything: the operator lets the pool's triggers skip the password.
    Anything,
}
