//! The client for all that HTTP can need: reqwest, set up so that nothing happens behind the measurement's back.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use reqwest::retry;

use super::connector::{DnsPolicy, Meter, Resolver, Unresolved};
use super::lean::announces_empty_body;
use super::reason;
use super::tls::{TlsError, TlsSettings};
use super::{Client, Connections};
use crate::exchange::{BODY_KEPT_BYTES_MAX, ErrorClass, Failure, Request, Response};

/// Which version of HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpVersion {
    /// HTTP/2 where the server offers it in the TLS handshake, HTTP/1.1 elsewhere.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only, without asking first.
    Http2,
}

/// Which client sends the requests. Both give the same results; one costs less, the other can do more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientKind {
    /// For each request the lean one if it can do what the settings ask.
    #[default]
    Auto,
    /// The lean one only.
    Lean,
    /// reqwest only.
    Reqwest,
}

impl HttpVersion {
    /// What the TLS handshake offers, the preferred one first (RFC 7301).
    fn offered(self) -> Vec<Vec<u8>> {
        let (http2, http1) = (b"h2".to_vec(), b"http/1.1".to_vec());
        match self {
            HttpVersion::Auto => vec![http2, http1],
            HttpVersion::Http1 => vec![http1],
            HttpVersion::Http2 => vec![http2],
        }
    }
}

/// How requests are sent.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// Which client sends them.
    pub client: ClientKind,
    /// Which version of HTTP is spoken.
    pub version: HttpVersion,
    /// Trust and identity.
    pub tls: TlsSettings,
    /// When names are resolved.
    pub dns: DnsPolicy,
    /// A proxy for all requests; none unless asked, whatever the environment says.
    pub proxy: Option<String>,
    /// Who may use a connection again.
    pub reuse: Reuse,
    /// Connections to the target that are opened before the clock starts, over all workers.
    pub connect_ahead: u32,
    /// When an answer is done.
    pub done: Done,
}

/// When an answer is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Done {
    /// Once it is read: how long it lay in the kernel, waiting for the generator, is in its latency.
    #[default]
    Read,
    /// Once the kernel had it. Takes some 0.2 µs of CPU a request; only the lean client can tell, and for reqwest an
    /// answer is done once it is read.
    Received,
}

/// Who may use a connection again that an exchange has left in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reuse {
    /// Any request: there are as many connections as are in flight at once.
    #[default]
    Anyone,
    /// The same user in the closed model, the same flow in the open one: as browsers do it.
    Visitor,
    /// Nobody: each request opens its own.
    Nobody,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The proxy's address is not understood.
    #[error("`{address}` is no address of a proxy: {reason}")]
    Proxy {
        /// What was given.
        address: String,
        /// The parser's word.
        reason: String,
    },
    /// The lean client was asked for, and what it cannot do.
    #[error("the lean client speaks neither HTTP/2 nor to proxies; leave the choice of the client open")]
    NotLean,
    /// What was asked of connections only the lean client can do, and it cannot reach the target.
    #[error(
        "connections of their own for users, and connections opened ahead, need HTTP/1.1 without a proxy: for a target over \
         TLS say `--http 1.1`"
    )]
    NeedsLean,
    /// Anything else.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
}

/// Sends requests over HTTP/1.1 and HTTP/2. Every worker has one of its own.
#[derive(Debug)]
pub struct HttpClient {
    client: reqwest::Client,
    connections: Meter,
    /// The proxy's address without credentials, for what is said of failures.
    proxy: Option<String>,
}

impl HttpClient {
    /// A client with no connection yet.
    ///
    /// # Errors
    /// When TLS or the proxy cannot be set up as asked.
    pub fn new(settings: &HttpSettings) -> Result<Self, ClientError> {
        let connections = Meter::default();
        let mut tls = settings.tls.build()?;
        // reqwest takes a configuration as it is: what is not offered here is not offered.
        tls.alpn_protocols = settings.version.offered();
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .pool_idle_timeout(None)
            .pool_max_idle_per_host(if settings.reuse == Reuse::Nobody { 0 } else { usize::MAX })
            .dns_resolver(Arc::new(Resolver::new(settings.dns)))
            .connector_layer(connections.clone());
        let builder = match settings.version {
            HttpVersion::Auto => builder,
            HttpVersion::Http1 => builder.http1_only(),
            HttpVersion::Http2 => builder.http2_prior_knowledge(),
        };
        let builder = match &settings.proxy {
            None => builder.no_proxy(),
            Some(address) => builder.proxy(proxy(address)?),
        };
        let client = builder.build().map_err(|e| ClientError::Setup(chain(&e)))?;
        let proxy = settings.proxy.as_deref().map(loadline_model::scenario::strike_url);
        Ok(HttpClient { client, connections, proxy })
    }
}

