//! Real Chromium against the real binary, which the tests in `tests/browser` start as a person would.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

#[tokio::test]
async fn people_meet_every_page_and_flow_in_chromium() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    if !folder.join("node_modules").is_dir() || !Path::new(&chromium).exists() {
        return crate::bed::skip("chromium or playwright-core is not here: run ./tests/run");
    }
    let output = Command::new("node")
        .args(["--test", "--test-reporter=spec", "run.mjs"])
        .current_dir(&folder)
        .env("SIDEGATE_BIN", env!("CARGO_BIN_EXE_sidegate"))
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{err}");
    assert!(
        out.contains("skipped 0") && !out.contains("pass 0"),
        "{out}"
    );
}
