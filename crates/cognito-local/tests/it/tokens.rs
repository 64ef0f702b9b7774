//! The tokens: signatures, keys, claims, and what the pool's own operations check of them.

use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::bed::{ADA, Bed, claims, text};

fn verifies(jwk: &Value, token: &str) -> bool {
    let part = |name: &str| URL_SAFE_NO_PAD.decode(text(&jwk[name])).unwrap();
    let key = RsaPublicKeyComponents {
        n: part("n"),
        e: part("e"),
    };
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        .is_ok()
}

#[tokio::test]
async fn each_token_verifies_with_the_published_key_its_header_names() {
    let bed = Bed::start().await;
    let jwks = bed.get("/local_MailPool1/.well-known/jwks.json").await.ok();
    let tokens = bed.signed_in("web").await;
    let mut kids = Vec::new();
    for name in ["IdToken", "AccessToken"] {
        let token = text(&tokens[name]);
        let header: Value = serde_json::from_slice(
            &URL_SAFE_NO_PAD
                .decode(token.split('.').next().unwrap())
                .unwrap(),
        )
        .unwrap();
        assert_eq!(header, json!({ "kid": header["kid"], "alg": "RS256" }));
        let jwk = jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .find(|jwk| jwk["kid"] == header["kid"])
            .unwrap();
        assert!(verifies(jwk, &token), "{name}");
        kids.push(header["kid"].clone());
    }
    assert_ne!(kids[0], kids[1]);
    bed.stop().await;
}

#[tokio::test]
async fn the_claims_are_those_of_a_sign_in_by_api() {
    let bed = Bed::start().await;
    let tokens = bed.signed_in("web").await;
    let (id, access) = (claims(&tokens["IdToken"]), claims(&tokens["AccessToken"]));
    let issuer = format!("{}/local_MailPool1", bed.pool.url());
    let now = bed.now();
    assert_eq!(
        id,
        json!({
            "sub": id["sub"], "iss": issuer, "aud": "web", "token_use": "id", "auth_time": now, "iat": now, "exp": now + 3600,
            "jti": id["jti"], "origin_jti": access["origin_jti"], "event_id": access["event_id"],
            "cognito:username": id["sub"], "cognito:groups": ["admins", "developers"],
            "email": ADA, "email_verified": true, "given_name": "Ada",
        })
    );
    assert_eq!(
        access,
        json!({
            "sub": id["sub"], "iss": issuer, "client_id": "web", "token_use": "access", "auth_time": now, "iat": now, "exp": now + 3600,
            "jti": access["jti"], "origin_jti": access["origin_jti"], "event_id": access["event_id"],
            "username": id["sub"], "scope": "aws.cognito.signin.user.admin", "cognito:groups": ["admins", "developers"],
        })
    );
    let length = text(&tokens["RefreshToken"]).len();
    assert!((1_600..1_800).contains(&length), "{length}");
    bed.stop().await;
}

#[tokio::test]
async fn groups_are_absent_when_there_are_none() {
    let bed = Bed::with_names().await;
    let tokens = bed
        .password_sign_in("names", "grace", "Correct-Horse-9")
        .await
        .tokens();
    assert!(claims(&tokens["IdToken"]).get("cognito:groups").is_none());
    assert_eq!(claims(&tokens["AccessToken"])["username"], "Grace");
    bed.stop().await;
}

#[tokio::test]
async fn the_issuer_can_be_shaped_like_the_services() {
    let bed = Bed::with(|settings| {
        settings.issuer_base = Some("https://cognito-idp.eu-west-1.amazonaws.com".to_owned())
    })
    .await;
    let issuer = "https://cognito-idp.eu-west-1.amazonaws.com/local_MailPool1";
    let tokens = bed.signed_in("web").await;
    assert_eq!(claims(&tokens["AccessToken"])["iss"], issuer);
    assert_eq!(bed.pool.pools()[0].issuer, issuer);
    let discovery = bed
        .get("/local_MailPool1/.well-known/openid-configuration")
        .await
        .ok();
    assert_eq!(discovery["issuer"], issuer);
    assert_eq!(
        discovery["jwks_uri"],
        format!("{}/local_MailPool1/.well-known/jwks.json", bed.pool.url())
    );
    bed.call("GetUser", json!({ "AccessToken": tokens["AccessToken"] }))
        .await
        .ok();
    bed.stop().await;
}

#[tokio::test]
async fn operations_of_the_user_take_a_valid_access_token_and_nothing_else() {
    let bed = Bed::start().await;
    let tokens = bed.signed_in("web").await;
    let get_user = async |token: &str| bed.call("GetUser", json!({ "AccessToken": token })).await;
    let access = text(&tokens["AccessToken"]);
    let (signed, signature) = access.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let mut claims = claims(&tokens["AccessToken"]);
    claims["username"] = "somebody".into();
    let forged = format!(
        "{header}.{}.{signature}",
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    for invalid in [
        text(&tokens["IdToken"]),
        text(&tokens["RefreshToken"]),
        forged,
        unsigned,
        "x".to_owned(),
    ] {
        get_user(&invalid)
            .await
            .assert_error("NotAuthorizedException", "Invalid Access Token");
    }
    get_user(&access).await.ok();
    bed.advance(Duration::from_secs(3_600));
    get_user(&access)
        .await
        .assert_error("NotAuthorizedException", "Access Token has expired");
    bed.stop().await;
}
