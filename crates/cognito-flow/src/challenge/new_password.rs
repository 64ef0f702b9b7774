//! NEW_PASSWORD_REQUIRED: a user made by an administrator chooses a password and fills in missing attributes.
//!
//! `userAttributes` and `requiredAttributes` are JSON in text. The second names its items `userAttributes.family_name`; the
//! prefix is taken off here and put back in the response. An attribute already set is never sent back: Cognito refuses it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{AnswerError, FlowError, Parameters, Secret};

pub(super) const NAME: &str = "NEW_PASSWORD_REQUIRED";

const PREFIX: &str = "userAttributes.";

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPasswordRequired {
    /// Plain names (`family_name`) of what the person must fill in; never one that is set already.
    pub required_attributes: Vec<String>,
    /// What the pool has, by plain name.
    pub user_attributes: BTreeMap<String, String>,
}

impl NewPasswordRequired {
    pub(super) fn read(parameters: &BTreeMap<String, String>) -> Result<Self, FlowError> {
        let user_attributes: BTreeMap<String, String> = json(parameters, "userAttributes")?;
        let required: Vec<String> = json(parameters, "requiredAttributes")?;
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
            user_attributes,
        })
    }

    /// Takes the required attributes and no others: what the form did not ask for, a person does not get to set.
    pub(super) fn respond(
        &self,
        password: Secret<String>,
        attributes: BTreeMap<String, String>,
        responses: &mut Parameters,
    ) -> Result<(), AnswerError> {
        if password.expose().is_empty() {
            return Err(AnswerError::Empty { field: "password" });
        }
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
        responses.insert("NEW_PASSWORD", password);
        for (name, value) in attributes {
            responses.insert(format!("{PREFIX}{name}"), Secret::new(value));
        }
        Ok(())
    }
}

/// The parameter's JSON; empty when it is absent, as clients read it.
fn json<T: DeserializeOwned + Default>(
    parameters: &BTreeMap<String, String>,
    parameter: &'static str,
) -> Result<T, FlowError> {
    parameters.get(parameter).map_or_else(
        || Ok(T::default()),
        |text| {
            serde_json::from_str(text).map_err(|_| FlowError::BadServerValue { what: parameter })
        },
    )
}

/// Names only: the values are the person's e-mail address, telephone number and the like.
impl fmt::Debug for NewPasswordRequired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewPasswordRequired")
            .field("required_attributes", &self.required_attributes)
            .field("user_attributes", &self.user_attributes.keys())
            .finish()
    }
}
