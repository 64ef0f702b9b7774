//! The listener over real sockets: raw bytes in, closed connections and answers out.
//!
//! Deadlines are set to a few milliseconds where a test waits for one to pass, and to an hour where
//! it must not.

mod bed;
mod deadlines;
mod drain;
mod limits;
mod tls;

use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::io::AsyncReadExt;

use crate::body::Body;
use crate::peer::Peer;
use bed::{Bed, settings};

/// Says who asked and what for.
async fn describe(request: Request<Body>) -> Response<Body> {
    let peer = request.extensions().get::<Peer>().copied().unwrap();
    let line = format!(
        "{} {} {:?} {}",
        request.method(),
        request.uri().path(),
        request.version(),
        peer.address.ip()
    );
    Response::new(Body::from(line))
}

#[tokio::test]
async fn an_http_1_request_comes_with_its_peer() {
    let bed = Bed::start(settings(), describe).await;
    let answer = bed
        .exchange(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("GET /a HTTP/1.1 127.0.0.1"), "{answer}");
    assert!(
        !answer.to_lowercase().contains("\r\nserver:"),
        "R-114: {answer}"
    );
    bed.stop().await;
}

#[tokio::test]
async fn http_2_is_spoken_by_prior_knowledge() {
    let bed = Bed::start(settings(), describe).await;
    let mut client = bed.h2().await;
    let response = client.send_request(bed::get("/b")).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "GET /b HTTP/2.0 127.0.0.1");
    drop(client);
    bed.stop().await;
}

#[tokio::test]
async fn a_request_in_single_bytes_is_understood() {
    let bed = Bed::start(settings(), describe).await;
    let mut client = bed.connect().await;
    for byte in b"POST /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    {
        bed::write(&mut client, &[*byte]).await;
    }
    let answer = bed::read_all(&mut client).await;
    assert!(answer.contains("POST /slow"), "{answer}");
    bed.stop().await;
}

#[tokio::test]
async fn a_piece_of_a_body_is_handed_over_before_the_next_is_sent() {
    async fn echo(request: Request<Body>) -> Response<Body> {
        Response::new(request.into_body())
    }
    let bed = Bed::start(settings(), echo).await;
    let mut client = bed.connect().await;
    bed::write(
        &mut client,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    .await;
    let mut seen = Vec::new();
    for piece in ["one", "two", "three"] {
        bed::write(
            &mut client,
            format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes(),
        )
        .await;
        while !seen.ends_with(format!("{piece}\r\n").as_bytes()) {
            assert_ne!(client.read_buf(&mut seen).await.unwrap(), 0);
        }
    }
    bed::write(&mut client, b"0\r\n\r\n").await;
    while !seen.ends_with(b"0\r\n\r\n") {
        assert_ne!(client.read_buf(&mut seen).await.unwrap(), 0);
    }
    drop(client);
    bed.stop().await;
}

#[tokio::test]
async fn a_panic_is_a_500_and_closes_only_its_own_connection() {
    async fn fragile(request: Request<Body>) -> Response<Body> {
        assert_ne!(request.uri().path(), "/panic", "asked to");
        describe(request).await
    }
    let bed = Bed::start(settings(), fragile).await;
    let mut bystander = bed.h2().await;

    let answer = bed
        .exchange(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(!answer.contains("asked to"), "R-113: {answer}");

    assert_eq!(
        bystander
            .send_request(bed::get("/"))
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        bystander
            .send_request(bed::get("/panic"))
            .await
            .unwrap()
            .status(),
        500
    );
    // GOAWAY: the connection takes no further request.
    bystander.ready().await.unwrap_err();
    assert_eq!(
        bed.h2()
            .await
            .send_request(bed::get("/"))
            .await
            .unwrap()
            .status(),
        200
    );
    bed.stop().await;
}

#[tokio::test]
async fn what_is_malformed_is_refused_before_the_app() {
    async fn unreachable(_: Request<Body>) -> Response<Body> {
        panic!("this reached the app")
    }
    let bed = Bed::start(settings(), unreachable).await;
    for bad in [
        &b"GET / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\na: b\r\n c: d\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
    ] {
        let answer = bed.exchange(bad).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bad:?}: {answer}");
    }
    bed.stop().await;
}
