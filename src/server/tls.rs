//! Certificate and key, and the TLS settings made of them.
//!
//! TLS 1.2 and 1.3 with rustls' own choice of suites, on aws-lc-rs, which is handed in and never
//! taken from the process's default. ALPN offers HTTP/2 first.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{BindError, TlsSettings};

/// The protocol of HTTP/2 in ALPN (RFC 9113 §3.1).
pub(super) const ALPN_H2: &[u8] = b"h2";

/// Reads both files and makes the settings.
///
/// # Errors
/// A file that cannot be read, has no PEM of its kind in it, or does not fit the other.
pub(super) async fn config(files: &TlsSettings) -> Result<Arc<ServerConfig>, BindError> {
    let chain = CertificateDer::pem_slice_iter(&read(&files.certificate_file).await?)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| BindError::NoCertificate {
            path: files.certificate_file.clone(),
        })?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key_file).await?).map_err(|_| {
        BindError::NoKey {
            path: files.key_file.clone(),
        }
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(BindError::Tls)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|source| BindError::Pair {
            certificate: files.certificate_file.clone(),
            key: files.key_file.clone(),
            source,
        })?;
    config.alpn_protocols = vec![ALPN_H2.to_vec(), b"http/1.1".to_vec()];
    // Its keys change by themselves, so a stolen one opens little.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(BindError::Tls)?;
    Ok(Arc::new(config))
}

async fn read(path: &Path) -> Result<Vec<u8>, BindError> {
    tokio::fs::read(path)
        .await
        .map_err(|source| BindError::Unreadable {
            path: path.to_owned(),
            source,
        })
}
