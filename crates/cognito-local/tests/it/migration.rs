//! The UserMigration trigger, as a command and behind a Lambda Invoke URL.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cognito_local::{Kind, Seed, Settings, Trigger};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::bed::{Bed, claims};

const OLD: &str = "old@example.com";

/// A function that answers each call with the same bytes, or never.
struct Function {
    events: Arc<Mutex<Vec<Value>>>,
    url: String,
    _task: JoinSet<()>,
}

impl Function {
    async fn answering(answer: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/2015-03-31/functions/Migrate/invocations",
            listener.local_addr().unwrap()
        );
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut kept = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                let event = loop {
                    let mut chunk = [0; 4096];
                    let count = stream.read(&mut chunk).await.unwrap();
                    request.extend_from_slice(&chunk[..count]);
                    let text = String::from_utf8_lossy(&request);
                    assert!(
                        text.starts_with(
                            "POST /2015-03-31/functions/Migrate/invocations HTTP/1.1\r\n"
                        ),
                        "{text}"
                    );
                    if let Some(event) = text
                        .split_once("\r\n\r\n")
                        .and_then(|(_, body)| serde_json::from_str(body).ok())
                    {
                        break event;
                    }
                };
                seen.lock().unwrap().push(event);
                match &answer {
                    Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    None => kept.push(stream),
                }
            }
        });
        Self {
            events,
            url,
            _task: task,
        }
    }

    async fn ok(body: &str) -> Self {
        Self::answering(Some(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )))
        .await
    }

    fn calls(&self) -> usize {
        self.events.lock().unwrap().len()
    }
}

fn with(trigger: Trigger) -> impl FnOnce(&mut Settings) {
    move |settings| {
        let triggers = &mut settings.seed.pools[0].settings.triggers;
        triggers.functions.insert(Kind::UserMigration, trigger);
    }
}

async fn bed_with(function: &Function) -> Bed {
    Bed::with(with(Trigger::Url(function.url.parse().unwrap()))).await
}

fn shell(script: &str) -> Trigger {
    Trigger::Command(["sh", "-c", script].map(str::to_owned).into())
}

fn migrated(status: &Value) -> String {
    let attributes = json!({ "email": OLD, "email_verified": "true", "given_name": "Old", "username": "ignored@example.com" });
    json!({ "version": "1", "response": { "userAttributes": attributes, "finalUserStatus": status, "messageAction": "SUPPRESS" } }).to_string()
}

async fn sign_in(bed: &Bed) -> (String, String) {
    bed.password_sign_in("web", OLD, "simple").await.error()
}

