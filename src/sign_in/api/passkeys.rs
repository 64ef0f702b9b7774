//! Passkeys by the API, signed in: `listWebAuthnCredentials`, `associateWebAuthnCredential` in its two halves, and
//! `deleteWebAuthnCredential` of AWS Amplify. The browser's own part is the application's: `navigator.credentials.create`.

use http::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::body::Body;
use crate::sign_in::SignIn;
use crate::sign_in::account::steps::Action;
use crate::sign_in::error::StepError;
use crate::sign_in::visit::Visit;

use super::account::text;

/// POST api/passkeys/start: nothing needs to be said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {}

/// POST api/passkeys/complete.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Complete {
    /// `PublicKeyCredential.toJSON()` of the browser.
    credential: Map<String, Value>,
}

/// POST api/passkeys/delete.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delete {
    #[serde(rename = "credentialId")]
    id: String,
}

impl SignIn {
    /// GET api/passkeys.
    pub(in crate::sign_in) async fn api_passkeys(&self, visit: &Visit<'_>) -> Response<Body> {
        let listed = async {
            let access_token = self.sessions.access_token(visit.headers()).await?;
            let passkeys = self.pool.passkeys(&access_token).await;
            let passkeys = passkeys.map_err(StepError::Pool)?;
            let credentials = passkeys.iter().map(|passkey| {
                json!({
                    "credentialId": passkey.id,
                    "friendlyCredentialName": passkey.name,
                    // Seconds since 1970, as Cognito gives it.
                    "createdAt": passkey.created.0,
                })
            });
            Ok(json!({ "credentials": credentials.collect::<Vec<_>>() }))
        };
        self.api_answer(visit, listed.await)
    }

    /// POST api/passkeys/start.
    pub(in crate::sign_in) async fn api_start_passkey(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let started = async {
            let Start {} = self.read_json(visit, body).await?;
            let access_token = self.sessions.access_token(visit.headers()).await?;
            let options = self.pool.start_passkey(&access_token).await;
            let options = options.map_err(StepError::Pool)?;
            Ok(json!({ "credentialCreationOptions": options }))
        };
        self.api_answer(visit, started.await)
    }

    /// POST api/passkeys/complete.
    pub(in crate::sign_in) async fn api_complete_passkey(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let completed = async {
            let Complete { credential } = self.read_json(visit, body).await?;
            let access_token = self.sessions.access_token(visit.headers()).await?;
            let action = Action::SavePasskey {
                access_token,
                credential,
            };
            self.api_step(action).await?;
            Ok(json!({ "isComplete": true }))
        };
        self.api_answer(visit, completed.await)
    }

    /// POST api/passkeys/delete.
    pub(in crate::sign_in) async fn api_delete_passkey(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Response<Body> {
        let deleted = async {
            let Delete { id } = self.read_json(visit, body).await?;
            let id = text("credentialId", &id)?;
            let access_token = self.sessions.access_token(visit.headers()).await?;
            self.api_step(Action::DeletePasskey { access_token, id })
                .await?;
            Ok(json!({ "isDeleted": true }))
        };
        self.api_answer(visit, deleted.await)
    }
}
