//! Requests: compiled once, rendered for each session.

use std::{sync::Arc, time::Duration};

use base64::Engine as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use loadline_model::scenario::{self, Text};

use super::{
    body::Body,
    capture::Capture,
    check::Checks,
    compile::{Compiler, literal},
    reveal::shortened,
    session::Session,
    template::{Escape, Segment, Template, percent_encode},
};
use crate::exchange::{ErrorClass, Failure, Request, Response};

/// Characters of a request's method, path and name in an example.
const LABEL_CHARS_MAX: usize = 90;

/// A compiled request.
#[derive(Debug)]
pub struct RequestStep {
    /// The index of its name in [`super::Script::request_names`].
    pub name: usize,
    /// Method, path and name, as they are written in the scenario.
    pub(super) label: String,
    method: Method,
    url: Url,
    headers: Vec<(HeaderName, Header)>,
    authorization: Option<Credentials>,
    body: Body,
    timeout: Duration,
    pub(super) redirects: u32,
    pub(super) keep_body: bool,
    keep_headers: bool,
    pub(super) cookies: bool,
    pub(super) checks: Checks,
    pub(super) captures: Vec<Capture>,
    /// The whole request, where nothing in it depends on the session.
    fixed: Option<Arc<Request>>,
}

/// The value of a header.
#[derive(Debug)]
enum Header {
    Fixed(HeaderValue),
    Text(Template),
}

#[derive(Debug)]
struct Url {
    /// The target without a slash at its end.
    base: String,
    path: Template,
    query: Vec<(Template, Template)>,
    /// The whole, where nothing in it depends on the session.
    fixed: Option<Uri>,
}

#[derive(Debug)]
enum Credentials {
    Basic { user: Template, password: Template },
    Bearer(Template),
}

impl RequestStep {
    /// Whether the request is the same for every session, cookies aside.
    pub fn is_static(&self) -> bool {
        self.fixed.is_some()
    }

    /// The request for this session, with the cookies of its user. A static one is shared.
    ///
    /// # Errors
    ///
    /// [`ErrorClass::Template`] if a value is missing or makes no URL or header.
    pub fn render(&self, session: &mut Session) -> Result<Arc<Request>, Failure> {
        let request = match &self.fixed {
            Some(request) => request.clone(),
            None => Arc::new(self.build(session)?),
        };
        Ok(self.sent(request, session))
    }

    /// The `cookie` header that the scenario itself writes, where it does not depend on the session.
    pub(super) fn own_cookies(&self) -> Option<&HeaderValue> {
        self.fixed.as_ref()?.headers.get(header::COOKIE)
    }

    /// The request with the cookies of its user, and remembers that it is on its way.
    pub(super) fn sent(&self, mut request: Arc<Request>, session: &mut Session) -> Arc<Request> {
        if !self.cookies {
            return request;
        }
        if let Some(cookies) = session.jar.header(&request.uri, request.headers.get(header::COOKIE)) {
            let mut own = Arc::unwrap_or_clone(request);
            own.headers.insert(header::COOKIE, cookies);
            request = Arc::new(own);
        }
        session.sent = Some(request.clone());
        request
    }

    /// Keeps the cookies that the answer to the request on its way sets.
    pub(super) fn keep_cookies(&self, session: &mut Session, answer: &Response) {
        if let Some(sent) = session.sent.as_ref().filter(|_| self.cookies) {
            session.jar.store(&sent.uri, &answer.headers);
        }
    }

    fn build(&self, session: &Session) -> Result<Request, Failure> {
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 1);
        for (name, value) in &self.headers {
            headers.insert(name, value.render(session)?);
        }
        if let Some(credentials) = &self.authorization {
            headers.insert(header::AUTHORIZATION, credentials.render(session)?);
        }
        Ok(Request {
            method: self.method.clone(),
            uri: self.url.render(session)?,
            headers,
            body: self.body.render(session)?,
            timeout: self.timeout,
            keep_body: self.keep_body,
            keep_headers: self.keep_headers,
        })
    }

    fn needs_session(&self) -> bool {
        let headers = self.headers.iter().all(|(_, value)| matches!(value, Header::Fixed(_)));
        !(headers
            && self.url.is_static()
            && self.body.is_static()
            && self.authorization.as_ref().is_none_or(Credentials::is_static))
    }
}

fn header_value(text: String) -> Result<HeaderValue, Failure> {
    HeaderValue::try_from(text).map_err(|_| {
        ErrorClass::Template.because("a value cannot stand in a header: it has a line break or the like")
    })
}

impl Header {
    fn render(&self, session: &Session) -> Result<HeaderValue, Failure> {
        match self {
            Header::Fixed(value) => Ok(value.clone()),
            Header::Text(text) => header_value(text.render(session, Escape::None)?),
        }
    }
}

