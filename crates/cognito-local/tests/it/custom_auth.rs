//! CUSTOM_AUTH: rounds of Define, Create and Verify, with and without the password first.

use std::sync::{Arc, Mutex};

use cognito_local::{Kind, Seed, Trigger};
use serde_json::{Value, json};

use crate::bed::{Answer, Bed, claims, secret_hash, text};
use crate::lambda::{Lambda, PASSWORD, SEED, attributes_of_ada, event};
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

#[tokio::test]
async fn without_a_password_the_answer_decides_and_each_function_gets_cognitos_event() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let attributes = attributes_of_ada(&bed).await;
    let first = start(&bed, "ada").await;
    assert_eq!(first["ChallengeName"], "CUSTOM_CHALLENGE");
    assert_eq!(
        first["ChallengeParameters"],
        json!({ "captchaUrl": "url/123.jpg", "USERNAME": "ada" })
    );
    let define_response =
        json!({ "challengeName": null, "issueTokens": null, "failAuthentication": null });
    let create_response = json!({
        "publicChallengeParameters": null, "privateChallengeParameters": null, "challengeMetadata": null,
    });
    assert_eq!(
        lambda.take(),
        [
            event(
                "DefineAuthChallenge_Authentication",
                "ada",
                json!({ "userAttributes": attributes, "session": [], "userNotFound": false }),
                define_response.clone(),
            ),
            event(
                "CreateAuthChallenge_Authentication",
                "ada",
                json!({
                    "userAttributes": attributes, "challengeName": "CUSTOM_CHALLENGE", "session": [], "userNotFound": false,
                }),
                create_response.clone(),
            ),
        ]
    );
    let second = respond(&bed, &first, "4", json!({ "at": "answer" }))
        .await
        .ok();
    assert_eq!(second["ChallengeName"], "CUSTOM_CHALLENGE");
    assert_ne!(second["Session"], first["Session"]);
    let session = json!([entry("CUSTOM_CHALLENGE", false, Some("CAPTCHA"))]);
    let metadata = json!({ "at": "answer" });
    assert_eq!(
        lambda.take(),
        [
            event(
                "VerifyAuthChallengeResponse_Authentication",
                "ada",
                json!({
                    "userAttributes": attributes,
                    "privateChallengeParameters": { "answer": "5" },
                    "challengeAnswer": "4",
                    "clientMetadata": metadata,
                    "userNotFound": false,
                }),
                json!({ "answerCorrect": null }),
            ),
            event(
                "DefineAuthChallenge_Authentication",
                "ada",
                json!({
                    "userAttributes": attributes, "session": session, "clientMetadata": metadata, "userNotFound": false,
                }),
                define_response,
            ),
            event(
                "CreateAuthChallenge_Authentication",
                "ada",
                json!({
                    "userAttributes": attributes,
                    "challengeName": "CUSTOM_CHALLENGE",
                    "session": session,
                    "clientMetadata": metadata,
                    "userNotFound": false,
                }),
                create_response,
            ),
        ]
    );
    let tokens = answer(&bed, &second, "5").await.tokens();
    assert_eq!(claims(&tokens["IdToken"])["cognito:username"], "ada");
    let last = lambda.take();
    assert_eq!(last.len(), 2, "no challenge is made once tokens are due");
    assert_eq!(
        last[1]["request"],
        json!({
            "userAttributes": attributes,
            "session": [
                entry("CUSTOM_CHALLENGE", false, Some("CAPTCHA")),
                entry("CUSTOM_CHALLENGE", true, Some("CAPTCHA")),
            ],
            "userNotFound": false,
        }),
        "metadata of an earlier call is gone"
    );
    bed.stop().await;
}

