//! Why the pool did not do what was asked: one error, three readers.
//!
//! `Display` is for the log: the call and the exception, never the user, a secret or a text of Cognito's
//! . [`CognitoError::user_message`] is for the person and tells nobody whether a user exists
//! [`CognitoError::operator_hint`] for whoever runs sidegate. `exception` makes the errors that
//! Cognito names, `words` says them; what a caller does about one is decided here.

mod exception;
mod words;

use std::fmt;
use std::time::Duration;

use cognito_flow::{AnswerError, FlowError};
use http::StatusCode;

pub(super) use exception::Stage;

use super::jwks::KeysError;
use super::token::TokenError;
use super::transport::{SetupError, TransportError};

/// Why the pool did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CognitoError {
    /// Wrong user name or password, or no such user.
    #[error("{0}: user name or password refused")]
    BadCredentials(Refused),
    /// An administrator has disabled the user. The person is told no more than for a wrong password.
    #[error("{0}: the user is disabled")]
    UserDisabled(Refused),
    /// Signed up, but not confirmed with the code.
    #[error("{0}: the user has not confirmed the sign-up")]
    UserNotConfirmed(Refused),
    /// The pool wants a new password, by a code.
    #[error("{0}: the user must reset the password")]
    PasswordResetRequired(Refused),
    /// The password an administrator set was not used in time.
    #[error("{0}: the temporary password has expired")]
    TemporaryPasswordExpired(Refused),
    /// Locked for a while: even the right password is refused now.
    #[error("{0}: too many attempts")]
    TooManyAttempts(Refused),
    /// The CognitoSession of this sign-in is too old, or was used before.
    #[error("{0}: the sign-in has expired or went on elsewhere")]
    SessionEnded(Refused),
    /// The new password breaks the pool's policy.
    #[error("{refused}: the new password was refused: {rule:?}")]
    InvalidPassword {
        /// By which call and exception.
        refused: Refused,
        /// Which rule of the policy.
        rule: PasswordRule,
    },
    /// An attribute of the answer is not one the pool takes (an address without `@` and the like).
    #[error("{0}: an attribute was refused")]
    InvalidAttribute(Refused),
    /// A wrong code; the sign-in goes on.
    #[error("{0}: wrong code")]
    CodeMismatch(Refused),
    /// A code that was right once.
    #[error("{0}: expired code")]
    ExpiredCode(Refused),
    /// The pool does not know this browser's device, or its proof failed: the record is of no use any more.
    #[error("{0}: the remembered device is unknown")]
    DeviceUnknown(Refused),
    /// A user name or an address that somebody has already. SignUp tells so by design.
    #[error("{0}: the name or address is taken")]
    NameTaken(Refused),
    /// A code could not be sent.
    #[error("{0}: no code could be sent")]
    NotDelivered(Refused),
    /// The passkey was made too late, or is of a kind that the pool does not take.
    #[error("{0}: the passkey was refused")]
    PasskeyRefused(Refused),
    /// A Lambda trigger of the pool said no.
    #[error("{refused}: the trigger {trigger} refused")]
    RefusedByTrigger {
        /// By which call and exception.
        refused: Refused,
        /// Its name, for example `PreAuthentication`.
        trigger: String,
    },
    /// The answer lacks something; it was not sent.
    #[error(transparent)]
    Answer(AnswerError),
    /// The refresh token has expired, was revoked or was used twice; or its user is gone.
    #[error("{0}: the refresh token is not valid any more")]
    RefreshRefused(Refused),
    /// The pool, its client or our settings do not fit together.
    #[error("{refused}: {fault}")]
    Misconfigured {
        /// By which call and exception.
        refused: Refused,
        /// What does not fit.
        fault: Fault,
    },
    /// The service does not know this operation, or not here.
    #[error("{0}: not offered by the service")]
    NotOffered(Refused),
    /// A Lambda trigger of the pool crashed, took too long or gave nonsense.
    #[error("{0}: a Lambda trigger failed")]
    TriggerFailed(Refused),
    /// A rule of the pool's web firewall.
    #[error("{0}: blocked by a firewall rule")]
    Blocked(Refused),
    /// The account's request rate is used up.
    #[error("{0}: over the account's request rate")]
    Throttled(Refused),
    /// A fault inside Cognito.
    #[error("{0}: a fault of the service")]
    ServiceFault(Refused),
    /// No connection, or no answer on it.
    #[error("{operation}: {source}")]
    Unreachable {
        /// Cognito's name of the operation.
        operation: &'static str,
        /// What happened on the way.
        source: TransportError,
    },
    /// No answer in time.
    #[error("{operation}: no answer from {host} within {limit:?}")]
    TimedOut {
        /// Cognito's name of the operation.
        operation: &'static str,
        /// `host[:port]` that was asked.
        host: String,
        /// `cognito.call_timeout`.
        limit: Duration,
    },
    /// As many calls as we make at once were under way for all of the call's time.
    #[error("{operation}: gave up waiting for other calls to end")]
    Busy {
        /// What waited.
        operation: &'static str,
    },
    /// An answer, but none of Cognito's: a proxy's page, or a document without its members.
    #[error("{operation}: {host} sent {what}")]
    BadReply {
        /// Cognito's name of the operation.
        operation: &'static str,
        /// `host[:port]` that was asked.
        host: String,
        /// What came.
        what: String,
    },
    /// The pool asked for something that no flow here can do.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The pool's token does not stand the check.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There are no keys to check a token with.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The settings do not make a client.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A fault of our own or of the machine.
    #[error("{0}")]
    Internal(&'static str),
}

