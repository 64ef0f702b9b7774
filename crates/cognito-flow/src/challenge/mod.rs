//! The challenges a person answers, one file each; `password_verifier` and `device` are those the flow answers by itself.
//!
//! A new challenge is its file and its line in the table below. The file reads what the pool sent ([`Question::meet`]),
//! tells what a page or a program needs to know ([`Question::next_step`]), and turns the person's answer into what goes
//! back ([`Question::respond`]); USERNAME, SECRET_HASH and `Session` are put in around it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::course::Awaits;
use crate::{Answer, AnswerError, Call, CognitoSession, Context, FlowError, Parameters};

mod asked;
pub(crate) mod device;
pub(crate) mod password_verifier;

pub(crate) use asked::Asked;
pub(crate) use mfa_setup::with_secret as mfa_setup_with_secret;

/// Most bytes of JSON that a question keeps of what triggers write or passkeys make long. With a `Session` of 4,096
/// characters, a sign-in that waits for the person then stays within 8 KiB, and with the longest way back in its seal.
const MAX_KEPT: usize = 2_560;

/// Declares the challenges: the modules, the enum, and the way from a `ChallengeName` to its file.
macro_rules! challenges {
    ($($module:ident: $question:ident),* $(,)?) => {
        $(mod $module;)*
        $(pub use $module::$question;)*

        /// What the person is asked for.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Challenge {
            $(#[doc = concat!("See [`", stringify!($question), "`].")] $question($question),)*
        }

        impl Challenge {
            /// One of each kind, with made-up values: whoever draws pages can draw them all before a person sees one.
            pub fn samples() -> Vec<Self> {
                let mut samples = Vec::new();
                $(samples.extend($question::samples().into_iter().map(Self::$question));)*
                samples
            }

            fn question(&self) -> &dyn Question {
                match self {
                    $(Self::$question(question) => question,)*
                }
            }

            /// What a challenge of the pool leads to.
            pub(crate) fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
                $(if $question::names().contains(&asked.name) {
                    return $question::meet(asked);
                })*
                Err(FlowError::UnsupportedChallenge { name: asked.name.to_owned() })
            }
        }

        $(impl From<$question> for Challenge {
            fn from(question: $question) -> Self {
                Self::$question(question)
            }
        })*
    };
}

challenges! {
    new_password: NewPasswordRequired,
    one_time_code: OneTimeCode,
    select_mfa_type: SelectMfaType,
    mfa_setup: MfaSetup,
    authenticator_setup: AuthenticatorSetup,
    email_setup: EmailSetup,
    select_challenge: SelectChallenge,
    password: PasswordChallenge,
    web_authn: WebAuthn,
    custom_challenge: CustomChallenge,
}

impl Challenge {
    /// Cognito's `ChallengeName`.
    pub fn name(&self) -> &'static str {
        self.question().name()
    }

    /// The page's template, without its ending: several challenges share one.
    pub fn page(&self) -> &'static str {
        self.question().page()
    }

    /// The name of the form's field that holds [`Answer::response`].
    pub fn field(&self) -> &'static str {
        self.question().field()
    }

    /// What comes next, in AWS Amplify's words (`nextStep` of amplify-js `signIn`).
    pub fn next_step(&self) -> NextStep {
        self.question().next_step()
    }

    pub(crate) fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        if answer.response.expose().is_empty() {
            let field = self.field();
            return Err(AnswerError::Empty { field });
        }
        self.question().respond(answer, answering)
    }
}

/// `nextStep`: its `signInStep` and what belongs to it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct NextStep {
    /// For example `CONFIRM_SIGN_IN_WITH_SMS_CODE`.
    #[serde(rename = "signInStep")]
    pub sign_in_step: &'static str,
    /// The other members, for example `codeDeliveryDetails`.
    #[serde(flatten)]
    pub details: Map<String, Value>,
}

impl NextStep {
    /// `details` is a JSON object; anything else counts as none.
    pub(crate) fn new(sign_in_step: &'static str, details: Value) -> Self {
        let details = match details {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        Self {
            sign_in_step,
            details,
        }
    }
}

/// The details may hold the person's addresses, a secret for an authenticator app, and a trigger's own texts.
impl std::fmt::Debug for NextStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NextStep")
            .field("sign_in_step", &self.sign_in_step)
            .field("details", &self.details.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// One kind of challenge.
pub(crate) trait Question {
    /// The `ChallengeName`s it stands for; none for a question that only another challenge leads to.
    fn names() -> &'static [&'static str]
    where
        Self: Sized;

    /// What the pool's challenge leads to: a question for the person, or a call that comes first.
    fn meet(asked: Asked<'_>) -> Result<Met, FlowError>
    where
        Self: Sized;

    /// Examples that differ in what a page shows.
    fn samples() -> Vec<Self>
    where
        Self: Sized;

    /// The `ChallengeName` it was asked by.
    fn name(&self) -> &'static str;

    fn page(&self) -> &'static str;

    fn field(&self) -> &'static str;

    fn next_step(&self) -> NextStep;

    /// `answer.response` is not empty.
    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError>;
}

/// How long a value is as JSON.
fn json_length(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

/// What a challenge leads to.
pub(crate) enum Met {
    Ask(Challenge),
    /// A call without an answer of the person's, and what its reply means.
    Call(Call, Awaits),
}

impl<Q: Into<Challenge>> From<Q> for Met {
    fn from(question: Q) -> Self {
        Self::Ask(question.into())
    }
}

/// What a question has for its response.
pub(crate) struct Answering<'a> {
    /// USERNAME and SECRET_HASH are in.
    pub(crate) responses: Parameters,
    pub(crate) session: Option<CognitoSession>,
    pub(crate) context: Context<'a>,
}

impl Answering<'_> {
    /// DEVICE_KEY, for a browser that is remembered.
    pub(crate) fn insert_device_key(&mut self) {
        self.responses.insert_device_key(&self.context);
    }

    /// RespondToAuthChallenge with what is in `responses`.
    pub(crate) fn respond_to(&mut self, challenge: &'static str) -> Reaction {
        self.respond_awaiting(challenge, Awaits::Anything)
    }

    /// The same, where not every reply will do.
    pub(crate) fn respond_awaiting(&mut self, challenge: &'static str, awaits: Awaits) -> Reaction {
        let call = Call::RespondToAuthChallenge {
            challenge,
            responses: std::mem::take(&mut self.responses),
            session: self.session.take(),
        };
        Reaction::Call(call, awaits)
    }
}

/// What an answer leads to.
pub(crate) enum Reaction {
    Call(Call, Awaits),
    /// Another question, without asking the pool; the session is still unspent.
    Ask(Challenge),
}
