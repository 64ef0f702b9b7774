//! One step of a sign-in: the person's answer goes to the pool, and a session or the next question comes back.
//!
//! What the pages and the API have in common. Knows nothing of forms, JSON or HTML.

use std::sync::Arc;

use aws_lc_rs::hmac;
use cognito_flow::{Answer, Credentials, Pending};
use http::{HeaderMap, HeaderValue};
use tokio_util::task::TaskTracker;

use crate::cognito::{CognitoError, Progress, UserPool};
use crate::keys::Keys;
use crate::session::Sessions;

use super::error::{Fault, StepError};
use super::once::{Once, StepKey};

/// What a step led to.
pub(super) enum Outcome {
    /// The pool asks something more.
    Ask(Pending),
    /// A session has begun: its `Set-Cookie` values.
    SignedIn(Vec<HeaderValue>),
}

/// Takes steps.
pub(super) struct Steps {
    pool: Arc<UserPool>,
    sessions: Arc<Sessions>,
    once: Once<Outcome>,
    key: hmac::Key,
}

impl Steps {
    /// `tasks` owns the steps under way.
    pub(super) fn new(
        keys: &Keys,
        pool: Arc<UserPool>,
        sessions: Arc<Sessions>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            pool,
            sessions,
            once: Once::new(tasks, weight),
            key: hmac::Key::new(hmac::HMAC_SHA256, keys.sealing("step").as_slice()),
        }
    }

    /// The first step. `nonce` is what makes this form another than the next one with the same credentials.
    pub(super) async fn begin(
        &self,
        nonce: &[u8],
        credentials: Credentials,
        request: &HeaderMap,
    ) -> Result<Arc<Outcome>, Arc<StepError>> {
        let key = self.key_of([
            nonce,
            credentials.username.as_bytes(),
            credentials.password.expose().as_bytes(),
        ]);
        let (pool, sessions, request) = self.for_step(request);
        let step = async move { settle(pool.begin(credentials).await, &sessions, &request).await };
        self.once.run(key, step).await
    }

    /// A later step. `attempt` is the sealed text that `pending` was opened from.
    pub(super) async fn answer(
        &self,
        attempt: &str,
        pending: Pending,
        answer: Answer,
        request: &HeaderMap,
    ) -> Result<Arc<Outcome>, Arc<StepError>> {
        let Answer::NewPassword {
            password,
            attributes,
        } = &answer;
        let parts = [attempt.as_bytes(), password.expose().as_bytes()].into_iter();
        let key = self.key_of(
            parts.chain(
                attributes
                    .iter()
                    .flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]),
            ),
        );
        let (pool, sessions, request) = self.for_step(request);
        let step =
            async move { settle(pool.answer(pending, answer).await, &sessions, &request).await };
        self.once.run(key, step).await
    }

    fn for_step(&self, request: &HeaderMap) -> (Arc<UserPool>, Arc<Sessions>, HeaderMap) {
        (
            Arc::clone(&self.pool),
            Arc::clone(&self.sessions),
            request.clone(),
        )
    }

    /// A MAC and not a hash: it is kept for a minute, and must not help to guess a password.
    fn key_of<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> StepKey {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut key = StepKey::default();
        key.iter_mut()
            .zip(context.sign().as_ref())
            .for_each(|(to, from)| *to = *from);
        key
    }
}

async fn settle(
    progress: Result<Progress, CognitoError>,
    sessions: &Sessions,
    request: &HeaderMap,
) -> Result<Outcome, StepError> {
    let outcome = match progress {
        Ok(Progress::Ask(pending)) => Ok(Outcome::Ask(pending)),
        Ok(Progress::SignedIn(signed_in)) => match sessions.begin(signed_in, request).await {
            Ok(cookies) => Ok(Outcome::SignedIn(cookies)),
            Err(error) => Err(Fault::Session(error).into()),
        },
        Err(error) => Err(StepError::Pool(error)),
    };
    let told = match &outcome {
        Ok(Outcome::Ask(pending)) => pending.challenge().name(),
        Ok(Outcome::SignedIn(_)) => "signed_in",
        Err(error) => error.code(),
    };
    tracing::info!(outcome = told, "sign-in step");
    outcome
}

fn weight(outcome: &Outcome) -> u32 {
    let bytes = match outcome {
        Outcome::Ask(pending) => pending.encode().expose().len(),
        Outcome::SignedIn(cookies) => cookies.iter().map(HeaderValue::len).sum(),
    };
    // At least what an entry costs by itself.
    u32::try_from(bytes).unwrap_or(u32::MAX).max(512)
}
