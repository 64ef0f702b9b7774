//! The sample triggers of `deploy/aws/triggers`, as Node runs them.
//!
//! Their own tests call each function alone, with Cognito's events.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

#[tokio::test]
async fn the_sample_triggers_pass_their_own_tests() {
    let run = Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .current_dir(folder())
        .env_remove("NODE_TEST_CONTEXT")
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

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/aws/triggers")
}
