//! The import arrows of docs/ARCHITECTURE.md §Arrows hold: no part reaches around another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which top-level module may name which others.
const ARROWS: &[(&str, &[&str])] = &[
    ("lib", &[]),
    ("main", &["cli"]),
    (
        "cli",
        &["config", "run", "dev", "telemetry", "cognito", "session"],
    ),
    (
        "config",
        &[
            "server",
            "gate",
            "sign_in",
            "session",
            "cognito",
            "forward",
            "telemetry",
        ],
    ),
    (
        "run",
        &[
            "config", "server", "app", "gate", "sign_in", "session", "cognito", "forward",
        ],
    ),
    ("dev", &["config", "run"]),
    ("app", &["gate", "sign_in", "forward"]),
    ("sign_in", &["session", "cognito"]),
    ("gate", &["session"]),
    ("session", &["cognito"]),
    ("cognito", &[]),
    ("forward", &[]),
    ("server", &[]),
    ("telemetry", &[]),
    ("identity", &[]),
    ("alarm", &[]),
    ("body", &[]),
    ("causes", &[]),
    ("clock", &[]),
    ("keys", &[]),
    ("origin", &[]),
    ("peer", &[]),
    ("refusal", &[]),
    ("request_id", &[]),
];

/// Small shared types that anything may use.
const LEAVES: &[&str] = &[
    "alarm",
    "identity",
    "body",
    "causes",
    "clock",
    "keys",
    "origin",
    "peer",
    "refusal",
    "request_id",
];

/// Files that may name a foreign crate; nothing else may.
const FOREIGN: &[(&str, &[&str])] = &[
    ("aws_sdk_cognitoidentityprovider", &["cognito/api/"]),
    (
        "hyper",
        &[
            "server/",
            "forward/",
            "cognito/transport.rs",
            "body.rs",
            "dev/",
        ],
    ),
    (
        "hyper_util",
        &["server/", "forward/", "cognito/transport.rs", "dev/"],
    ),
    ("cognito_local", &["dev/"]),
];

#[test]
fn every_import_follows_an_arrow() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = BTreeSet::new();
    for file in sources() {
        let (name, text) = read(&file);
        let part = part_of(&name);
        let Some(arrows) = allowed.get(part.as_str()) else {
            wrong.insert(format!(
                "src/{name}: the part `{part}` has no row in ARROWS"
            ));
            continue;
        };
        for target in crate_paths(&text) {
            let fine = target == part
                || LEAVES.contains(&target.as_str())
                || arrows.contains(&target.as_str());
            if !fine {
                wrong.insert(format!("src/{name}: {part} → {target}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that docs/ARCHITECTURE.md does not draw:\n{wrong:#?}"
    );
}

#[test]
fn foreign_types_stop_at_their_file() {
    let mut wrong = Vec::new();
    for file in sources() {
        let (name, text) = read(&file);
        if name.contains("/tests/") {
            continue;
        }
        for (krate, homes) in FOREIGN {
            let named = text
                .lines()
                .any(|line| !line.trim_start().starts_with("//") && names_crate(line, krate));
            if named && !homes.iter().any(|home| name.starts_with(home)) {
                wrong.push(format!("src/{name} names {krate}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_walker_sees_paths_in_groups_and_in_code() {
    let text = "use crate::gate::{Decision};\nuse crate::{body::Body, clock};\nlet x = crate::keys::Keys::generate();";
    let seen: BTreeSet<String> = crate_paths(text).collect();
    let want = ["gate", "body", "clock", "keys"].map(str::to_owned).into();
    assert_eq!(seen, want);
    assert!(names_crate("use hyper::body::Incoming;", "hyper"));
    assert!(!names_crate("use hyper_util::rt::TokioIo;", "hyper"));
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 20, "the walker has lost its way");
    found
}

fn read(file: &Path) -> (String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let name = file
        .strip_prefix(root)
        .unwrap()
        .to_string_lossy()
        .into_owned();
    (name, std::fs::read_to_string(file).unwrap())
}

fn part_of(name: &str) -> String {
    let first = name.split('/').next().unwrap_or(name);
    first.trim_end_matches(".rs").to_owned()
}

/// The first segment after every `crate::`, one level of `{…}` included.
fn crate_paths(text: &str) -> impl Iterator<Item = String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let end = group.find("};").unwrap_or(group.len());
            let mut depth = 0;
            let mut segment = String::new();
            for character in group[..end].chars().chain([',']) {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        let name: String = segment
                            .trim()
                            .chars()
                            .take_while(|c| c.is_alphanumeric() || *c == '_')
                            .collect();
                        found.push(name);
                        segment.clear();
                        continue;
                    }
                    _ => {}
                }
                segment.push(character);
            }
        } else {
            found.push(
                rest.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    found.into_iter().filter(|name| !name.is_empty())
}

fn names_crate(line: &str, krate: &str) -> bool {
    line.match_indices(krate).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + krate.len()..];
        after.starts_with("::")
            && !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}
