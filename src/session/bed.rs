//! What tests of sessions stand on: a pool that answers as it is told, a clock that they move.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cognito_flow::{Secret, UnixSeconds};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::refresh::{PoolFailure, Renew};
use super::{Found, Sessions, Settings, locked};
use crate::clock::Clock;
use crate::cognito::{RefreshGrant, SignedIn};
use crate::identity::{Caller, Claims, IdentityHeaders};
use crate::keys::Keys;

/// Seconds that an access token of the bed lives: less than the idle time.
pub(crate) const TOKEN_LIFE: u64 = 1500;

/// What the pool answers to the next renewal.
pub(crate) enum Outcome {
    Tokens(Box<SignedIn>),
    Outage,
    Refused,
    Panic,
}

pub(crate) struct FakePool {
    clock: Clock,
    outcomes: Mutex<VecDeque<Outcome>>,
    asked: Mutex<Vec<String>>,
    revoked: Mutex<Vec<String>>,
    open: watch::Sender<bool>,
    waiting: AtomicUsize,
}

impl FakePool {
    /// Answers this the next time; without one, fresh tokens.
    pub(crate) fn answer_next(&self, outcome: Outcome) {
        locked(&self.outcomes).push_back(outcome);
    }

    /// Renewals do not end until [`FakePool::let_go`].
    pub(crate) fn hold(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn let_go(&self) {
        self.open.send_replace(true);
    }

    /// How many renewals were asked for.
    pub(crate) fn asked(&self) -> usize {
        locked(&self.asked).len()
    }

    /// The refresh tokens of the renewals, in order.
    pub(crate) fn asked_with(&self) -> Vec<String> {
        locked(&self.asked).clone()
    }

    pub(crate) fn revoked(&self) -> Vec<String> {
        locked(&self.revoked).clone()
    }

    /// Renewals under way just now.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }
}

impl Renew for FakePool {
    fn renew<'a>(
        &'a self,
        grant: &'a RefreshGrant,
    ) -> BoxFuture<'a, Result<SignedIn, PoolFailure>> {
        Box::pin(async move {
            let count = {
                let mut asked = locked(&self.asked);
                asked.push(grant.refresh_token.expose().clone());
                asked.len()
            };
            self.waiting.fetch_add(1, Ordering::SeqCst);
            self.open.subscribe().wait_for(|open| *open).await.unwrap();
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            let outcome = locked(&self.outcomes).pop_front();
            match outcome {
                None => {
                    let mut tokens = signed_in(&grant.subject, self.clock.now());
                    tokens.grant.refresh_token = Secret::new(format!("renewed-{count}"));
                    tokens.access_token = Secret::new(format!("access-{count}"));
                    Ok(tokens)
                }
                Some(Outcome::Tokens(tokens)) => Ok(*tokens),
                Some(Outcome::Outage) => Err(PoolFailure::Outage("no answer".into())),
                Some(Outcome::Refused) => Err(PoolFailure::Refused("token revoked".into())),
                Some(Outcome::Panic) => panic!("a fault in the pool's client"),
            }
        })
    }

    fn revoke<'a>(
        &'a self,
        refresh_token: &'a Secret<String>,
    ) -> BoxFuture<'a, Result<(), PoolFailure>> {
        locked(&self.revoked).push(refresh_token.expose().clone());
        Box::pin(async { Ok(()) })
    }
}

pub(crate) struct Bed {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) pool: Arc<FakePool>,
    pub(crate) clock: Clock,
    pub(crate) tasks: TaskTracker,
}

pub(crate) fn settings() -> Settings {
    Settings {
        idle_timeout: Duration::from_secs(30 * 60),
        absolute_timeout: Duration::from_secs(12 * 60 * 60),
        max_sessions: 100_000,
        max_bytes: 300 * 1024 * 1024,
        max_sessions_per_user: 20,
        cookie_suffix: None,
    }
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let clock = Clock::at(1_800_000_000);
        let tasks = TaskTracker::new();
        let pool = Arc::new(FakePool {
            clock: clock.clone(),
            outcomes: Mutex::default(),
            asked: Mutex::default(),
            revoked: Mutex::default(),
            open: watch::Sender::new(true),
            waiting: AtomicUsize::new(0),
        });
        let sessions = Sessions::with_pool(
            settings,
            &"https://app.example.com".parse().unwrap(),
            IdentityHeaders::default(),
            &Keys::generate().unwrap(),
            Arc::clone(&pool) as Arc<dyn Renew>,
            clock.clone(),
            tasks.clone(),
        );
        Self {
            sessions: Arc::new(sessions),
            pool,
            clock,
            tasks,
        }
    }

    /// A request of a browser that has just signed in.
    pub(crate) async fn sign_in(&self, subject: &str) -> HeaderMap {
        self.sign_in_over(subject, &HeaderMap::new()).await
    }

    /// The same for a browser that comes with these headers.
    pub(crate) async fn sign_in_over(&self, subject: &str, request: &HeaderMap) -> HeaderMap {
        let tokens = signed_in(subject, self.clock.now());
        request_with(&self.sessions.begin(tokens, request).await.unwrap())
    }

    pub(crate) async fn caller(&self, request: &HeaderMap) -> Option<Caller> {
        match self.sessions.find(request).await {
            Found::Caller(caller) => Some(caller),
            Found::None => None,
            Found::Unavailable => panic!("unavailable"),
        }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Waits for everything in the background.
    pub(crate) async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

/// Tokens as Cognito's are long.
pub(crate) fn signed_in(subject: &str, now: UnixSeconds) -> SignedIn {
    let claims = serde_json::json!({
        "sub": subject,
        "cognito:username": subject,
        "email": "maria.lindqvist@example.com",
        "preferred_username": "maria",
        "cognito:groups": ["admins", "reports"],
    });
    SignedIn {
        claims: Claims::verified(claims.as_object().unwrap().clone()),
        grant: RefreshGrant {
            refresh_token: Secret::new(format!("{:a<1785}", format!("first-of-{subject}-"))),
            username: subject.to_owned(),
            subject: subject.to_owned(),
            device_key: None,
        },
        access_token: Secret::new("access".to_owned()),
        new_device: None,
        issued_at: now,
        expires_at: UnixSeconds(now.0 + TOKEN_LIFE),
        auth_time: now,
    }
}

/// What a browser sends after these `Set-Cookie` fields.
pub(crate) fn request_with(set_cookie: &[HeaderValue]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for field in set_cookie {
        let (pair, _) = field.to_str().unwrap().split_once(';').unwrap();
        headers.append(header::COOKIE, pair.parse().unwrap());
    }
    headers
}
