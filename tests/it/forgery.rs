//! Identity headers that a client makes up never reach the upstream, in any spelling.

use std::collections::BTreeSet;

use http::Request;
use http_body_util::Full;

use crate::bed::{PASSWORD, TestBed, USER};
use crate::browser::exchange;

const NAMES: &[&str] = &[
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-preferred-username",
    "x-forwarded-groups",
    "x-forwarded-access-token",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-access-token",
    "remote-user",
    "remote-email",
    "remote-name",
    "remote-groups",
    "x-sidegate-user",
    "x-sidegate-sub",
    "x-sidegate-assertion",
    "x-sidegate-anything",
    "x-amzn-oidc-identity",
    "x-amzn-oidc-data",
    "x-amzn-oidc-accesstoken",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "forwarded",
    "x-real-ip",
    "x-original-url",
    "x-original-uri",
    "x-original-method",
    "x-rewrite-url",
    "x-client-cert",
    "x-http-method-override",
];

const FORGED: &str = "forged-by-the-client";

/// The name as written, and what some server folds into it.
fn spellings(name: &str) -> Vec<String> {
    let capital: String = name
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect::<Vec<_>>()
        .join("-");
    let mut all = vec![
        name.to_owned(),
        name.to_uppercase(),
        capital.clone(),
        name.replace('-', "_"),
        capital.replace('-', "_"),
        name.replace('-', "."),
        name.replacen('-', "_", 1),
        name.replacen('-', ".", 1),
        name.replace('-', "--"),
        name.replace('-', "_-"),
        format!("{name}-"),
        format!("_{name}"),
    ];
    if !name.contains('-') {
        all.push(format!("{name}_"));
    }
    all
}

#[tokio::test]
async fn no_spelling_of_an_identity_header_passes() {
    let bed = TestBed::default()
        .config("[[gate.public]]\npath = \"/public/\"")
        .start()
        .await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    let cookies: Vec<String> = browser
        .jar
        .iter()
        .map(|(n, v)| format!("{n}={v}"))
        .collect();

    let all: BTreeSet<String> = NAMES.iter().flat_map(|name| spellings(name)).collect();
    assert!(all.len() >= 100, "{}", all.len());
    for path in ["/private", "/public/page"] {
        // In chunks: a request may have a hundred fields.
        for chunk in all.iter().collect::<Vec<_>>().chunks(40) {
            let mut request = Request::get(path)
                .header("host", "localhost:4280")
                .header("cookie", cookies.join("; "))
                .header("x-harmless", "kept");
            for name in chunk {
                request = request.header(name.as_str(), FORGED);
            }
            exchange(bed.gate, request.body(Full::default()).unwrap())
                .await
                .expect(200);
            let seen = bed.upstream.last();
            assert_eq!(seen.header("x-harmless"), Some("kept"));
            for (name, value) in &seen.headers {
                assert!(
                    !value.as_bytes().windows(6).any(|w| w == b"forged"),
                    "{name} passed"
                );
            }
        }
    }
    bed.stop().await;
}

/// `Connection` may not be used to remove what sidegate adds.
#[tokio::test]
async fn the_connection_header_cannot_strip_the_identity() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    for nominated in [
        "x-forwarded-user",
        "X-Sidegate-User",
        "host",
        "cookie",
        "x-forwarded-for",
        "content-length",
    ] {
        let request = browser
            .request(http::Method::GET, "/x")
            .header("connection", format!("keep-alive, {nominated}"))
            .body(Full::default())
            .unwrap();
        browser.send(request).await.expect(400);
    }
    assert!(bed.upstream.requests().is_empty());
    let request = browser
        .request(http::Method::GET, "/x")
        .header("connection", "keep-alive, x-own-hop")
        .header("x-own-hop", "1")
        .body(Full::default())
        .unwrap();
    browser.send(request).await.expect(200);
    let seen = bed.upstream.last();
    assert_eq!(seen.header("x-own-hop"), None);
    assert!(seen.header("x-sidegate-user").is_some());
    bed.stop().await;
}

/// our cookies and the client's Authorization stop here; the app's cookies go on in order.
#[tokio::test]
async fn credentials_for_sidegate_stop_at_sidegate() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    browser.sign_in("/", USER, PASSWORD).await.expect(303);
    let ours: Vec<String> = browser
        .jar
        .iter()
        .map(|(n, v)| format!("{n}={v}"))
        .collect();
    let request = Request::get("/x")
        .header("host", "localhost:4280")
        .header("authorization", "Bearer abc")
        .header("proxy", "http://evil.example")
        .header("cookie", format!("a=1; {}; b=2", ours.join("; ")))
        .header("cookie", "c=3")
        .body(Full::default())
        .unwrap();
    exchange(bed.gate, request).await.expect(200);
    let seen = bed.upstream.last();
    assert_eq!(seen.header("cookie"), Some("a=1; b=2; c=3"));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("proxy"), None, "CGI would make it HTTP_PROXY");
    bed.stop().await;
}
