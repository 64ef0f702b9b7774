//! One connection: TLS or not, HTTP/1 or HTTP/2, until it closes.
//!
//! The greeting (handshake, first bytes) and each kind of connection are tasks of their own, since a
//! task is as large as the largest future in it (docs/ARCHITECTURE.md). All of them end when the
//! listener drains.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::Activity;
use super::io::Watched;
use super::limit::{Connections, Slot};
use super::preface::{self, Prefix, Protocol};
use super::request::Handler;
use super::streams::Streams;
use super::tls::ALPN_H2;
use super::watchdog::{Verdict, Watchdog};
use super::{Deadlines, Drained, Limits, Settings};
use crate::body::Body;
use crate::causes::Causes;
use crate::peer::Peer;

/// Reads and writes of a client.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static> Socket for IO {}

/// What all connections of a listener have in common.
pub(super) struct Shared<S> {
    service: S,
    tls: Option<TlsAcceptor>,
    trusted_proxies: Vec<IpNet>,
    deadlines: Deadlines,
    limits: Arc<Limits>,
    http1: http1::Builder,
    http2: http2::Builder<Streams>,
    open: Arc<Connections>,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    streams: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl<S> Shared<S>
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    pub(super) fn new(
        service: S,
        tls: Option<Arc<ServerConfig>>,
        settings: &Settings,
        stop: CancellationToken,
    ) -> Self {
        let streams = TaskTracker::new();
        Self {
            service,
            tls: tls.map(TlsAcceptor::from),
            trusted_proxies: settings.trusted_proxies.clone(),
            deadlines: settings.deadlines.clone(),
            limits: Arc::new(settings.limits.clone()),
            http1: http1_settings(&settings.limits),
            http2: http2_settings(&settings.limits, &settings.deadlines, streams.clone()),
            open: Connections::new(&settings.limits),
            places: Arc::new(Semaphore::new(settings.limits.requests)),
            connections: TaskTracker::new(),
            streams,
            stop,
            cut: CancellationToken::new(),
        }
    }

