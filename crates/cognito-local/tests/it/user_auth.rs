//! USER_AUTH: what is offered, each choice, names nobody has, and the end of a sign-up.

use serde_json::{Value, json};

use crate::bed::{Answer, Bed, text};
use crate::mfa::{MISMATCH, PASSWORD, bed};
use crate::srp_client::{Client, responses};

const FACTORS: &str = r#"first_factors = ["PASSWORD", "EMAIL_OTP", "SMS_OTP"]"#;

async fn begin(bed: &Bed, client: &str, parameters: Value) -> Answer {
    let body = json!({ "AuthFlow": "USER_AUTH", "ClientId": client, "AuthParameters": parameters });
    bed.call("InitiateAuth", body).await
}

async fn select(bed: &Bed, username: &str) -> Value {
    let asked = begin(bed, "web", json!({ "USERNAME": username }))
        .await
        .ok();
    assert_eq!(asked["ChallengeName"], "SELECT_CHALLENGE", "{asked}");
    asked
}

#[tokio::test]
async fn a_user_is_offered_what_the_pool_allows_and_the_user_has() {
    let bed = bed(FACTORS).await;
    let passwords = json!(["PASSWORD_SRP", "PASSWORD"]);
    let by_mail = json!(["PASSWORD_SRP", "PASSWORD", "EMAIL_OTP"]);
    for (user, expected) in [
        ("plain", &passwords),
        ("unverified", &passwords),
        ("mail", &by_mail),
        ("phone", &json!(["PASSWORD_SRP", "PASSWORD", "SMS_OTP"])),
        ("nobody", &by_mail),
    ] {
        let asked = select(&bed, user).await;
        assert_eq!(&asked["AvailableChallenges"], expected, "{user}");
        assert_eq!(asked["ChallengeParameters"], json!({ "USERNAME": user }));
    }
    bed.stop().await;
}

#[tokio::test]
async fn where_a_second_factor_is_due_codes_are_no_way_to_begin() {
    let bed = bed(&format!(
        "mfa = \"OPTIONAL\"\nmfa_methods = [\"SMS_MFA\"]\n{FACTORS}"
    ))
    .await;
    let asked = select(&bed, "phone").await;
    assert_eq!(
        asked["AvailableChallenges"],
        json!(["PASSWORD_SRP", "PASSWORD"])
    );
    let answer = json!({ "USERNAME": "phone", "ANSWER": "PASSWORD", "PASSWORD": PASSWORD });
    let next = bed
        .respond("SELECT_CHALLENGE", &asked["Session"], answer)
        .await
        .ok();
    assert_eq!(next["ChallengeName"], "SMS_MFA");
    bed.stop().await;
}

#[tokio::test]
async fn a_password_signs_in_with_the_choice_or_after_it() {
    let bed = bed(FACTORS).await;
    let preferred =
        json!({ "USERNAME": "plain", "PREFERRED_CHALLENGE": "PASSWORD", "PASSWORD": PASSWORD });
    begin(&bed, "web", preferred).await.tokens();

    let asked = select(&bed, "plain").await;
    let with =
        |password: &str| json!({ "USERNAME": "plain", "ANSWER": "PASSWORD", "PASSWORD": password });
    let name = "SELECT_CHALLENGE";
    bed.respond(name, &asked["Session"], with("wrong"))
        .await
        .assert_error("NotAuthorizedException", "Incorrect username or password.");
    bed.respond(name, &asked["Session"], with(PASSWORD))
        .await
        .tokens();
    bed.respond(name, &asked["Session"], with(PASSWORD))
        .await
        .assert_error(
            "NotAuthorizedException",
            "Invalid session for the user, session can only be used once.",
        );

    let asked = select(&bed, "plain").await;
    let choice = json!({ "USERNAME": "plain", "ANSWER": "PASSWORD" });
    let password = bed.respond(name, &asked["Session"], choice).await.ok();
    assert_eq!(password["ChallengeName"], "PASSWORD");
    let answer = json!({ "USERNAME": "plain", "PASSWORD": PASSWORD });
    bed.respond("PASSWORD", &password["Session"], answer)
        .await
        .tokens();
    bed.stop().await;
}

