//! Pools that are dead, slow, throttling, confused or not pools at all (F-01 … F-13).

use super::*;

/// What a dead, slow or throttling pool does to one call.
fn outages() -> Vec<Say> {
    vec![
        Say::exception("TooManyRequestsException", "Rate exceeded"),
        Say::Json(
            500,
            json!({"__type": "InternalErrorException", "message": "x"}).to_string(),
        ),
        Say::Json(500, String::new()),
        Say::Json(502, "<html>Bad gateway</html>".to_owned()),
        Say::Json(200, "<html>Sign in to the network</html>".to_owned()),
        Say::Json(200, "{}".to_owned()),
        Say::Json(
            200,
            r#"{"AuthenticationResult":{"ExpiresIn":3600}}"#.to_owned(),
        ),
        Say::Raw("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"Authen".to_owned()),
        Say::Raw("SSH-2.0-OpenSSH_9.2\r\n".to_owned()),
        Say::Endless,
        Say::Close,
    ]
}

#[tokio::test]
async fn no_step_of_a_sign_in_is_sent_twice_whatever_the_pool_does() {
    for outage in outages() {
        let stub = Stub::with_keys(in_turn(vec![outage.clone()])).await;
        let error = password_pool(stub.address)
            .begin(credentials(), &mut None)
            .await
            .unwrap_err();
        assert!(error.is_outage(), "{outage:?}: {error:?}");
        assert_eq!(
            error.status(),
            StatusCode::SERVICE_UNAVAILABLE,
            "{outage:?}"
        );
        assert!(
            error.retry_after().is_some() && error.operator_hint().is_some(),
            "{error:?}"
        );
        assert_eq!(stub.operations(), ["InitiateAuth"], "{outage:?}");
        assert!(
            stub.sent.load(Ordering::SeqCst) < 64 << 20,
            "a gigabyte was read on"
        );
    }
    for outage in outages() {
        let stub = Stub::with_keys(in_turn(vec![srp_challenge(), outage.clone()])).await;
        let pool = pool(stub.address, FlowKind::UserSrpAuth);
        let error = pool.begin(credentials(), &mut None).await.unwrap_err();
        assert!(
            error.is_outage() && !error.start_again(),
            "{outage:?}: {error:?}"
        );
        assert_eq!(
            stub.operations(),
            ["InitiateAuth", "RespondToAuthChallenge"],
            "{outage:?}"
        );
    }
    for outage in outages() {
        let stub = Stub::with_keys(in_turn(vec![outage.clone()])).await;
        let error = password_pool(stub.address)
            .refresh(&grant())
            .await
            .unwrap_err();
        assert!(error.is_outage(), "{outage:?}: {error:?}");
        assert_eq!(
            stub.operations(),
            ["keys", "GetTokensFromRefreshToken"],
            "{outage:?}"
        );
    }
}

#[tokio::test]
async fn a_revocation_is_tried_twice() {
    let stub = Stub::start(in_turn(vec![
        Say::Json(500, json!({"__type": "InternalErrorException"}).to_string()),
        Say::Json(200, String::new()),
    ]))
    .await;
    password_pool(stub.address)
        .revoke(&grant().refresh_token)
        .await
        .unwrap();
    assert_eq!(stub.operations(), ["RevokeToken", "RevokeToken"]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Stub::start(|_| tokens(Some(REFRESH_TOKEN))).await;
    let location = format!("http://{}/", other.address);
    let stub = Stub::start(move |_| {
        Say::Raw(format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        ))
    })
    .await;
    let error = password_pool(stub.address)
        .begin(credentials(), &mut None)
        .await
        .unwrap_err();
    assert!(matches!(&error, CognitoError::BadReply { .. }), "{error:?}");
    assert_eq!((stub.heard().len(), other.heard().len()), (1, 0));
}

#[tokio::test]
async fn a_pool_that_hangs_is_given_up_on_after_the_calls_time() {
    let stub = Stub::start(|_| Say::Hang).await;
    let mut settings = settings(stub.address, FlowKind::UserPasswordAuth);
    settings.call_timeout = Duration::from_millis(200);
    let pool = UserPool::new(settings, Clock::at(NOW)).unwrap();
    let error = pool.begin(credentials(), &mut None).await.unwrap_err();
    assert!(
        matches!(&error, CognitoError::TimedOut { limit, .. } if limit.as_millis() == 200),
        "{error:?}"
    );
    assert!(
        error.is_outage()
            && error
                .operator_hint()
                .unwrap()
                .contains("cognito.call_timeout")
    );
    assert!(stub.heard().len() <= 1);
}

#[tokio::test]
async fn a_call_that_finds_no_place_in_its_time_is_not_sent() {
    let stub = Stub::start(|_| tokens(None)).await;
    let mut settings = settings(stub.address, FlowKind::UserPasswordAuth);
    settings.call_timeout = Duration::from_millis(20);
    let pool = UserPool::new(settings, Clock::at(NOW)).unwrap();
    let _others = pool.api.occupy_all_places().await;
    let call = Call::InitiateAuth {
        auth_flow: "USER_PASSWORD_AUTH",
        parameters: Parameters::default(),
        session: None,
    };
    let error = pool.api.send(call, false).await.unwrap_err();
    assert!(
        matches!(&error, CognitoError::Busy { .. }) && error.is_outage(),
        "{error:?}"
    );
    assert!(stub.heard().is_empty());
}

#[tokio::test]
async fn a_dead_pool_is_named_with_what_was_tried() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = password_pool(address)
        .begin(credentials(), &mut None)
        .await
        .unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    let hint = error.operator_hint().unwrap();
    assert!(
        hint.contains(&address.to_string()) && hint.contains("twice"),
        "{hint}"
    );
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_challenge_that_is_new_to_us_is_named_to_the_operator_only() {
    let stub = Stub::with_keys(|_| Say::challenge("RETINA_SCAN", &json!({}))).await;
    let error = password_pool(stub.address)
        .begin(credentials(), &mut None)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, CognitoError::Flow(FlowError::UnsupportedChallenge { name }) if name == "RETINA_SCAN"),
        "{error:?}"
    );
    assert!(error.operator_hint().unwrap().contains("RETINA_SCAN"));
    assert!(!error.user_message().contains("RETINA"));
    assert!(error.start_again() && !error.is_outage());
}

