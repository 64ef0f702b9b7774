//! What every operation shares: the state, the clock, the keys, the data directory and the threads for arithmetic.
//!
//! One `Service` lives as long as the server. It knows no HTTP and no operation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};
use tokio_util::task::TaskTracker;

use crate::error::ApiError;
use crate::fault::Faults;
use crate::keys::{KeyError, SigningKeys, StoredKey, StoredKeys};
use crate::message::Outbox;
use crate::settings::{Now, Settings};
use crate::state::State;
use crate::state::store::{Directory, Snapshot, StoreError};

/// More would only wait for each other on a development machine.
const TRIGGERS: usize = 16;

pub(crate) struct Service {
    state: Mutex<State>,
    directory: Option<Arc<tokio::sync::Mutex<Directory>>>,
    keys: Mutex<HashMap<String, Arc<OnceCell<Arc<SigningKeys>>>>>,
    now: Now,
    url: String,
    issuer_base: String,
    arithmetic: Arc<Semaphore>,
    pub(crate) faults: Faults,
    pub(crate) outbox: Outbox,
    pub(crate) trigger_time_limit: Duration,
    /// Functions at work at the same time: anybody can start a sign-in, and each function may be a process.
    pub(crate) triggers: Semaphore,
    /// Owner of every task and blocking call; `LocalPool::stop` waits for it.
    pub(crate) tasks: TaskTracker,
}

impl Service {
    /// `url` is the server's own, without a slash at the end; also the base of issuers that have no other.
    pub(crate) fn new(
        settings: &Settings,
        url: &str,
        state: State,
        directory: Option<Directory>,
    ) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            state: Mutex::new(state),
            directory: directory.map(|directory| Arc::new(tokio::sync::Mutex::new(directory))),
            keys: Mutex::default(),
            now: Arc::clone(&settings.now),
            url: url.to_owned(),
            issuer_base: settings
                .issuer_base
                .as_deref()
                .unwrap_or(url)
                .trim_end_matches('/')
                .to_owned(),
            arithmetic: Arc::new(Semaphore::new(threads)),
            faults: Faults::new(settings.faults.clone()),
            outbox: Outbox::default(),
            trigger_time_limit: settings.trigger_time_limit,
            triggers: Semaphore::new(TRIGGERS),
            tasks: TaskTracker::new(),
        }
    }

    /// The time since the Unix epoch.
    pub(crate) fn now(&self) -> Duration {
        (self.now)()
    }

    /// The server's own URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `iss` of a pool's tokens; its discovery document and keys are below it.
    pub(crate) fn issuer(&self, pool: &str) -> String {
        format!("{}/{pool}", self.issuer_base)
    }

    /// Looks at the state. The closure must not take long: everyone waits for it.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state; it is on disk after the next `persist`.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.version += 1;
        change(&mut state)
    }

    /// Runs arithmetic that takes milliseconds on a thread made for it, no more at a time than there are cores.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = Arc::clone(&self.arithmetic)
            .acquire_owned()
            .await
            .map_err(|_closed| stopped())?;
        let work = self.tasks.spawn_blocking(move || {
            let _held = permit;
            work()
        });
        work.await.map_err(|_panicked| stopped())
    }

    /// Returns when everything changed so far is on disk. Calls that wait together share one write.
    pub(crate) async fn persist(&self) -> Result<(), StoreError> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let wanted = self.read(|state| state.version);
        let mut directory = Arc::clone(directory).lock_owned().await;
        if directory.has(wanted) {
            return Ok(());
        }
        let snapshot = self.read(Snapshot::of)?;
        // The blocking thread keeps the lock until it is done, even when nobody waits any more: writes stay in order.
        let write = self
            .tasks
            .spawn_blocking(move || directory.write(&snapshot));
        write.await.unwrap_or(Err(StoreError::Interrupted))
    }

    /// The pool's signing keys; makes them first when there are none.
    pub(crate) async fn keys(&self, pool: &str) -> Result<Arc<SigningKeys>, ApiError> {
        let cell = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(keys.entry(pool.to_owned()).or_default())
        };
        cell.get_or_try_init(|| self.load_keys(pool)).await.cloned()
    }

    async fn load_keys(&self, pool: &str) -> Result<Arc<SigningKeys>, ApiError> {
        let kept = self.read(|state| state.pool(pool).map(|pool| pool.keys.clone()))?;
        let (stored, made) = match kept {
            Some(kept) => (kept, false),
            None => {
                let (id, access) = tokio::try_join!(self.make_key(), self.make_key())?;
                (StoredKeys { id, access }, true)
            }
        };
        let keys = stored.load().map_err(|error| no_keys(&error))?;
        if made {
            self.change(|state| state.pool_mut(pool).map(|pool| pool.keys = Some(stored)))?;
        }
        Ok(Arc::new(keys))
    }

    /// Not `compute`: sign-ins need not wait for a key that another pool is making.
    async fn make_key(&self) -> Result<StoredKey, ApiError> {
        let made = self.tasks.spawn_blocking(StoredKey::generate).await;
        made.map_err(|_panicked| stopped())?
            .map_err(|error| no_keys(&error))
    }
}

fn no_keys(error: &KeyError) -> ApiError {
    tracing::error!(%error, "no signing keys");
    ApiError::internal("The pool has no signing keys.")
}

fn stopped() -> ApiError {
    ApiError::internal("The local pool is stopping.")
}
