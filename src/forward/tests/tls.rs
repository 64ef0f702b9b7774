//! An https upstream is verified.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::bed::{self, Bed, Connection, OK, get, settings};
use crate::forward::BuildError;
use crate::refusal::Refusal;

/// An acceptor with a certificate for these names, and a file with that certificate.
fn served_as(names: &[&str]) -> (TlsAcceptor, PathBuf) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let file = std::env::temp_dir().join(format!("sidegate-ca-{}.pem", uuid::Uuid::new_v4()));
    std::fs::write(&file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

#[tokio::test]
async fn an_upstream_of_the_given_authority_is_spoken_to() {
    let (acceptor, file) = served_as(&["localhost"]);
    let bed = Bed::start().await;
    let mut to = settings(&format!(
        "https://localhost:{}",
        bed.upstream.address.port()
    ));
    to.ca_file = Some(file.clone());
    let forwarder = bed::build(to, &bed.tasks, &bed.stop).unwrap();
    let upstream = async {
        let stream = acceptor
            .accept(bed.upstream.accept().await.stream)
            .await
            .unwrap();
        let mut connection = Connection::new(stream);
        let head = connection.head().await;
        connection.write(OK).await;
        head
    };
    let (response, head) = tokio::join!(forwarder.send(get("/a", &[]), None), upstream);
    assert!(head.starts_with("GET /a HTTP/1.1\r\n"), "{head}");
    assert_eq!(bed::text(response.unwrap()).await, "ok");
    drop(forwarder);
    std::fs::remove_file(file).unwrap();
    bed.end().await;
}

#[tokio::test]
async fn an_upstream_of_an_unknown_authority_or_another_name_is_not() {
    let (acceptor, own) = served_as(&["elsewhere.example.com"]);
    let (_, other) = served_as(&["localhost"]);
    let bed = Bed::start().await;
    for file in [&own, &other] {
        let mut to = settings(&format!(
            "https://localhost:{}",
            bed.upstream.address.port()
        ));
        to.ca_file = Some(file.clone());
        let forwarder = bed::build(to, &bed.tasks, &bed.stop).unwrap();
        let upstream = async { acceptor.accept(bed.upstream.accept().await.stream).await };
        let (refusal, handshake) = tokio::join!(forwarder.send(get("/", &[]), None), upstream);
        assert_eq!(refusal.unwrap_err(), Refusal::UpstreamUnreachable);
        assert!(handshake.is_err());
    }
    std::fs::remove_file(own).unwrap();
    std::fs::remove_file(other).unwrap();
    bed.end().await;
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_used_is_named() {
    let bed = Bed::start().await;
    let empty = std::env::temp_dir().join(format!("sidegate-ca-{}.pem", uuid::Uuid::new_v4()));
    std::fs::write(&empty, "-----BEGIN NOTHING-----\n").unwrap();
    let build = |file: PathBuf| {
        let mut to = settings("https://localhost");
        to.ca_file = Some(file);
        bed::build(to, &bed.tasks, &bed.stop).map(drop)
    };
    assert!(matches!(
        build("/nowhere/ca.pem".into()),
        Err(BuildError::CaFile { .. })
    ));
    assert!(matches!(
        build(empty.clone()),
        Err(BuildError::CaCertificate { .. })
    ));
    std::fs::remove_file(empty).unwrap();
    bed.end().await;
}