    /// A place for a connection from this address, if there is one.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Slot> {
        let trusted = self
            .trusted_proxies
            .iter()
            .any(|network| network.contains(&address));
        self.open.admit((!trusted).then_some(address))
    }

    /// Starts a connection.
    pub(super) fn greet(self: &Arc<Self>, stream: TcpStream, from: SocketAddr, slot: Slot) {
        let shared = Arc::clone(self);
        let stop = self.stop.clone();
        self.connections.spawn(async move {
            let greeted = async {
                match shared.tls.clone() {
                    Some(acceptor) => shared.greet_tls(acceptor, stream, from, slot).await,
                    None => shared.greet_plain(stream, from, slot).await,
                }
            };
            if let Some(Err(error)) = stop.run_until_cancelled(greeted).await {
                tracing::debug!(peer = %from, %error, "a connection ended before its first request");
            }
        });
    }

    async fn greet_plain(
        self: &Arc<Self>,
        mut stream: TcpStream,
        from: SocketAddr,
        slot: Slot,
    ) -> io::Result<()> {
        let peer = Peer { address: from };
        let mut prefix = Prefix::empty();
        let Some(protocol) =
            preface::sniff(&mut stream, &mut prefix, self.deadlines.first_byte).await?
        else {
            return Ok(());
        };
        self.start(protocol, stream, prefix, peer, slot).await
    }

    async fn greet_tls(
        self: &Arc<Self>,
        acceptor: TlsAcceptor,
        stream: TcpStream,
        from: SocketAddr,
        slot: Slot,
    ) -> io::Result<()> {
        let peer = Peer { address: from };
        let handshake = acceptor.accept(stream);
        let stream = tokio::time::timeout(self.deadlines.tls_handshake, handshake).await??;
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(ALPN_H2) => Protocol::Http2,
            _ => Protocol::Http1,
        };
        self.start(protocol, stream, Prefix::empty(), peer, slot)
            .await
    }

    /// Gives the connection a task of its own kind.
    async fn start<IO: Socket>(
        self: &Arc<Self>,
        protocol: Protocol,
        mut stream: IO,
        mut prefix: Prefix,
        peer: Peer,
        slot: Slot,
    ) -> io::Result<()> {
        if protocol == Protocol::Http2 {
            preface::expect_settings(&mut stream, &mut prefix, self.deadlines.h2_settings).await?;
        }
        let activity = Activity::new(self.stop.child_token());
        let handler = Arc::new(Handler {
            service: self.service.clone(),
            peer,
            activity: Arc::clone(&activity),
            limits: Arc::clone(&self.limits),
            places: Arc::clone(&self.places),
            body_idle: self.deadlines.request_body_idle,
        });
        let in_head = protocol == Protocol::Http1 && !prefix.unread().is_empty();
        let watchdog = Watchdog::new(protocol, in_head, &self.deadlines, Arc::clone(&activity));
        let io = Watched::new(stream, prefix, activity, self.deadlines.write_stall, slot);
        match protocol {
            Protocol::Http1 => {
                self.connections
                    .spawn(Arc::clone(self).http1(io, handler, watchdog));
            }
            Protocol::Http2 => {
                self.connections
                    .spawn(Arc::clone(self).http2(io, handler, watchdog));
            }
        }
        Ok(())
    }

    fn http1<IO: Socket>(
        self: Arc<Self>,
        io: Watched<IO>,
        handler: Arc<Handler<S>>,
        watchdog: Watchdog,
    ) -> impl Future<Output = ()> {
        let close = handler.activity.close.clone();
        let service = service_fn(move |request| {
            let handler = Arc::clone(&handler);
            async move { Ok::<_, Infallible>(handler.answer(request).await) }
        });
        let connection = self
            .http1
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        let finish = http1::UpgradeableConnection::graceful_shutdown;
        self.drive(Box::pin(connection), finish, close, watchdog)
    }

    fn http2<IO: Socket>(
        self: Arc<Self>,
        io: Watched<IO>,
        handler: Arc<Handler<S>>,
        watchdog: Watchdog,
    ) -> impl Future<Output = ()> {
        let close = handler.activity.close.clone();
        let service = service_fn(move |request| {
            let handler = Arc::clone(&handler);
            async move { Ok::<_, Infallible>(handler.answer(request).await) }
        });
        let connection = self.http2.serve_connection(TokioIo::new(io), service);
        let finish = http2::Connection::graceful_shutdown;
        self.drive(Box::pin(connection), finish, close, watchdog)
    }

    /// Runs a connection to its end; when it is told to close, it finishes what is under way.
    ///
    /// Boxed, since the compiler keeps a place for it at each move into a future.
    async fn drive<C>(
        self: Arc<Self>,
        mut connection: Pin<Box<C>>,
        finish: fn(Pin<&mut C>),
        close: CancellationToken,
        mut watchdog: Watchdog,
    ) where
        C: Future<Output = hyper::Result<()>>,
    {
        // The connection comes first, so that the watchdog sees what it has just done.
        tokio::select! {
            biased;
            ended = connection.as_mut() => return note_end(ended),
            verdict = poll_fn(|context| watchdog.poll(context)) => {
                if verdict == Verdict::TooSlow {
                    return;
                }
            }
            () = close.cancelled() => {}
        }
        // HTTP/2 says GOAWAY, so that a request sent at this moment can be repeated.
        finish(connection.as_mut());
        watchdog.begin_closing();
        tokio::select! {
            biased;
            ended = connection.as_mut() => note_end(ended),
            _ = poll_fn(|context| watchdog.poll(context)) => {}
            () = self.cut.cancelled() => {}
        }
    }

    /// Waits until every connection has ended, or cuts those that are left when the time is up.
    pub(super) async fn drain(&self, timeout: Duration) -> Drained {
        self.connections.close();
        self.streams.close();
        let ended = async {
            self.connections.wait().await;
            self.streams.wait().await;
        };
        if tokio::time::timeout(timeout, ended).await.is_ok() {
            return Drained::Clean;
        }
        let left = self.connections.len();
        self.cut.cancel();
        self.connections.wait().await;
        self.streams.wait().await;
        Drained::Cut(left)
    }
}

fn note_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(
            error = %Causes(&error),
            "a connection ended badly"
        );
    }
}

/// The least buffer that hyper takes.
const LEAST_BUFFER: usize = 8 * 1024;

fn http1_settings(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // `watchdog.rs` has a deadline for the head, and another one for the wait before it.
        .header_read_timeout(None)
        .max_buf_size(limits.head_bytes.max(LEAST_BUFFER));
    if limits.head_fields > 100 {
        // 100 is hyper's own limit, kept on its stack; more costs an allocation for each request.
        builder.max_headers(limits.head_fields);
    }
    builder
}

fn http2_settings(
    limits: &Limits,
    deadlines: &Deadlines,
    streams: TaskTracker,
) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(Streams::new(streams, deadlines.write_stall));
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(deadlines.h2_ping)
        .keep_alive_timeout(deadlines.h2_ping)
        .max_concurrent_streams(limits.h2_streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100);
    builder
}

///
const STREAM_WINDOW: u32 = 64 * 1024;
///
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What one stream may hold for a client that does not read: a request under way costs no more.
const SEND_BUFFER: usize = 64 * 1024;
