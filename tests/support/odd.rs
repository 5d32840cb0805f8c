//! Servers that misbehave: each connection gets a thread and a script.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::tls::Identity;

/// An odd server. Its threads end with the test process.
#[derive(Debug)]
pub(crate) struct Odd {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
}

impl Odd {
    /// Gives every connection to `script`, which ends it by returning.
    pub(crate) fn start(script: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let connections = Arc::new(AtomicU64::new(0));
        let (counted, script) = (connections.clone(), Arc::new(script));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                let script = script.clone();
                // A client that goes away ends the script with an error; that is all right.
                std::thread::spawn(move || drop(script(stream)));
            }
        });
        Odd { address, connections }
    }

    /// Reads a request and answers with these bytes, then closes.
    pub(crate) fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut stream| {
            read_head(&mut stream)?;
            stream.write_all(&bytes)
        })
    }

    /// Reads a request, answers with `head`, then goes on writing `piece` until `length` bytes were written or the
    /// client goes away.
    pub(crate) fn flooding(head: &'static str, piece: &'static [u8], length: u64) -> Self {
        Self::start(move |mut stream| {
            read_head(&mut stream)?;
            stream.write_all(head.as_bytes())?;
            let mut left = length;
            while left > 0 {
                let now = left.min(piece.len() as u64);
                stream.write_all(&piece[..now as usize])?;
                left -= now;
            }
            // The client closes when it has had enough; what it may still say is of no interest.
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            stream.read(&mut [0; 1024]).map(drop)
        })
    }

    /// Answers `ok` over TLS with a certificate.
    pub(crate) fn tls(identity: &Identity) -> Self {
        let key = PrivateKeyDer::try_from(identity.key.clone()).expect("a key");
        let chain = vec![CertificateDer::from(identity.certificate.clone())];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the versions are known")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("key and certificate fit");
        let config = Arc::new(config);
        Self::start(move |stream| {
            let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(connection, stream);
            loop {
                read_head(&mut stream)?;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
            }
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections taken so far.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Reads up to the empty line that ends a request without a body.
pub(crate) fn read_head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}
