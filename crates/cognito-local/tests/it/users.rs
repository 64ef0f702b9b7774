//! GetUser, ChangePassword, and the administration of users and groups.

use serde_json::{Value, json};

use crate::bed::{ADA, ADA_PASSWORD, Answer, Bed, claims, text};

const POOL: &str = "local_MailPool1";

async fn admin(bed: &Bed, operation: &str, mut body: Value) -> Answer {
    body["UserPoolId"] = POOL.into();
    bed.call(operation, body).await
}

fn attribute(attributes: &Value, name: &str) -> Option<String> {
    attributes
        .as_array()
        .unwrap()
        .iter()
        .find(|attribute| attribute["Name"] == name)
        .map(|attribute| text(&attribute["Value"]))
}

#[tokio::test]
async fn get_user_shows_the_internal_name_and_the_attributes_as_texts() {
    let bed = Bed::start().await;
    let tokens = bed.signed_in("web").await;
    let user = bed
        .call("GetUser", json!({ "AccessToken": tokens["AccessToken"] }))
        .await
        .ok();
    assert_eq!(user["Username"], claims(&tokens["AccessToken"])["username"]);
    assert_eq!(
        attribute(&user["UserAttributes"], "email_verified").as_deref(),
        Some("true")
    );
    assert_eq!(
        attribute(&user["UserAttributes"], "sub").as_deref(),
        user["Username"].as_str()
    );
    bed.stop().await;
}

#[tokio::test]
async fn change_password_needs_the_previous_one_and_keeps_the_policy() {
    let bed = Bed::start().await;
    let tokens = bed.signed_in("web").await;
    let change = async |previous: &str, proposed: &str| {
        let body = json!({ "AccessToken": tokens["AccessToken"], "PreviousPassword": previous, "ProposedPassword": proposed });
        bed.call("ChangePassword", body).await
    };
    assert_eq!(
        change(ADA_PASSWORD, "short").await.error().0,
        "InvalidPasswordException"
    );
    change("wrong", "Another-Horse-8")
        .await
        .assert_error("NotAuthorizedException", "Incorrect username or password.");
    change(ADA_PASSWORD, "Another-Horse-8").await.ok();
    assert_eq!(
        bed.password_sign_in("web", ADA, ADA_PASSWORD).await.status,
        400
    );
    bed.password_sign_in("web", ADA, "Another-Horse-8")
        .await
        .tokens();
    for _guess in 0..5 {
        change("wrong", "Third-Horse-7").await;
    }
    change("Another-Horse-8", "Third-Horse-7")
        .await
        .assert_error("NotAuthorizedException", "Password attempts exceeded");
    bed.stop().await;
}

