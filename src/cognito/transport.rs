//! The way to the user pool: one connection pool, one TLS configuration, for the API and for the keys.
//!
//! Below `api` (which gives it to the AWS SDK) and `jwks`; `sidegate check` calls triggers with it. HTTPS with the machine's certificate
//! authorities and an optional further file; plain http to this machine only. No redirect is
//! followed, no answer is read past a limit (F-05), and nothing is sent twice: only a connection that
//! could not be made is tried once more. HTTP/1.1, so that one stalled connection delays one call.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

/// Longest wait for one TCP connection. Twice this, for the second try, is still within a call's time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an unused connection is kept. Short, because a call that meets a connection which the peer
/// is just closing fails and is not repeated.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest answer of the API (F-05). Real ones are some ten kilobytes.
pub(super) const MAX_ANSWER_BYTES: usize = 1 << 20;

/// A client for the pool's two addresses. Clones share their connections.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// An answer whose body ends with an error past the limit.
pub(super) type Answer = Response<Limited<Incoming>>;

/// Why there can be no transport with these settings.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Plain http to another machine would carry passwords and keys in clear.
    #[error("{0}: plain http is for loopback addresses only; use https://…")]
    PlainHttp(Url),
    /// `cognito.ca_file` cannot be read, or holds no certificate.
    #[error("{}: {problem}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No certificate authority to check an https peer with.
    #[error("no CA certificates found on this machine ({0})")]
    NoRoots(String),
    /// A client cannot be made of the TLS library's parts.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection, so nothing was sent.
    #[error("no connection to {host}: {cause}")]
    Connect {
        /// `host[:port]`.
        host: String,
        /// What stood in the way.
        obstacle: Obstacle,
        /// The causes, from the outermost.
        cause: String,
    },
    /// The request may have been received; the answer was not.
    #[error("{host} did not answer: {cause}")]
    Exchange {
        /// `host[:port]`.
        host: String,
        /// The causes, from the outermost.
        cause: String,
    },
    /// The answer began and broke off.
    #[error("the answer broke off: {0}")]
    CutShort(String),
    /// The answer is longer than anything the pool sends.
    #[error("the answer is over {0} bytes")]
    TooLong(usize),
}

/// What keeps a connection from being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The name has no address.
    Name,
    /// The certificate is not trusted, or TLS failed otherwise.
    Tls,
    /// No TCP connection: refused, no route, or no answer in time.
    Network,
}

impl Transport {
    /// A client for these peers. Reads the certificate authorities only if one of them speaks https.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub(crate) fn new(peers: &[&Url], ca_file: Option<&Path>) -> Result<Self, SetupError> {
        let is_plain = |peer: &&Url| peer.scheme() != "https";
        if let Some(peer) = peers
            .iter()
            .find(|peer| is_plain(peer) && !is_loopback(peer))
        {
            return Err(SetupError::PlainHttp((**peer).clone()));
        }
        let roots = if peers.iter().all(is_plain) {
            RootCertStore::empty()
        } else {
            roots(ca_file)?
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();

        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));

        let schemes = HttpsConnectorBuilder::new().with_tls_config(tls);
        let protocols = if peers.iter().any(is_plain) {
            schemes.https_or_http()
        } else {
            schemes.https_only()
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .build(protocols.enable_http1().wrap_connector(tcp));
        Ok(Self { client })
    }

    /// Sends a request once and returns the answer's head, whatever its status.
    ///
    /// # Errors
    /// When there is no answer; see [`TransportError`].
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        max_answer_bytes: usize,
    ) -> Result<Answer, TransportError> {
        let host = authority(request.uri());
        let mut answer = self.client.request(request.clone()).await;
        if answer.as_ref().is_err_and(|error| error.is_connect()) {
            // Nothing was sent, so this is not a repetition.
            answer = self.client.request(request).await;
        }
        match answer {
            Ok(answer) => Ok(answer.map(|body| Limited::new(body, max_answer_bytes))),
            Err(error) if error.is_connect() => Err(TransportError::Connect {
                host,
                obstacle: Obstacle::of(&error),
                cause: causes(&error),
            }),
            Err(error) => Err(TransportError::Exchange {
                host,
                cause: causes(&error),
            }),
        }
    }

    /// GETs a document and reads all of it.
    ///
    /// # Errors
    /// When there is no answer, or it is over `max_bytes`; see [`TransportError`].
    pub(super) async fn fetch(
        &self,
        url: &Url,
        max_bytes: usize,
    ) -> Result<(StatusCode, Bytes), TransportError> {
        let request = Request::get(url.as_str())
            .header(http::header::ACCEPT, "application/json")
            .body(Full::default());
        let (head, body) = self.exchange(url, request, max_bytes).await?;
        Ok((head.status, body))
    }

    /// POSTs JSON and reads all of the answer, whatever its status.
    ///
    /// # Errors
    /// As [`Transport::fetch`].
    pub(crate) async fn post(
        &self,
        url: &Url,
        json: Bytes,
        max_bytes: usize,
    ) -> Result<(Parts, Bytes), TransportError> {
        let request = Request::post(url.as_str())
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(json));
        self.exchange(url, request, max_bytes).await
    }

    async fn exchange(
        &self,
        url: &Url,
        request: http::Result<Request<Full<Bytes>>>,
        max_bytes: usize,
    ) -> Result<(Parts, Bytes), TransportError> {
        let request = request.map_err(|error| TransportError::Exchange {
            host: url.authority().to_owned(),
            cause: error.to_string(),
        })?;
        let (head, body) = self.send(request, max_bytes).await?.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| TransportError::of_body(error.as_ref(), max_bytes))?;
        Ok((head, body.to_bytes()))
    }
}

