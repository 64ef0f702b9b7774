//! `sidegate check` as an adviser: the binary, before local pools that are wrong in one way each.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use cognito_local::{LocalPool, Seed};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Command;

/// A client that fits `flow`; each test spoils what it is about.
const CLIENT: &str = r#"explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
auth_session_validity = "15m"
"#;

/// Define that issues tokens for SRP_A alone, and Verify that takes anything.
const WRONG_TRIGGER: &str = r#"
import json, sys
event = json.load(sys.stdin)
if event["triggerSource"].startswith("Define"):
    event["response"] = {"issueTokens": True, "failAuthentication": False}
else:
    event["response"] = {"answerCorrect": True}
json.dump(event, sys.stdout)
"#;

struct Checked {
    code: i32,
    json: Value,
    text: String,
}

impl Checked {
    /// What is said of a check, with its severity.
    fn says(&self, severity: &str, check: &str) -> bool {
        let findings = self.json["findings"].as_array().unwrap();
        findings
            .iter()
            .any(|finding| finding["severity"] == severity && finding["check"] == check)
    }
}

/// A pool with these settings and this client, and what `check` says of it under a flow.
async fn check(
    pool_settings: &str,
    client: &str,
    flow: &str,
    signed: bool,
    more: &[&str],
) -> Checked {
    let settings = format!("flow = \"{flow}\"\n");
    check_settings(pool_settings, client, &settings, signed, more).await
}

/// The same with lines of `[cognito]`, and of tables after it.
async fn check_settings(
    pool_settings: &str,
    client: &str,
    settings: &str,
    signed: bool,
    more: &[&str],
) -> Checked {
    let seed = format!(
        "[[pool]]\nname = \"test\"\nusername_attributes = [\"email\"]\n{pool_settings}\n[[pool.client]]\nname = \"web\"\n{client}"
    );
    let pool = LocalPool::start(cognito_local::Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        seed: Seed::from_toml(&seed, "the test").unwrap(),
        ..cognito_local::Settings::default()
    })
    .await
    .unwrap();
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let summary = pool.pools().remove(0);
    // A pool makes its keys when they are first asked for, which can take longer than `check` waits.
    let keys = http::Request::get(format!("/{}/.well-known/jwks.json", summary.id))
        .header("host", "127.0.0.1")
        .body(String::new().into())
        .unwrap();
    crate::browser::exchange(pool.address(), keys)
        .await
        .expect(200);
    let text = format!(
        "public_origin = \"http://localhost:4280\"\n[upstream]\nurl = \"http://{}\"\n[cognito]\nuser_pool_id = \"{}\"\n\
         client_id = \"{}\"\ncall_timeout = \"30s\"\nendpoint = \"{}\"\nissuer = \"{}\"\n{settings}",
        upstream.local_addr().unwrap(),
        summary.id,
        summary.clients[0].id,
        pool.url(),
        summary.issuer,
    );
    let file = scratch("toml");
    std::fs::write(&file, text).unwrap();
    let run = async |json: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate"));
        command
            .args(["check", "--config", file.to_str().unwrap()])
            .args(more)
            .args(json.then_some("--json"))
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .stdin(Stdio::null());
        if signed {
            command
                .env("AWS_ACCESS_KEY_ID", "any")
                .env("AWS_SECRET_ACCESS_KEY", "planted-secret-key");
        }
        command.output().await.unwrap()
    };
    let (told, shown) = (run(true).await, run(false).await);
    pool.stop().await.unwrap();
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(!text.contains("planted"), "{text}");
    let json = String::from_utf8_lossy(&told.stdout);
    assert_eq!(told.status.code(), shown.status.code(), "{text}\n{json}");
    Checked {
        code: told.status.code().unwrap(),
        json: serde_json::from_slice(&told.stdout).unwrap(),
        text,
    }
}

