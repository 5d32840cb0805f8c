//! What each path answers, as a function of the request: no state, no waiting.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::config::ServeConfig;
use super::model::Fate;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The kind of a request: its label in the metrics, never the raw path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Route {
    Page,
    Login,
    Products,
    Product,
    Orders,
    Echo,
    Redirect,
    Cookies,
    Upload,
}

impl Route {
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/login" => Self::Login,
            "/products" => Self::Products,
            "/orders" => Self::Orders,
            "/echo" => Self::Echo,
            "/redirect" => Self::Redirect,
            "/cookies" => Self::Cookies,
            "/upload" => Self::Upload,
            _ if path.starts_with("/products/") => Self::Product,
            _ => Self::Page,
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Login => "login",
            Self::Products => "products",
            Self::Product => "product",
            Self::Orders => "orders",
            Self::Echo => "echo",
            Self::Redirect => "redirect",
            Self::Cookies => "cookies",
            Self::Upload => "upload",
        }
    }
}

/// A request's body, as much of it as its route needs.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// Its bytes; empty for an upload, which is counted and let go.
    pub(super) bytes: Bytes,
    /// Its length.
    pub(super) length: u64,
    /// Whether it is more than is kept.
    pub(super) too_large: bool,
}

/// An answer before it is sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether the body was made wrong on purpose.
    pub(super) spoilt: bool,
}

impl Answer {
    pub(super) fn new(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CONTENT_TYPE, content_type);
        Self { status, headers, body: body.into(), spoilt: false }
    }

    fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        Self::new(status, JSON, value.to_string())
    }

    fn fault(status: StatusCode, error: &str) -> Self {
        Self::json(status, &json!({ "ok": false, "error": error }))
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.append(name, value);
                self
            }
            Err(_) => Self::fault(StatusCode::BAD_REQUEST, "not fit for a header"),
        }
    }
}

/// The pages of a service: its plain bodies, ready made, and the secret of its tokens.
#[derive(Debug)]
pub(super) struct Site {
    page: Bytes,
    wrong_page: Bytes,
    seed: u64,
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    #[serde(rename = "password")]
    _password: String,
}

impl Site {
    pub(super) fn new(config: &ServeConfig) -> Self {
        let fill = |line: &str, size: usize| {
            let mut page = line.repeat(size.div_ceil(line.len()));
            page.truncate(size);
            Bytes::from(page)
        };
        let wrong_bytes = if config.check_failure_share > 0.0 { config.body_bytes } else { 0 };
        let (page, wrong_page) =
            (fill("all is well.\n", config.body_bytes), fill("FAIL: wrong.\n", wrong_bytes));
        Self { page, wrong_page, seed: config.seed }
    }

    /// The answer to a request whose fate is known. A fate of [`Fate::CheckFailure`] spoils what would have been
    /// a good answer with a body; others stay as they are.
    pub(super) fn answer(&self, route: Route, request: &Parts, payload: Payload, fate: Fate) -> Answer {
        match fate {
            Fate::Full => return Answer::fault(StatusCode::SERVICE_UNAVAILABLE, "queue full"),
            Fate::Error => return Answer::fault(StatusCode::INTERNAL_SERVER_ERROR, "injected"),
            Fate::Answer | Fate::CheckFailure | Fate::Reset => {}
        }
        let answer = match route {
            _ if payload.too_large => Answer::fault(StatusCode::PAYLOAD_TOO_LARGE, "too large a body"),
            Route::Page => Answer::new(StatusCode::OK, TEXT, self.page.clone()),
            Route::Login => self.login(request, &payload),
            Route::Products => products(request),
            Route::Product => product(request),
            Route::Orders => self.order(request, &payload),
            Route::Echo => echo(request, payload),
            Route::Redirect => redirect(request),
            Route::Cookies => cookies(request),
            Route::Upload => Answer::json(StatusCode::OK, &json!({ "bytes": payload.length })),
        };
        if fate == Fate::CheckFailure && answer.status.is_success() {
            self.spoil(route, answer)
        } else {
            answer
        }
    }

    fn spoil(&self, route: Route, answer: Answer) -> Answer {
        let wrong = match route {
            Route::Page => Answer::new(answer.status, TEXT, self.wrong_page.clone()),
            Route::Echo => Answer::new(answer.status, TEXT, "FAIL"),
            Route::Orders => Answer::json(answer.status, &json!({ "ok": false, "status": "rejected" })),
            _ => Answer::json(answer.status, &json!({ "ok": false, "error": "injected" })),
        };
        Answer { spoilt: true, ..wrong }
    }

    fn login(&self, request: &Parts, payload: &Payload) -> Answer {
        if request.method != Method::POST {
            return Answer::fault(StatusCode::METHOD_NOT_ALLOWED, "POST to log in");
        }
        let Ok(Credentials { user, .. }) = serde_json::from_slice(&payload.bytes) else {
            return Answer::fault(StatusCode::UNAUTHORIZED, "send {\"user\": …, \"password\": …}");
        };
        let token = self.token(user.as_bytes());
        let cookie = format!("session={token}; Path=/; HttpOnly");
        Answer::json(StatusCode::OK, &json!({ "token": token, "user": user })).with(SET_COOKIE, &cookie)
    }

