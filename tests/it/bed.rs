//! The bed: gate, local pool and a recording upstream on free ports, configured through the real loader.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cognito_local::{LocalPool, Seed};
use sidegate::clock::Clock;
use sidegate::config::Config;
use sidegate::run::Running;
use sidegate::server::Drained;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::browser::Browser;
use crate::upstream::Upstream;
use crate::wire::Wire;

/// Where the browser believes to be; the real port differs, as behind any front end.
pub(crate) const ORIGIN: &str = "http://localhost:4280";

/// When the tests' clock begins: 1 June 2026.
pub(crate) const BEGAN: u64 = 1_780_272_000;

pub(crate) const USER: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "Correct-Horse-9!";
/// Has a temporary password and lacks a required attribute.
pub(crate) const NEW_USER: &str = "new@example.com";
pub(crate) const TEMPORARY: &str = "Temporary-Pass-1!";

const SEED: &str = r#"
[[pool]]
name = "test"
username_attributes = ["email"]
case_sensitive = false
required_attributes = ["email", "given_name"]
SETTINGS
TRIGGERS

[[pool.client]]
name = "web"
explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_CUSTOM_AUTH", "ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]

[[pool.client]]
name = "server"
generate_secret = true
explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]

[[pool.group]]
name = "admins"
precedence = 1

[[pool.group]]
name = "developers"
precedence = 2

[[pool.user]]
username = "ada@example.com"
password = "Correct-Horse-9!"
groups = ["admins", "developers"]
attributes = { given_name = "Ada", email_verified = "true" }

[[pool.user]]
username = "new@example.com"
password = "Temporary-Pass-1!"
status = "FORCE_CHANGE_PASSWORD"
attributes = { email_verified = "true" }
"#;

/// Says what a test did without. In CI nothing may be skipped.
pub(crate) fn skip(why: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "skipped in CI: {why}"
    );
    println!("skipped: {why}");
}

/// Makes a trigger in the bed's folder; returns the script.
type Trigger = fn(&Path) -> PathBuf;

/// What differs from the usual bed.
#[derive(Default)]
pub(crate) struct TestBed {
    settings: String,
    pool: &'static str,
    flow: Option<&'static str>,
    trigger: Option<(&'static str, Trigger)>,
    dead_upstream: bool,
    upstream: Option<SocketAddr>,
    secret_client: bool,
}

impl TestBed {
    /// Tables to add to the configuration file.
    pub(crate) fn config(mut self, toml: &str) -> Self {
        self.settings.push_str(toml);
        self
    }

    /// Further settings of the pool, as its file has them.
    pub(crate) fn pool(mut self, toml: &'static str) -> Self {
        self.pool = toml;
        self
    }

    pub(crate) fn flow(mut self, flow: &'static str) -> Self {
        self.flow = Some(flow);
        self
    }

    /// A trigger of the pool, run with python3.
    pub(crate) fn trigger(mut self, name: &'static str, make: Trigger) -> Self {
        self.trigger = Some((name, make));
        self
    }

    /// The app client that has a secret.
    pub(crate) fn with_client_secret(mut self) -> Self {
        self.secret_client = true;
        self
    }

    /// Nothing listens where the upstream should be.
    pub(crate) fn dead_upstream(mut self) -> Self {
        self.dead_upstream = true;
        self
    }

    /// Another upstream than the recorder.
    pub(crate) fn upstream(mut self, address: SocketAddr) -> Self {
        self.upstream = Some(address);
        self
    }

