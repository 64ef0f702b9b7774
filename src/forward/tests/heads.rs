//! What the upstream is told, byte by byte, and what it may say.

use http::{Method, Request, StatusCode};

use super::bed::{self, Bed, OK, caller, field, get, post};
use crate::body::Body;
use crate::refusal::Refusal;

#[tokio::test]
async fn the_target_goes_out_byte_for_byte() {
    let bed = Bed::start().await;
    for target in [
        "/",
        "/?",
        "/a/b;c=d?e=f&g",
        "/%2e%2E/%2f%5c%00;x//y/./..",
        "/pub/../a?next=//evil/%0d%0a",
        "/'()*,:@!$&~-_.+=/[]|^`{}\"<>",
        "/\u{fc}ml\u{e4}ut?\u{2713}",
    ] {
        let Ok(uri) = target.parse::<http::Uri>() else {
            continue;
        };
        let mut request = get("/", &[]);
        *request.uri_mut() = uri;
        let (_, head) = bed.exchange(request, None, OK).await;
        assert_eq!(
            head.lines().next(),
            Some(format!("GET {target} HTTP/1.1").as_str())
        );
    }
    bed.end().await;
}

#[tokio::test]
async fn an_http_2_request_takes_the_form_of_http_1() {
    let bed = Bed::start().await;
    let mut request = get(
        "https://app.example.com/a?b",
        &[("cookie", "a=1"), ("cookie", "b=2")],
    );
    *request.version_mut() = http::Version::HTTP_2;
    request.headers_mut().remove("host");
    let (_, head) = bed.exchange(request, None, OK).await;
    assert!(head.starts_with("GET /a?b HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(&head, "host"), Some("app.example.com"));
    assert_eq!(field(&head, "cookie"), Some("a=1; b=2"));
    bed.end().await;
}

#[tokio::test]
async fn the_upstream_s_own_host_is_sent_when_asked_for() {
    let bed = Bed::with(|settings| settings.preserve_host = false).await;
    let (_, head) = bed.exchange(get("/", &[("host", "evil")]), None, OK).await;
    assert_eq!(
        field(&head, "host"),
        Some(bed.upstream.address.to_string().as_str())
    );
    bed.end().await;
}

#[tokio::test]
async fn no_forged_identity_reaches_the_upstream() {
    // at least 100 spellings, with and without a caller.
    let names = [
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Groups",
        "X-Auth-Request-User",
        "Remote-User",
        "X-Sidegate-User",
        "X-Amzn-Oidc-Data",
        "X-Real-IP",
        "X-Original-URL",
        "X-Team",
    ];
    let spellings: Vec<String> = names
        .iter()
        .flat_map(|name| {
            ["-", "_", ".", "--", "_-", "~", "|", "'", "__", "-."].map(|by| name.replace('-', by))
        })
        .collect();
    assert!(spellings.len() >= 100);
    let forged: Vec<(&str, &str)> = spellings
        .iter()
        .map(|name| (name.as_str(), "forged"))
        .collect();

    let bed = Bed::start().await;
    let own = caller(&[("x-sidegate-user", "sub-1"), ("x-team", "blue")]).0;
    for caller in [None, Some(own)] {
        let signed_in = caller.is_some();
        for fields in forged.chunks(90) {
            let (_, head) = bed.exchange(get("/", fields), caller.clone(), OK).await;
            assert!(!head.contains("forged"), "{head}");
            assert_eq!(
                field(&head, "x-sidegate-user"),
                signed_in.then_some("sub-1")
            );
            assert_eq!(field(&head, "x-team"), signed_in.then_some("blue"));
        }
    }
    bed.end().await;
}

#[tokio::test]
async fn hop_by_hop_fields_end_here() {
    let bed = Bed::start().await;
    let fields = [
        ("connection", "keep-alive, X-Hop"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic c2VjcmV0"),
        ("te", "gzip"),
        ("trailer", "x-t"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
        ("x-hop", "1"),
        ("x-stays", "1"),
    ];
    let (_, head) = bed.exchange(get("/", &fields), None, OK).await;
    for (name, _) in &fields[..9] {
        assert_eq!(field(&head, name), None, "{head}");
    }
    assert_eq!(field(&head, "x-stays"), Some("1"));

    // gRPC cannot do without it.
    let (_, head) = bed
        .exchange(get("/", &[("te", "gzip, Trailers")]), None, OK)
        .await;
    assert_eq!(field(&head, "te"), Some("trailers"));
    bed.end().await;
}

#[tokio::test]
async fn connection_cannot_take_away_what_others_rely_on() {
    let bed = Bed::start().await;
    for name in [
        "host",
        "Content-Length",
        "transfer-encoding",
        "cookie",
        "authorization",
        "via",
        "forwarded",
        "X-Forwarded-For",
        "x-forwarded-user",
        "x_sidegate_user",
        "x-team",
        "b\u{e4}d",
    ] {
        let request = get(
            "/",
            &[
                ("connection", "close"),
                ("connection", &format!("x, {name}")),
            ],
        );
        let refusal = bed.forwarder.send(request, None).await.unwrap_err();
        assert!(
            matches!(refusal, Refusal::BadRequest(_)),
            "{name} was let through"
        );
    }
    bed.end().await;
}

#[tokio::test]
async fn credentials_stay_here_unless_they_are_to_pass() {
    let fields = [
        ("authorization", "Bearer abc"),
        ("cookie", "a=1; __Host-Http-sidegate-x=secret; b=2"),
    ];
    let bed = Bed::start().await;
    let (_, head) = bed.exchange(get("/", &fields), None, OK).await;
    assert_eq!(field(&head, "authorization"), None);
    assert_eq!(field(&head, "cookie"), Some("a=1; b=2"));
    bed.end().await;

    let bed = Bed::with(|settings| settings.pass_authorization = true).await;
    let (_, head) = bed.exchange(get("/", &fields), None, OK).await;
    assert_eq!(field(&head, "authorization"), Some("Bearer abc"));
    bed.end().await;
}

#[tokio::test]
async fn the_client_s_address_and_our_origin_are_told() {
    let forged = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "1"),
        ("forwarded", "for=6.6.6.6"),
    ];
    let bed = Bed::start().await;
    let (_, head) = bed.exchange(get("/", &forged), None, OK).await;
    assert_eq!(field(&head, "x-forwarded-for"), Some("192.0.2.7"));
    assert_eq!(field(&head, "x-forwarded-host"), Some("app.example.com"));
    assert_eq!(field(&head, "x-forwarded-proto"), Some("https"));
    assert_eq!(field(&head, "x-forwarded-port"), None);
    let want = "for=192.0.2.7;host=\"app.example.com\";proto=https";
    assert_eq!(field(&head, "forwarded"), Some(want));
    bed.end().await;

    let trusted = vec!["192.0.2.0/24".parse().unwrap()];
    let bed = Bed::with(|settings| settings.trusted_proxies = trusted).await;
    let chain = [("x-forwarded-for", "6.6.6.6, 2001:db8::9")];
    let (_, head) = bed.exchange(get("/", &chain), None, OK).await;
    assert_eq!(field(&head, "x-forwarded-for"), Some("2001:db8::9"));
    let want = "for=\"[2001:db8::9]\";host=\"app.example.com\";proto=https";
    assert_eq!(field(&head, "forwarded"), Some(want));
    let client = bed.forwarder.client_address(&get("/", &chain)).unwrap();
    assert_eq!(client.to_string(), "2001:db8::9");
    bed.end().await;
}

#[tokio::test]
async fn the_upstream_says_nothing_in_our_name() {
    let bed = Bed::start().await;
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\n\
                  Set-Cookie: __Host-Http-sidegate-x=evil\r\nX-Sidegate-User: evil\r\n\
                  Clear-Site-Data: \"cookies\"\r\nKeep-Alive: timeout=5\r\nConnection: x-hop\r\n\
                  X-Hop: 1\r\nProxy-Authenticate: Basic\r\nX-App: 1\r\nCache-Control: public, max-age=9\r\n\r\nok";
    for (caller, cache) in [
        (None, "public, max-age=9"),
        (Some(caller(&[]).0), "max-age=9, private"),
    ] {
        let (response, _) = bed.exchange(get("/", &[]), caller, answer).await;
        let headers = response.headers();
        for name in [
            "x-sidegate-user",
            "clear-site-data",
            "keep-alive",
            "connection",
            "x-hop",
            "proxy-authenticate",
        ] {
            assert!(!headers.contains_key(name), "{name} was let through");
        }
        assert_eq!(
            headers.get_all("set-cookie").iter().collect::<Vec<_>>(),
            ["a=1"]
        );
        assert_eq!(headers["x-app"], "1");
        assert_eq!(headers["cache-control"], cache);
        assert_eq!(bed::text(response).await, "ok");
    }
    bed.end().await;
}

#[tokio::test]
async fn a_signed_in_response_without_cache_control_is_private() {
    let bed = Bed::start().await;
    let (response, _) = bed.exchange(get("/", &[]), Some(caller(&[]).0), OK).await;
    assert_eq!(response.headers()["cache-control"], "private");
    let (response, _) = bed.exchange(get("/", &[]), None, OK).await;
    assert!(!response.headers().contains_key("cache-control"));
    bed.end().await;
}

#[tokio::test]
async fn answers_without_a_body_keep_their_head() {
    let bed = Bed::start().await;
    let mut head_request = get("/", &[]);
    *head_request.method_mut() = Method::HEAD;
    let (response, head) = bed
        .exchange(
            head_request,
            None,
            "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n",
        )
        .await;
    assert!(head.starts_with("HEAD / "), "{head}");
    assert_eq!(response.headers()["content-length"], "1234");
    assert_eq!(bed::text(response).await, "");
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let answer = format!("HTTP/1.1 {} x\r\nETag: \"a\"\r\n\r\n", status.as_u16());
        let (response, _) = bed.exchange(get("/", &[]), None, &answer).await;
        assert_eq!(
            (response.status(), &response.headers()["etag"]),
            (status, &"\"a\"".parse().unwrap())
        );
        assert_eq!(bed::text(response).await, "");
    }
    bed.end().await;
}

#[tokio::test]
async fn interim_responses_are_passed_over() {
    let bed = Bed::start().await;
    let answer = format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{OK}");
    let (response, _) = bed.exchange(get("/", &[]), None, &answer).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("link"));
    bed.end().await;
}

