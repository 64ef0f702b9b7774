//! Codes by e-mail and SMS as a second factor, and an address proven while signing in.

use std::time::Duration;

use serde_json::json;

use crate::bed::text;
use crate::mfa::{ALL_METHODS, MISMATCH, bed};

#[tokio::test]
async fn a_code_goes_to_the_outbox_and_signs_in() {
    let bed = bed(&format!("mfa = \"ON\"\n{ALL_METHODS}")).await;
    for (user, challenge, to, digits, parameters) in [
        (
            "phone",
            "SMS_MFA",
            "+15555550100",
            6,
            json!({
                "CODE_DELIVERY_DELIVERY_MEDIUM": "SMS",
                "CODE_DELIVERY_DESTINATION": "+*******0100",
                "USER_ID_FOR_SRP": "phone",
            }),
        ),
        (
            "mail",
            "EMAIL_OTP",
            "mail@example.com",
            8,
            json!({
                "CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL",
                "CODE_DELIVERY_DESTINATION": "m***@e***",
            }),
        ),
    ] {
        let asked = bed.password(user).await.ok();
        assert_eq!(asked["ChallengeName"], challenge);
        assert_eq!(asked["ChallengeParameters"], parameters);
        let code = bed.code_for(to).await;
        assert!(
            code.len() == digits && code.bytes().all(|byte| byte.is_ascii_digit()),
            "{code}"
        );
        let with = |code: &str| json!({ "USERNAME": user, format!("{challenge}_CODE"): code });
        for wrong in ["x", "0", &format!("{code}0")] {
            bed.respond(challenge, &asked["Session"], with(wrong))
                .await
                .assert_error("CodeMismatchException", MISMATCH);
        }
        bed.respond(challenge, &asked["Session"], with(""))
            .await
            .assert_error(
                "InvalidParameterException",
                &format!("Missing required parameter {challenge}_CODE"),
            );
        bed.respond(challenge, &asked["Session"], with(&code))
            .await
            .tokens();
        let again = bed.respond(challenge, &asked["Session"], with(&code)).await;
        again.assert_error(
            "NotAuthorizedException",
            "Invalid session for the user, session can only be used once.",
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_code_belongs_to_its_own_session_and_ends_with_it() {
    let bed = bed(&format!("mfa = \"ON\"\n{ALL_METHODS}")).await;
    let first = bed.password("mail").await.ok();
    let old = bed.code_for("mail@example.com").await;
    let second = bed.password("mail").await.ok();
    let with = |code: &str| json!({ "USERNAME": "mail", "EMAIL_OTP_CODE": code });
    bed.respond("EMAIL_OTP", &second["Session"], with(&old))
        .await
        .assert_error("CodeMismatchException", MISMATCH);
    bed.advance(Duration::from_secs(180));
    bed.respond("EMAIL_OTP", &first["Session"], with(&old))
        .await
        .assert_error(
            "NotAuthorizedException",
            "Invalid session for the user, session is expired.",
        );
    bed.stop().await;
}

#[tokio::test]
async fn an_address_is_set_up_while_signing_in() {
    let bed = bed(&format!("mfa = \"ON\"\n{ALL_METHODS}")).await;
    for (key, user, address) in [
        ("EMAIL", "plain", "plain@example.com"),
        ("email", "unverified", "unverified@example.com"),
    ] {
        let setup = bed.password(user).await.ok();
        let with = |address: &str| json!({ "USERNAME": user, key: address });
        bed.respond("MFA_SETUP", &setup["Session"], with("nonsense"))
            .await
            .assert_error("InvalidParameterException", "Invalid email address format.");
        let asked = bed
            .respond("MFA_SETUP", &setup["Session"], with(address))
            .await
            .ok();
        assert_eq!(asked["ChallengeName"], "EMAIL_OTP");
        let code = bed.code_for(address).await;
        let answer = json!({ "USERNAME": user, "EMAIL_OTP_CODE": code });
        let tokens = bed
            .respond("EMAIL_OTP", &asked["Session"], answer)
            .await
            .tokens();
        let shown = bed
            .call("GetUser", json!({ "AccessToken": tokens["AccessToken"] }))
            .await
            .ok();
        assert_eq!(shown["UserMFASettingList"], json!(["EMAIL_OTP"]));
        let attributes = shown["UserAttributes"].as_array().unwrap();
        for (name, value) in [("email", address), ("email_verified", "true")] {
            let found = attributes.iter().find(|one| one["Name"] == name).unwrap();
            assert_eq!(text(&found["Value"]), value);
        }
        assert_eq!(bed.password(user).await.ok()["ChallengeName"], "EMAIL_OTP");
    }
    let setup = bed.password("unverified").await.ok();
    assert_eq!(setup["ChallengeName"], "EMAIL_OTP");
    bed.stop().await;
}

#[tokio::test]
async fn an_address_the_user_has_is_not_swapped_for_another_one_on_the_way() {
    let bed = bed(&format!("mfa = \"ON\"\n{ALL_METHODS}")).await;
    let setup = bed.password("unverified").await.ok();
    let answer = json!({ "USERNAME": "unverified", "EMAIL": "mallory@example.com" });
    bed.respond("MFA_SETUP", &setup["Session"], answer)
        .await
        .assert_error(
            "NotAuthorizedException",
            "Cannot modify an already provided email",
        );
    bed.stop().await;
}
