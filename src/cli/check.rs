//! `sidegate check`: what is wrong with the configuration, and then with the world it speaks of.
//!
//! The pool is asked as any visitor could ask it, and the upstream is only connected to: nothing is changed.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use url::Url;

use super::{CONFIGURATION, FAILED};
use crate::clock::Clock;
use crate::cognito::{self, Finding, Outcome, UserPool};
use crate::config::{Config, Problem, Problems};

/// All that was found.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Looks at everything; asks around only for a configuration that is right, and not when `offline`.
    pub(super) async fn of(loaded: Result<Config, Problems>, offline: bool) -> Self {
        let config = match loaded {
            Ok(config) => config,
            Err(Problems { errors, warnings }) => {
                return Self {
                    problems: errors,
                    warnings,
                    findings: Vec::new(),
                };
            }
        };
        let mut findings = Vec::new();
        if !offline {
            let forward = config.forward;
            let (pool, upstream) = tokio::join!(
                pool(config.cognito),
                upstream(&forward.upstream, forward.connect_timeout)
            );
            findings = pool;
            findings.push(upstream);
        }
        Self {
            problems: Vec::new(),
            warnings: config.warnings,
            findings,
        }
    }

    /// What is written is wrong: 78. What is out there is not as written: 1.
    pub(super) fn exit_code(&self) -> u8 {
        let failed = |finding: &Finding| finding.outcome == Outcome::Failed;
        if !self.problems.is_empty() {
            CONFIGURATION
        } else if self.findings.iter().any(failed) {
            FAILED
        } else {
            0
        }
    }

    /// # Errors
    /// When the answer cannot be written.
    pub(super) fn write(&self, as_json: bool, out: &mut impl Write) -> io::Result<()> {
        if as_json {
            return writeln!(out, "{}", self.json());
        }
        for problem in &self.problems {
            writeln!(out, "{problem}")?;
        }
        for warning in &self.warnings {
            writeln!(out, "warning: {warning}")?;
        }
        match self.problems.len() {
            0 => writeln!(out, "ok: the configuration is right")?,
            1 => writeln!(out, "1 problem")?,
            many => writeln!(out, "{many} problems")?,
        }
        for finding in &self.findings {
            let word = match finding.outcome {
                Outcome::Ok => "ok",
                Outcome::Warning => "warning",
                Outcome::Failed => "fail",
            };
            writeln!(out, "{word}: {}: {}", finding.subject, finding.detail)?;
            if let Some(hint) = &finding.hint {
                writeln!(out, "      {hint}")?;
            }
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let problem = |problem: &Problem| json!({"key": problem.key, "origin": problem.origin, "text": problem.text});
        let finding = |finding: &Finding| {
            let outcome = match finding.outcome {
                Outcome::Ok => "ok",
                Outcome::Warning => "warning",
                Outcome::Failed => "failed",
            };
            json!({"subject": finding.subject, "outcome": outcome, "detail": finding.detail, "hint": finding.hint})
        };
        json!({
            "ok": self.exit_code() == 0,
            "problems": self.problems.iter().map(problem).collect::<Vec<_>>(),
            "warnings": self.warnings.iter().map(problem).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    }
}

async fn pool(settings: cognito::Settings) -> Vec<Finding> {
    match UserPool::new(settings, Clock::system()) {
        Ok(pool) => pool.probe().await,
        Err(error) => vec![Finding {
            subject: "user pool",
            outcome: Outcome::Failed,
            detail: error.to_string(),
            hint: error.operator_hint(),
        }],
    }
}

/// Whether the upstream takes connections.
async fn upstream(url: &Url, patience: Duration) -> Finding {
    let host = url.host_str().unwrap_or_default();
    let address = (
        host.trim_start_matches('[').trim_end_matches(']'),
        url.port_or_known_default().unwrap_or_default(),
    );
    let problem = match tokio::time::timeout(patience, TcpStream::connect(address)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {patience:?}")),
    };
    match problem {
        None => Finding {
            subject: "upstream",
            outcome: Outcome::Ok,
            detail: format!("{url} takes connections"),
            hint: None,
        },
        Some(problem) => Finding {
            subject: "upstream",
            outcome: Outcome::Failed,
            detail: format!("{url}: {problem}"),
            hint: Some("start the service, or set upstream.url to where it listens".to_owned()),
        },
    }
}
