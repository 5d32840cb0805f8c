//! One request and what came of it: the words that scripts, clients and dispatch share.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

/// A request, ready to be sent: nothing in it is left to be worked out.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The absolute URI: scheme, authority, path and query.
    pub uri: Uri,
    /// All headers but those that the connection needs (`host`, `content-length`, `connection`).
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// From sending to the last byte of the answer; past it the request failed as [`ErrorClass::Timeout`].
    pub timeout: Duration,
    /// Whether the body of the answer is needed afterwards. If not, it is read and let go.
    pub keep_body: bool,
    /// Whether all headers of the answer are needed afterwards. If not, a client may leave out any but those
    /// that redirects and cookies rest on: `location`, `set-cookie`, and `date` beside the latter.
    pub keep_headers: bool,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, as far as [`Request::keep_headers`] asked for them.
    pub headers: HeaderMap,
    /// The body, where [`Request::keep_body`] asked for it; at most [`BODY_KEPT_BYTES_MAX`].
    pub body: Bytes,
    /// The length of the body in bytes, kept or not.
    pub body_len: u64,
    /// How long the last byte had lain in the kernel when it was read: no time of the service's. Zero where it is not
    /// known.
    pub unread: Duration,
    /// From sending to the last byte.
    pub service_time: Duration,
}

/// The most that is kept of an answer's body. A longer one that a check or a capture needs is
/// [`ErrorClass::TooLarge`]; one that nobody needs may be of any length.
pub const BODY_KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a request failed. The names are what reports and files show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// No connection: refused, unreachable, or no answer to the attempt.
    Connect,
    /// The name was not resolved.
    Dns,
    /// The TLS handshake failed, or the certificate was not trusted.
    Tls,
    /// No complete answer within the step's time-out.
    Timeout,
    /// The connection was closed or reset before the answer was complete.
    Reset,
    /// What came was not HTTP.
    Protocol,
    /// A status from 400 to 499 that no check expected.
    Status4xx,
    /// A status from 500 that no check expected.
    Status5xx,
    /// A check failed.
    Check,
    /// A capture found nothing.
    Capture,
    /// The request could not be made from its template, or a step before it (`if`, `while`, `set`) not worked out.
    Template,
    /// A redirect that could not be followed, or one too many.
    Redirect,
    /// A body longer than [`BODY_KEPT_BYTES_MAX`] that a check or a capture needed.
    TooLarge,
    /// In flight when the drain ended.
    Unanswered,
}

impl ErrorClass {
    /// Every class, in the order in which they are listed.
    pub const ALL: [ErrorClass; 14] = [
        ErrorClass::Connect,
        ErrorClass::Dns,
        ErrorClass::Tls,
        ErrorClass::Timeout,
        ErrorClass::Reset,
        ErrorClass::Protocol,
        ErrorClass::Status4xx,
        ErrorClass::Status5xx,
        ErrorClass::Check,
        ErrorClass::Capture,
        ErrorClass::Template,
        ErrorClass::Redirect,
        ErrorClass::TooLarge,
        ErrorClass::Unanswered,
    ];

    /// The name in files and reports, such as `status_5xx`.
    pub fn name(self) -> &'static str {
        match self {
            ErrorClass::Connect => "connect",
            ErrorClass::Dns => "dns",
            ErrorClass::Tls => "tls",
            ErrorClass::Timeout => "timeout",
            ErrorClass::Reset => "reset",
            ErrorClass::Protocol => "protocol",
            ErrorClass::Status4xx => "status_4xx",
            ErrorClass::Status5xx => "status_5xx",
            ErrorClass::Check => "check",
            ErrorClass::Capture => "capture",
            ErrorClass::Template => "template",
            ErrorClass::Redirect => "redirect",
            ErrorClass::TooLarge => "too_large",
            ErrorClass::Unanswered => "unanswered",
        }
    }
}

/// A failed request: its class and, where more is known than that, what went wrong in a few words.
///
/// A class alone costs nothing to make; words are made on the way of a failure only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why it failed, as it is counted.
    pub class: ErrorClass,
    /// What went wrong, for a person: `connection refused (127.0.0.1:8080)`. It may hold what a server sent, and has
    /// to pass [`crate::script::Session::strike`] before it is kept.
    pub detail: Option<Cow<'static, str>>,
}

impl Failure {
    /// A failure in words.
    pub fn new(class: ErrorClass, detail: impl Into<Cow<'static, str>>) -> Self {
        Failure { class, detail: Some(detail.into()) }
    }
}

impl From<ErrorClass> for Failure {
    fn from(class: ErrorClass) -> Self {
        Failure { class, detail: None }
    }
}

impl ErrorClass {
    /// A failure of this class in words.
    pub fn because(self, detail: impl Into<Cow<'static, str>>) -> Failure {
        Failure::new(self, detail)
    }
}
