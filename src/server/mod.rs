//! The listener: bind, accept, TLS, HTTP/1 or HTTP/2, limits, drain.
//!
//! The first step of a request's way: bytes in, a `Request` with its [`Peer`](crate::peer::Peer) out. Every wait
//! on a client has a deadline of its own here and every count a limit (R-119 … R-121). Nothing
//! in this part knows paths, sessions or the upstream.

mod activity;
mod conn;
mod io;
mod limit;
mod preface;
mod request;
mod streams;
mod tls;
mod watchdog;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::body::Body;
use conn::Shared;

/// One listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address to listen on (default 0.0.0.0:4280).
    pub listen: SocketAddr,
    /// TLS, when we terminate it.
    pub tls: Option<TlsSettings>,
    /// How long each step of a client may take.
    pub deadlines: Deadlines,
    /// How much there may be of each thing (R-119 … R-121).
    pub limits: Limits,
    /// Peers that speak for many clients, such as a load balancer: the limit of connections of one
    /// address does not hold for them (R-120; default none).
    pub trusted_proxies: Vec<IpNet>,
    /// How long open requests may take to end after the signal to stop (default 25 s).
    pub drain_timeout: Duration,
}

/// Certificate and key, PEM.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Certificate chain, leaf first.
    pub certificate_file: PathBuf,
    /// Private key.
    pub key_file: PathBuf,
}

///
#[derive(Clone, Debug)]
pub struct Deadlines {
    /// Accept to first byte (10 s).
    pub first_byte: Duration,
    /// TLS handshake (10 s).
    pub tls_handshake: Duration,
    /// Request head (10 s).
    pub request_head: Duration,
    /// HTTP/2 preface to first SETTINGS (10 s).
    pub h2_settings: Duration,
    /// Idle keep-alive (75 s).
    pub keep_alive: Duration,
    /// HTTP/2 PING interval, and wait for its answer (20 s each).
    pub h2_ping: Duration,
    /// Pause in a request body (30 s).
    pub request_body_idle: Duration,
    /// Response write stall (30 s).
    pub write_stall: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(10),
            tls_handshake: Duration::from_secs(10),
            request_head: Duration::from_secs(10),
            h2_settings: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            h2_ping: Duration::from_secs(20),
            request_body_idle: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
        }
    }
}

/// R-119 … R-121.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's head (32 KiB; HTTP/1 takes 8 KiB at least).
    pub head_bytes: usize,
    /// Fields of a request's head, cookie crumbs counted (100).
    pub head_fields: usize,
    /// Bytes of the target (8 KiB).
    pub target_bytes: usize,
    /// Connections in all (10,000).
    pub connections: usize,
    /// Connections of one IPv4 address or one IPv6 /64 (256).
    pub connections_per_address: usize,
    /// Streams of one HTTP/2 connection (100).
    pub h2_streams: u32,
    /// Requests under way in all (2,000).
    pub requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 32 * 1024,
            head_fields: 100,
            target_bytes: 8 * 1024,
            connections: 10_000,
            connections_per_address: 256,
            h2_streams: 100,
            requests: 2_000,
        }
    }
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
    settings: Settings,
}

impl Listener {
    /// Binds and reads the certificate; nothing is accepted yet.
    ///
    /// # Errors
    /// An address that cannot be bound; a certificate or key that cannot be used, with its file and
    /// what to do.
    pub async fn bind(settings: Settings) -> Result<Self, BindError> {
        let tls = match &settings.tls {
            Some(files) => Some(tls::config(files).await?),
            None => None,
        };
        let unbound = |source| BindError::Address {
            address: settings.listen,
            source,
        };
        let socket = TcpListener::bind(settings.listen).await.map_err(unbound)?;
        let address = socket.local_addr().map_err(unbound)?;
        Ok(Self {
            socket,
            address,
            tls,
            settings,
        })
    }

    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until `stop` is cancelled, then drains. Every request gets a `Peer` extension.
    ///
    /// Upgraded connections are not waited for: they belong to whoever took the upgrade.
    pub async fn serve<S>(self, service: S, stop: CancellationToken) -> Drained
    where
        S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        let shared = Arc::new(Shared::new(service, self.tls, &self.settings, stop.clone()));
        tokio::select! {
            () = stop.cancelled() => {}
            () = accept(&self.socket, &shared) => {}
        }
        drop(self.socket);
        shared.drain(self.settings.drain_timeout).await
    }
}

/// Accepts for ever.
async fn accept<S>(socket: &TcpListener, shared: &Arc<Shared<S>>)
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    let mut complaint = Complaint::default();
    loop {
        match socket.accept().await {
            Ok((stream, from)) => {
                let from = unmapped(from);
                match shared.admit(from.ip()) {
                    Some(slot) => shared.greet(prepared(stream), from, slot),
                    None => complaint.log("a connection over the limit was closed", None),
                }
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                // Out of descriptors or memory (F-34): what is open goes on, and closing makes room.
                complaint.log("cannot accept connections", Some(&error));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// How long no connection is accepted after the system said that it has no room.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

fn is_about_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

fn prepared(stream: TcpStream) -> TcpStream {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    stream
}

/// A dual-stack socket shows IPv4 clients as `::ffff:a.b.c.d`.
fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Logs the same trouble once a second at most.
#[derive(Default)]
struct Complaint {
    last: Option<Instant>,
    unsaid: u64,
}

impl Complaint {
    fn log(&mut self, what: &'static str, error: Option<&std::io::Error>) {
        let now = Instant::now();
        self.unsaid += 1;
        if self
            .last
            .is_some_and(|last| now.duration_since(last) < Duration::from_secs(1))
        {
            return;
        }
        tracing::warn!(
            error = error.map(tracing::field::display),
            times = self.unsaid,
            "{what}"
        );
        self.last = Some(now);
        self.unsaid = 0;
    }
}

/// How draining ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Clean,
    /// The time was up; so many connections were cut.
    Cut(usize),
}

/// The listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address.
    #[error("cannot listen on {address}; server.listen (--listen) takes another address")]
    Address {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate's or the key's file.
    #[error("cannot read {}; it must be there and readable for this user", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No certificate in the file, or none that is PEM.
    #[error("{}: no PEM certificate in it; give the chain, leaf first, each between BEGIN and END CERTIFICATE", path.display())]
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// No private key in the file, or none that is PEM.
    #[error("{}: no PEM private key in it; give a PKCS #8, PKCS #1 or SEC 1 key that is not encrypted", path.display())]
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// Certificate and key do not belong together, or one of them is of a kind that is not served.
    #[error("{} and {} cannot be used together; give the key that the first certificate was made for", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// The TLS library offers none of TLS 1.2 and 1.3.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}
