//! Builds everything from a `Config`, starts it, and drains it: the only wiring.
//!
//! Every background task runs in the one `TaskTracker` made here and is waited for at the end. The
//! order of stopping: stop accepting, finish what is under way, then the background work.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::clock::Clock;
use crate::cognito::UserPool;
use crate::config::Config;
use crate::forward::Forwarder;
use crate::gate::Gate;
use crate::keys::Keys;
use crate::server::{Drained, Listener};
use crate::session::Sessions;
use crate::sign_in::SignIn;

/// How long background work (revocations) may take after the last request.
const AFTERWORK: Duration = Duration::from_secs(2);

/// Runs until SIGTERM or SIGINT, then drains; a second signal stops at once.
///
/// # Errors
/// What keeps sidegate from starting: an address in use, an unreadable certificate or key file.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let running = Running::start(config, Clock::system()).await?;
    tracing::info!(listen = %running.address(), origin = %running.origin, "sidegate is listening");
    stop_signal().await?;
    tracing::info!("stopping: no new connections, open requests are finished");
    tokio::select! {
        drained = running.stop() => { drained?; }
        second = stop_signal() => {
            second?;
            tracing::warn!("stopped at once by a second signal");
        }
    }
    Ok(())
}

/// A sidegate that is serving.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    origin: String,
    stop: CancellationToken,
    server: JoinHandle<Drained>,
    tasks: TaskTracker,
}

impl Running {
    /// Builds the parts, binds the listener and begins to serve.
    ///
    /// # Errors
    /// What [`run`] says.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let keys = keys(&config.key_files)?;
        let origin = config.public_origin;

        let pool = Arc::new(UserPool::new(config.cognito, clock.clone())?);
        let sessions = Arc::new(Sessions::new(
            config.session,
            &origin,
            config.identity.clone(),
            &keys,
            Arc::clone(&pool),
            clock.clone(),
            tasks.clone(),
        ));
        let owns_cookie = {
            let sessions = Arc::clone(&sessions);
            Arc::new(move |name: &[u8]| sessions.owns_cookie(name))
        };
        let forwarder = Forwarder::new(
            config.forward,
            &origin,
            &config.identity,
            owns_cookie,
            tasks.clone(),
            stop.clone(),
        )?;
        let gate = Gate::new(config.gate, &origin, Arc::clone(&sessions));
        let sign_in = SignIn::new(
            config.sign_in,
            origin.clone(),
            &keys,
            Arc::clone(&pool),
            Arc::clone(&sessions),
            clock,
            tasks.clone(),
        )?;

        let listener = Listener::bind(config.server).await?;
        let address = listener.address();
        let fresh = stop.clone();
        tasks.spawn(async move { fresh.run_until_cancelled(pool.keep_keys_fresh()).await });
        let tidy = stop.clone();
        tasks.spawn(async move { tidy.run_until_cancelled(sessions.keep_tidy()).await });
        let app = App::new(gate, sign_in, forwarder).into_service();
        let server = tasks.spawn(listener.serve(app, stop.clone()));
        Ok(Self {
            address,
            origin: origin.to_string(),
            stop,
            server,
            tasks,
        })
    }

    /// Where people reach it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, finishes what is under way, and waits for the background work.
    ///
    /// # Errors
    /// When the server task panicked.
    pub async fn stop(self) -> anyhow::Result<Drained> {
        self.stop.cancel();
        let drained = self.server.await.context("the server task died")?;
        if let Drained::Cut(connections) = drained {
            tracing::warn!(connections, "the drain time was up: connections were cut");
        }
        self.tasks.close();
        if tokio::time::timeout(AFTERWORK, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("background work was left unfinished");
        }
        Ok(drained)
    }
}

/// The configured keys, or one that ends with this process, as its sessions do.
fn keys(files: &[PathBuf]) -> anyhow::Result<Keys> {
    let keys = match files.split_first() {
        Some((newest, older)) => Keys::from_files(newest, older)?,
        None => Keys::generate()?,
    };
    Ok(keys)
}

/// SIGTERM or SIGINT.
///
/// # Errors
/// When the process may not handle signals.
pub async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
