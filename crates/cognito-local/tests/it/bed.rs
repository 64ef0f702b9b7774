//! A running pool with a clock the test moves, and a client that is a socket and JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cognito_local::{LocalPool, Seed, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const ADA_PASSWORD: &str = "Correct-Horse-9";
pub(crate) const NEW: &str = "new@example.com";
pub(crate) const NEW_PASSWORD: &str = "Temporary-Pony-3";
pub(crate) const SECRET: &str = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t";

/// One pool by e-mail with a client for each setting that matters.
pub(crate) const SEED: &str = r#"
[[pool]]
name = "mail"
id = "local_MailPool1"
username_attributes = ["email"]
required_attributes = ["email", "given_name"]
[[pool.client]]
name = "web"
id = "web"
explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"]
[[pool.client]]
name = "server"
id = "server"
secret = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t"
explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
[[pool.client]]
name = "legacy"
id = "legacy"
prevent_user_existence_errors = "LEGACY"
explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH"]
[[pool.client]]
name = "rotating"
id = "rotating"
explicit_auth_flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
refresh_token_rotation_grace = "10s"
[[pool.client]]
name = "refresh-only"
id = "refreshonly"
explicit_auth_flows = ["ALLOW_REFRESH_TOKEN_AUTH"]
[[pool.group]]
name = "developers"
precedence = 2
[[pool.group]]
name = "admins"
precedence = 1
[[pool.user]]
username = "ada@example.com"
password = "Correct-Horse-9"
groups = ["admins", "developers"]
attributes = { given_name = "Ada", email_verified = "true" }
[[pool.user]]
username = "new@example.com"
password = "Temporary-Pony-3"
status = "FORCE_CHANGE_PASSWORD"
[[pool.user]]
username = "reset@example.com"
password = "Correct-Horse-9"
status = "RESET_REQUIRED"
[[pool.user]]
username = "unconfirmed@example.com"
password = "Correct-Horse-9"
status = "UNCONFIRMED"
"#;

/// A pool by user name, with e-mail addresses as aliases.
pub(crate) const NAMES: &str = r#"
[[pool]]
name = "names"
id = "local_NamesPool"
alias_attributes = ["email"]
[[pool.client]]
name = "names"
id = "names"
explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH"]
[[pool.user]]
username = "Grace"
password = "Correct-Horse-9"
attributes = { email = "grace@example.com", email_verified = "true" }
"#;

pub(crate) struct Bed {
    pub(crate) pool: LocalPool,
    clock: Arc<AtomicU64>,
}

/// An answer of the server.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Bed {
    pub(crate) async fn start() -> Self {
        Self::with(|_settings| ()).await
    }

    /// With the pool by user name as well.
    pub(crate) async fn with_names() -> Self {
        let seed = Seed::from_toml(&format!("{SEED}{NAMES}"), "the test's seed").unwrap();
        Self::with(|settings| settings.seed = seed).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::try_with(change)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"))
    }

    pub(crate) async fn try_with(
        change: impl FnOnce(&mut Settings),
    ) -> Result<Self, cognito_local::StartError> {
        // 3 March 2026, 04:05:06 UTC.
        let clock = Arc::new(AtomicU64::new(1_772_510_706_000));
        let hand = Arc::clone(&clock);
        let mut settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            seed: Seed::from_toml(SEED, "the test's seed").unwrap(),
            now: Arc::new(move || Duration::from_millis(hand.load(Ordering::SeqCst))),
            ..Settings::default()
        };
        change(&mut settings);
        Ok(Self {
            pool: LocalPool::start(settings).await?,
            clock,
        })
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock
            .fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst) / 1000
    }

    pub(crate) async fn stop(self) {
        self.pool.stop().await.unwrap();
    }

    /// Sends bytes as they are and reads to the end.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.pool.address()).await.unwrap();
        // The server may answer and close before it read everything.
        let _cut = stream.write_all(request).await;
        let mut bytes = Vec::new();
        let _reset = stream.read_to_end(&mut bytes).await;
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        Answer {
            status,
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.raw(
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                .as_bytes(),
        )
        .await
    }

    pub(crate) async fn call(&self, operation: &str, body: Value) -> Answer {
        self.call_text(operation, &body.to_string()).await
    }

    pub(crate) async fn call_text(&self, operation: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\
             content-type: application/x-amz-json-1.1\r\nx-amz-target: AWSCognitoIdentityProviderService.{operation}\r\n\r\n{body}"
        );
        self.raw(request.as_bytes()).await
    }

    /// The messages to an address, newest first.
    pub(crate) async fn messages(&self, to: &str) -> Vec<Value> {
        let path = format!("/outbox.json?to={}", to.replace('@', "%40"));
        let body = self.get(&path).await.ok();
        body["messages"].as_array().unwrap().clone()
    }

    /// The last code sent to an address.
    pub(crate) async fn code(&self, to: &str) -> String {
        let messages = self.messages(to).await;
        text(
            &messages
                .first()
                .unwrap_or_else(|| panic!("nothing was sent to {to}"))["code"],
        )
    }

    /// USER_PASSWORD_AUTH.
    pub(crate) async fn password_sign_in(
        &self,
        client: &str,
        username: &str,
        password: &str,
    ) -> Answer {
        let parameters = json!({ "USERNAME": username, "PASSWORD": password });
        let body = json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client, "AuthParameters": parameters });
        self.call("InitiateAuth", body).await
    }

    /// The AuthenticationResult of a sign-in that must succeed.
    pub(crate) async fn signed_in(&self, client: &str) -> Value {
        self.password_sign_in(client, ADA, ADA_PASSWORD)
            .await
            .tokens()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    /// The body of a success.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    pub(crate) fn tokens(&self) -> Value {
        let body = self.ok();
        assert!(
            body["AuthenticationResult"]["AccessToken"].is_string(),
            "{body}"
        );
        body["AuthenticationResult"].clone()
    }

    /// Name and text of an exception.
    pub(crate) fn error(&self) -> (String, String) {
        assert_eq!(self.status, 400, "{}", self.body);
        let body = self.json();
        (text(&body["__type"]), text(&body["message"]))
    }

    #[track_caller]
    pub(crate) fn assert_error(&self, name: &str, message: &str) {
        assert_eq!(self.error(), (name.to_owned(), message.to_owned()));
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }
}

pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

/// The claims of a JWT, unchecked.
pub(crate) fn claims(token: &Value) -> Value {
    let token = text(token);
    serde_json::from_slice(
        &URL_SAFE_NO_PAD
            .decode(token.split('.').nth(1).unwrap())
            .unwrap(),
    )
    .unwrap()
}

pub(crate) fn secret_hash(username: &str, client: &str) -> String {
    use aws_lc_rs::hmac;
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{username}{client}").as_bytes()))
}
