//! Connections to the upstream: made, lent for one exchange, kept, used again.
//!
//! A request gets the connection that was used last, or a new one. A connection comes back only after
//! a complete exchange; it is owned by one request at a time, so nothing is queued on it.
//! A request is never sent twice, except as R-66 allows.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Method, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::body::{Progress, Upload};
use super::{BuildError, Settings};
use crate::body::BodyError;
use crate::causes::Causes;

/// How long an unused connection is kept. Longer gains nothing: most servers close sooner.
const IDLE_LIFE: Duration = Duration::from_secs(60);
/// Most unused connections kept; the longest unused goes first.
const MOST_IDLE: usize = 256;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamError {
    #[error("cannot connect to the upstream")]
    Connect(#[source] BodyError),
    #[error("connecting to the upstream took too long")]
    ConnectTimeout,
    #[error("the upstream took too long to answer")]
    HeadTimeout,
    #[error("the client did not send the request's body to its end")]
    RequestBody(#[source] hyper::Error),
    #[error("the upstream broke the exchange off or sent what is not HTTP")]
    Exchange(#[source] hyper::Error),
    #[error("the upstream's answer is ambiguous: {0}")]
    Framing(&'static str),
}

/// The one upstream.
pub(super) struct Upstream {
    address: Uri,
    connector: HttpsConnector<HttpConnector>,
    connect_timeout: Duration,
    head_timeout: Duration,
    idle: Arc<Idle>,
    tasks: TaskTracker,
}

impl Upstream {
    /// Connects nothing yet. `tasks` owns the connections.
    pub(super) fn new(settings: &Settings, tasks: TaskTracker) -> Result<Self, BuildError> {
        let url = &settings.upstream;
        let is_origin = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(BuildError::Upstream),
        };
        let address = url.as_str().parse().map_err(|_| BuildError::Upstream)?;
        if !is_origin || url.host().is_none() {
            return Err(BuildError::Upstream);
        }
        let roots = if https {
            roots(settings.ca_file.as_deref())?
        } else {
            RootCertStore::empty()
        };
        Ok(Self {
            address,
            connector: connector(roots, settings.connect_timeout)?,
            connect_timeout: settings.connect_timeout,
            head_timeout: settings.head_timeout,
            idle: Arc::default(),
            tasks,
        })
    }

    /// One exchange, up to the response's head.
    pub(super) async fn send(
        &self,
        mut request: Request<Upload>,
    ) -> Result<(Response<Incoming>, Lease), UpstreamError> {
        while let Some(mut lease) = self.idle.take() {
            let copy = copy_if_repeatable(&request);
            let received = lease.received();
            match self.head(&mut lease, request).await? {
                Head::Arrived(response) => return framed(response, lease),
                // Not a byte of it was written, so it may be anything.
                Head::Unsent {
                    request: unsent, ..
                } => request = *unsent,
                // a kept connection may have died before the request came to it.
                Head::Failed(error) => match copy {
                    Some(copy) if lease.received() == received => {
                        tracing::debug!(%error, "a kept connection was dead; asking again");
                        request = copy;
                        break;
                    }
                    _ => return Err(UpstreamError::Exchange(error)),
                },
            }
        }
        let mut lease = self.connect().await?;
        match self.head(&mut lease, request).await? {
            Head::Arrived(response) => framed(response, lease),
            Head::Unsent { error, .. } | Head::Failed(error) => Err(UpstreamError::Exchange(error)),
        }
    }

    async fn connect(&self) -> Result<Lease, UpstreamError> {
        let connecting = self.connector.clone().oneshot(self.address.clone());
        let stream = tokio::time::timeout(self.connect_timeout, connecting)
            .await
            .map_err(|_| UpstreamError::ConnectTimeout)?
            .map_err(UpstreamError::Connect)?;
        let received = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            io: TokioIo::new(stream),
            received: Arc::clone(&received),
        };
        let (sender, connection) = http1::handshake(TokioIo::new(counted))
            .await
            .map_err(|error| UpstreamError::Connect(error.into()))?;
        self.tasks.spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(
                    error = %Causes(&error),
                    "a connection to the upstream ended badly"
                );
            }
        });
        Ok(Lease {
            connection: Connection { sender, received },
            idle: Arc::clone(&self.idle),
            upload: None,
        })
    }

    /// Sends, and waits for the head as long as the upstream answers or takes the body.
    async fn head(
        &self,
        lease: &mut Lease,
        request: Request<Upload>,
    ) -> Result<Head, UpstreamError> {
        lease.upload = request.body().progress();
        let progress = lease.upload.clone();
        let pieces = || progress.as_ref().map_or(0, |progress| progress.pieces());
        let mut answer = pin!(lease.connection.sender.try_send_request(request));
        let mut before = pieces();
        let outcome = loop {
            match tokio::time::timeout(self.head_timeout, answer.as_mut()).await {
                Ok(outcome) => break outcome,
                Err(_) if pieces() == before => return Err(UpstreamError::HeadTimeout),
                Err(_) => before = pieces(),
            }
        };
        match outcome {
            Ok(response) => Ok(Head::Arrived(response)),
            Err(mut failed) => match failed.take_message() {
                Some(request) => Ok(Head::Unsent {
                    request: Box::new(request),
                    error: failed.into_error(),
                }),
                None if progress.is_some_and(|progress| progress.is_broken()) => {
                    Err(UpstreamError::RequestBody(failed.into_error()))
                }
                None => Ok(Head::Failed(failed.into_error())),
            },
        }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upstream").field(&self.address).finish()
    }
}

