//! What can be written on the command line. No secret can: other users see command lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use url::Url;

use super::check::GivenTrigger;
use crate::config::{Flag, Sources};

const EXAMPLES: &str = "\
Examples:
  sidegate dev                                   everything on this machine
  sidegate dev --upstream http://127.0.0.1:3000  the same before your own app
  sidegate check --config sidegate.toml          find every mistake
  sidegate --config sidegate.toml                run
  SIDEGATE__LOG__LEVEL=debug sidegate            any setting as a variable

Exit codes: 0 done, 1 failed, 64 wrong command line, 78 wrong configuration.";

/// Where a configuration is looked for when none is named.
pub(super) const USUAL_FILES: [&str; 2] = ["sidegate.toml", "/etc/sidegate/sidegate.toml"];

/// Authenticating reverse-proxy sidecar for Amazon Cognito user pools
#[derive(Debug, Parser)]
#[command(
    name = "sidegate",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
pub(super) struct Options {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) run: RunOptions,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Stand before the upstream until SIGTERM or SIGINT (the default)
    Run(RunOptions),
    /// Find every mistake in the configuration, then ask the pool and the upstream
    Check(CheckOptions),
    /// Ask a running sidegate whether it is well: exit code 0 or 1
    Healthcheck(HealthcheckOptions),
    /// Local user pool, sample app and gate on this machine, with no AWS account
    #[cfg(feature = "dev")]
    Dev(super::dev::DevArguments),
    /// The local user pool alone, for any Cognito client
    #[cfg(feature = "dev")]
    Pool(super::dev::PoolArguments),
    #[cfg(not(feature = "dev"))]
    #[command(hide = true)]
    Dev(Anything),
    #[cfg(not(feature = "dev"))]
    #[command(hide = true)]
    Pool(Anything),
}

/// Whatever follows: a command that is not in this build is explained, not parsed.
#[cfg(not(feature = "dev"))]
#[derive(Debug, Args)]
pub(super) struct Anything {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<std::ffi::OsString>,
}

/// Where the configuration is, and the settings that are often given by hand.
#[derive(Debug, Args)]
pub(super) struct RunOptions {
    /// Configuration file [default: sidegate.toml here, then /etc/sidegate/sidegate.toml]
    #[arg(short, long, value_name = "FILE", env = "SIDEGATE_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// server.listen: address and port
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// upstream.url: the service behind the gate
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// public_origin: where people reach sidegate
    #[arg(long, value_name = "URL")]
    public_origin: Option<String>,
    /// log.level: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// log.format: auto, json, text
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl RunOptions {
    /// All that the configuration is made of.
    pub(super) fn sources(self, environment: BTreeMap<String, String>) -> Sources {
        let usual = || {
            USUAL_FILES
                .into_iter()
                .map(Path::new)
                .find(|path| path.exists())
                .map(Path::to_owned)
        };
        let flags = [
            ("server.listen", "--listen", self.listen),
            ("upstream.url", "--upstream", self.upstream),
            ("public_origin", "--public-origin", self.public_origin),
            ("log.level", "--log-level", self.log_level),
            ("log.format", "--log-format", self.log_format),
        ];
        let given = |(key, name, value): (_, _, Option<String>)| {
            value.map(|value| Flag { key, name, value })
        };
        Sources {
            file: self.config.or_else(usual),
            environment,
            flags: flags.into_iter().filter_map(given).collect(),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct CheckOptions {
    #[command(flatten)]
    pub(super) run: RunOptions,
    /// Only the configuration, and the triggers named here: ask neither the pool nor the upstream
    #[arg(long)]
    pub(super) offline: bool,
    /// Play known sign-ins to a trigger: define, create or verify, and its Lambda Invoke URL or command [example: define="node define.js"]
    #[arg(long = "trigger", value_name = "NAME=FUNCTION")]
    pub(super) triggers: Vec<GivenTrigger>,
    /// One JSON object instead of text
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct HealthcheckOptions {
    #[command(flatten)]
    pub(super) run: RunOptions,
    /// Ask this address instead of the configured one; plain http [example: http://127.0.0.1:4280]
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<Url>,
}
