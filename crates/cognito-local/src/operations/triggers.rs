//! `LambdaConfig` of CreateUserPool, UpdateUserPool and DescribeUserPool.
//!
//! Where the service takes ARNs the local pool takes Invoke URLs. A command comes from the seed only: over the wire it
//! would let anybody who reaches the port run programs.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::pool::not_offered;
use crate::error::ApiError;
use crate::trigger::{InvokeUrlError, Kind, LambdaVersion, Trigger, Triggers};

const VERSIONED: &str = "PreTokenGenerationConfig";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versioned {
    lambda_arn: String,
    lambda_version: String,
}

/// The functions of a request. One that the pool would not call is refused: silence would look like consent.
///
/// `present` are those the pool has: who sends back what DescribeUserPool told keeps a command.
pub(super) fn from_config(
    config: Map<String, Value>,
    present: &Triggers,
) -> Result<Triggers, ApiError> {
    let mut triggers = Triggers {
        custom_challenge_limit: present.custom_challenge_limit,
        ..Triggers::default()
    };
    for (name, value) in config.into_iter().filter(|(_, value)| !value.is_null()) {
        if name == VERSIONED {
            let unknown = || {
                ApiError::invalid_parameter(format!(
                    "{VERSIONED} needs LambdaArn and LambdaVersion V1_0, V2_0 or V3_0."
                ))
            };
            let versioned: Versioned =
                serde_json::from_value(value).map_err(|_wrong_shape| unknown())?;
            triggers.pre_token_generation_version =
                LambdaVersion::from_name(&versioned.lambda_version).ok_or_else(unknown)?;
            let kind = Kind::PreTokenGeneration;
            add(&mut triggers, present, kind, &versioned.lambda_arn)?;
        } else {
            match (Kind::from_name(&name), value.as_str()) {
                (Some(kind), Some(url)) => add(&mut triggers, present, kind, url)?,
                _ => return Err(not_offered(&format!("the trigger {name}"))),
            }
        }
    }
    Ok(triggers)
}

fn add(triggers: &mut Triggers, present: &Triggers, kind: Kind, url: &str) -> Result<(), ApiError> {
    let kept = present
        .get(kind)
        .filter(|function| arn(kind, function) == url);
    let function = match kept {
        Some(function) => function.clone(),
        None => Trigger::Url(url.parse().map_err(|error: InvokeUrlError| {
            ApiError::invalid_parameter(format!(
                "The local pool calls triggers by their Invoke URL: {error}"
            ))
        })?),
    };
    let other = triggers.functions.insert(kind, function.clone());
    if other.is_some_and(|other| other != function) {
        return Err(ApiError::invalid_parameter(format!(
            "PreTokenGeneration and the LambdaArn of {VERSIONED} must be the same."
        )));
    }
    Ok(())
}

/// `LambdaConfig` of an answer.
pub(super) fn config(triggers: &Triggers) -> Value {
    let mut config: Map<_, _> = triggers
        .functions
        .iter()
        .map(|(kind, function)| (kind.name().to_owned(), arn(*kind, function).into()))
        .collect();
    if let Some(function) = triggers.get(Kind::PreTokenGeneration) {
        let version = triggers.pre_token_generation_version.name();
        let versioned = json!({ "LambdaArn": arn(Kind::PreTokenGeneration, function), "LambdaVersion": version });
        config.insert(VERSIONED.to_owned(), versioned);
    }
    config.into()
}

/// A command is not told: it may hold what is nobody's business.
fn arn(kind: Kind, function: &Trigger) -> String {
    match function {
        Trigger::Url(url) => url.to_string(),
        Trigger::Command(_) => {
            format!("arn:aws:lambda:local:000000000000:function:{}", kind.key())
        }
    }
}