impl TransportError {
    /// What an error from reading an [`Answer`]'s body means.
    pub(super) fn of_body(error: &(dyn Error + 'static), limit: usize) -> Self {
        if contains::<LengthLimitError>(error) {
            Self::TooLong(limit)
        } else {
            Self::CutShort(causes(error))
        }
    }

    /// Whether `error` comes from reading an [`Answer`]'s body at all.
    pub(super) fn is_of_body(error: &(dyn Error + 'static)) -> bool {
        contains::<LengthLimitError>(error) || contains::<hyper::Error>(error)
    }
}

impl Obstacle {
    fn of(error: &(dyn Error + 'static)) -> Self {
        if contains::<rustls::Error>(error) {
            Self::Tls
        } else if causes(error).contains("dns error") {
            // The text of hyper-util's connector; its type is private.
            Self::Name
        } else {
            Self::Network
        }
    }
}

/// Whether a URL names this machine, where plain http is no risk.
fn is_loopback(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

/// The machine's certificate authorities and those of `ca_file`.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, SetupError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    // Some machines carry one that does not parse; the others are good.
    let (native_count, _) = roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca_file {
        let unusable = |problem: String| SetupError::CaFile {
            path: path.to_owned(),
            problem,
        };
        let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<_, _>>)
            .map_err(|error| unusable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(unusable("holds no PEM certificate".to_owned()));
        }
        for certificate in certificates {
            let added = roots.add(certificate);
            added.map_err(|error| unusable(error.to_string()))?;
        }
    } else if native_count == 0 {
        let problems: Vec<_> = native.errors.iter().map(ToString::to_string).collect();
        return Err(SetupError::NoRoots(problems.join("; ")));
    }
    Ok(roots)
}

fn authority(uri: &Uri) -> String {
    uri.authority().map(ToString::to_string).unwrap_or_default()
}

/// Whether a `T` is among the causes, also inside an `io::Error`, which does not list what it wraps.
fn contains<T: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    if error.is::<T>() {
        return true;
    }
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    wrapped.is_some_and(|inner| contains::<T>(inner)) || error.source().is_some_and(contains::<T>)
}

/// The texts of the causes, each once. Neither hyper's nor rustls's name a header or a body.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if cause_text != last {
            // Writing to a String does not fail.
            let _ = write!(text, ": {cause_text}");
        }
        last = cause_text;
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Say, Stub};
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;
    use tokio_rustls::TlsAcceptor;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn transport(peer: &Url, ca_file: Option<&Path>) -> Transport {
        Transport::new(&[peer], ca_file).unwrap()
    }

    /// A file of its own for a test, removed with it.
    struct CaFile(PathBuf);

    impl CaFile {
        fn with(content: &str) -> Self {
            let name = format!("sidegate-ca-{}.pem", uuid::Uuid::new_v4());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, content).unwrap();
            Self(path)
        }
    }

    impl Drop for CaFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    /// A private certificate authority, and a TLS server with its certificate for localhost.
    async fn tls_server() -> (Url, String, JoinSet<()>) {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let server_key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let server = server.signed_by(&server_key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![server.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                        .await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        (
            url(&format!("https://localhost:{port}/")),
            issuer.pem(),
            tasks,
        )
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for text in [
            "http://127.0.0.1:4282/",
            "http://[::1]:4282/",
            "http://localhost/",
            "http://pool.localhost/",
        ] {
            assert!(Transport::new(&[&url(text)], None).is_ok(), "{text}");
        }
        for text in [
            "http://cognito-idp.eu-west-1.amazonaws.com/",
            "http://10.0.0.1/",
            "http://localhost.evil.example/",
            "ftp://127.0.0.1/",
        ] {
            let peers = [&url("http://127.0.0.1/"), &url(text)];
            let error = Transport::new(&peers, None).unwrap_err();
            assert!(matches!(error, SetupError::PlainHttp(_)), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn a_certificate_of_ca_file_is_trusted_and_without_it_not() {
        let (peer, pem, _server) = tls_server().await;
        let file = CaFile::with(&pem);
        let (status, body) = transport(&peer, Some(&file.0))
            .fetch(&peer, 10)
            .await
            .unwrap();
        assert_eq!((status, body.as_ref()), (StatusCode::OK, b"ok".as_ref()));

        let (other, _, _other_server) = tls_server().await;
        let error = transport(&other, Some(&file.0))
            .fetch(&other, 10)
            .await
            .unwrap_err();
        assert!(
            matches!(
                &error,
                TransportError::Connect {
                    obstacle: Obstacle::Tls,
                    ..
                }
            ),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_certificate_for_another_name_is_refused() {
        let (peer, pem, _server) = tls_server().await;
        let file = CaFile::with(&pem);
        let by_address = url(&peer.as_str().replace("localhost", "127.0.0.1"));
        let error = transport(&by_address, Some(&file.0))
            .fetch(&by_address, 10)
            .await
            .unwrap_err();
        assert!(
            matches!(
                &error,
                TransportError::Connect {
                    obstacle: Obstacle::Tls,
                    ..
                }
            ),
            "{error:?}"
        );
    }

    #[test]
    fn a_ca_file_that_is_none_is_named() {
        let peer = url("https://localhost/");
        let empty = CaFile::with("no certificate");
        for path in [Path::new("/nonexistent/ca.pem"), &empty.0] {
            let error = Transport::new(&[&peer], Some(path)).unwrap_err();
            assert!(
                error.to_string().contains(path.to_str().unwrap()),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_not_made_is_tried_once_more_and_no_more() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = url(&format!("https://{}/", listener.local_addr().unwrap()));
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // No TLS is spoken: each connection ends in its handshake.
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let (_, pem, _server) = tls_server().await;
        let file = CaFile::with(&pem);
        let error = transport(&peer, Some(&file.0))
            .fetch(&peer, 10)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, TransportError::Connect { .. }),
            "{error:?}"
        );
        assert_eq!(accepted.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_request_that_was_sent_is_not_sent_again() {
        let stub = Stub::start(|_| Say::Close).await;
        let peer = url(&format!("http://{}/", stub.address));
        let error = transport(&peer, None).fetch(&peer, 10).await.unwrap_err();
        assert!(
            matches!(&error, TransportError::Exchange { .. }),
            "{error:?}"
        );
        assert_eq!(stub.heard().len(), 1);
    }

    #[tokio::test]
    async fn a_refused_connection_says_where() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = url(&format!("http://{}/", listener.local_addr().unwrap()));
        drop(listener);
        let error = transport(&peer, None).fetch(&peer, 10).await.unwrap_err();
        assert!(
            matches!(&error, TransportError::Connect { obstacle: Obstacle::Network, host, .. } if *host == peer.authority()),
            "{error:?}"
        );
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_told_from_a_dead_route() {
        // Longer than a label of a domain name can be, so nobody is asked for it.
        let peer = url(&format!("http://{}.localhost/", "x".repeat(64)));
        let error = transport(&peer, None).fetch(&peer, 10).await.unwrap_err();
        assert!(
            matches!(
                &error,
                TransportError::Connect {
                    obstacle: Obstacle::Name,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}
