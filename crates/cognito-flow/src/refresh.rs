//! One refresh of a session's tokens: one call, or two when the pool does not offer the newer way.

use std::fmt;

use crate::{AppClient, Call, FlowError, Parameters, Reply, Secret, TokenSet};

/// A refresh that waits for Cognito's reply.
pub struct Refresh {
    way: RefreshWay,
    refresh_token: Secret<String>,
    username: String,
    device_key: Option<String>,
}

/// How the refresh is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshWay {
    /// The operation of that name; works with token rotation on and off.
    GetTokensFromRefreshToken,
    /// InitiateAuth with REFRESH_TOKEN_AUTH; refused by a client that rotates refresh tokens.
    RefreshTokenAuth,
}

impl Refresh {
    /// `username` is the access token's `username` claim, never an alias: REFRESH_TOKEN_AUTH sends no USERNAME, and
    /// Cognito checks SECRET_HASH against the internal name.
    pub fn begin(
        way: RefreshWay,
        refresh_token: Secret<String>,
        username: &str,
        device_key: Option<String>,
        client: &AppClient,
    ) -> (Call, Self) {
        let refresh = Self {
            way,
            refresh_token,
            username: username.to_owned(),
            device_key,
        };
        (refresh.call(client), refresh)
    }

    /// The new tokens. There is always a refresh token: a reply without one keeps the old.
    ///
    /// # Errors
    /// [`FlowError::OutOfTurn`] when the pool sets a challenge.
    pub fn on_reply(self, reply: Reply) -> Result<TokenSet, FlowError> {
        match reply {
            Reply::Tokens(mut tokens) => {
                tokens.refresh_token.get_or_insert(self.refresh_token);
                Ok(tokens)
            }
            Reply::Challenge { name, .. } => Err(FlowError::OutOfTurn {
                want: "AuthenticationResult",
                got: name,
            }),
        }
    }

    /// The same refresh by REFRESH_TOKEN_AUTH, for a pool that does not offer GetTokensFromRefreshToken; `None` when this
    /// was that already.
    pub fn fall_back(self, client: &AppClient) -> Option<(Call, Self)> {
        match self.way {
            RefreshWay::GetTokensFromRefreshToken => {
                let refresh = Self {
                    way: RefreshWay::RefreshTokenAuth,
                    ..self
                };
                Some((refresh.call(client), refresh))
            }
            RefreshWay::RefreshTokenAuth => None,
        }
    }

    pub const fn way(&self) -> RefreshWay {
        self.way
    }

    fn call(&self, client: &AppClient) -> Call {
        match self.way {
            RefreshWay::GetTokensFromRefreshToken => Call::GetTokensFromRefreshToken {
                refresh_token: self.refresh_token.clone(),
                client_secret: client.client_secret().cloned(),
                device_key: self.device_key.clone(),
            },
            RefreshWay::RefreshTokenAuth => {
                let mut parameters = Parameters::default();
                parameters.insert("REFRESH_TOKEN", self.refresh_token.clone());
                parameters.insert_secret_hash(client, &self.username);
                if let Some(device_key) = &self.device_key {
                    parameters.insert("DEVICE_KEY", Secret::new(device_key.clone()));
                }
                Call::InitiateAuth {
                    auth_flow: "REFRESH_TOKEN_AUTH",
                    parameters,
                    session: None,
                }
            }
        }
    }
}

impl fmt::Debug for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresh")
            .field("way", &self.way)
            .finish_non_exhaustive()
    }
}
