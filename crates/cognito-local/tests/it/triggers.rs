//! PreAuthentication and PostAuthentication, the order of triggers, their settings and their number at work.

use std::time::Duration;

use cognito_local::{DeviceSettings, Kind, LambdaVersion, Seed, Trigger};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::bed::{Answer, Bed, text};
use crate::lambda::{Lambda, PASSWORD, SEED, attributes_of_ada, event};
use crate::srp_client;

const AROUND: [Kind; 2] = [Kind::PreAuthentication, Kind::PostAuthentication];

fn silent(_kind: Kind, _event: &Value) -> Result<Value, String> {
    Ok(json!({}))
}

async fn sign_in(bed: &Bed, client: &str, user: &str, password: &str) -> Answer {
    bed.password_sign_in(client, user, password).await
}

async fn srp_sign_in(bed: &Bed, user: &str, password: &str) -> Answer {
    srp_client::sign_in(bed, "app", "Triggers1", user, password).await
}

#[tokio::test]
async fn the_triggers_around_a_sign_in_get_cognitos_events() {
    let lambda = Lambda::start(silent).await;
    let bed = lambda.bed(&AROUND).await;
    let attributes = attributes_of_ada(&bed).await;
    let body = json!({
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": "app",
        "AuthParameters": { "USERNAME": "ADA", "PASSWORD": PASSWORD },
        "ClientMetadata": { "from": "here" },
    });
    bed.call("InitiateAuth", body).await.tokens();
    let before = |validation: Value| {
        event(
            "PreAuthentication_Authentication",
            "ada",
            json!({ "userAttributes": attributes, "validationData": validation, "userNotFound": false }),
            json!({}),
        )
    };
    let after = event(
        "PostAuthentication_Authentication",
        "ada",
        json!({ "userAttributes": attributes }),
        json!({}),
    );
    assert_eq!(
        lambda.take(),
        [before(json!({ "from": "here" })), after.clone()]
    );
    srp_sign_in(&bed, "ada", PASSWORD).await.tokens();
    assert_eq!(lambda.take(), [before(Value::Null), after]);
    bed.stop().await;
}

#[tokio::test]
async fn post_authentication_hears_of_devices_where_the_pool_remembers_them() {
    let lambda = Lambda::start(silent).await;
    let bed = lambda
        .bed_with(&[Kind::PostAuthentication], |settings| {
            settings.seed.pools[0].settings.devices = Some(DeviceSettings::default());
        })
        .await;
    let attributes = attributes_of_ada(&bed).await;
    srp_sign_in(&bed, "ada", PASSWORD).await.tokens();
    assert_eq!(
        lambda.take(),
        [event(
            "PostAuthentication_Authentication",
            "ada",
            json!({ "userAttributes": attributes, "newDeviceUsed": true }),
            json!({}),
        )]
    );
    bed.stop().await;
}

#[tokio::test]
async fn metadata_of_a_challenge_answer_reaches_the_trigger_after_it() {
    let lambda = Lambda::start(silent).await;
    let bed = lambda.bed(&AROUND).await;
    let challenge = sign_in(&bed, "app", "new", PASSWORD).await.ok();
    assert_eq!(lambda.sources(), ["PreAuthentication_Authentication"]);
    let body = json!({
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "ClientId": "app",
        "Session": challenge["Session"],
        "ChallengeResponses": { "USERNAME": "new", "NEW_PASSWORD": "Another-Horse-10" },
        "ClientMetadata": { "at": "answer" },
    });
    bed.call("RespondToAuthChallenge", body).await.tokens();
    let events = lambda.take();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(
        events[0]["triggerSource"],
        "PostAuthentication_Authentication"
    );
    let request = &events[0]["request"];
    assert_eq!(request["clientMetadata"], json!({ "at": "answer" }));
    assert_eq!(
        request["userAttributes"]["cognito:user_status"],
        "CONFIRMED"
    );
    bed.stop().await;
}

#[tokio::test]
async fn pre_authentication_refuses_before_the_proof_is_looked_at() {
    let lambda = Lambda::start(|kind, _event| match kind {
        Kind::PreAuthentication => Err("not from there.".to_owned()),
        _ => Ok(json!({})),
    })
    .await;
    let bed = lambda.bed(&AROUND).await;
    let refusal = (
        "UserLambdaValidationException".to_owned(),
        "PreAuthentication failed with error not from there.".to_owned(),
    );
    for _more_than_the_lock_allows in 0..7 {
        assert_eq!(sign_in(&bed, "app", "ada", "wrong").await.error(), refusal);
    }
    assert_eq!(sign_in(&bed, "app", "ada", PASSWORD).await.error(), refusal);
    let client = srp_client::Client::new("1f2e3d4c5b6a7988");
    let begun = srp_client::initiate(&bed, "app", "ada", &client).await;
    assert_eq!(begun.error(), refusal);
    assert!(
        !lambda
            .sources()
            .contains(&"PostAuthentication_Authentication".to_owned())
    );
    bed.stop().await;
}