#[tokio::test]
async fn a_user_is_taken_over_at_the_first_sign_in_and_signs_in_without_the_function_afterwards() {
    let function = Function::ok(&migrated(&"CONFIRMED".into())).await;
    let bed = bed_with(&function).await;
    let parameters = json!({ "USERNAME": OLD, "PASSWORD": "simple" });
    let body = json!({
        "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "web", "AuthParameters": parameters, "ClientMetadata": { "from": "old" },
    });
    let tokens = bed.call("InitiateAuth", body).await.tokens();
    assert_eq!(claims(&tokens["IdToken"])["given_name"], "Old");
    bed.password_sign_in("web", OLD, "simple").await.tokens();
    bed.password_sign_in("web", OLD, "wrong")
        .await
        .assert_error("NotAuthorizedException", "Incorrect username or password.");
    assert_eq!(function.calls(), 1);
    assert_eq!(
        function.events.lock().unwrap()[0],
        json!({
            "version": "1",
            "triggerSource": "UserMigration_Authentication",
            "region": "local",
            "userPoolId": "local_MailPool1",
            "userName": OLD,
            "callerContext": { "awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "web" },
            "request": { "password": "simple", "validationData": { "from": "old" }, "clientMetadata": {} },
            "response": {
                "userAttributes": null, "finalUserStatus": null, "messageAction": null,
                "desiredDeliveryMediums": null, "forceAliasCreation": null, "enableSMSMFA": null,
            },
        })
    );
    bed.stop().await;
}

#[tokio::test]
async fn without_a_final_status_the_user_must_reset_the_password() {
    let function = Function::ok(&migrated(&Value::Null)).await;
    let bed = bed_with(&function).await;
    for _sign_in in 0..2 {
        assert_eq!(sign_in(&bed).await.0, "PasswordResetRequiredException");
    }
    let wrong = bed.password_sign_in("web", OLD, "wrong").await;
    wrong.assert_error("NotAuthorizedException", "Incorrect username or password.");
    assert_eq!(function.calls(), 1);
    bed.stop().await;
}

#[tokio::test]
async fn the_function_is_called_for_password_flows_only() {
    let function = Function::ok(&migrated(&"CONFIRMED".into())).await;
    let bed = bed_with(&function).await;
    let srp = crate::srp_client::sign_in(&bed, "web", "MailPool1", OLD, "simple").await;
    srp.assert_error("NotAuthorizedException", "Incorrect username or password.");
    assert_eq!(function.calls(), 0);
    let parameters = json!({ "USERNAME": OLD, "PASSWORD": "simple" });
    let body = json!({
        "UserPoolId": "local_MailPool1", "AuthFlow": "ADMIN_USER_PASSWORD_AUTH", "ClientId": "web", "AuthParameters": parameters,
    });
    bed.call("AdminInitiateAuth", body).await.tokens();
    assert_eq!(function.calls(), 1);
    bed.stop().await;
}

#[tokio::test]
async fn what_the_function_refuses_is_a_wrong_password_and_counts_as_one() {
    let thrown = r#"{"errorMessage":"Bad password","errorType":"Error"}"#;
    let header = format!(
        "HTTP/1.1 200 OK\r\nx-amz-function-error: Unhandled\r\ncontent-length: {}\r\n\r\n{thrown}",
        thrown.len()
    );
    for function in [
        Function::ok(thrown).await,
        Function::answering(Some(header)).await,
        Function::ok(r#"{"response":{}}"#).await,
        Function::ok(r#"{"response":{"userAttributes":{}}}"#).await,
        Function::ok(r#"{"response":{"userAttributes":null,"finalUserStatus":"CONFIRMED"}}"#).await,
    ] {
        let bed = bed_with(&function).await;
        for _guess in 0..5 {
            assert_eq!(sign_in(&bed).await.1, "Incorrect username or password.");
        }
        assert_eq!(sign_in(&bed).await.1, "Password attempts exceeded");
        assert_eq!(
            function.calls(),
            5,
            "a locked name does not reach the function"
        );
        bed.stop().await;
    }
}

#[tokio::test]
async fn an_answer_of_the_wrong_shape_is_told() {
    let with_response = |response: Value| json!({ "response": response }).to_string();
    for answer in [
        "{}".to_owned(),
        "[]".to_owned(),
        with_response(Value::Null),
        with_response(json!({ "userAttributes": ["email"] })),
        with_response(json!({ "userAttributes": { "email": 7 } })),
        with_response(json!({ "userAttributes": { "email": OLD }, "messageAction": "SHOUT" })),
        with_response(
            json!({ "userAttributes": { "email": OLD }, "desiredDeliveryMediums": ["PIGEON"] }),
        ),
        with_response(json!({ "userAttributes": { "email": OLD }, "enableSMSMFA": true })),
        with_response(json!({ "userAttributes": { "email": OLD, "shoe_size": "44" } })),
        with_response(json!({ "userAttributes": { "email": OLD, "sub": "mine" } })),
    ] {
        let function = Function::ok(&answer).await;
        let bed = bed_with(&function).await;
        assert_eq!(
            sign_in(&bed).await,
            (
                "InvalidLambdaResponseException".to_owned(),
                "Unrecognizable lambda output".to_owned()
            ),
            "{answer}"
        );
        bed.stop().await;
    }
}

#[tokio::test]
async fn a_function_that_cannot_be_called_is_told_and_not_called_again() {
    let text = "UserMigration invocation failed due to an error.";
    for answer in [
        "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 38\r\n\r\nTask timed out after 3.00 seconds now.",
        "nonsense\r\n\r\n",
    ] {
        let function = Function::answering(Some(answer.to_owned())).await;
        let bed = bed_with(&function).await;
        assert_eq!(
            sign_in(&bed).await,
            ("UnexpectedLambdaException".to_owned(), text.to_owned()),
            "{answer}"
        );
        assert_eq!(function.calls(), 1, "{answer}");
        bed.stop().await;
    }
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let bed = Bed::with(with(Trigger::Url(
        format!("http://{gone}/").parse().unwrap(),
    )))
    .await;
    assert_eq!(sign_in(&bed).await.0, "UnexpectedLambdaException");
    bed.stop().await;
}

#[tokio::test]
async fn a_function_that_does_not_answer_is_called_three_times() {
    let function = Function::answering(None).await;
    let url = function.url.parse().unwrap();
    let bed = Bed::with(|settings| {
        with(Trigger::Url(url))(settings);
        settings.trigger_time_limit = Duration::from_millis(50);
    })
    .await;
    assert_eq!(sign_in(&bed).await.0, "UnexpectedLambdaException");
    assert_eq!(function.calls(), 3);
    bed.stop().await;
}

#[tokio::test]
async fn a_function_that_is_throttled_is_called_three_times() {
    let answer = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n";
    let function = Function::answering(Some(answer.to_owned())).await;
    let bed = bed_with(&function).await;
    assert_eq!(sign_in(&bed).await.0, "UnexpectedLambdaException");
    assert_eq!(function.calls(), 3);
    bed.stop().await;
}

#[tokio::test]
async fn a_command_reads_the_event_and_writes_the_answer() {
    let script = format!(
        "grep -q '\"password\":\"simple\"' && echo '{}'",
        migrated(&"CONFIRMED".into())
    );
    let bed = Bed::with(with(shell(&script))).await;
    bed.password_sign_in("web", OLD, "simple").await.tokens();
    bed.stop().await;
}

#[tokio::test]
async fn a_command_that_fails_threw_and_one_that_dies_or_hangs_is_told() {
    for (script, name) in [
        (
            "cat > /dev/null; echo 'first' >&2; echo 'Bad password' >&2; exit 1",
            "NotAuthorizedException",
        ),
        ("exit 3", "NotAuthorizedException"),
        ("kill -9 $$", "UnexpectedLambdaException"),
        ("echo no json", "UnexpectedLambdaException"),
        ("exec sleep 1000", "UnexpectedLambdaException"),
        ("exec yes", "UnexpectedLambdaException"),
    ] {
        let bed = Bed::with(|settings| {
            with(shell(script))(settings);
            settings.trigger_time_limit = Duration::from_millis(200);
        })
        .await;
        assert_eq!(sign_in(&bed).await.0, name, "{script}");
        bed.stop().await;
    }
    let bed = Bed::with(with(Trigger::Command(vec!["/does/not/exist".to_owned()]))).await;
    assert_eq!(sign_in(&bed).await.0, "UnexpectedLambdaException");
    bed.stop().await;
}

#[tokio::test]
async fn a_legacy_client_is_told_what_the_function_said() {
    for (answer, name, text) in [
        (
            r#"{"errorMessage":"Bad password."}"#,
            "UserLambdaValidationException",
            "UserMigration failed with error Bad password.",
        ),
        (
            r#"{"response":{}}"#,
            "UserNotFoundException",
            "User does not exist.",
        ),
    ] {
        let function = Function::ok(answer).await;
        let bed = bed_with(&function).await;
        for _guess in 0..5 {
            let refused = bed.password_sign_in("legacy", OLD, "simple").await;
            refused.assert_error(name, text);
        }
        assert_eq!(sign_in(&bed).await.1, "Password attempts exceeded");
        bed.stop().await;
    }
}

async fn forgot(bed: &Bed, client: &str) -> crate::bed::Answer {
    let body = json!({ "ClientId": client, "Username": OLD, "ClientMetadata": { "from": "old" } });
    bed.call("ForgotPassword", body).await
}

#[tokio::test]
async fn who_forgot_the_password_is_taken_over_without_one_and_sets_a_new_one_by_code() {
    let function = Function::ok(&migrated(&Value::Null)).await;
    let bed = bed_with(&function).await;
    let sent = forgot(&bed, "web").await.ok();
    assert_eq!(sent["CodeDeliveryDetails"]["Destination"], "o***@e***");
    assert_eq!(
        function.events.lock().unwrap()[0],
        json!({
            "version": "1",
            "triggerSource": "UserMigration_ForgotPassword",
            "region": "local",
            "userPoolId": "local_MailPool1",
            "userName": OLD,
            "callerContext": { "awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "web" },
            "request": { "validationData": null, "clientMetadata": { "from": "old" } },
            "response": {
                "userAttributes": null, "finalUserStatus": null, "messageAction": null,
                "desiredDeliveryMediums": null, "forceAliasCreation": null, "enableSMSMFA": null,
            },
        })
    );
    assert_eq!(bed.messages(OLD).await.len(), 1, "SUPPRESS: no welcome");
    let body = json!({
        "ClientId": "web", "Username": OLD, "ConfirmationCode": bed.code(OLD).await, "Password": "Quick-Pony-21",
    });
    bed.call("ConfirmForgotPassword", body).await.ok();
    bed.password_sign_in("web", OLD, "Quick-Pony-21")
        .await
        .tokens();
    assert_eq!(function.calls(), 1);
    bed.stop().await;
}

#[tokio::test]
async fn nobody_is_taken_over_for_a_code_that_cannot_be_sent() {
    for answer in [
        r#"{"response":{"userAttributes":{"email":"old@example.com"}}}"#,
        r#"{"response":{}}"#,
        r#"{"errorMessage":"nobody"}"#,
    ] {
        let function = Function::ok(answer).await;
        let bed = bed_with(&function).await;
        let hidden = forgot(&bed, "web").await.ok();
        assert_eq!(hidden["CodeDeliveryDetails"]["Destination"], "o***@e***");
        assert!(bed.messages(OLD).await.is_empty(), "{answer}");
        let told = forgot(&bed, "legacy").await.error().0;
        let expected = if answer.contains("errorMessage") {
            "UserLambdaValidationException"
        } else {
            "UserNotFoundException"
        };
        assert_eq!(told, expected, "{answer}");
        bed.stop().await;
    }
}

#[tokio::test]
async fn a_user_who_comes_from_elsewhere_is_welcomed_unless_the_function_suppresses_it() {
    let number = "+15555551234";
    let with = |mediums: Value| {
        let attributes = json!({
            "email": OLD, "email_verified": "true", "given_name": "Old", "phone_number": number,
        });
        json!({ "response": {
            "userAttributes": attributes, "finalUserStatus": "CONFIRMED", "desiredDeliveryMediums": mediums,
        } })
        .to_string()
    };
    for (mediums, by_sms, by_email) in [
        (Value::Null, 1, 0),
        (json!(["EMAIL"]), 0, 1),
        (json!(["EMAIL", "SMS"]), 1, 1),
    ] {
        let function = Function::ok(&with(mediums.clone())).await;
        let bed = bed_with(&function).await;
        bed.password_sign_in("web", OLD, "simple").await.tokens();
        let sent = [bed.messages(number).await, bed.messages(OLD).await];
        assert_eq!(
            [sent[0].len(), sent[1].len()],
            [by_sms, by_email],
            "{mediums}"
        );
        let all = bed.get("/outbox.json").await.body;
        assert!(!all.contains("simple"), "the password is told to nobody");
        bed.stop().await;
    }
}

/// A pool of its own whose UserMigration function gives a user these attributes, beside what the response says.
async fn taking_over(pool: &str, attributes: &Value, mut response: Value) -> (Function, Bed) {
    let seed = format!(
        "[[pool]]\nname = \"new\"\n{pool}\n[[pool.client]]\nname = \"web\"\nid = \"web\"\n\
         explicit_auth_flows = [\"ALLOW_USER_PASSWORD_AUTH\"]\n"
    );
    response["userAttributes"] = attributes.clone();
    response["finalUserStatus"] = "CONFIRMED".into();
    response["messageAction"] = "SUPPRESS".into();
    let function = Function::ok(&json!({ "response": response }).to_string()).await;
    let trigger = with(Trigger::Url(function.url.parse().unwrap()));
    let seed = Seed::from_toml(&seed, "the test's seed").unwrap_or_else(|error| panic!("{error}"));
    let bed = Bed::with(|settings| {
        settings.seed = seed;
        trigger(settings);
    });
    (function, bed.await)
}

#[tokio::test]
async fn the_function_switches_codes_by_sms_on_for_its_user() {
    let pool = "mfa = \"OPTIONAL\"\nmfa_methods = [\"SMS_MFA\"]";
    let attributes = json!({ "phone_number": "+15555551234", "phone_number_verified": "true" });
    let (_function, bed) = taking_over(pool, &attributes, json!({ "enableSMSMFA": true })).await;
    for _ in ["taken over", "there"] {
        let answer = bed.password_sign_in("web", "old", "simple").await.ok();
        assert_eq!(answer["ChallengeName"], "SMS_MFA", "{answer}");
    }
    bed.stop().await;
    let (_function, bed) = taking_over(pool, &attributes, json!({ "enableSMSMFA": false })).await;
    bed.password_sign_in("web", "old", "simple").await.tokens();
    bed.stop().await;
}

#[tokio::test]
async fn an_alias_moves_to_the_user_taken_over_only_when_the_function_forces_it() {
    let pool = r#"
alias_attributes = ["email"]
[[pool.user]]
username = "holder"
password = "Correct-Horse-9"
attributes = { email = "shared@example.com", email_verified = "true" }
"#;
    let attributes = json!({ "email": "shared@example.com", "email_verified": "true" });
    for force in [Value::Null, json!(false), json!(true)] {
        let response = json!({ "forceAliasCreation": force });
        let (_function, bed) = taking_over(pool, &attributes, response).await;
        let answer = bed.password_sign_in("web", "old", "simple").await;
        let (name, password) = if force == true {
            answer.tokens();
            ("old", "simple")
        } else {
            answer.assert_error("NotAuthorizedException", "Incorrect username or password.");
            ("holder", "Correct-Horse-9")
        };
        let tokens = bed.password_sign_in("web", "shared@example.com", password);
        let tokens = tokens.await.tokens();
        assert_eq!(claims(&tokens["IdToken"])["cognito:username"], name);
        bed.stop().await;
    }
}