#[tokio::test]
async fn clocks_that_differ_are_named_as_such() {
    for clock in [NOW + 7_200, NOW - 7_200] {
        let stub = Stub::with_keys(|_| tokens(Some(REFRESH_TOKEN))).await;
        let settings = settings(stub.address, FlowKind::UserPasswordAuth);
        let pool = UserPool::new(settings, Clock::at(clock)).unwrap();
        let error = pool.begin(credentials(), &mut None).await.unwrap_err();
        assert!(
            error.operator_hint().unwrap().contains("clock skew"),
            "{error:?}"
        );
        assert!(error.is_outage(), "{error:?}");
    }
}

#[tokio::test]
async fn without_keys_no_token_is_believed_and_nobody_is_to_blame() {
    let stub = Stub::start(|heard| match heard.operation() {
        "keys" => Say::Close,
        _ => tokens(Some(REFRESH_TOKEN)),
    })
    .await;
    let pool = password_pool(stub.address);
    for _ in 0..3 {
        let error = pool.begin(credentials(), &mut None).await.unwrap_err();
        assert!(
            matches!(&error, CognitoError::Keys(_)) && error.is_outage(),
            "{error:?}"
        );
        assert!(!pool.is_ready());
    }
    assert_eq!(
        stub.operations()
            .iter()
            .filter(|name| *name == "keys")
            .count(),
        1
    );
}

#[tokio::test]
async fn keeping_the_keys_fresh_makes_the_pool_ready() {
    let answers = Mutex::new(BTreeMap::from([(0, Say::Close)]));
    let turn = AtomicUsize::new(0);
    let stub = Stub::start(move |_| {
        let failure = answers
            .lock()
            .unwrap()
            .remove(&turn.fetch_add(1, Ordering::SeqCst));
        failure.unwrap_or_else(|| Say::Json(200, key_document(&[&ID_KEY])))
    })
    .await;
    let pool = password_pool(stub.address);
    let ready = async {
        while !pool.is_ready() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = pool.keep_keys_fresh() => panic!("it ended"),
        () = ready => {}
    }
    assert_eq!(stub.operations(), ["keys", "keys"]);
}
