//! What the errors say, to the person and to the operator.
//!
//! The person's texts are fixed: nothing that came from the network is in them, and whoever has
//! not proven the password reads one and the same text. The operator's say which setting, of ours
//! or of the pool, to change.

use cognito_flow::{AnswerError, FlowError};

use super::{CognitoError, Fault, PasswordRule};
use crate::cognito::transport::{Obstacle, SetupError, TransportError};

const FAILED: &str = "Sign-in failed. Check what you entered and try again.";
const UNAVAILABLE: &str = "Sign-in is not available just now. Please try again in a minute.";

impl CognitoError {
    /// What the person can do; no internals, no hint whether a user exists.
    pub fn user_message(&self) -> &'static str {
        match self {
            error if error.looks_like_bad_credentials() => FAILED,
            Self::UserNotConfirmed(_) => {
                "Your sign-up is not confirmed yet. Use the code that was sent to you, then sign in."
            }
            Self::PasswordResetRequired(_) => {
                "Your password must be reset before you can sign in. Ask an administrator how."
            }
            Self::TemporaryPasswordExpired(_) => {
                "Your temporary password has expired. Ask an administrator for a new one."
            }
            Self::RefusedByTrigger { .. } | Self::Blocked(_) => {
                "You are not allowed to sign in here. Ask an administrator if you should be."
            }
            Self::TooManyAttempts(_) => "Too many attempts. Wait some minutes, then try again.",
            Self::SessionEnded(_) => "This took too long or was sent twice. Please sign in again.",
            Self::InvalidPassword { rule, .. } => rule.user_message(),
            Self::InvalidAttribute(_) => {
                "One of the details was not accepted. Check them and try again."
            }
            error if error.tells_of_an_account() => {
                "That code is not right, or it has expired. Check it, or get a new one."
            }
            Self::DeviceUnknown(_) => {
                "This browser is not remembered any more. Please sign in again."
            }
            Self::NameTaken(_) => "That name or address is taken. Choose another, or sign in.",
            Self::NotDelivered(_) => "We could not send the code. Please try again in a minute.",
            Self::PasskeyRefused(_) => "That passkey could not be used. Try again, or use another.",
            Self::CodeMismatch(_) => "That code is not right. Check it and try again.",
            Self::ExpiredCode(_) => "That code has expired. Get a new one.",
            Self::Answer(error) => match error {
                AnswerError::Empty { field } => match *field {
                    "code" => "Please enter the code.",
                    "choice" => "Please choose one.",
                    "answer" => "Please enter your answer.",
                    "email" => "Please enter an e-mail address.",
                    "credential" => "Please use your passkey.",
                    _ => "Please enter a password.",
                },
                AnswerError::NotAChoice { .. } => "Please choose one of these.",
                AnswerError::NotACredential { .. } => "Your passkey could not be read. Try again.",
                AnswerError::MissingAttributes(_) => "Please fill in every field.",
                _ => "This form does not fit the step you are at. Please sign in again.",
            },
            Self::RefreshRefused(_) => "You have been signed out. Please sign in again.",
            Self::Flow(
                FlowError::UnsupportedChallenge { .. } | FlowError::NothingToChoose { .. },
            ) => {
                "Your account needs a step that this sign-in page does not know. Ask an administrator."
            }
            _ => UNAVAILABLE,
        }
    }

    /// What the operator must change, if it is theirs to change.
    pub fn operator_hint(&self) -> Option<String> {
        let hint = match self {
            Self::Misconfigured { fault, .. } => return Some(fault.hint()),
            Self::NotOffered(_) => {
                "the service does not know this operation here: check cognito.endpoint, and that the region has it".to_owned()
            }
            Self::RefusedByTrigger { trigger, .. } => format!(
                "the pool's Lambda trigger {trigger} refused; its reason is in the function's log group in CloudWatch"
            ),
            Self::TriggerFailed(_) => {
                "a Lambda trigger of the pool crashed, took over 5 s or answered in a wrong form: see the triggers' log groups in CloudWatch, and the permission of the pool to invoke them".to_owned()
            }
            Self::Blocked(_) => {
                "a web ACL of AWS WAF is attached to the pool and blocked this call: its sampled requests name the rule".to_owned()
            }
            Self::Throttled(_) => {
                "the account's request rate for this category in the region is used up (UserAuthentication: 120 a second by default): raise it in Service Quotas".to_owned()
            }
            Self::ServiceFault(_) => {
                "nothing to change here: see the AWS Health Dashboard if it lasts".to_owned()
            }
            Self::NotDelivered(_) => {
                "Cognito could not send a code: check the pool's e-mail (SES) and SMS settings, and their quotas".to_owned()
            }
            Self::Unreachable { source, .. } => source.hint(),
            Self::TimedOut { host, limit, .. } => format!(
                "{host} took over {limit:?}: check the route (VPC endpoint, NAT gateway, firewall), or raise cognito.call_timeout"
            ),
            Self::Busy { .. } => {
                "more sign-ins at once than this process sends on (60 calls, R-76): the pool is slow, or more replicas are needed".to_owned()
            }
            Self::BadReply { host, .. } => format!(
                "what answers at {host} is not a user pool: check cognito.endpoint, and any proxy in between"
            ),
            Self::Flow(FlowError::UnsupportedChallenge { name }) => format!(
                "the pool set {name:?}, which sidegate does not answer: switch it off for these users"
            ),
            Self::Flow(FlowError::PasswordSkipped { .. }) => {
                "the pool's DefineAuthChallenge trigger lets people on without their password: it must answer PASSWORD_VERIFIER to a session of SRP_A alone; if that is meant, set challenge.allow_skipped_password = true".to_owned()
            }
            Self::Flow(FlowError::NothingToChoose { challenge }) => format!(
                "the pool set {challenge} and offers nothing that can be done in a sign-in: check its MFA methods and first factors"
            ),
            Self::Flow(FlowError::UnknownDevice) => {
                "the pool asks for a remembered device that was not named to it: check the pool's device settings".to_owned()
            }
            Self::Flow(FlowError::TooManyRounds { limit }) => format!(
                "the pool's triggers set more than {limit} custom challenges in one sign-in: DefineAuthChallenge should fail the sign-in before, or raise challenge.max_rounds"
            ),
            Self::Flow(FlowError::PasswordMissing { flow }) => format!(
                "{flow} needs a password with the user name: a program has to send one"
            ),
            Self::Flow(_) => {
                "the pool's answer does not fit Cognito's protocol: check cognito.endpoint".to_owned()
            }
            Self::Token(error) => error.hint(),
            Self::Keys(error) => error.hint(),
            Self::Setup(error) => error.hint(),
            Self::Internal(_) => "a fault of sidegate or of the machine: please report it".to_owned(),
            _ => return None,
        };
        Some(hint)
    }
}