#[tokio::test]
async fn with_the_password_first_the_history_shows_both_proofs_in_order() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let verifier = start_with_srp(&bed, "ada").await.ok();
    assert_eq!(verifier["ChallengeName"], "PASSWORD_VERIFIER");
    assert!(verifier["Session"].is_string());
    let body = proof(&bed, &verifier, PASSWORD);
    let challenge = bed.call("RespondToAuthChallenge", body).await.ok();
    answer(&bed, &challenge, "5").await.tokens();
    let histories: Vec<_> = lambda
        .take()
        .into_iter()
        .filter(|event| event["triggerSource"] == "DefineAuthChallenge_Authentication")
        .map(|event| event["request"]["session"].clone())
        .collect();
    let srp_a = entry("SRP_A", true, None);
    let password = entry("PASSWORD_VERIFIER", true, None);
    let custom = entry("CUSTOM_CHALLENGE", true, Some("CAPTCHA"));
    assert_eq!(
        histories,
        [
            json!([srp_a]),
            json!([srp_a, password]),
            json!([srp_a, password, custom])
        ]
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_wrong_password_ends_the_sign_in_before_define_hears_of_it() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    for (user, password) in [("ada", "wrong"), ("nobody", PASSWORD)] {
        let verifier = start_with_srp(&bed, user).await.ok();
        assert_eq!(lambda.take().len(), 1);
        let body = proof(&bed, &verifier, password);
        let refused = bed.call("RespondToAuthChallenge", body.clone()).await;
        refused.assert_error(INCORRECT.0, INCORRECT.1);
        let again = bed.call("RespondToAuthChallenge", body).await;
        assert_eq!(again.error().0, "NotAuthorizedException");
        assert_eq!(lambda.take().len(), 0);
    }
    bed.stop().await;
}

#[tokio::test]
async fn the_password_alone_does_not_leave_the_custom_flow() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let (first, other) = (
        start_with_srp(&bed, "ada").await.ok(),
        start_with_srp(&bed, "ada").await.ok(),
    );
    for (session, message) in [
        (Value::Null, "Missing required parameter Session"),
        (other["Session"].clone(), "Invalid session for the user."),
    ] {
        let verifier = start_with_srp(&bed, "ada").await.ok();
        let mut body = proof(&bed, &verifier, PASSWORD);
        body["Session"] = session;
        let refused = bed.call("RespondToAuthChallenge", body).await;
        assert_eq!(refused.error().1, message);
    }
    let body = proof(&bed, &first, PASSWORD);
    let challenge = bed.call("RespondToAuthChallenge", body).await.ok();
    assert_eq!(challenge["ChallengeName"], "CUSTOM_CHALLENGE");
    bed.stop().await;
}

#[tokio::test]
async fn a_session_is_one_answer_right_or_wrong() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let first = start(&bed, "ada").await;
    let (one, other) = tokio::join!(answer(&bed, &first, "1"), answer(&bed, &first, "5"));
    let used = [&one, &other]
        .into_iter()
        .filter(|answer| answer.status == 400)
        .map(Answer::error)
        .collect::<Vec<_>>();
    let text = "Invalid session for the user, session can only be used once.";
    assert_eq!(
        used,
        [("NotAuthorizedException".to_owned(), text.to_owned())]
    );
    let second = start(&bed, "ada").await;
    let mut foreign = second.clone();
    foreign["ChallengeParameters"]["USERNAME"] = "new".into();
    let refused = answer(&bed, &foreign, "5").await;
    refused.assert_error("NotAuthorizedException", "Invalid session for the user.");
    let body = json!({
        "ChallengeName": "CUSTOM_CHALLENGE",
        "ClientId": "legacy",
        "Session": second["Session"],
        "ChallengeResponses": { "USERNAME": "ada", "ANSWER": "5" },
    });
    let refused = bed.call("RespondToAuthChallenge", body).await;
    refused.assert_error("NotAuthorizedException", "Invalid session for the user.");
    bed.advance(std::time::Duration::from_secs(181));
    let late = answer(&bed, &second, "5").await;
    late.assert_error(
        "NotAuthorizedException",
        "Invalid session for the user, session is expired.",
    );
    bed.stop().await;
}

#[tokio::test]
async fn wrong_answers_go_on_until_define_fails_the_sign_in() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let mut challenge = start(&bed, "ada").await;
    for _wrong in 0..2 {
        challenge = answer(&bed, &challenge, "no").await.ok();
    }
    let refused = answer(&bed, &challenge, "no").await;
    refused.assert_error(INCORRECT.0, INCORRECT.1);
    let dead = answer(&bed, &challenge, "5").await;
    assert_eq!(dead.error().0, "NotAuthorizedException");
    bed.stop().await;
}

