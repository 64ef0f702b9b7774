//! What to send to the user pool. Plain values in Cognito's own names; the caller turns them into requests.

use std::collections::BTreeMap;
use std::fmt;

use crate::challenge::password_verifier;
use crate::{AppClient, CognitoSession, Context, Secret};

/// One request to the user pool. None may be sent twice: a repeated answer burns the session and counts as a wrong try.
#[derive(Debug)]
pub enum Call {
    InitiateAuth {
        auth_flow: &'static str,
        parameters: Parameters,
        session: Option<CognitoSession>,
    },
    RespondToAuthChallenge {
        challenge: &'static str,
        responses: Parameters,
        session: Option<CognitoSession>,
    },
    /// Begins MFA_SETUP with an authenticator app.
    AssociateSoftwareToken { session: Option<CognitoSession> },
    /// Proves that the app has the secret.
    VerifySoftwareToken {
        session: Option<CognitoSession>,
        user_code: Secret<String>,
        /// `FriendlyDeviceName`.
        device_name: Option<String>,
    },
    /// Takes the plain client secret where the first two take SECRET_HASH.
    GetTokensFromRefreshToken {
        refresh_token: Secret<String>,
        client_secret: Option<Secret<String>>,
        device_key: Option<String>,
    },
}

impl Call {
    /// Cognito's name of the operation, for logs and metrics.
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::InitiateAuth { .. } => "InitiateAuth",
            Self::RespondToAuthChallenge { .. } => "RespondToAuthChallenge",
            Self::AssociateSoftwareToken { .. } => "AssociateSoftwareToken",
            Self::VerifySoftwareToken { .. } => "VerifySoftwareToken",
            Self::GetTokensFromRefreshToken { .. } => "GetTokensFromRefreshToken",
        }
    }

    /// Whether the pool judges the person's password by it.
    pub(crate) fn proves_password(&self) -> bool {
        match self {
            Self::InitiateAuth { parameters, .. } => parameters.get("PASSWORD").is_some(),
            Self::RespondToAuthChallenge {
                challenge,
                responses,
                ..
            } => *challenge == password_verifier::NAME || responses.get("PASSWORD").is_some(),
            Self::AssociateSoftwareToken { .. }
            | Self::VerifySoftwareToken { .. }
            | Self::GetTokensFromRefreshToken { .. } => false,
        }
    }
}

/// `AuthParameters` or `ChallengeResponses`: flat text to text, in order of the names.
#[derive(Default)]
pub struct Parameters(BTreeMap<String, Secret<String>>);

impl Parameters {
    /// USERNAME and, for a client with a secret, the SECRET_HASH over that very name.
    pub(crate) fn for_user(client: &AppClient, username: &str) -> Self {
        let mut parameters = Self::default();
        parameters.insert("USERNAME", Secret::new(username.to_owned()));
        parameters.insert_secret_hash(client, username);
        parameters
    }

    pub(crate) fn insert(&mut self, name: impl Into<String>, value: Secret<String>) {
        self.0.insert(name.into(), value);
    }

    pub(crate) fn insert_secret_hash(&mut self, client: &AppClient, username: &str) {
        if let Some(secret_hash) = client.secret_hash(username) {
            self.insert("SECRET_HASH", secret_hash);
        }
    }

    /// DEVICE_KEY, for a person whose browser is remembered.
    pub(crate) fn insert_device_key(&mut self, context: &Context<'_>) {
        if let Some(device) = context.device {
            self.insert("DEVICE_KEY", Secret::new(device.device_key.clone()));
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose().as_str()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.expose().as_str())
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
