//! HTTP: the error form, the limits, and which pages and hosts may call.

use std::time::Duration;

use cognito_local::{Fault, FaultWhen, LocalPool, Settings, StartError};
use serde_json::json;

use crate::bed::{ADA, ADA_PASSWORD, Bed};

const TARGET: &str = "x-amz-target: AWSCognitoIdentityProviderService.InitiateAuth\r\n";

#[tokio::test]
async fn every_answer_has_a_request_id_and_every_error_its_headers() {
    let bed = Bed::start().await;
    let answer = bed.password_sign_in("web", ADA, ADA_PASSWORD).await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/x-amz-json-1.1")
    );
    assert_eq!(answer.header("x-amzn-requestid").unwrap().len(), 36);
    assert_eq!(answer.header("x-amzn-errortype"), None);
    let error = bed.password_sign_in("web", ADA, "wrong").await;
    assert_eq!(
        error.header("x-amzn-errortype"),
        Some("notauthorizedexception:")
    );
    assert_eq!(
        error.header("x-amzn-errormessage"),
        Some("incorrect username or password.")
    );
    assert_ne!(
        error.header("x-amzn-requestid"),
        answer.header("x-amzn-requestid")
    );
    assert_eq!(error.header("x-sidegate-dev"), Some("1"));
    bed.stop().await;
}