#[tokio::test]
async fn a_function_that_asks_for_ever_meets_the_limit_of_rounds() {
    let lambda = Lambda::start(defining(json!({ "challengeName": "CUSTOM_CHALLENGE" }))).await;
    for limit in [10, 1] {
        let bed = lambda
            .bed_with(&CHALLENGES, |settings| {
                if limit == 1 {
                    let seed = format!("{SEED}\n[pool.triggers]\ncustom_challenge_limit = 1\n");
                    let functions = settings.seed.pools[0].settings.triggers.functions.clone();
                    settings.seed = Seed::from_toml(&seed, "the test's seed").unwrap();
                    settings.seed.pools[0].settings.triggers.functions = functions;
                }
            })
            .await;
        let mut challenge = start(&bed, "ada").await;
        for _round in 1..limit {
            challenge = answer(&bed, &challenge, "5").await.ok();
        }
        let refused = answer(&bed, &challenge, "5").await;
        refused.assert_error(INCORRECT.0, INCORRECT.1);
        bed.stop().await;
    }
}

#[tokio::test]
async fn a_missing_user_meets_the_same_challenges_and_never_gets_tokens() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let challenge = start(&bed, "Nobody").await;
    assert_eq!(
        challenge["ChallengeParameters"],
        json!({ "captchaUrl": "url/123.jpg", "USERNAME": "nobody" })
    );
    let length = text(&start(&bed, "ada").await["Session"]).len();
    assert_eq!(text(&challenge["Session"]).len(), length);
    let events = lambda.take();
    assert_eq!(
        events[0],
        event(
            "DefineAuthChallenge_Authentication",
            "Nobody",
            json!({ "userAttributes": {}, "session": [], "userNotFound": true }),
            json!({ "challengeName": null, "issueTokens": null, "failAuthentication": null }),
        )
    );
    assert_eq!(events[1]["request"]["userNotFound"], true);
    let again = answer(&bed, &challenge, "4").await.ok();
    let refused = answer(&bed, &again, "5").await;
    refused.assert_error(INCORRECT.0, INCORRECT.1);
    let last = lambda.take();
    assert_eq!(last.last().unwrap()["request"]["userNotFound"], true);

    let generous = Lambda::start(defining(json!({ "issueTokens": true }))).await;
    let bed = generous.bed(&CHALLENGES).await;
    for user in ["nobody", "ada@example.org"] {
        let refused = initiate(&bed, "app", json!({ "USERNAME": user })).await;
        refused.assert_error(INCORRECT.0, INCORRECT.1);
        let refused = start_with_srp(&bed, user).await;
        refused.assert_error(INCORRECT.0, INCORRECT.1);
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_legacy_client_is_told_who_is_missing_and_its_events_have_no_user_not_found() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let missing = initiate(&bed, "legacy", json!({ "USERNAME": "nobody" })).await;
    missing.assert_error("UserNotFoundException", "User does not exist.");
    assert!(lambda.take().is_empty());
    initiate(&bed, "legacy", json!({ "USERNAME": "ada" }))
        .await
        .ok();
    for event in lambda.take() {
        assert_eq!(event["request"].get("userNotFound"), None, "{event}");
    }
    bed.stop().await;
}

#[tokio::test]
async fn define_may_let_in_whoever_began_with_srp_a_as_cognito_allows() {
    let lambda = Lambda::start(defining(json!({ "issueTokens": true }))).await;
    let bed = lambda.bed(&CHALLENGES).await;
    start_with_srp(&bed, "ada").await.tokens();
    let lambda = Lambda::start(defining(json!({ "challengeName": "CUSTOM_CHALLENGE" }))).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let challenge = start_with_srp(&bed, "ada").await.ok();
    assert_eq!(challenge["ChallengeName"], "CUSTOM_CHALLENGE");
    bed.stop().await;
}