impl From<Template> for Header {
    /// What makes no header value fails when it is rendered, as what depends on the session does.
    fn from(text: Template) -> Self {
        let fixed = text.is_static().then(|| HeaderValue::try_from(literal(&text)).ok()).flatten();
        fixed.map_or(Header::Text(text), Header::Fixed)
    }
}

impl Credentials {
    fn is_static(&self) -> bool {
        match self {
            Credentials::Basic { user, password } => user.is_static() && password.is_static(),
            Credentials::Bearer(token) => token.is_static(),
        }
    }

    fn render(&self, session: &Session) -> Result<HeaderValue, Failure> {
        let text = match self {
            Credentials::Bearer(token) => format!("Bearer {}", token.render(session, Escape::None)?),
            Credentials::Basic { user, password } => {
                let user = user.render(session, Escape::None)?;
                let pair = format!("{user}:{}", password.render(session, Escape::None)?);
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
            }
        };
        header_value(text).map(|mut value| {
            value.set_sensitive(true);
            value
        })
    }
}

impl Url {
    fn is_static(&self) -> bool {
        self.path.is_static() && self.query.iter().all(|(name, value)| name.is_static() && value.is_static())
    }

    fn fix(&mut self, session: &Session) {
        self.fixed = if self.is_static() { self.render(session).ok() } else { None };
    }

    fn render(&self, session: &Session) -> Result<Uri, Failure> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        let mut path = String::with_capacity(self.base.len() + 64);
        let mut segments = self.path.0.as_slice();
        // A value at the very beginning is a URL or a path of its own: it was encoded by whoever made it.
        if let [first, rest @ ..] = segments
            && !matches!(first, Segment::Literal(_))
        {
            super::template::write(&first.value(session)?, Escape::None, &mut path);
            segments = rest;
        }
        if !path.contains("://") {
            path.insert_str(0, &self.base);
        }
        for segment in segments {
            match segment {
                Segment::Literal(text) => path.push_str(text),
                other => super::template::write(&other.value(session)?, Escape::Url, &mut path),
            }
        }
        for (name, value) in &self.query {
            path.push(if path.contains('?') { '&' } else { '?' });
            name.render_into(session, Escape::Url, &mut path)?;
            path.push('=');
            value.render_into(session, Escape::Url, &mut path)?;
        }
        let uri: Uri = path.parse().map_err(|_| ErrorClass::Template.because("it makes no URL"))?;
        let absolute = matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty());
        if absolute { Ok(uri) } else { Err(ErrorClass::Template.because("it makes no URL of http or https")) }
    }
}

/// Encodes what no URL may hold, and leaves what has a meaning in one.
fn encode_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    percent_encode(text, &mut out, |b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    out
}

fn encode_data(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    super::template::write(&text.into(), Escape::Url, &mut out);
    out
}

