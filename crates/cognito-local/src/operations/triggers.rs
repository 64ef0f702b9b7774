//! `LambdaConfig` of CreateUserPool, UpdateUserPool and DescribeUserPool.
//!
//! Where the service takes ARNs the local pool takes Invoke URLs. A command comes from the seed only: over the wire it
//! would let anybody who reaches the port run programs.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::pool::not_offered;
use crate::error::ApiError;
use crate::trigger::{InvokeUrl, Kind, LambdaVersion, Trigger, Triggers};

const VERSIONED: &str = "PreTokenGenerationConfig";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versioned {
    lambda_arn: String,
    lambda_version: String,
}

/// The functions of a request. One that the pool would not call is refused: silence would look like consent.
pub(super) fn from_config(config: Map<String, Value>) -> Result<Triggers, ApiError> {
    let mut triggers = Triggers::default();
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
            add(
                &mut triggers,
                Kind::PreTokenGeneration,
                &versioned.lambda_arn,
            )?;
        } else {
            match (Kind::from_name(&name), value.as_str()) {
                (Some(kind), Some(url)) => add(&mut triggers, kind, url)?,
                _ => return Err(not_offered(&format!("the trigger {name}"))),
            }
        }
    }
    Ok(triggers)
}

/// The functions of UpdateUserPool. As `from_config`, but one that comes back as DescribeUserPool showed it stays what
/// it is: a command has no other name over the wire.
pub(super) fn changed(config: Map<String, Value>, kept: &Triggers) -> Result<Triggers, ApiError> {
    let shown = self::config(kept);
    let (same, new): (Map<_, _>, Map<_, _>) = config
        .into_iter()
        .partition(|(name, value)| shown.get(name) == Some(value));
    let mut triggers = from_config(new)?;
    for (kind, function) in &kept.functions {
        let versioned = *kind == Kind::PreTokenGeneration && same.contains_key(VERSIONED);
        if versioned {
            triggers.pre_token_generation_version = kept.pre_token_generation_version;
        }
        if versioned || same.contains_key(kind.name()) {
            triggers.functions.insert(*kind, function.clone());
        }
    }
    triggers.custom_challenge_limit = kept.custom_challenge_limit;
    Ok(triggers)
}

fn add(triggers: &mut Triggers, kind: Kind, url: &str) -> Result<(), ApiError> {
    let url: InvokeUrl = url.parse().map_err(|error| {
        ApiError::invalid_parameter(format!(
            "The local pool calls triggers by their Invoke URL: {error}"
        ))
    })?;
    let function = Trigger::Url(url);
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
