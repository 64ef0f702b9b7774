//! What somebody who has not signed in meets.

use http::{Method, Request, header};
use http_body_util::Full;

use crate::bed::TestBed;
use crate::browser::exchange;

#[tokio::test]
async fn a_page_load_is_sent_to_the_sign_in_page_and_nothing_reaches_the_upstream() {
    let bed = TestBed::default().start().await;
    let mut browser = bed.browser();
    let answer = browser.get("/reports?year=2026").await.expect(302);
    assert!(
        answer
            .location()
            .starts_with("/.sidegate/sign-in?return_to="),
        "{:?}",
        answer.headers
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = browser.open("/reports?year=2026").await.expect(200);
    assert!(page.body.contains("type=\"password\""));
    assert!(bed.upstream.requests().is_empty());
    bed.stop().await;
}

#[tokio::test]
async fn curl_gets_401_with_a_problem_document() {
    let bed = TestBed::default().start().await;
    let request = Request::get("/reports")
        .header(header::HOST, "localhost:4280")
        .header(header::ACCEPT, "*/*")
        .body(Full::default())
        .unwrap();
    let answer = exchange(bed.gate, request).await.expect(401);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(!answer.header("www-authenticate").is_empty());
    let problem = answer.json();
    assert_eq!(problem["code"], "sign_in_needed");
    assert_eq!(
        problem["sign_in"],
        "http://localhost:4280/.sidegate/sign-in"
    );
    assert_eq!(problem["request_id"], answer.header("x-request-id"));
    assert!(!answer.headers.contains_key("set-cookie"));
    assert!(bed.upstream.requests().is_empty());
    bed.stop().await;
}

/// only a GET or HEAD page load is redirected.
#[tokio::test]
async fn everything_but_a_page_load_gets_401_and_no_cookie() {
    let bed = TestBed::default().start().await;
    let html = ("accept", "text/html");
    let upgrade: &[(&str, &str)] = &[
        html,
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("origin", "http://localhost:4280"),
    ];
    let cases: &[(Method, &[(&str, &str)])] = &[
        (Method::GET, &[html, ("sec-fetch-mode", "cors")]),
        (Method::GET, &[html, ("x-requested-with", "XMLHttpRequest")]),
        (Method::GET, &[("accept", "application/json")]),
        (Method::GET, &[("accept", "text/event-stream")]),
        (Method::GET, upgrade),
        (
            Method::OPTIONS,
            &[
                ("origin", "https://a"),
                ("access-control-request-method", "GET"),
            ],
        ),
        (Method::DELETE, &[("accept", "*/*")]),
    ];
    for (method, headers) in cases {
        let mut request = Request::builder().method(method.clone()).uri("/x");
        request = request.header(header::HOST, "localhost:4280");
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let answer = exchange(bed.gate, request.body(Full::default()).unwrap())
            .await
            .expect(401);
        assert!(
            !answer.headers.contains_key("location"),
            "{method} {headers:?}"
        );
        assert!(
            !answer.headers.contains_key("set-cookie"),
            "{method} {headers:?}"
        );
    }
    let post = bed
        .browser()
        .request(Method::POST, "/x")
        .header("host", "localhost:4280");
    let answer = exchange(bed.gate, post.body(Full::from("a=b")).unwrap())
        .await
        .expect(401);
    assert!(
        answer.body.contains("<h1"),
        "a person gets a page: {}",
        answer.body
    );
    let grpc = Request::post("/service/Call")
        .header("host", "localhost:4280")
        .header("content-type", "application/grpc");
    let answer = exchange(bed.gate, grpc.body(Full::default()).unwrap())
        .await
        .expect(200);
    assert_eq!(answer.header("grpc-status"), "16");
    assert!(bed.upstream.requests().is_empty());
    bed.stop().await;
}

///
#[tokio::test]
async fn a_public_path_passes_without_identity_and_only_in_its_plain_spelling() {
    let bed = TestBed::default()
        .config("[[gate.public]]\npath = \"/public/\"\n[[gate.public]]\npath = \"/robots.txt\"")
        .start()
        .await;
    let mut browser = bed.browser();
    for path in ["/public/a?b=/..", "/robots.txt"] {
        browser.get(path).await.expect(200);
        let seen = bed.upstream.last();
        assert_eq!(seen.target, path);
        assert!(
            seen.headers
                .keys()
                .all(|name| !name.as_str().contains("user")),
            "{seen:?}"
        );
    }
    bed.upstream.clear();
    for path in [
        "/public",
        "/publicx",
        "/Public/a",
        "/public/../secret",
        "/public/%2e%2e/secret",
        "/public/%2E%2E%2Fsecret",
        "/public//a",
        "/public/a;x=1",
        "/public/%61",
        "//public/a",
        "/x/../public/a",
        "/robots.txt/",
        "/robots.txt%00",
        "/public/%5c..%5csecret",
    ] {
        let answer = browser.get(path).await;
        assert!(
            [302, 400].contains(&answer.status.as_u16()),
            "{path}: {}",
            answer.status
        );
    }
    let request = browser
        .request(Method::POST, "/public/a")
        .body(Full::default())
        .unwrap();
    browser.send(request).await.expect(401);
    assert!(
        bed.upstream.requests().is_empty(),
        "{:?}",
        bed.upstream.requests()
    );
    bed.stop().await;
}

///
#[tokio::test]
async fn foreign_hosts_and_odd_methods_are_refused() {
    let bed = TestBed::default()
        .config("[[gate.public]]\npath = \"/\"")
        .start()
        .await;
    let mut browser = bed.browser();
    for (host, status) in [
        ("evil.example", 421),
        ("localhost:9", 200),
        ("LOCALHOST.", 200),
    ] {
        let request = browser.request(Method::GET, "/").header("host", host);
        browser
            .send(request.body(Full::default()).unwrap())
            .await
            .expect(status);
    }
    for method in ["TRACE", "get", "PROPFIND"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = browser.request(method, "/").body(Full::default()).unwrap();
        let answer = browser.send(request).await.expect(405);
        // RFC 9110 §15.5.6: the words of the answer point to it.
        assert_eq!(
            answer.header("allow"),
            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
        );
    }
    bed.stop().await;
}

/// A client's own request id would let it write into our log.
#[tokio::test]
async fn the_request_id_is_made_here_and_no_clients_own() {
    let bed = TestBed::default()
        .config("[[gate.public]]\npath = \"/open\"\n")
        .start()
        .await;
    let mut browser = bed.browser();
    let request = browser
        .request(Method::GET, "/open")
        .header("x-request-id", "chosen");
    let answer = browser
        .send(request.body(Full::default()).unwrap())
        .await
        .expect(200);
    let id = answer.header("x-request-id");
    assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");
    assert_eq!(bed.upstream.last().header("x-request-id"), Some(id));
    bed.stop().await;
}

#[tokio::test]
async fn the_health_page_says_ok_and_nothing_else() {
    let bed = TestBed::default().start().await;
    let answer = bed.browser().get("/.sidegate/healthz").await.expect(200);
    assert_eq!(answer.body.trim(), "ok");
    bed.stop().await;
}
