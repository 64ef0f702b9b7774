//! NEW_PASSWORD_REQUIRED: required attributes, the session's life and what it is bound to.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::{ADA, Answer, Bed, NEW, NEW_PASSWORD, claims, text};

const FRESH: &str = "Brand-New-Stable-4";

async fn challenge(bed: &Bed) -> Value {
    let challenge = bed.password_sign_in("web", NEW, NEW_PASSWORD).await.ok();
    assert_eq!(challenge["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    challenge
}

async fn answer(bed: &Bed, client: &str, session: &Value, responses: Value) -> Answer {
    let body = json!({ "ChallengeName": "NEW_PASSWORD_REQUIRED", "ClientId": client, "Session": session, "ChallengeResponses": responses });
    bed.call("RespondToAuthChallenge", body).await
}

fn complete() -> Value {
    json!({ "USERNAME": NEW, "NEW_PASSWORD": FRESH, "userAttributes.given_name": "Newton" })
}

#[tokio::test]
async fn a_new_user_sets_a_password_and_the_missing_attributes_and_is_signed_in() {
    let bed = Bed::start().await;
    let challenge = challenge(&bed).await;
    let session = text(&challenge["Session"]);
    assert!((1_400..1_600).contains(&session.len()), "{}", session.len());
    let parameter = |name: &str| -> Value {
        serde_json::from_str(&text(&challenge["ChallengeParameters"][name])).unwrap()
    };
    assert_eq!(
        parameter("requiredAttributes"),
        json!(["userAttributes.given_name"])
    );
    assert_eq!(parameter("userAttributes"), json!({ "email": NEW }));

    let internal = text(&challenge["ChallengeParameters"]["USER_ID_FOR_SRP"]);
    let mut responses = complete();
    responses["USERNAME"] = internal.into();
    let tokens = answer(&bed, "web", &challenge["Session"], responses)
        .await
        .tokens();
    assert_eq!(claims(&tokens["IdToken"])["given_name"], "Newton");
    bed.password_sign_in("web", NEW, FRESH).await.tokens();
    assert_eq!(
        bed.password_sign_in("web", NEW, NEW_PASSWORD).await.status,
        400
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_refused_password_or_attribute_leaves_the_session_usable() {
    let bed = Bed::start().await;
    let session = challenge(&bed).await["Session"].clone();
    let with = |name: &str, value: Value| {
        let mut responses = complete();
        responses[name] = value;
        responses
    };
    for (responses, name, text) in [
        (
            with("NEW_PASSWORD", "Short-1".into()),
            "InvalidPasswordException",
            "Password did not conform with policy: Password not long enough",
        ),
        (
            with("NEW_PASSWORD", "lower-case-1".into()),
            "InvalidPasswordException",
            "Password did not conform with policy: Password must have uppercase characters",
        ),
        (
            with("NEW_PASSWORD", Value::Null),
            "InvalidParameterException",
            "Missing required parameter NEW_PASSWORD",
        ),
        (
            with("userAttributes.given_name", Value::Null),
            "InvalidParameterException",
            "Invalid attributes given, given_name is missing",
        ),
        (
            with("userAttributes.given_name", "".into()),
            "InvalidParameterException",
            "Invalid attributes given, given_name is missing",
        ),
        (
            with("userAttributes.email", "other@example.com".into()),
            "NotAuthorizedException",
            "Cannot modify an already provided email",
        ),
        (
            with("userAttributes.email_verified", "true".into()),
            "NotAuthorizedException",
            "A client attempted to write unauthorized attribute",
        ),
        (
            with("userAttributes.sub", "x".into()),
            "InvalidParameterException",
            "Cannot modify the non-mutable attribute sub",
        ),
    ] {
        answer(&bed, "web", &session, responses)
            .await
            .assert_error(name, text);
    }
    answer(&bed, "web", &session, complete()).await.tokens();
    let replay = answer(&bed, "web", &session, complete()).await;
    replay.assert_error(
        "NotAuthorizedException",
        "Invalid session for the user, session can only be used once.",
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_session_is_bound_to_client_user_challenge_and_time() {
    let bed = Bed::start().await;
    let session = challenge(&bed).await["Session"].clone();
    let foreign = "Invalid session for the user.";
    answer(&bed, "legacy", &session, complete())
        .await
        .assert_error("NotAuthorizedException", foreign);
    let mut other = complete();
    other["USERNAME"] = ADA.into();
    answer(&bed, "web", &session, other)
        .await
        .assert_error("NotAuthorizedException", foreign);
    let mut forged = text(&session);
    forged.replace_range(40..44, "AAAA");
    answer(&bed, "web", &forged.into(), complete())
        .await
        .assert_error("NotAuthorizedException", foreign);
    answer(&bed, "web", &Value::Null, complete())
        .await
        .assert_error(
            "InvalidParameterException",
            "Missing required parameter Session",
        );
    let mut code = complete();
    code["SOFTWARE_TOKEN_MFA_CODE"] = "123456".into();
    let body = json!({ "ChallengeName": "SOFTWARE_TOKEN_MFA", "ClientId": "web", "Session": session, "ChallengeResponses": code });
    bed.call("RespondToAuthChallenge", body)
        .await
        .assert_error("NotAuthorizedException", foreign);
    bed.advance(Duration::from_secs(180));
    let late = answer(&bed, "web", &session, complete()).await;
    late.assert_error(
        "NotAuthorizedException",
        "Invalid session for the user, session is expired.",
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_password_set_by_an_administrator_ends_the_session_under_way() {
    let bed = Bed::start().await;
    let session = challenge(&bed).await["Session"].clone();
    let set =
        json!({ "UserPoolId": "local_MailPool1", "Username": NEW, "Password": "Other-Password-7" });
    bed.call("AdminSetUserPassword", set).await.ok();
    answer(&bed, "web", &session, complete())
        .await
        .assert_error("NotAuthorizedException", "Invalid session for the user.");
    bed.stop().await;
}

#[tokio::test]
async fn a_temporary_password_expires_after_the_days_of_the_policy() {
    let bed = Bed::start().await;
    bed.advance(Duration::from_secs(7 * 86_400));
    let expired = bed.password_sign_in("web", NEW, NEW_PASSWORD).await;
    expired.assert_error(
        "NotAuthorizedException",
        "Temporary password has expired and must be reset by an administrator.",
    );
    bed.stop().await;
}
