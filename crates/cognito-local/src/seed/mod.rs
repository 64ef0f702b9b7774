//! Pools, clients, groups and users the local pool begins with.
//!
//! Read from TOML by `document` with `reader`, checked by `check`, brought into the state by `apply`. A seed with problems starts
//! nothing: all of them are reported at once, with their line and an example.

pub(crate) mod apply;
mod check;
mod document;
mod factors;
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::state::{ClientSettings, MfaMethod, PoolSettings, UserStatus};

/// Everything the pool begins with.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    /// User pools; their names differ.
    pub pools: Vec<PoolSeed>,
}

/// One user pool.
#[derive(Debug, Clone, Default)]
pub struct PoolSeed {
    /// A name for people; also finds the pool again in the data directory when it has no id.
    pub name: String,
    /// `local_AbC123xyz`; `None` makes a random one, which the data directory keeps.
    pub id: Option<String>,
    /// How the pool behaves.
    pub settings: PoolSettings,
    /// App clients.
    pub clients: Vec<ClientSeed>,
    /// Groups.
    pub groups: Vec<GroupSeed>,
    /// Users.
    pub users: Vec<UserSeed>,
}

/// One app client.
#[derive(Debug, Clone, Default)]
pub struct ClientSeed {
    /// A name for people; also finds the client again in the data directory when it has no id.
    pub name: String,
    /// `None` makes a random one, which the data directory keeps.
    pub id: Option<String>,
    /// Whether the client has a secret.
    pub secret: SecretSeed,
    /// How the client behaves.
    pub settings: ClientSettings,
}

/// The secret of an app client.
#[derive(Clone, Default)]
pub enum SecretSeed {
    /// A public client.
    #[default]
    None,
    /// Made at random, once per data directory.
    Generated,
    /// This one: 24 to 64 letters, digits, `_` and `+`.
    Given(String),
}

impl fmt::Debug for SecretSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Generated => "Generated",
            Self::Given(_) => "Given(***)",
        })
    }
}

/// One group.
#[derive(Debug, Clone, Default)]
pub struct GroupSeed {
    /// The name in `cognito:groups`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Lower comes first in `cognito:groups`.
    pub precedence: Option<i64>,
    /// An IAM role for `cognito:roles`.
    pub role_arn: Option<String>,
}

/// One user.
#[derive(Clone, Default)]
pub struct UserSeed {
    /// The name to sign in with: an e-mail address in a pool with `username_attributes = ["email"]`.
    pub username: String,
    /// `None` makes one at random, once per data directory.
    pub password: Option<String>,
    /// Where the user stands.
    pub status: UserStatus,
    /// Attributes, without `sub`.
    pub attributes: BTreeMap<String, String>,
    /// Groups of the same pool.
    pub groups: BTreeSet<String>,
    /// Second factors that are switched on.
    pub mfa: BTreeSet<MfaMethod>,
    /// The one of them that is asked for.
    pub preferred_mfa: Option<MfaMethod>,
    /// The secret of the user's authenticator app: base32.
    pub totp_secret: Option<String>,
}

/// The password and the authenticator's secret are left out.
impl fmt::Debug for UserSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSeed")
            .field("username", &self.username)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Everything that is wrong with a seed.
#[derive(Debug, thiserror::Error)]
pub struct SeedError {
    /// In the order of the document.
    pub problems: Vec<Problem>,
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong with a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, such as `pool[1].client[2].name`.
    pub key: String,
    /// `config/pool.toml:12`; `None` for a seed that was not read from a document.
    pub origin: Option<String>,
    /// What is wrong and how it would be right.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{} ({origin}): {}", self.key, self.text),
            None => write!(f, "{}: {}", self.key, self.text),
        }
    }
}

impl Seed {
    /// Reads and checks a seed; `origin` names the document in problems, usually its path.
    ///
    /// # Errors
    /// Every problem of the document: syntax first, else unknown keys, wrong types and what does not fit together.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, SeedError> {
        document::read(text, origin)
    }

    /// Checks a seed that was put together in a program.
    pub(crate) fn check(&self) -> Result<(), SeedError> {
        let found = check::problems(self);
        let problems: Vec<_> = found
            .into_iter()
            .map(|(key, text)| Problem {
                key,
                origin: None,
                text,
            })
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(SeedError { problems })
        }
    }
}
