//! NEW_PASSWORD_REQUIRED: a user made by an administrator chooses a password and fills in missing attributes.
//!
//! `userAttributes` and `requiredAttributes` are JSON in text. The second names its items `userAttributes.family_name`; the
//! prefix is taken off here and put back in the response. An attribute already set is never sent back: Cognito refuses it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answering, Asked, Met, NextStep, Question, Reaction};
use crate::{Answer, AnswerError, FlowError, Secret};

const NAME: &str = "NEW_PASSWORD_REQUIRED";

const PREFIX: &str = "userAttributes.";

/// A new password and the attributes that are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPasswordRequired {
    /// Plain names (`family_name`) of what the person must fill in; never one that is set already.
    pub required_attributes: Vec<String>,
}

impl Question for NewPasswordRequired {
    fn names() -> &'static [&'static str] {
        &[NAME]
    }

    fn meet(asked: Asked<'_>) -> Result<Met, FlowError> {
        let user_attributes: BTreeMap<String, String> = asked.json("userAttributes")?;
        let required: Vec<String> = asked.json("requiredAttributes")?;
        let is_set = |name: &str| {
            user_attributes
                .get(name)
                .is_some_and(|value| !value.is_empty())
        };
        let required_attributes = required
            .iter()
            .map(|name| name.strip_prefix(PREFIX).unwrap_or(name))
            .filter(|name| !is_set(name))
            .map(str::to_owned)
            .collect();
        Ok(Self {
            required_attributes,
        }
        .into())
    }

    fn samples() -> Vec<Self> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        [&["email", "phone_number", "custom:sample"][..], &[]]
            .map(|required| Self {
                required_attributes: names(required),
            })
            .into()
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn page(&self) -> &'static str {
        "new_password"
    }

    fn field(&self) -> &'static str {
        "new_password"
    }

    fn next_step(&self) -> NextStep {
        NextStep::new(
            "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED",
            json!({ "missingAttributes": self.required_attributes }),
        )
    }

    /// Takes the required attributes and no others: what the form did not ask for, a person does not get to set.
    fn respond(
        &self,
        answer: Answer,
        answering: &mut Answering<'_>,
    ) -> Result<Reaction, AnswerError> {
        let attributes = answer.attributes;
        if let Some(name) = attributes
            .keys()
            .find(|name| !self.required_attributes.contains(name))
        {
            return Err(AnswerError::UnknownAttribute { name: name.clone() });
        }
        let is_missing = |name: &&String| attributes.get(*name).is_none_or(String::is_empty);
        let missing: Vec<String> = self
            .required_attributes
            .iter()
            .filter(is_missing)
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Err(AnswerError::MissingAttributes(missing));
        }
        let responses = &mut answering.responses;
        responses.insert("NEW_PASSWORD", answer.response);
        for (name, value) in attributes {
            responses.insert(format!("{PREFIX}{name}"), Secret::new(value));
        }
        Ok(answering.respond_to(NAME))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::course::Course;
    use crate::testing::*;
    use crate::{Challenge, FlowKind, Pending};

    fn read(
        user_attributes: &str,
        required_attributes: &str,
    ) -> Result<NewPasswordRequired, FlowError> {
        meet(&[
            ("userAttributes", user_attributes),
            ("requiredAttributes", required_attributes),
        ])
    }

    fn meet(parameters: &[(&str, &str)]) -> Result<NewPasswordRequired, FlowError> {
        let step = Bed::of(FlowKind::UserPasswordAuth).meet(NAME, parameters)?;
        match ask::<FlowError>(Ok(step)).challenge() {
            Challenge::NewPasswordRequired(challenge) => Ok(challenge.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn respond(
        challenge: &NewPasswordRequired,
        password: &str,
        attributes: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, AnswerError> {
        let bed = Bed::of(FlowKind::UserPasswordAuth);
        let course = Course::new(FlowKind::UserPasswordAuth, USERNAME.to_owned());
        let pending = Pending::new(course, challenge.clone().into(), None);
        let answer = Answer {
            attributes: map(attributes),
            ..Answer::new(secret(password))
        };
        let (call, _) = call::<AnswerError>(Ok(pending.answer(answer, bed.context())?));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let (_, _, responses, _) = sent_besides_the_name(&call);
        Ok(responses.into_iter().map(owned).collect())
    }

    fn asking_for_two() -> NewPasswordRequired {
        read(
            r#"{"email_verified":"true","email":"jane@example.com","name":""}"#,
            r#"["userAttributes.name","userAttributes.custom:team","userAttributes.email"]"#,
        )
        .unwrap()
    }

    #[test]
    fn only_attributes_that_are_not_set_are_asked_for_by_their_plain_names() {
        let challenge = asking_for_two();
        assert_eq!(challenge.required_attributes, ["name", "custom:team"]);
    }

    #[test]
    fn absent_parameters_ask_for_a_password_alone() {
        let challenge = meet(&[]).unwrap();
        assert!(challenge.required_attributes.is_empty());
        assert_eq!(
            respond(&challenge, "p", &[]),
            Ok(vec![("NEW_PASSWORD".to_owned(), "p".to_owned())])
        );
    }

    #[test]
    fn parameters_that_are_not_the_json_they_should_be_are_errors() {
        for text in ["", "{", "[]", "null", r#"{"email":1}"#, r#"{"email":{}}"#] {
            assert_eq!(
                read(text, "[]"),
                Err(FlowError::BadServerValue {
                    what: "userAttributes"
                }),
                "{text}"
            );
        }
        for text in ["", "[", "{}", "null", "[1]", "\"userAttributes.name\""] {
            assert_eq!(
                read("{}", text),
                Err(FlowError::BadServerValue {
                    what: "requiredAttributes"
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn the_answer_carries_the_prefix_and_nothing_that_is_set_already() {
        let responses = respond(
            &asking_for_two(),
            "p",
            &[("name", "Jane"), ("custom:team", "blue")],
        )
        .unwrap();
        let expected = [
            ("NEW_PASSWORD", "p"),
            ("userAttributes.custom:team", "blue"),
            ("userAttributes.name", "Jane"),
        ];
        assert_eq!(
            responses,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn an_answer_without_a_password_is_refused() {
        let error = respond(
            &asking_for_two(),
            "",
            &[("name", "Jane"), ("custom:team", "blue")],
        );
        assert_eq!(error, Err(AnswerError::Empty { field: "new_password" }));
    }

    #[test]
    fn all_missing_attributes_are_named_at_once_in_the_pools_order() {
        let missing =
            |attributes: &[(&str, &str)]| respond(&asking_for_two(), "p", attributes).unwrap_err();
        let both = vec!["name".to_owned(), "custom:team".to_owned()];
        assert_eq!(missing(&[]), AnswerError::MissingAttributes(both));
        let team = vec!["custom:team".to_owned()];
        assert_eq!(
            missing(&[("name", "Jane"), ("custom:team", "")]),
            AnswerError::MissingAttributes(team)
        );
    }

    #[test]
    fn an_attribute_nobody_asked_for_is_refused() {
        let complete = [("name", "Jane"), ("custom:team", "blue")];
        for name in ["email", "custom:role", "userAttributes.name", ""] {
            let attributes = [&complete[..], &[(name, "x")]].concat();
            let error = respond(&asking_for_two(), "p", &attributes).unwrap_err();
            assert_eq!(
                error,
                AnswerError::UnknownAttribute {
                    name: name.to_owned()
                }
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_asked_for_is_what_is_accepted(
            set in prop::collection::btree_map("[a-c]", "[xy]?", 0..3),
            required in prop::collection::vec("(userAttributes[.])?[a-e]", 0..5),
        ) {
            let json = |value| serde_json::to_string(value).unwrap();
            let challenge = read(&json(&serde_json::json!(set)), &json(&serde_json::json!(required))).unwrap();
            let answer: Vec<_> = challenge.required_attributes.iter().map(|name| (name.as_str(), "v")).collect();
            prop_assert!(respond(&challenge, "p", &answer).is_ok());
            for name in &challenge.required_attributes {
                prop_assert!(set.get(name).is_none_or(String::is_empty), "{} is set", name);
            }
        }
    }
}