#[tokio::test]
async fn srp_signs_in_with_the_choice_or_after_it_and_only_with_its_session() {
    let bed = bed(FACTORS).await;
    let client = Client::new("1f2e3d4c5b6a79880123456789abcdef");
    let asked = select(&bed, "plain").await;
    let choice = json!({ "USERNAME": "plain", "ANSWER": "PASSWORD_SRP" });
    let srp = bed
        .respond("SELECT_CHALLENGE", &asked["Session"], choice)
        .await
        .ok();
    assert_eq!(srp["ChallengeName"], "PASSWORD_SRP");
    let public = json!({ "USERNAME": "plain", "SRP_A": client.public });
    let after = bed
        .respond("PASSWORD_SRP", &srp["Session"], public)
        .await
        .ok();
    let preferred = json!({ "USERNAME": "plain", "PREFERRED_CHALLENGE": "PASSWORD_SRP", "SRP_A": client.public });
    let with = begin(&bed, "web", preferred).await.ok();
    for verifier in [after, with] {
        assert_eq!(verifier["ChallengeName"], "PASSWORD_VERIFIER");
        let answer = responses(&bed, "Factors1", &verifier, &client, PASSWORD);
        bed.respond("PASSWORD_VERIFIER", &verifier["Session"], answer)
            .await
            .tokens();
    }
    let preferred = json!({ "USERNAME": "plain", "PREFERRED_CHALLENGE": "PASSWORD_SRP", "SRP_A": client.public });
    let verifier = begin(&bed, "web", preferred).await.ok();
    let answer = responses(&bed, "Factors1", &verifier, &client, PASSWORD);
    let alone = bed.respond("PASSWORD_VERIFIER", &Value::Null, answer).await;
    assert_eq!(alone.status, 400, "the block is bound to its session");
    bed.stop().await;
}

#[tokio::test]
async fn a_code_signs_in_as_the_only_factor() {
    let bed = bed(FACTORS).await;
    for (user, factor, to) in [
        ("mail", "EMAIL_OTP", "mail@example.com"),
        ("phone", "SMS_OTP", "+15555550100"),
    ] {
        let preferred = json!({ "USERNAME": user, "PREFERRED_CHALLENGE": factor });
        let asked = begin(&bed, "web", preferred).await.ok();
        assert_eq!(asked["ChallengeName"], factor);
        let with = |code: &str| json!({ "USERNAME": user, format!("{factor}_CODE"): code });
        bed.respond(factor, &asked["Session"], with("1"))
            .await
            .assert_error("CodeMismatchException", MISMATCH);
        let code = bed.code_for(to).await;
        bed.respond(factor, &asked["Session"], with(&code))
            .await
            .tokens();
    }
    bed.stop().await;
}

