//! The clients people use, against the local pool: boto3, pycognito, Amplify, amazon-cognito-identity-js and
//! aws-jwt-verify. Each test is a test file of `tests/clients`, run by its own runner, which makes the pools it needs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cognito_local::{LocalPool, Settings};
use tokio::process::Command;

#[tokio::test]
async fn boto3_goes_through_every_flow_it_knows() {
    python("test_boto3").await;
}

#[tokio::test]
async fn pycognito_goes_through_every_flow_it_knows() {
    python("test_pycognito").await;
}

#[tokio::test]
async fn amplify_goes_through_every_flow_it_knows() {
    node("amplify.mjs").await;
}

#[tokio::test]
async fn amazon_cognito_identity_js_goes_through_every_flow_it_knows() {
    node("identity.mjs").await;
}

#[tokio::test]
async fn aws_jwt_verify_accepts_the_pools_tokens() {
    node("tokens.mjs").await;
}

#[tokio::test]
async fn people_sign_in_by_the_sample_triggers() {
    node("triggers.mjs").await;
}

#[tokio::test]
async fn the_sample_triggers_put_pictures_to_s3_and_send_codes_by_ses() {
    node("trigger_sdk.mjs").await;
}

/// Runs a file of `node --test` with the packages that `tests/run` installed.
async fn node(file: &str) {
    let read = |file: &str| std::fs::read(folder().join(file)).ok();
    if read("package-lock.json") != read("node_modules/.installed") {
        return crate::bed::skip("the npm clients are not here: run ./tests/run");
    }
    let out = run(
        OsStr::new("node"),
        &["--test", "--test-reporter=spec", file],
    )
    .await;
    assert!(
        out.contains("skipped 0") && !out.contains("pass 0"),
        "{out}"
    );
}

/// Runs a module of unittest with the interpreter that `tests/run` prepared.
async fn python(module: &str) {
    let Some(python) = std::env::var_os("SIDEGATE_TEST_PYTHON") else {
        return crate::bed::skip("boto3 and pycognito are not here: run ./tests/run");
    };
    let out = run(&python, &["-B", "-m", "unittest", "-v", module]).await;
    assert!(
        out.contains("\nOK\n") && !out.contains("skipped") && !out.contains("Ran 0"),
        "{out}"
    );
}

/// What a program printed that has to end well, beside a local pool with the machine's clock: clients have no other.
async fn run(program: &OsStr, arguments: &[&str]) -> String {
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        // Functions in JavaScript that wait for a share of a busy machine.
        trigger_time_limit: Duration::from_secs(60),
        ..Settings::default()
    };
    let pool = LocalPool::start(settings).await.unwrap();
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder())
        .env("SIDEGATE_POOL", pool.url())
        .output()
        .await
        .unwrap();
    pool.stop().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}