#[tokio::test]
async fn post_authentication_refuses_the_tokens_of_a_sign_in_that_was_right() {
    let lambda = Lambda::start(|kind, _event| match kind {
        Kind::PostAuthentication => Err("closed today".to_owned()),
        _ => Ok(json!({})),
    })
    .await;
    let bed = lambda.bed(&AROUND).await;
    let refused = sign_in(&bed, "app", "ada", PASSWORD).await;
    refused.assert_error(
        "UserLambdaValidationException",
        "PostAuthentication failed with error closed today.",
    );
    lambda.take();
    let wrong = sign_in(&bed, "app", "ada", "wrong").await;
    wrong.assert_error("NotAuthorizedException", "Incorrect username or password.");
    assert_eq!(lambda.sources(), ["PreAuthentication_Authentication"]);
    bed.stop().await;
}

#[tokio::test]
async fn pre_authentication_hears_of_missing_users_where_existence_is_hidden() {
    let lambda = Lambda::start(silent).await;
    let bed = lambda.bed(&AROUND).await;
    sign_in(&bed, "app", "Nobody", PASSWORD).await.error();
    assert_eq!(
        lambda.take(),
        [event(
            "PreAuthentication_Authentication",
            "Nobody",
            json!({ "userAttributes": {}, "validationData": null, "userNotFound": true }),
            json!({}),
        )]
    );
    srp_sign_in(&bed, "nobody", PASSWORD).await.error();
    assert_eq!(lambda.sources(), ["PreAuthentication_Authentication"]);
    let told = sign_in(&bed, "legacy", "nobody", PASSWORD).await;
    assert_eq!(told.error().0, "UserNotFoundException");
    assert!(lambda.take().is_empty());
    sign_in(&bed, "legacy", "ada", PASSWORD).await.ok();
    assert_eq!(lambda.take()[0]["request"].get("userNotFound"), None);
    bed.stop().await;
}

#[tokio::test]
async fn each_way_of_failing_has_cognitos_exception_for_each_trigger() {
    let shell = |script: &str| Trigger::Command(["sh", "-c", script].map(str::to_owned).into());
    let rows = [
        (
            "echo 'No.' >&2; exit 1",
            "UserLambdaValidationException",
            "failed with error No.",
        ),
        (
            "kill -9 $$",
            "UnexpectedLambdaException",
            "invocation failed due to an error.",
        ),
        (
            "exec sleep 1000",
            "UnexpectedLambdaException",
            "invocation failed due to an error.",
        ),
        ("echo '{}'", "InvalidLambdaResponseException", ""),
        (
            "echo '{\"response\":[]}'",
            "InvalidLambdaResponseException",
            "",
        ),
    ];
    for kind in [
        Kind::PreAuthentication,
        Kind::PostAuthentication,
        Kind::PreTokenGeneration,
    ] {
        for (script, name, message) in rows {
            let bed = Bed::with(|settings| {
                settings.seed = Seed::from_toml(SEED, "the test's seed").unwrap();
                let functions = &mut settings.seed.pools[0].settings.triggers.functions;
                functions.insert(kind, shell(script));
                settings.trigger_time_limit = Duration::from_millis(100);
            })
            .await;
            let message = match message {
                "" => "Unrecognizable lambda output".to_owned(),
                message => format!("{} {message}", kind.name()),
            };
            let refused = sign_in(&bed, "app", "ada", PASSWORD).await;
            assert_eq!(
                refused.error(),
                (name.to_owned(), message),
                "{kind:?}: {script}"
            );
            bed.stop().await;
        }
    }
}

