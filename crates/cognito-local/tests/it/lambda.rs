//! A local Lambda runner whose functions are one closure of the test; keeps every event.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cognito_local::{Kind, Seed, Settings, Trigger};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::bed::{Bed, text};

pub(crate) const PASSWORD: &str = "Correct-Horse-9";

/// A pool by user name whose clients may do everything triggers have a part in.
pub(crate) const SEED: &str = r#"
[[pool]]
name = "triggers"
id = "local_Triggers1"
mfa = "OPTIONAL"
mfa_methods = ["SOFTWARE_TOKEN_MFA"]
[[pool.client]]
name = "app"
id = "app"
explicit_auth_flows = ["ALLOW_CUSTOM_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
[[pool.client]]
name = "legacy"
id = "legacy"
prevent_user_existence_errors = "LEGACY"
explicit_auth_flows = ["ALLOW_CUSTOM_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH"]
[[pool.client]]
name = "server"
id = "server"
secret = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t"
explicit_auth_flows = ["ALLOW_CUSTOM_AUTH"]
[[pool.client]]
name = "rotating"
id = "rotating"
refresh_token_rotation_grace = "0s"
explicit_auth_flows = ["ALLOW_USER_PASSWORD_AUTH"]
[[pool.group]]
name = "admins"
precedence = 1
role_arn = "arn:aws:iam::000000000000:role/admins"
[[pool.group]]
name = "developers"
precedence = 2
[[pool.user]]
username = "ada"
password = "Correct-Horse-9"
groups = ["admins", "developers"]
attributes = { email = "ada@example.com", email_verified = "true", given_name = "Ada" }
[[pool.user]]
username = "new"
password = "Correct-Horse-9"
status = "FORCE_CHANGE_PASSWORD"
[[pool.user]]
username = "unconfirmed"
password = "Correct-Horse-9"
status = "UNCONFIRMED"
[[pool.user]]
username = "reset"
password = "Correct-Horse-9"
status = "RESET_REQUIRED"
[[pool.user]]
username = "app-user"
password = "Correct-Horse-9"
mfa = ["SOFTWARE_TOKEN_MFA"]
totp_secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
"#;

/// What a function does: gives the event's `response`, or throws.
type Handler = dyn Fn(Kind, &Value) -> Result<Value, String> + Send + Sync;

pub(crate) struct Lambda {
    shared: Arc<Shared>,
    address: String,
    _task: JoinSet<()>,
}

struct Shared {
    handler: Box<Handler>,
    events: Mutex<Vec<Value>>,
    /// One permit lets one call answer.
    gate: Semaphore,
    at_work: AtomicUsize,
    most_at_work: AtomicUsize,
}

impl Lambda {
    pub(crate) async fn start(
        handler: impl Fn(Kind, &Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        Self::gated(Semaphore::MAX_PERMITS, handler).await
    }

    /// The first `open` calls answer at once, the others when `open` is called.
    pub(crate) async fn gated(
        open: usize,
        handler: impl Fn(Kind, &Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            events: Mutex::default(),
            gate: Semaphore::new(open),
            at_work: AtomicUsize::new(0),
            most_at_work: AtomicUsize::new(0),
        });
        let mut task = JoinSet::new();
        let calls = Arc::clone(&shared);
        task.spawn(async move {
            let mut running = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                running.spawn(answer(Arc::clone(&calls), stream));
            }
        });
        Self {
            shared,
            address,
            _task: task,
        }
    }

    pub(crate) fn url(&self, kind: Kind) -> String {
        format!(
            "http://{}/2015-03-31/functions/{}/invocations",
            self.address,
            kind.name()
        )
    }

    /// The pool of the seed with these triggers.
    pub(crate) async fn bed(&self, kinds: &[Kind]) -> Bed {
        self.bed_with(kinds, |_settings| ()).await
    }

    pub(crate) async fn bed_with(&self, kinds: &[Kind], change: impl FnOnce(&mut Settings)) -> Bed {
        Bed::with(|settings| {
            settings.seed = Seed::from_toml(SEED, "the test's seed").unwrap();
            let functions = &mut settings.seed.pools[0].settings.triggers.functions;
            for kind in kinds {
                functions.insert(*kind, Trigger::Url(self.url(*kind).parse().unwrap()));
            }
            change(settings);
        })
        .await
    }

    /// The events so far, and forgets them.
    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.shared.events.lock().unwrap())
    }

    /// `triggerSource` of the events so far, and forgets them.
    pub(crate) fn sources(&self) -> Vec<String> {
        self.take()
            .iter()
            .map(|event| text(&event["triggerSource"]))
            .collect()
    }

    pub(crate) fn open(&self, calls: usize) {
        self.shared.gate.add_permits(calls);
    }

    pub(crate) fn at_work(&self) -> usize {
        self.shared.at_work.load(Ordering::SeqCst)
    }

    pub(crate) fn most_at_work(&self) -> usize {
        self.shared.most_at_work.load(Ordering::SeqCst)
    }
}

async fn answer(shared: Arc<Shared>, mut stream: TcpStream) {
    let mut request = Vec::new();
    let (kind, mut event) = loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        request.extend_from_slice(&chunk[..count]);
        let head = String::from_utf8_lossy(&request);
        let name = head.split('/').nth(3).unwrap_or_default();
        if let Some((_, body)) = head.split_once("\r\n\r\n")
            && let Ok(event) = serde_json::from_str::<Value>(body)
        {
            break (Kind::from_name(name).unwrap(), event);
        }
        assert!(count > 0, "a broken call: {head}");
    };
    shared.events.lock().unwrap().push(event.clone());
    let at_work = shared.at_work.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most_at_work.fetch_max(at_work, Ordering::SeqCst);
    shared.gate.acquire().await.unwrap().forget();
    let body = match (shared.handler)(kind, &event) {
        Ok(response) => {
            event["response"] = response;
            event
        }
        Err(message) => json!({ "errorMessage": message, "errorType": "Error" }),
    }
    .to_string();
    shared.at_work.fetch_sub(1, Ordering::SeqCst);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // The pool may have stopped waiting.
    let _closed = stream.write_all(answer.as_bytes()).await;
}

/// An event of the seed's pool, called by the client `app`.
pub(crate) fn event(source: &str, user: &str, request: Value, response: Value) -> Value {
    event_of("1", source, user, request, response)
}

pub(crate) fn event_of(
    version: &str,
    source: &str,
    user: &str,
    request: Value,
    response: Value,
) -> Value {
    let mut event = json!({
        "version": version,
        "triggerSource": source,
        "region": "local",
        "userPoolId": "local_Triggers1",
        "userName": user,
        "callerContext": { "awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "app" },
    });
    event["request"] = request;
    event["response"] = response;
    event
}

/// `userAttributes` of ada.
pub(crate) async fn attributes_of_ada(bed: &Bed) -> Value {
    let body = json!({ "UserPoolId": "local_Triggers1", "Username": "ada" });
    let user = bed.call("AdminGetUser", body).await.ok();
    let sub = user["UserAttributes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|attribute| attribute["Name"] == "sub")
        .unwrap()["Value"]
        .clone();
    json!({
        "sub": sub,
        "cognito:user_status": "CONFIRMED",
        "email": "ada@example.com",
        "email_verified": "true",
        "given_name": "Ada",
    })
}
