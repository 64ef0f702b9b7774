//! A sign-in between two calls: who, how it began, and what is proven so far.
//!
//! Travels sealed in the `Session` (or the SECRET_BLOCK, where there is no `Session`), so the pool keeps nothing for who
//! never comes back. What the account allows is not in here: `go_on` asks the state each time.

use serde::{Deserialize, Serialize};

use super::Target;
use crate::state::AuthFlow;

/// One sign-in under way.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct UnderWay {
    /// Key of the user in the pool; of a stand-in the folded name typed.
    pub(crate) user: String,
    /// Whether there was such a user at the beginning. A sign-in without one is played to its end and gets no tokens.
    pub(crate) known: bool,
    /// `USERNAME` and `USER_ID_FOR_SRP` of challenges.
    pub(crate) name: String,
    /// `userName` of events: the internal name, or what was typed when nobody has it.
    pub(crate) event_name: String,
    pub(crate) flow: Flow,
    /// Steps that are done, in the form the triggers see (`session`), oldest first.
    pub(crate) proven: Vec<Entry>,
    /// The password proven, by its salt: a password set since by somebody else ends the sign-in.
    pub(crate) password: Option<String>,
    /// Whether the user chose a new password on the way.
    pub(crate) new_password: bool,
    /// `DEVICE_KEY`, the newest one sent.
    pub(crate) device_key: Option<String>,
    /// The device that proved itself.
    pub(crate) proven_device: Option<String>,
    /// Whether a second factor was proven.
    pub(crate) second_factor: bool,
    /// Whether DefineAuthChallenge has let the user through.
    pub(crate) let_through: bool,
    /// `SRP_A` of this very call.
    #[serde(skip)]
    pub(crate) srp_a: Option<String>,
}

/// How a sign-in began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Flow {
    UserSrp,
    UserPassword,
    AdminUserPassword,
    Custom,
    UserAuth,
}

impl Flow {
    /// The entry of ExplicitAuthFlows it needs.
    pub(crate) fn setting(self) -> AuthFlow {
        match self {
            Self::UserSrp => AuthFlow::AllowUserSrpAuth,
            Self::UserPassword => AuthFlow::AllowUserPasswordAuth,
            Self::AdminUserPassword => AuthFlow::AllowAdminUserPasswordAuth,
            Self::Custom => AuthFlow::AllowCustomAuth,
            Self::UserAuth => AuthFlow::AllowUserAuth,
        }
    }
}

/// A step of a sign-in, an item of `session` in events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) challenge_name: String,
    pub(crate) challenge_result: bool,
    /// What CreateAuthChallenge called its challenge.
    pub(crate) challenge_metadata: Option<String>,
}

impl UnderWay {
    /// A sign-in that has proven nothing yet.
    pub(super) fn begin(target: &Target, flow: Flow, device_key: Option<&String>) -> Self {
        Self {
            user: target.key.clone(),
            known: target.known,
            name: target.name.clone(),
            event_name: if target.known {
                target.name.clone()
            } else {
                target.typed.clone()
            },
            flow,
            proven: Vec::new(),
            password: None,
            new_password: false,
            device_key: device_key.cloned(),
            proven_device: None,
            second_factor: false,
            let_through: false,
            srp_a: None,
        }
    }

    /// Adds a step that is done.
    pub(crate) fn prove(&mut self, challenge: &str) {
        self.proven.push(Entry {
            challenge_name: challenge.to_owned(),
            challenge_result: true,
            challenge_metadata: None,
        });
    }

    /// Whether a step of this name was passed.
    pub(crate) fn has_proven(&self, challenge: &str) -> bool {
        self.proven
            .iter()
            .any(|entry| entry.challenge_name == challenge && entry.challenge_result)
    }

    /// Takes over a `DEVICE_KEY` that came with an answer.
    pub(crate) fn see_device(&mut self, responses: &super::Parameters) {
        if let Some(key) = responses.get("DEVICE_KEY") {
            self.device_key = Some(key.clone());
        }
    }

    /// `triggerSource` of PreTokenGeneration.
    pub(crate) fn token_source(&self) -> &'static str {
        if self.has_proven("DEVICE_PASSWORD_VERIFIER") {
            "TokenGeneration_AuthenticateDevice"
        } else if self.new_password {
            "TokenGeneration_NewPasswordChallenge"
        } else {
            "TokenGeneration_Authentication"
        }
    }
}
