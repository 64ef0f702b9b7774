//! One sign-in, from the first call to the tokens, as a chain of steps.
//!
//! Each way to begin and each challenge has its own file; all of them end in `settle`, which looks at the proof once
//! more under the lock, counts it, and says what comes next. MFA, devices and custom challenges join here: one more
//! `Step::Challenge` in `next`, one more file that answers it.

pub(crate) mod new_password;
pub(crate) mod password;
pub(crate) mod refresh;
pub(crate) mod srp;
mod target;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::sealed::Session;
use crate::service::Service;
use crate::state::{AuthFlow, Client, Pool, UserStatus};
use crate::token::{self, Unsigned};
use target::Target;

/// `AuthParameters` or `ChallengeResponses`, without the members that were null.
pub(crate) type Parameters = BTreeMap<String, String>;

/// Who calls: an app client of a pool.
pub(crate) struct Caller {
    pub(crate) pool: String,
    pub(crate) client: Client,
    /// `ClientMetadata`: triggers see it.
    pub(crate) metadata: Parameters,
}

/// What a sign-in step leads to.
pub(crate) enum Step {
    Challenge {
        name: &'static str,
        /// Absent with PASSWORD_VERIFIER of USER_SRP_AUTH: the SECRET_BLOCK carries the state.
        session: Option<String>,
        parameters: Value,
    },
    Tokens(Unsigned),
}

impl Step {
    /// The answer of InitiateAuth and RespondToAuthChallenge.
    pub(crate) async fn answer(self, service: &Service) -> Result<Value, ApiError> {
        match self {
            Self::Tokens(tokens) => Ok(
                json!({ "ChallengeParameters": {}, "AuthenticationResult": tokens.sign(service).await? }),
            ),
            Self::Challenge {
                name,
                session,
                parameters,
            } => {
                let mut answer = Map::new();
                answer.insert("ChallengeName".to_owned(), name.into());
                answer.insert("ChallengeParameters".to_owned(), parameters);
                answer.extend(session.map(|session| ("Session".to_owned(), session.into())));
                Ok(answer.into())
            }
        }
    }
}

impl Caller {
    /// InvalidParameterException unless the client may use the flow.
    pub(crate) fn check_flow(&self, flow: AuthFlow) -> Result<(), ApiError> {
        if self.client.settings.allows(flow) {
            return Ok(());
        }
        Err(ApiError::invalid_parameter(match flow {
            AuthFlow::AllowUserSrpAuth => "USER_SRP_AUTH is not enabled for the client.",
            AuthFlow::AllowCustomAuth => "CUSTOM_AUTH is not enabled for the client.",
            AuthFlow::AllowUserAuth => "USER_AUTH flow not enabled for this client",
            AuthFlow::AllowUserPasswordAuth => {
                "USER_PASSWORD_AUTH flow not enabled for this client"
            }
            AuthFlow::AllowRefreshTokenAuth => {
                "REFRESH_TOKEN_AUTH flow not enabled for this client"
            }
            _ => "Auth flow not enabled for this client",
        }))
    }

    fn hides_users(&self) -> bool {
        self.client.settings.prevent_user_existence_errors
    }
}

/// A parameter that must be there and not empty.
pub(crate) fn required<'a>(parameters: &'a Parameters, name: &str) -> Result<&'a str, ApiError> {
    parameters
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| ApiError::missing_parameter(name))
}

/// Takes the result of a password proof and goes on or refuses; the only place that counts failures.
///
/// The state may have changed while the proof was computed: another call may have locked the name, or the password may
/// be a new one. What holds is what the state says now.
fn settle(
    service: &Service,
    caller: &Caller,
    target: &Target,
    right: bool,
) -> Result<Step, ApiError> {
    let (now, issuer) = (service.now(), service.issuer(&caller.pool));
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        if pool.lockout.is_locked(&target.key, now) {
            return Err(attempts_exceeded());
        }
        let user = pool.users.get(&target.key).filter(|_| target.known);
        let proven = right
            && user.is_some_and(|user| {
                user.enabled
                    && user
                        .password
                        .as_ref()
                        .is_some_and(|password| password.salt == target.password.salt)
            });
        if !proven {
            let told = !caller.hides_users()
                && user.is_some_and(|user| user.status == UserStatus::ResetRequired);
            pool.lockout.failed(&target.key, now);
            return Err(if told {
                reset_required()
            } else {
                ApiError::incorrect()
            });
        }
        pool.lockout.clear(&target.key);
        next(pool, caller, &target.key, &issuer, now)
    })
}

/// What a user meets after the password was right.
fn next(
    pool: &mut Pool,
    caller: &Caller,
    key: &str,
    issuer: &str,
    now: Duration,
) -> Result<Step, ApiError> {
    let user = pool.users.get(key).ok_or_else(ApiError::incorrect)?;
    match user.status {
        UserStatus::Unconfirmed => Err(ApiError::user_not_confirmed("User is not confirmed.")),
        UserStatus::ResetRequired => Err(reset_required()),
        UserStatus::ForceChangePassword => new_password::challenge(pool, caller, key, now),
        UserStatus::Confirmed => Ok(Step::Tokens(token::begin(
            pool,
            &caller.client,
            key,
            issuer,
            now,
        )?)),
    }
}

/// Opens the `Session` of a challenge answer: right client, right user, right challenge, in time and not used before.
fn open_session(
    service: &Service,
    caller: &Caller,
    challenge: &str,
    username: &str,
    text: Option<&str>,
) -> Result<Session, ApiError> {
    let text = text.ok_or_else(|| ApiError::missing_parameter("Session"))?;
    let now = service.now();
    service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        let session = Session::open(&pool.secret, text)
            .filter(|session| session.client == caller.client.id && session.challenge == challenge)
            .filter(|session| {
                pool.find(username)
                    .is_some_and(|(key, _)| key == session.user)
            })
            .ok_or_else(foreign_session)?;
        if Duration::from_millis(session.expires) <= now {
            return Err(expired_session());
        }
        if pool.spent.contains(&session.id) {
            return Err(used_session());
        }
        Ok(session)
    })
}

fn foreign_session() -> ApiError {
    ApiError::not_authorized("Invalid session for the user.")
}

fn expired_session() -> ApiError {
    ApiError::not_authorized("Invalid session for the user, session is expired.")
}

fn used_session() -> ApiError {
    ApiError::not_authorized("Invalid session for the user, session can only be used once.")
}

fn attempts_exceeded() -> ApiError {
    ApiError::not_authorized("Password attempts exceeded")
}

fn reset_required() -> ApiError {
    ApiError::password_reset_required("Password reset required for the user")
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
