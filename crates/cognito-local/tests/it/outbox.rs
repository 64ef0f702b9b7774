//! The outbox: what is sent, who may read it, and the CustomMessage trigger.

use cognito_local::Kind;
use serde_json::{Value, json};

use crate::bed::{ADA, Bed, text};
use crate::function::Function;

async fn forgot(bed: &Bed) -> crate::bed::Answer {
    let body = json!({ "ClientId": "web", "Username": ADA, "ClientMetadata": { "from": "shop" } });
    bed.call("ForgotPassword", body).await
}

async fn bed_with(function: &Function) -> Bed {
    Bed::with(|settings| {
        let triggers = &mut settings.seed.pools[0].settings.triggers;
        let function = function.trigger();
        triggers.functions.insert(Kind::CustomMessage, function);
    })
    .await
}

#[tokio::test]
async fn a_message_is_read_as_json_and_as_a_page() {
    let bed = Bed::start().await;
    assert!(bed.get("/outbox").await.body.contains("No message yet"));
    forgot(&bed).await.ok();
    let all = bed.get("/outbox.json").await;
    assert_eq!(all.header("content-type"), Some("application/json"));
    assert_eq!(all.header("cache-control"), Some("no-store"));
    let message = all.ok()["messages"][0].clone();
    let code = text(&message["code"]);
    assert_eq!(
        message,
        json!({
            "number": 1, "time": 1_772_510_706.0, "pool": "local_MailPool1", "username": message["username"],
            "purpose": "ForgotPassword", "medium": "EMAIL", "to": ADA, "subject": "Your verification code",
            "text": format!("Your verification code is {code}."), "code": code,
        })
    );
    let page = bed.get("/outbox").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        page.header("content-security-policy")
            .is_some_and(|policy| policy.starts_with("default-src 'none'")),
        "{}",
        page.head
    );
    assert!(page.body.contains(&code) && page.body.contains("04:05:06 UTC"));
    let of = async |query: &str| {
        let body = bed.get(&format!("/outbox.json?{query}")).await.ok();
        body["messages"].as_array().unwrap().len()
    };
    assert_eq!(of("to=ada%40example.com").await, 1);
    assert_eq!(of("to=bob%40example.com").await, 0);
    assert_eq!(of(&format!("user={}", text(&message["username"]))).await, 1);
    bed.stop().await;
}

#[tokio::test]
async fn web_pages_from_elsewhere_do_not_read_codes() {
    let bed = Bed::start().await;
    forgot(&bed).await.ok();
    for path in ["/outbox", "/outbox.json"] {
        for head in [
            "host: evil.example.com",
            "host: localhost\r\norigin: https://evil.example.com",
        ] {
            let request = format!("GET {path} HTTP/1.1\r\n{head}\r\nconnection: close\r\n\r\n");
            let answer = bed.raw(request.as_bytes()).await;
            assert_eq!(answer.status, 403, "{head}");
            assert!(!answer.body.contains("code"), "{}", answer.body);
        }
    }
    bed.stop().await;
}

#[tokio::test]
async fn the_custom_message_function_rewrites_a_message_without_seeing_the_code() {
    let function = Function::new(|_| {
        Ok(json!({
            "smsMessage": null,
            "emailMessage": "<b>Code</b> {####}",
            "emailSubject": "For you",
        }))
    })
    .await;
    let bed = bed_with(&function).await;
    forgot(&bed).await.ok();
    let message = bed.messages(ADA).await.remove(0);
    assert_eq!(message["subject"], "For you");
    assert_eq!(
        message["text"],
        format!("<b>Code</b> {}", text(&message["code"]))
    );
    let page = bed.get("/outbox").await.body;
    assert!(page.contains("&lt;b&gt;Code") && !page.contains("<b>Code"));
    assert_eq!(
        function.events(),
        [json!({
            "version": "1",
            "triggerSource": "CustomMessage_ForgotPassword",
            "region": "local",
            "userPoolId": "local_MailPool1",
            "userName": message["username"],
            "callerContext": { "awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "web" },
            "request": {
                "userAttributes": {
                    "sub": message["username"], "cognito:user_status": "CONFIRMED", "email": ADA,
                    "email_verified": "true", "given_name": "Ada",
                },
                "codeParameter": "{####}",
                "usernameParameter": null,
                "clientMetadata": { "from": "shop" },
            },
            "response": { "smsMessage": null, "emailMessage": null, "emailSubject": null },
        })]
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_wording_without_its_placeholders_or_too_long_for_an_sms_is_refused() {
    let long = format!("{{####}}{}", "x".repeat(140));
    for response in [
        json!({ "emailMessage": "no code" }),
        json!({ "smsMessage": "no code" }),
        json!({ "smsMessage": long }),
        json!({ "emailMessage": 7 }),
    ] {
        let function = Function::new(move |_| Ok(response.clone())).await;
        let bed = bed_with(&function).await;
        assert_eq!(
            forgot(&bed).await.error().0,
            "InvalidLambdaResponseException"
        );
        assert!(bed.messages(ADA).await.is_empty());
        bed.stop().await;
    }
}

#[tokio::test]
async fn an_invitation_needs_the_place_for_the_name_as_well() {
    let function = Function::new(|event| {
        let named = event["request"]["userAttributes"]["email"] == "lin@example.com";
        let name = if named { " {username}" } else { "" };
        Ok(json!({ "emailMessage": format!("{{####}}{name}") }))
    })
    .await;
    let bed = bed_with(&function).await;
    let invite = async |username: &str| {
        let body = json!({
            "UserPoolId": "local_MailPool1", "Username": username, "DesiredDeliveryMediums": ["EMAIL"],
        });
        bed.call("AdminCreateUser", body).await
    };
    let user = invite("lin@example.com").await.ok()["User"].clone();
    let message = bed.messages("lin@example.com").await.remove(0);
    let expected = format!("{} {}", text(&message["code"]), text(&user["Username"]));
    assert_eq!(message["text"], expected);
    let event = &function.events()[0];
    assert_eq!(event["triggerSource"], "CustomMessage_AdminCreateUser");
    assert_eq!(event["request"]["usernameParameter"], "{username}");
    assert_eq!(event["request"].get("clientMetadata"), None::<&Value>);
    assert_eq!(
        invite("kim@example.com").await.error().0,
        "InvalidLambdaResponseException"
    );
    bed.stop().await;
}