#[tokio::test]
async fn a_text_that_is_no_ascii_stays_out_of_the_header_and_whole_in_the_body() {
    let bed = Bed::start().await;
    let error = bed
        .call(
            "AdminInitiateAuth",
            json!({ "UserPoolId": "local_None", "ClientId": "web", "AuthFlow": "CUSTOM_AUTH" }),
        )
        .await;
    error.assert_error(
        "ResourceNotFoundException",
        "User pool local_None does not exist.",
    );
    let attributes = json!([{ "Name": "custom:ü\r\nx", "Value": "" }]);
    let body = json!({ "UserPoolId": "local_MailPool1", "Username": "lin@example.com", "UserAttributes": attributes });
    let error = bed.call("AdminCreateUser", body).await;
    assert_eq!(error.status, 400);
    assert!(
        error
            .head
            .lines()
            .all(|line| line.is_ascii() && !line.starts_with('x') || line.starts_with("x-")),
        "{}",
        error.head
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused() {
    let bed = Bed::start().await;
    for body in ["", "{", "[]", "null", r#"{"ClientId": 7}"#, "\"\u{0}\""] {
        assert_eq!(
            bed.call_text("InitiateAuth", body).await.error().0,
            "SerializationException",
            "{body:?}"
        );
    }
    let padding = "x".repeat((1 << 20) + 1);
    let large = bed
        .call_text("InitiateAuth", &format!(r#"{{"Padding":"{padding}"}}"#))
        .await;
    assert_eq!(large.status, 413);
    bed.stop().await;
}

#[tokio::test]
async fn a_call_without_a_target_is_an_unknown_operation() {
    let bed = Bed::start().await;
    for target in [
        "",
        "x-amz-target: InitiateAuth\r\n",
        "x-amz-target: AWSCognitoIdentityService.GetId\r\n",
    ] {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{target}content-length: 2\r\n\r\n{{}}"
        );
        assert_eq!(
            bed.raw(request.as_bytes()).await.error().0,
            "UnknownOperationException",
            "{target}"
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_signature_of_any_kind_changes_nothing() {
    let bed = Bed::start().await;
    let body = json!({ "UserPoolId": "local_MailPool1", "Username": ADA }).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: AWS4-HMAC-SHA256 Credential=x, Signature=y\r\n\
         x-amz-target: AWSCognitoIdentityProviderService.AdminGetUser\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    bed.raw(request.as_bytes()).await.ok();
    bed.stop().await;
}

#[tokio::test]
async fn only_loopback_hosts_and_origins_get_an_answer() {
    let bed = Bed::start().await;
    let send = async |head: &str| {
        bed.raw(
            format!("{head}connection: close\r\n{TARGET}content-length: 2\r\n\r\n{{}}").as_bytes(),
        )
        .await
    };
    for head in [
        "POST / HTTP/1.1\r\nhost: evil.example\r\n",
        "POST / HTTP/1.1\r\nhost: localhost.evil.example\r\n",
        "POST / HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\n",
        "POST / HTTP/1.1\r\nhost: localhost\r\norigin: null\r\n",
        "POST http://evil.example/ HTTP/1.1\r\nhost: localhost\r\n",
        "GET /local_MailPool1/.well-known/jwks.json HTTP/1.1\r\nhost: evil.example\r\n",
    ] {
        let refused = send(head).await;
        assert_eq!(refused.status, 403, "{head}");
        assert_eq!(
            refused.header("access-control-allow-origin"),
            None,
            "{head}"
        );
    }
    let page =
        send("POST / HTTP/1.1\r\nhost: 127.0.0.1:1\r\norigin: http://localhost:3000\r\n").await;
    assert_eq!(page.status, 400);
    assert_eq!(
        page.header("access-control-allow-origin"),
        Some("http://localhost:3000")
    );
    assert!(
        page.header("access-control-expose-headers")
            .unwrap()
            .contains("x-amzn-errortype")
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_preflight_from_loopback_allows_the_headers_it_asks_for() {
    let bed = Bed::start().await;
    let preflight = async |origin: &str| {
        let head = format!(
            "OPTIONS / HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\nconnection: close\r\n"
        );
        let asked = "access-control-request-method: POST\r\naccess-control-request-headers: content-type,x-amz-target,x-amz-user-agent\r\n\r\n";
        bed.raw(format!("{head}{asked}").as_bytes()).await
    };
    let allowed = preflight("http://[::1]:5173").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(
        allowed.header("access-control-allow-headers"),
        Some("content-type,x-amz-target,x-amz-user-agent")
    );
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some("http://[::1]:5173")
    );
    assert_eq!(preflight("https://evil.example").await.status, 403);
    bed.stop().await;
}

#[tokio::test]
async fn it_says_what_it_is_and_that_it_lives() {
    let bed = Bed::start().await;
    assert!(
        bed.get("/")
            .await
            .body
            .contains("local Amazon Cognito user pool")
    );
    assert_eq!(bed.get("/health").await.body, "ok\n");
    for path in [
        "/local_None/.well-known/jwks.json",
        "/local_MailPool1/.well-known/other",
        "/local_MailPool1",
        "//",
    ] {
        assert_eq!(bed.get(path).await.status, 404, "{path}");
    }
    bed.stop().await;
}

#[tokio::test]
async fn an_address_others_reach_is_refused_unless_asked_for() {
    let settings = Settings {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..Settings::default()
    };
    assert!(matches!(
        LocalPool::start(settings.clone()).await,
        Err(StartError::NotLoopback(_))
    ));
    let pool = LocalPool::start(Settings {
        expose: true,
        ..settings
    })
    .await
    .unwrap();
    assert!(
        pool.url().starts_with("http://127.0.0.1:"),
        "{}",
        pool.url()
    );
    pool.stop().await.unwrap();
}

#[tokio::test]
async fn ordered_faults_hit_their_operation_and_then_stop() {
    let bed = Bed::with(|settings| {
        settings.faults = vec![Fault {
            operation: "InitiateAuth".to_owned(),
            exception: Some("TooManyRequestsException".to_owned()),
            when: FaultWhen::Next(1),
            delay: Duration::ZERO,
        }];
    })
    .await;
    assert_eq!(
        bed.password_sign_in("web", ADA, ADA_PASSWORD)
            .await
            .error()
            .0,
        "TooManyRequestsException"
    );
    bed.password_sign_in("web", ADA, ADA_PASSWORD)
        .await
        .tokens();
    bed.stop().await;
}

#[tokio::test]
async fn stopping_finishes_the_call_under_way() {
    let bed = Bed::with(|settings| {
        settings.faults = vec![Fault {
            operation: "InitiateAuth".to_owned(),
            exception: None,
            when: FaultWhen::Next(1),
            delay: Duration::from_millis(100),
        }];
    })
    .await;
    let address = bed.pool.address();
    let body = json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "web", "AuthParameters": { "USERNAME": ADA, "PASSWORD": ADA_PASSWORD } }).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\n{TARGET}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    // The server has taken the connection once another one is answered.
    bed.get("/health").await;
    bed.stop().await;
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer)
        .await
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("AccessToken"),
        "{answer}"
    );
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