    pub(crate) async fn start(self) -> Bed {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let clock = Clock::at(BEGAN);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let pool = start_pool(
            &clock,
            self.pool,
            self.trigger.map(|(name, make)| (name, make(&folder))),
        )
        .await;
        let (wire, tap) = Wire::tap(pool.address(), &tasks, &stop).await;
        let (upstream, recorder) = Upstream::start(&tasks, &stop).await;
        let target = match (self.upstream, self.dead_upstream) {
            (Some(address), _) => address,
            (None, false) => recorder,
            (None, true) => free_address(),
        };

        let summary = pool.pools().remove(0);
        let name = if self.secret_client { "server" } else { "web" };
        let client = summary
            .clients
            .iter()
            .find(|client| client.name == name)
            .unwrap();
        let secret_file = folder.join("client-secret");
        let secret = client.secret.as_ref().map_or_else(String::new, |secret| {
            write_private(&secret_file, secret);
            format!("client_secret_file = {secret_file:?}")
        });
        let text = format!(
            r#"
public_origin = "{ORIGIN}"
[upstream]
url = "http://{target}"
[server]
listen = "127.0.0.1:0"
[cognito]
user_pool_id = "{pool_id}"
client_id = "{client_id}"
{secret}
flow = "{flow}"
endpoint = "http://{tap}/"
issuer = "{issuer}"
jwks_url = "http://{tap}/{pool_id}/.well-known/jwks.json"
{settings}
"#,
            pool_id = summary.id,
            client_id = client.id,
            flow = self.flow.unwrap_or("USER_SRP_AUTH"),
            issuer = summary.issuer,
            settings = self.settings,
        );
        let config = Config::from_toml("the test bed", &text).unwrap_or_else(|p| panic!("{p}"));
        let running = Running::start(config.clone(), clock.clone()).await.unwrap();
        Bed {
            gate: running.address(),
            pool_id: summary.id.clone(),
            pool: Some(pool),
            config,
            text,
            upstream,
            wire,
            clock,
            running,
            tasks,
            stop,
            folder,
        }
    }
}

/// A running bed.
pub(crate) struct Bed {
    pub(crate) gate: SocketAddr,
    pub(crate) pool_id: String,
    pub(crate) config: Config,
    /// The configuration file.
    pub(crate) text: String,
    pub(crate) upstream: Upstream,
    pub(crate) wire: Wire,
    pub(crate) clock: Clock,
    pool: Option<LocalPool>,
    running: Running,
    tasks: TaskTracker,
    stop: CancellationToken,
    folder: PathBuf,
}

impl Bed {
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.gate)
    }

    /// A folder of this test's own.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Calls a signed operation of the pool, as an administrator.
    pub(crate) async fn admin(
        &self,
        operation: &str,
        mut input: serde_json::Value,
    ) -> serde_json::Value {
        input["UserPoolId"] = self.pool_id.as_str().into();
        let request = http::Request::post("/")
            .header("host", "127.0.0.1")
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "x-amz-target",
                format!("AWSCognitoIdentityProviderService.{operation}"),
            )
            .body(input.to_string().into())
            .unwrap();
        let address = self.pool.as_ref().expect("the pool is dead").address();
        let answer = crate::browser::exchange(address, request).await.expect(200);
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// The code that was sent to this user last.
    pub(crate) async fn code(&self, to: &str) -> String {
        let request = http::Request::get(format!("/outbox.json?to={to}"))
            .header("host", "127.0.0.1")
            .body(http_body_util::Full::default())
            .unwrap();
        let address = self.pool.as_ref().expect("the pool is dead").address();
        let outbox = crate::browser::exchange(address, request).await.expect(200);
        let code = &outbox.json()["messages"][0]["code"];
        let code = code.as_str();
        code.unwrap_or_else(|| panic!("no code for {to}: {}", outbox.body))
            .to_owned()
    }

    /// The pool goes away.
    pub(crate) async fn kill_pool(&mut self) {
        self.pool
            .take()
            .expect("killed twice")
            .stop()
            .await
            .unwrap();
    }

    /// Waits for something that happens in the background, without measuring time.
    pub(crate) async fn until(&self, happened: impl Fn() -> bool) {
        for _ in 0..1_000 {
            if happened() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it did not happen");
    }

    /// Waits until so many refresh tokens were revoked at the pool.
    pub(crate) async fn until_revoked(&self, count: usize) {
        self.until(|| {
            self.wire
                .count("AWSCognitoIdentityProviderService.RevokeToken")
                >= count
        })
        .await;
    }

    /// Drains the gate and waits for everything: a panic in any part fails here.
    pub(crate) async fn stop(self) {
        let drained = self.running.stop().await.expect("the gate died");
        assert_eq!(drained, Drained::Clean);
        if let Some(pool) = self.pool {
            pool.stop().await.unwrap();
        }
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

async fn start_pool(clock: &Clock, settings: &str, trigger: Option<(&str, PathBuf)>) -> LocalPool {
    let triggers = trigger.map_or_else(String::new, |(name, script)| {
        format!("[pool.triggers]\n{name} = [\"python3\", {script:?}]")
    });
    let seed = SEED
        .replace("SETTINGS", settings)
        .replace("TRIGGERS", &triggers);
    let clock = clock.clone();
    let settings = cognito_local::Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        seed: Seed::from_toml(&seed, "the test bed").unwrap(),
        now: Arc::new(move || clock.since_epoch()),
        ..cognito_local::Settings::default()
    };
    LocalPool::start(settings).await.unwrap()
}

/// An address where nothing listens.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
