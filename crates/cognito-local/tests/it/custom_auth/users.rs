//! Whose sign-in it is: users who are missing, disabled or not confirmed.

use serde_json::json;

use super::{CHALLENGES, INCORRECT, answer, captcha, defining, initiate, start, start_with_srp};
use crate::bed::text;
use crate::lambda::{Lambda, event};

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
