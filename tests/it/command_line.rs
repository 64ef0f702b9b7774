//! The binary as a person starts it.

use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::bed::TestBed;
use crate::browser::Browser;

const SIDEGATE: &str = env!("CARGO_BIN_EXE_sidegate");

/// A running `sidegate dev` on free ports.
pub(crate) struct Dev {
    /// The gate's address as a person opens it.
    pub(crate) url: String,
    /// The users that were printed, with their passwords.
    pub(crate) users: Vec<(String, String)>,
    child: Child,
    /// Empties the pipe, as a terminal does; ends with the log.
    rest: JoinHandle<Vec<String>>,
}

impl Dev {
    pub(crate) async fn start(more: &[&str]) -> Self {
        let mut child = Command::new(SIDEGATE)
            .args([
                "dev",
                "--listen",
                "127.0.0.1:0",
                "--pool-listen",
                "127.0.0.1:0",
            ])
            .args(["--sample-listen", "127.0.0.1:0"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut url, mut users) = (String::new(), Vec::new());
        loop {
            let line = lines
                .next_line()
                .await
                .unwrap()
                .expect("sidegate dev ended early");
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [.., "ready:", address] => address.trim_end_matches('/').clone_into(&mut url),
                [user, password, ..] if user.contains('@') => {
                    users.push(((*user).to_owned(), (*password).to_owned()));
                }
                ["Ctrl-C", ..] => break,
                _ => {}
            }
        }
        #[expect(clippy::disallowed_methods, reason = "`stop` waits for it")]
        let rest = tokio::spawn(async move {
            let mut log = Vec::new();
            while let Ok(Some(line)) = lines.next_line().await {
                log.push(line);
            }
            log
        });
        Self {
            url,
            users,
            child,
            rest,
        }
    }

    /// The password of a user that was printed.
    pub(crate) fn password(&self, user: &str) -> &str {
        let found = self.users.iter().find(|(name, _)| name == user);
        &found.unwrap_or_else(|| panic!("{user} was not printed")).1
    }

    /// SIGTERM; the log lines.
    pub(crate) async fn stop(mut self) -> Vec<String> {
        let id = self.child.id().expect("it has ended already").to_string();
        let killed = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .unwrap();
        assert!(killed.success());
        let status = self.child.wait().await.unwrap();
        assert_eq!(status.code(), Some(0), "SIGTERM ends it with 0");
        self.rest.await.unwrap()
    }
}

/// What `--flow` shows: its first form, and with second factors the form after the password.
#[tokio::test]
async fn dev_starts_with_what_shows_each_flow() {
    for (name, asks_password) in [
        ("srp", true),
        ("mfa", true),
        ("password", true),
        ("custom", false),
        ("custom-srp", true),
        ("choice", false),
        ("CUSTOM_WITHOUT_SRP", false),
    ] {
        let dev = Dev::start(&["--flow", name]).await;
        let port = dev.url.rsplit(':').next().unwrap();
        let gate = format!("127.0.0.1:{port}").parse().unwrap();
        let mut browser = Browser::at(gate, &dev.url);
        let form = browser.open("/").await.form();
        assert_eq!(
            form.fields.contains_key("password"),
            asks_password,
            "{name}"
        );
        if name == "mfa" {
            let user = "ada@example.com";
            let asked = browser.sign_in("/", user, dev.password(user)).await;
            assert!(asked.expect(200).form().fields.contains_key("code"));
        }
        dev.stop().await;
    }
}

