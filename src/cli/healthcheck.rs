//! `sidegate healthcheck`: one request to a running sidegate, for images that have no shell and no curl.
//!
//! Speaks HTTP/1.1 by hand. Behind a TLS listener it believes exactly the configured certificate: the
//! check is made at the listening address, whose name no authority has signed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::config::Config;

/// What is asked.
const PATH: &str = "/.sidegate/healthz";

/// Docker and Kubernetes ask every few seconds and give up sooner or later; a well sidegate answers in milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Whom to ask, and as whom.
#[derive(Debug)]
pub(super) struct Target {
    address: String,
    /// A host that the gate serves.
    authority: String,
    tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
}

impl Target {
    /// The configured listener, by the public origin's name.
    ///
    /// # Errors
    /// A certificate file that cannot be read.
    pub(super) fn of_config(config: &Config) -> anyhow::Result<Self> {
        let host = config.public_origin.host();
        let tls = match &config.server.tls {
            None => None,
            Some(tls) => {
                let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
                Some((name, Arc::new(believing_only(&tls.certificate_file)?)))
            }
        };
        Ok(Self {
            address: reachable(config.server.listen).to_string(),
            authority: config.public_origin.authority().to_owned(),
            tls,
        })
    }

    /// Another address, in plain http.
    ///
    /// # Errors
    /// A URL that is not plain http.
    pub(super) fn of_url(url: &Url) -> anyhow::Result<Self> {
        ensure!(
            url.scheme() == "http" && url.has_host(),
            "--url takes a plain http address, e.g. http://127.0.0.1:4280; a TLS listener is asked by --config alone"
        );
        let authority = url.authority().to_owned();
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        Ok(Self {
            address: format!("{host}:{port}"),
            authority,
            tls: None,
        })
    }

    /// Asks once.
    ///
    /// # Errors
    /// Anything but an answer of 200 in time.
    pub(super) async fn ask(&self, patience: Duration) -> anyhow::Result<()> {
        let answer = tokio::time::timeout(patience, self.exchange()).await;
        let status = answer
            .with_context(|| format!("{}: no answer within {patience:?}", self.address))?
            .with_context(|| self.address.clone())?;
        if status != "200" {
            bail!("{}: answered {status}", self.address);
        }
        Ok(())
    }

    async fn exchange(&self) -> io::Result<String> {
        let stream = TcpStream::connect(&self.address).await?;
        match &self.tls {
            None => self.get(stream).await,
            Some((name, config)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                self.get(connector.connect(name.clone(), stream).await?)
                    .await
            }
        }
    }

    /// The status of the answer.
    async fn get(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
        let request = format!(
            "GET {PATH} HTTP/1.1\r\nHost: {}\r\nUser-Agent: sidegate-healthcheck\r\nConnection: close\r\n\r\n",
            self.authority
        );
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut start = [0_u8; "HTTP/1.1 200".len()];
        stream.read_exact(&mut start).await?;
        let start = String::from_utf8_lossy(&start);
        match start.strip_prefix("HTTP/1.1 ") {
            Some(status) => Ok(status.to_owned()),
            None => Err(io::Error::other("this is no HTTP/1.1 server")),
        }
    }
}

/// Where a listener can be reached from the same machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(ip, listen.port())
}

fn believing_only(certificate_file: &Path) -> anyhow::Result<ClientConfig> {
    let certificate = CertificateDer::from_pem_file(certificate_file)
        .with_context(|| format!("{}: no certificate", certificate_file.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(OnlyThis {
        certificate,
        provider: Arc::clone(&provider),
    });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Believes a server that shows one certificate and proves that it has its key.
#[derive(Debug)]
struct OnlyThis {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OnlyThis {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