impl PasswordRule {
    fn user_message(self) -> &'static str {
        match self {
            Self::Length => "The new password is too short.",
            Self::Uppercase => "The new password needs an upper-case letter.",
            Self::Lowercase => "The new password needs a lower-case letter.",
            Self::Digit => "The new password needs a digit.",
            Self::Symbol => "The new password needs a symbol.",
            Self::Characters => "The new password has characters that cannot be used, or spaces.",
            Self::UsedBefore => "You used this password before. Choose another.",
            Self::Other => "The new password does not meet the rules. Choose another.",
        }
    }
}

impl Fault {
    fn hint(&self) -> String {
        match self {
            Self::ClientSecret { given: false } => {
                "the app client has a secret: set cognito.client_secret_file, or use a client without a secret".to_owned()
            }
            Self::ClientSecret { given: true } => {
                "Cognito does not accept the client secret: compare cognito.client_secret_file with the app client's, and cognito.client_id".to_owned()
            }
            Self::FlowNotEnabled { flow } => {
                let add = format!(
                    "the app client lacks ALLOW_{flow}: add it to ExplicitAuthFlows (UpdateUserPoolClient replaces the whole list, so send the present flows too)"
                );
                match flow.as_str() {
                    "USER_PASSWORD_AUTH" => format!("{add} or set cognito.flow = \"USER_SRP_AUTH\""),
                    _ => add,
                }
            }
            Self::NoSuchClient { pool_id, client_id } => format!(
                "no app client {client_id} in the region of pool {pool_id}: check cognito.client_id, cognito.user_pool_id (the region is what stands before its underscore) and cognito.endpoint"
            ),
            Self::TriggerMissing => {
                "custom authentication needs the triggers DefineAuthChallenge, CreateAuthChallenge and VerifyAuthChallengeResponse".to_owned()
            }
            Self::Pool => {
                "the pool cannot do what its own settings ask for: check its MFA, SMS role and e-mail settings".to_owned()
            }
            Self::Passkeys => {
                "passkeys are off for the pool, or their relying-party id does not fit public_origin: set it with SetUserPoolMfaConfig (WebAuthnConfiguration)".to_owned()
            }
            Self::Tier => {
                "the pool's plan (Lite, Essentials, Plus) does not have this flow: change the plan or cognito.flow".to_owned()
            }
            Self::Permission => {
                "attach a policy that allows the call to the identity of these credentials".to_owned()
            }
            Self::Credentials => {
                "renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and check this machine's clock".to_owned()
            }
            Self::Other => {
                "the pool refused the call for a reason that sidegate does not know: its text is in the log at level debug".to_owned()
            }
        }
    }
}

impl TransportError {
    fn hint(&self) -> String {
        match self {
            Self::Connect { host, obstacle, .. } => match obstacle {
                Obstacle::Name => format!(
                    "the name of {host} has no address: check cognito.endpoint, the region in cognito.user_pool_id, and DNS"
                ),
                Obstacle::Tls => format!(
                    "TLS with {host} failed: if a proxy or a private CA stands before it, set cognito.ca_file; else check the machine's certificates and its clock"
                ),
                Obstacle::Network => format!(
                    "tried to connect to {host} twice: check the route (VPC endpoint, NAT gateway, firewall) and cognito.endpoint"
                ),
            },
            Self::Exchange { host, .. } => format!(
                "{host} was reached but did not answer; nothing was sent again: check what stands between"
            ),
            Self::CutShort(_) | Self::TooLong(_) => {
                "the answer is not a whole one of Cognito's: check cognito.endpoint, and any proxy in between".to_owned()
            }
        }
    }
}

impl SetupError {
    fn hint(&self) -> String {
        match self {
            Self::PlainHttp(_) => {
                "change cognito.endpoint, cognito.issuer or cognito.jwks_url".to_owned()
            }
            Self::CaFile { .. } => "cognito.ca_file must be PEM certificates that this user can read".to_owned(),
            Self::NoRoots(_) => {
                "0 CA certificates found: add a bundle (package ca-certificates), or set cognito.ca_file".to_owned()
            }
            Self::Tls(_) => "a fault of sidegate or of the machine: please report it".to_owned(),
        }
    }
}
