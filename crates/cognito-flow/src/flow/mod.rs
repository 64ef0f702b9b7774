//! A sign-in from the credentials to the tokens, as far as the user pool's replies drive it.
//!
//! [`Flow`] waits for Cognito, [`Pending`] for the person; each is spent by its next step, so none can be replayed. After
//! any answer any challenge may come, so a reply is taken by its own name and never by an expected order. The one
//! exception is the reply to SRP_A: until the password is proven only PASSWORD_VERIFIER is in turn.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::challenge::password_verifier::{self, Prover};
use crate::challenge::{Asked, Challenge, Met, device, mfa_setup_with_secret};
use crate::course::{Awaits, Course, Otherwise};
use crate::device::RememberedDevice;
use crate::{
    AppClient, Call, CognitoSession, Entropy, FirstFactor, FlowError, Parameters, Pending, Reply,
    Secret, TokenSet, UnixSeconds,
};

#[cfg(test)]
mod tests;

/// A sign-in that waits for Cognito's reply to the call just made.
pub struct Flow {
    course: Course,
    awaits: Awaits,
}

impl Flow {
    /// The first call, by the settings' flow. Takes 2 to 6 ms of CPU where SRP is used: run it off the async threads.
    ///
    /// # Errors
    /// [`FlowError::PasswordMissing`] when the flow needs a password and there is none.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a step spends its entropy, used or not: the same bits never serve two"
    )]
    pub fn begin(credentials: Credentials, context: Context<'_>) -> Result<Step, FlowError> {
        Self::begin_with(credentials, &context, context.entropy.expose())
    }

    /// `exponent` is the SRP secret *a*, big-endian, of any length: published vectors have longer ones than we draw.
    fn begin_with(
        credentials: Credentials,
        context: &Context<'_>,
        exponent: &[u8],
    ) -> Result<Step, FlowError> {
        let Credentials {
            username,
            password,
            preferred,
            session,
        } = credentials;
        let kind = context.settings.kind;
        let mut parameters = Parameters::for_user(context.client, &username);
        // With SRP first, the device is named with the proof: Amplify does the same.
        if kind != FlowKind::CustomWithSrp {
            parameters.insert_device_key(context);
        }
        let missing = FlowError::PasswordMissing { flow: kind.name() };
        let awaits = match kind {
            FlowKind::UserSrpAuth => {
                let password = password.ok_or(missing)?;
                srp_a(exponent, password, Otherwise::Nothing, &mut parameters)
            }
            FlowKind::UserPasswordAuth => {
                parameters.insert("PASSWORD", password.ok_or(missing)?);
                Awaits::Anything
            }
            FlowKind::CustomWithSrp => {
                parameters.insert("CHALLENGE_NAME", Secret::new("SRP_A".to_owned()));
                let otherwise = if context.settings.custom_may_skip_password {
                    Otherwise::Anything
                } else {
                    Otherwise::PasswordSkipped
                };
                let password = password.ok_or(missing)?;
                srp_a(exponent, password, otherwise, &mut parameters)
            }
            FlowKind::CustomWithoutSrp => Awaits::Anything,
            // Whoever has just signed up is let in by the session; nothing else is looked at.
            FlowKind::UserAuth if session.is_some() => Awaits::Anything,
            FlowKind::UserAuth => {
                if let Some(factor) = preferred {
                    let name = Secret::new(factor.name().to_owned());
                    parameters.insert("PREFERRED_CHALLENGE", name);
                }
                match (preferred, password) {
                    (Some(FirstFactor::PasswordSrp), password) => {
                        let password = password.ok_or(missing)?;
                        srp_a(exponent, password, Otherwise::Challenge, &mut parameters)
                    }
                    (Some(FirstFactor::Password), password) => {
                        parameters.insert("PASSWORD", password.ok_or(missing)?);
                        Awaits::Anything
                    }
                    (_, _) => Awaits::Anything,
                }
            }
        };
        let call = Call::InitiateAuth {
            auth_flow: kind.auth_flow(),
            parameters,
            session: session.filter(|_| kind == FlowKind::UserAuth),
        };
        let course = Course::new(kind, username);
        Ok(Step::call(call, course, awaits))
    }

    /// Whether the pool finds the password right, unless it refuses the call under way. It tells what a refusal may give
    /// away: to whoever has proven nothing, not even that the user exists.
    pub const fn password_proven(&self) -> bool {
        self.course.password_proven
    }

    /// The step that follows from Cognito's reply. Takes 5 to 15 ms of CPU for PASSWORD_VERIFIER and
    /// DEVICE_PASSWORD_VERIFIER: run it off the async threads.
    ///
    /// # Errors
    /// Each [`FlowError`]: the pool's reply is out of turn, unknown, incomplete or unusable. The sign-in starts again.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a step spends its entropy, used or not: the same bits never serve two"
    )]
    pub fn on_reply(self, reply: Reply, context: Context<'_>) -> Result<Step, FlowError> {
        self.on_reply_with(reply, &context, context.entropy.expose())
    }

    /// `exponent` as in [`Flow::begin_with`], for a device.
    fn on_reply_with(
        self,
        reply: Reply,
        context: &Context<'_>,
        exponent: &[u8],
    ) -> Result<Step, FlowError> {
        match (self.awaits, reply) {
            (
                Awaits::SoftwareTokenSecret,
                Reply::SoftwareTokenSecret {
                    secret_code,
                    session,
                },
            ) => {
                let challenge = mfa_setup_with_secret(secret_code.expose().clone());
                Ok(Step::Ask(Pending::new(self.course, challenge, session)))
            }
            (Awaits::SoftwareTokenVerified, Reply::SoftwareTokenVerified { session }) => {
                let call = Call::RespondToAuthChallenge {
                    challenge: "MFA_SETUP",
                    responses: Parameters::for_user(context.client, &self.course.username),
                    session,
                };
                Ok(Step::call(call, self.course, Awaits::Anything))
            }
            (
                Awaits::Anything
                | Awaits::PasswordVerifier {
                    otherwise: Otherwise::Anything,
                    ..
                },
                Reply::Tokens(tokens),
            ) => Ok(Step::Done(tokens)),
            (
                awaits,
                Reply::Challenge {
                    name,
                    parameters,
                    mut session,
                    available,
                },
            ) => {
                let mut course = self.course;
                let asked = Asked {
                    name: &name,
                    parameters: &parameters,
                    available: &available,
                    session: &mut session,
                    context,
                    exponent,
                    course: &mut course,
                };
                match on_challenge(awaits, asked)? {
                    Met::Ask(challenge) => Ok(Step::Ask(Pending::new(course, challenge, session))),
                    Met::Call(call, awaits) => Ok(Step::call(call, course, awaits)),
                }
            }
            (awaits, reply) => Err(out_of_turn(&awaits, reply.name())),
        }
    }
}

