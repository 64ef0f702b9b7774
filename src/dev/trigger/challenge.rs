//! DefineAuthChallenge, CreateAuthChallenge and VerifyAuthChallengeResponse of `sidegate dev`: an image to read, and a code
//! by e-mail.
//!
//! After the password (SRP) the image is enough; without a password the code follows it, since an image proves nobody. The
//! word `email` in place of the image's text asks for the code at once: nobody has to be able to read a picture (WCAG 3.3.8).
//! Only the names and results of `session` decide, and never an entry that was not expected.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::picture;

/// Wrong answers after which a sign-in is refused.
const MOST_WRONG: usize = 3;

/// `challengeMetadata` of an image.
const IMAGE: &str = "CAPTCHA";
/// `challengeMetadata` of a code: the code follows, so that later rounds ask for the same.
const CODE: &str = "CODE-";

/// The answer that asks for a code in place of the image.
const ALTERNATIVE: &str = "email";

/// One entry of `session`.
struct Round<'a> {
    name: &'a str,
    right: bool,
    metadata: &'a str,
}

pub(super) fn define(event: &Value) -> Value {
    let rounds = rounds(event);
    let custom = || rounds.iter().filter(|round| round.name == "CUSTOM_CHALLENGE");
    let passed = |metadata: &str| {
        custom().any(|round| round.right && round.metadata.starts_with(metadata))
    };
    let password = rounds
        .iter()
        .any(|round| round.name == "PASSWORD_VERIFIER" && round.right);
    let only_srp_a = rounds.last().is_some_and(|round| round.name == "SRP_A");
    let wrong = custom().filter(|round| !round.right).count();
    let challenge = |name: &str| json!({ "challengeName": name, "issueTokens": false, "failAuthentication": false });
    if wrong >= MOST_WRONG {
        json!({ "challengeName": null, "issueTokens": false, "failAuthentication": true })
    } else if only_srp_a {
        challenge("PASSWORD_VERIFIER")
    } else if passed(CODE) || (passed(IMAGE) && password) {
        json!({ "challengeName": null, "issueTokens": true, "failAuthentication": false })
    } else {
        challenge("CUSTOM_CHALLENGE")
    }
}

pub(super) fn create(
    event: &Value,
    wants_email: &Mutex<BTreeSet<String>>,
) -> Result<Value, &'static str> {
    let rounds = rounds(event);
    let image_passed = rounds
        .iter()
        .any(|round| round.metadata == IMAGE && round.right);
    let code = rounds
        .iter()
        .find_map(|round| round.metadata.strip_prefix(CODE));
    let asked = wants_email
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(user(event));
    if image_passed || asked || code.is_some() {
        let code = match code {
            Some(code) => code.to_owned(),
            None => digits(6).ok_or(NO_RANDOM)?,
        };
        return Ok(code_round(event, &code));
    }
    let text = picture::text().ok_or(NO_RANDOM)?;
    let image = picture::png(&text).ok_or("the image cannot be drawn")?;
    Ok(json!({
        "publicChallengeParameters": {
            "captchaUrl": format!("data:image/png;base64,{}", STANDARD.encode(image)),
            "question": "Which letters and digits are in the picture?",
            "hint": "Capital or small makes no difference.",
            "alternative": ALTERNATIVE,
        },
        "privateChallengeParameters": { "answer": text },
        "challengeMetadata": IMAGE,
    }))
}

fn code_round(event: &Value, code: &str) -> Value {
    let email = event["request"]["userAttributes"]["email"]
        .as_str()
        .unwrap_or_default();
    // A user who does not exist gets the same page, and nothing is sent.
    if event["request"]["userNotFound"] != true {
        tracing::info!(to = email, code, "sample trigger: a sign-in code by e-mail");
    }
    json!({
        "publicChallengeParameters": {
            "question": "Which code did we send you by e-mail?",
            "hint": "sidegate dev writes it to its log.",
            "email": masked(email),
        },
        "privateChallengeParameters": { "answer": code },
        "challengeMetadata": format!("{CODE}{code}"),
    })
}

pub(super) fn verify(event: &Value, wants_email: &Mutex<BTreeSet<String>>) -> Value {
    let request = &event["request"];
    let given = request["challengeAnswer"].as_str().unwrap_or_default();
    let wanted = request["privateChallengeParameters"]["answer"]
        .as_str()
        .unwrap_or_default();
    if given == ALTERNATIVE {
        let mut users = wants_email.lock().unwrap_or_else(PoisonError::into_inner);
        users.insert(user(event).to_owned());
    }
    let (given, wanted) = (given.trim().to_uppercase(), wanted.to_uppercase());
    let right = !wanted.is_empty()
        && verify_slices_are_equal(given.as_bytes(), wanted.as_bytes()).is_ok();
    json!({ "answerCorrect": right })
}

fn rounds(event: &Value) -> Vec<Round<'_>> {
    let session = event["request"]["session"].as_array();
    let round = |entry| -> Round<'_> {
        let entry: &Value = entry;
        Round {
            name: entry["challengeName"].as_str().unwrap_or_default(),
            right: entry["challengeResult"] == true,
            metadata: entry["challengeMetadata"].as_str().unwrap_or_default(),
        }
    };
    session.into_iter().flatten().map(round).collect()
}

fn user(event: &Value) -> &str {
    event["userName"].as_str().unwrap_or_default()
}

/// `a***@e***`, as Cognito masks an address; something like it where there is none.
fn masked(email: &str) -> String {
    let mut parts = email.split('@').map(|part| part.chars().next());
    let first = parts.next().flatten().unwrap_or('u');
    let host = parts.next().flatten().unwrap_or('e');
    format!("{first}***@{host}***")
}

fn digits(count: usize) -> Option<String> {
    (0..count).map(|_| picture::pick(b"0123456789")).collect()
}

const NO_RANDOM: &str = "the system's random source failed";
