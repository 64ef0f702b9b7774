//! Renewing tokens.

use super::*;

#[tokio::test]
async fn a_refresh_keeps_the_old_refresh_token_unless_there_is_a_new_one() {
    let stub = Stub::with_keys(in_turn(vec![tokens(None), tokens(Some("rotated"))])).await;
    let pool = password_pool(stub.address);
    let kept = pool.refresh(&grant()).await.unwrap();
    assert_eq!(kept.grant.refresh_token.expose(), REFRESH_TOKEN);
    let rotated = pool.refresh(&grant()).await.unwrap();
    assert_eq!(rotated.grant.refresh_token.expose(), "rotated");
}

#[tokio::test]
async fn a_service_without_the_newer_refresh_is_asked_the_older_way_from_then_on() {
    let stub = Stub::with_keys(|heard| match heard.operation() {
        "GetTokensFromRefreshToken" => Say::exception("UnknownOperationException", ""),
        _ => tokens(None),
    })
    .await;
    let pool = password_pool(stub.address);
    pool.refresh(&grant()).await.unwrap();
    pool.refresh(&grant()).await.unwrap();
    let calls: Vec<_> = stub
        .operations()
        .into_iter()
        .filter(|name| name != "keys")
        .collect();
    assert_eq!(
        calls,
        ["GetTokensFromRefreshToken", "InitiateAuth", "InitiateAuth"]
    );
    let last: Value = serde_json::from_str(&stub.heard().last().unwrap().body).unwrap();
    assert_eq!(last["AuthFlow"], "REFRESH_TOKEN_AUTH");
    assert_eq!(last["AuthParameters"]["REFRESH_TOKEN"], REFRESH_TOKEN);
}

#[tokio::test]
async fn a_refresh_that_is_refused_ends_the_session_and_one_that_fails_does_not() {
    for (answer, is_outage) in [
        (
            Say::exception("NotAuthorizedException", "Refresh Token has been revoked"),
            false,
        ),
        (
            Say::exception("RefreshTokenReuseException", "reused"),
            false,
        ),
        (
            Say::exception("UserNotFoundException", "User does not exist."),
            false,
        ),
        (Say::exception("ForbiddenException", "WAF"), true),
        (
            Say::exception(
                "ResourceNotFoundException",
                "User pool client x does not exist.",
            ),
            true,
        ),
    ] {
        let stub = Stub::with_keys(in_turn(vec![answer.clone()])).await;
        let error = password_pool(stub.address)
            .refresh(&grant())
            .await
            .unwrap_err();
        assert_eq!(error.is_outage(), is_outage, "{answer:?}: {error:?}");
    }
}

#[tokio::test]
async fn renewed_tokens_of_another_user_are_refused() {
    let stub = Stub::with_keys(|_| tokens(None)).await;
    let other = RefreshGrant {
        subject: "somebody-else".to_owned(),
        ..grant()
    };
    let error = password_pool(stub.address)
        .refresh(&other)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, CognitoError::Token(_)) && !error.is_outage(),
        "{error:?}"
    );
}

#[tokio::test]
async fn without_keys_a_refresh_token_is_not_spent() {
    let stub = Stub::start(|heard| match heard.operation() {
        "keys" => Say::Close,
        _ => tokens(Some("rotated")),
    })
    .await;
    let pool = password_pool(stub.address);
    for _ in 0..3 {
        let error = pool.refresh(&grant()).await.unwrap_err();
        assert!(
            matches!(&error, CognitoError::Keys(_)) && error.is_outage(),
            "{error:?}"
        );
    }
    assert_eq!(stub.operations(), ["keys"]);
}
