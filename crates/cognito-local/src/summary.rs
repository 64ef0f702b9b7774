//! What the banner of `sidegate dev` and `sidegate pool` says: where to sign in, and as whom.

use std::fmt;

use crate::seed::PoolSeed;
use crate::service::Service;
use crate::state::{AuthFlow, Client, Pool, User};

/// A pool of the seed as it stands.
#[derive(Debug, Clone)]
pub struct PoolSummary {
    /// The user pool id.
    pub id: String,
    /// The seed's name for it.
    pub name: String,
    /// `iss` of its tokens.
    pub issuer: String,
    /// Its app clients.
    pub clients: Vec<ClientSummary>,
    /// The users of the seed.
    pub users: Vec<UserSummary>,
}

/// An app client.
#[derive(Clone)]
pub struct ClientSummary {
    /// The app client id.
    pub id: String,
    /// The client's name.
    pub name: String,
    /// Its secret, if it has one.
    pub secret: Option<String>,
    /// Its `ExplicitAuthFlows`.
    pub flows: Vec<&'static str>,
}

/// A user of the seed.
#[derive(Clone)]
pub struct UserSummary {
    /// The name to sign in with.
    pub username: String,
    /// The password as the seed wrote or generated it; `None` once the user has another one.
    pub password: Option<String>,
    /// Cognito's `UserStatus`.
    pub status: &'static str,
    /// Groups, in the order of the token.
    pub groups: Vec<String>,
}

/// The secret is left out.
impl fmt::Debug for ClientSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSummary")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The password is left out.
impl fmt::Debug for UserSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSummary")
            .field("username", &self.username)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The pools of the seed; users and clients made since by API are left out of the first, not of the second.
pub(crate) fn pools(service: &Service, seeds: &[PoolSeed]) -> Vec<PoolSummary> {
    service.read(|state| {
        let of = |seed: &PoolSeed| {
            let pool = state.pools.values().find(|pool| {
                seed.id
                    .as_ref()
                    .map_or(pool.name == seed.name, |id| pool.id == *id)
            })?;
            Some(PoolSummary {
                id: pool.id.clone(),
                name: pool.name.clone(),
                issuer: service.issuer(&pool.id),
                clients: pool.clients.values().map(client).collect(),
                users: seed
                    .users
                    .iter()
                    .filter_map(|seed| {
                        Some(user(pool, &seed.username, pool.find(&seed.username)?.1))
                    })
                    .collect(),
            })
        };
        seeds.iter().filter_map(of).collect()
    })
}

fn client(client: &Client) -> ClientSummary {
    ClientSummary {
        id: client.id.clone(),
        name: client.name.clone(),
        secret: client.secret.clone(),
        flows: client
            .settings
            .explicit_auth_flows
            .iter()
            .copied()
            .map(AuthFlow::name)
            .collect(),
    }
}

fn user(pool: &Pool, username: &str, user: &User) -> UserSummary {
    UserSummary {
        username: username.to_owned(),
        password: user.printed_password.clone(),
        status: user.status.name(),
        groups: pool
            .groups_of(user)
            .into_iter()
            .map(|group| group.name.clone())
            .collect(),
    }
}
