//! The clients people use sign in to the local pool: boto3, pycognito and Amplify.

use std::path::Path;

use crate::bed::{NEW_USER, PASSWORD, TEMPORARY, TestBed, USER};

#[tokio::test]
async fn boto3_and_pycognito_sign_in_to_the_local_pool() {
    let Some(python) = python() else {
        return;
    };
    // The clients go by the machine's clock; the pool's must agree.
    let bed = TestBed::default().system_clock().start().await;
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

#[tokio::test]
async fn amplify_signs_in_refreshes_and_signs_out_at_the_local_pool() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    if !folder.join("node_modules").is_dir() {
        return crate::bed::skip("aws-amplify is not here: run ./tests/run");
    }
    let bed = TestBed::default().system_clock().start().await;
    let output = tokio::process::Command::new("node")
        .arg(folder.join("amplify.mjs"))
        .args([&bed.pool_url(), &bed.pool_id, &bed.client_id])
        .args([USER, PASSWORD, NEW_USER, TEMPORARY])
        .output()
        .await
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(
        out.lines().filter(|line| line.starts_with("ok ")).count(),
        4,
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
