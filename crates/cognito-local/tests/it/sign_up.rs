//! SignUp, ConfirmSignUp, ResendConfirmationCode, AdminConfirmSignUp, and the PreSignUp and PostConfirmation triggers.

use std::time::Duration;

use cognito_local::{Kind, Seed, Settings};
use serde_json::{Value, json};

use crate::bed::{ADA, Answer, Bed, NAMES, SEED, claims, secret_hash, text};
use crate::function::{Function, Response};

const LIN: &str = "lin@example.com";
const PASSWORD: &str = "Quick-Pony-21";

fn verifying(settings: &mut Settings) {
    let pool = &mut settings.seed.pools[0].settings;
    pool.auto_verified_attributes = ["email".to_owned()].into();
}

async fn bed() -> Bed {
    Bed::with(verifying).await
}

async fn bed_with(kind: Kind, function: &Function) -> Bed {
    Bed::with(|settings| {
        verifying(settings);
        let triggers = &mut settings.seed.pools[0].settings.triggers;
        triggers.functions.insert(kind, function.trigger());
    })
    .await
}

fn request(username: &str) -> Value {
    json!({
        "ClientId": "web", "Username": username, "Password": PASSWORD,
        "UserAttributes": [{ "Name": "given_name", "Value": "Lin" }],
    })
}

async fn sign_up(bed: &Bed) -> Answer {
    bed.call("SignUp", request(LIN)).await
}

async fn confirm(bed: &Bed, client: &str, username: &str, code: &str) -> Answer {
    let body = json!({ "ClientId": client, "Username": username, "ConfirmationCode": code });
    bed.call("ConfirmSignUp", body).await
}

async fn resend(bed: &Bed, client: &str, username: &str) -> Answer {
    let body = json!({ "ClientId": client, "Username": username });
    bed.call("ResendConfirmationCode", body).await
}

