//! Real Chromium against the real binary: `sidegate dev` as a person starts it.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::command_line::Dev;

#[tokio::test]
async fn people_sign_in_with_chromium_with_and_without_scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if !folder.join("node_modules").is_dir() || !Path::new("/usr/bin/chromium").exists() {
        return crate::bed::skip("chromium or playwright-core is not here: run ./tests/run");
    }
    let dev = Dev::start(&[]).await;
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", "--test-concurrency=1", "run.mjs"])
        .current_dir(&folder)
        .env("SIDEGATE_URL", &dev.url)
        .stdin(Stdio::null());
    for (name, value) in dev.variables() {
        node.env(name, value);
    }
    let output = node.output().await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    dev.stop().await;
}
