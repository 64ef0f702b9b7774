//! Second factors while signing in: which one is asked, authenticator apps, set-up.

use std::time::Duration;

use cognito_local::{Seed, totp};
use serde_json::{Value, json};

use crate::bed::{Answer, Bed, text};

pub(crate) const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
pub(crate) const PASSWORD: &str = "Correct-Horse-9";

/// A pool with `settings` of `[[pool]]` and users of every kind.
pub(crate) fn seed(settings: &str) -> String {
    format!(
        r#"
[[pool]]
name = "factors"
id = "local_Factors1"
{settings}
[[pool.client]]
name = "web"
id = "web"
explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_AUTH"]
[[pool.client]]
name = "other"
id = "other"
explicit_auth_flows = ["ALLOW_USER_PASSWORD_AUTH"]
[[pool.client]]
name = "legacy"
id = "legacy"
prevent_user_existence_errors = "LEGACY"
explicit_auth_flows = ["ALLOW_USER_AUTH"]
[[pool.user]]
username = "plain"
password = "{PASSWORD}"
[[pool.user]]
username = "app"
password = "{PASSWORD}"
mfa = ["SOFTWARE_TOKEN_MFA"]
totp_secret = "{SECRET}"
[[pool.user]]
username = "phone"
password = "{PASSWORD}"
mfa = ["SMS_MFA"]
attributes = {{ phone_number = "+15555550100", phone_number_verified = "true" }}
[[pool.user]]
username = "all"
password = "{PASSWORD}"
mfa = ["SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"]
totp_secret = "{SECRET}"
attributes = {{ phone_number = "+15555550101", phone_number_verified = "true", email = "all@example.com", email_verified = "true" }}
[[pool.user]]
username = "preferring"
password = "{PASSWORD}"
mfa = ["SOFTWARE_TOKEN_MFA", "SMS_MFA"]
preferred_mfa = "SOFTWARE_TOKEN_MFA"
totp_secret = "{SECRET}"
attributes = {{ phone_number = "+15555550102", phone_number_verified = "true" }}
[[pool.user]]
username = "mail"
password = "{PASSWORD}"
attributes = {{ email = "mail@example.com", email_verified = "true" }}
[[pool.user]]
username = "unverified"
password = "{PASSWORD}"
attributes = {{ email = "unverified@example.com", phone_number = "+15555550103" }}
"#
    )
}

pub(crate) const ALL_METHODS: &str =
    r#"mfa_methods = ["SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"]"#;

pub(crate) async fn bed(settings: &str) -> Bed {
    let seed = Seed::from_toml(&seed(settings), "the test's seed")
        .unwrap_or_else(|error| panic!("{error}"));
    Bed::with(|settings| settings.seed = seed).await
}

pub(crate) async fn optional() -> Bed {
    bed(&format!("mfa = \"OPTIONAL\"\n{ALL_METHODS}")).await
}

async fn required() -> Bed {
    bed(&format!("mfa = \"ON\"\n{ALL_METHODS}")).await
}

impl Bed {
    pub(crate) async fn password(&self, username: &str) -> Answer {
        self.password_sign_in("web", username, PASSWORD).await
    }

    /// RespondToAuthChallenge by the client `web`.
    pub(crate) async fn respond(
        &self,
        challenge: &str,
        session: &Value,
        responses: Value,
    ) -> Answer {
        let body = json!({ "ChallengeName": challenge, "ClientId": "web", "Session": session, "ChallengeResponses": responses });
        self.call("RespondToAuthChallenge", body).await
    }

    pub(crate) fn totp(&self, secret: &str) -> String {
        totp::code(secret, self.now()).unwrap()
    }

    /// The newest code sent to an address.
    pub(crate) async fn code_for(&self, to: &str) -> String {
        let to = to.replace('+', "%2B").replace('@', "%40");
        let messages = self.get(&format!("/outbox.json?to={to}")).await.ok();
        text(&messages["messages"][0]["code"])
    }
}

pub(crate) const MISMATCH: &str = "Invalid verification code provided, please try again.";

#[tokio::test]
async fn which_factor_is_asked_follows_the_pool_and_the_user() {
    let rows = [
        ("OFF", "all", None),
        ("OPTIONAL", "plain", None),
        ("OPTIONAL", "mail", None),
        ("OPTIONAL", "app", Some("SOFTWARE_TOKEN_MFA")),
        ("OPTIONAL", "phone", Some("SMS_MFA")),
        ("OPTIONAL", "all", Some("SELECT_MFA_TYPE")),
        ("OPTIONAL", "preferring", Some("SOFTWARE_TOKEN_MFA")),
        ("ON", "plain", Some("MFA_SETUP")),
        ("ON", "unverified", Some("MFA_SETUP")),
        ("ON", "mail", Some("EMAIL_OTP")),
        ("ON", "phone", Some("SMS_MFA")),
        ("ON", "app", Some("SOFTWARE_TOKEN_MFA")),
        ("ON", "all", Some("SELECT_MFA_TYPE")),
    ];
    for configuration in ["OFF", "OPTIONAL", "ON"] {
        let bed = bed(&format!("mfa = \"{configuration}\"\n{ALL_METHODS}")).await;
        for (_, user, expected) in rows.iter().filter(|(row, _, _)| *row == configuration) {
            let answer = bed.password(user).await.ok();
            assert_eq!(
                answer["ChallengeName"].as_str(),
                *expected,
                "{configuration} {user}: {answer}"
            );
        }
        bed.stop().await;
    }
}