/// What a challenge leads to, where one is in turn.
fn on_challenge(awaits: Awaits, asked: Asked<'_>) -> Result<Met, FlowError> {
    match (awaits, asked.name) {
        (Awaits::PasswordVerifier { prover, .. }, password_verifier::NAME) => {
            let (username, responses) = prover.respond(&asked)?;
            asked.course.username = username;
            let session = asked.session.take();
            Ok(respond(
                password_verifier::NAME,
                responses,
                session,
                Awaits::Anything,
            ))
        }
        (Awaits::DevicePasswordVerifier(prover), device::VERIFIER) => {
            let responses = prover.respond(&asked)?;
            let session = asked.session.take();
            Ok(respond(
                device::VERIFIER,
                responses,
                session,
                Awaits::Anything,
            ))
        }
        // A device is proven after the person; each verifier follows its own SRP_A.
        (awaits @ Awaits::PasswordVerifier { .. }, device::SRP_AUTH | device::VERIFIER)
        | (awaits @ Awaits::Anything, password_verifier::NAME | device::VERIFIER) => {
            Err(out_of_turn(&awaits, asked.name))
        }
        (
            Awaits::Anything
            | Awaits::PasswordVerifier {
                otherwise: Otherwise::Challenge | Otherwise::Anything,
                ..
            },
            name,
        ) => {
            asked.course.learn_username(asked.parameters);
            if name != device::SRP_AUTH {
                return Challenge::meet(asked);
            }
            let (prover, responses) = device::DeviceProver::begin(&asked)?;
            let session = asked.session.take();
            let awaits = Awaits::DevicePasswordVerifier(prover);
            Ok(respond(device::SRP_AUTH, responses, session, awaits))
        }
        (awaits, name) => Err(out_of_turn(&awaits, name)),
    }
}

fn respond(
    challenge: &'static str,
    responses: Parameters,
    session: Option<CognitoSession>,
    awaits: Awaits,
) -> Met {
    let call = Call::RespondToAuthChallenge {
        challenge,
        responses,
        session,
    };
    Met::Call(call, awaits)
}

fn srp_a(
    exponent: &[u8],
    password: Secret<String>,
    otherwise: Otherwise,
    parameters: &mut Parameters,
) -> Awaits {
    let prover = Prover::new(exponent, password);
    parameters.insert("SRP_A", Secret::new(prover.srp_a()));
    Awaits::PasswordVerifier { prover, otherwise }
}

fn out_of_turn(awaits: &Awaits, got: &str) -> FlowError {
    let got = got.to_owned();
    let want = match awaits {
        Awaits::PasswordVerifier {
            otherwise: Otherwise::PasswordSkipped,
            ..
        } => return FlowError::PasswordSkipped { got },
        Awaits::PasswordVerifier { .. } => password_verifier::NAME,
        Awaits::DevicePasswordVerifier(_) => device::VERIFIER,
        Awaits::SoftwareTokenSecret => "SecretCode",
        Awaits::SoftwareTokenVerified => "SUCCESS",
        Awaits::Anything => "AuthenticationResult or a later challenge",
    };
    FlowError::OutOfTurn { want, got }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("kind", &self.course.kind)
            .finish_non_exhaustive()
    }
}

