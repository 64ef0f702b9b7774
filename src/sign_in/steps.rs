//! One step of a sign-in: the person's answer goes to the pool, and a session or the next question comes back.
//!
//! What the pages and the API have in common. Knows nothing of forms, JSON or HTML.

use std::sync::Arc;

use aws_lc_rs::hmac;
use cognito_flow::{Answer, Challenge, Credentials, FirstFactor, Pending, RememberedDevice};
use http::{HeaderMap, HeaderValue};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::cognito::{CognitoError, Progress, SignedIn, UserPool};
use crate::keys::Keys;
use crate::session::Sessions;

use super::browser::Binding;
use super::device::Owner;
use super::error::{Fault, StepError};
use super::once::{Once, StepKey};

/// Most steps under way. A step outlives the request that began it, so the limit of requests does not bound them:
/// a stranger could begin one, hang up, and begin the next.
const MAX_STEPS: usize = 512;

/// What a step led to.
pub(super) struct Outcome {
    pub(super) next: Next,
    /// The pool no longer knows the device that the browser brought.
    pub(super) device_dropped: bool,
}

/// What comes after a step.
pub(super) enum Next {
    /// The pool asks something more.
    Ask(Pending),
    SignedIn(Begun),
}

/// A session that has begun.
pub(super) struct Begun {
    /// Its `Set-Cookie` values.
    pub(super) cookies: Vec<HeaderValue>,
    /// What the pool now knows this browser by, and whose it is.
    pub(super) device: Option<(Owner, RememberedDevice)>,
}

/// The browser that a step is taken for.
pub(super) struct Visitor {
    /// All that a new session wants to know of the request.
    pub(super) cookies: HeaderMap,
    /// Its cookie, if it has one of ours.
    pub(super) browser: Option<Binding>,
    /// What the pool knows it by.
    pub(super) device: Option<RememberedDevice>,
    /// Whether the pool is to remember it.
    pub(super) trusted: bool,
    /// `DeviceName`, for the person's list of devices.
    pub(super) device_name: String,
}

/// Takes steps.
pub(super) struct Steps {
    pool: Arc<UserPool>,
    sessions: Arc<Sessions>,
    once: Once<Outcome>,
    places: Arc<Semaphore>,
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
            places: Arc::new(Semaphore::new(MAX_STEPS)),
            key: hmac::Key::new(hmac::HMAC_SHA256, keys.sealing("step").as_slice()),
        }
    }

    /// The first step. `nonce` is what makes this form another than the next one with the same credentials.
    pub(super) async fn begin(
        &self,
        nonce: &[u8],
        credentials: Credentials,
        visitor: Visitor,
    ) -> Result<Arc<Outcome>, Arc<StepError>> {
        let password = credentials.password.as_ref();
        let browser = visitor.browser.as_ref().map(Binding::as_bytes);
        let key = self.key_of([
            nonce,
            // The form may be posted by another browser, whose outcome is its own: a remembered device spares a second
            // factor to nobody else.
            browser.map_or(&[], <[u8; Binding::BYTES]>::as_slice),
            credentials.username.as_bytes(),
            credentials
                .preferred
                .map_or("", FirstFactor::name)
                .as_bytes(),
            password.map_or(&[], |password| password.expose().as_bytes()),
            &[visitor.trusted.into()],
        ]);
        let place = self.place()?;
        let (pool, sessions) = (Arc::clone(&self.pool), Arc::clone(&self.sessions));
        let step = async move {
            let _place = place;
            let mut device = visitor.device.clone();
            let progress = pool.begin(credentials, &mut device).await;
            let next = Box::pin(settle(progress, &pool, &sessions, &visitor)).await?;
            Ok(Outcome {
                next,
                device_dropped: visitor.device.is_some() && device.is_none(),
            })
        };
        self.once.run(key, step).await
    }

    /// A later step. `attempt` is the sealed text that `pending` was opened from.
    pub(super) async fn answer(
        &self,
        attempt: &str,
        pending: Pending,
        answer: Answer,
        visitor: Visitor,
    ) -> Result<Arc<Outcome>, Arc<StepError>> {
        let parts = [attempt.as_bytes(), answer.response.expose().as_bytes()].into_iter();
        let attributes = answer.attributes.iter();
        let key = self.key_of(
            parts
                .chain(attributes.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]))
                .chain(answer.device_name.iter().map(String::as_bytes)),
        );
        let place = self.place()?;
        let (pool, sessions) = (Arc::clone(&self.pool), Arc::clone(&self.sessions));
        let step = async move {
            let _place = place;
            let device = visitor.device.clone();
            let progress = pool.answer(pending, answer, device).await;
            let next = Box::pin(settle(progress, &pool, &sessions, &visitor)).await?;
            Ok(Outcome {
                next,
                device_dropped: false,
            })
        };
        self.once.run(key, step).await
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Arc<StepError>> {
        Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_full| {
                let operation = "sign-in";
                Arc::new(StepError::Pool(CognitoError::Busy { operation }))
            })
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
    pool: &UserPool,
    sessions: &Sessions,
    visitor: &Visitor,
) -> Result<Next, StepError> {
    let next = match progress {
        Ok(Progress::Ask(pending)) => Ok(Next::Ask(pending)),
        Ok(Progress::SignedIn(mut signed_in)) => {
            let device = confirm_device(pool, &mut signed_in, visitor).await;
            match sessions.begin(*signed_in, &visitor.cookies).await {
                Ok(cookies) => Ok(Next::SignedIn(Begun { cookies, device })),
                Err(error) => Err(Fault::Session(error).into()),
            }
        }
        Err(error) => Err(StepError::Pool(error)),
    };
    let told = match &next {
        Ok(Next::Ask(pending)) => pending.challenge().name(),
        Ok(Next::SignedIn(_)) => "signed_in",
        Err(error) => error.code(),
    };
    tracing::info!(outcome = told, "sign-in step");
    next
}

