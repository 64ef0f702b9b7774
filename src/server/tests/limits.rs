//! R-119 … R-121: how much there may be.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

use super::bed::{self, Bed, SOON, settings};
use super::describe;
use crate::body::Body;

fn head(extra: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{extra}\r\n").into_bytes()
}

#[tokio::test]
async fn heads_over_the_limits_are_refused_on_http_1() {
    let bed = Bed::start(settings(), describe).await;
    let target = format!(
        "GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "a".repeat(9_000)
    );
    for (request, status) in [
        (head(&"a: b\r\n".repeat(98)), "200"),
        (head(&"a: b\r\n".repeat(99)), "431"),
        (head(&format!("a: {}\r\n", "b".repeat(32_000))), "200"),
        (head(&format!("a: {}\r\n", "b".repeat(33_000))), "431"),
        (target.into_bytes(), "414"),
    ] {
        let answer = bed.exchange(&request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{status}: {answer}"
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn heads_over_the_limits_are_refused_on_http_2() {
    let bed = Bed::start(settings(), describe).await;
    let mut client = bed.h2().await;
    let with = |fields: usize, bytes: usize| {
        let mut request = bed::get("/");
        for _ in 0..fields {
            request
                .headers_mut()
                .append("cookie", "a=b".parse().unwrap());
        }
        request
            .headers_mut()
            .append("long", "b".repeat(bytes).parse().unwrap());
        request
    };
    let mut target = bed::get("/");
    *target.uri_mut() = format!("http://a/{}", "a".repeat(9_000)).parse().unwrap();
    for (request, status) in [
        (with(99, 1), StatusCode::OK),
        (with(100, 1), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        (with(0, 32_000), StatusCode::OK),
        (with(0, 33_000), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        (target, StatusCode::URI_TOO_LONG),
    ] {
        assert_eq!(client.send_request(request).await.unwrap().status(), status);
    }
    drop(client);
    bed.stop().await;
}

#[tokio::test]
async fn a_request_over_the_limit_is_told_to_come_back() {
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let held = {
        let (arrived, go_on) = (Arc::clone(&arrived), Arc::clone(&go_on));
        move |_: Request<Body>| {
            let (arrived, go_on) = (Arc::clone(&arrived), Arc::clone(&go_on));
            async move {
                arrived.notify_one();
                go_on.notified().await;
                Response::new(Body::from("done"))
            }
        }
    };
    let mut settings = settings();
    settings.limits.requests = 1;
    let bed = Bed::start(settings, held).await;
    let mut first = bed.connect().await;
    bed::write(&mut first, &head("")).await;
    arrived.notified().await;

    let answer = bed.exchange(&head("")).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");

    go_on.notify_one();
    assert!(bed::read_all(&mut first).await.ends_with("done"));
    go_on.notify_one();
    let answer = bed.exchange(&head("")).await;
    assert!(
        answer.ends_with("done"),
        "the place was not free again: {answer}"
    );
    bed.stop().await;
}

#[tokio::test]
async fn one_address_has_no_more_than_its_share_of_connections() {
    let mut settings = settings();
    settings.limits.connections_per_address = 2;
    let bed = Bed::start(settings.clone(), describe).await;
    let first = bed.connect().await;
    let second = bed.connect().await;
    assert_eq!(bed::read_all(&mut bed.connect().await).await, "");
    drop((first, second));
    // The places are free once the server has seen that both are closed.
    while bed.exchange(&head("")).await.is_empty() {
        tokio::task::yield_now().await;
    }
    bed.stop().await;

    settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let bed = Bed::start(settings, describe).await;
    let kept = [
        bed.connect().await,
        bed.connect().await,
        bed.connect().await,
    ];
    assert!(!bed.exchange(&head("")).await.is_empty());
    drop(kept);
    bed.stop().await;
}

#[tokio::test]
async fn an_upgraded_connection_keeps_its_place() {
    async fn upgrade(mut request: Request<Body>) -> Response<Body> {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio_util::task::TaskTracker::new().spawn(async move {
            let mut stream = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
            drop(stream.read_u8().await);
        });
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "upgrade")
            .header("upgrade", "x")
            .body(Body::Empty)
            .unwrap()
    }
    let mut settings = settings();
    settings.limits.connections = 1;
    let bed = Bed::start(settings, upgrade).await;
    let mut client = bed.connect().await;
    bed::write(
        &mut client,
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    )
    .await;
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        assert_ne!(client.read_buf(&mut seen).await.unwrap(), 0);
    }
    assert_eq!(bed::read_all(&mut bed.connect().await).await, "");
    drop(client);
    loop {
        let mut next = bed.connect().await;
        let open = tokio::time::timeout(SOON, next.read_u8()).await.is_err();
        if open {
            break;
        }
    }
    bed.stop().await;
}
