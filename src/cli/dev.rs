//! `sidegate dev` and `sidegate pool`: their options, and the way into `crate::dev` (feature `dev`).
//!
//! A development pool gives anybody an account, so everything listens on loopback. Only the pool can be
//! told otherwise, by a flag that says what it does.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::{CONFIGURATION, USAGE, block_on, complain};
use crate::dev::{Demo, DevOptions, Fault, PoolOptions, SeedError};
use crate::telemetry;

#[derive(Debug, Args)]
pub(super) struct DevArguments {
    /// Your own application [default: a sample application]
    #[arg(long, value_name = "URL", value_parser = http_url)]
    upstream: Option<Url>,
    /// The gate's address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4280", value_parser = on_loopback)]
    listen: SocketAddr,
    /// The local pool's address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4282", value_parser = on_loopback)]
    pool_listen: SocketAddr,
    /// The sample application's address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4283", value_parser = on_loopback)]
    sample_listen: SocketAddr,
    /// What is shown: srp, mfa, password, custom, custom-srp or choice; or a flow's name as in the configuration
    #[arg(long, value_name = "FLOW", default_value = "srp", value_parser = demo)]
    flow: Demo,
    /// Folder whose templates replace the built-in ones
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    #[command(flatten)]
    local: LocalArguments,
}

#[derive(Debug, Args)]
pub(super) struct PoolArguments {
    /// The pool's address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4282")]
    listen: SocketAddr,
    /// Issuer of the tokens without the pool id, for clients that want AWS's shape [default: the pool's own URL]
    #[arg(long, value_name = "URL", value_parser = issuer)]
    issuer: Option<String>,
    /// Allow an address beyond loopback: whoever reaches it can make accounts and read every user
    #[arg(long)]
    expose_insecure_dev_pool: bool,
    #[command(flatten)]
    local: LocalArguments,
}

/// What `dev` and `pool` have in common.
#[derive(Debug, Args)]
struct LocalArguments {
    /// Pools, clients, groups and users [default: a built-in one]
    #[arg(long, value_name = "FILE")]
    pool_file: Option<PathBuf>,
    /// Keep users, keys and tokens in this folder [default: in memory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Make calls fail on purpose: OPERATION:EXCEPTION:SHARE:DELAY, such as InitiateAuth:TooManyRequestsException:0.5:200ms;
    /// without an exception the call is only slow. May be given several times
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// What is logged: error, warn, info, debug, trace, or a list with targets
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,
}

pub(super) fn dev(arguments: DevArguments) -> u8 {
    let level = arguments.local.log_level;
    let options = DevOptions {
        listen: arguments.listen,
        upstream: arguments.upstream,
        sample_listen: arguments.sample_listen,
        demo: arguments.flow,
        templates: arguments.templates,
        pool: PoolOptions {
            listen: arguments.pool_listen,
            file: arguments.local.pool_file,
            data: arguments.local.data,
            issuer: None,
            expose: false,
            faults: arguments.local.fault,
        },
    };
    run(level, crate::dev::dev(options))
}

pub(super) fn pool(arguments: PoolArguments) -> u8 {
    if !arguments.listen.ip().is_loopback() && !arguments.expose_insecure_dev_pool {
        complain(&format_args!(
            "--listen {}: whoever reaches this pool can make accounts and read every user, so it listens on loopback; \
             to open it all the same, add --expose-insecure-dev-pool",
            arguments.listen
        ));
        return USAGE;
    }
    let options = PoolOptions {
        listen: arguments.listen,
        file: arguments.local.pool_file,
        data: arguments.local.data,
        issuer: arguments.issuer,
        expose: arguments.expose_insecure_dev_pool,
        faults: arguments.local.fault,
    };
    run(arguments.local.log_level, crate::dev::pool(options))
}

/// A pool file with mistakes is a wrong configuration.
fn run(level: String, work: impl Future<Output = anyhow::Result<()>>) -> u8 {
    let mut wrong_file = false;
    let code = block_on(async {
        telemetry::start(&telemetry::Settings {
            level,
            ..telemetry::Settings::default()
        })?;
        let done = work.await;
        wrong_file = done.as_ref().is_err_and(anyhow::Error::is::<SeedError>);
        done
    });
    if wrong_file { CONFIGURATION } else { code }
}

fn demo(text: &str) -> Result<Demo, String> {
    Demo::find(text).ok_or_else(|| {
        let names = Demo::ALL.map(|demo| demo.name).join(", ");
        format!("expected one of {names}, or a flow's name as in the configuration")
    })
}

fn on_loopback(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err(
            "`dev` is for this machine only; write a loopback address such as 127.0.0.1:4280"
                .to_owned(),
        ),
        Err(_) => Err("this is not an address with a port; write 127.0.0.1:4280".to_owned()),
    }
}

fn http_url(text: &str) -> Result<Url, &'static str> {
    const EXPECTED: &str = "this is not an http or https URL; write http://127.0.0.1:3000";
    let url = Url::parse(text).map_err(|_| EXPECTED)?;
    if matches!(url.scheme(), "http" | "https") && url.path() == "/" {
        Ok(url)
    } else {
        Err(EXPECTED)
    }
}

/// Kept as it was written: `iss` is compared letter by letter.
fn issuer(text: &str) -> Result<String, &'static str> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.to_owned()),
        _ => Err(
            "this is not an http or https URL; write https://cognito-idp.eu-west-1.amazonaws.com",
        ),
    }
}
