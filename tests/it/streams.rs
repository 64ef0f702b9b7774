//! What lives longer than a request: WebSockets and server-sent events, through the gate.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::Request;
use http::header::{COOKIE, HOST, ORIGIN as ORIGIN_FIELD};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use sidegate::dev::sample::SampleApp;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bed::{Bed, ORIGIN, PASSWORD, TestBed, USER};
use crate::browser::Browser;

/// The sample application behind the gate.
struct Sample {
    bed: Bed,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Sample {
    async fn start() -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let address = SampleApp::start(any, &tasks, stop.clone()).await.unwrap();
        let bed = TestBed::default().upstream(address).start().await;
        Self { bed, tasks, stop }
    }

    async fn signed_in(&self) -> Browser {
        let mut browser = self.bed.browser();
        browser.sign_in("/", USER, PASSWORD).await.expect(303);
        browser
    }

    async fn stop(self) {
        self.bed.stop().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn open(
    gate: SocketAddr,
    browser: &Browser,
    origin: Option<&str>,
) -> Result<WebSocketStream<TcpStream>, u16> {
    let mut request = "ws://localhost:4280/echo".into_client_request().unwrap();
    request
        .headers_mut()
        .insert(COOKIE, browser.cookies().parse().unwrap());
    if let Some(origin) = origin {
        request
            .headers_mut()
            .insert(ORIGIN_FIELD, origin.parse().unwrap());
    }
    let stream = TcpStream::connect(gate).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_websocket_passes_both_ways_and_ends_with_1008_when_the_session_ends() {
    let sample = Sample::start().await;
    let mut browser = sample.signed_in().await;
    let mut socket = open(sample.bed.gate, &browser, Some(ORIGIN))
        .await
        .expect("refused");
    for text in ["one", "two"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(
            socket.next().await.unwrap().unwrap().into_text().unwrap(),
            text
        );
    }
    let form = browser.get("/.sidegate/sign-out").await.form();
    browser.submit(&form).await.expect(303);
    let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else {
        panic!("the WebSocket outlived its session");
    };
    assert_eq!(frame.code, CloseCode::Policy);
    sample.stop().await;
}

/// a page of another origin cannot ride on the cookie.
#[tokio::test]
async fn a_websocket_needs_a_session_and_our_own_origin() {
    let sample = Sample::start().await;
    let browser = sample.signed_in().await;
    let gate = sample.bed.gate;
    for origin in [
        None,
        Some("null"),
        Some("https://evil.example"),
        Some("http://localhost:9"),
    ] {
        assert_eq!(
            open(gate, &browser, origin).await.err(),
            Some(403),
            "{origin:?}"
        );
    }
    let stranger = sample.bed.browser();
    assert_eq!(open(gate, &stranger, Some(ORIGIN)).await.err(), Some(401));
    sample.stop().await;
}

/// The first event comes while the stream is open, and the stream ends with the session.
#[tokio::test]
async fn server_sent_events_arrive_at_once_and_end_with_the_session() {
    let sample = Sample::start().await;
    let mut browser = sample.signed_in().await;
    let stream = TcpStream::connect(sample.bed.gate).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = sample.tasks.spawn(connection);
    let request = Request::get("/clock")
        .header(HOST, "localhost:4280")
        .header(COOKIE, browser.cookies())
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let mut events = sender.send_request(request).await.unwrap().into_body();
    let first = events.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(
        first.starts_with(b"data:") || first.starts_with(b"event:"),
        "{first:?}"
    );
    let form = browser.get("/.sidegate/sign-out").await.form();
    browser.submit(&form).await.expect(303);
    while let Some(Ok(_)) = events.frame().await {}
    drop(sender);
    let _ = connection.await.unwrap();
    sample.stop().await;
}

/// Nobody asks for anything: the session's time is up, and its stream ends all the same.
#[tokio::test]
async fn a_websocket_ends_when_its_session_runs_out() {
    let sample = Sample::start().await;
    let browser = sample.signed_in().await;
    let mut socket = open(sample.bed.gate, &browser, Some(ORIGIN))
        .await
        .expect("refused");
    sample.bed.clock.advance(Duration::from_secs(13 * 60 * 60));
    // Without the sweep nothing would come for ten minutes.
    let next = tokio::time::timeout(Duration::from_secs(60), socket.next()).await;
    let Ok(Some(Ok(Message::Close(Some(frame))))) = next else {
        panic!("the WebSocket outlived its session");
    };
    assert_eq!(frame.code, CloseCode::Policy);
    sample.stop().await;
}
