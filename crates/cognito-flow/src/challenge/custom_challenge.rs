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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::*;
    use crate::{FlowKind, Pending, Step};

    fn asked(parameters: &[(&str, &str)]) -> Pending {
        Bed::of(FlowKind::CustomWithoutSrp).question(NAME, parameters)
    }

    fn info(pending: &Pending) -> Value {
        pending.challenge().next_step().details["additionalInfo"].clone()
    }

    fn read_back(pending: &Pending) -> Pending {
        Pending::decode(pending.encode().expose()).unwrap()
    }

    #[test]
    fn the_triggers_parameters_are_told_and_the_answer_goes_back_as_it_is() {
        let bed = Bed {
            device: Some(device()),
            ..Bed::of(FlowKind::CustomWithoutSrp)
        };
        let pending = bed.question(NAME, &[("USERNAME", "jane"), ("captchaUrl", "url/123.jpg")]);
        assert_eq!(pending.username(), "jane");
        let next_step = pending.challenge().next_step();
        assert_eq!(next_step.sign_in_step, "CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE");
        assert_eq!(info(&pending), json!({"captchaUrl": "url/123.jpg"}));
        let (call, _) = call(bed.answer(pending, " 4 2 "));
        let expected = vec![("ANSWER", " 4 2 "), ("DEVICE_KEY", "eu-west-1_device")];
        assert_eq!(
            sent_besides_the_name(&call),
            ("RespondToAuthChallenge", NAME, expected, Some(SESSION))
        );
    }

    #[test]
    fn a_wrong_answer_leads_to_the_next_round_until_there_were_enough() {
        let mut bed = Bed::of(FlowKind::CustomWithoutSrp);
        bed.settings.max_rounds = 3;
        let (_, mut flow) = bed.begin();
        for round in 1..=3 {
            let question = challenge(NAME, &[], Some(&format!("session-{round}")));
            let pending = read_back(&ask(flow.on_reply(question, bed.context())));
            assert_eq!(pending.round(), round);
            (_, flow) = call(bed.answer(pending, "wrong"));
        }
        let error = flow.on_reply(challenge(NAME, &[], None), bed.context());
        assert_eq!(error.unwrap_err(), FlowError::TooManyRounds { limit: 3 });
    }

    #[test]
    fn the_last_round_may_end_with_tokens() {
        let mut bed = Bed::of(FlowKind::CustomWithoutSrp);
        bed.settings.max_rounds = 1;
        let (_, flow) = call(bed.answer(bed.question(NAME, &[]), "right"));
        assert!(matches!(flow.on_reply(tokens(), bed.context()), Ok(Step::Done(_))));
    }

    /// bounded in number and length.
    #[test]
    fn parameters_with_odd_names_and_those_over_the_limits_are_left_out() {
        let long_name = "n".repeat(MAX_NAME + 1);
        let long = "v".repeat(MAX_VALUE + 1);
        let fitting = "v".repeat(MAX_VALUE);
        let pending = asked(&[
            ("", "a"),
            ("a b", "a"),
            ("<script>", "a"),
            (&long_name, "a"),
            ("long", &long),
            ("fitting", &fitting),
        ]);
        assert_eq!(info(&pending), json!({"fitting": fitting}));
        let many: Vec<_> = (0..40).map(|n| format!("p{n:0>2}")).collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), "a")).collect();
        assert_eq!(info(&asked(&many)).as_object().unwrap().len(), MAX_PARAMETERS);
    }

    /// what is sealed into the form is bounded; a picture is drawn once and not kept.
    #[test]
    fn a_picture_is_shown_and_comes_back_as_an_empty_text() {
        let picture = format!("data:image/png;base64,{}", "A".repeat(100_000));
        let pending = asked(&[("captchaUrl", &picture), ("question", "What is seen?")]);
        assert_eq!(info(&pending)["captchaUrl"], picture);
        let kept = json!({"captchaUrl": "", "question": "What is seen?"});
        assert_eq!(info(&read_back(&pending)), kept);
    }

    #[test]
    fn what_is_kept_is_measured_as_it_is_written() {
        let growing = "\u{1}".repeat(MAX_KEPT_VALUE);
        let names: Vec<_> = (0..MAX_PARAMETERS).map(|n| format!("{n:n>MAX_NAME$}")).collect();
        let parameters: Vec<_> = names.iter().map(|name| (name.as_str(), growing.as_str())).collect();
        let pending = asked(&parameters);
        let kept = info(&read_back(&pending));
        assert!(json_length(&kept) <= MAX_KEPT);
        assert_eq!(kept.as_object().unwrap().len(), MAX_PARAMETERS);
    }
}
