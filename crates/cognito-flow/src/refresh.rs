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
            other => Err(FlowError::OutOfTurn {
                want: "AuthenticationResult",
                got: other.name().to_owned(),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn client(client_secret: Option<&str>) -> AppClient {
        AppClient::new(
            "local_Ab12".parse().unwrap(),
            "abc".parse().unwrap(),
            client_secret.map(secret),
        )
    }

    fn begin(way: RefreshWay, client: &AppClient) -> (Call, Refresh) {
        Refresh::begin(
            way,
            secret("old"),
            "internal-name",
            Some("device".to_owned()),
            client,
        )
    }

    fn tokens(refresh_token: Option<&str>) -> Reply {
        Reply::Tokens(TokenSet {
            access_token: secret("access"),
            id_token: secret("id"),
            refresh_token: refresh_token.map(secret),
            expires_in: 300,
            new_device: None,
        })
    }

    fn assert_is_refresh_token_auth(call: &Call, client: &AppClient) {
        let Call::InitiateAuth {
            auth_flow: "REFRESH_TOKEN_AUTH",
            parameters,
            session: None,
        } = call
        else {
            panic!("{call:?}");
        };
        let secret_hash = client.secret_hash("internal-name").unwrap();
        let expected = [
            ("DEVICE_KEY", "device"),
            ("REFRESH_TOKEN", "old"),
            ("SECRET_HASH", secret_hash.expose()),
        ];
        assert_eq!(parameters.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_newer_way_sends_the_plain_client_secret_and_no_hash() {
        let (call, refresh) = begin(
            RefreshWay::GetTokensFromRefreshToken,
            &client(Some("s3cret")),
        );
        let Call::GetTokensFromRefreshToken {
            refresh_token,
            client_secret,
            device_key,
        } = call
        else {
            panic!("{call:?}");
        };
        assert_eq!(refresh_token.expose(), "old");
        assert_eq!(client_secret.unwrap().expose(), "s3cret");
        assert_eq!(device_key.as_deref(), Some("device"));
        assert_eq!(refresh.way(), RefreshWay::GetTokensFromRefreshToken);
    }

    #[test]
    fn the_older_way_hashes_the_internal_name_and_sends_no_username() {
        let client = client(Some("s3cret"));
        let (call, _) = begin(RefreshWay::RefreshTokenAuth, &client);
        assert_is_refresh_token_auth(&call, &client);
    }

    #[test]
    fn without_a_client_secret_neither_way_sends_one() {
        let client = client(None);
        let (newer, refresh) = begin(RefreshWay::GetTokensFromRefreshToken, &client);
        assert!(matches!(
            newer,
            Call::GetTokensFromRefreshToken {
                client_secret: None,
                ..
            }
        ));
        let (older, _) = refresh.fall_back(&client).unwrap();
        assert!(
            matches!(older, Call::InitiateAuth { parameters, .. } if parameters.get("SECRET_HASH").is_none())
        );
    }

    #[test]
    fn it_falls_back_once_with_the_same_token() {
        let client = client(Some("s3cret"));
        let (_, refresh) = begin(RefreshWay::GetTokensFromRefreshToken, &client);
        let (call, refresh) = refresh.fall_back(&client).unwrap();
        assert_is_refresh_token_auth(&call, &client);
        assert_eq!(refresh.way(), RefreshWay::RefreshTokenAuth);
        assert!(refresh.fall_back(&client).is_none());
    }

    /// Pitfall 46: a stored token replaced by nothing signs people out.
    #[test]
    fn a_reply_without_a_refresh_token_keeps_the_old_one() {
        for (sent, kept) in [(None, "old"), (Some("rotated"), "rotated")] {
            let (_, refresh) = begin(RefreshWay::GetTokensFromRefreshToken, &client(None));
            let tokens = refresh.on_reply(tokens(sent)).unwrap();
            assert_eq!(tokens.refresh_token.unwrap().expose(), kept);
            assert_eq!(tokens.access_token.expose(), "access");
        }
    }

    #[test]
    fn a_challenge_in_reply_is_out_of_turn() {
        let (_, refresh) = begin(RefreshWay::RefreshTokenAuth, &client(None));
        let reply = Reply::Challenge {
            name: "SMS_MFA".to_owned(),
            parameters: BTreeMap::new(),
            session: None,
            available: Vec::new(),
        };
        let error = refresh.on_reply(reply).unwrap_err();
        assert!(matches!(error, FlowError::OutOfTurn { got, .. } if got == "SMS_MFA"));
    }
}