impl Compiler<'_> {
    pub(super) fn request(&mut self, name: usize, request: &scenario::Request) -> Option<RequestStep> {
        let defaults = &self.scenario.defaults;
        let (timeout, redirects) = (defaults.timeout, defaults.redirects);
        let cookies = defaults.cookies;
        let method = self.method(&request.method);
        let (url, user_info) = self.url(request);
        let body = self.body(&request.body);
        let authorization = request.auth.as_ref().map(|auth| self.credentials(auth)).or(user_info);
        let media_type = body.as_ref().and_then(|(_, media_type)| media_type.as_deref());
        let headers = self.headers(request, media_type, authorization.is_some());
        let checks = self.checks(&request.check);
        let captures: Vec<_> = request.capture.iter().filter_map(|capture| self.capture(capture)).collect();
        let mut step = RequestStep {
            name,
            label: self.label(request),
            method: method?,
            url,
            headers,
            authorization,
            body: body?.0,
            timeout: request.timeout.unwrap_or(timeout),
            redirects: request.redirects.unwrap_or(redirects),
            keep_body: checks.need_body() || captures.iter().any(Capture::needs_body),
            keep_headers: checks.need_headers() || captures.iter().any(Capture::needs_headers),
            cookies,
            checks,
            captures,
            fixed: None,
        };
        self.fix(&mut step, request);
        Some(step)
    }

    fn method(&mut self, method: &scenario::Text) -> Option<Method> {
        let known = Method::from_bytes(method.value.as_bytes()).ok();
        if known.is_none() {
            self.problem(
                "method",
                method.span,
                format!("`{}` is no method", method.value),
                "use letters: `PROPFIND`",
            );
        }
        known
    }

    /// How failures name the request: what stands in the scenario, for values may be secrets.
    fn label(&self, request: &scenario::Request) -> String {
        let url = self.scenario.strike(&request.url.value);
        let path = url.split('?').next().unwrap_or_default();
        let plain = format!("{} {path}", request.method.value);
        let name = &request.name.value;
        shortened(&if *name == plain { plain } else { format!("{plain} ({name})") }, LABEL_CHARS_MAX)
    }

    /// Works out once what is the same for every session: the whole request, or at least its URL.
    fn fix(&mut self, step: &mut RequestStep, request: &scenario::Request) {
        let Some(session) = self.empty_session() else { return };
        step.url.fix(&session);
        if step.needs_session() {
            return;
        }
        match step.build(&session) {
            Ok(built) => step.fixed = Some(Arc::new(built)),
            Err(_) => {
                let message = format!("`{}` makes no URL", request.url.value);
                self.problem("url", request.url.span, message, "write a path such as `/products?page=1`");
            }
        }
    }

    /// The URL, and the credentials that stand in it.
    fn url(&mut self, request: &scenario::Request) -> (Url, Option<Credentials>) {
        let path = self.template(&request.url);
        let target = self.scenario.target.value.trim_end_matches('/').to_string();
        let (mut base, mut user_info) = without_user_info(&target);
        let path = match path.0.first() {
            Some(Segment::Literal(text)) if text.starts_with("http://") || text.starts_with("https://") => {
                let (text, own) = without_user_info(text);
                (base, user_info) = (String::new(), own);
                let mut path = path;
                path.0[0] = Segment::Literal(text);
                path
            }
            _ => path,
        };
        let path = path.map_literals(|text| encode_literal(text.split('#').next().unwrap_or_default()));
        let pairs = request.query.iter();
        let query = pairs.map(|(name, value)| {
            (self.template(name).map_literals(encode_data), self.template(value).map_literals(encode_data))
        });
        let query = query.collect();
        base = encode_literal(&base);
        (Url { base, path, query, fixed: None }, user_info)
    }

    fn headers(
        &mut self,
        request: &scenario::Request,
        media_type: Option<&str>,
        authorization: bool,
    ) -> Vec<(HeaderName, Header)> {
        let scenario = self.scenario;
        let mut headers =
            vec![(header::USER_AGENT, Template::literal(concat!("loadline/", env!("CARGO_PKG_VERSION"))))];
        if let Some(media_type) = media_type {
            headers.push((header::CONTENT_TYPE, Template::literal(media_type)));
        }
        for (name, value) in scenario.defaults.headers.iter().chain(&request.headers) {
            let Some((name, value)) = self.header(name, value) else { continue };
            if name == header::AUTHORIZATION && authorization && request.auth.is_some() {
                let span =
                    request.headers.iter().find(|(own, _)| own.value.eq_ignore_ascii_case("authorization"));
                if let Some((own, _)) = span {
                    let help = "keep one of them";
                    self.problem("conflict", own.span, "both `auth` and a header `authorization`", help);
                }
                continue;
            }
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value));
        }
        headers.into_iter().map(|(name, value)| (name, Header::from(value))).collect()
    }

    fn header(&mut self, name: &Text, value: &Text) -> Option<(HeaderName, Template)> {
        let Ok(parsed) = HeaderName::from_bytes(name.value.as_bytes()) else {
            let help = "use letters, digits and `-`";
            self.problem("header", name.span, format!("`{}` is no header name", name.value), help);
            return None;
        };
        if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(&parsed) {
            let help = "leave it out: it follows from the body and the connection";
            self.problem("header", name.span, format!("`{}` cannot be set", name.value), help);
        }
        let template = self.template(value);
        if template.is_static() && HeaderValue::try_from(literal(&template)).is_err() {
            let help = "a header is one line of visible characters";
            self.problem(
                "header",
                value.span,
                format!("the value of `{}` is no header value", name.value),
                help,
            );
        }
        Some((parsed, template))
    }

    fn credentials(&mut self, auth: &scenario::Auth) -> Credentials {
        match auth {
            scenario::Auth::Bearer(token) => Credentials::Bearer(self.template(token)),
            scenario::Auth::Basic { user, password } => {
                Credentials::Basic { user: self.template(user), password: self.template(password) }
            }
        }
    }
}

/// `http://user:password@host` as a URL and credentials, percent-decoded.
fn without_user_info(url: &str) -> (String, Option<Credentials>) {
    let Ok(parsed) = url::Url::parse(url) else { return (url.into(), None) };
    if parsed.username().is_empty() && parsed.password().is_none() {
        return (url.into(), None);
    }
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let host = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    let decode = |text: &str| Template::literal(decoded(text));
    let (user, password) = (decode(parsed.username()), decode(parsed.password().unwrap_or_default()));
    (format!("{}{}", &url[..start], &url[host..]), Some(Credentials::Basic { user, password }))
}

fn decoded(text: &str) -> String {
    let pairs = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pairs.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
