//! Bodies as they flow, stop and break.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;

use super::bed::{self, Bed, LONG_ENOUGH, OK, SOON, by_hand, caller, get, post};
use crate::body::Body;
use crate::refusal::Refusal;

fn piece(text: &'static str) -> Result<Frame<Bytes>, crate::body::BodyError> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

async fn next(body: &mut Body) -> String {
    let frame = body.frame().await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const DOWNLOAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn an_event_arrives_before_the_next_is_sent() {
    let bed = Bed::start().await;
    let (response, (mut upstream, _)) = tokio::join!(
        bed.forwarder.send(get("/", &[]), None),
        bed.upstream.answer(EVENTS)
    );
    let mut body = response.unwrap().into_body();
    for _ in 0..3 {
        upstream.write("8\r\ndata: 1\n\r\n").await;
        assert_eq!(next(&mut body).await, "data: 1\n");
    }
    upstream.write("0\r\n\r\n").await;
    assert!(body.frame().await.is_none());
    bed.end().await;
}

#[tokio::test]
async fn a_piece_of_an_upload_arrives_before_the_next_is_sent() {
    let bed = Bed::start().await;
    let (pieces, body) = by_hand();
    let upstream = async {
        let mut upstream = bed.upstream.accept().await;
        upstream.head().await;
        for text in ["one", "two"] {
            pieces.send(piece(text)).await.unwrap();
            assert_eq!(
                upstream.until(&format!("{text}\r\n")).await,
                format!("3\r\n{text}\r\n")
            );
        }
        drop(pieces);
        assert_eq!(upstream.until("0\r\n\r\n").await, "0\r\n\r\n");
        upstream.write(OK).await;
    };
    let (response, ()) = tokio::join!(bed.forwarder.send(post(body), None), upstream);
    assert_eq!(bed::text(response.unwrap()).await, "ok");
    bed.end().await;
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_upstream() {
    const SIZE: usize = 64 * 1024 * 1024;
    let bed = Bed::start().await;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
    let (response, (mut upstream, _)) = tokio::join!(
        bed.forwarder.send(get("/", &[]), None),
        bed.upstream.answer(&head)
    );
    let mut body = response.unwrap().into_body();
    // The upstream writes as fast as it is let; nobody reads.
    let chunk = "x".repeat(64 * 1024);
    let mut written = 0;
    while tokio::time::timeout(SOON, upstream.write(&chunk))
        .await
        .is_ok()
    {
        written += chunk.len();
        assert!(
            written < SIZE / 2,
            "{written} bytes were taken for a client that reads nothing"
        );
    }
    assert!(body.frame().await.unwrap().is_ok());
    drop((body, upstream));
    bed.end().await;
}

#[tokio::test]
async fn megabytes_pass_both_ways_in_small_pieces() {
    const PIECES: usize = 128;
    const PIECE: &[u8] = &[7; 64 * 1024];
    let bed = Bed::start().await;
    let (pieces, body) = by_hand();
    let send = async {
        for _ in 0..PIECES {
            pieces
                .send(Ok(Frame::data(Bytes::from_static(PIECE))))
                .await
                .unwrap();
        }
        drop(pieces);
    };
    // The upstream sends back what it gets, chunk by chunk.
    let echo = async {
        let mut upstream = bed.upstream.accept().await;
        upstream.head().await;
        upstream.write(DOWNLOAD).await;
        let early = upstream.buffered();
        let (mut reads, mut writes) = upstream.stream.split();
        writes.write_all(&early).await.unwrap();
        tokio::io::copy(&mut reads, &mut writes).await.unwrap();
    };
    let read = async {
        let mut body = bed
            .forwarder
            .send(post(body), None)
            .await
            .unwrap()
            .into_body();
        let (mut total, mut largest) = (0, 0);
        while let Some(frame) = body.frame().await {
            let length = frame.unwrap().into_data().unwrap().len();
            total += length;
            largest = largest.max(length);
        }
        assert_eq!(total, PIECES * PIECE.len());
        assert!(largest <= 1024 * 1024, "{largest} bytes were collected");
    };
    tokio::select! {
        () = async { tokio::join!(send, read); } => {}
        () = echo => panic!("the upstream was closed too early"),
    }
    bed.end().await;
}

#[tokio::test]
async fn an_upstream_that_breaks_off_is_never_a_clean_end() {
    // F-35
    let bed = Bed::start().await;
    for head in [DOWNLOAD, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"] {
        let broken = format!("{head}3\r\nabc\r\n");
        let (response, _) = bed.exchange(get("/", &[]), None, &broken).await;
        assert!(response.into_body().collect().await.is_err(), "{head}");
    }
    bed.end().await;
}

#[tokio::test]
async fn an_upstream_that_pauses_in_its_body_is_cut() {
    let bed = Bed::with(|settings| settings.idle_timeout = SOON).await;
    let (response, (upstream, _)) = tokio::join!(
        bed.forwarder.send(get("/", &[]), None),
        bed.upstream.answer(DOWNLOAD)
    );
    let end = response.unwrap().into_body().collect().await.unwrap_err();
    assert!(end.to_string().contains("paused"), "{end}");
    upstream.rest().await;
    bed.end().await;
}

#[tokio::test]
async fn an_upload_that_goes_on_keeps_a_silent_response_alive() {
    let bed = Bed::with(|settings| settings.idle_timeout = LONG_ENOUGH).await;
    let (pieces, body) = by_hand();
    let (response, (mut upstream, _)) = tokio::join!(
        bed.forwarder.send(post(body), None),
        bed.upstream.answer(DOWNLOAD)
    );
    let mut down = response.unwrap().into_body();
    let upload = async {
        let mut every = tokio::time::interval(LONG_ENOUGH / 12);
        for _ in 0..24 {
            every.tick().await;
            pieces.send(piece("x")).await.unwrap();
            upstream.until("x\r\n").await;
        }
        drop(pieces);
        upstream.until("0\r\n\r\n").await;
        upstream.write("2\r\nok\r\n0\r\n\r\n").await;
        upstream
    };
    let (first, upstream) = tokio::join!(next(&mut down), upload);
    assert_eq!(first, "ok");
    drop((down, upstream));
    bed.end().await;
}

#[tokio::test]
async fn streams_end_with_their_session() {
    // An event stream may end anywhere; half a download must not look whole.
    for (head, clean) in [(EVENTS, true), (DOWNLOAD, false)] {
        let bed = Bed::start().await;
        let (caller, session) = caller(&[]);
        let (response, (mut upstream, _)) = tokio::join!(
            bed.forwarder.send(get("/", &[]), Some(caller)),
            bed.upstream.answer(head)
        );
        let mut body = response.unwrap().into_body();
        upstream.write("3\r\nabc\r\n").await;
        assert_eq!(next(&mut body).await, "abc");
        let (end, ()) = tokio::join!(body.frame(), async { session.cancel() });
        match end {
            None => assert!(clean),
            Some(end) => assert!(end.is_err() && !clean),
        }
        drop(body);
        assert_eq!(upstream.rest().await, "");
        bed.end().await;
    }
}

#[tokio::test]
async fn an_endless_fast_stream_ends_with_its_session_too() {
    let bed = Bed::start().await;
    let (caller, session) = caller(&[]);
    let pair = tokio::join!(
        bed.forwarder.send(get("/", &[]), Some(caller)),
        bed.upstream.answer(EVENTS)
    );
    let (mut body, (mut upstream, _)) = (pair.0.unwrap().into_body(), pair.1);
    upstream.write(&"3\r\nabc\r\n".repeat(1_000)).await;
    assert!(next(&mut body).await.starts_with("abc"));
    session.cancel();
    assert!(body.frame().await.is_none());
    drop((body, upstream));
    bed.end().await;
}

#[tokio::test]
async fn trailers_pass_down_but_not_up() {
    //
    let bed = Bed::start().await;
    let (pieces, body) = by_hand();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-forwarded-user", HeaderValue::from_static("forged"));
    let upstream = async {
        pieces.send(piece("abc")).await.unwrap();
        pieces.send(Ok(Frame::trailers(trailers))).await.unwrap();
        let mut upstream = bed.upstream.accept().await;
        let head = upstream.head().await;
        assert!(!head.to_lowercase().contains("trailer:"), "{head}");
        assert_eq!(upstream.until("0\r\n\r\n").await, "3\r\nabc\r\n0\r\n\r\n");
        let answer = "Trailer: grpc-status, x-sidegate-user, x-forwarded-user\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\ngrpc-status: 0\r\n\
             x-sidegate-user: evil\r\nx-forwarded-user: evil\r\n\r\n";
        upstream
            .write(&format!("HTTP/1.1 200 OK\r\n{answer}"))
            .await;
    };
    let mut request = post(body);
    request
        .headers_mut()
        .insert("te", HeaderValue::from_static("trailers"));
    request
        .headers_mut()
        .insert("trailer", HeaderValue::from_static("x-forwarded-user"));
    let (response, ()) = tokio::join!(bed.forwarder.send(request, None), upstream);
    let whole = response.unwrap().into_body().collect().await.unwrap();
    let trailers = whole.trailers().unwrap();
    assert_eq!(
        (trailers.len(), &trailers["grpc-status"]),
        (1, &HeaderValue::from_static("0"))
    );
    bed.end().await;
}

#[tokio::test]
async fn a_client_that_breaks_its_upload_off_is_no_fault_of_the_upstream() {
    // F-37
    let bed = Bed::start().await;
    let (pieces, body) = by_hand();
    let upstream = async {
        let mut upstream = bed.upstream.accept().await;
        upstream.head().await;
        pieces.send(piece("abc")).await.unwrap();
        upstream.until("abc\r\n").await;
        pieces.send(Err("gone".into())).await.unwrap();
        assert_eq!(upstream.rest().await, "", "the upload looked whole");
    };
    let (refusal, ()) = tokio::join!(bed.forwarder.send(post(body), None), upstream);
    assert!(matches!(refusal.unwrap_err(), Refusal::BadRequest(_)));
    bed.end().await;
}

#[tokio::test]
async fn an_early_answer_is_delivered_and_its_connection_not_used_again() {
    // F-36, R-63
    let bed = Bed::start().await;
    let (pieces, body) = by_hand();
    pieces.send(piece("abc")).await.unwrap();
    let (response, (mut upstream, _)) = tokio::join!(
        bed.forwarder.send(post(body), None),
        bed.upstream.answer(OK)
    );
    assert_eq!(bed::text(response.unwrap()).await, "ok");
    // The next piece finds that nobody wants it, and the connection closes.
    drop(pieces.send(piece("def")).await);
    upstream.until("abc\r\n").await;
    assert_eq!(upstream.rest().await, "");
    assert_eq!(
        bed::text(bed.exchange(get("/", &[]), None, OK).await.0).await,
        "ok"
    );
    bed.end().await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_to_the_upstream_along() {
    // F-37
    let bed = Bed::start().await;
    let mut sent = Box::pin(bed.forwarder.send(get("/", &[]), None));
    let upstream = tokio::select! {
        _ = &mut sent => panic!("nobody answered"),
        (upstream, _) = bed.upstream.answer("") => upstream,
    };
    drop(sent);
    assert_eq!(upstream.rest().await, "");

    let (response, (upstream, _)) = tokio::join!(
        bed.forwarder.send(get("/", &[]), None),
        bed.upstream.answer(DOWNLOAD)
    );
    drop(response);
    assert_eq!(upstream.rest().await, "");
    bed.end().await;
}