#[tokio::test]
async fn dev_prints_users_who_can_sign_in_and_logs_one_line_a_request() {
    let dev = Dev::start(&[]).await;
    let port = dev.url.rsplit(':').next().unwrap();
    let gate = format!("127.0.0.1:{port}").parse().unwrap();
    let mut browser = Browser::at(gate, &dev.url);
    let user = "ada@example.com";
    let answer = browser
        .sign_in("/deep?secret=1", user, dev.password(user))
        .await
        .expect(303);
    assert_eq!(
        answer.header("location"),
        format!("{}/deep?secret=1", dev.url)
    );
    let page = browser.get("/deep?secret=1").await.expect(200);
    assert!(
        page.body.contains(user),
        "the sample app shows who is signed in"
    );

    let log = dev.stop().await;
    let requests: Vec<serde_json::Value> = log
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .filter(|line: &serde_json::Value| line["target"] == "sidegate::request")
        .collect();
    assert_eq!(
        requests.len(),
        4,
        "302, sign-in page, form, application: {log:#?}"
    );
    let last = &requests[3];
    assert_eq!(
        (&last["decision"], &last["path"]),
        (&"pass".into(), &"/deep".into())
    );
    assert!(last["sub"].is_string() && last["request_id"].is_string() && last["status"] == 200);
    let text = log.join("\n");
    for secret in [
        "secret=1",
        user,
        "password",
        &*browser.jar.values().next().unwrap().clone(),
    ] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}

/// R-88: the line says that the gate let it pass, and why nothing came of it.
#[tokio::test]
async fn the_log_names_the_failure_of_the_upstream() {
    // Port 9 (discard): nothing listens there.
    let dev = Dev::start(&["--upstream", "http://127.0.0.1:9"]).await;
    let port = dev.url.rsplit(':').next().unwrap();
    let gate = format!("127.0.0.1:{port}").parse().unwrap();
    let mut browser = Browser::at(gate, &dev.url);
    let user = "ada@example.com";
    browser
        .sign_in("/", user, dev.password(user))
        .await
        .expect(303);
    browser.get("/").await.expect(502);
    let log = dev.stop().await.join("\n");
    let last = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .rfind(|line| line["target"] == "sidegate::request")
        .unwrap();
    assert_eq!(
        (&last["decision"], &last["reason"], &last["status"]),
        (&"pass".into(), &"upstream_unreachable".into(), &502.into())
    );
    assert!(last["sub"].is_string());
}

