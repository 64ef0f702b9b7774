//! Every target runs over its seeds, and over the hostile corpora that the unit tests use.

#![expect(clippy::unwrap_used, reason = "tests may stop")]

use std::path::Path;
use std::process::Command;

#[test]
fn return_to_holds_over_its_seeds() {
    replay(
        env!("CARGO_BIN_EXE_return_to"),
        "return_to",
        &["return_to.hostile", "return_to.good"],
    );
}

#[test]
fn attempt_holds_over_its_seeds() {
    replay(env!("CARGO_BIN_EXE_attempt"), "attempt", &[]);
}

#[test]
fn on_reply_holds_over_its_seeds() {
    replay(env!("CARGO_BIN_EXE_on_reply"), "on_reply", &[]);
}

#[test]
fn path_holds_over_its_seeds() {
    replay(
        env!("CARGO_BIN_EXE_path"),
        "path",
        &["paths.hostile", "paths.canonical"],
    );
}

/// libFuzzer runs each file once and stops; a broken promise aborts it.
fn replay(target: &str, name: &str, corpora: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let mut inputs = 0;
    for entry in std::fs::read_dir(root.join("seeds").join(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        inputs += 1;
    }
    for corpus in corpora {
        let text = std::fs::read_to_string(root.join("../tests/data").join(corpus)).unwrap();
        for line in text.lines().skip(1) {
            std::fs::write(
                folder.join(format!("{corpus}-{inputs}")),
                sidegate_fuzz::unescape(line),
            )
            .unwrap();
            inputs += 1;
        }
    }
    assert!(inputs > 4, "{name} has hardly any seeds");
    let output = Command::new(target)
        .arg("-runs=0")
        .arg(&folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("DONE"), "{text}");
}
