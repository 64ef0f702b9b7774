//! What the pool's own settings say, where the environment has credentials of AWS for reading them.
//!
//! `cognito::api::describe` reads; `pool` and `client` say what the settings mean for the configuration. Each
//! judgement is a function of its own that asks nobody. Without credentials this says what could not be looked at.

mod client;
mod pool;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cognito_flow::{FlowKind, Secret};

use super::aws::Aws;
use super::finding::Finding;
use crate::cognito::{AwsCredentials, CognitoError, Described, Fault};
use crate::config::Config;

const CHECK: &str = "pool-settings";

/// What is judged against what.
struct Wanted<'a> {
    config: &'a Config,
    /// `cognito.flow`.
    flow: FlowKind,
    aws: &'a Aws,
}

/// The credentials that the environment holds; nothing else is looked up.
pub(super) fn credentials(
    environment: &BTreeMap<String, String>,
) -> Result<Option<AwsCredentials>, Finding> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let pair = (
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
    );
    match pair {
        (Some(access_key_id), Some(secret)) => Ok(Some(AwsCredentials {
            access_key_id: access_key_id.clone(),
            secret_access_key: Secret::new(secret.clone()),
            session_token: variable("AWS_SESSION_TOKEN").cloned().map(Secret::new),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half("AWS_SECRET_ACCESS_KEY")),
        (None, Some(_)) => Err(half("AWS_ACCESS_KEY_ID")),
    }
}

fn half(missing: &str) -> Finding {
    Finding::warning(
        CHECK,
        format!("not read: {missing} is not set, its counterpart is"),
    )
    .remedy("set both, or neither")
}

/// What nobody could look at, and how they could.
pub(super) fn not_read(config: &Config, aws: &Aws) -> Finding {
    let finding = Finding::note(
        CHECK,
        "not read, for want of AWS credentials in the environment: trigger configuration, token lifetimes, token \
         revocation and rotation, MFA, device tracking, first factors, passkeys, sign-up, account recovery, plan, \
         callback URLs, readable and writable attributes",
    );
    if config.sign_in.dev {
        return finding
            .remedy("the local pool takes any credentials: set AWS_ACCESS_KEY_ID=any and AWS_SECRET_ACCESS_KEY=any");
    }
    finding.remedy(format!(
        "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary ones, AWS_SESSION_TOKEN; this policy is enough: {}",
        aws.policy()
    ))
}

/// Judges everything that could be read. `known` are the findings so far: what they told is not told again.
pub(super) fn judge(
    described: &Described,
    config: &Config,
    aws: &Aws,
    known: &[Finding],
) -> Vec<Finding> {
    let wanted = Wanted {
        config,
        flow: config.cognito.flow.kind,
        aws,
    };
    let Described { pool, client, mfa } = described;
    let mut findings: Vec<_> = [
        pool.as_ref().err(),
        client.as_ref().err(),
        mfa.as_ref().err(),
    ]
    .into_iter()
    .flatten()
    .map(|error| unreadable(error, aws))
    .collect();
    // Bad credentials fail all three calls in one way.
    findings.dedup_by(|later, earlier| later.remedy == earlier.remedy);
    let unread = findings.len();
    if let Ok(pool) = pool {
        findings.extend(wanted.judge_pool(pool));
    }
    if let Ok(client) = client {
        findings.extend(wanted.judge_client(client));
    }
    if let Ok(mfa) = mfa {
        findings.extend(wanted.judge_mfa(mfa));
    }
    if let (Ok(pool), Ok(mfa)) = (pool, mfa) {
        findings.extend(wanted.judge_codes(pool, mfa));
        findings.extend(wanted.judge_passkeys(pool, mfa));
    }
    if findings.len() == unread && unread < 3 {
        findings.push(Finding::ok(CHECK, "what was read fits the configuration"));
    }
    let is_known = |finding: &Finding| {
        known
            .iter()
            .any(|other| (other.check, other.severity) == (finding.check, finding.severity))
    };
    findings.retain(|finding| !is_known(finding));
    findings
}

/// A part of the settings that could not be read.
fn unreadable(error: &CognitoError, aws: &Aws) -> Finding {
    let finding = Finding::warning(CHECK, format!("not read: {error}"));
    match error {
        CognitoError::Misconfigured {
            fault: Fault::Permission,
            ..
        } => finding.remedy(format!(
            "attach this policy to the identity of the credentials: {}",
            aws.policy()
        )),
        CognitoError::Misconfigured {
            fault: Fault::NoSuchClient { .. },
            ..
        } => finding.remedy(
            "the pool has no such client, or the account of the credentials no such pool: check cognito.user_pool_id, \
             cognito.client_id and whose credentials these are",
        ),
        error => match error.operator_hint() {
            Some(hint) => finding.remedy(hint),
            None => finding,
        },
    }
}
