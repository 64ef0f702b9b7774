//! What is logged, and what never is.

use super::*;

#[tokio::test]
async fn no_log_at_any_level_shows_a_secret_or_the_person() {
    let log = Log::default();
    let guard = log.capture();
    let stub = Stub::with_keys(in_turn(vec![
        new_password_required(),
        tokens(Some(REFRESH_TOKEN)),
        tokens(Some(REFRESH_TOKEN)),
        Say::Json(200, "{}".to_owned()),
        srp_challenge(),
        Say::exception(
            "UserLambdaValidationException",
            "PreAuthentication failed with error planted-jane is late.",
        ),
        Say::exception(
            "InvalidParameterException",
            "Value 'planted-jane' at 'username' failed to satisfy constraint",
        ),
        Say::Json(500, "planted-page".to_owned()),
    ]))
    .await;
    let pool = password_pool(stub.address);
    let Progress::Ask(pending) = pool.begin(credentials(), &mut None).await.unwrap() else {
        panic!("not asked");
    };
    tracing::info!(?pending, "what a caller may log");
    let answer = new_password(&[("family_name", "planted-Doe")]);
    tracing::info!(?answer, "what a caller may log");
    let signed_in = signed_in(pool.answer(pending, answer, None).await);
    tracing::info!(grant = ?signed_in.grant.refresh_token, "what a caller may log");
    pool.refresh(&grant()).await.unwrap();
    pool.revoke(&grant().refresh_token).await.unwrap();
    for _ in 0..4 {
        let error = pool.begin(credentials(), &mut None).await.unwrap_err();
        tracing::info!(%error, ?error, "what a caller may log");
    }
    drop(guard);

    let text = log.text();
    for operation in [
        "InitiateAuth",
        "RespondToAuthChallenge",
        "GetTokensFromRefreshToken",
        "RevokeToken",
    ] {
        assert!(
            text.contains(operation),
            "{operation} is not in the log, so nothing is proven"
        );
    }
    for useful in [
        "PreAuthentication failed",
        "at 'username' failed to satisfy",
    ] {
        assert!(text.contains(useful), "{useful:?} is lost to the operator");
    }
    assert!(
        text.contains("TRACE"),
        "nothing was captured at trace, so nothing is proven"
    );
    for (number, line) in text.lines().enumerate() {
        for secret in ["planted", "cGxhbnRlZC1z", "eyJhbGciOi", "jane"] {
            assert!(
                !line.contains(secret),
                "line {number} shows {secret}: {line}"
            );
        }
    }
}

#[tokio::test]
async fn the_operator_is_told_once_and_not_of_peoples_own_mistakes() {
    let log = Log::default();
    let guard = log.capture();
    let stub = Stub::with_keys(in_turn(vec![
        Say::exception(
            "InvalidParameterException",
            "USER_PASSWORD_AUTH flow not enabled for this client",
        ),
        Say::exception("NotAuthorizedException", "Incorrect username or password."),
    ]))
    .await;
    let pool = password_pool(stub.address);
    let error = pool.begin(credentials(), &mut None).await.unwrap_err();
    assert_eq!(
        error.operator_hint().unwrap(),
        "the app client lacks ALLOW_USER_PASSWORD_AUTH: add it to ExplicitAuthFlows (UpdateUserPoolClient replaces the whole list, so send the present flows too) or set cognito.flow = \"USER_SRP_AUTH\""
    );
    pool.begin(credentials(), &mut None).await.unwrap_err();
    drop(guard);
    let warnings: Vec<_> = log
        .text()
        .lines()
        .filter(|line| line.contains("WARN"))
        .map(str::to_owned)
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("ALLOW_USER_PASSWORD_AUTH"),
        "{warnings:?}"
    );
}
