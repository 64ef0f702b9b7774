//! Refresh with and without rotation, revocation, sign-out everywhere.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::{ADA, Answer, Bed, SECRET, claims, secret_hash, text};

async fn refresh_auth(bed: &Bed, client: &str, token: &Value) -> Answer {
    let parameters = json!({ "REFRESH_TOKEN": token });
    let body = json!({ "AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": client, "AuthParameters": parameters });
    bed.call("InitiateAuth", body).await
}

async fn get_tokens(bed: &Bed, client: &str, token: &Value) -> Answer {
    bed.call(
        "GetTokensFromRefreshToken",
        json!({ "ClientId": client, "RefreshToken": token }),
    )
    .await
}

async fn get_user(bed: &Bed, tokens: &Value) -> Answer {
    bed.call("GetUser", json!({ "AccessToken": tokens["AccessToken"] }))
        .await
}

#[tokio::test]
async fn without_rotation_a_refresh_gives_new_tokens_and_keeps_the_old_refresh_token() {
    let bed = Bed::start().await;
    let first = bed.signed_in("web").await;
    bed.advance(Duration::from_secs(600));
    for renewed in [
        refresh_auth(&bed, "web", &first["RefreshToken"])
            .await
            .tokens(),
        get_tokens(&bed, "web", &first["RefreshToken"])
            .await
            .tokens(),
    ] {
        assert!(renewed.get("RefreshToken").is_none(), "{renewed}");
        let (old, new) = (claims(&first["IdToken"]), claims(&renewed["IdToken"]));
        for kept in ["sub", "auth_time", "origin_jti", "event_id"] {
            assert_eq!(old[kept], new[kept], "{kept}");
        }
        assert_eq!(new["exp"], bed.now() + 3600);
        assert_ne!(old["jti"], new["jti"]);
        get_user(&bed, &renewed).await.ok();
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_refresh_token_works_for_its_client_and_to_its_end_only() {
    let bed = Bed::start().await;
    let token = bed.signed_in("web").await["RefreshToken"].clone();
    let invalid = ("NotAuthorizedException", "Invalid Refresh Token.");
    get_tokens(&bed, "legacy", &token)
        .await
        .assert_error(invalid.0, invalid.1);
    let mut forged = text(&token);
    forged.replace_range(1_000..1_004, "AAAA");
    for forged in [forged.as_str(), "a.b.c.d.e", "x"] {
        get_tokens(&bed, "web", &forged.into())
            .await
            .assert_error(invalid.0, invalid.1);
    }
    bed.advance(Duration::from_secs(30 * 86_400));
    get_tokens(&bed, "web", &token)
        .await
        .assert_error("NotAuthorizedException", "Refresh Token has expired");
    bed.stop().await;
}

#[tokio::test]
async fn the_secret_is_a_hash_over_the_internal_name_in_one_call_and_plain_in_the_other() {
    let bed = Bed::start().await;
    let parameters = json!({ "USERNAME": ADA, "PASSWORD": "Correct-Horse-9", "SECRET_HASH": secret_hash(ADA, "server") });
    let body = json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "server", "AuthParameters": parameters });
    let tokens = bed.call("InitiateAuth", body).await.tokens();
    let username = text(&claims(&tokens["AccessToken"])["username"]);
    for (hash, accepted) in [
        (secret_hash(&username, "server"), true),
        (secret_hash(ADA, "server"), false),
    ] {
        let parameters = json!({ "REFRESH_TOKEN": tokens["RefreshToken"], "SECRET_HASH": hash });
        let body = json!({ "AuthFlow": "REFRESH_TOKEN_AUTH", "ClientId": "server", "AuthParameters": parameters });
        assert_eq!(bed.call("InitiateAuth", body).await.status == 200, accepted);
    }
    for (secret, accepted) in [
        (json!(SECRET), true),
        (json!("wrong"), false),
        (Value::Null, false),
    ] {
        let body = json!({ "ClientId": "server", "RefreshToken": tokens["RefreshToken"], "ClientSecret": secret });
        assert_eq!(
            bed.call("GetTokensFromRefreshToken", body).await.status == 200,
            accepted,
            "{secret}"
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn with_rotation_the_old_token_works_for_the_grace_period_and_is_reuse_after_it() {
    let bed = Bed::start().await;
    let first = bed.signed_in("rotating").await["RefreshToken"].clone();
    refresh_auth(&bed, "rotating", &first).await.assert_error(
        "InvalidParameterException",
        "REFRESH_TOKEN_AUTH flow not enabled for this client",
    );
    let second = get_tokens(&bed, "rotating", &first).await.tokens()["RefreshToken"].clone();
    assert_ne!(first, second);
    bed.advance(Duration::from_millis(9_999));
    let retried = get_tokens(&bed, "rotating", &first).await.tokens()["RefreshToken"].clone();
    bed.advance(Duration::from_millis(1));
    assert_eq!(
        get_tokens(&bed, "rotating", &first).await.error().0,
        "RefreshTokenReuseException"
    );
    for successor in [&second, &retried] {
        get_tokens(&bed, "rotating", successor).await.tokens();
    }
    bed.stop().await;
}

#[tokio::test]
async fn rotation_does_not_prolong_the_session() {
    let bed = Bed::start().await;
    let mut token = bed.signed_in("rotating").await["RefreshToken"].clone();
    for _day in 0..29 {
        bed.advance(Duration::from_secs(86_400));
        token = get_tokens(&bed, "rotating", &token).await.tokens()["RefreshToken"].clone();
    }
    bed.advance(Duration::from_secs(86_400));
    get_tokens(&bed, "rotating", &token)
        .await
        .assert_error("NotAuthorizedException", "Refresh Token has expired");
    bed.stop().await;
}

#[tokio::test]
async fn revoking_a_refresh_token_ends_its_sign_in_and_no_other() {
    let bed = Bed::start().await;
    let (one, other) = (bed.signed_in("web").await, bed.signed_in("web").await);
    let revoke = async |token: &Value, client: &str| {
        bed.call("RevokeToken", json!({ "Token": token, "ClientId": client }))
            .await
    };
    for nothing in [json!("unknown"), other["RefreshToken"].clone()] {
        revoke(&nothing, "legacy").await.ok();
    }
    revoke(&one["AccessToken"], "web").await.assert_error(
        "UnsupportedTokenTypeException",
        "Only refresh tokens can be revoked.",
    );
    assert_eq!(
        revoke(&one["RefreshToken"], "server").await.error().0,
        "UnauthorizedException"
    );
    assert!(revoke(&one["RefreshToken"], "web").await.body.is_empty());
    revoke(&one["RefreshToken"], "web").await.ok();
    get_tokens(&bed, "web", &one["RefreshToken"])
        .await
        .assert_error("NotAuthorizedException", "Refresh Token has been revoked");
    get_user(&bed, &one)
        .await
        .assert_error("NotAuthorizedException", "Access Token has been revoked");
    get_user(&bed, &other).await.ok();
    get_tokens(&bed, "web", &other["RefreshToken"])
        .await
        .tokens();
    bed.stop().await;
}

#[tokio::test]
async fn global_sign_out_ends_every_sign_in_of_the_user_at_every_client() {
    let bed = Bed::start().await;
    for operation in [
        "GlobalSignOut",
        "AdminUserGlobalSignOut",
        "AdminDisableUser",
    ] {
        let (one, other) = (bed.signed_in("web").await, bed.signed_in("rotating").await);
        let body = json!({ "AccessToken": one["AccessToken"], "UserPoolId": "local_MailPool1", "Username": ADA });
        assert_eq!(bed.call(operation, body).await.ok(), json!({}));
        for (client, tokens) in [("web", &one), ("rotating", &other)] {
            get_user(&bed, tokens)
                .await
                .assert_error("NotAuthorizedException", "Access Token has been revoked");
            let refused = get_tokens(&bed, client, &tokens["RefreshToken"]).await;
            refused.assert_error("NotAuthorizedException", "Refresh Token has been revoked");
        }
    }
    bed.stop().await;
}