#[tokio::test]
async fn a_wrong_configuration_lists_every_problem_and_exits_78() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrong.toml");
    let text = "public_origin = \"app.example.com\"\n\n[session]\nidle_timeout = \"30\"\nidel = 1\n\n[cognito]\nuser_pool_id = \"x\"\n";
    std::fs::write(&file, text).unwrap();
    for command in ["check", "run"] {
        let output = sidegate(&[command, "--config", file.to_str().unwrap()]).await;
        assert_eq!(output.status.code(), Some(78));
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        for part in [
            "public_origin",
            "session.idle_timeout",
            "wrong.toml:4",
            "session.idel",
            "wrong.toml:5",
            "cognito.user_pool_id",
            "wrong.toml:8",
            "cognito.client_id",
            "upstream.url",
            "30s, 30m or 30h",
        ] {
            assert!(
                said.contains(part),
                "{command} does not say {part}:\n{said}"
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_pool_file_is_a_wrong_configuration() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrong-pool.toml");
    std::fs::write(&file, "[[pool]]\nname = \"x\"\ncase_sensitiv = true\n").unwrap();
    for command in ["dev", "pool"] {
        let output = sidegate(&[command, "--pool-file", file.to_str().unwrap()]).await;
        assert_eq!(output.status.code(), Some(78));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("wrong-pool.toml:3") && said.contains("case_sensitive"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn every_sample_configuration_passes_check() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("pool.toml") || path.ends_with("pools") {
            continue;
        }
        let output = sidegate(&["check", "--offline", "--config", path.to_str().unwrap()]).await;
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{}: {said}", path.display());
        checked += 1;
    }
    assert!(checked >= 3, "{checked}");
}

/// `check` against a pool that answers, and after it is gone.
#[tokio::test]
async fn check_asks_the_pool_and_the_upstream() {
    let mut bed = TestBed::default().start().await;
    let file = bed.folder().join("sidegate.toml");
    std::fs::write(&file, &bed.text).unwrap();
    let arguments = ["check", "--config", file.to_str().unwrap()];
    let output = sidegate(&arguments).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    bed.kill_pool().await;
    let output = sidegate(&arguments).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("127.0.0.1"),
        "it names what it could not reach: {said}"
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_wrong_command_line_exits_64_and_help_0() {
    assert_eq!(sidegate(&["--nonsense"]).await.status.code(), Some(64));
    assert_eq!(
        sidegate(&["dev", "--listen", "0.0.0.0:4280"])
            .await
            .status
            .code(),
        Some(64)
    );
    assert_eq!(
        sidegate(&["pool", "--listen", "0.0.0.0:4282"])
            .await
            .status
            .code(),
        Some(64)
    );
    let help = sidegate(&["--help"]).await;
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Examples:"));
}

#[tokio::test]
async fn what_dev_and_pool_cannot_use_is_said_with_what_to_write() {
    for (arguments, code, says) in [
        (
            &["dev", "--upstream", "127.0.0.1:3000"],
            64,
            "write http://127.0.0.1:3000",
        ),
        (
            &["dev", "--upstream", "localhost:3000"],
            64,
            "write http://127.0.0.1:3000",
        ),
        (&["pool", "--issuer", "foo"], 64, "not an http or https URL"),
        (
            &["pool", "--fault", "InitiateAuth"],
            64,
            "such as InitiateAuth:TooManyRequestsException:0.5:200ms",
        ),
        (
            &["dev", "--fault", "InitiateAuth::2:1s"],
            64,
            "write a number from 0 to 1",
        ),
        (
            &["dev", "--templates", "/nowhere"],
            1,
            "--templates /nowhere: there is no such folder",
        ),
    ] {
        let output = sidegate(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_said_with_whose_it_is_and_the_flag() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    for (flag, owner) in [
        ("--pool-listen", "the local pool cannot listen on"),
        ("--sample-listen", "the sample app cannot listen on"),
        ("--listen", "cannot listen on"),
    ] {
        let mut arguments = vec!["dev"];
        for name in ["--listen", "--pool-listen", "--sample-listen"] {
            let address = if name == flag { &*taken } else { "127.0.0.1:0" };
            arguments.extend([name, address]);
        }
        let output = sidegate(&arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{flag}: {said}");
        assert!(said.contains(&format!("{owner} {taken}")), "{flag}: {said}");
        assert!(said.contains(flag), "{flag}: {said}");
    }
}

#[tokio::test]
async fn an_ordered_fault_is_what_a_person_meets() {
    let fault = "InitiateAuth:TooManyRequestsException:1:0ms";
    let dev = Dev::start(&["--fault", fault]).await;
    let port = dev.url.rsplit(':').next().unwrap();
    let gate = format!("127.0.0.1:{port}").parse().unwrap();
    let mut browser = Browser::at(gate, &dev.url);
    let user = "ada@example.com";
    let answer = browser.sign_in("/", user, dev.password(user)).await;
    answer.expect(503);
    dev.stop().await;
}

/// The JSON form of the log would tell an error's outermost level only.
#[tokio::test]
async fn the_log_names_the_cause_of_a_dead_upstream_and_no_empty_reason() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", dead.local_addr().unwrap());
    drop(dead);
    let dev = Dev::start(&["--upstream", &upstream]).await;
    let port = dev.url.rsplit(':').next().unwrap();
    let gate = format!("127.0.0.1:{port}").parse().unwrap();
    let mut browser = Browser::at(gate, &dev.url);
    let user = "ada@example.com";
    browser
        .sign_in("/", user, dev.password(user))
        .await
        .expect(303);
    browser.get("/").await.expect(502);
    let log = dev.stop().await.join("\n");
    assert!(log.contains("Connection refused"), "{log}");
    assert!(!log.contains(r#""reason":"""#), "{log}");
}

async fn sidegate(arguments: &[&str]) -> Output {
    Command::new(SIDEGATE)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap()
}
