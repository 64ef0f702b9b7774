//! What `sidegate check` asks the pool as any visitor could, with a made-up user and a made-up token.
//!
//! No credentials of AWS are needed, nobody's failed attempts are counted, and no message can be
//! delivered: the name ends in `.invalid` (RFC 2606). Triggers of the pool see the made-up name. What an
//! answer means is for `check` to say.

use cognito_flow::{Credentials, Flow, Refresh, RefreshWay, Reply, Secret, Step};

use super::UserPool;
use super::api::{AwsCredentials, Described};
use super::error::CognitoError;

/// The pool's first answer to a made-up user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The name that was made up.
    pub username: String,
    /// `ChallengeName`; `None` when the pool gave tokens.
    pub challenge: Option<String>,
}

impl UserPool {
    /// Fetches the pool's keys; how many there are.
    ///
    /// # Errors
    /// Why tokens cannot be checked.
    pub async fn probe_keys(&self) -> Result<usize, CognitoError> {
        Ok(self.jwks.refresh().await?)
    }

    /// How many seconds this machine's clock is ahead of the service's; `None` when the service does not tell.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn probe_clock(&self) -> Result<Option<i64>, CognitoError> {
        let there = self.api.date().await?;
        let here = i64::try_from(self.clock.now().0).unwrap_or(i64::MAX);
        Ok(there.map(|there| here.saturating_sub(there)))
    }

    /// Begins a sign-in of nobody with the configured flow.
    ///
    /// # Errors
    /// What the pool has against it; for most pools an error is the right answer.
    pub async fn probe_sign_in(&self) -> Result<Opening, CognitoError> {
        // An e-mail address is taken by every pool, also by those where people sign in with one.
        let username = format!("sidegate-check-{}@check.invalid", uuid::Uuid::new_v4());
        let credentials = Credentials {
            username: username.clone(),
            password: Some(Secret::new(format!("Aa1!{}", uuid::Uuid::new_v4()))),
            preferred: self.flow.preferred_challenge,
            session: None,
        };
        let step = self
            .compute(None, move |context| Ok(Flow::begin(credentials, context)?))
            .await?;
        let Step::Call(call, _) = step else {
            return Err(CognitoError::Internal("a sign-in begins without a call"));
        };
        let challenge = match self.api.send(call, false).await? {
            Reply::Challenge { name, .. } => Some(name),
            _ => None,
        };
        Ok(Opening {
            username,
            challenge,
        })
    }

    /// Tries to renew a made-up refresh token, in the way sessions are renewed.
    ///
    /// # Errors
    /// [`CognitoError::RefreshRefused`] is the right answer.
    pub async fn probe_refresh(&self) -> Result<(), CognitoError> {
        let token = Secret::new(format!("sidegate-check-{}", uuid::Uuid::new_v4()));
        let way = RefreshWay::GetTokensFromRefreshToken;
        let (call, refresh) = Refresh::begin(way, token, "sidegate-check", None, &self.client);
        match self.api.send(call, false).await {
            Err(error @ CognitoError::NotOffered(_)) => {
                let (call, _) = refresh.fall_back(&self.client).ok_or(error)?;
                self.api.send(call, false).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    /// Reads the pool's own settings with credentials of AWS.
    pub async fn describe(&self, credentials: AwsCredentials) -> Described {
        self.api.describe(credentials).await
    }
}
