//! ForgotPassword, ConfirmForgotPassword, AdminResetUserPassword, password history.

use std::time::Duration;

use cognito_local::{Kind, Recovery, Settings};
use serde_json::{Value, json};

use crate::bed::{ADA, ADA_PASSWORD, Answer, Bed, text};
use crate::function::Function;

const NEXT: &str = "Another-Horse-8";
const NOBODY: &str = "abc@example.com";

async fn forgot(bed: &Bed, client: &str, username: &str) -> Answer {
    let body = json!({ "ClientId": client, "Username": username });
    bed.call("ForgotPassword", body).await
}

async fn confirm(bed: &Bed, client: &str, username: &str, code: &str, password: &str) -> Answer {
    let body = json!({
        "ClientId": client, "Username": username, "ConfirmationCode": code, "Password": password,
    });
    bed.call("ConfirmForgotPassword", body).await
}

fn other(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

/// Gives every user of the seed a proven address.
fn proven(settings: &mut Settings) {
    for user in &mut settings.seed.pools[0].users {
        let proven = ("email_verified".to_owned(), "true".to_owned());
        user.attributes.extend([proven]);
    }
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_the_code() {
    let bed = Bed::start().await;
    let details = forgot(&bed, "web", ADA).await.ok()["CodeDeliveryDetails"].clone();
    assert_eq!(
        details,
        json!({ "Destination": "a***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email" })
    );
    // Until the code comes back, nothing has changed.
    bed.password_sign_in("web", ADA, ADA_PASSWORD)
        .await
        .tokens();
    let code = bed.code(ADA).await;
    assert_eq!(
        confirm(&bed, "web", ADA, other(&code), NEXT)
            .await
            .error()
            .0,
        "CodeMismatchException"
    );
    assert_eq!(
        confirm(&bed, "web", ADA, &code, "short").await.error().0,
        "InvalidPasswordException"
    );
    confirm(&bed, "web", ADA, &code, NEXT).await.ok();
    bed.password_sign_in("web", ADA, NEXT).await.tokens();
    assert_eq!(
        bed.password_sign_in("web", ADA, ADA_PASSWORD).await.status,
        400
    );
    confirm(&bed, "web", ADA, &code, "Third-Horse-7")
        .await
        .assert_error(
            "ExpiredCodeException",
            "Invalid code provided, please request a code again.",
        );
    bed.stop().await;
}

#[tokio::test]
async fn a_code_works_for_an_hour() {
    let bed = Bed::start().await;
    forgot(&bed, "web", ADA).await.ok();
    let code = bed.code(ADA).await;
    bed.advance(Duration::from_secs(3_600));
    assert_eq!(
        confirm(&bed, "web", ADA, &code, NEXT).await.error().0,
        "ExpiredCodeException"
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_user_who_must_reset_does_and_one_with_a_temporary_password_may_not() {
    let bed = Bed::with(proven).await;
    let reset = "reset@example.com";
    assert_eq!(
        bed.password_sign_in("web", reset, ADA_PASSWORD)
            .await
            .error()
            .0,
        "PasswordResetRequiredException"
    );
    forgot(&bed, "web", reset).await.ok();
    let code = bed.code(reset).await;
    confirm(&bed, "web", reset, &code, NEXT).await.ok();
    bed.password_sign_in("web", reset, NEXT).await.tokens();
    forgot(&bed, "web", crate::bed::NEW).await.assert_error(
        "NotAuthorizedException",
        "User password cannot be reset in the current state.",
    );
    bed.stop().await;
}

#[tokio::test]
async fn nobody_a_disabled_user_and_one_without_a_proven_address_all_get_the_answers_of_a_user() {
    let bed = Bed::start().await;
    let disabled = "reset@example.com";
    let unproven = "unconfirmed@example.com";
    let body = json!({ "UserPoolId": "local_MailPool1", "Username": disabled });
    bed.call("AdminDisableUser", body).await.ok();
    let conversation = async |name: &str| {
        let mut heard = Vec::new();
        let first = name.chars().next().unwrap();
        let mut hear = |answer: Answer| {
            let body = answer.body.replace(&format!("{first}***@"), "x***@");
            heard.push((answer.status, body));
        };
        hear(confirm(&bed, "web", name, "123456", NEXT).await);
        hear(forgot(&bed, "web", name).await);
        hear(confirm(&bed, "web", name, "x", "short").await);
        for _guess in 0..16 {
            hear(confirm(&bed, "web", name, "x", NEXT).await);
        }
        for _request in 0..5 {
            hear(forgot(&bed, "web", name).await);
        }
        heard
    };
    let user = conversation(ADA).await;
    assert!(user.iter().any(|(_, body)| body.contains("CodeMismatch")));
    assert!(user.iter().any(|(_, body)| body.contains("LimitExceeded")));
    for name in [NOBODY, disabled, unproven] {
        assert_eq!(conversation(name).await, user, "{name}");
        assert!(bed.messages(name).await.is_empty(), "{name}");
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_made_up_destination_is_the_same_every_time() {
    let bed = Bed::with_names().await;
    let details = async |name: &str| forgot(&bed, "names", name).await.ok();
    let first = details("nobody").await;
    assert_eq!(details("nobody").await, first);
    assert_eq!(details("NOBODY").await, first);
    assert_eq!(first["CodeDeliveryDetails"]["DeliveryMedium"], "SMS");
    bed.stop().await;
}

#[tokio::test]
async fn a_legacy_client_is_told_why_there_is_no_code() {
    let bed = Bed::start().await;
    forgot(&bed, "legacy", NOBODY).await.assert_error(
        "UserNotFoundException",
        "Username/client id combination not found.",
    );
    forgot(&bed, "legacy", "unconfirmed@example.com")
        .await
        .assert_error(
            "InvalidParameterException",
            "Cannot reset password for the user as there is no registered/verified email or phone_number",
        );
    assert_eq!(
        confirm(&bed, "legacy", NOBODY, "1", NEXT).await.error().0,
        "UserNotFoundException"
    );
    bed.stop().await;
}

#[tokio::test]
async fn the_pool_says_where_codes_go() {
    let with = |ways: &'static [Recovery]| {
        move |settings: &mut Settings| {
            let pool = &mut settings.seed.pools[0];
            pool.settings.account_recovery = ways.to_vec();
            let number = ("phone_number".to_owned(), "+15555551234".to_owned());
            let proven = ("phone_number_verified".to_owned(), "true".to_owned());
            pool.users[0].attributes.extend([number, proven]);
        }
    };
    for (ways, destination) in [
        (&[] as &[Recovery], "+*******1234"),
        (&[Recovery::VerifiedEmail], "a***@e***"),
        (
            &[Recovery::VerifiedEmail, Recovery::VerifiedPhoneNumber],
            "a***@e***",
        ),
    ] {
        let bed = Bed::with(with(ways)).await;
        let details = forgot(&bed, "web", ADA).await.ok();
        assert_eq!(
            details["CodeDeliveryDetails"]["Destination"], destination,
            "{ways:?}"
        );
        bed.stop().await;
    }
    let bed = Bed::with(with(&[Recovery::AdminOnly])).await;
    for name in [ADA, NOBODY] {
        forgot(&bed, "web", name).await.assert_error(
            "NotAuthorizedException",
            "Contact administrator to reset password.",
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn the_administration_resets_a_password_and_the_user_gets_a_code() {
    let bed = Bed::start().await;
    let body = json!({ "UserPoolId": "local_MailPool1", "Username": ADA });
    bed.call("AdminResetUserPassword", body).await.ok();
    assert_eq!(
        bed.password_sign_in("web", ADA, ADA_PASSWORD)
            .await
            .error()
            .0,
        "PasswordResetRequiredException"
    );
    let code = bed.code(ADA).await;
    confirm(&bed, "web", ADA, &code, NEXT).await.ok();
    bed.password_sign_in("web", ADA, NEXT).await.tokens();
    bed.stop().await;
}

#[tokio::test]
async fn the_post_confirmation_function_hears_of_a_new_password() {
    let function = Function::new(|_| Ok(json!({}))).await;
    let bed = Bed::with(|settings| {
        let triggers = &mut settings.seed.pools[0].settings.triggers;
        let function = function.trigger();
        triggers.functions.insert(Kind::PostConfirmation, function);
    })
    .await;
    forgot(&bed, "web", ADA).await.ok();
    let code = bed.code(ADA).await;
    confirm(&bed, "web", ADA, &code, NEXT).await.ok();
    assert_eq!(
        function.sources(),
        ["PostConfirmation_ConfirmForgotPassword"]
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_password_of_the_history_may_not_come_back() {
    let bed = Bed::with(|settings| {
        let policy = &mut settings.seed.pools[0].settings.password_policy;
        policy.password_history_size = 2;
    })
    .await;
    let tokens = bed.signed_in("web").await;
    let change = async |previous: &str, proposed: &str| {
        let body = json!({
            "AccessToken": tokens["AccessToken"], "PreviousPassword": previous, "ProposedPassword": proposed,
        });
        bed.call("ChangePassword", body).await
    };
    let refused = "PasswordHistoryPolicyViolationException";
    assert_eq!(change(ADA_PASSWORD, ADA_PASSWORD).await.error().0, refused);
    change(ADA_PASSWORD, NEXT).await.ok();
    assert_eq!(change(NEXT, ADA_PASSWORD).await.error().0, refused);
    forgot(&bed, "web", ADA).await.ok();
    let code = bed.code(ADA).await;
    assert_eq!(
        confirm(&bed, "web", ADA, &code, ADA_PASSWORD)
            .await
            .error()
            .0,
        refused
    );
    confirm(&bed, "web", ADA, &code, "Third-Horse-7").await.ok();
    change("Third-Horse-7", ADA_PASSWORD).await.ok();
    bed.stop().await;
}

#[tokio::test]
async fn a_password_may_be_changed_five_times_an_hour() {
    let bed = Bed::start().await;
    let tokens = bed.signed_in("web").await;
    let mut previous = ADA_PASSWORD.to_owned();
    for round in 0..6 {
        let proposed = format!("Changed-Horse-{round}");
        let body: Value = json!({
            "AccessToken": tokens["AccessToken"], "PreviousPassword": previous, "ProposedPassword": proposed,
        });
        let answer = bed.call("ChangePassword", body).await;
        if round < 5 {
            answer.ok();
            previous = proposed;
        } else {
            assert_eq!(answer.error().0, "LimitExceededException");
        }
    }
    assert_eq!(text(&json!(previous)), "Changed-Horse-4");
    bed.stop().await;
}
