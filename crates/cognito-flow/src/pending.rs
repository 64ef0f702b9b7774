//! A sign-in that waits for the person.
//!
//! Between the page and the answer it lives in the browser, so it can be written to bytes. Those bytes hold the Cognito
//! session: they are for sealing only (R-28), never for a log or a page as they are.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::challenge::{Answering, Reaction};
use crate::course::Course;
use crate::{Challenge, CognitoSession, Context, FlowError, FlowKind, Parameters, Secret, Step};

/// A challenge with all that its answer needs.
pub struct Pending {
    course: Course,
    challenge: Challenge,
    session: Option<CognitoSession>,
}

impl Pending {
    pub(crate) const fn new(
        course: Course,
        challenge: Challenge,
        session: Option<CognitoSession>,
    ) -> Self {
        Self {
            course,
            challenge,
            session,
        }
    }

    /// The flow this sign-in began with.
    pub const fn kind(&self) -> FlowKind {
        self.course.kind
    }

    pub const fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// The USERNAME the next response will carry: the pool's internal name as soon as the pool has told it.
    pub fn username(&self) -> &str {
        &self.course.username
    }

    /// As [`Flow::password_proven`](crate::Flow::password_proven).
    pub const fn password_proven(&self) -> bool {
        self.course.password_proven
    }

    /// How many CUSTOM_CHALLENGE rounds there were, this one included.
    pub const fn round(&self) -> u8 {
        self.course.rounds
    }

    /// What the person's answer leads to: a call, or another question where the answer chose what is asked next. May take
    /// as long as [`Flow::on_reply`](crate::Flow::on_reply): run it off the async threads.
    ///
    /// # Errors
    /// [`AnswerError`]: nothing was sent, so the caller can ask again with the sealed bytes it still holds.
    pub fn answer(self, answer: Answer, context: Context<'_>) -> Result<Step, AnswerError> {
        let mut answering = Answering {
            responses: Parameters::for_user(context.client, &self.course.username),
            session: self.session,
            context,
        };
        match self.challenge.respond(answer, &mut answering)? {
            Reaction::Call(call, awaits) => Ok(Step::call(call, self.course, awaits)),
            Reaction::Ask(challenge) => Ok(Step::Ask(Self::new(
                self.course,
                challenge,
                answering.session,
            ))),
        }
    }

    /// Version byte, then JSON.
    #[expect(
        clippy::expect_used,
        reason = "texts and maps with text keys always serialise, and a Vec takes all bytes"
    )]
    pub fn encode(&self) -> Secret<Vec<u8>> {
        let form = Encoded {
            course: &self.course,
            challenge: &self.challenge,
            session: self.session.as_ref().map(CognitoSession::expose),
        };
        let mut bytes = vec![VERSION];
        serde_json::to_writer(&mut bytes, &form).expect("texts serialise");
        Secret::new(bytes)
    }

    /// Reads what [`Pending::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] for anything else, also what another version wrote: the person starts again.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (version, json) = bytes.split_first().ok_or(DecodeError::Malformed)?;
        if *version != VERSION {
            return Err(DecodeError::Version(*version));
        }
        let form: Decoded = serde_json::from_slice(json).map_err(|_| DecodeError::Malformed)?;
        Ok(Self {
            course: form.course,
            challenge: form.challenge,
            session: form.session.map(CognitoSession::new),
        })
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("kind", &self.course.kind)
            .field("challenge", &self.challenge)
            .finish_non_exhaustive()
    }
}

const VERSION: u8 = 2;

#[derive(Serialize)]
struct Encoded<'a> {
    #[serde(flatten)]
    course: &'a Course,
    #[serde(rename = "c")]
    challenge: &'a Challenge,
    #[serde(rename = "s")]
    session: Option<&'a str>,
}

#[derive(Deserialize)]
struct Decoded {
    #[serde(flatten)]
    course: Course,
    #[serde(rename = "c")]
    challenge: Challenge,
    #[serde(rename = "s")]
    session: Option<String>,
}

/// What the person put in the page's form.
pub struct Answer {
    /// The field that [`Challenge::field`] names: a code, a choice, a password, an address, a passkey's JSON.
    pub response: Secret<String>,
    /// To NEW_PASSWORD_REQUIRED: attributes by their plain names (`family_name`).
    pub attributes: BTreeMap<String, String>,
    /// To the set-up of an authenticator app: what the person calls it (`FriendlyDeviceName`).
    pub device_name: Option<String>,
}

