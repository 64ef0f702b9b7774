//! The sample application of `sidegate dev`: something to sign in to.
//!
//! Stands where the person's own application will stand, as the upstream, and shows what the gate
//! lets through: who is signed in, the headers that arrived, a WebSocket echo (`/echo`) and a
//! server-sent clock (`/clock`). `/headers` is the headers as JSON; any other path shows the page.
//! It believes the identity headers, as every upstream does, so it must be bound to loopback. It
//! keeps nothing and changes nothing, so a page of another site that reaches it gains nothing.

mod echo;
mod page;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cognito_flow::UnixSeconds;
use futures_util::{StreamExt as _, stream};
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::page::Page;
use crate::body::{Body, BodyError};
use crate::clock::Clock;

const STYLE: &str = concat!(
    include_str!("../../../assets/sidegate.css"),
    include_str!("sample.css")
);
const SCRIPT: &str = include_str!("sample.js");
const ICON: &str = include_str!("../../../assets/sidegate.svg");

/// The sample application.
#[derive(Debug)]
pub struct SampleApp {
    page: Page,
    clock: Clock,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl SampleApp {
    /// Binds `address` and answers HTTP/1.1 there until `stop` is cancelled; returns the address
    /// that was bound.
    ///
    /// Whoever owns `tasks` waits for the open connections; they end within a second of `stop`.
    pub async fn start(
        address: SocketAddr,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> io::Result<SocketAddr> {
        let page = Page::new().map_err(io::Error::other)?;
        let app = Arc::new(Self {
            page,
            clock: Clock::system(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        let answer = move |request| {
            let app = Arc::clone(&app);
            async move { app.answer(request).await }
        };
        super::http::start(address, tasks, stop, answer).await
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let mut response = if request.uri().path() == "/echo" {
            echo::echo(request, &self.tasks, &self.stop)
        } else {
            let (head, body) = request.into_parts();
            // Read to its end before the answer: a connection whose body is left unread is closed.
            let received = length(body).await;
            match head.uri.path() {
                "/clock" => self.clock(),
                "/headers" => headers(&head.headers),
                "/sample.css" => typed("text/css; charset=utf-8", STYLE),
                "/sample.js" => typed("text/javascript; charset=utf-8", SCRIPT),
                "/sample.svg" => typed("image/svg+xml", ICON),
                _ => self.page(&head, received),
            }
        };
        let fields = response.headers_mut();
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                 connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
            ),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn page(&self, head: &Parts, received: u64) -> Response<Body> {
        match self.page.draw(head, received) {
            Ok(page) => typed("text/html; charset=utf-8", page),
            Err(error) => {
                tracing::error!(%error, "the sample page cannot be drawn");
                let mut response = Response::new(Body::Empty);
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }

    fn clock(&self) -> Response<Body> {
        let clock = self.clock.clone();
        let lines = stream::unfold(interval(Duration::from_secs(1)), move |mut seconds| {
            let clock = clock.clone();
            async move {
                seconds.tick().await;
                let line = format!("data: {} UTC\n\n", time_of_day(clock.now()));
                let frame: Result<_, BodyError> = Ok(Frame::data(Bytes::from(line)));
                Some((frame, seconds))
            }
        });
        let lines = lines.take_until(self.stop.clone().cancelled_owned());
        let mut response = Response::new(Body::wrap(StreamBody::new(lines)));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        );
        response
    }
}

/// The headers as one JSON object: a name, and the list of its values in the order they came.
fn headers(headers: &HeaderMap) -> Response<Body> {
    let mut document = serde_json::Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        document.insert(name.as_str().to_owned(), serde_json::json!(values));
    }
    typed(
        "application/json",
        serde_json::Value::Object(document).to_string(),
    )
}

/// Reads a body to its end and counts its bytes; a broken one counts as far as it came.
async fn length(mut body: Incoming) -> u64 {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    bytes
}

/// `14:05:09`, in UTC.
fn time_of_day(now: UnixSeconds) -> String {
    let seconds = now.0 % 86_400;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn typed(kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::SinkExt as _;
    use http_body_util::{Empty, Full};
    use hyper::client::conn::http1::{SendRequest, handshake};
    use hyper_util::rt::TokioIo;
    use tokio::net::TcpStream;
    use tokio_tungstenite::client_async;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

    use super::*;

    /// The application on a free port, and what ends it.
    struct Bed {
        address: SocketAddr,
        tasks: TaskTracker,
        stop: CancellationToken,
    }

    impl Bed {
        async fn start() -> Self {
            let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
            let address = SampleApp::start(([127, 0, 0, 1], 0).into(), &tasks, stop.clone())
                .await
                .unwrap();
            Self {
                address,
                tasks,
                stop,
            }
        }

        async fn connect<B>(&self) -> SendRequest<B>
        where
            B: http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
        {
            let stream = TcpStream::connect(self.address).await.unwrap();
            let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
            self.tasks.spawn(async { connection.await.unwrap() });
            sender
        }

        async fn get(
            &self,
            target: &str,
            fields: &[(&'static str, &str)],
        ) -> (StatusCode, HeaderMap, String) {
            let mut request = Request::get(target).header("host", "app.example");
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            let response = self.connect().await.send_request(request).await.unwrap();
            let (head, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            (
                head.status,
                head.headers,
                String::from_utf8(body.into()).unwrap(),
            )
        }

        async fn stop(self) {
            self.stop.cancel();
            self.tasks.close();
            self.tasks.wait().await;
        }
    }

    #[tokio::test]
    async fn the_page_shows_who_is_signed_in_and_the_path_that_was_asked_for() {
        let bed = Bed::start().await;
        let (status, _, page) = bed
            .get(
                "/reports/7?year=2026",
                &[
                    ("x-forwarded-user", "jos%C3%A9"),
                    ("x-forwarded-groups", "staff"),
                ],
            )
            .await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("<h1>Hello, josé</h1>"), "{page}");
        assert!(page.contains("<dd>staff</dd>"), "{page}");
        assert!(
            page.contains("GET &#x2f;reports&#x2f;7?year=2026"),
            "{page}"
        );
        assert!(page.contains("href=\"/.sidegate/sign-out\""), "{page}");
        bed.stop().await;
    }

    #[tokio::test]
    async fn without_identity_headers_the_page_says_that_nobody_is_signed_in() {
        let bed = Bed::start().await;
        let (_, _, page) = bed.get("/", &[]).await;
        assert!(page.contains("<h1>Nobody is signed in</h1>"), "{page}");
        assert!(!page.contains("sign-out"), "{page}");
        bed.stop().await;
    }

    #[tokio::test]
    async fn header_values_and_the_path_cannot_become_markup() {
        let bed = Bed::start().await;
        let hostile = "<script>alert(1)</script>\"'&";
        let (_, headers, page) = bed
            .get(
                "/?q='&",
                &[
                    ("x-forwarded-user", hostile),
                    ("user-agent", hostile),
                    ("x-forwarded-email", "%3Cscript%3E"),
                ],
            )
            .await;
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        assert_eq!(page.matches("&lt;script&gt;alert(1)").count(), 3, "{page}");
        assert!(page.contains("?q=&#x27;&amp;"), "{page}");
        assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY));
        bed.stop().await;
    }

    #[tokio::test]
    async fn the_headers_come_back_as_json_with_every_value_in_order() {
        let bed = Bed::start().await;
        let (_, fields, text) = bed
            .get(
                "/headers",
                &[("x-one", "b"), ("x-one", "a"), ("x-two", "\"")],
            )
            .await;
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(fields[header::CONTENT_TYPE], "application/json");
        assert_eq!(
            document,
            serde_json::json!({"host": ["app.example"], "x-one": ["b", "a"], "x-two": ["\""]})
        );
        bed.stop().await;
    }

    #[tokio::test]
    async fn a_posted_body_is_read_to_its_end_and_the_connection_stays_usable() {
        let bed = Bed::start().await;
        let mut sender = bed.connect().await;
        for _ in 0..2 {
            let body = Full::new(Bytes::from(vec![b'x'; 300_000]));
            let request = Request::post("/upload").header("host", "app.example");
            let response = sender
                .send_request(request.body(body).unwrap())
                .await
                .unwrap();
            let page = response.into_body().collect().await.unwrap().to_bytes();
            assert!(String::from_utf8_lossy(&page).contains("300000 bytes"));
            sender.ready().await.unwrap();
        }
        drop(sender);
        bed.stop().await;
    }

    #[tokio::test]
    async fn the_clock_streams_a_line_at_once_and_ends_when_the_application_stops() {
        let bed = Bed::start().await;
        let request = Request::get("/clock").header("host", "app.example");
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = bed.connect().await.send_request(request).await.unwrap();
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        let mut body = response.into_body();
        let line = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(line.starts_with(b"data: ") && line.ends_with(b" UTC\n\n"));
        bed.stop().await;
        while let Some(frame) = body.frame().await {
            frame.expect("the stream ends cleanly");
        }
    }

    #[tokio::test]
    async fn the_echo_sends_text_and_bytes_back_and_says_goodbye_when_it_stops() {
        let bed = Bed::start().await;
        let stream = TcpStream::connect(bed.address).await.unwrap();
        let (mut socket, _) = client_async("ws://app.example/echo", stream).await.unwrap();
        for message in [
            Message::text("Grüße"),
            Message::binary(vec![0, 255]),
            Message::text(""),
        ] {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        bed.stop.cancel();
        let Message::Close(Some(goodbye)) = socket.next().await.unwrap().unwrap() else {
            panic!("no close frame");
        };
        assert_eq!(goodbye.code, CloseCode::Away);
        drop(socket);
        bed.stop().await;
    }

    #[tokio::test]
    async fn a_plain_request_to_the_echo_is_told_to_upgrade() {
        let bed = Bed::start().await;
        let (status, headers, _) = bed.get("/echo", &[]).await;
        assert_eq!(status, StatusCode::UPGRADE_REQUIRED);
        assert_eq!(headers[header::UPGRADE], "websocket");
        bed.stop().await;
    }

    #[test]
    fn the_time_of_day_wraps_at_midnight() {
        for (seconds, text) in [
            (0, "00:00:00"),
            (86_399, "23:59:59"),
            (86_400, "00:00:00"),
            (1_763_877_909, "06:05:09"),
        ] {
            assert_eq!(time_of_day(UnixSeconds(seconds)), text);
        }
    }
}
