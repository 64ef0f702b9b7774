//! A challenge as the pool sent it, with the ways to read its parameters.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::course::Course;
use crate::{CognitoSession, Context, FlowError};

/// A challenge as the pool sent it.
pub(crate) struct Asked<'a> {
    /// `ChallengeName`.
    pub(crate) name: &'a str,
    /// `ChallengeParameters`.
    pub(crate) parameters: &'a BTreeMap<String, String>,
    /// `AvailableChallenges`.
    pub(crate) available: &'a [String],
    /// For a challenge that is answered without the person; else it is kept beside the question.
    pub(crate) session: &'a mut Option<CognitoSession>,
    pub(crate) context: &'a Context<'a>,
    /// The SRP secret *a* of a device, big-endian.
    pub(crate) exponent: &'a [u8],
    pub(crate) course: &'a mut Course,
}

impl<'a> Asked<'a> {
    /// A parameter that is there and not empty.
    pub(crate) fn optional(&self, parameter: &str) -> Option<&'a str> {
        let value = self.parameters.get(parameter)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub(crate) fn required(
        &self,
        challenge: &'static str,
        parameter: &'static str,
    ) -> Result<&'a str, FlowError> {
        self.optional(parameter).ok_or(FlowError::MissingParameter {
            challenge,
            parameter,
        })
    }

    /// The parameter's JSON; empty when it is absent, as clients read it.
    pub(crate) fn json<T: DeserializeOwned + Default>(
        &self,
        parameter: &'static str,
    ) -> Result<T, FlowError> {
        self.parameters.get(parameter).map_or_else(
            || Ok(T::default()),
            |text| {
                serde_json::from_str(text)
                    .map_err(|_| FlowError::BadServerValue { what: parameter })
            },
        )
    }
}