#[tokio::test]
async fn an_administrator_makes_a_user_who_sets_a_password_at_the_first_sign_in() {
    let bed = Bed::start().await;
    let body = json!({
        "Username": "lin@example.com",
        "TemporaryPassword": "Temporary-Pony-3",
        "MessageAction": "SUPPRESS",
        "UserAttributes": [{ "Name": "given_name", "Value": "Lin" }, { "Name": "email_verified", "Value": "true" }],
    });
    let user = admin(&bed, "AdminCreateUser", body.clone()).await.ok()["User"].clone();
    assert_eq!(user["UserStatus"], "FORCE_CHANGE_PASSWORD");
    assert_eq!(user["Enabled"], true);
    assert_eq!(user["UserCreateDate"], 1_772_510_706.0);
    assert_eq!(
        attribute(&user["Attributes"], "email").as_deref(),
        Some("lin@example.com")
    );
    let again = admin(&bed, "AdminCreateUser", body).await;
    again.assert_error(
        "UsernameExistsException",
        "An account with the given email already exists.",
    );

    let challenge = bed
        .password_sign_in("web", "lin@example.com", "Temporary-Pony-3")
        .await
        .ok();
    assert_eq!(challenge["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    admin(
        &bed,
        "AdminSetUserPassword",
        json!({ "Username": "lin@example.com", "Password": "Permanent-Pony-4", "Permanent": true }),
    )
    .await
    .ok();
    bed.password_sign_in("web", "lin@example.com", "Permanent-Pony-4")
        .await
        .tokens();
    let got = admin(
        &bed,
        "AdminGetUser",
        json!({ "Username": "LIN@example.com" }),
    )
    .await
    .ok();
    assert_eq!(
        (&got["UserStatus"], &got["Username"]),
        (&json!("CONFIRMED"), &user["Username"])
    );
    assert!(attribute(&got["UserAttributes"], "email").is_some());
    assert!(
        admin(
            &bed,
            "AdminDeleteUser",
            json!({ "Username": "lin@example.com" })
        )
        .await
        .body
        .is_empty()
    );
    admin(
        &bed,
        "AdminGetUser",
        json!({ "Username": "lin@example.com" }),
    )
    .await
    .assert_error("UserNotFoundException", "User does not exist.");
    bed.stop().await;
}

#[tokio::test]
async fn a_user_that_does_not_fit_the_pool_is_refused() {
    let bed = Bed::start().await;
    for (body, name, text) in [
        (
            json!({ "Username": "lin" }),
            "InvalidParameterException",
            "Username should be either an email or a phone number.",
        ),
        (
            json!({ "Username": "lin@example.com", "TemporaryPassword": "short" }),
            "InvalidPasswordException",
            "Password did not conform with policy: Password not long enough",
        ),
        (
            json!({ "Username": "lin@example.com", "UserAttributes": [{ "Name": "custom:team", "Value": "a" }] }),
            "InvalidParameterException",
            "Attributes did not conform to the schema: Type for attribute {custom:team} could not be determined",
        ),
        (
            json!({ "Username": "lin@example.com", "UserAttributes": [{ "Name": "phone_number", "Value": "555" }] }),
            "InvalidParameterException",
            "Invalid phone number format.",
        ),
        (
            json!({ "Username": "lin@example.com", "MessageAction": "RESEND" }),
            "UserNotFoundException",
            "User does not exist.",
        ),
        (
            json!({ "Username": ADA, "MessageAction": "RESEND" }),
            "UnsupportedUserStateException",
            "Resend not possible. User is not in the state FORCE_CHANGE_PASSWORD.",
        ),
    ] {
        admin(&bed, "AdminCreateUser", body)
            .await
            .assert_error(name, text);
    }
    bed.stop().await;
}

#[tokio::test]
async fn resend_gives_a_new_temporary_password_its_full_life() {
    let bed = Bed::start().await;
    bed.advance(std::time::Duration::from_secs(8 * 86_400));
    let body = json!({ "Username": "new@example.com", "MessageAction": "RESEND", "TemporaryPassword": "Second-Pony-5" });
    admin(&bed, "AdminCreateUser", body).await.ok();
    let challenge = bed
        .password_sign_in("web", "new@example.com", "Second-Pony-5")
        .await
        .ok();
    assert_eq!(challenge["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    bed.stop().await;
}

#[tokio::test]
async fn an_alias_moves_only_when_the_administrator_insists() {
    let bed = Bed::with_names().await;
    let create = async |name: &str, force: bool| {
        let attributes = json!([{ "Name": "email", "Value": "grace@example.com" }, { "Name": "email_verified", "Value": "true" }]);
        let body = json!({ "UserPoolId": "local_NamesPool", "Username": name, "UserAttributes": attributes, "ForceAliasCreation": force });
        bed.call("AdminCreateUser", body).await
    };
    assert_eq!(
        create("hopper", false).await.error().0,
        "UsernameExistsException"
    );
    create("hopper", true).await.ok();
    let holder = bed
        .call(
            "AdminGetUser",
            json!({ "UserPoolId": "local_NamesPool", "Username": "grace@example.com" }),
        )
        .await
        .ok();
    assert_eq!(holder["Username"], "hopper");
    bed.stop().await;
}

#[tokio::test]
async fn groups_are_made_joined_and_shown_by_precedence_in_the_next_token() {
    let bed = Bed::start().await;
    let group = json!({ "GroupName": "auditors", "Precedence": 0, "RoleArn": "arn:aws:iam::000000000000:role/audit" });
    assert_eq!(
        admin(&bed, "CreateGroup", group.clone()).await.ok()["Group"]["UserPoolId"],
        POOL
    );
    assert_eq!(
        admin(&bed, "CreateGroup", group).await.error().0,
        "GroupExistsException"
    );
    assert!(
        admin(
            &bed,
            "AdminAddUserToGroup",
            json!({ "Username": ADA, "GroupName": "auditors" })
        )
        .await
        .body
        .is_empty()
    );
    let missing = admin(
        &bed,
        "AdminAddUserToGroup",
        json!({ "Username": ADA, "GroupName": "none" }),
    )
    .await;
    missing.assert_error("ResourceNotFoundException", "Group not found.");
    let claims = claims(&bed.signed_in("web").await["IdToken"]);
    assert_eq!(
        claims["cognito:groups"],
        json!(["auditors", "admins", "developers"])
    );
    assert_eq!(
        claims["cognito:preferred_role"],
        "arn:aws:iam::000000000000:role/audit"
    );
    bed.stop().await;
}

#[tokio::test]
async fn users_are_listed_in_pages_and_by_filter() {
    let bed = Bed::start().await;
    let mut names = Vec::new();
    let mut token = Value::Null;
    loop {
        let page = admin(
            &bed,
            "ListUsers",
            json!({ "Limit": 3, "PaginationToken": token, "AttributesToGet": ["email"] }),
        )
        .await
        .ok();
        let users = page["Users"].as_array().unwrap().clone();
        assert!(users.len() <= 3);
        names.extend(
            users
                .iter()
                .map(|user| attribute(&user["Attributes"], "email").unwrap()),
        );
        token = page["PaginationToken"].clone();
        if token.is_null() {
            break;
        }
    }
    names.sort();
    assert_eq!(
        names,
        [
            ADA,
            "new@example.com",
            "reset@example.com",
            "unconfirmed@example.com"
        ]
    );
    for (filter, count) in [
        (r#"email = "ada@example.com""#, 1),
        (r#"email ^= "a""#, 1),
        (r#"cognito:user_status = "CONFIRMED""#, 1),
        (r#"status = "Enabled""#, 4),
        (r#"family_name = "None""#, 0),
    ] {
        let found = admin(&bed, "ListUsers", json!({ "Filter": filter }))
            .await
            .ok();
        assert_eq!(found["Users"].as_array().unwrap().len(), count, "{filter}");
    }
    for body in [
        json!({ "Filter": "shoe_size = \"4\"" }),
        json!({ "Limit": 61 }),
        json!({ "PaginationToken": "%" }),
    ] {
        assert_eq!(
            admin(&bed, "ListUsers", body).await.error().0,
            "InvalidParameterException"
        );
    }
    bed.stop().await;
}