/// Confirms a device that the pool did not know: without that, it refuses to renew these tokens. The person is signed in
/// either way.
async fn confirm_device(
    pool: &UserPool,
    signed_in: &mut SignedIn,
    visitor: &Visitor,
) -> Option<(Owner, RememberedDevice)> {
    let new_key = signed_in.new_device.as_ref()?.device_key.clone();
    let confirmed = pool.confirm_device(signed_in, &visitor.device_name, visitor.trusted);
    let device = confirmed.await.ok()?;
    signed_in.grant.device_key.get_or_insert(new_key);
    let owner = Owner {
        internal: signed_in.grant.username.clone(),
        subject: signed_in.grant.subject.clone(),
    };
    device
        .filter(|_| visitor.trusted)
        .map(|device| (owner, device))
}

fn weight(outcome: &Outcome) -> u32 {
    let bytes = match &outcome.next {
        Next::Ask(pending) => weight_of(pending),
        Next::SignedIn(begun) => begun.cookies.iter().map(HeaderValue::len).sum(),
    };
    // At least what an entry costs by itself.
    u32::try_from(bytes).unwrap_or(u32::MAX).max(512)
}

/// What is encoded leaves pictures out; they are kept in memory all the same.
fn weight_of(pending: &Pending) -> usize {
    let parameters = match pending.challenge() {
        Challenge::CustomChallenge(asked) => asked.parameters.values().map(String::len).sum(),
        _ => 0,
    };
    pending.encode().expose().len() + parameters
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cognito_flow::{AppClient, FlowKind, Secret};
    use futures_util::FutureExt as _;

    use super::*;
    use crate::clock::Clock;
    use crate::cognito;
    use crate::identity::IdentityHeaders;
    use crate::session;

    /// Steps against a pool that takes connections and never answers.
    fn steps(silent: &std::net::TcpListener, tasks: &TaskTracker) -> Steps {
        let client = AppClient::new(
            "local_Test12345".parse().unwrap(),
            "1h57kf5cpq17m0eml12example".parse().unwrap(),
            None,
        );
        let settings = cognito::Settings {
            endpoint: format!("http://{}/", silent.local_addr().unwrap())
                .parse()
                .unwrap(),
            ..cognito::Settings::new(client, FlowKind::UserSrpAuth).unwrap()
        };
        let (clock, keys) = (Clock::at(1_900_000_000), Keys::generate().unwrap());
        let pool = Arc::new(UserPool::new(settings, clock.clone()).unwrap());
        let sessions = Sessions::new(
            session::Settings {
                idle_timeout: Duration::from_secs(60),
                absolute_timeout: Duration::from_secs(60),
                max_sessions: 1,
                max_bytes: 10_000,
                max_sessions_per_user: 1,
                cookie_suffix: None,
            },
            &"https://app.example.com".parse().unwrap(),
            IdentityHeaders::default(),
            &keys,
            Arc::clone(&pool),
            clock,
            tasks.clone(),
        );
        Steps::new(&keys, pool, Arc::new(sessions), tasks.clone())
    }

    /// a step goes on without its request, so the limit of requests does not hold for steps.
    #[tokio::test]
    async fn who_begins_and_hangs_up_cannot_pile_steps_up() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let tasks = TaskTracker::new();
        let steps = steps(&silent, &tasks);
        let mut refused = 0;
        for number in 0..2 * MAX_STEPS {
            let credentials = Credentials {
                username: "ada".to_owned(),
                password: Some(Secret::new("a-password".to_owned())),
                preferred: None,
                session: None,
            };
            let visitor = Visitor {
                cookies: HeaderMap::new(),
                browser: None,
                device: None,
                trusted: false,
                device_name: String::new(),
            };
            let nonce = number.to_be_bytes();
            // Asked once and dropped: the browser has hung up.
            let answered = steps.begin(&nonce, credentials, visitor).now_or_never();
            if let Some(Err(error)) = answered {
                assert_eq!(error.status(), http::StatusCode::SERVICE_UNAVAILABLE);
                refused += 1;
            }
        }
        assert_eq!((tasks.len(), refused), (MAX_STEPS, MAX_STEPS));
    }
}
