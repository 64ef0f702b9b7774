//! `CHALLENGE_NAME=SRP_A`: the password, then the rounds.

use serde_json::{Value, json};

use super::{
    CHALLENGES, INCORRECT, answer, captcha, defining, entry, proof, start, start_with_srp,
};
use crate::lambda::{Lambda, PASSWORD};

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
async fn a_second_factor_stands_between_the_password_and_the_rounds_and_in_the_history() {
    let lambda = Lambda::start(captcha).await;
    let bed = lambda.bed(&CHALLENGES).await;
    let verifier = start_with_srp(&bed, "app-user").await.ok();
    let body = proof(&bed, &verifier, PASSWORD);
    let factor = bed.call("RespondToAuthChallenge", body).await.ok();
    assert_eq!(factor["ChallengeName"], "SOFTWARE_TOKEN_MFA");
    assert_eq!(
        lambda.take().len(),
        1,
        "Define hears of it when it is passed"
    );
    let code = bed.totp(crate::mfa::SECRET);
    let body = json!({
        "ChallengeName": "SOFTWARE_TOKEN_MFA",
        "ClientId": "app",
        "Session": factor["Session"],
        "ChallengeResponses": { "USERNAME": "app-user", "SOFTWARE_TOKEN_MFA_CODE": code },
    });
    let challenge = bed.call("RespondToAuthChallenge", body).await.ok();
    assert_eq!(challenge["ChallengeName"], "CUSTOM_CHALLENGE");
    let mut history = vec![
        entry("SRP_A", true, None),
        entry("PASSWORD_VERIFIER", true, None),
        entry("SOFTWARE_TOKEN_MFA", true, None),
    ];
    assert_eq!(lambda.take()[0]["request"]["session"], json!(history));
    answer(&bed, &challenge, "5").await.tokens();
    history.push(entry("CUSTOM_CHALLENGE", true, Some("CAPTCHA")));
    let last = lambda.take();
    assert_eq!(last[1]["request"]["session"], json!(history));
    bed.stop().await;
}
