//! Second factors as they are set: by the user who is signed in, by the pool's administrator, and by the seed.

use cognito_local::Seed;
use serde_json::{Value, json};

use crate::bed::text;
use crate::mfa::{bed, optional};

#[tokio::test]
async fn a_signed_in_user_switches_an_app_on_prefers_it_and_switches_it_off() {
    let bed = optional().await;
    let tokens = bed.password("plain").await.tokens();
    let token = &tokens["AccessToken"];
    let prefer = |enabled: bool, preferred: bool| json!({ "AccessToken": token, "SoftwareTokenMfaSettings": { "Enabled": enabled, "PreferredMfa": preferred } });
    bed.call("SetUserMFAPreference", prefer(true, true))
        .await
        .assert_error(
            "InvalidParameterException",
            "User has not verified software token mfa",
        );
    let unasked = json!({ "AccessToken": token, "UserCode": "123456" });
    let (name, _) = bed.call("VerifySoftwareToken", unasked).await.error();
    assert_eq!(name, "SoftwareTokenMFANotFoundException");
    let associated = bed
        .call("AssociateSoftwareToken", json!({ "AccessToken": token }))
        .await
        .ok();
    let secret = text(&associated["SecretCode"]);
    let code = bed.totp(&secret);
    let verified = bed
        .call(
            "VerifySoftwareToken",
            json!({ "AccessToken": token, "UserCode": code }),
        )
        .await
        .ok();
    assert_eq!(verified, json!({ "Status": "SUCCESS" }));
    bed.password("plain").await.tokens();
    bed.call("SetUserMFAPreference", prefer(true, true))
        .await
        .ok();
    let factors = bed
        .call("GetUserAuthFactors", json!({ "AccessToken": token }))
        .await
        .ok();
    assert_eq!(
        factors,
        json!({
            "Username": "plain",
            "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
            "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"],
            "ConfiguredUserAuthFactors": ["PASSWORD"],
        })
    );
    assert_eq!(
        bed.password("plain").await.ok()["ChallengeName"],
        "SOFTWARE_TOKEN_MFA"
    );
    bed.call("SetUserMFAPreference", prefer(false, false))
        .await
        .ok();
    bed.password("plain").await.tokens();
    bed.stop().await;
}

#[tokio::test]
async fn preferences_that_would_lock_a_user_out_or_contradict_each_other_are_refused() {
    let bed = optional().await;
    let set = |user: &str, settings: Value| {
        let mut body = json!({ "UserPoolId": "local_Factors1", "Username": user });
        body.as_object_mut()
            .unwrap()
            .extend(settings.as_object().unwrap().clone());
        body
    };
    let on = json!({ "Enabled": true, "PreferredMfa": true });
    for (user, settings, expected) in [
        (
            "plain",
            json!({ "SMSMfaSettings": on }),
            "User does not have delivery config set to turn on SMS_MFA",
        ),
        (
            "unverified",
            json!({ "EmailMfaSettings": on }),
            "User does not have delivery config set to turn on EMAIL_OTP",
        ),
        (
            "all",
            json!({ "EmailMfaSettings": on, "SMSMfaSettings": on }),
            "Only one MFA method can be set as preferred",
        ),
        (
            "mail",
            json!({ "EmailMfaSettings": { "Enabled": false, "PreferredMfa": true } }),
            "EMAIL_OTP must be enabled to be preferred",
        ),
    ] {
        bed.call("AdminSetUserMFAPreference", set(user, settings))
            .await
            .assert_error("InvalidParameterException", expected);
    }
    bed.call(
        "AdminSetUserMFAPreference",
        set("mail", json!({ "EmailMfaSettings": on })),
    )
    .await
    .ok();
    let shown = bed
        .call(
            "AdminGetUser",
            json!({ "UserPoolId": "local_Factors1", "Username": "mail" }),
        )
        .await
        .ok();
    assert_eq!(shown["PreferredMfaSetting"], "EMAIL_OTP");
    assert_eq!(
        bed.password("mail").await.ok()["ChallengeName"],
        "EMAIL_OTP"
    );
    bed.stop().await;
}

