//! Every handle that the tree cites is explained in docs/requirements.md.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_cited_handle_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let explained = std::fs::read_to_string(root.join("docs/requirements.md")).unwrap();
    let mut explained: BTreeSet<String> = handles(&explained).collect();
    // "R-130 … R-135" stands for all between.
    explained.extend((130..=135).map(|number| format!("R-{number}")));
    let mut folders = ["src", "crates", "tests", "fuzz"]
        .map(|name| root.join(name))
        .to_vec();
    let mut unknown = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["node_modules", "target"].contains(&&*name) {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                unknown.extend(handles(&text).filter(|handle| !explained.contains(handle)));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "not in docs/requirements.md: {unknown:?}"
    );
}

/// `R-…` and `F-…` with two or three digits, as whole words.
fn handles(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter_map(|word| {
            let digits = word
                .strip_prefix("R-")
                .or_else(|| word.strip_prefix("F-"))?;
            let right =
                (2..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            right.then(|| word.to_owned())
        })
}
