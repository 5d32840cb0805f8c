//! Asking a server, piece by piece, within bounds of time, size and tries.

use std::collections::VecDeque;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use tokio::runtime::Runtime;

use super::answer::{self, Answer, Bad};
use super::range::{PIECE_POINTS, Range};
use super::{Access, Credentials, PrometheusError, parts_of};

/// Tries for one piece where the server is busy or away for a moment.
const TRIES: u32 = 3;
/// Longer with each further try.
const PAUSE: Duration = Duration::from_millis(400);
/// The most bytes of one answer.
const BODY_BYTES_MAX: usize = 256 << 20;
/// A piece with fewer points is not cut further.
const CUT_POINTS_MIN: u64 = 50;

/// One server and one expression.
pub(super) struct Client {
    http: reqwest::Client,
    runtime: Runtime,
    endpoint: Url,
    shown: String,
    credentials: Option<Credentials>,
    query: String,
    timeout: Duration,
}

/// Why a try failed.
enum Failure {
    /// Another try may help.
    Passing(PrometheusError),
    /// A smaller piece may help.
    TooLarge(PrometheusError),
    /// The server does not take this method.
    Method,
    /// Nothing helps.
    Final(PrometheusError),
}

impl Client {
    pub(super) fn new(url: &str, query: &str, access: &Access) -> Result<Client, PrometheusError> {
        let bad = |server: &str, message: String, help: &str| PrometheusError {
            server: server.to_owned(),
            message,
            help: help.to_owned(),
            is_bad_input: true,
        };
        let (mut endpoint, user) = parts_of(url).map_err(|reason| {
            bad(
                "--prometheus",
                format!("this is no address of a server: {reason}"),
                "write one such as http://127.0.0.1:9090",
            )
        })?;
        let base = endpoint.path().trim_end_matches('/').trim_end_matches("/api/v1/query_range").to_owned();
        endpoint.set_path(&base);
        let shown = endpoint.as_str().trim_end_matches('/').to_owned();
        endpoint.set_path(&format!("{base}/api/v1/query_range"));
        let headers = headers(&access.headers)
            .map_err(|message| bad(&shown, message, "headers hold visible ASCII only"))?;
        let tls = access.tls.build().map_err(|error| bad(&shown, error.to_string(), "give PEM files"))?;
        let failed = |error: &dyn std::fmt::Display| PrometheusError {
            is_bad_input: false,
            ..bad(&shown, format!("the HTTP client cannot be set up: {error}"), "this is a fault of Loadline")
        };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .default_headers(headers)
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(access.timeout.min(Duration::from_secs(10)))
            .timeout(access.timeout)
            .build()
            .map_err(|error| failed(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(&error))?;
        let (credentials, timeout) = (access.credentials.clone().or(user), access.timeout);
        Ok(Client { http, runtime, endpoint, shown, credentials, query: query.to_owned(), timeout })
    }

    /// The server's address as it may be shown.
    pub(super) fn server(&self) -> &str {
        &self.shown
    }

    /// The answers for all of a range, in its order. A piece that is too large for the server is halved.
    pub(super) fn read(&self, range: Range) -> impl Iterator<Item = Result<Answer, PrometheusError>> + '_ {
        let mut left: VecDeque<Range> = range.split(PIECE_POINTS).into();
        let mut post = true;
        std::iter::from_fn(move || {
            while let Some(piece) = left.pop_front() {
                match self.ask(piece, &mut post) {
                    Ok(answer) => return Some(Ok(answer)),
                    Err(Failure::TooLarge(_)) if piece.points() >= CUT_POINTS_MIN => {
                        let halves = piece.split(piece.points().div_ceil(2));
                        halves.into_iter().rev().for_each(|half| left.push_front(half));
                    }
                    Err(Failure::TooLarge(error) | Failure::Passing(error) | Failure::Final(error)) => {
                        left.clear();
                        return Some(Err(error));
                    }
                    Err(Failure::Method) => unreachable!("ask goes over to GET"),
                }
            }
            None
        })
    }

