//! UpdateUserAttributes, VerifyUserAttribute and their kin.

use cognito_local::Settings;
use serde_json::{Value, json};

use crate::bed::{ADA, ADA_PASSWORD, Answer, Bed, text};

const NEXT: &str = "countess@example.com";

/// One pool by user name where e-mail addresses are proven; `wait`: before they count.
fn settings(wait: bool) -> impl FnOnce(&mut Settings) {
    move |settings| {
        let pool = &mut settings.seed.pools[0];
        pool.settings.auto_verified_attributes = ["email".to_owned()].into();
        if wait {
            let waiting = ["email".to_owned()].into();
            pool.settings.attributes_require_verification_before_update = waiting;
        }
    }
}

async fn token(bed: &Bed) -> Value {
    bed.signed_in("web").await["AccessToken"].clone()
}

async fn update(bed: &Bed, token: &Value, name: &str, value: &str) -> Answer {
    let attributes = json!([{ "Name": name, "Value": value }]);
    let body = json!({ "AccessToken": token, "UserAttributes": attributes });
    bed.call("UpdateUserAttributes", body).await
}

async fn verify(bed: &Bed, token: &Value, code: &str) -> Answer {
    let body = json!({ "AccessToken": token, "AttributeName": "email", "Code": code });
    bed.call("VerifyUserAttribute", body).await
}

async fn attribute(bed: &Bed, token: &Value, name: &str) -> Option<String> {
    let user = bed
        .call("GetUser", json!({ "AccessToken": token }))
        .await
        .ok();
    let attributes = user["UserAttributes"].as_array().unwrap();
    let found = attributes
        .iter()
        .find(|attribute| attribute["Name"] == name);
    found.map(|attribute| text(&attribute["Value"]))
}

#[tokio::test]
async fn a_new_address_is_unproven_until_its_code_comes_back() {
    let bed = Bed::with(settings(false)).await;
    let token = token(&bed).await;
    let list = update(&bed, &token, "email", NEXT).await.ok()["CodeDeliveryDetailsList"].clone();
    assert_eq!(
        list,
        json!([{ "Destination": "c***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email" }])
    );
    assert_eq!(
        attribute(&bed, &token, "email").await.as_deref(),
        Some(NEXT)
    );
    assert_eq!(
        attribute(&bed, &token, "email_verified").await.as_deref(),
        Some("false")
    );
    let code = bed.code(NEXT).await;
    verify(&bed, &token, &code).await.ok();
    assert_eq!(
        attribute(&bed, &token, "email_verified").await.as_deref(),
        Some("true")
    );
    assert_eq!(
        verify(&bed, &token, &code).await.error().0,
        "ExpiredCodeException"
    );
    bed.stop().await;
}

#[tokio::test]
async fn where_the_pool_waits_the_old_address_stays_until_the_code_comes_back() {
    let bed = Bed::with(settings(true)).await;
    let token = token(&bed).await;
    update(&bed, &token, "email", NEXT).await.ok();
    assert_eq!(attribute(&bed, &token, "email").await.as_deref(), Some(ADA));
    assert_eq!(
        attribute(&bed, &token, "email_verified").await.as_deref(),
        Some("true")
    );
    bed.password_sign_in("web", ADA, ADA_PASSWORD)
        .await
        .tokens();
    // A new code goes to the address that waits.
    let body = json!({ "AccessToken": token, "AttributeName": "email" });
    let again = bed
        .call("GetUserAttributeVerificationCode", body)
        .await
        .ok();
    assert_eq!(again["CodeDeliveryDetails"]["Destination"], "c***@e***");
    let code = bed.code(NEXT).await;
    verify(&bed, &token, &code).await.ok();
    assert_eq!(
        attribute(&bed, &token, "email").await.as_deref(),
        Some(NEXT)
    );
    bed.password_sign_in("web", NEXT, ADA_PASSWORD)
        .await
        .tokens();
    assert_eq!(
        bed.password_sign_in("web", ADA, ADA_PASSWORD).await.status,
        400
    );
    bed.stop().await;
}

