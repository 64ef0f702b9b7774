//! A listener on a free port, and clients of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Body;
use crate::server::{Deadlines, Drained, Limits, Listener, Settings};

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(3600);
/// A deadline that a test waits for.
pub(super) const SOON: Duration = Duration::from_millis(30);
/// A deadline that keeps moving away, and leaves a busy machine time to move it.
pub(super) const LONG_ENOUGH: Duration = Duration::from_millis(400);

/// No deadline passes in a test unless it says so.
pub(super) fn settings() -> Settings {
    Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        deadlines: Deadlines {
            first_byte: NEVER,
            tls_handshake: NEVER,
            request_head: NEVER,
            h2_settings: NEVER,
            keep_alive: NEVER,
            h2_ping: NEVER,
            request_body_idle: NEVER,
            write_stall: NEVER,
        },
        limits: Limits::default(),
        trusted_proxies: Vec::new(),
        drain_timeout: NEVER,
    }
}

pub(super) struct Bed {
    pub(super) address: SocketAddr,
    pub(super) stop: CancellationToken,
    server: JoinHandle<Drained>,
    /// HTTP/2 clients' connections.
    clients: std::sync::Mutex<JoinSet<()>>,
}

impl Bed {
    pub(super) async fn start<F, A>(settings: Settings, app: F) -> Self
    where
        F: Fn(Request<Body>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = Listener::bind(settings).await.unwrap();
        let address = listener.address();
        let stop = CancellationToken::new();
        let service = tower::service_fn(move |request| {
            let answer = app(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let server = TaskTracker::new().spawn(listener.serve(service, stop.clone()));
        Self {
            address,
            stop,
            server,
            clients: std::sync::Mutex::default(),
        }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes, and reads until the server closes.
    pub(super) async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        write(&mut stream, bytes).await;
        read_all(&mut stream).await
    }

    pub(super) async fn h2(&self) -> SendRequest<Body> {
        self.h2_over(self.connect().await).await
    }

    pub(super) async fn h2_over<IO>(&self, stream: IO) -> SendRequest<Body>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (client, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(64 * 1024)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        self.clients
            .lock()
            .unwrap()
            .spawn(async move { drop(connection.await) });
        client
    }

    pub(super) async fn stop(self) -> Drained {
        self.stop.cancel();
        self.server.await.unwrap()
    }
}

pub(super) fn get(path: &str) -> Request<Body> {
    Request::builder()
        .uri(format!("http://a{path}"))
        .body(Body::Empty)
        .unwrap()
}

pub(super) async fn write<IO: AsyncWrite + Unpin>(stream: &mut IO, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
}

/// Everything up to the end of the stream, also when it ends in a reset.
pub(super) async fn read_all<IO: AsyncRead + Unpin>(stream: &mut IO) -> String {
    let mut read = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut read).await {}
    String::from_utf8_lossy(&read).into_owned()
}
