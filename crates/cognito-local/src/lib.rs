//! A local Amazon Cognito user pool: Cognito's JSON protocol over HTTP, on loopback.
//!
//! For laptops and tests. It keeps users, checks passwords by SRP, seals sessions, signs tokens and locks out guessers as
//! the service does, so that clients meet the same code path. Its keys and secrets are made per data directory; its
//! tokens are worth nothing elsewhere. It must never stand on a network.
//!
//! ```text
//! POST /  ─► server ─► route ─► protocol ─► operations ─► sign_in ─► token
//!            accept    Host,    target,     one file      proof,     claims,
//!                      Origin   error form  a group       lock-out   signature
//!                                    │          └──────────┴──────► state (one lock) ─► store (disk)
//!                                    └─ answers when the change is on disk
//! ```
//!
//! On the way `trigger` calls the pool's own functions and `message` puts codes into the outbox.

mod constraint;
mod error;
mod fault;
mod keys;
mod loopback;
mod message;
mod operations;
mod password;
mod protocol;
mod random;
mod route;
mod sealed;
mod secret_hash;
mod seed;
mod server;
mod service;
mod settings;
mod sign_in;
mod srp;
mod state;
mod summary;
mod timestamp;
mod token;
pub mod totp;
mod trigger;
mod web_authn;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinError;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use fault::FaultError;
pub use message::{Email, Mailbox};
pub use seed::apply::ApplyError;
pub use seed::{ClientSeed, GroupSeed, PoolSeed, Problem, SecretSeed, Seed, SeedError, UserSeed};
pub use settings::{DEFAULT_PORT, Fault, FaultWhen, Now, Settings};
pub use state::store::StoreError;
pub use state::{
    AuthFlow, ClientSettings, DeviceSettings, FirstFactor, MfaConfiguration, MfaMethod,
    MfaSettings, PasswordPolicy, PoolSettings, Recovery, Unit, UserStatus, Validity,
    WebAuthnSettings,
};
pub use summary::{ClientSummary, PoolSummary, UserSummary};
pub use trigger::{InvokeUrl, InvokeUrlError, Kind, LambdaVersion, Trigger, Triggers};

use server::Server;
use service::Service;
use state::State;
use state::store::Directory;

/// A running local user pool server. Dropping it stops it without waiting; `stop` waits.
pub struct LocalPool {
    address: SocketAddr,
    service: Arc<Service>,
    seeds: Vec<PoolSeed>,
    stop: DropGuard,
}

impl std::fmt::Debug for LocalPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalPool")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Why the local pool did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Others would reach it (R-131).
    #[error(
        "the local pool listens on loopback only, and {0} is not; it is a development tool and guards nothing on a network"
    )]
    NotLoopback(SocketAddr),
    /// The seed has problems.
    #[error("the seed cannot be used")]
    Seed(#[from] SeedError),
    /// The data directory cannot be used.
    #[error("the data directory cannot be used")]
    Store(#[from] StoreError),
    /// The seed contradicts the data directory.
    #[error("the seed does not go with the data directory")]
    Apply(#[from] ApplyError),
    /// The port is taken, say.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address of the settings.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A thread of the start-up died.
    #[error("the start-up was interrupted")]
    Interrupted(#[from] JoinError),
}

/// Why the last state may not be on disk.
#[derive(Debug, thiserror::Error)]
#[error("the last changes are not on disk")]
pub struct StopError(#[from] StoreError);

impl LocalPool {
    /// Starts the server. It answers when this returns; the signing keys may still be in the making, and the first
    /// call that needs one waits for them.
    ///
    /// # Errors
    /// The address is not loopback or taken, the seed has problems, or the data directory is in use or damaged.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let address = settings.listen;
        if !address.ip().is_loopback() && !settings.expose {
            return Err(StartError::NotLoopback(address));
        }
        settings.seed.check()?;
        let listen = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let tasks = tokio_util::task::TaskTracker::new();
        let (seed, data_dir, now) = (
            settings.seed.clone(),
            settings.data_dir.clone(),
            (settings.now)(),
        );
        let prepare = move || -> Result<_, StartError> {
            let (directory, mut state) = match data_dir {
                Some(path) => {
                    Directory::open(&path).map(|(directory, state)| (Some(directory), state))?
                }
                None => (None, State::default()),
            };
            seed::apply::apply(&seed, &mut state, now)?;
            Ok((directory, state))
        };
        let (directory, state) = tasks.spawn_blocking(prepare).await??;

        let service = Arc::new(Service::new(&settings, &url_of(address), state, directory));
        service.persist().await?;
        let stop = CancellationToken::new();
        let server = Server {
            service: Arc::clone(&service),
            exposed: settings.expose,
            stop: stop.clone(),
        };
        service.tasks.spawn(server.serve(listener));
        for pool in service.read(|state| state.pools.keys().cloned().collect::<Vec<_>>()) {
            let service = Arc::clone(&service);
            service
                .clone()
                .tasks
                .spawn(async move { make_keys(&service, &pool).await });
        }
        Ok(Self {
            address,
            service,
            seeds: settings.seed.pools,
            stop: stop.drop_guard(),
        })
    }

    /// Where the server listens; with the real port when the settings said 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for clients: `http://127.0.0.1:4282`.
    #[must_use]
    pub fn url(&self) -> String {
        url_of(self.address)
    }

    /// The outbox, for triggers that run in this process.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        Mailbox(Arc::downgrade(&self.service))
    }

    /// The pools of the seed as they stand now, for the banner.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolSummary> {
        summary::pools(&self.service, &self.seeds)
    }

    /// Stops: takes no new connections, finishes the calls under way, writes everything and waits for every task.
    ///
    /// # Errors
    /// The state could not be written.
    pub async fn stop(self) -> Result<(), StopError> {
        drop(self.stop);
        self.service.tasks.close();
        self.service.tasks.wait().await;
        Ok(self.service.persist().await?)
    }
}

/// Makes the keys while nobody waits for them yet.
async fn make_keys(service: &Service, pool: &str) {
    if service.keys(pool).await.is_ok()
        && let Err(error) = service.persist().await
    {
        tracing::error!(%error, "the signing keys are not on disk");
    }
}

/// An exposed pool listens everywhere; on this machine it is reached by loopback.
fn url_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => format!("http://127.0.0.1:{}", v4.port()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => format!("http://[::1]:{}", v6.port()),
        _ => format!("http://{address}"),
    }
}