impl Client for HttpClient {
    async fn send(&self, request: Arc<Request>) -> Result<Response, Failure> {
        let sending = async {
            let answer = self.client.execute(to_reqwest(&request)?).await.map_err(|e| self.failure(&e))?;
            self.read(answer, request.keep_body).await
        };
        match tokio::time::timeout(request.timeout, sending).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ErrorClass::Timeout.because(reason::no_answer_within(request.timeout))),
        }
    }

    fn take_connections(&self) -> Connections {
        self.connections.take()
    }
}

/// The proxy at `address`.
pub(super) fn proxy(address: &str) -> Result<reqwest::Proxy, ClientError> {
    let wrong = |e: reqwest::Error| ClientError::Proxy {
        address: loadline_model::scenario::strike_url(address),
        reason: e.to_string(),
    };
    reqwest::Proxy::all(address).map_err(wrong)
}

fn to_reqwest(request: &Request) -> Result<reqwest::Request, Failure> {
    let url = request.uri.to_string().parse().map_err(|_| ErrorClass::Template)?;
    let mut out = reqwest::Request::new(request.method.clone(), url);
    *out.headers_mut() = request.headers.clone();
    if request.body.is_empty() && announces_empty_body(&request.method) {
        out.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
    }
    if !request.body.is_empty() {
        *out.body_mut() = Some(request.body.clone().into());
    }
    Ok(out)
}

impl HttpClient {
    async fn read(&self, mut answer: reqwest::Response, keep: bool) -> Result<Response, Failure> {
        let (status, headers) = (answer.status().as_u16(), std::mem::take(answer.headers_mut()));
        let (mut body, mut body_len) = (BytesMut::new(), 0u64);
        while let Some(chunk) = answer.chunk().await.map_err(|e| self.failure(&e))? {
            body_len += chunk.len() as u64;
            if keep {
                if body_len > BODY_KEPT_BYTES_MAX as u64 {
                    return Err(ErrorClass::TooLarge.because("the body is too long to be looked at"));
                }
                body.extend_from_slice(&chunk);
            }
        }
        let body = if keep { body.freeze() } else { Bytes::new() };
        Ok(Response { status, headers, body, body_len, unread: Duration::ZERO, service_time: Duration::ZERO })
    }

    /// The class of an error and its reason; where the way to the target leads through a proxy, that is said.
    fn failure(&self, error: &reqwest::Error) -> Failure {
        let class = classify(error);
        let reason = innermost(error);
        match &self.proxy {
            Some(proxy) if error.is_connect() => {
                class.because(format!("through the proxy {proxy}: {reason}"))
            }
            _ => class.because(reason),
        }
    }
}

/// The reason at the end of the chain of an error's sources.
fn innermost(error: &reqwest::Error) -> Cow<'static, str> {
    let mut reason = Cow::from("the exchange failed");
    let mut source = error.source();
    while let Some(cause) = source {
        reason = if let Some(cause) = cause.downcast_ref::<rustls::Error>() {
            reason::of_tls(cause)
        } else if cause.is::<Unresolved>() {
            return cause.to_string().into();
        } else if let Some(cause) = cause.downcast_ref::<io::Error>() {
            reason::of_handshake(cause).unwrap_or_else(|| reason::of_io(cause))
        } else {
            cause.to_string().into()
        };
        source = cause.source();
    }
    reason
}

/// The class of an error, by what stands in the chain of its sources.
fn classify(error: &reqwest::Error) -> ErrorClass {
    if error.is_timeout() {
        return ErrorClass::Timeout;
    }
    let mut class = if error.is_connect() { ErrorClass::Connect } else { ErrorClass::Protocol };
    let mut source: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = source {
        if cause.is::<Unresolved>() {
            return ErrorClass::Dns;
        }
        if cause.is::<rustls::Error>() {
            return ErrorClass::Tls;
        }
        if let Some(cause) = cause.downcast_ref::<hyper::Error>() {
            if cause.is_incomplete_message() || cause.is_closed() || cause.is_canceled() {
                class = ErrorClass::Reset;
            }
            if cause.is_parse() {
                return ErrorClass::Protocol;
            }
        }
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            if is_of_tls(cause) {
                return ErrorClass::Tls;
            }
            class = of_io(cause.kind(), error.is_connect(), class);
        }
        if let Some(cause) = cause.downcast_ref::<h2::Error>() {
            class = if cause.is_io() || cause.is_reset() { ErrorClass::Reset } else { ErrorClass::Protocol };
        }
        source = cause.source();
    }
    class
}

/// Whether a fault of TLS is wrapped in it: such wrapping is no link in the chain of sources.
fn is_of_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| {
        inner.is::<rustls::Error>() || inner.downcast_ref::<io::Error>().is_some_and(is_of_tls)
    })
}

fn of_io(kind: io::ErrorKind, connecting: bool, so_far: ErrorClass) -> ErrorClass {
    use io::ErrorKind as K;
    match kind {
        _ if connecting => so_far,
        K::ConnectionReset | K::BrokenPipe | K::UnexpectedEof | K::ConnectionAborted | K::NotConnected => {
            ErrorClass::Reset
        }
        K::TimedOut => ErrorClass::Timeout,
        _ => so_far,
    }
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
