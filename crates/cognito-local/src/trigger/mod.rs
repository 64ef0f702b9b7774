//! Lambda triggers: functions of the developer that the pool calls at fixed points.
//!
//! A trigger is a Lambda Invoke URL or a command; both get one whole event and give it back with `response` filled in.
//! `call` is the way to all of them; what goes into `request` and what `response` means, its caller knows.
//! An event may hold a password: it goes to the function and nowhere else.

pub(crate) mod authentication;
mod command;
mod config;
mod invoke_url;
mod kind;
pub(crate) mod pre_token_generation;
pub(crate) mod user_migration;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use config::{LambdaVersion, Triggers};
pub use invoke_url::{InvokeUrl, InvokeUrlError};
pub use kind::Kind;

use crate::error::ApiError;
use crate::service::Service;
use crate::state::User;

/// Cognito calls a function again when it was throttled or did not answer in time, three times in all.
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

/// What a function is told: the parts of an event that differ from call to call.
pub(crate) struct Event<'a> {
    pub(crate) pool: &'a str,
    /// The app client of the call.
    pub(crate) client: &'a str,
    pub(crate) kind: Kind,
    /// The whole `triggerSource`, such as `PostConfirmation_ConfirmSignUp`.
    pub(crate) source: &'a str,
    /// The internal name; of a user who does not exist the name typed.
    pub(crate) user_name: &'a str,
    pub(crate) request: Map<String, Value>,
    /// `response` as the function gets it: the members it may fill in.
    pub(crate) response: Value,
}

/// Why a trigger gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TriggerError {
    /// The function's own error text: for the caller, not for the log.
    #[error("the function threw")]
    Thrown(String),
    #[error("the function cannot be called: {0}")]
    Unavailable(String),
    /// The Invoke API has no room for the call at the moment.
    #[error("the function is throttled")]
    Throttled,
    #[error("the function was throttled or did not answer in time, {TRIES} times")]
    NoAnswer,
    #[error("the function's answer has no usable response")]
    BadAnswer,
}

impl TriggerError {
    /// The exception Cognito raises.
    pub(crate) fn exception(&self, kind: Kind) -> ApiError {
        let trigger = kind.name();
        match self {
            Self::Thrown(message) => {
                let message = message.trim_end_matches('.');
                ApiError::user_lambda_validation(format!("{trigger} failed with error {message}."))
            }
            Self::Unavailable(_) | Self::Throttled | Self::NoAnswer => {
                ApiError::unexpected_lambda(format!("{trigger} invocation failed due to an error."))
            }
            Self::BadAnswer => unusable(),
        }
    }
}

/// Calls the pool's function for a trigger and gives back the event's `response`; `None` when the pool has none.
///
/// # Errors
/// UserLambdaValidationException when the function threw, UnexpectedLambdaException when it cannot be called or did
/// not answer in time, InvalidLambdaResponseException when its answer has no `response`.
pub(crate) async fn call(
    service: &Service,
    event: Event<'_>,
) -> Result<Option<Map<String, Value>>, ApiError> {
    let kind = event.kind;
    ask(service, event).await.map_err(|error| {
        tracing::warn!(%error, trigger = kind.name(), "a trigger failed");
        error.exception(kind)
    })
}

/// As `call`, for who treats what a function throws in a way of its own.
///
/// Each try may take `trigger_time_limit`. Side effects of a function may happen up to three times. Calls beyond the
/// service's limit of functions at work wait for their turn.
pub(crate) async fn ask(
    service: &Service,
    event: Event<'_>,
) -> Result<Option<Map<String, Value>>, TriggerError> {
    let found = service.read(|state| {
        let triggers = &state.pool(event.pool).ok()?.settings.triggers;
        let version = match event.kind {
            Kind::PreTokenGeneration => triggers.pre_token_generation_version.event(),
            _ => "1",
        };
        Some((triggers.get(event.kind)?.clone(), version))
    });
    let Some((function, version)) = found else {
        return Ok(None);
    };
    let event = json!({
        "version": version,
        "triggerSource": event.source,
        "region": event.pool.split_once('_').map_or("local", |(region, _)| region),
        "userPoolId": event.pool,
        "userName": event.user_name,
        "callerContext": { "awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": event.client },
        "request": event.request,
        "response": event.response,
    })
    .to_string();
    for _try in 0..TRIES {
        let _turn = service
            .triggers
            .acquire()
            .await
            .map_err(|_closed| TriggerError::Unavailable("the pool is stopping".to_owned()))?;
        let answer = async {
            match &function {
                Trigger::Url(url) => invoke_url::call(url, event.clone()).await,
                Trigger::Command(command) => command::run(command, event.as_bytes()).await,
            }
        };
        let limit = service.trigger_time_limit;
        match tokio::time::timeout(limit, answer).await {
            Ok(Err(error @ TriggerError::Throttled)) => tracing::warn!(%error),
            Ok(answer) => return response_of(&answer?).map(Some),
            Err(_elapsed) => tracing::warn!(limit = ?limit, "a trigger did not answer in time"),
        }
    }
    Err(TriggerError::NoAnswer)
}

/// `userAttributes` of an event: every attribute as a text, with `sub` and `cognito:user_status`.
pub(crate) fn attributes(user: &User) -> Map<String, Value> {
    let mut attributes: Map<_, _> = user
        .attributes
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    attributes.insert("cognito:user_status".to_owned(), user.status.name().into());
    attributes
}

/// Adds `clientMetadata` to a request when the call at hand sent any: Cognito keeps none from an earlier call.
pub(crate) fn add_metadata(request: &mut Map<String, Value>, metadata: &BTreeMap<String, String>) {
    if !metadata.is_empty() {
        request.insert("clientMetadata".to_owned(), json!(metadata));
    }
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

/// A function's `response` as the members it may have. InvalidLambdaResponseException for members of the wrong type.
pub(crate) fn read<T: DeserializeOwned>(response: Map<String, Value>) -> Result<T, ApiError> {
    serde_json::from_value(response.into()).map_err(|_wrong_shape| unusable())
}

/// The exception for an answer the pool cannot act on.
pub(crate) fn unusable() -> ApiError {
    ApiError::invalid_lambda_response("Unrecognizable lambda output")
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
                .exception(Kind::UserMigration)
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