#[tokio::test]
async fn guesses_and_requests_are_limited() {
    let bed = Bed::with(settings(false)).await;
    let token = token(&bed).await;
    update(&bed, &token, "email", NEXT).await.ok();
    let code = bed.code(NEXT).await;
    for _guess in 0..5 {
        assert_eq!(
            verify(&bed, &token, "x").await.error().0,
            "CodeMismatchException"
        );
    }
    assert_eq!(
        verify(&bed, &token, &code).await.error().0,
        "LimitExceededException"
    );
    let body = json!({ "AccessToken": token, "AttributeName": "email" });
    for _request in 0..5 {
        bed.call("GetUserAttributeVerificationCode", body.clone())
            .await
            .ok();
    }
    assert_eq!(
        bed.call("GetUserAttributeVerificationCode", body)
            .await
            .error()
            .0,
        "LimitExceededException"
    );
    bed.stop().await;
}

#[tokio::test]
async fn users_do_not_set_verified_flags_and_do_not_take_names_of_others() {
    let bed = Bed::with(settings(false)).await;
    let token = token(&bed).await;
    update(&bed, &token, "email_verified", "true")
        .await
        .assert_error(
            "NotAuthorizedException",
            "A client attempted to write unauthorized attribute",
        );
    update(&bed, &token, "email", "new@example.com")
        .await
        .assert_error(
            "AliasExistsException",
            "An account with the given email already exists.",
        );
    assert_eq!(
        update(&bed, &token, "sub", "mine").await.error().0,
        "InvalidParameterException"
    );
    assert_eq!(
        update(&bed, &token, "email", "no address").await.error().0,
        "InvalidParameterException"
    );
    bed.stop().await;
}

#[tokio::test]
async fn attributes_are_deleted_unless_the_pool_needs_them() {
    let bed = Bed::with(settings(false)).await;
    let token = token(&bed).await;
    update(&bed, &token, "nickname", "Countess").await.ok();
    let delete = async |name: &str| {
        let body = json!({ "AccessToken": token, "UserAttributeNames": [name] });
        bed.call("DeleteUserAttributes", body).await
    };
    delete("nickname").await.ok();
    assert_eq!(attribute(&bed, &token, "nickname").await, None);
    for name in ["email", "given_name"] {
        assert_eq!(
            delete(name).await.error().0,
            "InvalidParameterException",
            "{name}"
        );
    }
    assert_eq!(delete("sub").await.error().0, "NotAuthorizedException");
    update(&bed, &token, "nickname", "Countess").await.ok();
    update(&bed, &token, "nickname", "").await.ok();
    assert_eq!(attribute(&bed, &token, "nickname").await, None);
    bed.stop().await;
}

#[tokio::test]
async fn the_administration_changes_any_attribute_and_may_declare_an_address_proven() {
    let bed = Bed::with(settings(true)).await;
    let token = token(&bed).await;
    let change = async |attributes: Value| {
        let body = json!({
            "UserPoolId": "local_MailPool1", "Username": ADA, "UserAttributes": attributes,
        });
        bed.call("AdminUpdateUserAttributes", body).await
    };
    change(json!([{ "Name": "email", "Value": NEXT }]))
        .await
        .ok();
    assert_eq!(attribute(&bed, &token, "email").await.as_deref(), Some(ADA));
    assert_eq!(bed.messages(NEXT).await.len(), 1);
    change(json!([
        { "Name": "email", "Value": NEXT }, { "Name": "email_verified", "Value": "true" },
    ]))
    .await
    .ok();
    assert_eq!(
        attribute(&bed, &token, "email").await.as_deref(),
        Some(NEXT)
    );
    assert_eq!(bed.messages(NEXT).await.len(), 1);
    bed.stop().await;
}

#[tokio::test]
async fn a_user_deletes_the_own_account() {
    let bed = Bed::start().await;
    let token = token(&bed).await;
    let answer = bed
        .call("DeleteUser", json!({ "AccessToken": token }))
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(
        bed.password_sign_in("legacy", ADA, ADA_PASSWORD)
            .await
            .error()
            .0,
        "UserNotFoundException"
    );
    assert_eq!(
        bed.call("GetUser", json!({ "AccessToken": token }))
            .await
            .status,
        400
    );
    bed.stop().await;
}
