//! Lambda triggers: functions of the developer that the pool calls at fixed points.
//!
//! A trigger is a Lambda Invoke URL or a command; `invoke` treats both alike: one event in, the event's `response`
//! out. Which event, and what its answer means, is told in one file a trigger (`user_migration`).
//! An event may hold a password: it goes to the function and nowhere else.

mod command;
mod invoke_url;
pub(crate) mod user_migration;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use invoke_url::{InvokeUrl, InvokeUrlError};

use crate::error::ApiError;

/// Cognito calls a function again when it did not answer in time, three times in all.
const TRIES: u32 = 3;

/// The longest answer that is read.
const LONGEST_ANSWER: usize = 1 << 20;

/// A function the pool calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A function behind the Lambda Invoke API, as SAM local and the runtime interface emulator serve it.
    Url(InvokeUrl),
    /// A program and its arguments: reads the event on stdin, writes it with `response` filled in on stdout.
    /// An exit status other than 0 means the function threw; the last line of stderr is its message.
    Command(Vec<String>),
}

/// Why a trigger gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TriggerError {
    /// The function's own error text.
    #[error("the function threw")]
    Thrown(String),
    #[error("the function cannot be called: {0}")]
    Unavailable(String),
    #[error("the function did not answer in time, {TRIES} times")]
    TimedOut,
    #[error("the function's answer has no usable response")]
    BadAnswer,
}

impl TriggerError {
    /// The exception Cognito raises; `trigger` is the trigger's name, such as `UserMigration`.
    pub(crate) fn exception(&self, trigger: &str) -> ApiError {
        match self {
            Self::Thrown(message) => {
                let message = message.trim_end_matches('.');
                ApiError::user_lambda_validation(format!("{trigger} failed with error {message}."))
            }
            Self::Unavailable(_) | Self::TimedOut => {
                ApiError::unexpected_lambda(format!("{trigger} invocation failed due to an error."))
            }
            Self::BadAnswer => ApiError::invalid_lambda_response("Unrecognizable lambda output"),
        }
    }
}

/// Calls a function with an event and gives back the event's `response` object.
///
/// `limit` is the time for one try. Side effects of a function may happen up to three times.
pub(crate) async fn invoke(
    trigger: &Trigger,
    event: &Value,
    limit: Duration,
) -> Result<Map<String, Value>, TriggerError> {
    let event = event.to_string();
    for _try in 0..TRIES {
        let answer = match trigger {
            Trigger::Url(url) => {
                tokio::time::timeout(limit, invoke_url::call(url, event.clone())).await
            }
            Trigger::Command(command) => {
                tokio::time::timeout(limit, command::run(command, event.as_bytes())).await
            }
        };
        match answer {
            Ok(answer) => return response_of(&answer?),
            Err(_elapsed) => tracing::warn!(limit = ?limit, "a trigger did not answer in time"),
        }
    }
    Err(TriggerError::TimedOut)
}

/// The `response` of an answer, which must be a whole event. An object that reports an error instead is the emulator's
/// way of saying that the function threw: it sends no function-error header.
fn response_of(answer: &[u8]) -> Result<Map<String, Value>, TriggerError> {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return Err(TriggerError::Unavailable(
            "its answer is not JSON".to_owned(),
        ));
    };
    match (answer.get("response"), answer.get("errorMessage")) {
        (Some(Value::Object(response)), _) => Ok(response.clone()),
        (None, Some(message)) => Err(TriggerError::Thrown(
            message.as_str().unwrap_or_default().to_owned(),
        )),
        _ => Err(TriggerError::BadAnswer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_response_an_error_or_unusable() {
        assert_eq!(response_of(br#"{"response":{"a":1}}"#).unwrap().len(), 1);
        let name = |answer: &[u8]| {
            response_of(answer)
                .unwrap_err()
                .exception("UserMigration")
                .to_string()
        };
        assert_eq!(
            name(br#"{"errorMessage":"Bad password.","errorType":"Error"}"#),
            "UserLambdaValidationException: UserMigration failed with error Bad password."
        );
        for unusable in [
            "{}",
            "[]",
            "null",
            r#"{"response":null}"#,
            r#"{"response":[]}"#,
            r#""text""#,
        ] {
            assert_eq!(
                name(unusable.as_bytes()),
                "InvalidLambdaResponseException: Unrecognizable lambda output",
                "{unusable}"
            );
        }
        for broken in ["", "Task timed out after 3.00 seconds", "{"] {
            assert!(
                name(broken.as_bytes()).starts_with("UnexpectedLambdaException"),
                "{broken}"
            );
        }
    }
}
