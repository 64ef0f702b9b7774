//! What the functions may answer, and what becomes of answers they may not give.

use cognito_local::{Kind, Seed, Trigger};
use serde_json::{Value, json};

use super::{CHALLENGES, INCORRECT, Scripted, UNUSABLE, answer, captcha, initiate, start};
use crate::bed::Bed;
use crate::lambda::{Lambda, SEED};

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