#[tokio::test]
async fn an_app_code_signs_in_once_and_a_wrong_one_leaves_the_session_usable() {
    let bed = optional().await;
    let challenge = bed.password("app").await.ok();
    assert_eq!(
        challenge["ChallengeParameters"],
        json!({ "USER_ID_FOR_SRP": "app" })
    );
    let session = &challenge["Session"];
    let answer = |code: String| json!({ "USERNAME": "app", "SOFTWARE_TOKEN_MFA_CODE": code });
    let name = "SOFTWARE_TOKEN_MFA";
    let code = bed.totp(SECRET);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..2 {
        bed.respond(name, session, answer(wrong.to_owned()))
            .await
            .assert_error("CodeMismatchException", MISMATCH);
    }
    bed.respond(name, session, answer(code.clone()))
        .await
        .tokens();
    bed.respond(name, session, answer(code.clone()))
        .await
        .assert_error(
            "NotAuthorizedException",
            "Invalid session for the user, session can only be used once.",
        );
    let again = bed.password("app").await.ok();
    bed.respond(name, &again["Session"], answer(code))
        .await
        .assert_error(
            "ExpiredCodeException",
            "Your software token has already been used once.",
        );
    bed.advance(Duration::from_secs(30));
    let fresh = bed.totp(SECRET);
    bed.respond(name, &again["Session"], answer(fresh))
        .await
        .tokens();
    bed.stop().await;
}

#[tokio::test]
async fn five_wrong_codes_lock_and_the_right_password_does_not_unlock() {
    let bed = optional().await;
    let session = bed.password("app").await.ok()["Session"].clone();
    let wrong = json!({ "USERNAME": "app", "SOFTWARE_TOKEN_MFA_CODE": "abcdef" });
    for _ in 0..5 {
        bed.respond("SOFTWARE_TOKEN_MFA", &session, wrong.clone())
            .await
            .assert_error("CodeMismatchException", MISMATCH);
    }
    let fresh = bed.password("app").await.ok()["Session"].clone();
    let right = json!({ "USERNAME": "app", "SOFTWARE_TOKEN_MFA_CODE": bed.totp(SECRET) });
    for session in [&session, &fresh] {
        bed.respond("SOFTWARE_TOKEN_MFA", session, right.clone())
            .await
            .assert_error("NotAuthorizedException", "Password attempts exceeded");
    }
    bed.advance(Duration::from_secs(1));
    bed.respond("SOFTWARE_TOKEN_MFA", &fresh, right)
        .await
        .tokens();
    bed.stop().await;
}

#[tokio::test]
async fn a_session_answers_its_own_challenge_user_client_and_time_only() {
    let bed = optional().await;
    let session = bed.password("app").await.ok()["Session"].clone();
    let code = bed.totp(SECRET);
    let foreign = "Invalid session for the user.";
    for (challenge, responses) in [
        (
            "SMS_MFA",
            json!({ "USERNAME": "app", "SMS_MFA_CODE": code }),
        ),
        (
            "EMAIL_OTP",
            json!({ "USERNAME": "app", "EMAIL_OTP_CODE": code }),
        ),
        (
            "SELECT_MFA_TYPE",
            json!({ "USERNAME": "app", "ANSWER": "SMS_MFA" }),
        ),
        ("MFA_SETUP", json!({ "USERNAME": "app" })),
        (
            "SOFTWARE_TOKEN_MFA",
            json!({ "USERNAME": "all", "SOFTWARE_TOKEN_MFA_CODE": code }),
        ),
    ] {
        bed.respond(challenge, &session, responses)
            .await
            .assert_error("NotAuthorizedException", foreign);
    }
    let right = json!({ "USERNAME": "app", "SOFTWARE_TOKEN_MFA_CODE": code });
    let body = json!({ "ChallengeName": "SOFTWARE_TOKEN_MFA", "ClientId": "other", "Session": session, "ChallengeResponses": right });
    bed.call("RespondToAuthChallenge", body)
        .await
        .assert_error("NotAuthorizedException", foreign);
    bed.call("AssociateSoftwareToken", json!({ "Session": session }))
        .await
        .assert_error("NotAuthorizedException", foreign);
    bed.advance(Duration::from_secs(180));
    bed.respond("SOFTWARE_TOKEN_MFA", &session, right)
        .await
        .assert_error(
            "NotAuthorizedException",
            "Invalid session for the user, session is expired.",
        );
    bed.stop().await;
}