#[tokio::test]
async fn the_triggers_of_a_custom_sign_in_run_in_cognitos_order() {
    let lambda = Lambda::start(|kind, event: &Value| {
        Ok(match kind {
            Kind::DefineAuthChallenge if event["request"]["session"] == json!([]) => {
                json!({ "challengeName": "CUSTOM_CHALLENGE" })
            }
            Kind::DefineAuthChallenge => json!({ "issueTokens": true }),
            Kind::VerifyAuthChallengeResponse => json!({ "answerCorrect": true }),
            _ => json!({}),
        })
    })
    .await;
    let bed = lambda.bed(&Kind::ALL).await;
    let body = json!({ "AuthFlow": "CUSTOM_AUTH", "ClientId": "app", "AuthParameters": { "USERNAME": "ada" } });
    let challenge = bed.call("InitiateAuth", body).await.ok();
    let body = json!({
        "ChallengeName": "CUSTOM_CHALLENGE",
        "ClientId": "app",
        "Session": challenge["Session"],
        "ChallengeResponses": { "USERNAME": "ada", "ANSWER": "any" },
    });
    bed.call("RespondToAuthChallenge", body).await.tokens();
    assert_eq!(
        lambda.sources(),
        [
            "PreAuthentication_Authentication",
            "DefineAuthChallenge_Authentication",
            "CreateAuthChallenge_Authentication",
            "VerifyAuthChallengeResponse_Authentication",
            "DefineAuthChallenge_Authentication",
            "PostAuthentication_Authentication",
            "TokenGeneration_Authentication",
        ]
    );
    bed.stop().await;
}

/// R-122: anybody can start a sign-in, and a function may be a process.
#[tokio::test]
async fn only_so_many_functions_are_at_work_at_the_same_time() {
    let lambda = Lambda::gated(0, silent).await;
    let bed = lambda
        .bed_with(&[Kind::PreAuthentication], |settings| {
            settings.trigger_time_limit = Duration::from_secs(60);
        })
        .await;
    let bed = std::sync::Arc::new(bed);
    let mut calls = JoinSet::new();
    for _call in 0..20 {
        let bed = std::sync::Arc::clone(&bed);
        calls.spawn(async move { sign_in(&bed, "app", "nobody", "wrong").await.error() });
    }
    while lambda.at_work() < 16 {
        tokio::task::yield_now().await;
    }
    lambda.open(20);
    while calls.join_next().await.is_some() {}
    assert_eq!(lambda.most_at_work(), 16);
}

#[tokio::test]
async fn the_seed_names_each_trigger_by_url_or_command() {
    let mut text = format!("{SEED}\n[pool.triggers]\n");
    for kind in Kind::ALL {
        text.push_str(&format!(
            "{} = [\"node\", \"{}.js\"]\n",
            kind.key(),
            kind.key()
        ));
    }
    text.push_str("pre_token_generation_version = \"V3_0\"\ncustom_challenge_limit = 3\n");
    let seed = Seed::from_toml(&text, "pool.toml").unwrap();
    let triggers = &seed.pools[0].settings.triggers;
    for kind in Kind::ALL {
        let command = vec!["node".to_owned(), format!("{}.js", kind.key())];
        assert_eq!(triggers.get(kind), Some(&Trigger::Command(command)));
    }
    assert_eq!(triggers.pre_token_generation_version, LambdaVersion::V3);
    assert_eq!(triggers.custom_challenge_limit, 3);
    for (line, told) in [
        (
            "define_auth_chalenge = \"http://localhost:1/\"",
            "did you mean define_auth_challenge?",
        ),
        (
            "custom_message = \"https://example.com/\"",
            "https is not offered",
        ),
        (
            "pre_sign_up = []",
            "cannot be used; for example pre_sign_up = ",
        ),
        (
            "pre_token_generation_version = \"V4_0\"",
            r#""V1_0", "V2_0" or "V3_0""#,
        ),
        (
            "custom_challenge_limit = 0",
            "custom_challenge_limit must be 1 to 100",
        ),
    ] {
        let text = format!("{SEED}\n[pool.triggers]\n{line}\n");
        let error = Seed::from_toml(&text, "pool.toml").unwrap_err().to_string();
        assert!(error.contains(told), "{line}: {error}");
    }
}

