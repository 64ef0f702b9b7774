//! A sign-in from the credentials to the tokens, as far as the user pool's replies drive it.
//!
//! [`Flow`] waits for Cognito, [`Pending`] for the person; each is spent by its next step, so none can be replayed. After
//! any answer any challenge may come, so a reply is taken by its own name and never by an expected order. The one
//! exception is the reply to SRP_A: until the password is proven only PASSWORD_VERIFIER is in turn.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::challenge::{Challenge, password_verifier};
use crate::{
    AppClient, Call, Entropy, FlowError, Parameters, Pending, Reply, Secret, TokenSet, UnixSeconds,
};

#[cfg(test)]
mod tests;

/// A sign-in that waits for Cognito's reply to the call just made.
pub struct Flow {
    kind: FlowKind,
    username: String,
    awaits: Awaits,
}

enum Awaits {
    /// Tokens or any challenge that a person answers.
    Anything,
    PasswordVerifier(password_verifier::Prover),
}

impl Flow {
    /// The first call. Takes 2 to 6 ms of CPU under USER_SRP_AUTH: run it off the async threads.
    ///
    /// # Errors
    /// None in the flows of today; a flow that starts from the pool's own values can fail here.
    pub fn begin(
        kind: FlowKind,
        credentials: Credentials,
        context: Context<'_>,
    ) -> Result<Step, FlowError> {
        let Context {
            client, entropy, ..
        } = context;
        Ok(Self::begin_with(
            kind,
            credentials,
            client,
            entropy.expose(),
        ))
    }

    /// `exponent` is the SRP secret *a*, big-endian, of any length: published vectors have longer ones than we draw.
    fn begin_with(
        kind: FlowKind,
        credentials: Credentials,
        client: &AppClient,
        exponent: &[u8],
    ) -> Step {
        let Credentials { username, password } = credentials;
        let mut parameters = Parameters::for_user(client, &username);
        let awaits = match kind {
            FlowKind::UserSrpAuth => {
                let prover = password_verifier::Prover::new(exponent, password);
                parameters.insert("SRP_A", Secret::new(prover.srp_a()));
                Awaits::PasswordVerifier(prover)
            }
            FlowKind::UserPasswordAuth => {
                parameters.insert("PASSWORD", password);
                Awaits::Anything
            }
        };
        let call = Call::InitiateAuth {
            auth_flow: kind.name(),
            parameters,
            session: None,
        };
        Step::Call(
            call,
            Self {
                kind,
                username,
                awaits,
            },
        )
    }

    /// A flow that goes on after the person's answer.
    pub(crate) const fn after_answer(kind: FlowKind, username: String) -> Self {
        Self {
            kind,
            username,
            awaits: Awaits::Anything,
        }
    }

    /// The step that follows from Cognito's reply. Takes 5 to 15 ms of CPU for PASSWORD_VERIFIER: run it off the async
    /// threads.
    ///
    /// # Errors
    /// Each [`FlowError`]: the pool's reply is out of turn, unknown, incomplete or unusable. The sign-in starts again.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a step spends its entropy, used or not: the same bits never serve two"
    )]
    pub fn on_reply(self, reply: Reply, context: Context<'_>) -> Result<Step, FlowError> {
        let out_of_turn = |want, got| Err(FlowError::OutOfTurn { want, got });
        match reply {
            Reply::Tokens(tokens) => match self.awaits {
                Awaits::Anything => Ok(Step::Done(tokens)),
                Awaits::PasswordVerifier(_) => {
                    out_of_turn(password_verifier::NAME, "AuthenticationResult".to_owned())
                }
            },
            Reply::Challenge {
                name,
                parameters,
                session,
                ..
            } if name == password_verifier::NAME => match self.awaits {
                Awaits::PasswordVerifier(prover) => {
                    let (username, responses) = prover.respond(&parameters, &context)?;
                    let call = Call::RespondToAuthChallenge {
                        challenge: password_verifier::NAME,
                        responses,
                        session,
                    };
                    Ok(Step::Call(call, Self::after_answer(self.kind, username)))
                }
                Awaits::Anything => out_of_turn("AuthenticationResult or a later challenge", name),
            },
            Reply::Challenge {
                name,
                parameters,
                session,
                ..
            } => {
                let challenge = Challenge::read(&name, &parameters)?;
                match self.awaits {
                    Awaits::Anything => {
                        let username = told_username(&parameters).unwrap_or(self.username);
                        Ok(Step::Ask(Pending::new(
                            self.kind, username, challenge, session,
                        )))
                    }
                    Awaits::PasswordVerifier(_) => out_of_turn(password_verifier::NAME, name),
                }
            }
        }
    }
}

/// The pool's own name for the person, which replaces an alias as soon as it is told (Amplify does the same).
fn told_username(parameters: &BTreeMap<String, String>) -> Option<String> {
    ["USERNAME", "USER_ID_FOR_SRP"]
        .iter()
        .find_map(|parameter| parameters.get(*parameter).filter(|value| !value.is_empty()))
        .cloned()
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("kind", &self.kind)
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

/// `AuthFlow` of the first call, as chosen by the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKind {
    /// The password never leaves this process.
    UserSrpAuth,
    /// The password goes to Cognito: needed for the user-migration trigger.
    UserPasswordAuth,
}

impl FlowKind {
    const ALL: [Self; 2] = [Self::UserSrpAuth, Self::UserPasswordAuth];

    const fn name(self) -> &'static str {
        match self {
            Self::UserSrpAuth => "USER_SRP_AUTH",
            Self::UserPasswordAuth => "USER_PASSWORD_AUTH",
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
#[error("expected USER_SRP_AUTH or USER_PASSWORD_AUTH")]
pub struct UnknownFlowKind;

/// What the person typed, neither trimmed nor normalised: Cognito hashes exactly these characters.
pub struct Credentials {
    pub username: String,
    pub password: Secret<String>,
}

/// The user name may be an e-mail address, which logs do not show either.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// What one step may use.
#[derive(Debug)]
pub struct Context<'a> {
    pub client: &'a AppClient,
    pub now: UnixSeconds,
    /// Fresh for this step; a step that needs none wipes it.
    pub entropy: Entropy,
}
