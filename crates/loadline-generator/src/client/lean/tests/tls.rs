//! TLS against a rustls server with an authority of its own.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::get;
use crate::client::Client;
use crate::client::http::HttpSettings;
use crate::client::lean::LeanClient;
use crate::client::tls::TlsSettings;
use crate::exchange::ErrorClass;

/// A server with a certificate for `name`; its port and the authority's certificate.
async fn server(name: &str) -> (u16, Vec<u8>) {
    slow_server(name, Duration::ZERO).await
}

/// The same, whose second connection takes `pause` before its handshake.
async fn slow_server(name: &str, pause: Duration) -> (u16, Vec<u8>) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if number == 1 {
                    tokio::time::sleep(pause).await;
                }
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = [0; 1024];
                while stream.read(&mut request).await.is_ok_and(|len| len > 0) {
                    tokio::time::sleep(pause / 3).await;
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
                    let _ = stream.flush().await;
                }
            });
        }
    });
    (port, pem.into_bytes())
}

fn trusting(tls: TlsSettings) -> LeanClient {
    LeanClient::new(&HttpSettings { tls, ..HttpSettings::default() }).unwrap()
}

#[tokio::test]
async fn a_trusted_server_is_spoken_to_over_one_connection() {
    let (port, authority) = server("localhost").await;
    let client = trusting(TlsSettings { authorities: Some(authority), ..TlsSettings::default() });
    for _ in 0..3 {
        let answer = client.send(get(&format!("https://localhost:{port}/"))).await.unwrap();
        assert_eq!((answer.status, answer.body_len), (200, 2));
    }
    assert_eq!(client.take_connections().opened, 1);
}

#[tokio::test]
async fn a_wrong_name_or_authority_is_of_the_tls_class_unless_none_matter() {
    let (port, authority) = server("elsewhere.example").await;
    let (url, (_, other)) = (format!("https://localhost:{port}/"), server("localhost").await);
    for authorities in [authority, other] {
        let client = trusting(TlsSettings { authorities: Some(authorities), ..TlsSettings::default() });
        assert_eq!(client.send(get(&url)).await.unwrap_err().class, ErrorClass::Tls);
    }
    let client = trusting(TlsSettings { insecure: true, ..TlsSettings::default() });
    assert_eq!(client.send(get(&url)).await.unwrap().status, 200);
}

/// The second connection is left half open, since the first is free sooner, and is finished two seconds later: none of
/// these are the time it took.
#[tokio::test]
async fn nobody_waits_for_a_connection_that_is_left_half_open() {
    let (port, authority) = slow_server("localhost", Duration::from_millis(300)).await;
    let client = trusting(TlsSettings { authorities: Some(authority), ..TlsSettings::default() });
    let url = format!("https://localhost:{port}/");
    for _ in 0..2 {
        let (one, other) = tokio::join!(client.send(get(&url)), client.send(get(&url)));
        assert_eq!((one.unwrap().status, other.unwrap().status), (200, 200));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let connections = client.take_connections();
    assert_eq!(connections.opened, 2);
    assert!(connections.connect_max < Duration::from_secs(2), "{connections:?}");
}
