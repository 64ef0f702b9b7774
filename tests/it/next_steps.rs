//! The steps of a sign-in that an app meets by the API, by Amplify's names, over real sockets and the local pool.
//!
//! `assets/openapi.json` lists them all; `challenges.rs` and `api.rs` have those that are not here.

use http::Method;
use serde_json::{Value, json};

use crate::bed::{BEGAN, PASSWORD, TestBed, USER};
use crate::browser::{Browser, Page};
use crate::challenges::{BOB, CHOICES, CUSTOM, SECRET, TWO_FACTORS, totp};

/// Neither is ready to sign in.
const NOT_READY: &str = r#"
[[pool.user]]
username = "late@example.com"
password = "Correct-Horse-9!"
status = "UNCONFIRMED"
attributes = { given_name = "Late" }
[[pool.user]]
username = "reset@example.com"
password = "Correct-Horse-9!"
status = "RESET_REQUIRED"
attributes = { given_name = "Reset", email_verified = "true" }
"#;

/// Everybody needs a second factor. One has a telephone, the other sets something up.
const NEEDED: &str = r#"
mfa = "ON"
mfa_methods = ["SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"]
[[pool.user]]
username = "phone@example.com"
password = "Correct-Horse-9!"
mfa = ["SMS_MFA"]
preferred_mfa = "SMS_MFA"
attributes = { given_name = "Phone", phone_number = "+15555550100", phone_number_verified = "true" }
[[pool.user]]
username = "unproven@example.com"
password = "Correct-Horse-9!"
attributes = { given_name = "Unproven" }
"#;

async fn post(app: &mut Browser, path: &str, body: Value) -> Page {
    let path = format!("/.sidegate/api/{path}");
    app.fetch(Method::POST, &path, Some(body)).await
}

async fn begin(app: &mut Browser, username: &str, password: &str) -> Page {
    let credentials = json!({ "username": username, "password": password });
    post(app, "sign-in", credentials).await
}

async fn confirm(app: &mut Browser, asked: &Value, response: &str) -> Page {
    let confirm = json!({ "attempt": asked["attempt"], "challengeResponse": response });
    post(app, "confirm-sign-in", confirm).await
}

#[track_caller]
fn assert_step(asked: &Value, step: &str) {
    assert_eq!(asked["isSignedIn"], step == "DONE", "{asked}");
    assert_eq!(asked["nextStep"]["signInStep"], step, "{asked}");
}

/// R-81: whoever does not know the password is not told.
#[tokio::test]
async fn an_account_that_is_not_ready_is_a_step_to_who_knows_the_password() {
    let bed = TestBed::default().pool(NOT_READY).start().await;
    for (username, step) in [
        ("late@example.com", "CONFIRM_SIGN_UP"),
        ("reset@example.com", "RESET_PASSWORD"),
    ] {
        let mut app = bed.browser();
        let refused = begin(&mut app, username, "wrong-Pass-1!").await;
        assert_eq!(
            refused.expect(401).json()["name"],
            "NotAuthorizedException",
            "{username}"
        );
        let told = begin(&mut app, username, PASSWORD).await.expect(200).json();
        let want = json!({ "isSignedIn": false, "nextStep": { "signInStep": step } });
        assert_eq!(told, want);
    }
    bed.stop().await;
}

