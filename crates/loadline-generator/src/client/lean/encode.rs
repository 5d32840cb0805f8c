//! The head of a request in the bytes of HTTP/1.1, worked out once for a request that is sent again and again.

use std::rc::Rc;
use std::sync::{Arc, Weak};

use http::{HeaderValue, Method, Uri, header};

use super::pool::{Origin, Pool};
use crate::exchange::{ErrorClass, Request};

/// How many requests' heads are kept.
const SLOTS: usize = 256;

/// The heads of the requests sent last, found by the request's address. A request without a reference elsewhere
/// loses its place to the next that falls on it; the memory of the place is used again.
pub(super) struct Heads(Vec<Slot>);

#[derive(Default)]
struct Slot {
    /// Weak: it keeps the address from being given to another request, but not the request's body.
    request: Weak<Request>,
    head: Vec<u8>,
    origin: Option<Rc<Origin>>,
}

impl Heads {
    pub(super) fn new() -> Self {
        Heads((0..SLOTS).map(|_| Slot::default()).collect())
    }

    /// The head of `request` and where it goes.
    ///
    /// # Errors
    /// [`ErrorClass::Template`] if its URI is none of HTTP.
    pub(super) fn of(
        &mut self,
        request: &Arc<Request>,
        pool: &Pool,
    ) -> Result<(&[u8], &Rc<Origin>), ErrorClass> {
        let address = Arc::as_ptr(request) as usize;
        // Fibonacci hashing: addresses are multiples of 16 and often of more.
        let place = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS.ilog2());
        let slot = &mut self.0[place as usize];
        if slot.request.as_ptr() as usize != address || slot.origin.is_none() {
            *slot = Slot { head: std::mem::take(&mut slot.head), ..Slot::default() };
            slot.head.clear();
            let uri = encode(request, &mut slot.head)?;
            slot.origin = Some(pool.origin(&uri)?);
            slot.request = Arc::downgrade(request);
        }
        Ok((&slot.head, slot.origin.as_ref().expect("was just set")))
    }
}

/// Appends the head of `request` to `out` and returns the URI as it is sent. Headers stand in the order of the
/// request; `accept`, `host` and `content-length` follow where they are missing.
///
/// # Errors
/// [`ErrorClass::Template`] if the URI is none of HTTP.
pub(super) fn encode(request: &Request, out: &mut Vec<u8>) -> Result<Uri, ErrorClass> {
    let uri = normalised(&request.uri)?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    out.extend_from_slice(request.method.as_str().as_bytes());
    out.push(b' ');
    if !target.starts_with('/') {
        out.push(b'/');
    }
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in &request.headers {
        line(out, name.as_str(), value);
    }
    if !request.headers.contains_key(header::ACCEPT) {
        out.extend_from_slice(b"accept: */*\r\n");
    }
    if !request.headers.contains_key(header::HOST) {
        out.extend_from_slice(b"host: ");
        host(&uri, out)?;
        out.extend_from_slice(b"\r\n");
    }
    if !request.body.is_empty() || announces_empty_body(&request.method) {
        line(out, "content-length", &HeaderValue::from(request.body.len()));
    }
    out.extend_from_slice(b"\r\n");
    Ok(uri)
}

/// Whether a request without a body says so (RFC 9110, 8.6): where the method gives a body a meaning.
pub(in crate::client) fn announces_empty_body(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

fn line(out: &mut Vec<u8>, name: &str, value: &HeaderValue) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Host and port, without user and without the scheme's own port.
fn host(uri: &Uri, out: &mut Vec<u8>) -> Result<(), ErrorClass> {
    let name = uri.host().ok_or(ErrorClass::Template)?;
    out.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
    let own_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    if let Some(port) = uri.port().filter(|port| port.as_u16() != own_port) {
        out.push(b':');
        out.extend_from_slice(port.as_str().as_bytes());
    }
    Ok(())
}

/// The URI as the URL standard writes it. Nearly all are written so from the start, which is cheap to see.
fn normalised(uri: &Uri) -> Result<Uri, ErrorClass> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let unusual = |pair: &[u8]| {
        matches!(
            pair,
            [_, b'"' | b'\'' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}']
                | [b'/', b'.']
                | [b'/', b'%']
        )
    };
    if !target.as_bytes().windows(2).any(unusual) {
        return Ok(uri.clone());
    }
    let url = url::Url::parse(&uri.to_string()).map_err(|_| ErrorClass::Template)?;
    url.as_str().parse().map_err(|_| ErrorClass::Template)
}