#[tokio::test]
async fn what_define_answers_is_taken_by_cognitos_rules() {
    let rows = [
        (
            json!({ "issueTokens": true, "failAuthentication": true }),
            INCORRECT,
        ),
        (
            json!({ "failAuthentication": true, "challengeName": "CUSTOM_CHALLENGE" }),
            INCORRECT,
        ),
        (json!({}), UNUSABLE),
        (
            json!({ "challengeName": null, "issueTokens": false, "failAuthentication": false }),
            UNUSABLE,
        ),
        (json!({ "challengeName": "" }), UNUSABLE),
        (json!({ "challengeName": "RIDDLE" }), UNUSABLE),
        (json!({ "challengeName": "PASSWORD_VERIFIER" }), UNUSABLE),
        (json!({ "challengeName": 7 }), UNUSABLE),
        (json!({ "issueTokens": "true" }), UNUSABLE),
        (json!({ "failAuthentication": 1 }), UNUSABLE),
        (json!("tokens"), UNUSABLE),
    ];
    let define = Scripted::start(Kind::DefineAuthChallenge).await;
    let bed = define.lambda.bed(&CHALLENGES).await;
    for (verdict, (name, message)) in rows {
        define.answer(&verdict);
        let refused = initiate(&bed, "app", json!({ "USERNAME": "ada" })).await;
        assert_eq!(
            refused.error(),
            (name.to_owned(), message.to_owned()),
            "{verdict}"
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn what_create_makes_are_texts_that_fit_into_a_session() {
    let create = Scripted::start(Kind::CreateAuthChallenge).await;
    let bed = create.lambda.bed(&CHALLENGES).await;
    for made in [
        json!({}),
        json!({ "publicChallengeParameters": null, "privateChallengeParameters": {}, "challengeMetadata": null }),
        json!({ "publicChallengeParameters": { "USERNAME": "mallory" }, "challengeMetaData": 7 }),
    ] {
        create.answer(&made);
        let challenge = start(&bed, "ada").await;
        assert_eq!(
            challenge["ChallengeParameters"],
            json!({ "USERNAME": "ada" }),
            "{made}"
        );
        answer(&bed, &challenge, "any").await.ok();
    }
    for made in [
        json!({ "publicChallengeParameters": { "number": 5 } }),
        json!({ "publicChallengeParameters": ["captchaUrl"] }),
        json!({ "privateChallengeParameters": { "answer": null } }),
        json!({ "privateChallengeParameters": { "answer": { "is": "5" } } }),
        json!({ "challengeMetadata": 7 }),
        json!({ "privateChallengeParameters": { "answer": "x".repeat(4_000) } }),
    ] {
        create.answer(&made);
        let refused = initiate(&bed, "app", json!({ "USERNAME": "ada" })).await;
        assert_eq!(refused.error().0, UNUSABLE.0, "{made}");
    }
    bed.stop().await;
}

#[tokio::test]
async fn only_a_plain_true_of_verify_is_a_right_answer() {
    let verify = Scripted::start(Kind::VerifyAuthChallengeResponse).await;
    let bed = verify.lambda.bed(&CHALLENGES).await;
    for (judged, right) in [
        (json!({ "answerCorrect": true }), Some(true)),
        (json!({ "answerCorrect": false }), Some(false)),
        (json!({ "answerCorrect": null }), Some(false)),
        (json!({}), Some(false)),
        (json!({ "answerCorrect": "true" }), None),
        (json!({ "answerCorrect": 1 }), None),
    ] {
        verify.answer(&judged);
        let challenge = start(&bed, "ada").await;
        let answer = answer(&bed, &challenge, "whatever").await;
        match right {
            Some(true) => assert!(answer.tokens()["IdToken"].is_string()),
            Some(false) => assert_eq!(answer.ok()["ChallengeName"], "CUSTOM_CHALLENGE", "{judged}"),
            None => answer.assert_error(UNUSABLE.0, UNUSABLE.1),
        }
    }
    bed.stop().await;
}

#[tokio::test]
async fn an_empty_or_missing_answer_is_refused_and_costs_nothing() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let challenge = start(&bed, "ada").await;
    lambda.take();
    for responses in [
        json!({ "USERNAME": "ada", "ANSWER": "" }),
        json!({ "USERNAME": "ada", "ANSWER": null }),
        json!({ "USERNAME": "ada" }),
    ] {
        let body = json!({
            "ChallengeName": "CUSTOM_CHALLENGE", "ClientId": "app", "Session": challenge["Session"], "ChallengeResponses": responses,
        });
        let refused = bed.call("RespondToAuthChallenge", body).await;
        refused.assert_error(
            "InvalidParameterException",
            "Missing required parameter ANSWER",
        );
    }
    assert!(lambda.take().is_empty());
    answer(&bed, &challenge, "5").await.tokens();
    bed.stop().await;
}

#[tokio::test]
async fn a_start_names_its_first_challenge_or_none() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let named = json!({ "USERNAME": "ada", "CHALLENGE_NAME": "CUSTOM_CHALLENGE" });
    let challenge = initiate(&bed, "app", named).await.ok();
    assert_eq!(challenge["ChallengeName"], "CUSTOM_CHALLENGE");
    assert_eq!(lambda.take()[0]["request"]["session"], json!([]));
    for (parameters, message) in [
        (json!({}), "Missing required parameter USERNAME"),
        (
            json!({ "USERNAME": "ada", "CHALLENGE_NAME": "SRP_A" }),
            "Missing required parameter SRP_A",
        ),
        (
            json!({ "USERNAME": "ada", "CHALLENGE_NAME": "SRP_A", "SRP_A": "0" }),
            "Invalid SRP_A value.",
        ),
        (
            json!({ "USERNAME": "ada", "CHALLENGE_NAME": "SRP_A", "SRP_A": "f".repeat(5_000) }),
            "Invalid SRP_A value.",
        ),
        (
            json!({ "USERNAME": "ada", "CHALLENGE_NAME": "SMS_MFA" }),
            "Invalid CHALLENGE_NAME.",
        ),
    ] {
        let refused = initiate(&bed, "app", parameters.clone()).await;
        assert_eq!(
            refused.error(),
            ("InvalidParameterException".to_owned(), message.to_owned()),
            "{parameters}"
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn the_secret_hash_is_asked_for_at_both_calls() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let refused = initiate(&bed, "server", json!({ "USERNAME": "ada" })).await;
    assert_eq!(refused.error().0, "NotAuthorizedException");
    let hash = secret_hash("ada", "server");
    let parameters = json!({ "USERNAME": "ada", "SECRET_HASH": hash });
    let challenge = initiate(&bed, "server", parameters).await.ok();
    let mut body = json!({
        "ChallengeName": "CUSTOM_CHALLENGE",
        "ClientId": "server",
        "Session": challenge["Session"],
        "ChallengeResponses": { "USERNAME": "ada", "ANSWER": "5" },
    });
    let refused = bed.call("RespondToAuthChallenge", body.clone()).await;
    assert_eq!(refused.error().0, "NotAuthorizedException");
    body["ChallengeResponses"]["SECRET_HASH"] = hash.into();
    bed.call("RespondToAuthChallenge", body).await.tokens();
    bed.stop().await;
}

#[tokio::test]
async fn all_three_functions_are_needed() {
    let lambda = Lambda::start(captcha).await;
    for missing in CHALLENGES {
        let rest: Vec<_> = CHALLENGES
            .into_iter()
            .filter(|kind| *kind != missing)
            .collect();
        let bed = lambda.bed(&rest).await;
        let refused = initiate(&bed, "app", json!({ "USERNAME": "ada" })).await;
        refused.assert_error(
            "InvalidParameterException",
            "Custom auth lambda trigger is not configured for the user pool.",
        );
        bed.stop().await;
    }
    assert!(lambda.take().is_empty());
}

#[tokio::test]
async fn the_admin_forms_go_through_the_same_rounds() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let body = json!({
        "UserPoolId": "local_Triggers1", "AuthFlow": "CUSTOM_AUTH", "ClientId": "app", "AuthParameters": { "USERNAME": "ada" },
    });
    let challenge = bed.call("AdminInitiateAuth", body).await.ok();
    let body = json!({
        "UserPoolId": "local_Triggers1",
        "ChallengeName": "CUSTOM_CHALLENGE",
        "ClientId": "app",
        "Session": challenge["Session"],
        "ChallengeResponses": { "USERNAME": "ada", "ANSWER": "5" },
    });
    bed.call("AdminRespondToAuthChallenge", body).await.tokens();
    bed.stop().await;
}

#[tokio::test]
async fn how_the_account_stands_is_told_after_the_proof_only() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    for (user, exception) in [
        ("unconfirmed", "UserNotConfirmedException"),
        ("reset", "PasswordResetRequiredException"),
    ] {
        let challenge = start(&bed, user).await;
        let again = answer(&bed, &challenge, "no").await.ok();
        assert_eq!(answer(&bed, &again, "5").await.error().0, exception);
    }
    let disable = json!({ "UserPoolId": "local_Triggers1", "Username": "ada" });
    bed.call("AdminDisableUser", disable).await.ok();
    let challenge = start(&bed, "ada").await;
    let refused = answer(&bed, &challenge, "5").await;
    refused.assert_error(INCORRECT.0, INCORRECT.1);
    bed.stop().await;
}

#[tokio::test]
async fn a_temporary_password_is_replaced_before_the_rounds_and_not_asked_about_without_one() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let challenge = start(&bed, "new").await;
    answer(&bed, &challenge, "5").await.tokens();
    let verifier = start_with_srp(&bed, "new").await.ok();
    let body = proof(&bed, &verifier, PASSWORD);
    let asked = bed.call("RespondToAuthChallenge", body).await.ok();
    assert_eq!(asked["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    let body = json!({
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "ClientId": "app",
        "Session": asked["Session"],
        "ChallengeResponses": { "USERNAME": "new", "NEW_PASSWORD": "Another-Horse-10" },
    });
    let challenge = bed.call("RespondToAuthChallenge", body).await.ok();
    assert_eq!(challenge["ChallengeName"], "CUSTOM_CHALLENGE");
    answer(&bed, &challenge, "5").await.tokens();
    bed.stop().await;
}