impl Answer {
    /// An answer that is one text.
    pub const fn new(response: Secret<String>) -> Self {
        Self {
            response,
            attributes: BTreeMap::new(),
            device_name: None,
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("attributes", &self.attributes.keys())
            .finish_non_exhaustive()
    }
}

/// Why an answer was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error("the answer has no {field}")]
    Empty { field: &'static str },
    /// Plain names, in the pool's order.
    #[error("the answer lacks required attributes: {}", .0.join(", "))]
    MissingAttributes(Vec<String>),
    #[error("the answer has an attribute the user pool did not ask for: {name:?}")]
    UnknownAttribute { name: String },
    #[error("the answer in {field} is none of the choices")]
    NotAChoice { field: &'static str },
    #[error("the answer in {field} is not a passkey's JSON")]
    NotACredential { field: &'static str },
    #[error(transparent)]
    Flow(#[from] FlowError),
}

/// Why bytes are not a [`Pending`]. Tells nothing of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("a sign-in written by another version ({0})")]
    Version(u8),
    #[error("not a sign-in under way")]
    Malformed,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::NewPasswordRequired;

    fn any_pending() -> impl Strategy<Value = Pending> {
        let kind = prop::sample::select(FlowKind::ALL.to_vec());
        let new_password = prop::collection::vec(".*", 0..4).prop_map(|required_attributes| {
            Challenge::NewPasswordRequired(NewPasswordRequired {
                required_attributes,
            })
        });
        let challenge = prop_oneof![new_password, prop::sample::select(Challenge::samples())];
        (kind, ".*", any::<u8>(), challenge, prop::option::of(".*")).prop_map(
            |(kind, username, rounds, challenge, session)| {
                let mut course = Course::new(kind, username);
                course.rounds = rounds;
                Pending::new(course, challenge, session.map(CognitoSession::new))
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(pending in any_pending()) {
            let decoded = Pending::decode(pending.encode().expose()).unwrap();
            prop_assert_eq!(&decoded.course, &pending.course);
            prop_assert_eq!(&decoded.challenge, &pending.challenge);
            let session = |pending: &Pending| pending.session.as_ref().map(|session| session.expose().to_owned());
            prop_assert_eq!(session(&decoded), session(&pending));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Pending::decode(&bytes);
        }

        #[test]
        fn a_changed_or_cut_encoding_never_panics(
            pending in any_pending(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = pending.encode().expose().clone();
            let at = at.index(bytes.len());
            prop_assert!(Pending::decode(&bytes[..at]).is_err(), "a part passed for the whole");
            bytes[at] = byte;
            let _ = Pending::decode(&bytes);
        }
    }

    #[test]
    fn another_version_is_told_from_garbage() {
        assert_eq!(Pending::decode(&[]).unwrap_err(), DecodeError::Malformed);
        assert_eq!(
            Pending::decode(&[VERSION]).unwrap_err(),
            DecodeError::Malformed
        );
        assert_eq!(
            Pending::decode(&[VERSION + 1]).unwrap_err(),
            DecodeError::Version(VERSION + 1)
        );
    }

    #[test]
    fn an_encoding_with_an_unknown_flow_is_refused() {
        let json = r#"{"f":"NO_FLOW","u":"","r":0,"p":false,"c":{"NewPasswordRequired":{"required_attributes":[]}},"s":null}"#;
        let encoded = |json: &str| [&[VERSION], json.as_bytes()].concat();
        assert_eq!(
            Pending::decode(&encoded(json)).unwrap_err(),
            DecodeError::Malformed
        );
        assert!(Pending::decode(&encoded(&json.replace("NO_FLOW", "USER_SRP_AUTH"))).is_ok());
    }

    /// The longest session there is, beside each question: what is sealed into the form must fit there.
    #[test]
    fn a_sign_in_that_waits_takes_8_kib_at_most() {
        let mut questions = Challenge::samples();
        let many: Vec<_> = (0..70)
            .map(|n| format!("custom:attribute-{n:0>8}"))
            .collect();
        questions.push(Challenge::NewPasswordRequired(NewPasswordRequired {
            required_attributes: many,
        }));
        for challenge in questions {
            let name = challenge.name();
            let session = CognitoSession::new("s".repeat(4_096));
            let course = Course::new(FlowKind::UserPasswordAuth, "u".repeat(128));
            let pending = Pending::new(course, challenge, Some(session));
            let length = pending.encode().expose().len();
            assert!(length <= 8 * 1024, "{name}: {length} bytes");
        }
    }

    /// The form's field and OAuth's `state` carry these bytes: what goes round them must stay small.
    #[test]
    fn an_encoding_adds_little_to_the_session_it_carries() {
        let challenge = Challenge::NewPasswordRequired(NewPasswordRequired {
            required_attributes: Vec::new(),
        });
        let session = CognitoSession::new("s".repeat(1_500));
        let course = Course::new(FlowKind::UserPasswordAuth, "u".repeat(36));
        let pending = Pending::new(course, challenge, Some(session));
        let overhead = pending.encode().expose().len() - 1_536;
        assert!(overhead < 150, "{overhead} bytes");
    }
}
