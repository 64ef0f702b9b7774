//! `sidegate dev` and `sidegate pool`: everything on one laptop, with no AWS account.
//!
//! `dev` starts the local user pool, a sample application unless the person brings their own, and
//! the very gate that runs in production, configured through the real loader. Nothing here is in the
//! production build (feature `dev`, R-130), and the pool binds to loopback (R-131).

mod banner;
mod demo;
mod http;
pub mod sample;
mod trigger;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use cognito_flow::FlowKind;
use cognito_local::{ClientSummary, LocalPool, PoolSummary, Seed, StartError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::clock::Clock;
use crate::config::Config;
use crate::run::{Running, stop_signal};

pub use demo::Demo;

pub use cognito_local::{Fault, SeedError};
use demo::TRIGGERS;
use sample::SampleApp;
use trigger::{LEGACY_USERS, SampleTriggers};

/// The users and clients of `sidegate pool`, and of `sidegate dev` with USER_SRP_AUTH.
const BUILT_IN_POOL: &str = include_str!("../../config/pool.toml");

/// How often the log repeats that this is no production pool (R-133).
const REMINDER: Duration = Duration::from_secs(60);

/// What `sidegate dev` was asked for.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// The gate's address.
    pub listen: SocketAddr,
    /// The person's own application; without one, the sample.
    pub upstream: Option<Url>,
    /// The sample application's address.
    pub sample_listen: SocketAddr,
    /// The flow, and what shows it.
    pub demo: Demo,
    /// A folder whose templates replace the built-in ones, for whoever draws their own.
    pub templates: Option<PathBuf>,
    /// The local pool.
    pub pool: PoolOptions,
}

/// What `sidegate pool` was asked for.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// The pool's address.
    pub listen: SocketAddr,
    /// Pools, clients, groups, users; without one, the built-in file.
    pub file: Option<PathBuf>,
    /// Where to keep them; without one, in memory.
    pub data: Option<PathBuf>,
    /// The issuer's base, for clients that want the AWS shape; default: the pool's own URL.
    pub issuer: Option<String>,
    /// Listen beyond loopback (R-131).
    pub expose: bool,
    /// Failures made on purpose (R-135).
    pub faults: Vec<Fault>,
}

/// Local pool, sample application and gate, until SIGINT or SIGTERM.
///
/// # Errors
/// An address in use, a pool file with mistakes, or a data folder that cannot be used.
pub async fn dev(options: DevOptions) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    if let Some(folder) = &options.templates {
        ensure!(
            folder.is_dir(),
            "--templates {}: there is no such folder",
            folder.display()
        );
    }
    let triggers = SampleTriggers::start(&tasks, stop.clone())
        .await
        .context("the sample triggers cannot listen on loopback")?;
    let built_in = options.demo.pool.replace(TRIGGERS, &triggers.url());
    let pool = start_pool(&options.pool, &built_in, "--pool-listen").await?;
    triggers.send_to(pool.mailbox());
    let upstream = match &options.upstream {
        Some(upstream) => upstream.clone(),
        None => {
            let listen = options.sample_listen;
            let address = SampleApp::start(listen, &tasks, stop.clone())
                .await
                .with_context(|| {
                    format!(
                        "the sample app cannot listen on {listen}; --sample-listen takes another address"
                    )
                })?;
            Url::parse(&format!("http://{address}"))?
        }
    };
    let summary = pool
        .pools()
        .into_iter()
        .next()
        .context("the pool file names no pool")?;
    let client = client(&summary, options.demo.flow)?;
    let listen = with_port(options.listen)?;
    let config = config(listen, &pool, &summary, client, &upstream, &options)?;
    let gate = Running::start(config, Clock::system()).await?;
    let shows_migration =
        options.demo.flow == FlowKind::UserPasswordAuth && options.pool.file.is_none();
    let legacy: &[_] = if shows_migration { &LEGACY_USERS } else { &[] };
    banner::dev(&gate, &pool, &summary, options.demo.flow, legacy, &upstream)?;

    tasks.spawn(stop.clone().run_until_cancelled_owned(remind()));
    stop_signal().await?;
    gate.stop().await?;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    pool.stop().await?;
    Ok(())
}

