//! What the tests of this part and of `check` share: keys that sign tokens, and a server that says what it is told to.
//!
//! The server is a real socket on loopback and speaks HTTP/1.1 by hand, because half of what it must do
//! no HTTP library lets one do: hang, break off, never end.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cognito_flow::{AppClient, FlowKind, Secret};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tracing::{Dispatch, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;

use super::{Settings, UserPool};
use crate::clock::Clock;

pub(super) const ISSUER: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123xyz";
pub(super) const CLIENT_ID: &str = "1h57kf5cpq17m0eml12EXAMPLE";
/// A Tuesday in March 2026.
pub(super) const NOW: u64 = 1_772_510_706;

/// A pool's key: signs whatever it is given.
pub(super) struct TestKey {
    pub(super) id: &'static str,
    pair: RsaKeyPair,
}

/// The key of ID tokens.
pub(super) static ID_KEY: LazyLock<TestKey> = LazyLock::new(|| TestKey::new("key-of-id-tokens"));
/// The key of access tokens: Cognito's are two.
pub(super) static ACCESS_KEY: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::new("key-of-access-tokens"));

impl TestKey {
    pub(super) fn new(id: &'static str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { id, pair }
    }

    /// A token with the ordinary header.
    pub(super) fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "kid": self.id});
        self.sign(&header.to_string(), &claims.to_string())
    }

    /// A token of these very texts.
    pub(super) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        let signed = self.pair.sign(
            &RSA_PKCS1_SHA256,
            &random,
            message.as_bytes(),
            &mut signature,
        );
        signed.unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// As the pool publishes it.
    pub(super) fn jwk(&self) -> Value {
        json!({"alg": "RS256", "e": "AQAB", "kid": self.id, "kty": "RSA", "n": self.modulus(), "use": "sig"})
    }

    fn modulus(&self) -> String {
        // RSAPublicKey (RFC 8017 A.1.1): SEQUENCE header of 4 bytes, INTEGER header of 4 bytes, a zero
        // byte, the modulus, then the exponent in 5 bytes.
        let der = self.pair.public_key().as_ref();
        URL_SAFE_NO_PAD.encode(&der[9..9 + self.pair.public_modulus_len()])
    }
}

/// The document at `jwks_url`.
pub(super) fn key_document(keys: &[&TestKey]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}

/// The claims of a good ID token.
pub(super) fn id_claims() -> Value {
    json!({
        "sub": "a1b2c3d4-sub", "iss": ISSUER, "aud": CLIENT_ID, "token_use": "id",
        "cognito:username": "jane", "cognito:groups": ["staff"], "email": "jane@example.com",
        "email_verified": true, "auth_time": NOW, "iat": NOW, "exp": NOW + 3600, "jti": "j1",
    })
}

/// The claims of a good access token of the same sign-in.
pub(super) fn access_claims() -> Value {
    json!({
        "sub": "a1b2c3d4-sub", "iss": ISSUER, "client_id": CLIENT_ID, "token_use": "access",
        "username": "jane", "scope": "aws.cognito.signin.user.admin",
        "auth_time": NOW, "iat": NOW, "exp": NOW + 3600, "jti": "j2", "origin_jti": "o",
    })
}

/// `AuthenticationResult` with good tokens.
pub(super) fn tokens(refresh_token: Option<&str>) -> Say {
    tokens_of(&id_claims(), &access_claims(), refresh_token)
}

pub(super) fn tokens_of(id: &Value, access: &Value, refresh_token: Option<&str>) -> Say {
    let mut result = json!({
        "AccessToken": ACCESS_KEY.token(access), "IdToken": ID_KEY.token(id),
        "ExpiresIn": 3600, "TokenType": "Bearer",
    });
    if let Some(refresh_token) = refresh_token {
        result["RefreshToken"] = refresh_token.into();
    }
    Say::Json(
        200,
        json!({"AuthenticationResult": result, "ChallengeParameters": {}}).to_string(),
    )
}

/// Settings for the server: the API and the keys at its address.
pub(crate) fn settings(address: SocketAddr, flow: FlowKind) -> Settings {
    let client = AppClient::new(
        "eu-west-1_AbC123xyz".parse().unwrap(),
        CLIENT_ID.parse().unwrap(),
        Some(Secret::new("planted-client-secret-0123456789".to_owned())),
    );
    let mut settings = Settings::new(client, flow).unwrap();
    settings.endpoint = format!("http://{address}/").parse().unwrap();
    settings.jwks_url = format!("http://{address}/.well-known/jwks.json")
        .parse()
        .unwrap();
    settings
}