#[tokio::test]
async fn what_a_user_cannot_do_leads_to_the_choice() {
    let bed = bed(FACTORS).await;
    for preferred in ["SMS_OTP", "WEB_AUTHN", "PIGEON"] {
        let parameters = json!({ "USERNAME": "mail", "PREFERRED_CHALLENGE": preferred });
        let asked = begin(&bed, "web", parameters).await.ok();
        assert_eq!(asked["ChallengeName"], "SELECT_CHALLENGE", "{preferred}");
        let answer = json!({ "USERNAME": "mail", "ANSWER": preferred });
        bed.respond("SELECT_CHALLENGE", &asked["Session"], answer)
            .await
            .assert_error("InvalidParameterException", "Invalid challenge selected.");
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_name_nobody_has_is_played_to_its_end_and_never_signs_in() {
    let bed = bed(FACTORS).await;
    let preferred = |name: &str| json!({ "USERNAME": name, "PREFERRED_CHALLENGE": "EMAIL_OTP" });
    let asked = begin(&bed, "web", preferred("nobody")).await.ok();
    assert_eq!(asked["ChallengeName"], "EMAIL_OTP");
    let again = begin(&bed, "web", preferred("nobody")).await.ok();
    assert_eq!(asked["ChallengeParameters"], again["ChallengeParameters"]);
    let destination = text(&asked["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"]);
    let real = begin(&bed, "web", preferred("mail")).await.ok();
    let shown = text(&real["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"]);
    assert_eq!(destination.len(), shown.len(), "{destination} {shown}");
    let answer = json!({ "USERNAME": "nobody", "EMAIL_OTP_CODE": "12345678" });
    bed.respond("EMAIL_OTP", &asked["Session"], answer)
        .await
        .assert_error("CodeMismatchException", MISMATCH);
    let messages = bed.get("/outbox.json").await.ok();
    assert_eq!(
        messages["messages"].as_array().unwrap().len(),
        1,
        "mail's own"
    );

    let select = select(&bed, "nobody").await;
    let answer = json!({ "USERNAME": "nobody", "ANSWER": "PASSWORD", "PASSWORD": PASSWORD });
    bed.respond("SELECT_CHALLENGE", &select["Session"], answer)
        .await
        .assert_error("NotAuthorizedException", "Incorrect username or password.");
    let told = begin(&bed, "legacy", json!({ "USERNAME": "nobody" })).await;
    told.assert_error("UserNotFoundException", "User does not exist.");
    let off = begin(&bed, "other", json!({ "USERNAME": "plain" })).await;
    off.assert_error(
        "InvalidParameterException",
        "USER_AUTH flow not enabled for this client",
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_disabled_user_looks_like_nobody() {
    let bed = bed(FACTORS).await;
    let who = json!({ "UserPoolId": "local_Factors1", "Username": "mail" });
    bed.call("AdminDisableUser", who).await.ok();
    let preferred = json!({ "USERNAME": "mail", "PREFERRED_CHALLENGE": "EMAIL_OTP" });
    let asked = begin(&bed, "web", preferred).await.ok();
    assert_eq!(asked["ChallengeName"], "EMAIL_OTP");
    let messages = bed.get("/outbox.json").await.ok();
    assert_eq!(messages["messages"], json!([]));
    bed.stop().await;
}

#[tokio::test]
async fn who_confirms_a_sign_up_is_signed_in_by_its_session_once() {
    let bed = bed(&format!("mfa = \"ON\"\nmfa_methods = [\"EMAIL_OTP\"]\nauto_verified_attributes = [\"email\"]\n{FACTORS}")).await;
    let attributes = json!([{ "Name": "email", "Value": "fresh@example.com" }]);
    let body = json!({ "ClientId": "web", "Username": "fresh", "Password": PASSWORD, "UserAttributes": attributes });
    let signed_up = bed.call("SignUp", body).await.ok();
    let early = json!({ "AuthFlow": "USER_AUTH", "ClientId": "web", "Session": signed_up["Session"], "AuthParameters": { "USERNAME": "fresh" } });
    bed.call("InitiateAuth", early)
        .await
        .assert_error("NotAuthorizedException", "Invalid session for the user.");
    let code = bed.code_for("fresh@example.com").await;
    let confirm = |session: &Value, name: &str| json!({ "ClientId": "web", "Username": name, "ConfirmationCode": code, "Session": session });
    let foreign = bed
        .call("ConfirmSignUp", confirm(&signed_up["Session"], "plain"))
        .await;
    foreign.assert_error("NotAuthorizedException", "Invalid session for the user.");
    let confirmed = bed
        .call("ConfirmSignUp", confirm(&signed_up["Session"], "fresh"))
        .await
        .ok();
    let sign_in = json!({ "AuthFlow": "USER_AUTH", "ClientId": "web", "Session": confirmed["Session"], "AuthParameters": { "USERNAME": "fresh" } });
    bed.call("InitiateAuth", sign_in.clone()).await.tokens();
    bed.call("InitiateAuth", sign_in).await.assert_error(
        "NotAuthorizedException",
        "Invalid session for the user, session can only be used once.",
    );
    bed.stop().await;
}

#[tokio::test]
async fn where_there_is_another_way_users_may_have_no_password() {
    let bed = bed(FACTORS).await;
    let attributes = json!([
        { "Name": "email", "Value": "made@example.com" },
        { "Name": "email_verified", "Value": "true" },
    ]);
    let body =
        json!({ "UserPoolId": "local_Factors1", "Username": "made", "UserAttributes": attributes });
    let made = bed.call("AdminCreateUser", body).await.ok();
    assert_eq!(made["User"]["UserStatus"], "CONFIRMED");
    let asked = select(&bed, "made").await;
    assert_eq!(asked["AvailableChallenges"], json!(["EMAIL_OTP"]));
    let wrong = bed.password("made").await;
    wrong.assert_error("NotAuthorizedException", "Incorrect username or password.");
    let choice = json!({ "USERNAME": "made", "ANSWER": "EMAIL_OTP" });
    let asked = bed
        .respond("SELECT_CHALLENGE", &asked["Session"], choice)
        .await
        .ok();
    let code = bed.code_for("made@example.com").await;
    let answer = json!({ "USERNAME": "made", "EMAIL_OTP_CODE": code });
    bed.respond("EMAIL_OTP", &asked["Session"], answer)
        .await
        .tokens();
    let body = json!({ "ClientId": "web", "Username": "signed-up" });
    bed.call("SignUp", body.clone()).await.ok();
    bed.stop().await;

    let bed = crate::mfa::bed("").await;
    bed.call("SignUp", body).await.assert_error(
        "InvalidParameterException",
        "Missing required parameter Password",
    );
    bed.stop().await;
}
