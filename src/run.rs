//! Builds everything from a `Config`, starts it, and drains it: the only wiring.
//!
//! Every background task runs in the one `TaskTracker` made here and is waited for at the end. The
//! order of stopping: stop accepting, finish what is under way, then the background work.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
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

/// Before background work that died begins anew.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

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
        let keys_fresh = endless("keeping the pool's keys fresh", FIRST_REST, move || {
            let pool = Arc::clone(&pool);
            async move { pool.keep_keys_fresh().await }
        });
        tasks.spawn(stop.clone().run_until_cancelled_owned(keys_fresh));
        let tidy = endless("ending sessions in time", FIRST_REST, move || {
            let sessions = Arc::clone(&sessions);
            async move { sessions.keep_tidy().await }
        });
        tasks.spawn(stop.clone().run_until_cancelled_owned(tidy));
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

/// Work that never ends: when it panics, it is said and begun anew, later each time.
async fn endless<W: Future<Output = ()>>(
    what: &'static str,
    mut rest: Duration,
    begin: impl Fn() -> W,
) {
    loop {
        if AssertUnwindSafe(begin()).catch_unwind().await.is_ok() {
            return;
        }
        tracing::error!(
            what,
            rest_seconds = rest.as_secs(),
            "background work died; it begins anew"
        );
        tokio::time::sleep(rest).await;
        rest = (rest * 2).min(LONGEST_REST);
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn background_work_that_dies_begins_anew() {
        let begun = AtomicU32::new(0);
        endless("a test", Duration::ZERO, || async {
            assert!(
                begun.fetch_add(1, Ordering::SeqCst) >= 3,
                "it dies three times"
            );
        })
        .await;
        assert_eq!(begun.load(Ordering::SeqCst), 4);
    }
}
