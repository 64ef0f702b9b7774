//! The user pool over the network: the flows' calls, the tokens' verification, the keys.
use std::time::Duration;

use cognito_flow::{Answer, AppClient, Credentials, FlowKind, Pending, Secret, UnixSeconds};
use url::Url;

use crate::clock::Clock;
use crate::identity::Claims;

/// How to reach the pool and what to believe.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Pool id, client id and, for a client that has one, its secret.
    pub client: AppClient,
    /// The flow that sign-in begins with.
    pub flow: FlowKind,
    /// Where the Cognito API answers; default `https://cognito-idp.{region}.amazonaws.com/`.
    pub endpoint: Url,
    /// The `iss` of the pool's tokens; default `https://cognito-idp.{region}.amazonaws.com/{pool id}`.
    pub issuer: String,
    /// Where the pool's keys are; default `{issuer}/.well-known/jwks.json`.
    pub jwks_url: Url,
    /// A PEM file with further certificate authorities for these two.
    pub ca_file: Option<std::path::PathBuf>,
    /// Longest wait for one call, connecting included (default 5 s).
    pub call_timeout: Duration,
}

/// The user pool, as the rest of sidegate sees it.
#[derive(Debug)]
pub struct UserPool(());

/// How far a sign-in has come.
#[derive(Debug)]
pub enum Progress {
    /// The pool asks something more.
    Ask(Pending),
    /// Done, and the tokens are verified.
    SignedIn(SignedIn),
}

/// Verified tokens.
#[derive(Debug)]
pub struct SignedIn {
    /// The ID token's claims.
    pub claims: Claims,
    /// For renewing; Cognito's tokens are opaque to everybody else.
    pub grant: RefreshGrant,
    /// When the access token was issued and when it ends (`iat`, `exp`).
    pub issued_at: UnixSeconds,
    /// See `issued_at`.
    pub expires_at: UnixSeconds,
    /// When the person proved who they are (`auth_time`).
    pub auth_time: UnixSeconds,
}

/// What a session keeps to renew its tokens.
#[derive(Clone, Debug)]
pub struct RefreshGrant {
    /// The refresh token.
    pub refresh_token: Secret<String>,
    /// `username` of the access token: the name that REFRESH_TOKEN_AUTH's SECRET_HASH is made of.
    pub username: String,
    /// The `sub` that renewed tokens must have.
    pub subject: String,
}

/// Why the pool did not do what was asked. Three readers: `Display` is for the log,
/// [`CognitoError::user_message`] for the person, [`CognitoError::operator_hint`] for whoever runs sidegate.
#[derive(Debug, thiserror::Error)]
pub enum CognitoError {
    /// Wrong user name or password, or no such user.
    #[error("user name or password refused")]
    BadCredentials,
    // … the rest is this part's own
}

impl UserPool {
    /// Builds the clients; no call is made yet.
    pub fn new(_settings: Settings, _clock: Clock) -> Result<Self, CognitoError> {
        todo!()
    }
    /// Fetches the keys, retrying until it has one good set, then keeps them fresh. Ends only when dropped.
    pub async fn keep_keys_fresh(&self) {
        todo!()
    }
    /// Whether tokens can be verified.
    pub fn is_ready(&self) -> bool {
        todo!()
    }
    /// Starts a sign-in with the configured flow.
    pub async fn begin(&self, _credentials: Credentials) -> Result<Progress, CognitoError> {
        todo!()
    }
    /// Goes on with the person's answer.
    pub async fn answer(
        &self,
        _pending: Pending,
        _answer: Answer,
    ) -> Result<Progress, CognitoError> {
        todo!()
    }
    /// New tokens for a session.
    pub async fn refresh(&self, _grant: &RefreshGrant) -> Result<SignedIn, CognitoError> {
        todo!()
    }
    /// Ends the refresh token at the pool.
    pub async fn revoke(&self, _refresh_token: &Secret<String>) -> Result<(), CognitoError> {
        todo!()
    }
}

impl CognitoError {
    /// Whether asking again later can help: a dead, slow or throttling pool. A session is never ended for it.
    pub fn is_outage(&self) -> bool {
        todo!()
    }
    /// HTTP status for the page or the API.
    pub fn status(&self) -> http::StatusCode {
        todo!()
    }
    /// What the person can do; no internals, no hint whether a user exists.
    pub fn user_message(&self) -> &'static str {
        todo!()
    }
    /// What the operator must change, if it is theirs to change.
    pub fn operator_hint(&self) -> Option<String> {
        todo!()
    }
}
