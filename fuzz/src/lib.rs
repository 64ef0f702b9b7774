//! What must hold whatever bytes a stranger sends. Each function is one fuzz target; it panics when a
//! promise is broken. `fuzz_targets/` hands libFuzzer's bytes to them, `tests/seeds.rs` the seeds.

#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a broken promise must stop the fuzzer"
)]

/// The same model of a pool and a person as the tests of cognito-flow have.
#[path = "../../crates/cognito-flow/tests/it/script.rs"]
pub mod script;

use std::sync::LazyLock;

use cognito_flow::UnixSeconds;
use sidegate::gate::{PathForm, judge_path};
use sidegate::keys::Keys;
use sidegate::origin::PublicOrigin;
use sidegate::sign_in::attempt::{Attempt, Bearer, Seal};
use sidegate::sign_in::return_to::{PAGES_OF_OURS, ReturnTo};

static ORIGIN: LazyLock<PublicOrigin> =
    LazyLock::new(|| "https://app.example.com".parse().expect("an origin"));

/// what is accepted leads to our own origin, by the rules browsers resolve URLs with.
pub fn return_to(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(target) = ReturnTo::parse(&text, &ORIGIN, &[]) else {
        return;
    };
    let location = target.location(&ORIGIN);
    let url = url::Url::parse(&location).expect("a Location is an absolute URL");
    assert_eq!(
        url.origin(),
        ORIGIN.url().origin(),
        "{text:?} leads to {location}"
    );
    assert!(
        !url.path().starts_with("/.sidegate/") || PAGES_OF_OURS.contains(&text.as_ref()),
        "{text:?} leads to a page of ours"
    );
    assert!(
        location.bytes().all(|byte| (0x21..0x7f).contains(&byte)),
        "{location:?}"
    );
}

/// nothing opens that was not sealed here, and nothing panics; nor does reading what a seal
/// could have held.
pub fn attempt(bytes: &[u8]) {
    let _ = cognito_flow::Pending::decode(bytes);
    static SEAL: LazyLock<Seal> =
        LazyLock::new(|| Seal::new(&Keys::generate().expect("random bytes"), &ORIGIN));
    let text = String::from_utf8_lossy(bytes);
    let bearer = Bearer {
        browser: None,
        same_origin: true,
    };
    if Attempt::open(&text, &SEAL, bearer, UnixSeconds(1_780_272_000)).is_ok() {
        panic!("{text:?} was opened");
    }
}

/// No replies and answers, in whatever order, bring tokens that the pool did not give, send a session twice, tell the
/// password where it is to be proven, or panic.
pub fn on_reply(bytes: &[u8]) {
    script::run(bytes);
}

/// a path that may be public means the same to every parser.
pub fn path(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (strict, lax) = (judge_path(&text, true), judge_path(&text, false));
    assert!(
        lax.is_ok() || strict.is_err(),
        "{text:?}: the strict rule lets more through"
    );
    if !matches!(strict, Ok(PathForm::Canonical)) {
        return;
    }
    assert!(
        matches!(lax, Ok(PathForm::Canonical)),
        "{text:?} is canonical for one rule only"
    );
    assert!(text.starts_with('/') && text.is_ascii(), "{text:?}");
    let lower = text.to_ascii_lowercase();
    for hidden in [
        "//", "\\", ";", "%2f", "%5c", "%2e", "%25", "%00", "%3b", "%3f", "%23",
    ] {
        assert!(!lower.contains(hidden), "{text:?} hides {hidden}");
    }
    assert!(
        !text
            .split('/')
            .any(|segment| segment == "." || segment == ".."),
        "{text:?}"
    );
    assert!(
        !text.bytes().any(|byte| byte.is_ascii_control()),
        "{text:?}"
    );
}

/// Reads a line of tests/data: `\xNN` is one byte.
pub fn unescape(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        match after.get(..2).map(|digits| u8::from_str_radix(digits, 16)) {
            Some(Ok(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.extend_from_slice(b"\\x");
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
