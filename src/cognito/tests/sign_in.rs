//! Sign-ins that go well, and tokens that are not to be believed.

use super::*;

#[tokio::test]
async fn a_sign_in_ends_with_verified_claims_and_what_renews_them() {
    let stub = Stub::with_keys(|_| tokens(Some(REFRESH_TOKEN))).await;
    let signed_in = signed_in(
        password_pool(stub.address)
            .begin(credentials(), &mut None)
            .await,
    );
    assert_eq!(signed_in.claims.username(), "jane");
    assert_eq!(signed_in.claims.text("email"), Some("jane@example.com"));
    assert_eq!(signed_in.grant.refresh_token.expose(), REFRESH_TOKEN);
    assert_eq!(signed_in.grant.username, "jane");
    assert_eq!(signed_in.grant.subject, "a1b2c3d4-sub");
    assert_eq!(signed_in.issued_at, UnixSeconds(NOW));
    assert_eq!(signed_in.expires_at, UnixSeconds(NOW + 3600));
    assert_eq!(signed_in.auth_time, UnixSeconds(NOW));
    assert_eq!(stub.operations(), ["InitiateAuth", "keys"]);
}

#[tokio::test]
async fn calls_have_cognitos_form_and_no_signature() {
    let stub = Stub::with_keys(in_turn(vec![
        new_password_required(),
        tokens(Some(REFRESH_TOKEN)),
        tokens(None),
        Say::Json(200, "{}".to_owned()),
    ]))
    .await;
    let pool = password_pool(stub.address);
    let Progress::Ask(pending) = pool.begin(credentials(), &mut None).await.unwrap() else {
        panic!("not asked");
    };
    signed_in(
        pool.answer(pending, new_password(&[("family_name", "Doe")]), None)
            .await,
    );
    pool.refresh(&grant()).await.unwrap();
    pool.revoke(&grant().refresh_token).await.unwrap();

    let heard: Vec<_> = stub
        .heard()
        .into_iter()
        .filter(|heard| heard.operation() != "keys")
        .collect();
    for request in &heard {
        let head = request.head.to_ascii_lowercase();
        assert!(head.starts_with("post / http/1.1"), "{head}");
        assert!(
            head.contains("content-type: application/x-amz-json-1.1"),
            "{head}"
        );
        assert!(
            !head.contains("authorization") && !head.contains("x-amz-date"),
            "{head}"
        );
    }
    let bodies: Vec<Value> = heard
        .iter()
        .map(|heard| serde_json::from_str(&heard.body).unwrap())
        .collect();
    let [first, second, third, fourth] = bodies.as_slice() else {
        panic!("{} calls", bodies.len());
    };
    assert_eq!(first["AuthFlow"], "USER_PASSWORD_AUTH");
    assert_eq!(first["ClientId"], CLIENT_ID);
    assert_eq!(first["AuthParameters"]["USERNAME"], USERNAME);
    assert_eq!(first["AuthParameters"]["PASSWORD"], PASSWORD);
    assert!(first["AuthParameters"]["SECRET_HASH"].is_string());
    assert_eq!(second["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    assert_eq!(second["Session"], "planted-session-0123456789");
    assert_eq!(second["ChallengeResponses"]["NEW_PASSWORD"], NEW_PASSWORD);
    assert_eq!(
        second["ChallengeResponses"]["userAttributes.family_name"],
        "Doe"
    );
    assert_eq!(third["RefreshToken"], REFRESH_TOKEN);
    assert_eq!(third["ClientSecret"], "planted-client-secret-0123456789");
    assert_eq!(fourth["Token"], REFRESH_TOKEN);
    assert_eq!(fourth["ClientSecret"], "planted-client-secret-0123456789");
}

#[tokio::test]
async fn under_srp_the_password_is_in_no_request() {
    let stub = Stub::with_keys(in_turn(vec![srp_challenge(), tokens(Some(REFRESH_TOKEN))])).await;
    signed_in(
        pool(stub.address, FlowKind::UserSrpAuth)
            .begin(credentials(), &mut None)
            .await,
    );
    assert_eq!(
        stub.operations(),
        ["InitiateAuth", "RespondToAuthChallenge", "keys"]
    );
    for request in stub.heard() {
        assert!(!request.body.contains(PASSWORD) && !request.head.contains(PASSWORD));
    }
    let proof: Value = serde_json::from_str(&stub.heard()[1].body).unwrap();
    assert_eq!(proof["Session"], "planted-session-0123456789");
    assert_eq!(
        proof["ChallengeResponses"]["TIMESTAMP"],
        "Tue Mar 3 04:05:06 UTC 2026"
    );
}

#[tokio::test]
async fn an_answer_that_lacks_something_says_what_and_is_not_sent() {
    let stub = Stub::with_keys(|_| new_password_required()).await;
    let pool = password_pool(stub.address);
    let Progress::Ask(pending) = pool.begin(credentials(), &mut None).await.unwrap() else {
        panic!("not asked");
    };
    let Challenge::NewPasswordRequired(challenge) = pending.challenge() else {
        panic!("asked for {}", pending.challenge().name());
    };
    assert_eq!(challenge.required_attributes, ["family_name"]);
    let error = pool
        .answer(pending, new_password(&[]), None)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, CognitoError::Answer(AnswerError::MissingAttributes(names)) if names == &["family_name"]),
        "{error:?}"
    );
    assert!(error.retry_same_step());
    assert_eq!(error.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stub.operations(), ["InitiateAuth"]);
}

#[tokio::test]
async fn tokens_that_are_not_this_users_or_this_pools_are_refused() {
    let with = |mut claims: Value, name: &str, value: &str| {
        claims[name] = value.into();
        claims
    };
    for (what, id, access) in [
        (
            "two users",
            id_claims(),
            with(access_claims(), "sub", "other"),
        ),
        (
            "another issuer",
            with(id_claims(), "iss", "https://evil.example"),
            access_claims(),
        ),
        (
            "another client",
            with(id_claims(), "aud", "other"),
            access_claims(),
        ),
        (
            "the same kind twice",
            id_claims(),
            with(id_claims(), "client_id", CLIENT_ID),
        ),
    ] {
        let stub = Stub::with_keys(move |_| tokens_of(&id, &access, Some(REFRESH_TOKEN))).await;
        let error = password_pool(stub.address)
            .begin(credentials(), &mut None)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, CognitoError::Token(_)) && !error.is_outage(),
            "{what}: {error:?}"
        );
        assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE, "{what}");
    }
}
