//! A connection: TCP, or TLS over it.

use std::cell::OnceCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::socket::{Socket, Stamps};
use crate::client::connector::{Meter, Resolver};
use crate::client::reason;
use crate::client::tls::{TlsError, TlsSettings};
use crate::exchange::{ErrorClass, Failure};

/// A connection that carries one exchange at a time.
pub(super) struct Connection {
    stream: Stream,
    /// It has carried an exchange, or waited unused: the other side may have closed it by now.
    pub(super) aged: bool,
}

enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

impl Connection {
    /// Reads into `buffer`; 0 at the end of the stream.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let read = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, &mut buffer),
        };
        ready!(read)?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Writes the beginning of `parts`, one after the other.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        head: &[u8],
        body: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (one, both) =
            (if head.is_empty() { body } else { head }, [io::IoSlice::new(head), io::IoSlice::new(body)]);
        let vectored = !head.is_empty() && !body.is_empty();
        match &mut self.stream {
            Stream::Plain(stream) if vectored => Pin::new(stream).poll_write_vectored(context, &both),
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, one),
            Stream::Tls(stream) if vectored => Pin::new(stream).poll_write_vectored(context, &both),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, one),
        }
    }

    /// How long the bytes read last had lain in the kernel.
    pub(super) fn unread(&self) -> Duration {
        match &self.stream {
            Stream::Plain(socket) => socket.unread(),
            Stream::Tls(stream) => stream.get_ref().0.unread(),
        }
    }

    /// Sends what TLS still holds back.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(_) => Poll::Ready(Ok(())),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    /// Whether nothing has come since the last answer. The end of the stream, or bytes that nobody asked for, make
    /// the connection useless. Takes no system call unless something has come.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut unasked = [0; 1];
        self.poll_read(&mut Context::from_waker(Waker::noop()), &mut unasked).is_pending()
    }
}

/// Opens connections.
pub(super) struct Connector {
    resolver: Resolver,
    pub(super) meter: Meter,
    pub(super) stamps: Stamps,
    /// Whether answers are to come with stamps.
    stamped: bool,
    settings: TlsSettings,
    /// Made when first needed: to read the system's certificates takes a while.
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Connector {
    pub(super) fn new(resolver: Resolver, settings: &TlsSettings, stamped: bool) -> Self {
        let (meter, stamps, settings) = (Meter::default(), Stamps::default(), settings.clone());
        Connector { resolver, meter, stamps, stamped, settings, tls: OnceCell::new() }
    }

    /// The configuration of TLS.
    ///
    /// # Errors
    /// When certificates and keys are not usable.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(known) = self.tls.get() {
            return Ok(known.clone());
        }
        let mut config = self.settings.build()?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(self.tls.get_or_init(|| Arc::new(config)).clone())
    }

    /// Opens a connection to `host`, with TLS where `server` says under which name it must show itself, and says how
    /// long the name took.
    ///
    /// # Errors
    /// [`ErrorClass::Dns`], [`ErrorClass::Connect`] or [`ErrorClass::Tls`].
    pub(super) async fn open(
        &self,
        host: &str,
        port: u16,
        server: Option<ServerName<'static>>,
    ) -> Result<(Connection, Duration), Failure> {
        let (addresses, dns) = match host.parse::<IpAddr>() {
            Ok(address) => (vec![SocketAddr::new(address, 0)], Duration::ZERO),
            Err(_) => self
                .resolver
                .lookup(host)
                .await
                .map_err(|error| ErrorClass::Dns.because(error.to_string()))?,
        };
        let tcp = Socket::new(first(&addresses, port).await?, self.stamped.then(|| self.stamps.clone()));
        let stream = match server {
            None => Stream::Plain(tcp),
            Some(name) => {
                let config = self.tls().map_err(|error| ErrorClass::Tls.because(error.to_string()))?;
                let tls = TlsConnector::from(config).connect(name, tcp).await;
                Stream::Tls(Box::new(tls.map_err(|error| of_handshake(&error))?))
            }
        };
        Ok((Connection { stream, aged: false }, dns))
    }
}

/// The first of `addresses` that accepts.
async fn first(addresses: &[SocketAddr], port: u16) -> Result<TcpStream, Failure> {
    let mut failure = Failure::from(ErrorClass::Connect);
    for address in addresses {
        let address = SocketAddr::new(address.ip(), port);
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Refused only where the socket is dead already, which reading will tell.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => {
                failure = ErrorClass::Connect.because(format!("{} ({address})", reason::of_io(&error)))
            }
        }
    }
    Err(failure)
}

fn of_handshake(error: &io::Error) -> Failure {
    match reason::of_handshake(error) {
        Some(reason) => ErrorClass::Tls.because(reason),
        None => ErrorClass::Connect.because(format!(
            "{} in the TLS handshake; if it speaks no TLS, try http://",
            reason::of_io(error)
        )),
    }
}
