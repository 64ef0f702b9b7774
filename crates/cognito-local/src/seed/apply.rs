//! Brings a seed into the state: settings come from the file, people from the data.
//!
//! What the data directory knows already keeps its ids, secrets, users and passwords. Pools, clients and groups get the
//! settings of the seed each time; users that are missing are made. A user deleted by hand is back after a restart
//! as long as the seed names it.

use std::time::Duration;

use aws_lc_rs::error::Unspecified;

use super::{ClientSeed, GroupSeed, PoolSeed, SecretSeed, Seed, UserSeed};
use crate::error::ApiError;
use crate::password;
use crate::random;
use crate::srp::{Password, SrpError};
use crate::state::{Client, Factors, Group, Pool, SoftwareToken, State, User};

/// Why a seed does not go with what the data directory holds.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A pool's sign-in names cannot change once it has users: their internal names depend on them.
    #[error(
        "pool {pool}: {setting} cannot change once the pool is made; put it back, or use another name, id or data directory"
    )]
    Fixed {
        /// The pool's name.
        pool: String,
        /// The setting's key.
        setting: &'static str,
    },
    /// A user of the seed clashes with one that exists.
    #[error("pool {pool}, user {username}: {problem}")]
    User {
        /// The pool's name.
        pool: String,
        /// The user's name in the seed.
        username: String,
        /// What the pool said.
        problem: String,
    },
    /// A client id of the seed belongs to another pool of the data directory.
    #[error("client {0} belongs to another pool already")]
    Client(String),
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Library,
}

impl From<Unspecified> for ApplyError {
    fn from(_: Unspecified) -> Self {
        Self::Library
    }
}

impl From<SrpError> for ApplyError {
    fn from(_: SrpError) -> Self {
        Self::Library
    }
}

/// Brings a checked seed into the state. Takes milliseconds for each user it makes.
pub(crate) fn apply(seed: &Seed, state: &mut State, now: Duration) -> Result<(), ApplyError> {
    for pool_seed in &seed.pools {
        let id = pool(pool_seed, state, now)?;
        for client_seed in &pool_seed.clients {
            let elsewhere = client_seed
                .id
                .as_ref()
                .filter(|client| state.client(client).is_ok_and(|(pool, _)| pool.id != id));
            if let Some(client) = elsewhere {
                return Err(ApplyError::Client(client.clone()));
            }
        }
        let Some(pool) = state.pools.get_mut(&id) else {
            continue;
        };
        for seed in &pool_seed.clients {
            client(seed, pool, now)?;
        }
        for seed in &pool_seed.groups {
            group(seed, pool, now);
        }
        for seed in &pool_seed.users {
            user(seed, pool, now)?;
        }
    }
    state.version += 1;
    Ok(())
}

/// Finds or makes the pool and gives it the seed's settings; its id.
fn pool(seed: &PoolSeed, state: &mut State, now: Duration) -> Result<String, ApplyError> {
    let found = state.pools.values_mut().find(|pool| match &seed.id {
        Some(id) => pool.id == *id,
        None => pool.name == seed.name,
    });
    let Some(pool) = found else {
        let pool = Pool::new(
            seed.id.clone(),
            seed.name.clone(),
            seed.settings.clone(),
            now,
        )?;
        let id = pool.id.clone();
        state.pools.insert(id.clone(), pool);
        return Ok(id);
    };
    let fixed = [
        (
            "username_attributes",
            pool.settings.username_attributes == seed.settings.username_attributes,
        ),
        (
            "alias_attributes",
            pool.settings.alias_attributes == seed.settings.alias_attributes,
        ),
        (
            "case_sensitive",
            pool.settings.case_sensitive == seed.settings.case_sensitive,
        ),
    ];
    if let Some((setting, _)) = fixed.into_iter().find(|(_, same)| !same) {
        return Err(ApplyError::Fixed {
            pool: seed.name.clone(),
            setting,
        });
    }
    pool.name.clone_from(&seed.name);
    pool.settings = seed.settings.clone();
    Ok(pool.id.clone())
}

fn client(seed: &ClientSeed, pool: &mut Pool, now: Duration) -> Result<(), ApplyError> {
    let found = pool.clients.values().find(|client| match &seed.id {
        Some(id) => client.id == *id,
        None => client.name == seed.name,
    });
    let kept = found.and_then(|client| client.secret.clone());
    let secret = match &seed.secret {
        SecretSeed::None => None,
        SecretSeed::Given(secret) => Some(secret.clone()),
        SecretSeed::Generated => {
            Some(kept.map_or_else(|| random::text(random::LOWER, Client::SECRET_LENGTH), Ok)?)
        }
    };
    let id = match (found, &seed.id) {
        (Some(client), _) => client.id.clone(),
        (None, Some(id)) => id.clone(),
        (None, None) => random::text(random::LOWER, Client::ID_LENGTH)?,
    };
    let created = found.map_or(now, |client| client.created);
    let shown = found.map(|client| client.shown.clone()).unwrap_or_default();
    let client = Client {
        id: id.clone(),
        name: seed.name.clone(),
        secret,
        settings: seed.settings.clone(),
        shown,
        created,
    };
    pool.clients.insert(id, client);
    Ok(())
}

/// What the seed gives a new user besides the password.
fn factors(seed: &UserSeed) -> Factors {
    Factors {
        enabled: seed.mfa.clone(),
        preferred: seed.preferred_mfa,
        software_token: seed.totp_secret.as_ref().map(|secret| SoftwareToken {
            secret: secret.clone(),
            friendly_name: None,
            last_step: 0,
        }),
        ..Factors::default()
    }
}

fn group(seed: &GroupSeed, pool: &mut Pool, now: Duration) {
    let created = pool
        .groups
        .get(&seed.name)
        .map_or(now, |group| group.created);
    let group = Group {
        name: seed.name.clone(),
        description: seed.description.clone(),
        role_arn: seed.role_arn.clone(),
        precedence: seed.precedence,
        created,
    };
    pool.groups.insert(seed.name.clone(), group);
}

fn user(seed: &UserSeed, pool: &mut Pool, now: Duration) -> Result<(), ApplyError> {
    if pool.find(&seed.username).is_some() {
        return Ok(());
    }
    let refused = |pool: &Pool, error: ApiError| ApplyError::User {
        pool: pool.name.clone(),
        username: seed.username.clone(),
        problem: error.message().to_owned(),
    };
    let mut attributes = seed.attributes.clone();
    pool.add_sign_in_attribute(&seed.username, &mut attributes);
    let name = pool
        .internal_name(&seed.username, None)
        .map_err(|error| refused(pool, error))?;
    let printed = match &seed.password {
        Some(password) => password.clone(),
        None => password::generate(&pool.settings.password_policy)?,
    };
    let password = Password::new(pool.srp_name(), name.as_str(), &printed)?;
    let mut user = User::new(name, attributes, now)?;
    user.groups = seed.groups.clone();
    user.set_password(password, seed.status, now);
    user.printed_password = Some(printed);
    user.factors = factors(seed);
    if let Err(error) = pool.add_user(user, false) {
        return Err(refused(pool, error));
    }
    Ok(())
}