#[tokio::test]
async fn bodies_are_framed_anew() {
    let bed = Bed::start().await;
    // neither length nor encoding is copied from the client.
    let lying = |mut request: Request<Body>| {
        request
            .headers_mut()
            .insert("content-length", "999".parse().unwrap());
        request
            .headers_mut()
            .insert("transfer-encoding", "gzip, chunked".parse().unwrap());
        request
    };
    let (_, head) = bed.exchange(lying(post(Body::Empty)), None, OK).await;
    assert_eq!(
        (
            field(&head, "content-length"),
            field(&head, "transfer-encoding")
        ),
        (Some("0"), None)
    );
    let (_, head) = bed.exchange(lying(get("/", &[])), None, OK).await;
    assert_eq!(
        (
            field(&head, "content-length"),
            field(&head, "transfer-encoding")
        ),
        (None, None)
    );
    let (_, head) = bed.exchange(lying(post(Body::from("abc"))), None, OK).await;
    assert_eq!(
        (
            field(&head, "content-length"),
            field(&head, "transfer-encoding")
        ),
        (Some("3"), None)
    );
    let (pieces, body) = bed::by_hand();
    drop(pieces);
    let (_, head) = bed
        .exchange(lying(get("/", &[]).map(|_| body)), None, OK)
        .await;
    assert_eq!(
        (
            field(&head, "content-length"),
            field(&head, "transfer-encoding")
        ),
        (None, Some("chunked"))
    );
    bed.end().await;
}
