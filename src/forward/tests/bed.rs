//! A forwarder, and an upstream that a test plays by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::{Body, BodyError};
use crate::forward::{Forwarder, OwnsCookie, Settings};
use crate::identity::{Caller, Identity, IdentityHeaders};
use crate::origin::PublicOrigin;
use crate::peer::Peer;
use crate::refusal::Refusal;

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(3600);
/// A deadline that a test waits for.
pub(super) const SOON: Duration = Duration::from_millis(30);
/// A deadline that keeps moving away, and leaves a busy machine time to move it.
pub(super) const LONG_ENOUGH: Duration = Duration::from_millis(400);

/// An upstream: accepts when told to, reads and writes raw bytes.
pub(super) struct Upstream {
    listener: TcpListener,
    pub(super) address: SocketAddr,
}

impl Upstream {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub(super) async fn accept(&self) -> Connection<TcpStream> {
        Connection::new(self.listener.accept().await.unwrap().0)
    }

    /// Accepts, reads one head and answers it.
    pub(super) async fn answer(&self, response: &str) -> (Connection<TcpStream>, String) {
        let mut connection = self.accept().await;
        let head = connection.head().await;
        connection.write(response).await;
        (connection, head)
    }
}

/// One connection from the forwarder.
pub(super) struct Connection<IO> {
    pub(super) stream: IO,
    read: Vec<u8>,
}

impl<IO: AsyncRead + AsyncWriteExt + Unpin> Connection<IO> {
    pub(super) fn new(stream: IO) -> Self {
        Self {
            stream,
            read: Vec::new(),
        }
    }

    /// The next head, as it came.
    pub(super) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Everything up to and with `end`.
    pub(super) async fn until(&mut self, end: &str) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.read).into_owned();
            if let Some(at) = text.find(end) {
                let taken = self.read.drain(..at + end.len()).collect::<Vec<_>>();
                return String::from_utf8(taken).unwrap();
            }
            let count = self.stream.read_buf(&mut self.read).await.unwrap();
            assert_ne!(count, 0, "closed after {text:?}");
        }
    }

    /// What was read beyond the last head.
    pub(super) fn buffered(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.read)
    }

    pub(super) async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Waits until the forwarder closes, and gives what it still sent.
    pub(super) async fn rest(mut self) -> String {
        while let Ok(1..) = self.stream.read_buf(&mut self.read).await {}
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

pub(super) struct Bed {
    pub(super) upstream: Upstream,
    pub(super) forwarder: Arc<Forwarder>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

/// No deadline passes in a test unless it says so.
pub(super) fn settings(upstream: &str) -> Settings {
    Settings {
        upstream: upstream.parse().unwrap(),
        ca_file: None,
        connect_timeout: NEVER,
        head_timeout: NEVER,
        idle_timeout: NEVER,
        upgrade_idle_timeout: NEVER,
        preserve_host: true,
        pass_authorization: false,
        trusted_proxies: Vec::new(),
    }
}

pub(super) fn build(
    settings: Settings,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Forwarder, crate::forward::BuildError> {
    let origin: PublicOrigin = "https://app.example.com".parse().unwrap();
    let headers = IdentityHeaders {
        claims: vec![(HeaderName::from_static("x-team"), "custom:team".to_owned())],
    };
    let owns_cookie: OwnsCookie = Arc::new(|name| name.starts_with(b"__Host-Http-sidegate"));
    Forwarder::new(
        settings,
        &origin,
        &headers,
        owns_cookie,
        tasks.clone(),
        stop.clone(),
    )
}

impl Bed {
    pub(super) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let upstream = Upstream::start().await;
        let mut settings = settings(&format!("http://{}", upstream.address));
        change(&mut settings);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let forwarder = Arc::new(build(settings, &tasks, &stop).unwrap());
        Self {
            upstream,
            forwarder,
            tasks,
            stop,
        }
    }

    /// Sends a request while the upstream answers it; gives the response and the head that arrived.
    pub(super) async fn exchange(
        &self,
        request: Request<Body>,
        caller: Option<Caller>,
        answer: &str,
    ) -> (Response<Body>, String) {
        let (response, (_, head)) = tokio::join!(
            self.forwarder.send(request, caller),
            self.upstream.answer(answer)
        );
        (response.unwrap(), head)
    }

    /// What the forwarder says to an upstream that answers like this and then closes.
    pub(super) async fn refusal(&self, request: Request<Body>, answer: &str) -> Refusal {
        let upstream = async { drop(self.upstream.answer(answer).await) };
        tokio::join!(self.forwarder.send(request, None), upstream)
            .0
            .unwrap_err()
    }

    /// Everything that the forwarder started has ended once it is gone.
    pub(super) async fn end(self) {
        drop((self.forwarder, self.upstream));
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A GET as `server/` hands it over.
pub(super) fn get(target: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().uri(target).body(Body::Empty).unwrap();
    request.extensions_mut().insert(Peer {
        address: "192.0.2.7:4711".parse().unwrap(),
    });
    request
        .headers_mut()
        .insert("host", HeaderValue::from_static("app.example.com"));
    for (name, value) in fields {
        request.headers_mut().append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    request
}

pub(super) fn post(body: Body) -> Request<Body> {
    let mut request = get("/", &[]).map(|_| body);
    *request.method_mut() = http::Method::POST;
    request
}

/// Signed in, with the signal that ends the session.
pub(super) fn caller(headers: &[(&'static str, &'static str)]) -> (Caller, CancellationToken) {
    let ended = CancellationToken::new();
    let identity = Identity {
        subject: "sub-1".into(),
        username: "user".into(),
        display_name: "User".into(),
        groups: Box::default(),
        headers: headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect(),
    };
    (
        Caller {
            identity: Arc::new(identity),
            ended: ended.clone(),
        },
        ended,
    )
}

pub(super) type Pieces = mpsc::Sender<Result<Frame<Bytes>, BodyError>>;

/// A body whose pieces a test sends one by one.
pub(super) fn by_hand() -> (Pieces, Body) {
    let (sender, mut receiver) = mpsc::channel(1);
    let pieces = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    (sender, Body::wrap(StreamBody::new(pieces)))
}

pub(super) async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The value of a field in a raw head; `None` when it is not there.
pub(super) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut values = head.lines().skip(1).filter_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    });
    let value = values.next();
    assert_eq!(values.next(), None, "{name} is there twice: {head}");
    value
}