/// The local pool alone, until SIGINT or SIGTERM.
///
/// # Errors
/// As [`dev`].
pub async fn pool(options: PoolOptions) -> anyhow::Result<()> {
    let pool = start_pool(&options, BUILT_IN_POOL, "--listen").await?;
    banner::pool(&pool)?;
    tokio::select! {
        stopped = stop_signal() => stopped?,
        () = remind() => {}
    }
    pool.stop().await?;
    Ok(())
}

/// `built_in` is for who brings no file; `flag` sets the pool's address.
async fn start_pool(
    options: &PoolOptions,
    built_in: &str,
    flag: &str,
) -> anyhow::Result<LocalPool> {
    let expose = options.expose && may_expose()?;
    let seed = match &options.file {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            Seed::from_toml(&text, &file.display().to_string())?
        }
        None => Seed::from_toml(built_in, "the built-in pool file")?,
    };
    let settings = cognito_local::Settings {
        listen: options.listen,
        expose,
        data_dir: options.data.clone(),
        seed,
        issuer_base: options.issuer.clone(),
        faults: options.faults.clone(),
        ..cognito_local::Settings::default()
    };
    LocalPool::start(settings)
        .await
        .map_err(|error| match error {
            StartError::Listen { address, source } => anyhow::Error::new(source).context(format!(
                "the local pool cannot listen on {address}; {flag} takes another address"
            )),
            other => other.into(),
        })
}

/// R-131: a second, deliberate word, and never inside a cluster.
fn may_expose() -> anyhow::Result<bool> {
    ensure!(
        std::env::var_os("KUBERNETES_SERVICE_HOST").is_none(),
        "--expose-insecure-dev-pool is refused inside Kubernetes: this pool gives anybody an account"
    );
    ensure!(
        std::env::var_os("SIDEGATE_DEV_OK").is_some_and(|value| value == "1"),
        "--expose-insecure-dev-pool also needs SIDEGATE_DEV_OK=1 in the environment: \
         whoever reaches this pool can make accounts and read every user"
    );
    Ok(true)
}

/// The first client that the gate can use: the flow is on; its secret, if any, would have to be a file.
fn client(pool: &PoolSummary, flow: FlowKind) -> anyhow::Result<&ClientSummary> {
    let allow = format!("ALLOW_{}", flow.auth_flow());
    pool.clients
        .iter()
        .find(|client| client.secret.is_none() && client.flows.iter().any(|name| *name == allow))
        .with_context(|| {
            format!("the pool file's first pool has no client without a secret that has {allow}")
        })
}

/// The public origin names the port, so a free one is chosen before the gate binds.
fn with_port(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    if listen.port() != 0 {
        return Ok(listen);
    }
    let free = TcpListener::bind((listen.ip(), 0)).context("no free port")?;
    Ok(free.local_addr()?)
}

/// The gate's configuration, through the same loader as any other.
fn config(
    listen: SocketAddr,
    pool: &LocalPool,
    summary: &PoolSummary,
    client: &ClientSummary,
    upstream: &Url,
    options: &DevOptions,
) -> anyhow::Result<Config> {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, pool.address().port()));
    let text = format!(
        r#"
public_origin = "http://localhost:{port}"
[server]
listen = "{listen}"
[cognito]
user_pool_id = "{pool_id}"
client_id = "{client_id}"
flow = "{flow}"
endpoint = "http://{loopback}/"
issuer = "{issuer}"
jwks_url = "http://{loopback}/{pool_id}/.well-known/jwks.json"
[upstream]
url = "{upstream}"
[sign_in]
app_name = "sidegate dev"
{more}"#,
        port = listen.port(),
        pool_id = summary.id,
        client_id = client.id,
        issuer = summary.issuer,
        flow = options.demo.flow,
        more = options.demo.settings,
    );
    let mut config = Config::from_toml("sidegate dev", &text)?;
    config.sign_in.template_dir = options.templates.clone();
    config.sign_in.dev = true;
    Ok(config)
}

async fn remind() {
    let mut interval = tokio::time::interval(REMINDER);
    interval.tick().await;
    loop {
        interval.tick().await;
        tracing::warn!("a development user pool is running: never let strangers reach it");
    }
}