#[tokio::test]
async fn the_pools_factors_are_set_and_shown_by_api() {
    let bed = bed("").await;
    let set = |mut body: Value| {
        body["UserPoolId"] = "local_Factors1".into();
        body
    };
    let (name, _) = bed
        .call(
            "SetUserPoolMfaConfig",
            set(json!({ "MfaConfiguration": "ON" })),
        )
        .await
        .error();
    assert_eq!(name, "InvalidParameterException", "nobody could sign in");
    let body = set(json!({
        "MfaConfiguration": "OPTIONAL",
        "SoftwareTokenMfaConfiguration": { "Enabled": true },
        "EmailMfaConfiguration": { "Subject": "Code", "Message": "{####}" },
    }));
    bed.call("SetUserPoolMfaConfig", body).await.ok();
    let passkeys = json!({ "RelyingPartyId": "localhost", "UserVerification": "required" });
    bed.call(
        "SetUserPoolMfaConfig",
        set(json!({ "WebAuthnConfiguration": passkeys })),
    )
    .await
    .ok();
    let shown = bed.call("GetUserPoolMfaConfig", set(json!({}))).await.ok();
    assert_eq!(
        shown,
        json!({
            "MfaConfiguration": "OPTIONAL",
            "SoftwareTokenMfaConfiguration": { "Enabled": true },
            "EmailMfaConfiguration": { "Subject": "Code", "Message": "{####}" },
            "WebAuthnConfiguration": {
                "RelyingPartyId": "localhost",
                "UserVerification": "required",
                "FactorConfiguration": "SINGLE_FACTOR",
            },
        })
    );
    assert_eq!(
        bed.password("app").await.ok()["ChallengeName"],
        "SOFTWARE_TOKEN_MFA"
    );
    let described = bed.call("DescribeUserPool", set(json!({}))).await.ok();
    assert_eq!(described["UserPool"]["MfaConfiguration"], "OPTIONAL");

    let update = set(json!({
        "MfaConfiguration": "ON",
        "DeviceConfiguration": { "ChallengeRequiredOnNewDevice": true },
        "Policies": { "SignInPolicy": { "AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"] } },
    }));
    bed.call("UpdateUserPool", update).await.ok();
    let described = bed.call("DescribeUserPool", set(json!({}))).await.ok()["UserPool"].clone();
    assert_eq!(described["MfaConfiguration"], "ON");
    assert_eq!(
        described["DeviceConfiguration"],
        json!({ "ChallengeRequiredOnNewDevice": true, "DeviceOnlyRememberedOnUserPrompt": false })
    );
    assert_eq!(
        described["Policies"]["SignInPolicy"]["AllowedFirstAuthFactors"],
        json!(["PASSWORD", "EMAIL_OTP"])
    );
    let shown = bed.call("GetUserPoolMfaConfig", set(json!({}))).await.ok();
    assert_eq!(
        shown["SoftwareTokenMfaConfiguration"]["Enabled"], true,
        "UpdateUserPool knows SMS alone"
    );
    bed.stop().await;
}

#[test]
fn a_seed_with_factors_that_cannot_work_is_refused_line_by_line() {
    let text = r#"
[[pool]]
name = "factors"
mfa = "ON"
first_factors = ["WEB_AUTHN", "PIN"]
[[pool.user]]
username = "ada"
mfa = ["SOFTWARE_TOKEN_MFA", "SMS_MFA"]
preferred_mfa = "EMAIL_OTP"
[[pool.user]]
username = "bob"
totp_secret = "short"
"#;
    let error = Seed::from_toml(text, "pool.toml").unwrap_err().to_string();
    for expected in [
        "pool[1] (pool.toml:2): MfaConfiguration ON needs a second factor",
        "pool[1].first_factors (pool.toml:5): \"PIN\" is none of them",
        "pool[1].user[1].mfa (pool.toml:8): SMS_MFA needs the attributes phone_number",
        "; SOFTWARE_TOKEN_MFA needs totp_secret",
        "pool[1].user[1].preferred_mfa (pool.toml:9): must be one of the user's mfa",
        "pool[1].user[2].totp_secret (pool.toml:12): must be base32",
    ] {
        assert!(error.contains(expected), "missing: {expected}\n{error}");
    }
}