/// A pool at that server, at [`NOW`].
pub(super) fn pool(address: SocketAddr, flow: FlowKind) -> UserPool {
    UserPool::new(settings(address, flow), Clock::at(NOW)).unwrap()
}

/// What the server says to one request.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    /// Status and a JSON body.
    Json(u16, String),
    /// These very bytes, then the end of the connection.
    Raw(String),
    /// Nothing, and the end of the connection.
    Close,
    /// Nothing, and the connection stays.
    Hang,
    /// Status 200 and a gigabyte.
    Endless,
}

impl Say {
    pub(crate) fn exception(name: &str, message: &str) -> Self {
        Self::Json(400, json!({"__type": name, "message": message}).to_string())
    }

    pub(crate) fn challenge(name: &str, parameters: &Value) -> Self {
        let body = json!({
            "ChallengeName": name, "Session": "planted-session-0123456789", "ChallengeParameters": parameters,
        });
        Self::Json(200, body.to_string())
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// Request line and header fields.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Heard {
    /// The operation of `X-Amz-Target`, or `keys` for the key document.
    pub(crate) fn operation(&self) -> &str {
        let target = self
            .head
            .lines()
            .find_map(|line| line.split_once("IdentityProviderService."));
        target.map_or("keys", |(_, operation)| operation)
    }
}

/// The server. Its tasks end with it.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    /// Bytes of endless answers that the system took.
    pub(super) sent: Arc<AtomicUsize>,
    _accepting: JoinSet<()>,
}

impl Stub {
    /// Answers each request as `script` says.
    pub(crate) async fn start(script: impl Fn(&Heard) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, sent) = (Arc::default(), Arc::default());
        let connection = Connection {
            script: Arc::new(script),
            heard: Arc::clone(&heard),
            sent: Arc::clone(&sent),
        };
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let connection = connection.clone();
                connections.spawn(async move {
                    // The peer may go at any time.
                    let _ = connection.serve(stream).await;
                });
            }
        });
        Self {
            address,
            heard,
            sent,
            _accepting: accepting,
        }
    }

    /// The key document for requests of it, and `script` for the API.
    pub(crate) async fn with_keys(script: impl Fn(&Heard) -> Say + Send + Sync + 'static) -> Self {
        Self::start(move |heard| match heard.operation() {
            "keys" => Say::Json(200, key_document(&[&ID_KEY, &ACCESS_KEY])),
            _ => script(heard),
        })
        .await
    }

    /// All requests so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The operations so far, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.heard()
            .iter()
            .map(|heard| heard.operation().to_owned())
            .collect()
    }
}

#[derive(Clone)]
struct Connection {
    script: Arc<dyn Fn(&Heard) -> Say + Send + Sync>,
    heard: Arc<Mutex<Vec<Heard>>>,
    sent: Arc<AtomicUsize>,
}

impl Connection {
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let heard = read_request(&mut stream).await?;
            self.heard.lock().unwrap().push(heard.clone());
            match (self.script)(&heard) {
                Say::Json(status, body) => {
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {length}\r\n\r\n{body}"
                    );
                    stream.write_all(answer.as_bytes()).await?;
                }
                Say::Raw(answer) => return stream.write_all(answer.as_bytes()).await,
                Say::Close => return Ok(()),
                Say::Hang => return std::future::pending().await,
                Say::Endless => {
                    let length = 1_usize << 30;
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                    stream.write_all(head.as_bytes()).await?;
                    let chunk = vec![b' '; 64 * 1024];
                    while self.sent.load(Ordering::SeqCst) < length {
                        stream.write_all(&chunk).await?;
                        self.sent.fetch_add(chunk.len(), Ordering::SeqCst);
                    }
                }
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Heard> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(Heard {
                    head: head.to_owned(),
                    body: body.to_owned(),
                });
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Collects what is logged on this thread, at every level.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// From now until the guard is dropped.
    pub(super) fn capture(&self) -> tracing::subscriber::DefaultGuard {
        // While a process has one subscriber only, tracing takes an event that another thread meets
        // first for one that nobody wants. So there are two.
        static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| subscriber(io::sink).into());
        LazyLock::force(&ANOTHER);
        let log = self.clone();
        tracing::subscriber::set_default(subscriber(move || log.clone()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

fn subscriber<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_writer(writer)
        .with_ansi(false)
        .finish()
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
