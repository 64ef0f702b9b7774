//! What `sidegate check` asks of a pool.

use super::*;

#[tokio::test]
async fn a_probe_names_nobody_who_can_be_written_to() {
    for flow in [FlowKind::UserSrpAuth, FlowKind::UserPasswordAuth] {
        let stub = Stub::start(in_turn(vec![srp_challenge()])).await;
        let opening = pool(stub.address, flow).probe_sign_in().await.unwrap();
        assert_eq!(opening.challenge.as_deref(), Some("PASSWORD_VERIFIER"));
        assert!(opening.username.ends_with("@check.invalid"), "{opening:?}");
        let heard = stub.heard();
        assert_eq!(heard.len(), 1, "it goes no further than the first call");
        assert!(heard[0].body.contains(&opening.username));
    }
}

#[tokio::test]
async fn renewal_is_tried_in_both_ways() {
    let stub = Stub::start(|heard| match heard.operation() {
        "InitiateAuth" => Say::exception("NotAuthorizedException", "Invalid Refresh Token."),
        _ => Say::exception("UnknownOperationException", ""),
    })
    .await;
    let error = password_pool(stub.address)
        .probe_refresh()
        .await
        .unwrap_err();
    assert!(
        matches!(error, CognitoError::RefreshRefused(_)),
        "{error:?}"
    );
    assert_eq!(
        stub.operations(),
        ["GetTokensFromRefreshToken", "InitiateAuth"]
    );
}

#[tokio::test]
async fn the_clock_is_compared_with_the_services() {
    let dated = |date: &str| {
        format!("HTTP/1.1 400 Bad Request\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n")
    };
    // NOW is 3 March 2026, 04:05:06.
    for (answer, ahead) in [
        (dated("Tue, 03 Mar 2026 04:05:06 GMT"), Some(0)),
        (dated("Tue, 03 Mar 2026 04:04:06 GMT"), Some(60)),
        (dated("Tue, 03 Mar 2026 05:05:06 GMT"), Some(-3600)),
        (dated("yesterday"), None),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
            None,
        ),
    ] {
        let stub = Stub::start(in_turn(vec![Say::Raw(answer.clone())])).await;
        let clock = password_pool(stub.address).probe_clock().await.unwrap();
        assert_eq!(clock, ahead, "{answer}");
    }
}

/// The values are of the kind that a log would show, so the answers hold secrets too.
#[tokio::test]
async fn the_pools_settings_are_read_by_signed_calls() {
    let stub = Stub::start(|heard| {
        Say::Json(
            200,
            match heard.operation() {
                "DescribeUserPool" => json!({"UserPool": {
                    "LambdaConfig": {"UserMigration": "arn:aws:lambda:eu-west-1:1:function:m", "PreSignUp": "arn:x"},
                    "DeviceConfiguration": {}, "UserPoolTier": "LITE",
                    "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true},
                    "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}},
                    "AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
                }}),
                "DescribeUserPoolClient" => json!({"UserPoolClient": {
                    "ClientSecret": "planted-secret-of-the-client-0123456789", "ExplicitAuthFlows": ["ALLOW_USER_AUTH"],
                    "AccessTokenValidity": 10, "TokenValidityUnits": {"AccessToken": "minutes"},
                    "RefreshTokenValidity": 2, "AuthSessionValidity": 7,
                    "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 20},
                    "CallbackURLs": ["https://a.example.com/"], "ReadAttributes": ["email"],
                }}),
                _ => json!({"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true},
                    "WebAuthnConfiguration": {"RelyingPartyId": "example.com"}}),
            }
            .to_string(),
        )
    })
    .await;
    let credentials = AwsCredentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Secret::new("planted-secret-key".to_owned()),
        session_token: Some(Secret::new("planted-session-token".to_owned())),
    };
    let described = password_pool(stub.address).describe(credentials).await;
    for heard in stub.heard() {
        let head = heard.head.to_ascii_lowercase();
        assert!(
            head.contains("authorization: aws4-hmac-sha256 credential=akidexample/"),
            "{head}"
        );
        assert!(
            head.contains("x-amz-security-token: planted-session-token"),
            "{head}"
        );
    }
    assert_eq!(stub.heard().len(), 3);
    let debug = format!("{described:?}");
    assert!(!debug.contains("planted"), "{debug}");
    let (pool, client, mfa) = (
        described.pool.unwrap(),
        described.client.unwrap(),
        described.mfa.unwrap(),
    );
    assert_eq!(pool.triggers.keys().collect::<Vec<_>>(), [&"UserMigration"]);
    assert!(pool.devices.is_some() && pool.admin_create_user_only);
    assert_eq!(pool.first_factors, ["PASSWORD", "WEB_AUTHN"]);
    assert_eq!(pool.recovery, ["verified_email"]);
    assert_eq!(pool.tier.as_deref(), Some("LITE"));
    assert!(
        client.tells_existence,
        "LEGACY is the default of the service"
    );
    assert_eq!(client.access_token, Duration::from_secs(600));
    assert_eq!(client.id_token, Duration::from_secs(3600));
    assert_eq!(client.refresh_token, Duration::from_secs(2 * 86_400));
    assert_eq!(client.auth_session, Duration::from_secs(420));
    assert_eq!(client.rotation_grace, Some(Duration::from_secs(20)));
    assert_eq!(mfa.mode, "OPTIONAL");
    assert_eq!(mfa.factors, ["SOFTWARE_TOKEN_MFA"]);
    assert_eq!(mfa.relying_party_id.as_deref(), Some("example.com"));
}
