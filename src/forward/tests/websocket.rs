//! WebSockets through the forwarder, between a real client and a real server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server as handshake;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, accept_hdr_async, client_async};

use super::bed::{Bed, SOON, caller};
use crate::body::Body;
use crate::identity::Caller;
use crate::refusal::Audience;

/// A front that hands every request to the forwarder, for one caller.
async fn front(bed: &Bed, caller: Option<Caller>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (forwarder, stop) = (Arc::downgrade(&bed.forwarder), bed.stop.clone());
    bed.tasks.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(|request| {
            let (forwarder, caller) = (forwarder.upgrade().unwrap(), caller.clone());
            async move {
                let answer = forwarder.send(request.map(Body::Incoming), caller).await;
                let refused = |refusal: crate::refusal::Refusal| {
                    refusal.into_response(Audience::Program, "", "")
                };
                Ok::<_, Infallible>(answer.unwrap_or_else(refused))
            }
        });
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        drop(stop.run_until_cancelled(connection).await);
    });
    address
}

async fn open(front: SocketAddr) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(front).await.unwrap();
    client_async("ws://app.example.com/chat", stream)
        .await
        .map(|(socket, _)| socket)
}

/// Both ends of one WebSocket through the forwarder.
async fn joined(
    bed: &Bed,
    caller: Option<Caller>,
) -> (WebSocketStream<TcpStream>, WebSocketStream<TcpStream>) {
    let front = front(bed, caller).await;
    let upstream = async {
        accept_async(bed.upstream.accept().await.stream)
            .await
            .unwrap()
    };
    let (client, upstream) = tokio::join!(open(front), upstream);
    (client.unwrap(), upstream)
}

async fn close_code(socket: &mut WebSocketStream<TcpStream>) -> CloseCode {
    loop {
        if let Message::Close(frame) = socket.next().await.unwrap().unwrap() {
            return frame.unwrap().code;
        }
    }
}

#[tokio::test]
async fn messages_pass_both_ways_and_the_close_too() {
    let bed = Bed::start().await;
    let (mut client, mut upstream) = joined(&bed, Some(caller(&[]).0)).await;
    for size in [0, 125, 126, 70_000, 300_000] {
        let message = Message::binary(vec![7; size]);
        let (sent, got) = tokio::join!(client.send(message.clone()), upstream.next());
        sent.unwrap();
        assert_eq!(got.unwrap().unwrap(), message);
        let (sent, got) = tokio::join!(upstream.send(message.clone()), client.next());
        sent.unwrap();
        assert_eq!(got.unwrap().unwrap(), message);
    }
    let (closed, asked) = tokio::join!(client.close(None), upstream.next());
    closed.unwrap();
    assert!(asked.unwrap().unwrap().is_close());
    assert!(upstream.next().await.is_none());
    drop(upstream);
    while client.next().await.is_some() {}
    bed.end().await;
}

#[tokio::test]
async fn half_a_close_is_passed_on_and_the_other_half_stays_open() {
    let bed = Bed::start().await;
    let (client, upstream) = joined(&bed, None).await;
    let (mut client, mut upstream) = (client.into_inner(), upstream.into_inner());
    client.shutdown().await.unwrap();
    assert_eq!(upstream.read(&mut [0; 8]).await.unwrap(), 0);
    upstream.write_all(b"last words").await.unwrap();
    upstream.shutdown().await.unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "last words");
    bed.end().await;
}

#[tokio::test]
async fn a_socket_closes_with_1008_when_its_session_ends() {
    let bed = Bed::start().await;
    let (caller, session) = caller(&[]);
    let (mut client, mut upstream) = joined(&bed, Some(caller)).await;
    upstream.send(Message::text("hello")).await.unwrap();
    session.cancel();
    assert_eq!(close_code(&mut client).await, CloseCode::Policy);
    assert!(upstream.next().await.is_none_or(|end| end.is_err()));
    drop(client);
    bed.end().await;
}

#[tokio::test]
async fn a_socket_closes_with_1001_when_sidegate_stops_or_nothing_moves() {
    let bed = Bed::start().await;
    let (mut client, upstream) = joined(&bed, None).await;
    bed.stop.cancel();
    assert_eq!(close_code(&mut client).await, CloseCode::Away);
    drop((client, upstream));
    bed.end().await;

    let bed = Bed::with(|settings| settings.upgrade_idle_timeout = SOON).await;
    let (mut client, upstream) = joined(&bed, None).await;
    assert_eq!(close_code(&mut client).await, CloseCode::Away);
    drop((client, upstream));
    bed.end().await;
}