    /// Asks for one piece; `post` is false once the server has refused it.
    fn ask(&self, piece: Range, post: &mut bool) -> Result<Answer, Failure> {
        let mut tries = 1;
        loop {
            match self.runtime.block_on(self.once(piece, *post)) {
                Err(Failure::Method) if *post => *post = false,
                Err(Failure::Method) => {
                    let help = "is this the address of a Prometheus server?";
                    return Err(Failure::Final(self.error(
                        "it takes neither POST nor GET".into(),
                        help,
                        true,
                    )));
                }
                Err(Failure::Passing(_)) if tries < TRIES => {
                    std::thread::sleep(PAUSE * tries);
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn once(&self, piece: Range, post: bool) -> Result<Answer, Failure> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", &self.query)
            .append_pair("start", &piece.start_s.to_string())
            .append_pair("end", &piece.end_s.to_string())
            .append_pair("step", &piece.step_s.to_string())
            .append_pair("timeout", &format!("{}s", self.timeout.as_secs().max(1)))
            .finish();
        let request = if post {
            let encoded = HeaderValue::from_static("application/x-www-form-urlencoded");
            self.http.post(self.endpoint.clone()).header(CONTENT_TYPE, encoded).body(form)
        } else {
            let mut url = self.endpoint.clone();
            url.set_query(Some(&form));
            self.http.get(url)
        };
        let request = match &self.credentials {
            Some(Credentials::Bearer(token)) => request.bearer_auth(token.trim()),
            Some(Credentials::Basic { user, password }) => request.basic_auth(user, Some(password)),
            None => request,
        };
        let mut response = request.send().await.map_err(|error| self.not_sent(&error))?;
        let status = response.status();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(self.not_whole(&error, body.len())),
            }
            if body.len() > BODY_BYTES_MAX {
                let message = format!("an answer has more than {} MiB", BODY_BYTES_MAX >> 20);
                return Err(Failure::TooLarge(self.error(
                    message,
                    "aggregate in the query, as in sum(…)",
                    true,
                )));
            }
        }
        self.judge(status, response.headers(), &body)
    }

    fn error(&self, message: String, help: &str, is_bad_input: bool) -> PrometheusError {
        PrometheusError { server: self.shown.clone(), message, help: help.to_owned(), is_bad_input }
    }

    fn not_sent(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() && !error.is_connect() {
            return Failure::Final(self.stalled());
        }
        // The innermost cause says it best, and holds no URL.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        // All that a handshake says of a certificate names it so.
        let (message, help) = if error.is_connect() && cause.to_string().contains("certificate") {
            (
                format!("its certificate is not trusted: {cause}"),
                "name its authority, or itself, with --cacert (--insecure trusts any)",
            )
        } else if error.is_connect() {
            (format!("cannot connect: {cause}"), "is it running, and is the address right?")
        } else {
            (format!("the request failed: {cause}"), "try again, or look into the server's log")
        };
        Failure::Passing(self.error(message, help, false))
    }

    fn stalled(&self) -> PrometheusError {
        let message = format!("no whole answer within {} s", self.timeout.as_secs_f64());
        self.error(message, "give a longer --timeout, a longer --step or a shorter --last", false)
    }

    fn not_whole(&self, error: &reqwest::Error, bytes: usize) -> Failure {
        if error.is_timeout() {
            return Failure::Final(self.stalled());
        }
        let message = format!("the answer broke off after {bytes} bytes");
        Failure::Passing(self.error(
            message,
            "try again, or look into the server's log or that of a proxy between",
            false,
        ))
    }

    /// What an answer is worth.
    fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Answer, Failure> {
        let read = answer::read(body);
        if status.is_success() {
            return read.map_err(|bad| match bad {
                Bad::BrokenOff => {
                    let message = format!("the answer broke off after {} bytes", body.len());
                    Failure::Passing(self.error(
                        message,
                        "try again, or look into the log of a proxy between",
                        false,
                    ))
                }
                Bad::Refused(kind, word) => self.refused(status, &kind, &word),
                Bad::Foreign(what) => Failure::Final(self.error(
                    format!("the answer is {what}, not the points of a range"),
                    "is this the address of a Prometheus server, and the query one for numbers?",
                    true,
                )),
            });
        }
        if matches!(status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) {
            return Err(Failure::Method);
        }
        if status.is_redirection() {
            let to = headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or("somewhere else");
            let to =
                Url::parse(to).map_or_else(|_| answer::shown(to), |url| url.origin().ascii_serialization());
            let message = format!("it sends us on to {to} (HTTP {status})");
            return Err(Failure::Final(self.error(message, "give that address", true)));
        }
        Err(match read {
            Err(Bad::Refused(kind, word)) => self.refused(status, &kind, &word),
            _ => self.refused(status, "", &answer::excerpt(&String::from_utf8_lossy(body))),
        })
    }

    fn refused(&self, status: StatusCode, kind: &str, word: &str) -> Failure {
        let message = match kind {
            "" => format!("HTTP {status}: {word}"),
            kind => format!("HTTP {status}, {kind}: {word}"),
        };
        let lower = word.to_ascii_lowercase();
        let large = [
            "too many samples",
            "maximum resolution",
            "too many points",
            "query timed out",
            "exceeds the limit",
            "too large",
        ];
        if large.iter().any(|sign| lower.contains(sign)) {
            return Failure::TooLarge(self.error(message, "give a longer --step or a shorter --last", true));
        }
        match status.as_u16() {
            401 | 403 => Failure::Final(self.error(
                message,
                "set LOADLINE_PROMETHEUS_TOKEN, or LOADLINE_PROMETHEUS_USER and LOADLINE_PROMETHEUS_PASSWORD",
                true,
            )),
            404 => Failure::Final(self.error(
                message,
                "is a path missing from the address, as in https://host/prometheus?",
                true,
            )),
            429 | 502..=504 => {
                Failure::Passing(self.error(message, "the server is busy or away: try again later", false))
            }
            500.. => Failure::Final(self.error(message, "look into the server's log", false)),
            _ => Failure::Final(self.error(message, "try the query on the server's own page", true)),
        }
    }
}

fn headers(all: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{name}` is no name of a header"))?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of header `{name}` cannot be sent"))?;
        // No debug output shows it.
        value.set_sensitive(true);
        headers.append(key, value);
    }
    Ok(headers)
}
