//! The data directory: one file that is either whole or refused.
//!
//! `pool.state` is written beside, synced, renamed over the old one, and the directory synced: after a crash the
//! old or the new state is there, never a mixture. A file that does not match its own checksum stops the start and is
//! left as it is. A lock file keeps a second process out. Both are readable by the owner only: they hold signing keys.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};

use super::State;

const FILE: &str = "pool.state";
const NEW_FILE: &str = "pool.state.new";
const LOCK_FILE: &str = "pool.lock";

/// The first line of the file, followed by the SHA-256 of the rest.
const HEADER: &str = "sidegate local pool, format 1, sha256 ";

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("{} is in use by another local pool; stop that one or name another directory", .0.display())]
    InUse(PathBuf),
    /// The file is damaged or not ours.
    #[error("{}: {problem}; it was left as it is: restore it from a copy, or move it away to begin with an empty pool", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// The thread that wrote ended before it was done.
    #[error("writing the state was interrupted")]
    Interrupted,
    /// The state could not be written as JSON.
    #[error("cannot write the state as JSON")]
    Encode(#[source] serde_json::Error),
}

/// An open data directory.
pub(crate) struct Directory {
    path: PathBuf,
    /// Holds the lock until the pool ends.
    _lock: File,
    written: u64,
}

/// A state ready to be written.
pub(crate) struct Snapshot {
    version: u64,
    bytes: Vec<u8>,
}

impl Snapshot {
    pub(crate) fn of(state: &State) -> Result<Self, StoreError> {
        let bytes = serde_json::to_vec(state).map_err(StoreError::Encode)?;
        Ok(Self {
            version: state.version,
            bytes,
        })
    }
}

impl Directory {
    /// Opens a directory, makes it if need be, and reads what it holds.
    pub(crate) fn open(path: &Path) -> Result<(Self, State), StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed("create", path))?;
        let lock = lock(path)?;
        let state = read(&path.join(FILE))?;
        Ok((
            Self {
                path: path.to_owned(),
                _lock: lock,
                written: state.version,
            },
            state,
        ))
    }

    /// Whether the directory holds this version or a later one.
    pub(crate) fn has(&self, version: u64) -> bool {
        self.written >= version
    }

    /// Replaces the state on disk; returns when it would survive a power cut.
    pub(crate) fn write(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let (new, file) = (self.path.join(NEW_FILE), self.path.join(FILE));
        let mut out = private()
            .write(true)
            .truncate(true)
            .open(&new)
            .map_err(failed("open", &new))?;
        let header = format!("{HEADER}{}\n", checksum(&snapshot.bytes));
        out.write_all(header.as_bytes())
            .and_then(|()| out.write_all(&snapshot.bytes))
            .and_then(|()| out.sync_all())
            .map_err(failed("write", &new))?;
        fs::rename(&new, &file).map_err(failed("replace", &file))?;
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(failed("sync", &self.path))?;
        self.written = snapshot.version;
        Ok(())
    }
}

fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join(LOCK_FILE);
    let file = private()
        .write(true)
        .open(&path)
        .map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(StoreError::Io {
            action: "lock",
            path,
            source,
        }),
    }
}

fn read(path: &Path) -> Result<State, StoreError> {
    let damaged = |problem: String| StoreError::Damaged {
        path: path.to_owned(),
        problem,
    };
    let text = match fs::read(path) {
        Ok(bytes) => {
            String::from_utf8(bytes).map_err(|_not_text| damaged("it is not text".to_owned()))?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
        Err(source) => {
            return Err(StoreError::Io {
                action: "read",
                path: path.to_owned(),
                source,
            });
        }
    };
    let Some((sum, body)) = text
        .strip_prefix(HEADER)
        .and_then(|rest| rest.split_once('\n'))
    else {
        return Err(damaged(
            "it does not begin as a state file of this version does".to_owned(),
        ));
    };
    if sum != checksum(body.as_bytes()) {
        return Err(damaged(
            "it is damaged: its checksum does not match".to_owned(),
        ));
    }
    serde_json::from_str(body).map_err(|error| {
        damaged(format!(
            "it cannot be understood (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}

fn checksum(bytes: &[u8]) -> String {
    digest(&SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