#[tokio::test]
async fn who_has_several_factors_and_prefers_none_chooses() {
    let bed = optional().await;
    for (answer, challenge) in [
        ("SMS_MFA", "SMS_MFA"),
        ("SOFTWARE_TOKEN_MFA", "SOFTWARE_TOKEN_MFA"),
        ("EMAIL_OTP", "EMAIL_OTP"),
        ("EMAIL_MFA", "EMAIL_OTP"),
    ] {
        let select = bed.password("all").await.ok();
        assert_eq!(
            select["ChallengeParameters"],
            json!({
                "MFAS_CAN_CHOOSE": r#"["SMS_MFA","SOFTWARE_TOKEN_MFA","EMAIL_OTP"]"#,
                "USER_ID_FOR_SRP": "all",
            })
        );
        let with = |answer: &str| json!({ "USERNAME": "all", "ANSWER": answer });
        let name = "SELECT_MFA_TYPE";
        bed.respond(name, &select["Session"], with("PIGEON"))
            .await
            .assert_error("InvalidParameterException", "Invalid MFA type selected.");
        let chosen = bed
            .respond(name, &select["Session"], with(answer))
            .await
            .ok();
        assert_eq!(chosen["ChallengeName"], challenge);
        assert_eq!(
            bed.respond(name, &select["Session"], with(answer))
                .await
                .status,
            400,
            "a choice is made once"
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn an_app_is_set_up_while_signing_in() {
    let bed = required().await;
    let setup = bed.password("plain").await.ok();
    assert_eq!(
        setup["ChallengeParameters"],
        json!({
            "MFAS_CAN_SETUP": r#"["SMS_MFA","SOFTWARE_TOKEN_MFA","EMAIL_OTP"]"#,
            "USER_ID_FOR_SRP": "plain",
        })
    );
    let first = setup["Session"].clone();
    let early = bed
        .respond("MFA_SETUP", &first, json!({ "USERNAME": "plain" }))
        .await;
    assert_eq!(early.error().0, "InvalidParameterException");
    let associated = bed
        .call("AssociateSoftwareToken", json!({ "Session": first }))
        .await
        .ok();
    let secret = text(&associated["SecretCode"]);
    assert!(secret.len() >= 16, "{secret}");
    let verify = |session: &Value, code: &str| json!({ "Session": session, "UserCode": code, "FriendlyDeviceName": "telephone" });
    let code = bed.totp(&secret);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    bed.call("VerifySoftwareToken", verify(&associated["Session"], wrong))
        .await
        .assert_error("EnableSoftwareTokenMFAException", "Code mismatch");
    let verified = bed
        .call("VerifySoftwareToken", verify(&associated["Session"], &code))
        .await
        .ok();
    assert_eq!(verified["Status"], "SUCCESS");
    for spent in [&first, &associated["Session"]] {
        assert_eq!(
            bed.respond("MFA_SETUP", spent, json!({ "USERNAME": "plain" }))
                .await
                .status,
            400
        );
    }
    let done = bed
        .respond(
            "MFA_SETUP",
            &verified["Session"],
            json!({ "USERNAME": "plain" }),
        )
        .await;
    let user = bed
        .call(
            "GetUser",
            json!({ "AccessToken": done.tokens()["AccessToken"] }),
        )
        .await
        .ok();
    assert_eq!(user["UserMFASettingList"], json!(["SOFTWARE_TOKEN_MFA"]));

    let next = bed.password("plain").await.ok();
    assert_eq!(next["ChallengeName"], "SOFTWARE_TOKEN_MFA");
    assert_eq!(
        next["ChallengeParameters"]["FRIENDLY_DEVICE_NAME"],
        "telephone"
    );
    let with = |code: String| json!({ "USERNAME": "plain", "SOFTWARE_TOKEN_MFA_CODE": code });
    let replay = bed
        .respond("SOFTWARE_TOKEN_MFA", &next["Session"], with(code))
        .await;
    assert_eq!(replay.error().0, "ExpiredCodeException");
    bed.advance(Duration::from_secs(30));
    let fresh = bed.totp(&secret);
    bed.respond("SOFTWARE_TOKEN_MFA", &next["Session"], with(fresh))
        .await
        .tokens();
    bed.stop().await;
}

#[tokio::test]
async fn a_set_up_begun_by_somebody_else_cannot_replace_a_factor_that_exists_by_now() {
    let bed = required().await;
    let (mine, theirs) = (
        bed.password("plain").await.ok(),
        bed.password("plain").await.ok(),
    );
    let theirs = bed
        .call(
            "AssociateSoftwareToken",
            json!({ "Session": theirs["Session"] }),
        )
        .await
        .ok();
    let mine = bed
        .call(
            "AssociateSoftwareToken",
            json!({ "Session": mine["Session"] }),
        )
        .await
        .ok();
    let verify = |associated: &Value| {
        let code = bed.totp(&text(&associated["SecretCode"]));
        json!({ "Session": associated["Session"], "UserCode": code })
    };
    bed.call("VerifySoftwareToken", verify(&mine)).await.ok();
    bed.call("VerifySoftwareToken", verify(&theirs))
        .await
        .assert_error("NotAuthorizedException", "Invalid session for the user.");
    bed.stop().await;
}
