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