    fn order(&self, request: &Parts, payload: &Payload) -> Answer {
        if request.method != Method::POST {
            return Answer::fault(StatusCode::METHOD_NOT_ALLOWED, "POST to order");
        }
        let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if !header.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|token| self.knows(token)) {
            return Answer::fault(StatusCode::UNAUTHORIZED, "no valid token; get one from /login");
        }
        let order = hash((header, &payload.bytes[..])) >> 1;
        Answer::json(StatusCode::CREATED, &json!({ "order": order, "status": "accepted" }))
    }

    /// The user's name in hexadecimal and a keyed hash of it: no secret to anyone who knows the seed, but
    /// enough to tell a token that was given out from one that was made up, without keeping a session.
    fn token(&self, user: &[u8]) -> String {
        let mut token = String::with_capacity(2 * user.len() + 17);
        user.iter().for_each(|byte| write!(token, "{byte:02x}").expect("a string takes all"));
        write!(token, ".{:016x}", hash((self.seed, user))).expect("a string takes all");
        token
    }

    fn knows(&self, token: &str) -> bool {
        let Some((name, _)) = token.split_once('.') else { return false };
        let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let user: Option<Vec<u8>> = name.as_bytes().chunks(2).map(digits).collect();
        user.is_some_and(|user| self.token(&user) == token)
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn query(request: &Parts) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes())
}

fn item(id: u64) -> serde_json::Value {
    json!({ "id": id, "name": format!("product {id}"), "price": (hash(id) % 9_900 + 100) as f64 / 100.0 })
}

/// Ten products a page, pages counted from 1.
fn products(request: &Parts) -> Answer {
    let page = query(request).find(|(name, _)| name == "page");
    match page.map_or(Ok(1), |(_, text)| text.parse::<u32>()) {
        Ok(page @ 1..) => {
            let items: Vec<_> = (1..=10).map(|i| item(u64::from(page - 1) * 10 + i)).collect();
            Answer::json(StatusCode::OK, &json!({ "page": page, "items": items }))
        }
        _ => Answer::fault(StatusCode::BAD_REQUEST, "page must be a number from 1"),
    }
}

fn product(request: &Parts) -> Answer {
    let id = request.uri.path().rsplit('/').next().and_then(|id| id.parse().ok());
    id.map_or_else(
        || Answer::fault(StatusCode::NOT_FOUND, "no such product"),
        |id| Answer::json(StatusCode::OK, &item(id)),
    )
}

fn echo(request: &Parts, payload: Payload) -> Answer {
    let content_type = request.headers.get(CONTENT_TYPE).cloned().unwrap_or(TEXT);
    Answer::new(StatusCode::OK, content_type, payload.bytes)
}

/// Only to a path of this service.
fn redirect(request: &Parts) -> Answer {
    let to = query(request).find(|(name, _)| name == "to");
    match to.filter(|(_, path)| path.starts_with('/') && !path.starts_with("//")) {
        Some((_, path)) => Answer::new(StatusCode::FOUND, TEXT, "").with(LOCATION, &path),
        None => Answer::fault(StatusCode::BAD_REQUEST, "say where, like ?to=/path"),
    }
}

/// Tells the cookies that came, and sets those in the query.
fn cookies(request: &Parts) -> Answer {
    let headers = request.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let seen: serde_json::Map<_, _> = pairs.map(|(name, value)| (name.into(), value.into())).collect();
    let answer = Answer::json(StatusCode::OK, &json!({ "cookies": seen }));
    query(request)
        .fold(answer, |answer, (name, value)| answer.with(SET_COOKIE, &format!("{name}={value}; Path=/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(uri: &str, bearer: &str) -> Option<Parts> {
        let request =
            http::Request::post(uri).header(AUTHORIZATION, format!("Bearer {bearer}")).header(COOKIE, bearer);
        Some(request.body(()).ok()?.into_parts().0)
    }

    proptest! {
        /// Law: a service knows exactly the tokens that it, or one of the same seed, gave out.
        #[test]
        fn tokens(user: Vec<u8>, seed: u64, made_up in "[0-9a-f]{0,8}\\.[0-9a-f]{16}") {
            let site = |seed| Site::new(&ServeConfig { seed, ..ServeConfig::default() });
            let (site, twin, other) = (site(seed), site(seed), site(seed ^ 1));
            let token = site.token(&user);
            prop_assert!(twin.knows(&token));
            prop_assert!(!other.knows(&token));
            prop_assert!(!site.knows(&made_up));
        }

        /// Law: whatever is asked, there is an answer, and never a header that was smuggled in.
        #[test]
        fn anything_gets_an_answer(
            path in "/(login|products|products/|orders|echo|redirect|cookies|upload)?",
            query in "[!-~]{0,40}",
            header in "[ -~]{0,20}",
            body: Vec<u8>,
        ) {
            let Some(parts) = request(&format!("{path}?to={query}&page={query}"), &header) else { return Ok(()) };
            let route = Route::of(parts.uri.path());
            for fate in [Fate::Answer, Fate::CheckFailure, Fate::Error, Fate::Full] {
                let payload = Payload { length: body.len() as u64, bytes: body.clone().into(), too_large: false };
                let answer = Site::new(&ServeConfig::default()).answer(route, &parts, payload, fate);
                prop_assert_eq!(answer.spoilt, fate == Fate::CheckFailure && answer.status.is_success());
            }
        }
    }
}
