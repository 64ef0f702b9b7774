//! each wait on a client ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::bed::{self, Bed, LONG_ENOUGH, SOON, settings};
use super::describe;
use crate::body::{Body, BodyError};
use crate::server::{Deadlines, Settings};

fn with(change: impl FnOnce(&mut Deadlines)) -> Settings {
    let mut settings = settings();
    change(&mut settings.deadlines);
    settings
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[tokio::test]
async fn a_silent_client_and_half_a_preface_are_closed() {
    let bed = Bed::start(with(|d| d.first_byte = SOON), describe).await;
    for start in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n\r\n"] {
        assert_eq!(bed.exchange(start).await, "", "{start:?}");
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_preface_without_settings_is_closed() {
    let bed = Bed::start(with(|d| d.h2_settings = SOON), describe).await;
    assert_eq!(bed.exchange(PREFACE).await, "");
    bed.stop().await;
}

#[tokio::test]
async fn half_a_head_is_closed_on_a_new_and_on_a_kept_connection() {
    let bed = Bed::start(with(|d| d.request_head = SOON), describe).await;
    assert_eq!(bed.exchange(b"GET / HTTP/1.1\r\nHost:").await, "");

    let mut client = bed.connect().await;
    bed::write(&mut client, b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut seen = Vec::new();
    while !seen.ends_with(b"127.0.0.1") {
        assert_ne!(client.read_buf(&mut seen).await.unwrap(), 0);
    }
    bed::write(&mut client, b"GET /2 HTTP/1.1\r\n").await;
    assert_eq!(bed::read_all(&mut client).await, "");
    bed.stop().await;
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_gets_no_more_time() {
    let bed = Bed::start(with(|d| d.request_head = SOON), describe).await;
    let mut client = bed.connect().await;
    let (mut reads, mut writes) = client.split();
    let drip = async {
        let mut every = tokio::time::interval(SOON / 10);
        while writes.write_all(b"G").await.is_ok() {
            every.tick().await;
        }
    };
    tokio::select! {
        answer = bed::read_all(&mut reads) => assert_eq!(answer, ""),
        () = drip => {}
    }
    bed.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_the_keep_alive_time() {
    let bed = Bed::start(with(|d| d.keep_alive = SOON), describe).await;
    let answer = bed.exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");

    let mut client = bed.h2().await;
    // On a busy machine the connection may be closed before this arrives.
    drop(client.send_request(bed::get("/")).await);
    while client.ready().await.is_ok() {
        tokio::task::yield_now().await;
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_request_under_way_is_not_idle() {
    let (done, wait) = tokio::sync::watch::channel(());
    let slow = move |_| {
        let mut wait = wait.clone();
        async move {
            wait.changed().await.unwrap();
            Response::new(Body::from("late"))
        }
    };
    let settings = with(|d| (d.keep_alive, d.request_head) = (SOON, SOON));
    let bed = Bed::start(settings, slow).await;
    let mut client = bed.connect().await;
    bed::write(&mut client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::timeout(SOON * 3, client.peek(&mut [0]))
        .await
        .unwrap_err();
    done.send(()).unwrap();
    let answer = bed::read_all(&mut client).await;
    assert!(answer.ends_with("late"), "{answer}");
    bed.stop().await;
}

#[tokio::test]
async fn an_upgraded_connection_has_no_deadline_of_ours() {
    async fn echo(mut request: Request<Body>) -> Response<Body> {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio_util::task::TaskTracker::new().spawn(async move {
            let stream = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
            let (mut reads, mut writes) = tokio::io::split(stream);
            drop(tokio::io::copy(&mut reads, &mut writes).await);
        });
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response
            .headers_mut()
            .insert("connection", "upgrade".parse().unwrap());
        response
            .headers_mut()
            .insert("upgrade", "echo".parse().unwrap());
        response
    }
    let settings = with(|d| (d.keep_alive, d.request_head) = (SOON, SOON));
    let bed = Bed::start(settings, echo).await;
    let mut client = bed.connect().await;
    bed::write(
        &mut client,
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
    )
    .await;
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        assert_ne!(client.read_buf(&mut seen).await.unwrap(), 0);
    }
    for word in [b"one", b"two"] {
        bed::write(&mut client, word).await;
        let mut echoed = [0; 3];
        client.read_exact(&mut echoed).await.unwrap();
        assert_eq!(&echoed, word);
        tokio::time::timeout(SOON * 3, client.peek(&mut [0]))
            .await
            .unwrap_err();
    }
    drop(client);
    bed.stop().await;
}

#[tokio::test]
async fn a_pause_in_a_request_s_body_ends_it_with_an_error() {
    let (outcome, mut outcomes) = mpsc::unbounded_channel();
    let read = move |request: Request<Body>| {
        let outcome = outcome.clone();
        async move {
            outcome
                .send(request.into_body().collect().await.is_ok())
                .unwrap();
            Response::new(Body::Empty)
        }
    };
    let bed = Bed::start(with(|d| d.request_body_idle = SOON), read).await;
    let mut client = bed.connect().await;
    bed::write(
        &mut client,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
    )
    .await;
    assert_eq!(outcomes.recv().await, Some(false));
    drop(client);
    bed.stop().await;
}

/// Never ends, and tells when it is dropped.
struct Endless {
    _dropped: Arc<mpsc::Sender<()>>,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 16 * 1024])))))
    }
}

