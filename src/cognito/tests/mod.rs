//! The pool against a server on loopback that says what each test tells it to.

mod accounts;
mod devices;
mod existence;
mod faults;
mod log;
mod passkeys;
mod probe;
mod refresh;
mod sign_in;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cognito_flow::{Answer, AnswerError, Call, Challenge, FlowError, FlowKind, Parameters};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::testing::*;
use super::*;

const PASSWORD: &str = "planted-Passw0rd!";
const NEW_PASSWORD: &str = "planted-New-Passw0rd!";
const REFRESH_TOKEN: &str = "planted-refresh-token";
const USERNAME: &str = "planted-jane@example.com";

fn credentials() -> Credentials {
    Credentials {
        username: USERNAME.to_owned(),
        password: Some(Secret::new(PASSWORD.to_owned())),
        preferred: None,
        session: None,
    }
}

fn grant() -> RefreshGrant {
    RefreshGrant {
        refresh_token: Secret::new(REFRESH_TOKEN.to_owned()),
        username: "jane".to_owned(),
        subject: "a1b2c3d4-sub".to_owned(),
        device_key: None,
    }
}

fn new_password(attributes: &[(&str, &str)]) -> Answer {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Answer {
        attributes: attributes.iter().map(owned).collect(),
        ..Answer::new(Secret::new(NEW_PASSWORD.to_owned()))
    }
}

fn password_pool(address: SocketAddr) -> UserPool {
    pool(address, FlowKind::UserPasswordAuth)
}

fn signed_in(progress: Result<Progress, CognitoError>) -> SignedIn {
    match progress.unwrap() {
        Progress::SignedIn(signed_in) => *signed_in,
        Progress::Ask(pending) => panic!("asked for {}", pending.challenge().name()),
    }
}

/// NEW_PASSWORD_REQUIRED that asks for one attribute.
fn new_password_required() -> Say {
    Say::challenge(
        "NEW_PASSWORD_REQUIRED",
        &json!({
            "USER_ID_FOR_SRP": "jane",
            "requiredAttributes": r#"["userAttributes.family_name"]"#,
            "userAttributes": r#"{"email":"planted-jane@example.com"}"#,
        }),
    )
}

fn srp_challenge() -> Say {
    Say::challenge(
        "PASSWORD_VERIFIER",
        &json!({
            "SALT": "1f2e3d4c5b6a79881f2e3d4c5b6a7988", "SECRET_BLOCK": "cGxhbnRlZC1zZWNyZXQtYmxvY2s=",
            "SRP_B": format!("5{}", "a7".repeat(383)), "USERNAME": "jane", "USER_ID_FOR_SRP": "jane",
        }),
    )
}

/// Answers the first request of an operation with one, the next with another and so on, the last for ever.
fn in_turn(answers: Vec<Say>) -> impl Fn(&Heard) -> Say + Send + Sync + 'static {
    let turn = AtomicUsize::new(0);
    move |_| answers[turn.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)].clone()
}
