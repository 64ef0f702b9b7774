//! The triggers a pool can have, under Cognito's names.

use serde::{Deserialize, Serialize};

/// A point at which the pool calls a function; the names are the keys of `LambdaConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Before a user is made: may confirm, verify or refuse.
    PreSignUp,
    /// After a user was confirmed or has set a new password by code.
    PostConfirmation,
    /// Before a proof is looked at: may refuse.
    PreAuthentication,
    /// After a sign-in, before its tokens.
    PostAuthentication,
    /// Says what comes next in CUSTOM_AUTH.
    DefineAuthChallenge,
    /// Makes a custom challenge.
    CreateAuthChallenge,
    /// Judges the answer to a custom challenge.
    VerifyAuthChallengeResponse,
    /// Changes the claims of tokens.
    PreTokenGeneration,
    /// Takes a user over from elsewhere.
    UserMigration,
    /// Rewrites a message before it is sent.
    CustomMessage,
}

impl Kind {
    /// Every trigger the pool knows.
    pub const ALL: [Self; 10] = [
        Self::PreSignUp,
        Self::PostConfirmation,
        Self::PreAuthentication,
        Self::PostAuthentication,
        Self::DefineAuthChallenge,
        Self::CreateAuthChallenge,
        Self::VerifyAuthChallengeResponse,
        Self::PreTokenGeneration,
        Self::UserMigration,
        Self::CustomMessage,
    ];

    /// The name in `LambdaConfig` and in error texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PreSignUp => "PreSignUp",
            Self::PostConfirmation => "PostConfirmation",
            Self::PreAuthentication => "PreAuthentication",
            Self::PostAuthentication => "PostAuthentication",
            Self::DefineAuthChallenge => "DefineAuthChallenge",
            Self::CreateAuthChallenge => "CreateAuthChallenge",
            Self::VerifyAuthChallengeResponse => "VerifyAuthChallengeResponse",
            Self::PreTokenGeneration => "PreTokenGeneration",
            Self::UserMigration => "UserMigration",
            Self::CustomMessage => "CustomMessage",
        }
    }

    /// The key in the seed's `[pool.triggers]`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::PreSignUp => "pre_sign_up",
            Self::PostConfirmation => "post_confirmation",
            Self::PreAuthentication => "pre_authentication",
            Self::PostAuthentication => "post_authentication",
            Self::DefineAuthChallenge => "define_auth_challenge",
            Self::CreateAuthChallenge => "create_auth_challenge",
            Self::VerifyAuthChallengeResponse => "verify_auth_challenge_response",
            Self::PreTokenGeneration => "pre_token_generation",
            Self::UserMigration => "user_migration",
            Self::CustomMessage => "custom_message",
        }
    }

    /// The trigger of a name in `LambdaConfig`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trigger_is_found_by_its_name_and_kept_under_its_key() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
            assert_eq!(serde_json::json!(kind), kind.key());
        }
    }
}
