//! Real Chromium against the real binary: `sidegate dev` as a person starts it.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::command_line::Dev;

#[tokio::test]
async fn people_sign_in_with_chromium_with_and_without_scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    if !folder.join("node_modules").is_dir() || !Path::new(&chromium).exists() {
        return crate::bed::skip("chromium or playwright-core is not here: run ./tests/run");
    }
    let dev = Dev::start(&[]).await;
    let templates = folder.join("templates");
    let branded = Dev::start(&["--templates", templates.to_str().unwrap()]).await;
    let output = Command::new("node")
        .args(["--test", "--test-reporter=spec", "run.mjs"])
        .current_dir(&folder)
        .env("SIDEGATE_URL", &dev.url)
        .env("SIDEGATE_BRANDED_URL", &branded.url)
        .env("SIDEGATE_USER", "ada@example.com")
        .env("SIDEGATE_PASSWORD", dev.password("ada@example.com"))
        .env("SIDEGATE_NEW_USER", "new@example.com")
        .env("SIDEGATE_NEW_PASSWORD", dev.password("new@example.com"))
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
    dev.stop().await;
    branded.stop().await;
}
