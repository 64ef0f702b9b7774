//! Rounds without a password: events, sessions, limits, parameters.

use cognito_local::Seed;
use serde_json::json;

use super::{CHALLENGES, INCORRECT, answer, captcha, defining, entry, initiate, respond, start};
use crate::bed::{Answer, claims, secret_hash};
use crate::lambda::{Lambda, SEED, attributes_of_ada, event};

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
