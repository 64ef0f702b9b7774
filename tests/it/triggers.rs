//! The sample triggers of `deploy/aws/triggers`, as Node runs them.
//!
//! Their own tests call each function alone, with Cognito's events; `clients.rs` calls them by URL. Here the local pool
//! runs them as commands.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cognito_local::{LocalPool, Seed, Settings};
use serde_json::{Value, json};
use tokio::process::Command;

#[tokio::test]
async fn the_sample_triggers_pass_their_own_tests() {
    let run = Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .current_dir(folder())
        .stdin(Stdio::null())
        .output()
        .await;
    let Ok(output) = run else {
        return crate::bed::skip("node is not here: run ./tests/run");
    };
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{err}");
    assert!(
        out.contains("skipped 0") && !out.contains("pass 0"),
        "{out}"
    );
}

#[tokio::test]
async fn somebody_who_cannot_read_the_picture_signs_in_by_triggers_that_are_commands() {
    if Command::new("node")
        .arg("--version")
        .output()
        .await
        .is_err()
    {
        return crate::bed::skip("node is not here: run ./tests/run");
    }
    let mail = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
    let pool = start(&mail).await;
    let client = pool.pools().remove(0).clients.remove(0).id;
    let start = json!({ "AuthFlow": "CUSTOM_AUTH", "ClientId": client, "AuthParameters": { "USERNAME": "ada@example.com" } });
    let first = call(&pool, "InitiateAuth", start).await;
    let parameters = &first["ChallengeParameters"];
    assert_eq!(parameters["alternative"], "email", "{first}");
    let second = call(
        &pool,
        "RespondToAuthChallenge",
        answer(&client, &first, "email"),
    )
    .await;
    assert_eq!(second["ChallengeName"], "CUSTOM_CHALLENGE", "{second}");

    let message: Value = serde_json::from_slice(&std::fs::read(&mail).unwrap()).unwrap();
    assert_eq!(message["to"], "ada@example.com");
    let code: String = message["text"]
        .as_str()
        .unwrap()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let third = call(
        &pool,
        "RespondToAuthChallenge",
        answer(&client, &second, &code),
    )
    .await;
    assert!(
        third["AuthenticationResult"]["IdToken"].is_string(),
        "{third}"
    );
    pool.stop().await.unwrap();
    std::fs::remove_file(mail).unwrap();
}

/// A pool with the CAPTCHA's triggers as commands. Node may need long to start on a busy machine.
async fn start(mail: &Path) -> LocalPool {
    let command = |function: &str| {
        let program = folder().join("local.mjs");
        json!([
            "env",
            format!("MAIL_FILE={}", mail.display()),
            "node",
            program,
            function
        ])
    };
    let (define, create) = (command("captcha/define"), command("captcha/create"));
    let verify = command("captcha/verify");
    let seed = format!(
        r#"
[[pool]]
name = "captcha"
username_attributes = ["email"]
[pool.triggers]
define_auth_challenge = {define}
create_auth_challenge = {create}
verify_auth_challenge_response = {verify}
[[pool.client]]
name = "web"
explicit_auth_flows = ["ALLOW_CUSTOM_AUTH"]
[[pool.user]]
username = "ada@example.com"
attributes = {{ email_verified = "true" }}
"#
    );
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        seed: Seed::from_toml(&seed, "the test").unwrap(),
        trigger_time_limit: Duration::from_secs(60),
        ..Settings::default()
    };
    LocalPool::start(settings).await.unwrap()
}

fn answer(client: &str, challenge: &Value, answer: &str) -> Value {
    json!({
        "ChallengeName": "CUSTOM_CHALLENGE",
        "ClientId": client,
        "Session": challenge["Session"],
        "ChallengeResponses": { "USERNAME": "ada@example.com", "ANSWER": answer },
    })
}

async fn call(pool: &LocalPool, operation: &str, input: Value) -> Value {
    let request = http::Request::post("/")
        .header("host", "127.0.0.1")
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "x-amz-target",
            format!("AWSCognitoIdentityProviderService.{operation}"),
        )
        .body(input.to_string().into())
        .unwrap();
    let answer = crate::browser::exchange(pool.address(), request).await;
    serde_json::from_str(&answer.expect(200).body).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/aws/triggers")
}