/// Which call was refused, and by which exception. Holds nothing of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    operation: &'static str,
    stage: Stage,
    exception: String,
}

/// A rule of the pool's password policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordRule {
    /// Shorter than the policy's minimum.
    Length,
    /// No upper-case letter.
    Uppercase,
    /// No lower-case letter.
    Lowercase,
    /// No digit.
    Digit,
    /// No symbol.
    Symbol,
    /// White space or other characters that no password may have.
    Characters,
    /// One of the passwords the user had before.
    UsedBefore,
    /// A rule that Cognito did not name in words we know.
    Other,
}

/// What does not fit between the pool, its client and our settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The client's secret is wrong, or is not in the settings.
    #[error("the client secret is {}", if *.given { "wrong" } else { "missing" })]
    ClientSecret {
        /// Whether the settings have one.
        given: bool,
    },
    /// The app client does not allow the flow.
    #[error("the app client does not allow {flow}")]
    FlowNotEnabled {
        /// `AuthFlow` of the call.
        flow: String,
    },
    /// No such pool or client in this region.
    #[error("there is no app client {client_id} of pool {pool_id}")]
    NoSuchClient {
        /// `cognito.user_pool_id`.
        pool_id: String,
        /// `cognito.client_id`.
        client_id: String,
    },
    /// The flow needs triggers that the pool does not have.
    #[error("the pool lacks a Lambda trigger")]
    TriggerMissing,
    /// The pool cannot send messages, or is inconsistent otherwise.
    #[error("the pool's own settings are at fault")]
    Pool,
    /// The pool's settings for passkeys do not fit.
    #[error("the pool's settings for passkeys do not fit")]
    Passkeys,
    /// The pool's plan lacks the feature.
    #[error("the pool's plan lacks a feature")]
    Tier,
    /// The credentials of AWS do not allow the call.
    #[error("the AWS credentials lack the permission")]
    Permission,
    /// The credentials of AWS are no good.
    #[error("the AWS credentials are not valid")]
    Credentials,
    /// A parameter of ours, or an exception that is new to us.
    #[error("a parameter was refused")]
    Other,
}

impl Refused {
    pub(super) fn new(operation: &'static str, stage: Stage, exception: &str) -> Self {
        // The name comes from the network and goes to the log.
        let is_part_of_a_name = |c: &char| c.is_ascii_alphanumeric();
        let exception = exception.chars().filter(is_part_of_a_name).take(64);
        Self {
            operation,
            stage,
            exception: exception.collect(),
        }
    }

    /// Cognito's name of the exception, for example `NotAuthorizedException`.
    pub fn exception(&self) -> &str {
        &self.exception
    }

    /// Whether Cognito had judged the password, and found it right, when it refused for another reason.
    fn password_proven(&self) -> bool {
        match self.stage {
            Stage::Password | Stage::Challenge | Stage::Device | Stage::SignedIn => true,
            Stage::Opening
            | Stage::Unproven
            | Stage::Account
            | Stage::Refresh
            | Stage::Revoke
            | Stage::Describe => false,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.exception)
    }
}

impl From<AnswerError> for CognitoError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Flow(error) => Self::Flow(error),
            error => Self::Answer(error),
        }
    }
}