fn other(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[tokio::test]
async fn whoever_signs_up_confirms_with_the_code_and_signs_in_with_a_proven_address() {
    let bed = bed().await;
    let made = sign_up(&bed).await.ok();
    assert_eq!(made["UserConfirmed"], false);
    assert_eq!(
        made["CodeDeliveryDetails"],
        json!({ "Destination": "l***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email" })
    );
    bed.password_sign_in("web", LIN, PASSWORD)
        .await
        .assert_error("UserNotConfirmedException", "User is not confirmed.");
    let code = bed.code(LIN).await;
    assert!(
        code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()),
        "{code}"
    );
    confirm(&bed, "web", LIN, other(&code)).await.assert_error(
        "CodeMismatchException",
        "Invalid verification code provided, please try again.",
    );
    confirm(&bed, "web", LIN, &code).await.ok();
    let tokens = bed.password_sign_in("web", LIN, PASSWORD).await.tokens();
    let claims = claims(&tokens["IdToken"]);
    assert_eq!(claims["email_verified"], true);
    assert_eq!(claims["sub"], made["UserSub"]);
    confirm(&bed, "web", LIN, &code).await.assert_error(
        "NotAuthorizedException",
        "User cannot be confirmed. Current status is CONFIRMED",
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_name_that_is_taken_and_what_a_user_lacks_are_told() {
    let bed = bed().await;
    bed.call("SignUp", request(ADA)).await.assert_error(
        "UsernameExistsException",
        "An account with the given email already exists.",
    );
    let mut weak = request(LIN);
    weak["Password"] = "short".into();
    assert_eq!(
        bed.call("SignUp", weak).await.error().0,
        "InvalidPasswordException"
    );
    let bare = json!({ "ClientId": "web", "Username": LIN, "Password": PASSWORD });
    bed.call("SignUp", bare).await.assert_error(
        "InvalidParameterException",
        "Attributes did not conform to the schema: given_name: The attribute is required",
    );
    let mut named = request("lin");
    named["Username"] = "lin".into();
    bed.call("SignUp", named).await.assert_error(
        "InvalidParameterException",
        "Username should be either an email or a phone number.",
    );
    let mut secret = request(LIN);
    secret["ClientId"] = "server".into();
    assert_eq!(
        bed.call("SignUp", secret.clone()).await.error().0,
        "NotAuthorizedException"
    );
    secret["SecretHash"] = secret_hash(LIN, "server").into();
    bed.call("SignUp", secret).await.ok();
    bed.stop().await;
}

#[tokio::test]
async fn nobody_declares_an_address_of_their_own_proven() {
    let bed = bed().await;
    for flag in ["email_verified", "phone_number_verified"] {
        let mut body = request(LIN);
        let attributes = body["UserAttributes"].as_array_mut().unwrap();
        attributes.push(json!({ "Name": flag, "Value": "true" }));
        bed.call("SignUp", body).await.assert_error(
            "NotAuthorizedException",
            "A client attempted to write unauthorized attribute",
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_pool_may_leave_the_making_of_users_to_the_administration() {
    let bed = Bed::with(|settings| {
        settings.seed.pools[0].settings.allow_admin_create_user_only = true;
    })
    .await;
    sign_up(&bed).await.assert_error(
        "NotAuthorizedException",
        "SignUp is not permitted for this user pool",
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_new_code_replaces_the_last_one_and_each_ends_after_a_day() {
    let bed = bed().await;
    sign_up(&bed).await.ok();
    let first = bed.code(LIN).await;
    let details = resend(&bed, "web", LIN).await.ok()["CodeDeliveryDetails"].clone();
    assert_eq!(details["Destination"], "l***@e***");
    let second = bed.code(LIN).await;
    if first != second {
        assert_eq!(
            confirm(&bed, "web", LIN, &first).await.error().0,
            "CodeMismatchException"
        );
    }
    bed.advance(Duration::from_secs(86_400));
    confirm(&bed, "web", LIN, &second).await.assert_error(
        "ExpiredCodeException",
        "Invalid code provided, please request a code again.",
    );
    resend(&bed, "web", LIN).await.ok();
    let third = bed.code(LIN).await;
    confirm(&bed, "web", LIN, &third).await.ok();
    resend(&bed, "web", LIN)
        .await
        .assert_error("InvalidParameterException", "User is already confirmed.");
    bed.stop().await;
}

#[tokio::test]
async fn guesses_and_requests_are_limited() {
    let bed = bed().await;
    sign_up(&bed).await.ok();
    let code = bed.code(LIN).await;
    for _guess in 0..5 {
        assert_eq!(
            confirm(&bed, "web", LIN, other(&code)).await.error().0,
            "CodeMismatchException"
        );
    }
    assert_eq!(
        confirm(&bed, "web", LIN, &code).await.error().0,
        "TooManyFailedAttemptsException"
    );
    for _request in 0..5 {
        resend(&bed, "web", LIN).await.ok();
    }
    resend(&bed, "web", LIN).await.assert_error(
        "LimitExceededException",
        "Attempt limit exceeded, please try after some time.",
    );
    for _guess in 6..15 {
        confirm(&bed, "web", LIN, "x").await;
    }
    assert_eq!(
        confirm(&bed, "web", LIN, "x").await.error().0,
        "LimitExceededException"
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_name_of_nobody_gets_the_answers_of_an_unconfirmed_user() {
    let bed = bed().await;
    sign_up(&bed).await.ok();
    let nobody = "nil@example.com";
    let code = bed.code(LIN).await;
    let mut answers: Vec<Vec<(u16, String)>> = Vec::new();
    for name in [LIN, nobody] {
        let mut heard = Vec::new();
        let sent = resend(&bed, "web", name).await;
        heard.push((sent.status, sent.body.replace("n***@", "l***@")));
        for _guess in 0..7 {
            let refused = confirm(&bed, "web", name, other(&code)).await;
            heard.push((refused.status, refused.body));
        }
        for _request in 0..5 {
            let sent = resend(&bed, "web", name).await;
            heard.push((sent.status, sent.body.replace("n***@", "l***@")));
        }
        answers.push(heard);
    }
    assert_eq!(answers[0], answers[1]);
    assert!(bed.messages(nobody).await.is_empty());

    resend(&bed, "legacy", "nix@example.com")
        .await
        .assert_error(
            "UserNotFoundException",
            "Username/client id combination not found.",
        );
    confirm(&bed, "legacy", "nix@example.com", "123456")
        .await
        .assert_error(
            "UserNotFoundException",
            "Username/client id combination not found.",
        );
    bed.stop().await;
}

#[tokio::test]
async fn an_alias_moves_to_the_new_user_only_when_it_is_forced() {
    let seed = Seed::from_toml(&format!("{SEED}{NAMES}"), "the test's seed").unwrap();
    let bed = Bed::with(|settings| {
        settings.seed = seed;
        settings.seed.pools[1].settings.auto_verified_attributes = ["email".to_owned()].into();
    })
    .await;
    let body = json!({
        "ClientId": "names", "Username": "Hopper", "Password": PASSWORD,
        "UserAttributes": [{ "Name": "email", "Value": "grace@example.com" }],
    });
    bed.call("SignUp", body).await.ok();
    let code = bed.code("grace@example.com").await;
    confirm(&bed, "names", "Hopper", &code).await.assert_error(
        "AliasExistsException",
        "An account with the given email already exists.",
    );
    let forced = json!({
        "ClientId": "names", "Username": "Hopper", "ConfirmationCode": code, "ForceAliasCreation": true,
    });
    bed.call("ConfirmSignUp", forced).await.ok();
    let tokens = bed
        .password_sign_in("names", "grace@example.com", PASSWORD)
        .await
        .tokens();
    assert_eq!(claims(&tokens["IdToken"])["cognito:username"], "Hopper");
    bed.stop().await;
}

#[tokio::test]
async fn the_pre_sign_up_function_confirms_and_proves_and_refuses() {
    let function = Function::new(|event| -> Response {
        if event["request"]["userAttributes"]["email"] == "no@example.com" {
            return Err("not allowed.");
        }
        Ok(json!({ "autoConfirmUser": true, "autoVerifyEmail": true, "autoVerifyPhone": false }))
    })
    .await;
    let bed = bed_with(Kind::PreSignUp, &function).await;
    let mut body = request(LIN);
    body["ValidationData"] = json!([{ "Name": "invite", "Value": "7" }]);
    body["ClientMetadata"] = json!({ "from": "shop" });
    let made = bed.call("SignUp", body).await.ok();
    assert_eq!(made["UserConfirmed"], true);
    assert!(made.get("CodeDeliveryDetails").is_none(), "{made}");
    let tokens = bed.password_sign_in("web", LIN, PASSWORD).await.tokens();
    assert_eq!(claims(&tokens["IdToken"])["email_verified"], true);
    assert_eq!(
        function.events()[0],
        json!({
            "version": "1",
            "triggerSource": "PreSignUp_SignUp",
            "region": "local",
            "userPoolId": "local_MailPool1",
            "userName": made["UserSub"],
            "callerContext": { "awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "web" },
            "request": {
                "userAttributes": { "email": LIN, "given_name": "Lin" },
                "validationData": { "invite": "7" },
                "clientMetadata": { "from": "shop" },
            },
            "response": { "autoConfirmUser": false, "autoVerifyEmail": false, "autoVerifyPhone": false },
        })
    );
    bed.call("SignUp", request("no@example.com"))
        .await
        .assert_error(
            "UserLambdaValidationException",
            "PreSignUp failed with error not allowed.",
        );
    assert_eq!(
        bed.password_sign_in("legacy", "no@example.com", PASSWORD)
            .await
            .error()
            .0,
        "UserNotFoundException"
    );
    bed.stop().await;
}

#[tokio::test]
async fn an_address_that_is_not_there_cannot_be_proven_by_the_function() {
    let function =
        Function::new(|_| Ok(json!({ "autoConfirmUser": true, "autoVerifyPhone": true }))).await;
    let bed = bed_with(Kind::PreSignUp, &function).await;
    assert_eq!(
        sign_up(&bed).await.error().0,
        "InvalidLambdaResponseException"
    );
    bed.stop().await;
}

#[tokio::test]
async fn the_flags_of_the_function_mean_nothing_for_a_user_the_administration_makes() {
    let function =
        Function::new(|_| Ok(json!({ "autoConfirmUser": true, "autoVerifyEmail": true }))).await;
    let bed = bed_with(Kind::PreSignUp, &function).await;
    let body =
        json!({ "UserPoolId": "local_MailPool1", "Username": LIN, "MessageAction": "SUPPRESS" });
    let user = bed.call("AdminCreateUser", body).await.ok()["User"].clone();
    assert_eq!(user["UserStatus"], "FORCE_CHANGE_PASSWORD");
    assert!(!user["Attributes"].to_string().contains("email_verified"));
    let event = function.events().remove(0);
    assert_eq!(event["triggerSource"], "PreSignUp_AdminCreateUser");
    assert_eq!(
        event["callerContext"]["clientId"],
        "CLIENT_ID_NOT_APPLICABLE"
    );
    assert_eq!(event["request"]["validationData"], Value::Null);
    bed.stop().await;
}

#[tokio::test]
async fn the_post_confirmation_function_hears_of_each_new_user_once_and_cannot_undo_it() {
    let function = Function::new(|_| Err("too late")).await;
    let bed = bed_with(Kind::PostConfirmation, &function).await;
    let made = sign_up(&bed).await.ok();
    let code = bed.code(LIN).await;
    let body = json!({
        "ClientId": "web", "Username": LIN, "ConfirmationCode": code, "ClientMetadata": { "from": "shop" },
    });
    bed.call("ConfirmSignUp", body).await.assert_error(
        "UserLambdaValidationException",
        "PostConfirmation failed with error too late.",
    );
    bed.password_sign_in("web", LIN, PASSWORD).await.tokens();
    assert_eq!(
        function.events(),
        [json!({
            "version": "1",
            "triggerSource": "PostConfirmation_ConfirmSignUp",
            "region": "local",
            "userPoolId": "local_MailPool1",
            "userName": made["UserSub"],
            "callerContext": { "awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "web" },
            "request": {
                "userAttributes": {
                    "sub": made["UserSub"], "cognito:user_status": "CONFIRMED", "email": LIN,
                    "email_verified": "true", "given_name": "Lin",
                },
                "clientMetadata": { "from": "shop" },
            },
            "response": {},
        })]
    );
    bed.stop().await;
}

#[tokio::test]
async fn the_administration_confirms_without_a_code_and_proves_nothing() {
    let bed = bed().await;
    sign_up(&bed).await.ok();
    let body = json!({ "UserPoolId": "local_MailPool1", "Username": LIN });
    bed.call("AdminConfirmSignUp", body.clone()).await.ok();
    let tokens = bed.password_sign_in("web", LIN, PASSWORD).await.tokens();
    assert_eq!(claims(&tokens["IdToken"])["email_verified"], Value::Null);
    bed.call("AdminConfirmSignUp", body).await.assert_error(
        "NotAuthorizedException",
        "User cannot be confirmed. Current status is CONFIRMED",
    );
    bed.stop().await;
}

#[tokio::test]
async fn an_invitation_carries_the_temporary_password_by_the_media_asked_for() {
    let bed = bed().await;
    let invite = async |extra: Value| {
        let mut body = json!({ "UserPoolId": "local_MailPool1", "Username": LIN });
        let members = extra.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(members);
        bed.call("AdminCreateUser", body).await
    };
    let user = invite(json!({ "DesiredDeliveryMediums": ["EMAIL", "SMS"] }))
        .await
        .ok()["User"]
        .clone();
    let message = bed.messages(LIN).await.remove(0);
    let temporary = text(&message["code"]);
    assert_eq!(
        message["text"],
        format!(
            "Your username is {} and temporary password is {temporary}.",
            text(&user["Username"])
        )
    );
    let challenge = bed.password_sign_in("web", LIN, &temporary).await.ok();
    assert_eq!(challenge["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    invite(json!({ "DesiredDeliveryMediums": ["EMAIL"], "MessageAction": "RESEND" }))
        .await
        .ok();
    assert_eq!(bed.messages(LIN).await.len(), 2);
    let next = bed.code(LIN).await;
    assert_ne!(next, temporary);
    bed.password_sign_in("web", LIN, &next).await.ok();
    bed.stop().await;
}

/// The pool with USER_AUTH on for both open clients.
async fn choosing() -> Bed {
    Bed::with(|settings| {
        verifying(settings);
        for client in &mut settings.seed.pools[0].clients {
            let flows = &mut client.settings.explicit_auth_flows;
            flows.insert(cognito_local::AuthFlow::AllowUserAuth);
        }
    })
    .await
}

async fn confirm_with(bed: &Bed, session: &Value) -> Value {
    let body = json!({
        "ClientId": "web", "Username": LIN, "ConfirmationCode": bed.code(LIN).await, "Session": session,
    });
    bed.call("ConfirmSignUp", body).await.ok()["Session"].clone()
}

#[tokio::test]
async fn a_code_alone_signs_nobody_in() {
    let bed = choosing().await;
    sign_up(&bed).await.ok();
    assert_eq!(confirm_with(&bed, &Value::Null).await, Value::Null);
    bed.stop().await;
}

#[tokio::test]
async fn a_client_without_choice_based_sign_in_gets_no_session() {
    let bed = bed().await;
    assert_eq!(sign_up(&bed).await.ok().get("Session"), None);
    bed.stop().await;
}
