//! Pools and clients made by API.

use serde_json::{Value, json};

use crate::bed::{Bed, text};

async fn create(bed: &Bed) -> String {
    let body = json!({
        "PoolName": "made",
        "Policies": { "PasswordPolicy": { "MinimumLength": 6 } },
        "Schema": [{ "Name": "team", "AttributeDataType": "Number" }, { "Name": "email", "Required": true }],
        "UsernameConfiguration": { "CaseSensitive": false },
        "UserPoolTags": { "a": "b" },
        "LambdaConfig": {},
    });
    text(&bed.call("CreateUserPool", body).await.ok()["UserPool"]["Id"])
}

#[tokio::test]
async fn a_pool_made_by_api_signs_users_in() {
    let bed = Bed::start().await;
    let pool = create(&bed).await;
    assert!(pool.starts_with("local_") && pool.len() == 15, "{pool}");
    let body = json!({ "UserPoolId": pool, "ClientName": "c", "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"] });
    let client =
        text(&bed.call("CreateUserPoolClient", body).await.ok()["UserPoolClient"]["ClientId"]);
    bed.call(
        "AdminCreateUser",
        json!({ "UserPoolId": pool, "Username": "lin" }),
    )
    .await
    .ok();
    let set =
        json!({ "UserPoolId": pool, "Username": "LIN", "Password": "simple", "Permanent": true });
    bed.call("AdminSetUserPassword", set).await.ok();
    bed.password_sign_in(&client, "lin", "simple")
        .await
        .tokens();
    let keys = bed
        .get(&format!("/{pool}/.well-known/jwks.json"))
        .await
        .ok();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    bed.stop().await;
}

#[tokio::test]
async fn describe_shows_what_was_made() {
    let bed = Bed::start().await;
    let pool = create(&bed).await;
    let described = bed
        .call("DescribeUserPool", json!({ "UserPoolId": pool }))
        .await
        .ok()["UserPool"]
        .clone();
    assert_eq!(described["Policies"]["PasswordPolicy"]["MinimumLength"], 6);
    assert_eq!(
        described["Policies"]["PasswordPolicy"]["RequireSymbols"],
        false
    );
    assert_eq!(described["UserPoolTags"], json!({ "a": "b" }));
    let schema = described["SchemaAttributes"].as_array().unwrap();
    let attribute = |name: &str| {
        schema
            .iter()
            .find(|attribute| attribute["Name"] == name)
            .unwrap()
    };
    assert_eq!(attribute("email")["Required"], true);
    assert_eq!(attribute("custom:team")["AttributeDataType"], "Number");

    let body = json!({
        "UserPoolId": pool,
        "ClientName": "c",
        "GenerateSecret": true,
        "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        "AccessTokenValidity": 10,
        "TokenValidityUnits": { "AccessToken": "minutes" },
        "RefreshTokenRotation": { "Feature": "ENABLED", "RetryGracePeriodSeconds": 5 },
        "CallbackURLs": ["http://localhost/"],
        "ReadAttributes": null,
    });
    let made = bed.call("CreateUserPoolClient", body).await.ok()["UserPoolClient"].clone();
    assert_eq!(text(&made["ClientId"]).len(), 26);
    assert_eq!(text(&made["ClientSecret"]).len(), 52);
    assert_eq!(
        made["PreventUserExistenceErrors"], "ENABLED",
        "the local pool's own default"
    );
    assert_eq!(
        made["RefreshTokenRotation"],
        json!({ "Feature": "ENABLED", "RetryGracePeriodSeconds": 5 })
    );
    assert_eq!(
        (
            &made["AccessTokenValidity"],
            &made["TokenValidityUnits"]["AccessToken"]
        ),
        (&json!(10), &json!("minutes"))
    );
    assert_eq!(made["CallbackURLs"], json!(["http://localhost/"]));
    let described = bed
        .call(
            "DescribeUserPoolClient",
            json!({ "UserPoolId": pool, "ClientId": made["ClientId"] }),
        )
        .await
        .ok();
    assert_eq!(described["UserPoolClient"], made);
    bed.stop().await;
}

