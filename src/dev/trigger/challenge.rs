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
use cognito_local::{Email, Mailbox};
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
    let custom = || {
        rounds
            .iter()
            .filter(|round| round.name == "CUSTOM_CHALLENGE")
    };
    let passed =
        |metadata: &str| custom().any(|round| round.right && round.metadata.starts_with(metadata));
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
    mailbox: Option<&Mailbox>,
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
        return match code {
            Some(code) => Ok(code_round(event, code)),
            None => {
                let code = digits(6).ok_or(NO_RANDOM)?;
                send(event, &code, mailbox);
                Ok(code_round(event, &code))
            }
        };
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

/// Sends a code. A user who does not exist gets the same page, and nothing is sent.
fn send(event: &Value, code: &str, mailbox: Option<&Mailbox>) {
    let not_found = event.pointer("/request/userNotFound") == Some(&Value::Bool(true));
    let (Some(mailbox), false) = (mailbox, not_found) else {
        return;
    };
    mailbox.send(Email {
        pool: text(event, "/userPoolId"),
        username: user(event),
        to: email(event),
        subject: "Your sign-in code",
        text: &format!("Your sign-in code is {code}."),
        code,
    });
}

fn email(event: &Value) -> &str {
    text(event, "/request/userAttributes/email")
}

fn code_round(event: &Value, code: &str) -> Value {
    json!({
        "publicChallengeParameters": {
            "question": "Which code did we send you by e-mail?",
            "hint": "With sidegate dev it is in the outbox of the local pool.",
            "email": masked(email(event)),
        },
        "privateChallengeParameters": { "answer": code },
        "challengeMetadata": format!("{CODE}{code}"),
    })
}

pub(super) fn verify(event: &Value, wants_email: &Mutex<BTreeSet<String>>) -> Value {
    let given = text(event, "/request/challengeAnswer");
    let wanted = text(event, "/request/privateChallengeParameters/answer");
    if given == ALTERNATIVE {
        let mut users = wants_email.lock().unwrap_or_else(PoisonError::into_inner);
        users.insert(user(event).to_owned());
    }
    let (given, wanted) = (given.trim().to_uppercase(), wanted.to_uppercase());
    let right =
        !wanted.is_empty() && verify_slices_are_equal(given.as_bytes(), wanted.as_bytes()).is_ok();
    json!({ "answerCorrect": right })
}

fn rounds(event: &Value) -> Vec<Round<'_>> {
    let session = event.pointer("/request/session").and_then(Value::as_array);
    let rounds = session.into_iter().flatten().map(|entry| Round {
        name: text(entry, "/challengeName"),
        right: entry.pointer("/challengeResult") == Some(&Value::Bool(true)),
        metadata: text(entry, "/challengeMetadata"),
    });
    rounds.collect()
}

fn user(event: &Value) -> &str {
    text(event, "/userName")
}

/// The text at a JSON pointer (RFC 6901); empty when there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn event(session: &Value) -> Value {
        json!({
            "userPoolId": "local_Ab12",
            "userName": "ada",
            "request": {
                "userAttributes": { "email": "ada@example.com" },
                "session": session,
                "userNotFound": false,
            },
        })
    }

    fn round(name: &str, right: bool, metadata: Option<&str>) -> Value {
        json!({ "challengeName": name, "challengeResult": right, "challengeMetadata": metadata })
    }

    /// The challenge that is set, or whether tokens are issued or the sign-in fails.
    fn decision(session: &Value) -> String {
        let response = define(&event(session));
        match (&response["issueTokens"], &response["failAuthentication"]) {
            (Value::Bool(true), Value::Bool(false)) => "tokens".to_owned(),
            (Value::Bool(false), Value::Bool(true)) => "refused".to_owned(),
            _ => response["challengeName"].as_str().unwrap().to_owned(),
        }
    }

    #[test]
    fn tokens_come_after_the_password_and_the_image_or_after_a_code_and_never_otherwise() {
        let srp_a = round("SRP_A", true, None);
        let password = round("PASSWORD_VERIFIER", true, None);
        let mfa = round("SMS_MFA", true, None);
        let image = round("CUSTOM_CHALLENGE", true, Some("CAPTCHA"));
        let wrong = round("CUSTOM_CHALLENGE", false, Some("CAPTCHA"));
        let code = round("CUSTOM_CHALLENGE", true, Some("CODE-123456"));
        for (session, expected) in [
            (json!([]), "CUSTOM_CHALLENGE"),
            (json!([srp_a]), "PASSWORD_VERIFIER"),
            (json!([srp_a, password]), "CUSTOM_CHALLENGE"),
            (json!([srp_a, password, mfa]), "CUSTOM_CHALLENGE"),
            (json!([srp_a, password, mfa, image]), "tokens"),
            (json!([image]), "CUSTOM_CHALLENGE"),
            (json!([mfa]), "CUSTOM_CHALLENGE"),
            (json!([image, code]), "tokens"),
            (json!([wrong, code]), "tokens"),
            (json!([wrong, wrong]), "CUSTOM_CHALLENGE"),
            (json!([srp_a, password, wrong, wrong, wrong]), "refused"),
        ] {
            assert_eq!(decision(&session), expected, "{session}");
        }
    }

    #[test]
    fn the_word_email_asks_for_a_code_which_stays_the_same_over_the_rounds() {
        let asked = Mutex::default();
        let first = create(&event(&json!([])), &asked, None).unwrap();
        assert_eq!(first["challengeMetadata"], "CAPTCHA");
        let mut answer = event(&json!([]));
        answer["request"]["challengeAnswer"] = "email".into();
        answer["request"]["privateChallengeParameters"] =
            first["privateChallengeParameters"].clone();
        assert_eq!(verify(&answer, &asked)["answerCorrect"], false);
        let wrong = json!([round("CUSTOM_CHALLENGE", false, Some("CAPTCHA"))]);
        let second = create(&event(&wrong), &asked, None).unwrap();
        let code = second["privateChallengeParameters"]["answer"]
            .as_str()
            .unwrap();
        assert_eq!(second["publicChallengeParameters"]["email"], "a***@e***");
        let metadata = second["challengeMetadata"].as_str().unwrap();
        let again = json!([round("CUSTOM_CHALLENGE", false, Some(metadata))]);
        let third = create(&event(&again), &asked, None).unwrap();
        assert_eq!(third["privateChallengeParameters"]["answer"], code);
    }

    #[test]
    fn a_missing_an_empty_and_a_wrong_answer_are_wrong_in_any_case() {
        let asked = Mutex::default();
        for (given, wanted, right) in [
            (json!("aek4"), json!("AEK4"), true),
            (json!(" AEK4 "), json!("AEK4"), true),
            (json!("AEK3"), json!("AEK4"), false),
            (json!(""), json!("AEK4"), false),
            (Value::Null, json!("AEK4"), false),
            (json!(["AEK4"]), json!("AEK4"), false),
            (json!(""), json!(""), false),
            (Value::Null, Value::Null, false),
        ] {
            let mut event = event(&json!([]));
            event["request"]["challengeAnswer"] = given.clone();
            event["request"]["privateChallengeParameters"]["answer"] = wanted.clone();
            assert_eq!(
                verify(&event, &asked)["answerCorrect"],
                right,
                "{given} {wanted}"
            );
        }
    }
}