#[tokio::test]
async fn lambda_config_is_taken_and_shown() {
    let bed = Bed::start().await;
    let url = |name: &str| format!("http://127.0.0.1:3001/2015-03-31/functions/{name}/invocations");
    let mut config = json!({});
    for kind in Kind::ALL {
        config[kind.name()] = url(kind.name()).into();
    }
    config["PreTokenGenerationConfig"] =
        json!({ "LambdaArn": url("PreTokenGeneration"), "LambdaVersion": "V2_0" });
    let body = json!({ "PoolName": "with triggers", "LambdaConfig": config });
    let pool = bed.call("CreateUserPool", body).await.ok();
    assert_eq!(pool["UserPool"]["LambdaConfig"], config);
    let described = json!({ "UserPoolId": pool["UserPool"]["Id"] });
    let described = bed.call("DescribeUserPool", described).await.ok();
    assert_eq!(described["UserPool"]["LambdaConfig"], config);
    for wrong in [
        json!({ "CustomSMSSender": { "LambdaArn": url("f"), "LambdaVersion": "V1_0" } }),
        json!({ "KMSKeyID": "key" }),
        json!({ "DefineAuthChallenge": "arn:aws:lambda:eu-west-1:000000000000:function:f" }),
        json!({ "DefineAuthChallenge": ["node", "define.js"] }),
        json!({ "PreTokenGenerationConfig": { "LambdaArn": url("f"), "LambdaVersion": "V4_0" } }),
        json!({ "PreTokenGenerationConfig": { "LambdaVersion": "V1_0" } }),
        json!({ "PreTokenGeneration": url("f"), "PreTokenGenerationConfig": { "LambdaArn": url("g"), "LambdaVersion": "V1_0" } }),
    ] {
        let body = json!({ "PoolName": "wrong", "LambdaConfig": wrong });
        let refused = bed.call("CreateUserPool", body).await;
        assert_eq!(refused.error().0, "InvalidParameterException", "{wrong}");
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_command_of_the_seed_is_shown_by_its_trigger_only() {
    let bed = Bed::with(|settings| {
        let command = vec!["node".to_owned(), "--secret".to_owned()];
        let functions = &mut settings.seed.pools[0].settings.triggers.functions;
        functions.insert(Kind::PreSignUp, Trigger::Command(command));
    })
    .await;
    let pool = bed
        .call(
            "DescribeUserPool",
            json!({ "UserPoolId": "local_MailPool1" }),
        )
        .await
        .ok();
    let shown = text(&pool["UserPool"]["LambdaConfig"]["PreSignUp"]);
    assert_eq!(
        shown,
        "arn:aws:lambda:local:000000000000:function:pre_sign_up"
    );
    bed.stop().await;
}

#[tokio::test]
async fn an_update_replaces_the_triggers_and_keeps_a_command_that_is_sent_back() {
    let command = Trigger::Command(vec!["node".to_owned()]);
    let bed = Bed::with(|settings| {
        let triggers = &mut settings.seed.pools[0].settings.triggers;
        triggers.functions.insert(Kind::PreSignUp, command.clone());
        triggers.functions.insert(Kind::PostConfirmation, command);
    })
    .await;
    let id = json!({ "UserPoolId": "local_MailPool1" });
    let before = bed.call("DescribeUserPool", id.clone()).await.ok()["UserPool"].clone();
    let url = "http://127.0.0.1:3001/2015-03-31/functions/Custom/invocations";
    let config = json!({ "PreSignUp": before["LambdaConfig"]["PreSignUp"], "CustomMessage": url });
    let body = json!({ "UserPoolId": "local_MailPool1", "LambdaConfig": config });
    bed.call("UpdateUserPool", body).await.ok();
    let after = bed.call("DescribeUserPool", id.clone()).await.ok()["UserPool"].clone();
    assert_eq!(after["LambdaConfig"], config);
    for fixed in [
        "UsernameAttributes",
        "UsernameConfiguration",
        "SchemaAttributes",
        "Name",
    ] {
        assert_eq!(after[fixed], before[fixed], "{fixed}");
    }
    bed.password_sign_in("web", crate::bed::ADA, crate::bed::ADA_PASSWORD)
        .await
        .tokens();
    let foreign = json!({
        "UserPoolId": "local_MailPool1",
        "LambdaConfig": { "CustomMessage": before["LambdaConfig"]["PreSignUp"] },
    });
    let refused = bed.call("UpdateUserPool", foreign).await;
    assert_eq!(refused.error().0, "InvalidParameterException");
    bed.call("UpdateUserPool", id.clone()).await.ok();
    let after = bed.call("DescribeUserPool", id).await.ok();
    assert_eq!(after["UserPool"]["LambdaConfig"], json!({}));
    let missing = json!({ "UserPoolId": "local_Nowhere" });
    let refused = bed.call("UpdateUserPool", missing).await;
    assert_eq!(refused.error().0, "ResourceNotFoundException");
    let nameless = bed.call("UpdateUserPool", json!({})).await;
    assert_eq!(nameless.error().0, "InvalidParameterException");
    bed.stop().await;
}
