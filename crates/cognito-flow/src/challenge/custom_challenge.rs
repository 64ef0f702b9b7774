//! CUSTOM_CHALLENGE: whatever the pool's CreateAuthChallenge trigger made up.
//!
//! A wrong answer is no error: the trigger decides whether the next round or a refusal follows. What it sends is text
//! from outside, bounded here in number and length, and never more than text.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;

use super::{
    Answering, Asked, MAX_KEPT, Met, NextStep, Question, Reaction, json_length,
};
use crate::{Answer, AnswerError, FlowError};

const NAME: &str = "CUSTOM_CHALLENGE";

/// Most public parameters that are taken.
const MAX_PARAMETERS: usize = 16;
/// Longest name.
const MAX_NAME: usize = 64;
/// Longest value of any kind: an image of 256 KiB as a `data:` URL.
const MAX_VALUE: usize = 352 * 1024;
/// Longest value that is kept while the person answers: longer ones are images, drawn once.
const MAX_KEPT_VALUE: usize = 1024;

/// A question of the pool's own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomChallenge {
    /// `publicChallengeParameters` by name, without USERNAME.
    #[serde(serialize_with = "kept")]
    pub parameters: BTreeMap<String, String>,
}

impl Question for CustomChallenge {
    fn names() -> &'static [&'static str] {
        &[NAME]
    }

    fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
        let limit = asked.context.settings.max_rounds;
        if asked.course.rounds >= limit {
            return Err(FlowError::TooManyRounds { limit });
        }
        asked.course.rounds = asked.course.rounds.saturating_add(1);
        let fits = |(name, value): &(&String, &String)| {
            *name != "USERNAME" && is_name(name) && value.len() <= MAX_VALUE
        };
        let owned = |(name, value): (&String, &String)| (name.clone(), value.clone());
        let parameters = asked.parameters.iter().filter(fits).take(MAX_PARAMETERS);
        Ok(Self {
            parameters: parameters.map(owned).collect(),
        }
        .into())
    }

    fn samples() -> Vec<Self> {
        let parameters = [
            ("captchaUrl", "url/123.jpg"),
            ("question", "What is seen?"),
            ("email", "j***@e***"),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        vec![
            Self {
                parameters: parameters.map(own).into(),
            },
            Self {
                parameters: BTreeMap::new(),
            },
        ]
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn page(&self) -> &'static str {
        "custom"
    }

    fn field(&self) -> &'static str {
        "answer"
    }

    fn next_step(&self) -> NextStep {
        NextStep::new(
            "CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE",
            json!({ "additionalInfo": self.parameters }),
        )
    }

    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        answering.responses.insert("ANSWER", answer.response);
        answering.insert_device_key();
        Ok(answering.respond_to(NAME))
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(fits)
}

/// A question that waits for its answer lives in a form of 16 KiB: images are left out, and come back as empty texts.
/// Names are always kept; values as long as there is room beside them.
fn kept<S: Serializer>(
    parameters: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    // Of each: quotes and separators.
    let names: usize = parameters.keys().map(|name| name.len() + 6).sum();
    let mut left = MAX_KEPT.saturating_sub(names);
    let kept = parameters.iter().map(|(name, value)| {
        let length = json_length(value);
        let fits = value.len() <= MAX_KEPT_VALUE && length <= left;
        left -= if fits { length } else { 0 };
        (name, if fits { value } else { "" })
    });
    serializer.collect_map(kept)
}

/// Names only.
impl fmt::Debug for CustomChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomChallenge")
            .field("parameters", &self.parameters.keys())
            .finish()
    }
}