impl CognitoError {
    /// Whether the fault is the pool's, the network's or the operator's, so that asking again later can
    /// help. A session is never ended for it, and nobody is charged with a failed attempt.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Misconfigured { .. }
            | Self::NotOffered(_)
            | Self::TriggerFailed(_)
            | Self::Blocked(_)
            | Self::Throttled(_)
            | Self::ServiceFault(_)
            | Self::NotDelivered(_)
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Busy { .. }
            | Self::BadReply { .. }
            | Self::Keys(_)
            | Self::Setup(_)
            | Self::Internal(_) => true,
            Self::Token(error) => error.is_clock_skew(),
            _ => false,
        }
    }

    /// Whether the sign-in under way is dead, so that it must begin again with user name and password.
    pub fn start_again(&self) -> bool {
        matches!(
            self,
            Self::SessionEnded(_) | Self::DeviceUnknown(_) | Self::Flow(_)
        )
    }

    /// Whether the same step can be answered again, by the same sealed sign-in.
    pub fn retry_same_step(&self) -> bool {
        matches!(
            self,
            Self::InvalidPassword { .. }
                | Self::InvalidAttribute(_)
                | Self::CodeMismatch(_)
                | Self::NameTaken(_)
                | Self::PasskeyRefused(_)
                | Self::Answer(_)
        )
    }

    /// HTTP status for the page or the API.
    ///
    /// 401 wrong credentials, and all that must look like them; 403 refused although the password
    /// is right; 422 the answer cannot be taken, or comes too late, so the form is shown again; 429 too
    /// many attempts; 503 anything the person cannot change.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::RefreshRefused(_) => StatusCode::UNAUTHORIZED,
            error if error.looks_like_bad_credentials() => StatusCode::UNAUTHORIZED,
            Self::UserNotConfirmed(_)
            | Self::PasswordResetRequired(_)
            | Self::TemporaryPasswordExpired(_)
            | Self::RefusedByTrigger { .. }
            | Self::Blocked(_) => StatusCode::FORBIDDEN,
            Self::SessionEnded(_)
            | Self::InvalidPassword { .. }
            | Self::InvalidAttribute(_)
            | Self::CodeMismatch(_)
            | Self::ExpiredCode(_)
            | Self::DeviceUnknown(_)
            | Self::NameTaken(_)
            | Self::PasskeyRefused(_)
            | Self::Answer(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What to put in `Retry-After`, where waiting is what helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            // Cognito's lock begins at 1 s and doubles to 15 min with each further failure; it does not
            // say where it stands, so a minute is a middle way.
            Self::TooManyAttempts(_) => Some(Duration::from_secs(60)),
            Self::Misconfigured { .. } | Self::Blocked(_) | Self::Setup(_) => None,
            error if error.is_outage() => Some(Duration::from_secs(10)),
            _ => None,
        }
    }

    /// Cognito's name of the exception as a client program may see it: where the person must not learn
    /// that a user exists, it is the one for a wrong password. `None` where Cognito named nothing.
    pub fn exception_name(&self) -> Option<&str> {
        if self.looks_like_bad_credentials() {
            return Some("NotAuthorizedException");
        }
        match self {
            Self::Answer(_) => Some("InvalidParameterException"),
            error if error.tells_of_an_account() => Some("CodeMismatchException"),
            _ => self.refused().map(Refused::exception),
        }
    }

    /// One word for the log and for metrics: the exception, or what else went wrong.
    pub(super) fn outcome(&self) -> &str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed out",
            Self::Busy { .. } => "busy",
            Self::BadReply { .. } => "bad reply",
            error => error.refused().map_or("fault", Refused::exception),
        }
    }

    /// What only an account that is there can be refused for, told to somebody who may be anybody.
    pub(super) fn tells_of_an_account(&self) -> bool {
        match self {
            Self::CodeMismatch(refused) => refused.stage == Stage::Account,
            _ => false,
        }
    }

    /// The errors that must be one for whoever does not know the password.
    fn looks_like_bad_credentials(&self) -> bool {
        match self {
            Self::BadCredentials(_) | Self::UserDisabled(_) => true,
            Self::UserNotConfirmed(refused)
            | Self::PasswordResetRequired(refused)
            | Self::TemporaryPasswordExpired(refused) => !refused.password_proven(),
            // Signing up and its code are not about a password.
            Self::RefusedByTrigger { refused, .. } if refused.stage == Stage::Account => false,
            // Others run before the password is judged, and for missing users too.
            Self::RefusedByTrigger { refused, trigger } => {
                !(refused.password_proven()
                    && matches!(
                        trigger.as_str(),
                        "PostAuthentication" | "PreTokenGeneration"
                    ))
            }
            _ => false,
        }
    }

    fn refused(&self) -> Option<&Refused> {
        match self {
            Self::BadCredentials(refused)
            | Self::UserDisabled(refused)
            | Self::UserNotConfirmed(refused)
            | Self::PasswordResetRequired(refused)
            | Self::TemporaryPasswordExpired(refused)
            | Self::TooManyAttempts(refused)
            | Self::SessionEnded(refused)
            | Self::InvalidPassword { refused, .. }
            | Self::InvalidAttribute(refused)
            | Self::CodeMismatch(refused)
            | Self::ExpiredCode(refused)
            | Self::DeviceUnknown(refused)
            | Self::NameTaken(refused)
            | Self::NotDelivered(refused)
            | Self::PasskeyRefused(refused)
            | Self::RefusedByTrigger { refused, .. }
            | Self::RefreshRefused(refused)
            | Self::Misconfigured { refused, .. }
            | Self::NotOffered(refused)
            | Self::TriggerFailed(refused)
            | Self::Blocked(refused)
            | Self::Throttled(refused)
            | Self::ServiceFault(refused) => Some(refused),
            _ => None,
        }
    }
}
