//! What the local pool is told when it starts.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::seed::Seed;

/// The port the pool listens on when nothing else is said.
pub const DEFAULT_PORT: u16 = 4282;

/// The clock: time since the Unix epoch. Tests hand in one they move.
pub type Now = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Settings of a local user pool server.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Allows an address that other machines reach. Without it such an address is refused.
    pub expose: bool,
    /// Where everything is kept across restarts; `None` keeps it in memory only.
    pub data_dir: Option<PathBuf>,
    /// Pools, clients, groups and users to begin with.
    pub seed: Seed,
    /// `https://cognito-idp.eu-west-1.amazonaws.com` makes issuers shaped like the service's: `{base}/{poolId}`.
    /// `None`: the server's own URL.
    pub issuer_base: Option<String>,
    /// The clock.
    pub now: Now,
    /// Time for one try of a trigger; Cognito's own is 5 s, a cold local function may need more.
    pub trigger_time_limit: Duration,
    /// Failures made on purpose, for tests and demonstrations.
    pub faults: Vec<Fault>,
}

/// A failure made on purpose. The first one that names the operation and is due takes effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The operation, such as `InitiateAuth`.
    pub operation: String,
    /// The exception to answer with, such as `TooManyRequestsException`; `None` only delays.
    pub exception: Option<String>,
    /// When it is due.
    pub when: FaultWhen,
    /// Waits this long first.
    pub delay: Duration,
}

/// When a fault is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaultWhen {
    /// For this part of the calls, drawn at random: 0 is never, 1 is always.
    Share(f64),
    /// For this many calls from now on.
    Next(u32),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            expose: false,
            data_dir: None,
            seed: Seed::default(),
            issuer_base: None,
            now: Arc::new(system_now),
            trigger_time_limit: Duration::from_secs(5),
            faults: Vec::new(),
        }
    }
}

/// The seed is left out: it may hold passwords and client secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("expose", &self.expose)
            .field("data_dir", &self.data_dir)
            .field("issuer_base", &self.issuer_base)
            .field("trigger_time_limit", &self.trigger_time_limit)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that reads the wall clock"
)]
fn system_now() -> Duration {
    // A clock before 1970 reads as 1970: every token is then issued long ago, and none is accepted too late.
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
}