#[tokio::test]
async fn settings_the_pool_cannot_keep_are_refused_instead_of_ignored() {
    let bed = Bed::start().await;
    for body in [
        json!({ "MfaConfiguration": "ON" }),
        json!({ "LambdaConfig": { "PreSignUp": "arn:aws:lambda:eu-west-1:000000000000:function:f" } }),
        json!({ "LambdaConfig": { "UserMigration": "arn:aws:lambda:eu-west-1:000000000000:function:f" } }),
        json!({ "LambdaConfig": { "UserMigration": "https://example.com/" } }),
        json!({ "Policies": { "PasswordPolicy": { "PasswordHistorySize": 25 } } }),
        json!({ "AutoVerifiedAttributes": ["name"] }),
        json!({ "UserAttributeUpdateSettings": { "AttributesRequireVerificationBeforeUpdate": ["email"] } }),
        json!({ "AccountRecoverySetting": { "RecoveryMechanisms": [{ "Priority": 1, "Name": "carrier_pigeon" }] } }),
        json!({ "AccountRecoverySetting": { "RecoveryMechanisms": [
            { "Priority": 1, "Name": "admin_only" }, { "Priority": 2, "Name": "verified_email" },
        ] } }),
        json!({ "Policies": { "PasswordPolicy": { "MinimumLength": 5 } } }),
        json!({ "Schema": [{ "Name": "team", "Required": true }] }),
        json!({ "UsernameAttributes": ["email"], "AliasAttributes": ["email"] }),
        json!({ "UsernameAttributes": ["name"] }),
    ] {
        let mut request = body.clone();
        request["PoolName"] = "made".into();
        assert_eq!(
            bed.call("CreateUserPool", request).await.error().0,
            "InvalidParameterException",
            "{body}"
        );
    }
    for body in [
        json!({ "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ADMIN_NO_SRP_AUTH"] }),
        json!({ "ExplicitAuthFlows": ["ALLOW_EVERYTHING"] }),
        json!({ "AccessTokenValidity": 4, "TokenValidityUnits": { "AccessToken": "minutes" } }),
        json!({ "AuthSessionValidity": 16 }),
        json!({ "RefreshTokenRotation": { "Feature": "ENABLED", "RetryGracePeriodSeconds": 61 } }),
        json!({ "ClientSecret": "short" }),
        json!({ "ClientSecret": "s3cr3ts3cr3ts3cr3ts3cr3t", "GenerateSecret": true }),
        json!({ "PreventUserExistenceErrors": "MAYBE" }),
    ] {
        let mut request = body.clone();
        request["UserPoolId"] = "local_MailPool1".into();
        request["ClientName"] = "made".into();
        assert_eq!(
            bed.call("CreateUserPoolClient", request).await.error().0,
            "InvalidParameterException",
            "{body}"
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn the_banner_names_clients_users_and_generated_secrets() {
    let seed = include_str!("../../../../config/pool.toml");
    let bed = Bed::with(|settings| {
        settings.seed = cognito_local::Seed::from_toml(seed, "config/pool.toml").unwrap()
    })
    .await;
    let pools = bed.pool.pools();
    let [pool] = pools.as_slice() else {
        panic!("one pool")
    };
    assert_eq!(pool.issuer, format!("{}/{}", bed.pool.url(), pool.id));
    let secrets: Vec<bool> = ["web", "server"]
        .map(|name| {
            pool.clients
                .iter()
                .find(|client| client.name == name)
                .unwrap()
                .secret
                .is_some()
        })
        .into();
    assert_eq!(secrets, [false, true]);
    let web = pool
        .clients
        .iter()
        .find(|client| client.name == "web")
        .unwrap();
    for user in &pool.users {
        let answer = bed
            .password_sign_in(&web.id, &user.username, user.password.as_deref().unwrap())
            .await
            .ok();
        assert_eq!(
            answer.get("ChallengeName").is_some(),
            user.status == "FORCE_CHANGE_PASSWORD",
            "{}",
            user.username
        );
    }
    assert_eq!(pool.users[0].groups, ["admins", "developers"]);
    let shown = format!("{pools:?}");
    assert!(
        !shown.contains(pool.users[0].password.as_deref().unwrap()),
        "{shown}"
    );
    bed.stop().await;
}

#[tokio::test]
async fn operations_that_are_not_offered_and_not_known_are_told_apart() {
    let bed = Bed::start().await;
    let (name, text) = bed.call("CreateIdentityProvider", json!({})).await.error();
    assert_eq!(name, "UnsupportedOperationException");
    assert!(
        text.starts_with("The local pool does not offer CreateIdentityProvider."),
        "{text}"
    );
    assert_eq!(
        bed.call("MakeCoffee", Value::Null).await.error().0,
        "UnknownOperationException"
    );
    bed.stop().await;
}

#[tokio::test]
async fn clients_are_listed_as_the_file_has_them() {
    let bed = Bed::start().await;
    let names: Vec<String> = bed.pool.pools()[0]
        .clients
        .iter()
        .map(|c| c.name.clone())
        .collect();
    let first: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    assert_eq!(
        first,
        ["web", "server", "legacy", "rotating", "refresh-only"]
    );
    bed.pool.stop().await.unwrap();
}

#[tokio::test]
async fn an_update_replaces_what_can_change_and_leaves_names_and_users() {
    let bed = Bed::start().await;
    let id = "local_MailPool1";
    let update = json!({
        "UserPoolId": id,
        "AutoVerifiedAttributes": ["email"],
        "UserAttributeUpdateSettings": { "AttributesRequireVerificationBeforeUpdate": ["email"] },
        "AccountRecoverySetting": { "RecoveryMechanisms": [
            { "Priority": 2, "Name": "verified_phone_number" }, { "Priority": 1, "Name": "verified_email" },
        ] },
        "AdminCreateUserConfig": { "AllowAdminCreateUserOnly": true },
        "Policies": { "PasswordPolicy": { "MinimumLength": 12, "PasswordHistorySize": 3 } },
        "LambdaConfig": { "PreSignUp": "http://127.0.0.1:9/f" },
    });
    bed.call("UpdateUserPool", update).await.ok();
    let describe = async || {
        let body = json!({ "UserPoolId": id });
        bed.call("DescribeUserPool", body).await.ok()["UserPool"].clone()
    };
    let pool = describe().await;
    assert_eq!(pool["AutoVerifiedAttributes"], json!(["email"]));
    assert_eq!(
        pool["UserAttributeUpdateSettings"]["AttributesRequireVerificationBeforeUpdate"],
        json!(["email"])
    );
    assert_eq!(
        pool["AccountRecoverySetting"]["RecoveryMechanisms"],
        json!([{ "Priority": 1, "Name": "verified_email" }, { "Priority": 2, "Name": "verified_phone_number" }])
    );
    assert_eq!(
        pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"],
        true
    );
    assert_eq!(pool["Policies"]["PasswordPolicy"]["PasswordHistorySize"], 3);
    assert_eq!(pool["UsernameAttributes"], json!(["email"]));
    bed.signed_in("web").await;

    bed.call("UpdateUserPool", json!({ "UserPoolId": id }))
        .await
        .ok();
    let pool = describe().await;
    assert_eq!(pool["AutoVerifiedAttributes"], json!([]));
    assert_eq!(pool["LambdaConfig"], json!({}));
    assert_eq!(pool["Policies"]["PasswordPolicy"]["MinimumLength"], 8);
    bed.stop().await;
}

#[tokio::test]
async fn a_command_that_is_told_back_as_it_was_shown_stays_a_command() {
    let bed = Bed::with(|settings| {
        let command = ["sh", "-c", "cat >/dev/null; echo '{\"response\":{}}'"];
        let command = cognito_local::Trigger::Command(command.map(str::to_owned).into());
        let triggers = &mut settings.seed.pools[0].settings.triggers;
        triggers
            .functions
            .insert(cognito_local::Kind::PreAuthentication, command);
    })
    .await;
    let body = json!({ "UserPoolId": "local_MailPool1" });
    let shown = bed.call("DescribeUserPool", body.clone()).await.ok()["UserPool"].clone();
    let update = json!({ "UserPoolId": "local_MailPool1", "LambdaConfig": shown["LambdaConfig"] });
    bed.call("UpdateUserPool", update).await.ok();
    let after = bed.call("DescribeUserPool", body).await.ok()["UserPool"].clone();
    assert_eq!(after["LambdaConfig"], shown["LambdaConfig"]);
    assert!(shown["LambdaConfig"]["PreAuthentication"].is_string());
    bed.signed_in("web").await;
    bed.stop().await;
}

#[tokio::test]
async fn clients_are_changed_listed_and_deleted_with_their_sign_ins() {
    let bed = Bed::start().await;
    let tokens = bed.signed_in("web").await;
    let of = |client: &str| json!({ "UserPoolId": "local_MailPool1", "ClientId": client });
    let mut update = of("web");
    update["ExplicitAuthFlows"] = json!(["ALLOW_USER_SRP_AUTH"]);
    let client = bed.call("UpdateUserPoolClient", update).await.ok()["UserPoolClient"].clone();
    assert_eq!(client["ClientName"], "web");
    assert_eq!(client["ExplicitAuthFlows"], json!(["ALLOW_USER_SRP_AUTH"]));
    let list = json!({ "UserPoolId": "local_MailPool1", "MaxResults": 2 });
    let page = bed.call("ListUserPoolClients", list.clone()).await.ok();
    let names = |page: &Value| {
        let clients = page["UserPoolClients"].as_array().unwrap().clone();
        clients
            .iter()
            .map(|client| client["ClientId"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&page), ["legacy", "refreshonly"]);
    let mut next = list;
    next["NextToken"] = page["NextToken"].clone();
    let page = bed.call("ListUserPoolClients", next).await.ok();
    assert_eq!(names(&page), ["rotating", "server"]);
    bed.call("DeleteUserPoolClient", of("web")).await.ok();
    assert_eq!(
        bed.call("DescribeUserPoolClient", of("web"))
            .await
            .error()
            .0,
        "ResourceNotFoundException"
    );
    let body = json!({ "AccessToken": tokens["AccessToken"] });
    assert_eq!(bed.call("GetUser", body).await.status, 400);
    bed.stop().await;
}

#[tokio::test]
async fn pools_are_listed_and_deleted() {
    let bed = Bed::with_names().await;
    let list = json!({ "MaxResults": 10 });
    let pools = bed.call("ListUserPools", list.clone()).await.ok();
    assert_eq!(pools["UserPools"][0]["Id"], "local_MailPool1");
    assert_eq!(pools["UserPools"][1]["Name"], "names");
    let body = json!({ "UserPoolId": "local_MailPool1" });
    bed.call("DeleteUserPool", body.clone()).await.ok();
    let pools = bed.call("ListUserPools", list).await.ok();
    assert_eq!(pools["UserPools"].as_array().unwrap().len(), 1);
    assert_eq!(
        bed.call("DeleteUserPool", body).await.error().0,
        "ResourceNotFoundException"
    );
    bed.stop().await;
}

#[tokio::test]
async fn groups_are_listed_left_and_deleted() {
    let bed = Bed::start().await;
    let call = async |operation: &str, mut body: Value| {
        body["UserPoolId"] = "local_MailPool1".into();
        bed.call(operation, body).await
    };
    let names = |answer: Value| {
        let groups = answer["Groups"].as_array().unwrap().clone();
        let name = |group: &Value| group["GroupName"].as_str().unwrap().to_owned();
        groups.iter().map(name).collect::<Vec<_>>()
    };
    let ada = json!({ "Username": "ada@example.com" });
    assert_eq!(
        names(call("ListGroups", json!({})).await.ok()),
        ["admins", "developers"]
    );
    let of_ada = call("AdminListGroupsForUser", ada.clone()).await.ok();
    assert_eq!(names(of_ada), ["admins", "developers"]);
    let leave = json!({ "Username": "ada@example.com", "GroupName": "admins" });
    call("AdminRemoveUserFromGroup", leave).await.ok();
    let of_ada = call("AdminListGroupsForUser", ada.clone()).await.ok();
    assert_eq!(names(of_ada), ["developers"]);
    let developers = json!({ "GroupName": "developers" });
    let members = call("ListUsersInGroup", developers.clone()).await.ok();
    assert_eq!(members["Users"].as_array().unwrap().len(), 1);
    assert_eq!(
        call("GetGroup", developers.clone()).await.ok()["Group"]["Precedence"],
        2
    );
    call("DeleteGroup", developers.clone()).await.ok();
    assert!(names(call("AdminListGroupsForUser", ada).await.ok()).is_empty());
    assert_eq!(
        call("DeleteGroup", developers).await.error().0,
        "ResourceNotFoundException"
    );
    bed.stop().await;
}
