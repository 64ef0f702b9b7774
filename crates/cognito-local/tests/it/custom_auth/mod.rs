//! CUSTOM_AUTH: rounds of Define, Create and Verify, with and without the password first.

mod any_answers;
mod functions;
mod password_first;
mod rounds;
mod users;

use std::sync::{Arc, Mutex};

use cognito_local::Kind;
use serde_json::{Value, json};

use crate::bed::{Answer, Bed};
use crate::lambda::Lambda;
use crate::srp_client;

const CHALLENGES: [Kind; 3] = [
    Kind::DefineAuthChallenge,
    Kind::CreateAuthChallenge,
    Kind::VerifyAuthChallengeResponse,
];

const INCORRECT: (&str, &str) = ("NotAuthorizedException", "Incorrect username or password.");
const UNUSABLE: (&str, &str) = (
    "InvalidLambdaResponseException",
    "Unrecognizable lambda output",
);

/// Well-behaved functions: the right answer is "5", three wrong ones end the sign-in, a password comes first if it began
/// with SRP_A.
fn captcha(kind: Kind, event: &Value) -> Result<Value, String> {
    Ok(match kind {
        Kind::DefineAuthChallenge => define(&event["request"]["session"]),
        Kind::CreateAuthChallenge => json!({
            "publicChallengeParameters": { "captchaUrl": "url/123.jpg" },
            "privateChallengeParameters": { "answer": "5" },
            "challengeMetadata": "CAPTCHA",
        }),
        _ => {
            let request = &event["request"];
            let right =
                request["challengeAnswer"] == request["privateChallengeParameters"]["answer"];
            json!({ "answerCorrect": right })
        }
    })
}

fn define(session: &Value) -> Value {
    let session = session.as_array().unwrap();
    let rounds = session
        .iter()
        .filter(|entry| entry["challengeName"] == "CUSTOM_CHALLENGE")
        .count();
    let ask = |name: &str| json!({ "challengeName": name, "issueTokens": false, "failAuthentication": false });
    match session.last() {
        Some(last) if last["challengeName"] == "SRP_A" => ask("PASSWORD_VERIFIER"),
        Some(last) if last["challengeName"] == "CUSTOM_CHALLENGE" => {
            let right = last["challengeResult"] == true;
            if right || rounds == 3 {
                json!({ "issueTokens": right, "failAuthentication": !right })
            } else {
                ask("CUSTOM_CHALLENGE")
            }
        }
        _ => ask("CUSTOM_CHALLENGE"),
    }
}

/// As `captcha`, but one function answers what the test sets.
struct Scripted {
    lambda: Lambda,
    answer: Arc<Mutex<Value>>,
}

impl Scripted {
    async fn start(scripted: Kind) -> Self {
        let answer = Arc::new(Mutex::new(Value::Null));
        let given = Arc::clone(&answer);
        let lambda = Lambda::start(move |kind, event: &Value| {
            if kind == scripted {
                Ok(given.lock().unwrap().clone())
            } else {
                captcha(kind, event)
            }
        })
        .await;
        Self { lambda, answer }
    }

    fn answer(&self, answer: &Value) {
        *self.answer.lock().unwrap() = answer.clone();
    }
}

/// As `captcha`, but with this answer of Define.
fn defining(verdict: Value) -> impl Fn(Kind, &Value) -> Result<Value, String> {
    move |kind, event| match kind {
        Kind::DefineAuthChallenge => Ok(verdict.clone()),
        _ => captcha(kind, event),
    }
}

async fn initiate(bed: &Bed, client: &str, parameters: Value) -> Answer {
    let body = json!({
        "AuthFlow": "CUSTOM_AUTH", "ClientId": client, "AuthParameters": parameters, "ClientMetadata": { "at": "start" },
    });
    bed.call("InitiateAuth", body).await
}

async fn start(bed: &Bed, user: &str) -> Value {
    initiate(bed, "app", json!({ "USERNAME": user })).await.ok()
}

/// The answer to a challenge; `metadata` is ClientMetadata.
async fn respond(bed: &Bed, challenge: &Value, answer: &str, metadata: Value) -> Answer {
    let user = &challenge["ChallengeParameters"]["USERNAME"];
    let body = json!({
        "ChallengeName": challenge["ChallengeName"],
        "ClientId": "app",
        "Session": challenge["Session"],
        "ChallengeResponses": { "USERNAME": user, "ANSWER": answer },
        "ClientMetadata": metadata,
    });
    bed.call("RespondToAuthChallenge", body).await
}

async fn answer(bed: &Bed, challenge: &Value, answer: &str) -> Answer {
    respond(bed, challenge, answer, Value::Null).await
}

fn client() -> srp_client::Client {
    srp_client::Client::new("1f2e3d4c5b6a79880123456789abcdef1f2e3d4c5b6a79880123456789abcdef")
}

async fn start_with_srp(bed: &Bed, user: &str) -> Answer {
    let parameters =
        json!({ "USERNAME": user, "CHALLENGE_NAME": "SRP_A", "SRP_A": client().public });
    initiate(bed, "app", parameters).await
}

/// The body of an answer to PASSWORD_VERIFIER.
fn proof(bed: &Bed, challenge: &Value, password: &str) -> Value {
    let responses = srp_client::responses(bed, "Triggers1", challenge, &client(), password);
    json!({
        "ChallengeName": "PASSWORD_VERIFIER",
        "ClientId": "app",
        "Session": challenge["Session"],
        "ChallengeResponses": responses,
    })
}

fn entry(name: &str, result: bool, metadata: Option<&str>) -> Value {
    json!({ "challengeName": name, "challengeResult": result, "challengeMetadata": metadata })
}