/// What became of a request on one connection.
enum Head {
    Arrived(Response<Incoming>),
    Unsent {
        request: Box<Request<Upload>>,
        error: hyper::Error,
    },
    Failed(hyper::Error),
}

/// The same request again, if sending it twice does no harm.
fn copy_if_repeatable(request: &Request<Upload>) -> Option<Request<Upload>> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    (safe && request.body().progress().is_none()).then(|| {
        let mut copy = Request::new(Upload::empty());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        copy
    })
}

/// Refuses what two readers could frame in two ways; hyper has read it in one.
fn framed(
    response: Response<Incoming>,
    lease: Lease,
) -> Result<(Response<Incoming>, Lease), UpstreamError> {
    let headers = response.headers();
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    if lengths > 1 {
        return Err(UpstreamError::Framing("more than one Content-Length"));
    }
    if lengths > 0 && headers.contains_key(TRANSFER_ENCODING) {
        return Err(UpstreamError::Framing(
            "both Content-Length and Transfer-Encoding",
        ));
    }
    Ok((response, lease))
}

/// A connection for one exchange; closed when dropped.
pub(super) struct Lease {
    connection: Connection,
    idle: Arc<Idle>,
    upload: Option<Arc<Progress>>,
}

impl Lease {
    /// How far the request's body has come; `None` when it has none.
    pub(super) fn upload(&self) -> Option<Arc<Progress>> {
        self.upload.clone()
    }

    /// Keeps the connection for another exchange. Only after a complete one.
    pub(super) fn give_back(self) {
        if !self.connection.sender.is_closed() {
            self.idle.keep(self.connection);
        }
    }

    fn received(&self) -> u64 {
        self.connection.received.load(Ordering::Relaxed)
    }
}

struct Connection {
    sender: SendRequest<Upload>,
    /// Bytes that have come from the upstream.
    received: Arc<AtomicU64>,
}

struct Kept {
    connection: Connection,
    since: Instant,
}

/// Connections that nobody uses, the last used at the back.
#[derive(Default)]
struct Idle(Mutex<VecDeque<Kept>>);

impl Idle {
    /// The connection used last, if it is still good.
    fn take(self: &Arc<Self>) -> Option<Lease> {
        let mut kept = self.lock();
        let mut settling = Vec::new();
        let found = loop {
            let Some(last) = kept.pop_back() else {
                break None;
            };
            if last.connection.sender.is_ready() {
                break Some(last.connection);
            }
            if !last.connection.sender.is_closed() {
                // Its task has not noticed the end of the last exchange yet.
                settling.push(last);
            }
        };
        kept.extend(settling.into_iter().rev());
        found.map(|connection| Lease {
            connection,
            idle: Arc::clone(self),
            upload: None,
        })
    }

    fn keep(&self, connection: Connection) {
        let now = Instant::now();
        let mut kept = self.lock();
        kept.push_back(Kept {
            connection,
            since: now,
        });
        while kept.len() > MOST_IDLE
            || kept
                .front()
                .is_some_and(|oldest| now.duration_since(oldest.since) > IDLE_LIFE)
        {
            kept.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to verify an https upstream with: the system's roots, and the operator's.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, BuildError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "a root certificate of the system cannot be read");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca_file {
        let unusable = || BuildError::CaCertificate {
            path: path.to_owned(),
        };
        let pem = std::fs::read(path).map_err(|source| BuildError::CaFile {
            path: path.to_owned(),
            source,
        })?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|_| unusable())?;
        if certificates.is_empty() {
            return Err(unusable());
        }
        for certificate in certificates {
            roots.add(certificate).map_err(|_| unusable())?;
        }
    }
    if roots.is_empty() {
        Err(BuildError::NoRoots)
    } else {
        Ok(roots)
    }
}

/// Makes TCP connections, with TLS over them when the address is https.
fn connector(
    roots: RootCertStore,
    timeout: Duration,
) -> Result<HttpsConnector<HttpConnector>, BuildError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(IDLE_LIFE));
    tcp.set_connect_timeout(Some(timeout));
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(BuildError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp))
}

/// Counts what is read, to know whether any byte of a response arrived.
struct Counted<IO> {
    io: IO,
    received: Arc<AtomicU64>,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Counted<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(context, buffer);
        let count = buffer.filled().len() - before;
        self.received.fetch_add(count as u64, Ordering::Relaxed);
        polled
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Counted<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