/// What the caller does next.
#[derive(Debug)]
pub enum Step {
    /// Send the call once, then hand the reply to the flow.
    Call(Call, Flow),
    /// Show the person a page.
    Ask(Pending),
    Done(TokenSet),
}

impl Step {
    /// Every call of a sign-in is made here.
    pub(crate) fn call(call: Call, mut course: Course, awaits: Awaits) -> Self {
        course.password_proven |= call.proves_password();
        Self::Call(call, Flow { course, awaits })
    }
}

/// How a sign-in begins, by the names of AWS Amplify's `authFlowType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FlowKind {
    /// The password never leaves this process.
    #[serde(rename = "USER_SRP_AUTH")]
    UserSrpAuth,
    /// The password goes to Cognito: needed for the user-migration trigger.
    #[serde(rename = "USER_PASSWORD_AUTH")]
    UserPasswordAuth,
    /// The password by SRP, then the challenges of the pool's triggers.
    #[serde(rename = "CUSTOM_WITH_SRP")]
    CustomWithSrp,
    /// The challenges of the pool's triggers, and no password.
    #[serde(rename = "CUSTOM_WITHOUT_SRP")]
    CustomWithoutSrp,
    /// The person chooses among the first factors of the pool.
    #[serde(rename = "USER_AUTH")]
    UserAuth,
}

impl FlowKind {
    pub const ALL: [Self; 5] = [
        Self::UserSrpAuth,
        Self::UserPasswordAuth,
        Self::CustomWithSrp,
        Self::CustomWithoutSrp,
        Self::UserAuth,
    ];

    /// The name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserSrpAuth => "USER_SRP_AUTH",
            Self::UserPasswordAuth => "USER_PASSWORD_AUTH",
            Self::CustomWithSrp => "CUSTOM_WITH_SRP",
            Self::CustomWithoutSrp => "CUSTOM_WITHOUT_SRP",
            Self::UserAuth => "USER_AUTH",
        }
    }

    /// `AuthFlow` of the first call.
    pub const fn auth_flow(self) -> &'static str {
        match self {
            Self::CustomWithSrp | Self::CustomWithoutSrp => "CUSTOM_AUTH",
            other => other.name(),
        }
    }
}

impl fmt::Display for FlowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FlowKind {
    type Err = UnknownFlowKind;

    fn from_str(text: &str) -> Result<Self, UnknownFlowKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or(UnknownFlowKind)
    }
}

/// Not a flow's name, as a text for the person who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected USER_SRP_AUTH, USER_PASSWORD_AUTH, CUSTOM_WITH_SRP, CUSTOM_WITHOUT_SRP or USER_AUTH; Cognito's CUSTOM_AUTH is CUSTOM_WITH_SRP with a password first, CUSTOM_WITHOUT_SRP with none"
)]
pub struct UnknownFlowKind;

/// How sign-ins go: the operator's choices.
#[derive(Clone, Debug)]
pub struct FlowSettings {
    pub kind: FlowKind,
    /// USER_AUTH: what is asked for first (`PREFERRED_CHALLENGE`); `None` lets the person choose.
    pub preferred_challenge: Option<FirstFactor>,
    /// Most CUSTOM_CHALLENGE rounds of one sign-in.
    pub max_rounds: u8,
    /// CUSTOM_WITH_SRP: takes what the pool's triggers set, also when they skip PASSWORD_VERIFIER.
    pub custom_may_skip_password: bool,
}

impl FlowSettings {
    /// The settings of a flow, with the defaults of the configuration.
    pub const fn new(kind: FlowKind) -> Self {
        Self {
            kind,
            preferred_challenge: None,
            max_rounds: 10,
            custom_may_skip_password: false,
        }
    }

    /// Whether the first call carries a password, so that it is asked for with the user name.
    pub const fn asks_password(&self) -> bool {
        match self.kind {
            FlowKind::UserSrpAuth | FlowKind::UserPasswordAuth | FlowKind::CustomWithSrp => true,
            FlowKind::CustomWithoutSrp => false,
            FlowKind::UserAuth => match self.preferred_challenge {
                Some(factor) => factor.is_password(),
                None => false,
            },
        }
    }
}

/// What the person typed, neither trimmed nor normalised: Cognito hashes exactly these characters.
pub struct Credentials {
    pub username: String,
    /// For the flows that begin with one.
    pub password: Option<Secret<String>>,
    /// USER_AUTH: what is asked for first. The configured one, unless the person wants another way.
    pub preferred: Option<FirstFactor>,
    /// USER_AUTH: what ConfirmSignUp gave.
    pub session: Option<CognitoSession>,
}

/// The user name may be an e-mail address, which logs do not show either.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("preferred", &self.preferred)
            .finish_non_exhaustive()
    }
}

/// What one step may use.
#[derive(Debug)]
pub struct Context<'a> {
    pub client: &'a AppClient,
    pub settings: &'a FlowSettings,
    /// The remembered device of this browser and this person.
    pub device: Option<&'a RememberedDevice>,
    pub now: UnixSeconds,
    /// Fresh for this step; a step that needs none wipes it.
    pub entropy: Entropy,
}
