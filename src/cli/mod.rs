//! The command line: `run`, `check`, `healthcheck`, `dev`, `pool`; one short function each.
//!
//! Reads the process's arguments and environment, which nothing else does, and ends as an exit code:
//! 0, 1 when something failed, 64 for a command line that is wrong, 78 for a configuration that is.
//! What a command answers goes to standard output; everything else to standard error.

mod check;
#[cfg(feature = "dev")]
mod dev;
mod healthcheck;
mod options;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::config::{Config, Problem, Problems};
use options::{CheckOptions, Command, HealthcheckOptions, Options, RunOptions, USUAL_FILES};

/// Something failed that was worth trying.
const FAILED: u8 = 1;
/// EX_USAGE of sysexits.h.
const USAGE: u8 = 64;
/// EX_CONFIG of sysexits.h.
const CONFIGURATION: u8 = 78;

/// Does what the command line says.
pub fn main() -> ExitCode {
    match Options::try_parse() {
        Ok(options) => ExitCode::from(dispatch(options)),
        Err(error) => ExitCode::from(usage(&error)),
    }
}

fn dispatch(options: Options) -> u8 {
    match options.command {
        None => run(options.run),
        Some(Command::Run(options)) => run(options),
        Some(Command::Check(options)) => check(options),
        Some(Command::Healthcheck(options)) => healthcheck(options),
        #[cfg(feature = "dev")]
        Some(Command::Dev(options)) => dev::dev(options),
        #[cfg(feature = "dev")]
        Some(Command::Pool(options)) => dev::pool(options),
        #[cfg(not(feature = "dev"))]
        Some(Command::Dev(_) | Command::Pool(_)) => {
            complain(
                &"this build has no local user pool; build one with: cargo build --release --features dev",
            );
            USAGE
        }
    }
}

/// Help and version are answers; the rest is a wrong command line.
fn usage(error: &clap::Error) -> u8 {
    let printed = error.print();
    match (error.exit_code(), printed) {
        (0, Ok(())) => 0,
        (0, Err(_)) => FAILED,
        _ => USAGE,
    }
}

fn run(options: RunOptions) -> u8 {
    let config = match load(options) {
        Ok(config) => config,
        Err(problems) => return refuse(&problems),
    };
    block_on(async {
        crate::telemetry::start(&config.log)?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        crate::run::run(config).await
    })
}

fn check(options: CheckOptions) -> u8 {
    let loaded = load(options.run);
    let mut code = 0;
    let done = block_on(async {
        let scope = check::Scope {
            environment: environment(),
            offline: options.offline,
            triggers: options.triggers,
        };
        let report = check::Report::of(loaded, &scope).await;
        code = report.exit_code();
        report.write(options.json, &mut io::stdout())?;
        Ok(())
    });
    if done == 0 { code } else { done }
}

fn healthcheck(options: HealthcheckOptions) -> u8 {
    let target = match options.url {
        Some(url) => healthcheck::Target::of_url(&url),
        None => match load(options.run) {
            Ok(config) => healthcheck::Target::of_config(&config),
            Err(problems) => return refuse(&problems),
        },
    };
    block_on(async {
        let target = target?;
        target.ask(healthcheck::PATIENCE).await
    })
}

/// The configuration; of one that is wrong for want of a file, that is said too.
fn load(options: RunOptions) -> Result<Config, Problems> {
    let sources = options.sources(environment());
    Config::load(&sources).map_err(|mut problems| {
        if sources.file.is_none() {
            problems.warnings.push(Problem {
                key: None,
                origin: None,
                text: format!(
                    "there is no configuration file, neither {}; name one with --config",
                    USUAL_FILES.join(" nor ")
                ),
            });
        }
        problems
    })
}

fn refuse(problems: &Problems) -> u8 {
    complain(problems);
    for warning in &problems.warnings {
        complain(&format_args!("warning: {warning}"));
    }
    CONFIGURATION
}

/// Runs to the end on a runtime of its own.
fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> u8 {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => 0,
        Err(error) => {
            complain(&format_args!("sidegate: {error:#}"));
            FAILED
        }
    }
}

/// Says it on standard error; when nobody reads that, the exit code still tells.
fn complain(text: &dyn fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// The process's variables. What is not UTF-8 cannot be right, and is refused as it looks.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .map(|(name, value)| {
            let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
            (text(name), text(value))
        })
        .collect()
}
