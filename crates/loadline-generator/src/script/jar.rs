//! Cookies of one user (RFC 6265).
//!
//! Domain, path, `secure` and deletion are respected. Nothing here knows the time: a cookie with a `max-age` above
//! zero, or one that expires after the answer's own `date`, lives as long as its user; one with `max-age` of zero
//! or less, or that expired before the answer's `date` (without one: before 2000), is deleted.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Uri, header};

/// More than browsers keep for one site; the oldest goes first.
const COOKIES_MAX: usize = 200;

/// The cookies of one user.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

#[derive(Debug, PartialEq)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Sent to this host only, not to those below it.
    host_only: bool,
    path: String,
    secure: bool,
}

impl Jar {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps what an answer from `uri` sets.
    pub(super) fn store(&mut self, uri: &Uri, headers: &HeaderMap) {
        let mut set = headers.get_all(header::SET_COOKIE).iter().peekable();
        if set.peek().is_none() {
            return;
        }
        let now = || {
            let date = headers.get(header::DATE).and_then(|date| date.to_str().ok());
            let millennium = SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_800);
            date.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(millennium)
        };
        for text in set.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok()) {
            let Some((cookie, dead)) = parse(text, uri, now) else { continue };
            self.0.retain(|old| {
                (&old.name, &old.domain, &old.path) != (&cookie.name, &cookie.domain, &cookie.path)
            });
            if !dead {
                self.0.push(cookie);
            }
            if self.0.len() > COOKIES_MAX {
                self.0.remove(0);
            }
        }
    }

    /// The `cookie` header for a request to `uri`, after what the request has of its own.
    pub(super) fn header(&self, uri: &Uri, own: Option<&HeaderValue>) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let secure = uri.scheme_str() == Some("https");
        let mut fitting: Vec<_> = self
            .0
            .iter()
            .filter(|cookie| cookie.fits(&host, uri.path()) && (secure || !cookie.secure))
            .collect();
        if fitting.is_empty() {
            return None;
        }
        // Longer paths first (RFC 6265, 5.4).
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let mut all = own.and_then(|own| own.to_str().ok()).map(String::from).unwrap_or_default();
        for Cookie { name, value, .. } in fitting {
            let between = if all.is_empty() { "" } else { "; " };
            all.extend([between, name, "=", value]);
        }
        HeaderValue::try_from(all).ok()
    }
}

impl Cookie {
    fn fits(&self, host: &str, path: &str) -> bool {
        let domain = host == self.domain || (!self.host_only && below(host, &self.domain));
        let path = path
            .strip_prefix(self.path.as_str())
            .is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        domain && path
    }
}

fn below(host: &str, domain: &str) -> bool {
    let address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    !address && host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
}

/// The value of the first cookie of that name that an answer sets.
pub(super) fn set_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_all(header::SET_COOKIE).iter().find_map(|value| {
        let pair = value.to_str().ok()?.split(';').next()?;
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then(|| value.trim())
    })
}

/// A cookie, and whether it is to be deleted; `None` if the answer may not set it.
fn parse(text: &str, uri: &Uri, now: impl Fn() -> SystemTime) -> Option<(Cookie, bool)> {
    let mut parts = text.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let host = uri.host()?.to_ascii_lowercase();
    let default_path = uri.path().rfind('/').filter(|at| *at > 0).map_or("/", |at| &uri.path()[..at]);
    let mut cookie = Cookie {
        name: name.trim().into(),
        value: value.trim().into(),
        domain: host.clone(),
        host_only: true,
        path: default_path.into(),
        secure: false,
    };
    let (mut max_age, mut expires) = (None, None);
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "domain" if !value.trim_start_matches('.').is_empty() => {
                cookie.domain = value.trim_start_matches('.').to_ascii_lowercase();
                cookie.host_only = false;
            }
            "path" if value.starts_with('/') => cookie.path = value.into(),
            "secure" => cookie.secure = true,
            "max-age" => max_age = value.parse::<i64>().ok(),
            "expires" => {
                let netscape = || httpdate::parse_http_date(&value.replace('-', " "));
                expires = httpdate::parse_http_date(value).or_else(|_| netscape()).ok();
            }
            _ => {}
        }
    }
    let allowed = cookie.domain == host || below(&host, &cookie.domain) && cookie.domain.contains('.');
    let dead = max_age.map_or(expires.is_some_and(|at| at <= now()), |age| age <= 0);
    (allowed && !cookie.name.is_empty()).then_some((cookie, dead))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(uri: &str, set: &[&str]) -> Jar {
        let mut jar = Jar::default();
        store(&mut jar, uri, set);
        jar
    }

    fn store(jar: &mut Jar, uri: &str, set: &[&str]) {
        let mut headers = HeaderMap::new();
        for value in set {
            headers.append(header::SET_COOKIE, HeaderValue::from_str(value).unwrap());
        }
        headers.insert(header::DATE, HeaderValue::from_static("Sat, 21 Nov 2026 08:00:00 GMT"));
        jar.store(&uri.parse().unwrap(), &headers);
    }

    fn sent(jar: &Jar, uri: &str) -> Option<String> {
        jar.header(&uri.parse().unwrap(), None).map(|value| value.to_str().unwrap().into())
    }

    #[test]
    fn cookies_keep_to_their_host_path_and_scheme() {
        let jar = jar(
            "http://a.example.com/shop/cart",
            &["s=1", "t=2; Path=/", "u=3; Secure; Path=/", "v=4; Domain=example.com; Path=/"],
        );
        assert_eq!(sent(&jar, "http://a.example.com/shop/x").as_deref(), Some("s=1; t=2; v=4"));
        assert_eq!(sent(&jar, "http://a.example.com/shopping").as_deref(), Some("t=2; v=4"));
        assert_eq!(sent(&jar, "https://a.example.com/").as_deref(), Some("t=2; u=3; v=4"));
        assert_eq!(sent(&jar, "http://b.example.com/").as_deref(), Some("v=4"));
        assert_eq!(sent(&jar, "http://badexample.com/"), None);
    }

    #[test]
    fn foreign_domains_are_refused_and_dead_cookies_are_deleted() {
        let mut jar =
            jar("http://a.example.com/", &["s=1; Domain=other.com", "t=2; Domain=com", "k=1", "l=2", "m=3"]);
        assert_eq!(sent(&jar, "http://a.example.com/").as_deref(), Some("k=1; l=2; m=3"));
        let gone = [
            "k=; Max-Age=0",
            "l=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "m=; expires=Fri, 20-Nov-2026 08:00:00 GMT",
        ];
        store(&mut jar, "http://a.example.com/", &gone);
        assert_eq!(sent(&jar, "http://a.example.com/"), None);
        store(
            &mut jar,
            "http://a.example.com/",
            &["n=1; Expires=Sat, 21 Nov 2026 09:00:00 GMT", "o=1; Max-Age=5"],
        );
        assert_eq!(sent(&jar, "http://a.example.com/").as_deref(), Some("n=1; o=1"));
    }
}