#[tokio::test]
async fn a_password_changed_between_the_proof_and_the_answer_ends_the_sign_in() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let verifier = start_with_srp(&bed, "ada").await.ok();
    let body = proof(&bed, &verifier, PASSWORD);
    let challenge = bed.call("RespondToAuthChallenge", body).await.ok();
    let set = json!({
        "UserPoolId": "local_Triggers1", "Username": "ada", "Password": "Another-Horse-10", "Permanent": true,
    });
    bed.call("AdminSetUserPassword", set).await.ok();
    let refused = answer(&bed, &challenge, "5").await;
    refused.assert_error("NotAuthorizedException", "Invalid session for the user.");
    bed.stop().await;
}

#[tokio::test]
async fn what_a_function_throws_is_told_with_its_name() {
    for failing in CHALLENGES {
        let lambda = Lambda::start(move |kind, event: &Value| {
            if kind == failing {
                Err("No luck today.".to_owned())
            } else {
                captcha(kind, event)
            }
        })
        .await;
        let bed = lambda.bed(&CHALLENGES).await;
        let first = initiate(&bed, "app", json!({ "USERNAME": "ada" })).await;
        let refused = if failing == Kind::VerifyAuthChallengeResponse {
            answer(&bed, &first.ok(), "5").await
        } else {
            first
        };
        refused.assert_error(
            "UserLambdaValidationException",
            &format!("{} failed with error No luck today.", failing.name()),
        );
        bed.stop().await;
    }
}

#[tokio::test]
async fn commands_make_and_judge_challenges_as_well() {
    let shell = |script: &str| Trigger::Command(["sh", "-c", script].map(str::to_owned).into());
    let define = r#"
        if grep -q '"challengeResult":true'; then echo '{"response":{"issueTokens":true}}'
        else echo '{"response":{"challengeName":"CUSTOM_CHALLENGE"}}'; fi"#;
    let create =
        r#"cat > /dev/null; echo '{"response":{"privateChallengeParameters":{"answer":"5"}}}'"#;
    let verify = r#"
        if grep -q '"challengeAnswer":"5"'; then echo '{"response":{"answerCorrect":true}}'
        else echo '{"response":{"answerCorrect":false}}'; fi"#;
    let bed = Bed::with(|settings| {
        settings.seed = Seed::from_toml(SEED, "the test's seed").unwrap();
        settings.seed.pools[0].settings.triggers.functions = CHALLENGES
            .into_iter()
            .zip([define, create, verify].map(shell))
            .collect();
    })
    .await;
    let first = start(&bed, "ada").await;
    let second = answer(&bed, &first, "4").await.ok();
    answer(&bed, &second, "5").await.tokens();
    bed.stop().await;
}
