//! The description of the API is true: schemathesis makes requests of it, good and bad, and holds the answers against it.

use std::process::Output;

use http::Method;
use serde_json::json;
use tokio::process::Command;

use crate::bed::{Bed, ORIGIN, PASSWORD, TestBed, USER, skip};

const POOL: &str = r#"
auto_verified_attributes = ["email"]
first_factors = ["PASSWORD", "WEB_AUTHN"]
[pool.web_authn]
relying_party_id = "localhost"
"#;

const ON: &str = r#"
[account]
sign_up = true
sign_up_attributes = ["given_name"]
[passkey]
manage = true
"#;

/// What an answer may not be: undescribed in its status, its type or its body, or taken for a bad request.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,negative_data_rejection";

#[tokio::test]
async fn strangers_get_only_answers_that_are_described() {
    let bed = TestBed::default().pool(POOL).config(ON).start().await;
    schemathesis(&bed, &[]).await;
    bed.stop().await;
}

#[tokio::test]
async fn whoever_is_signed_in_gets_only_answers_that_are_described() {
    let bed = TestBed::default().pool(POOL).config(ON).start().await;
    let mut browser = bed.browser();
    let credentials = json!({"username": USER, "password": PASSWORD});
    let path = "/.sidegate/api/sign-in";
    let done = browser.fetch(Method::POST, path, Some(credentials)).await;
    done.expect(200);
    let pairs = browser
        .jar
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let cookie = format!("Cookie: {}", pairs.collect::<Vec<_>>().join("; "));
    // The others end the session, or begin another.
    let mine = "/(session|passkeys.*|send-user.*|confirm-user.*)$";
    schemathesis(&bed, &["--header", &cookie, "--include-path-regex", mine]).await;
    bed.stop().await;
}

async fn schemathesis(bed: &Bed, arguments: &[&str]) {
    let Some(python) = std::env::var_os("SIDEGATE_TEST_PYTHON") else {
        return skip("schemathesis is not here: run ./tests/run");
    };
    // 413 refuses a bad request as well as any, and the cookie's name is the deployment's own.
    let config = "[checks.negative_data_rejection]\nexpected-statuses = [\"400\", \"401\", \"403\", \"404\", \"405\", \"413\", \"422\", \"429\"]\n";
    std::fs::write(bed.folder().join("schemathesis.toml"), config).unwrap();
    let gate = format!("http://{}/.sidegate", bed.gate);
    let host = format!("Host: {}", ORIGIN.trim_start_matches("http://"));
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(python)
        .args(["-m", "schemathesis.cli", "run"])
        .arg(format!("{gate}/api/openapi.json"))
        .args(["--url", &gate, "--header", &host])
        .args(["--header", "Sec-Fetch-Site: same-origin"])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args([
            "--max-examples",
            "15",
            "--seed",
            "1",
            "--generation-with-security-parameters",
            "false",
            "--generation-database",
            "none",
        ])
        .args(arguments)
        .current_dir(bed.folder())
        .output()
        .await
        .unwrap();
    let said = [stdout, stderr].concat();
    assert!(status.success(), "{}", String::from_utf8_lossy(&said));
}
