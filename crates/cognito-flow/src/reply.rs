//! What came back from the user pool. Made by the caller from a successful response; a refusal is the caller's error.

use std::collections::BTreeMap;
use std::fmt;

use crate::{CognitoSession, Secret};

/// A successful response to a [`Call`](crate::Call).
pub enum Reply {
    Challenge {
        /// `ChallengeName`, also one that nobody here knows.
        name: String,
        /// `ChallengeParameters`.
        parameters: BTreeMap<String, String>,
        session: Option<CognitoSession>,
        /// `AvailableChallenges`.
        available: Vec<String>,
    },
    /// `AuthenticationResult`.
    Tokens(TokenSet),
    /// AssociateSoftwareToken's answer.
    SoftwareTokenSecret {
        /// `SecretCode`, Base32.
        secret_code: Secret<String>,
        session: Option<CognitoSession>,
    },
    /// VerifySoftwareToken's answer with Status SUCCESS.
    SoftwareTokenVerified { session: Option<CognitoSession> },
}

impl Reply {
    /// What came, for logs.
    pub fn name(&self) -> &str {
        match self {
            Self::Challenge { name, .. } => name,
            Self::Tokens(_) => "AuthenticationResult",
            Self::SoftwareTokenSecret { .. } => "SecretCode",
            Self::SoftwareTokenVerified { .. } => "SUCCESS",
        }
    }
}

/// Names only: parameters carry SECRET_BLOCK, e-mail addresses and whatever a trigger put in them.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Challenge {
                name,
                parameters,
                session,
                available,
            } => f
                .debug_struct("Challenge")
                .field("name", name)
                .field("parameters", &parameters.keys())
                .field("session", session)
                .field("available", available)
                .finish(),
            Self::Tokens(tokens) => f.debug_tuple("Tokens").field(tokens).finish(),
            Self::SoftwareTokenSecret { .. } | Self::SoftwareTokenVerified { .. } => {
                f.write_str(self.name())
            }
        }
    }
}

/// `AuthenticationResult`: the end of a sign-in or of a refresh.
#[derive(Clone, Debug)]
pub struct TokenSet {
    pub access_token: Secret<String>,
    pub id_token: Secret<String>,
    /// Absent in a reply to REFRESH_TOKEN_AUTH; [`Refresh::on_reply`](crate::Refresh::on_reply) puts the old one in.
    pub refresh_token: Option<Secret<String>>,
    /// Life of the access token, in seconds from its issue.
    pub expires_in: u32,
    /// Set when the pool remembers devices and did not know this one.
    pub new_device: Option<NewDevice>,
}

/// `NewDeviceMetadata`. Identifiers without a fixed format, not secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDevice {
    pub device_key: String,
    pub device_group_key: String,
}
