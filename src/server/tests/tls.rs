//! TLS: what is agreed on, and what a wrong file is told.

use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::BodyExt;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::bed::{self, Bed, SOON, settings};
use super::describe;
use crate::server::{BindError, Listener, Settings, TlsSettings};

/// A folder with a certificate for `localhost`; removed at the end.
struct Files {
    folder: PathBuf,
    certificate: CertificateDer<'static>,
}

impl Files {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = std::env::temp_dir().join(format!("sidegate-tls-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(folder.join("empty.pem"), "").unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(
            folder.join("other-key.pem"),
            other.signing_key.serialize_pem(),
        )
        .unwrap();
        Self {
            folder,
            certificate: made.cert.der().clone(),
        }
    }

    fn settings(&self, certificate: &str, key: &str) -> Settings {
        Settings {
            tls: Some(TlsSettings {
                certificate_file: self.folder.join(certificate),
                key_file: self.folder.join(key),
            }),
            ..settings()
        }
    }

    async fn connect(&self, bed: &Bed, alpn: &[&[u8]]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, bed.connect().await)
            .await
            .unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[tokio::test]
async fn alpn_decides_between_http_2_and_http_1() {
    let files = Files::new();
    let bed = Bed::start(files.settings("cert.pem", "key.pem"), describe).await;

    let stream = files.connect(&bed, &[b"h2", b"http/1.1"]).await;
    assert_eq!(
        stream.get_ref().1.protocol_version(),
        Some(ProtocolVersion::TLSv1_3)
    );
    let mut client = bed.h2_over(stream).await;
    let body = client
        .send_request(bed::get("/"))
        .await
        .unwrap()
        .into_body();
    assert_eq!(
        body.collect().await.unwrap().to_bytes(),
        "GET / HTTP/2.0 127.0.0.1"
    );
    drop(client);

    for alpn in [&[&b"http/1.1"[..]][..], &[]] {
        let mut stream = files.connect(&bed, alpn).await;
        bed::write(
            &mut stream,
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        )
        .await;
        let answer = bed::read_all(&mut stream).await;
        assert!(answer.ends_with("GET / HTTP/1.1 127.0.0.1"), "{answer}");
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_closed() {
    let files = Files::new();
    let mut settings = files.settings("cert.pem", "key.pem");
    settings.deadlines.tls_handshake = SOON;
    let bed = Bed::start(settings, describe).await;
    assert_eq!(bed.exchange(b"").await, "");
    assert_eq!(bed.exchange(b"\x16\x03\x01").await, "");
    bed.stop().await;
}

#[tokio::test]
async fn http_2_agreed_on_but_not_spoken_is_closed() {
    let files = Files::new();
    let bed = Bed::start(files.settings("cert.pem", "key.pem"), describe).await;
    let mut stream = files.connect(&bed, &[b"h2"]).await;
    bed::write(
        &mut stream,
        b"GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n",
    )
    .await;
    assert_eq!(bed::read_all(&mut stream).await, "");
    bed.stop().await;
}

#[tokio::test]
async fn a_wrong_file_is_named_with_what_to_do() {
    let files = Files::new();
    for (certificate, key, want) in [
        ("none.pem", "key.pem", "none.pem"),
        ("cert.pem", "none.pem", "none.pem"),
        ("empty.pem", "key.pem", "no PEM certificate"),
        ("key.pem", "key.pem", "no PEM certificate"),
        ("cert.pem", "empty.pem", "no PEM private key"),
        ("cert.pem", "other-key.pem", "cannot be used together"),
    ] {
        let error = Listener::bind(files.settings(certificate, key))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        assert!(error.to_string().contains(".pem"), "{error}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let bed = Bed::start(settings(), describe).await;
    let taken = Settings {
        listen: bed.address,
        ..settings()
    };
    let error = Listener::bind(taken).await.unwrap_err();
    assert!(matches!(error, BindError::Address { address, .. } if address == bed.address));
    bed.stop().await;
}