fn scratch(extension: &str) -> PathBuf {
    let name = format!("check-{}.{extension}", uuid::Uuid::new_v4());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[tokio::test]
async fn a_pool_that_fits_is_well_and_what_was_not_looked_at_is_said() {
    let bare = check("", CLIENT, "USER_SRP_AUTH", false, &[]).await;
    assert_eq!(bare.code, 0, "{}", bare.text);
    assert!(bare.says("note", "pool-settings"), "{}", bare.text);
    for check in [
        "keys",
        "clock",
        "app-client-flow",
        "user-existence",
        "renewal",
        "upstream",
    ] {
        assert!(bare.says("ok", check), "{check}: {}", bare.text);
    }
    let signed = check("", CLIENT, "USER_SRP_AUTH", true, &[]).await;
    assert_eq!(signed.code, 0, "{}", signed.text);
    assert!(!signed.says("note", "pool-settings"), "{}", signed.text);
}

#[tokio::test]
async fn each_mismatch_of_the_client_is_found_with_the_command_that_mends_it() {
    let flow = check(
        "",
        "explicit_auth_flows = [\"ALLOW_CUSTOM_AUTH\"]",
        "USER_SRP_AUTH",
        false,
        &[],
    )
    .await;
    assert_eq!(flow.code, 1, "{}", flow.text);
    assert!(flow.says("error", "app-client-flow"), "{}", flow.text);
    assert!(
        flow.text
            .contains(".ExplicitAuthFlows += [\"ALLOW_USER_SRP_AUTH\"]")
            && flow.text.contains("--endpoint-url http://127.0.0.1:"),
        "{}",
        flow.text
    );
    let secret = format!("{CLIENT}generate_secret = true");
    let secret = check("", &secret, "USER_SRP_AUTH", false, &[]).await;
    assert!(secret.says("error", "app-client-secret"), "{}", secret.text);
    let legacy = format!("{CLIENT}prevent_user_existence_errors = \"LEGACY\"");
    for signed in [false, true] {
        let legacy = check("", &legacy, "USER_SRP_AUTH", signed, &[]).await;
        assert!(legacy.says("warning", "user-existence"), "{}", legacy.text);
        let told = legacy.text.matches("user-existence").count();
        assert_eq!((told, legacy.code), (1, 0), "{}", legacy.text);
    }
}

#[tokio::test]
async fn the_pools_own_settings_are_judged_with_credentials() {
    let client = format!(
        "{}refresh_token_validity = \"1h\"\nenable_token_revocation = false\nrefresh_token_rotation_grace = \"0s\"\n",
        CLIENT.replace("15m", "3m")
    );
    let pool = "[pool.triggers]\nuser_migration = [\"false\"]\n";
    let told = check(pool, &client, "USER_SRP_AUTH", true, &[]).await;
    for (severity, check) in [
        ("warning", "user-migration"),
        ("warning", "token-lifetimes"),
        ("note", "auth-session"),
        ("warning", "renewal"),
        ("warning", "revocation"),
    ] {
        assert!(told.says(severity, check), "{check}: {}", told.text);
    }
}

/// Everything but the password: choice, devices, passkeys, accounts.
const CHOICE: &str = r#"explicit_auth_flows = ["ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
auth_session_validity = "15m"
read_attributes = ["email", "email_verified", "preferred_username"]
write_attributes = ["email"]
"#;
const ALL_ON: &str = r#"flow = "USER_AUTH"
preferred_challenge = "EMAIL_OTP"
[device]
remember = "ask"
[account]
sign_up = true
[passkey]
manage = true
"#;

#[tokio::test]
async fn a_pool_that_fits_everything_that_is_on_leaves_nothing_to_say() {
    let pool = r#"
first_factors = ["PASSWORD", "EMAIL_OTP", "WEB_AUTHN"]
account_recovery = ["verified_email"]
auto_verified_attributes = ["email"]
devices = { challenge_required_on_new_device = true }
web_authn = { relying_party_id = "localhost" }
"#;
    let told = check_settings(pool, CHOICE, ALL_ON, true, &[]).await;
    assert_eq!(told.code, 0, "{}", told.text);
    assert!(told.says("ok", "pool-settings"), "{}", told.text);
    for finding in told.json["findings"].as_array().unwrap() {
        assert_eq!(finding["severity"], "ok", "{}", told.text);
    }
}

#[tokio::test]
async fn a_pool_that_has_not_what_is_on_is_told_in_every_way() {
    let pool = r#"
allow_sign_up = false
first_factors = ["PASSWORD", "WEB_AUTHN"]
account_recovery = ["admin_only"]
web_authn = { relying_party_id = "example.com" }
"#;
    let client = CHOICE.replace(
        "write_attributes = [\"email\"]",
        "write_attributes = [\"name\"]",
    );
    let told = check_settings(pool, &client, ALL_ON, true, &[]).await;
    assert_eq!(told.code, 1, "{}", told.text);
    for (severity, check) in [
        ("warning", "devices"),
        ("warning", "preferred-challenge"),
        ("warning", "sign-up"),
        ("warning", "account-recovery"),
        ("warning", "write-attributes"),
        ("error", "passkeys"),
    ] {
        assert!(told.says(severity, check), "{check}: {}", told.text);
    }
    assert!(
        told.text.contains("1 error, 5 warnings"),
        "nothing else is wrong: {}",
        told.text
    );
}

#[tokio::test]
async fn the_custom_flows_need_their_triggers() {
    let told = check("", CLIENT, "CUSTOM_WITHOUT_SRP", false, &[]).await;
    assert!(told.says("error", "custom-triggers"), "{}", told.text);
    assert_eq!(told.code, 1);
}

#[tokio::test]
async fn triggers_named_by_hand_are_played_to() {
    let script = scratch("py");
    std::fs::write(&script, WRONG_TRIGGER).unwrap();
    let command = format!("python3 {}", script.display());
    let define = format!("define={command}");
    let verify = format!("verify={command}");
    let arguments = ["--offline", "--trigger", &define, "--trigger", &verify];
    let told = check("", CLIENT, "USER_SRP_AUTH", false, &arguments).await;
    assert_eq!(told.code, 1, "{}", told.text);
    assert!(
        told.text.contains(
            "error: define-auth-challenge: it issues tokens when its session holds only SRP_A"
        ) && told.says("error", "verify-auth-challenge-response"),
        "{}",
        told.text
    );
    assert!(
        !told.says("ok", "keys"),
        "--offline asks no pool: {}",
        told.text
    );
}