#[tokio::test]
async fn a_client_that_takes_no_bytes_is_given_up() {
    let (sender, mut dropped) = mpsc::channel(1);
    let sender = Arc::new(sender);
    let weak = Arc::downgrade(&sender);
    let endless = move |_| {
        let body = Endless {
            _dropped: weak.upgrade().unwrap(),
        };
        async move { Response::new(Body::wrap(body)) }
    };
    let bed = Bed::start(with(|d| d.write_stall = SOON), endless).await;

    // HTTP/1: the socket's buffers fill up.
    let mut silent = bed.connect().await;
    bed::write(&mut silent, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    silent.readable().await.unwrap();

    // HTTP/2: the stream's window is used up; the connection goes on.
    let mut client = bed.h2().await;
    let stalled = client.send_request(bed::get("/")).await.unwrap();
    let mut lively = client.send_request(bed::get("/")).await.unwrap();

    while Arc::strong_count(&sender) > 2 {
        lively.frame().await.unwrap().unwrap();
    }
    let end = stalled.into_body().collect().await;
    assert!(end.is_err(), "the stalled stream looked whole");
    assert!(lively.frame().await.unwrap().is_ok());

    drop((lively, client, silent));
    bed.stop().await;
    drop(sender);
    assert_eq!(dropped.recv().await, None);
}

#[tokio::test]
async fn a_slow_client_is_not_a_stalled_one() {
    const PIECE: &[u8] = &[7; 384 * 1024];
    async fn large(_: Request<Body>) -> Response<Body> {
        let pieces = [PIECE, PIECE].map(|piece| Ok::<_, BodyError>(Frame::data(piece.into())));
        let pieces = futures_util::stream::iter(pieces);
        Response::new(Body::wrap(http_body_util::StreamBody::new(pieces)))
    }
    let bed = Bed::start(with(|d| d.write_stall = LONG_ENOUGH), large).await;
    let mut client = bed.h2().await;
    let mut body = client
        .send_request(bed::get("/"))
        .await
        .unwrap()
        .into_body();
    // A piece of the app's takes longer than the deadline, one of HTTP/2's does not.
    let mut every = tokio::time::interval(LONG_ENOUGH / 10);
    let mut taken = 0;
    while let Some(frame) = body.frame().await {
        taken += frame.unwrap().into_data().unwrap().len();
        every.tick().await;
    }
    assert_eq!(taken, 2 * PIECE.len());
    drop(client);
    bed.stop().await;
}
