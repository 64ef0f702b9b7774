//! `sidegate check`: what is wrong with the configuration, and then with the world it speaks of.
//!
//! Three ways to know, one file each: `probes` asks the pool as any visitor could, `describe` reads the
//! pool's own settings when the environment holds credentials of AWS, and `replay` plays sign-ins of
//! nobody to the pool's triggers. Nothing is changed, nobody is locked out, nobody gets a message. The
//! upstream is only connected to.

mod aws;
mod describe;
mod finding;
mod function;
mod probes;
mod replay;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use cognito_flow::FlowKind;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use url::Url;

use super::{CONFIGURATION, FAILED};
use crate::clock::Clock;
use crate::cognito::UserPool;
use crate::config::{Config, Problem, Problems};

use aws::Aws;
pub(super) use finding::{Finding, Severity};
pub(super) use function::GivenTrigger;
use replay::Triggers;

/// How far to look.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// May hold credentials of AWS.
    pub(super) environment: BTreeMap<String, String>,
    /// Ask neither the pool nor the upstream.
    pub(super) offline: bool,
    /// Triggers to play sign-ins to.
    pub(super) triggers: Vec<GivenTrigger>,
}

/// All that was found.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Looks at everything in scope; asks around only for a configuration that is right.
    pub(super) async fn of(loaded: Result<Config, Problems>, scope: &Scope) -> Self {
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
        let mut triggers = Triggers::given(&scope.triggers);
        if !scope.offline {
            let forward = &config.forward;
            let (pool, upstream) = tokio::join!(
                pool(&config, &scope.environment, &mut triggers),
                upstream(&forward.upstream, forward.connect_timeout)
            );
            findings = pool;
            findings.push(upstream);
        }
        findings.extend(replay::replay(&triggers, &config.cognito).await);
        // The worst stands last, next to the prompt.
        findings.sort_by_key(|finding| finding.severity);
        Self {
            problems: Vec::new(),
            warnings: config.warnings,
            findings,
        }
    }

    /// What is written is wrong: 78. What is out there is not as written: 1.
    pub(super) fn exit_code(&self) -> u8 {
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        if !self.problems.is_empty() {
            CONFIGURATION
        } else if self.findings.iter().any(is_error) {
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
            finding.write(out)?;
        }
        if let Some(summary) = finding::summary(&self.findings) {
            writeln!(out, "{summary}")?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let problem = |problem: &Problem| json!({"key": problem.key, "origin": problem.origin, "text": problem.text});
        json!({
            "ok": self.exit_code() == 0,
            "problems": self.problems.iter().map(problem).collect::<Vec<_>>(),
            "warnings": self.warnings.iter().map(problem).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(Finding::json).collect::<Vec<_>>(),
        })
    }
}

/// What the pool tells anybody, and what it tells the credentials in the environment. Triggers that it names by
/// URL are added to those that can be called.
async fn pool(
    config: &Config,
    environment: &BTreeMap<String, String>,
    triggers: &mut Triggers,
) -> Vec<Finding> {
    let settings = &config.cognito;
    let aws = Aws::of(settings);
    let pool = match UserPool::new(settings.clone(), Clock::system()) {
        Ok(pool) => pool,
        Err(error) => return vec![probes::of_error("user-pool", &error)],
    };
    let mut findings = probes::probe(&pool, settings, &aws).await;
    match describe::credentials(environment) {
        Ok(Some(credentials)) => {
            let described = pool.describe(credentials).await;
            let more = describe::judge(&described, config, &aws, &findings);
            findings.extend(more);
            if let Ok(pool) = &described.pool {
                triggers.add_described(pool);
            }
        }
        Ok(None) => findings.push(describe::not_read(config, &aws)),
        Err(half) => findings.push(half),
    }
    findings
}

/// Whether the upstream takes connections.
async fn upstream(url: &Url, patience: Duration) -> Finding {
    const CHECK: &str = "upstream";
    let host = url.host_str().unwrap_or_default();
    let address = (
        host.trim_start_matches('[').trim_end_matches(']'),
        url.port_or_known_default().unwrap_or_default(),
    );
    let problem = match tokio::time::timeout(patience, TcpStream::connect(address)).await {
        Ok(Ok(_)) => return Finding::ok(CHECK, format!("{url} takes connections")),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {patience:?}"),
    };
    Finding::error(CHECK, format!("{url}: {problem}"))
        .why("whoever is signed in gets an error page in place of the service")
        .remedy("start the service, or set upstream.url to where it listens")
}

/// Whether the flow runs on the pool's triggers of custom authentication.
const fn is_custom(flow: FlowKind) -> bool {
    matches!(flow, FlowKind::CustomWithSrp | FlowKind::CustomWithoutSrp)
}
