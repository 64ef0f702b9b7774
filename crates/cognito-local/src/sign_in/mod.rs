//! One sign-in, from the first call to the tokens, as a chain of steps.
//!
//! Each way to begin and each challenge has its own file. A password proof goes through `settle`, which looks at it once
//! more under the lock and counts it. Whatever was proven, `chain::go_on` says what comes next.

mod chain;
pub(crate) mod code;
pub(crate) mod custom;
pub(crate) mod device;
pub(crate) mod mfa;
pub(crate) mod mfa_setup;
pub(crate) mod new_password;
pub(crate) mod password;
pub(crate) mod refresh;
pub(crate) mod srp;
mod target;
mod under_way;
pub(crate) mod user_auth;
pub(crate) mod web_authn;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::sealed::Session;
use crate::service::Service;
use crate::state::{AuthFlow, Client, Pool, UserStatus};
use crate::token::Unsigned;
pub(crate) use chain::go_on;
use target::Target;
pub(crate) use under_way::{Entry, Flow, UnderWay};

/// `AuthParameters` or `ChallengeResponses`, without the members that were null.
pub(crate) type Parameters = BTreeMap<String, String>;

/// Who calls: an app client of a pool.
pub(crate) struct Caller {
    pub(crate) pool: String,
    pub(crate) client: Client,
    /// `ClientMetadata` of a call that begins a sign-in: some triggers see it as `validationData`.
    pub(crate) validation: Parameters,
    /// `ClientMetadata` of every other call: triggers see it as `clientMetadata`. Neither is kept for the next call.
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
    /// SELECT_CHALLENGE: the choices stand beside the parameters.
    Select {
        name: &'static str,
        session: String,
        parameters: Value,
        available: Vec<String>,
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
            Self::Select {
                name,
                session,
                parameters,
                available,
            } => Ok(json!({
                "ChallengeName": name,
                "Session": session,
                "ChallengeParameters": parameters,
                "AvailableChallenges": available,
            })),
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
    /// A client, before the call's own data is added.
    pub(crate) fn of(pool: &Pool, client: &Client) -> Self {
        Self {
            pool: pool.id.clone(),
            client: client.clone(),
            validation: Parameters::new(),
            metadata: Parameters::new(),
        }
    }

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

    /// Whether it is not to be told who exists (PreventUserExistenceErrors ENABLED).
    pub(crate) fn hides_users(&self) -> bool {
        self.client.settings.prevent_user_existence_errors
    }

    /// `validationData` of events: null when the call sent nothing.
    pub(crate) fn validation_data(&self) -> Value {
        if self.validation.is_empty() {
            Value::Null
        } else {
            json!(self.validation)
        }
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

/// A challenge with its `Session`. `own` is what the challenge needs to judge the answer; the client cannot read it.
pub(crate) fn challenge(
    service: &Service,
    caller: &Caller,
    name: &'static str,
    under_way: UnderWay,
    own: &impl Serialize,
    parameters: Value,
) -> Result<Step, ApiError> {
    let session = new_session(service, caller, name, under_way, own)?;
    Ok(Step::Challenge {
        name,
        session: Some(seal(service, caller, session)?),
        parameters,
    })
}

/// A fresh session of a challenge, good for the client's AuthSessionValidity.
pub(crate) fn new_session(
    service: &Service,
    caller: &Caller,
    challenge: &str,
    under_way: UnderWay,
    own: &impl Serialize,
) -> Result<Session, ApiError> {
    let minutes = caller.client.settings.auth_session_validity;
    let expires = service.now() + Duration::from_secs(u64::from(minutes) * 60);
    let expires = milliseconds(expires);
    Session::new(&caller.client.id, challenge, under_way, own, expires)
}

/// The `Session` string.
pub(crate) fn seal(
    service: &Service,
    caller: &Caller,
    session: Session,
) -> Result<String, ApiError> {
    let secret = service.read(|state| state.pool(&caller.pool).map(|pool| pool.secret))?;
    // Only a function's parameters can be this long.
    session.seal(&secret)?.ok_or_else(|| {
        ApiError::invalid_lambda_response("The challenge parameters do not fit into a session.")
    })
}

/// Opens the `Session` of a challenge answer: right client, right user, right challenge, in time and not used before.
///
/// It stays usable until `spend` or `spend_in`.
pub(crate) fn open_session(
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
                let under_way = &session.under_way;
                username == under_way.name || Target::of(pool, username).key == under_way.user
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

/// Marks a session as used; the second one to come is refused.
pub(crate) fn spend(service: &Service, caller: &Caller, session: &Session) -> Result<(), ApiError> {
    let now = service.now();
    service.change(|state| spend_in(state.pool_mut(&caller.pool)?, session, now))
}

/// As `spend`, together with another change.
pub(crate) fn spend_in(pool: &mut Pool, session: &Session, now: Duration) -> Result<(), ApiError> {
    let expires = Duration::from_millis(session.expires);
    if pool.spent.spend(&session.id, expires, now) {
        Ok(())
    } else {
        Err(used_session())
    }
}

/// Takes the result of a password proof: counts it, and refuses a wrong one.
///
/// The state may have changed while the proof was computed: another call may have locked the name, or the password may
/// be a new one. What holds is what the state says now.
fn settle(
    service: &Service,
    caller: &Caller,
    target: &Target,
    right: bool,
) -> Result<(), ApiError> {
    let now = service.now();
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
        Ok(())
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
