//! Redirects (RFC 9110, 15.4).

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Uri, header};

use loadline_model::scenario::strike_url;

use super::{request::RequestStep, reveal::shortened, session::Session};
use crate::exchange::{ErrorClass, Failure, Request, Response};

impl RequestStep {
    /// The next request, if `answer` sends the session elsewhere and redirects are followed; `None` if the answer
    /// is the last. `hop` is how many redirects were followed before. Cookies are kept on every hop; credentials
    /// stay behind when the origin changes; 303 turns all but HEAD into GET, and so do 301 and 302 with POST.
    ///
    /// # Errors
    ///
    /// [`ErrorClass::Redirect`] if there were too many, or it leads to no HTTP URL.
    pub fn redirect(
        &self,
        session: &mut Session,
        sent: &Request,
        answer: &Response,
        hop: u32,
    ) -> Result<Option<Arc<Request>>, Failure> {
        if self.redirects == 0 || !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = answer.headers.get(header::LOCATION) else { return Ok(None) };
        if hop >= self.redirects {
            let times = self.redirects;
            return Err(ErrorClass::Redirect.because(format!("more than {times} redirects")));
        }
        self.keep_cookies(session, answer);
        let location = std::str::from_utf8(location.as_bytes())
            .map_err(|_| ErrorClass::Redirect.because("`location` is no text"))?;
        let uri = resolve(&sent.uri, location).ok_or_else(|| nowhere(location))?;
        let mut next = sent.clone();
        next.headers.remove(header::COOKIE);
        if origin(&sent.uri) != origin(&uri) {
            next.headers.remove(header::AUTHORIZATION);
        } else if let Some(own) = self.own_cookies() {
            next.headers.insert(header::COOKIE, own.clone());
        }
        let becomes_get = match answer.status {
            303 => sent.method != Method::HEAD,
            301 | 302 => sent.method == Method::POST,
            _ => false,
        };
        if becomes_get && sent.method != Method::GET {
            next.method = Method::GET;
            next.body = Bytes::new();
            for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE] {
                next.headers.remove(name);
            }
        }
        next.uri = uri;
        Ok(Some(self.sent(Arc::new(next), session)))
    }
}

fn nowhere(location: &str) -> Failure {
    let location = shortened(&strike_url(location), 80);
    ErrorClass::Redirect.because(format!("it leads to no HTTP URL: {location}"))
}

fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let mut url = url::Url::parse(&base.to_string()).ok()?.join(location).ok()?;
    url.set_fragment(None);
    // Whoever answers does not give us credentials.
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.as_str().parse().ok()).flatten()
}

fn origin(uri: &Uri) -> (Option<&str>, Option<String>, u16) {
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    (uri.scheme_str(), uri.host().map(str::to_ascii_lowercase), uri.port_u16().unwrap_or(default))
}
