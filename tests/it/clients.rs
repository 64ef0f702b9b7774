//! The clients people use sign in to the local pool: boto3 and pycognito.

use std::path::Path;

use crate::bed::{PASSWORD, TestBed, USER};

#[tokio::test]
async fn boto3_and_pycognito_sign_in_to_the_local_pool() {
    let Some(python) = python() else { return };
    let bed = TestBed::default().start().await;
    let (secret_client, secret) = bed.client_with_secret();
    let output = tokio::process::Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/sign_in.py"))
        .args([
            &bed.pool_url(),
            &bed.pool_id,
            &bed.client_id,
            &secret_client,
            &secret,
        ])
        .args([USER, PASSWORD])
        .output()
        .await
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(
        out.lines().filter(|line| line.starts_with("ok ")).count(),
        7,
        "{out}\n{err}"
    );
    bed.stop().await;
}

/// The interpreter that `tests/run` prepared. Without it the test is skipped, but never in CI.
fn python() -> Option<std::ffi::OsString> {
    let python = std::env::var_os("SIDEGATE_TEST_PYTHON");
    if python.is_none() {
        crate::bed::skip("boto3 and pycognito are not here: run ./tests/run");
    }
    python
}