#[tokio::test]
async fn an_app_chooses_a_second_factor_and_answers_with_its_code() {
    let bed = TestBed::default().pool(TWO_FACTORS).start().await;
    let mut app = bed.browser();
    let asked = begin(&mut app, BOB, PASSWORD).await.expect(200).json();
    assert_step(&asked, "CONTINUE_SIGN_IN_WITH_MFA_SELECTION");
    let mut types: Vec<&str> = asked["nextStep"]["allowedMFATypes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind.as_str().unwrap())
        .collect();
    types.sort_unstable();
    assert_eq!(types, ["EMAIL", "TOTP"]);
    confirm(&mut app, &asked, "SMS").await.expect(422);
    let asked = confirm(&mut app, &asked, "TOTP").await.expect(200).json();
    assert_step(&asked, "CONFIRM_SIGN_IN_WITH_TOTP_CODE");
    let done = confirm(&mut app, &asked, &totp(SECRET, BEGAN)).await;
    assert_step(&done.expect(200).json(), "DONE");
    bed.stop().await;
}

#[tokio::test]
async fn an_app_answers_with_a_code_by_text_message() {
    let bed = TestBed::default().pool(NEEDED).start().await;
    let mut app = bed.browser();
    let asked = begin(&mut app, "phone@example.com", PASSWORD).await;
    let asked = asked.expect(200).json();
    assert_step(&asked, "CONFIRM_SIGN_IN_WITH_SMS_CODE");
    let delivery = json!({ "deliveryMedium": "SMS", "destination": "+*******0100" });
    assert_eq!(asked["nextStep"]["codeDeliveryDetails"], delivery);
    let code = bed.code("%2B15555550100").await;
    let done = confirm(&mut app, &asked, &code).await.expect(200).json();
    assert_step(&done, "DONE");
    bed.stop().await;
}

#[tokio::test]
async fn an_app_chooses_what_to_set_up_and_sets_up_codes_by_e_mail() {
    const UNPROVEN: &str = "unproven@example.com";
    let bed = TestBed::default().pool(NEEDED).start().await;
    let mut app = bed.browser();
    let asked = begin(&mut app, UNPROVEN, PASSWORD).await;
    let asked = asked.expect(200).json();
    assert_step(&asked, "CONTINUE_SIGN_IN_WITH_MFA_SETUP_SELECTION");
    let asked = confirm(&mut app, &asked, "EMAIL").await.expect(200).json();
    assert_step(&asked, "CONTINUE_SIGN_IN_WITH_EMAIL_SETUP");
    let asked = confirm(&mut app, &asked, UNPROVEN).await.expect(200).json();
    assert_step(&asked, "CONFIRM_SIGN_IN_WITH_EMAIL_CODE");
    let done = confirm(&mut app, &asked, &bed.code(UNPROVEN).await).await;
    assert_step(&done.expect(200).json(), "DONE");
    bed.stop().await;
}

#[tokio::test]
async fn an_app_that_chooses_the_password_is_asked_for_it() {
    let bed = TestBed::default().flow("USER_AUTH").pool(CHOICES);
    let bed = bed.start().await;
    let mut app = bed.browser();
    let asked = post(&mut app, "sign-in", json!({ "username": USER })).await;
    let asked = asked.expect(200).json();
    let asked = confirm(&mut app, &asked, "PASSWORD_SRP").await;
    let asked = asked.expect(200).json();
    assert_step(&asked, "CONFIRM_SIGN_IN_WITH_PASSWORD");
    let done = confirm(&mut app, &asked, PASSWORD).await.expect(200).json();
    assert_step(&done, "DONE");
    bed.stop().await;
}

#[tokio::test]
async fn an_app_answers_a_custom_challenge_round_by_round() {
    const RESPOND: &str = "AWSCognitoIdentityProviderService.RespondToAuthChallenge";
    let bed = TestBed::default().flow("CUSTOM_WITHOUT_SRP").pool(CUSTOM);
    let bed = bed.start().await;
    let mut app = bed.browser();
    let asked = post(&mut app, "sign-in", json!({ "username": USER })).await;
    let asked = asked.expect(200).json();
    assert_step(&asked, "CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE");
    let told = &asked["nextStep"]["additionalInfo"];
    assert_eq!(told["question"], "Which colour has <b>the sky</b>?");
    assert_eq!(told["captchaUrl"], "url/123.jpg");

    let calls = bed.wire.count(RESPOND);
    confirm(&mut app, &asked, "").await.expect(422);
    let sent = bed.wire.count(RESPOND);
    assert_eq!(sent, calls, "an answer that is not there is not sent");

    let again = confirm(&mut app, &asked, "red").await.expect(200).json();
    assert_step(&again, "CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE");
    assert_ne!(again["attempt"], asked["attempt"]);
    let done = confirm(&mut app, &again, "blue").await.expect(200).json();
    assert_step(&done, "DONE");
    bed.stop().await;
}
