//! Passkeys at the pool: adding, listing and deleting those of the signed-in person.

use cognito_flow::{Secret, UnixSeconds};
use serde_json::{Map, Value};

use super::{CognitoError, UserPool, report};

/// A passkey of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// `CredentialId`.
    pub id: String,
    /// `FriendlyCredentialName`.
    pub name: String,
    /// `CreatedAt`.
    pub created: UnixSeconds,
}

impl UserPool {
    /// StartWebAuthnRegistration: PublicKeyCredentialCreationOptionsJSON (Web Authentication level 3).
    ///
    /// # Errors
    /// [`CognitoError::Misconfigured`] where the pool offers no passkeys.
    pub async fn start_passkey(
        &self,
        access_token: &Secret<String>,
    ) -> Result<Map<String, Value>, CognitoError> {
        let started = Box::pin(self.api.start_passkey(access_token)).await;
        started.inspect_err(report)
    }

    /// CompleteWebAuthnRegistration, with the browser's RegistrationResponseJSON.
    ///
    /// # Errors
    /// [`CognitoError::PasskeyRefused`]: the person can try again.
    pub async fn complete_passkey(
        &self,
        access_token: &Secret<String>,
        credential: Map<String, Value>,
    ) -> Result<(), CognitoError> {
        let completed = Box::pin(self.api.complete_passkey(access_token, credential)).await;
        completed.inspect_err(report)
    }

    /// ListWebAuthnCredentials: 20 at most.
    ///
    /// # Errors
    /// [`CognitoError::RefreshRefused`] when the access token is not valid any more.
    pub async fn passkeys(
        &self,
        access_token: &Secret<String>,
    ) -> Result<Vec<Passkey>, CognitoError> {
        Box::pin(self.api.passkeys(access_token))
            .await
            .inspect_err(report)
    }

    /// DeleteWebAuthnCredential.
    ///
    /// # Errors
    /// As [`UserPool::passkeys`].
    pub async fn delete_passkey(
        &self,
        access_token: &Secret<String>,
        id: &str,
    ) -> Result<(), CognitoError> {
        let deleted = Box::pin(self.api.delete_passkey(access_token, id)).await;
        deleted.inspect_err(report)
    }
}