#[tokio::test]
async fn the_close_frame_stands_between_two_frames() {
    let bed = Bed::start().await;
    let (caller, session) = caller(&[]);
    let (mut client, upstream) = joined(&bed, Some(caller)).await;
    // Half a frame is on its way when the session ends.
    let mut upstream = upstream.into_inner();
    upstream.write_all(b"\x82\x08half").await.unwrap();
    let mut seen = [0; 6];
    let mut raw = client.get_mut();
    raw.read_exact(&mut seen).await.unwrap();
    session.cancel();
    upstream.write_all(b"full\x82\x04next").await.unwrap();
    let mut rest = Vec::new();
    AsyncReadExt::read_to_end(&mut raw, &mut rest)
        .await
        .unwrap();
    assert_eq!(rest, b"full\x88\x02\x03\xf0");
    bed.end().await;
}

#[tokio::test]
async fn a_frame_that_is_not_finished_does_not_keep_the_socket_open() {
    let bed = Bed::start().await;
    let (caller, session) = caller(&[]);
    let (mut client, upstream) = joined(&bed, Some(caller)).await;
    let mut upstream = upstream.into_inner();
    upstream.write_all(b"\x82\x08half").await.unwrap();
    let mut seen = [0; 6];
    client.get_mut().read_exact(&mut seen).await.unwrap();
    session.cancel();
    assert_eq!(client.get_mut().read(&mut seen).await.unwrap_or(0), 0);
    drop(upstream);
    bed.end().await;
}

#[tokio::test]
async fn an_upstream_that_does_not_switch_answers_as_usual() {
    let bed = Bed::start().await;
    let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
    let front = front(&bed, None).await;
    let (refused, (_, head)) = tokio::join!(open(front), bed.upstream.answer(answer));
    assert!(head.contains("upgrade: websocket\r\n"), "{head}");
    match refused {
        Err(Error::Http(response)) => assert_eq!(response.status(), StatusCode::FORBIDDEN),
        other => panic!("{other:?}"),
    }
    bed.end().await;
}

#[tokio::test]
async fn a_switch_with_the_wrong_accept_is_refused() {
    //
    let bed = Bed::start().await;
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let front = front(&bed, None).await;
    let (refused, _) = tokio::join!(open(front), bed.upstream.answer(answer));
    match refused {
        Err(Error::Http(response)) => assert_eq!(response.status(), StatusCode::BAD_GATEWAY),
        other => panic!("{other:?}"),
    }
    bed.end().await;
}

/// a 101 is an answer like any other.
#[tokio::test]
async fn a_switch_carries_nothing_that_only_sidegate_may_set() {
    let bed = Bed::start().await;
    let front = front(&bed, None).await;
    let upstream = async {
        let stream = bed.upstream.accept().await.stream;
        #[expect(clippy::result_large_err, reason = "the library's own signature")]
        let add = |_: &handshake::Request, mut response: handshake::Response| {
            let headers = response.headers_mut();
            headers.append("set-cookie", "__Host-Http-sidegate=1".parse().unwrap());
            headers.append("set-cookie", "theirs=1".parse().unwrap());
            headers.insert("x-sidegate-user", "eve".parse().unwrap());
            Ok(response)
        };
        accept_hdr_async(stream, add).await.unwrap()
    };
    let client = async {
        let stream = TcpStream::connect(front).await.unwrap();
        client_async("ws://app.example.com/chat", stream)
            .await
            .unwrap()
    };
    let ((socket, answer), other) = tokio::join!(client, upstream);
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["theirs=1"]);
    assert!(!answer.headers().contains_key("x-sidegate-user"));
    drop((socket, other));
    bed.end().await;
}

#[tokio::test]
async fn nothing_that_the_client_sends_early_is_passed_on_before_the_switch() {
    let bed = Bed::start().await;
    let front = front(&bed, None).await;
    let mut client = TcpStream::connect(front).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut upstream = bed.upstream.accept().await;
    upstream.head().await;
    tokio::time::timeout(SOON, upstream.until("smuggled"))
        .await
        .unwrap_err();
    drop((client, upstream));
    bed.end().await;
}

#[tokio::test]
async fn a_tunnel_waits_for_a_slow_reader() {
    let bed = Bed::start().await;
    let (client, upstream) = joined(&bed, None).await;
    let mut upstream = upstream.into_inner();
    let chunk = vec![0; 64 * 1024];
    let mut written = 0_usize;
    while tokio::time::timeout(SOON, upstream.write_all(&chunk))
        .await
        .is_ok()
    {
        written += chunk.len();
        assert!(
            written < 32 * 1024 * 1024,
            "{written} bytes were taken for a client that reads nothing"
        );
    }
    drop((client, upstream));
    bed.end().await;
}
