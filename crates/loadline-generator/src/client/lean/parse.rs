//! An answer of HTTP/1.1 (RFC 9112), read in whatever pieces it comes. Pure: bytes in, an answer out.

use std::mem::MaybeUninit;
use std::time::Duration;

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use httparse::{Header, ParserConfig, Status};

use super::chunked::Chunked;
use crate::exchange::{BODY_KEPT_BYTES_MAX, ErrorClass, Request, Response};

/// Headers that one answer may have.
pub(super) const HEADERS_MAX: usize = 256;
/// Bytes that the head of an answer may have.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What the request wants of its answer.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// The method was HEAD: no body follows, whatever the headers say.
    head_only: bool,
    keep_body: bool,
    keep_headers: bool,
}

/// An answer that is being read.
#[derive(Debug)]
pub struct Answer {
    wanted: Wanted,
    state: State,
    /// The beginning of a head whose end has not come yet.
    partial: Vec<u8>,
    /// The length of `partial` from which it is worth parsing again without a line that ends it.
    look_again_at: usize,
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    body_len: u64,
    persistent: bool,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

impl Answer {
    /// The answer to `request`, of which no byte has come.
    pub fn to(request: &Request) -> Self {
        let wanted = Wanted {
            head_only: request.method == Method::HEAD,
            keep_body: request.keep_body,
            keep_headers: request.keep_headers,
        };
        Answer {
            wanted,
            state: State::Head,
            partial: Vec::new(),
            look_again_at: 0,
            status: 0,
            headers: HeaderMap::new(),
            body: Vec::new(),
            body_len: 0,
            persistent: false,
        }
    }

    /// Its last byte has come.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Its status has been read.
    pub fn has_head(&self) -> bool {
        self.status != 0
    }

    /// Whether the connection can take another request after it.
    pub fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Takes bytes from the front of `bytes` and says how many: all, unless the answer ends among them.
    ///
    /// # Errors
    /// [`ErrorClass::Protocol`] if they are no answer, [`ErrorClass::TooLarge`] if its body is to be kept and too
    /// long for that.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, ErrorClass> {
        let mut at = 0;
        while matches!(self.state, State::Head) && at < bytes.len() {
            if self.partial.is_empty() {
                match self.head(&bytes[at..])? {
                    Some(len) => at += len,
                    None => {
                        self.keep_partial(&bytes[at..])?;
                        return Ok(bytes.len());
                    }
                }
            } else {
                at += self.feed_partial(&bytes[at..])?;
            }
        }
        self.feed_body(&bytes[at..]).map(|taken| at + taken)
    }

    /// The connection was closed by the other side.
    ///
    /// # Errors
    /// [`ErrorClass::Reset`] if that was too early, [`ErrorClass::Protocol`] if what came was no answer.
    pub fn close(&mut self) -> Result<(), ErrorClass> {
        match self.state {
            State::UntilClose | State::Done => {
                self.state = State::Done;
                Ok(())
            }
            State::Head if !self.partial.is_empty() => {
                let partial = std::mem::take(&mut self.partial);
                self.head(&partial).and(Err(ErrorClass::Reset))
            }
            _ => Err(ErrorClass::Reset),
        }
    }

    /// The answer, once it is done.
    pub fn into_response(self) -> Response {
        Response {
            status: self.status,
            headers: self.headers,
            body: Bytes::from(self.body),
            body_len: self.body_len,
            unread: Duration::ZERO,
            service_time: Duration::ZERO,
        }
    }

    fn keep_partial(&mut self, bytes: &[u8]) -> Result<(), ErrorClass> {
        self.partial.extend_from_slice(bytes);
        self.look_again_at = 2 * self.partial.len();
        if self.partial.len() < HEAD_BYTES_MAX { Ok(()) } else { Err(ErrorClass::Protocol) }
    }

    /// Goes on with a head of which a part was kept. It is parsed when its last line has come, and now and then
    /// before, lest garbage be waited for.
    fn feed_partial(&mut self, bytes: &[u8]) -> Result<usize, ErrorClass> {
        let before = self.partial.len();
        let taken = bytes.len().min(HEAD_BYTES_MAX - before);
        self.partial.extend_from_slice(&bytes[..taken]);
        let fresh = &self.partial[before.saturating_sub(3)..];
        let complete = fresh.windows(2).any(|w| w == b"\n\n") || fresh.windows(3).any(|w| w == b"\n\r\n");
        let len = self.partial.len();
        if complete || len >= self.look_again_at || len == HEAD_BYTES_MAX {
            let partial = std::mem::take(&mut self.partial);
            match self.head(&partial)? {
                Some(end) => return Ok(end.saturating_sub(before)),
                None => {
                    self.partial = partial;
                    self.keep_partial(&[])?;
                }
            }
        }
        Ok(taken)
    }

    /// Reads the head at the front of `bytes`; `None` if its end is not there yet. An interim answer (1xx) is
    /// passed over.
    fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, ErrorClass> {
        let mut space = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut head, bytes, &mut space);
        let Status::Complete(len) = parsed.map_err(|_| ErrorClass::Protocol)? else { return Ok(None) };
        if len > HEAD_BYTES_MAX {
            return Err(ErrorClass::Protocol);
        }
        // Codes begin at 100 (RFC 9110, 15).
        self.status = head.code.filter(|code| *code >= 100).ok_or(ErrorClass::Protocol)?;
        if !(100..200).contains(&self.status) || self.status == 101 {
            self.begin_body(head.version == Some(1), head.headers)?;
        }
        Ok(Some(len))
    }

    /// How long the body is (RFC 9112, 6.3), whether the connection persists, and the headers that are wanted.
    fn begin_body(&mut self, version_1_1: bool, headers: &[Header<'_>]) -> Result<(), ErrorClass> {
        let mut framing = Framing::default();
        let mut date = None;
        self.persistent = version_1_1;
        for header in headers {
            let name = header.name;
            let mut wanted = self.wanted.keep_headers;
            match name.len() {
                4 if name.eq_ignore_ascii_case("date") => date = Some(header),
                8 => wanted |= name.eq_ignore_ascii_case("location"),
                10 if name.eq_ignore_ascii_case("connection") => self.connection(header.value),
                10 => wanted |= name.eq_ignore_ascii_case("set-cookie"),
                14 if name.eq_ignore_ascii_case("content-length") => framing.length(header.value),
                17 if name.eq_ignore_ascii_case("transfer-encoding") => framing.coding(header.value),
                _ => {}
            }
            if wanted {
                self.keep(header)?;
            }
        }
        if let Some(date) = date
            && !self.wanted.keep_headers
            && self.headers.contains_key(SET_COOKIE)
        {
            self.keep(date)?;
        }
        self.persistent &= self.status != 101 && !framing.ambiguous();
        self.state = match self.status {
            101 | 204 | 304 => State::Done,
            _ if self.wanted.head_only => State::Done,
            _ => framing.state(version_1_1)?,
        };
        self.persistent &= !matches!(self.state, State::UntilClose);
        Ok(())
    }

    fn keep(&mut self, header: &Header<'_>) -> Result<(), ErrorClass> {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| ErrorClass::Protocol)?;
        let value = HeaderValue::from_bytes(header.value).map_err(|_| ErrorClass::Protocol)?;
        self.headers.append(name, value);
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"close") {
                self.persistent = false;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.persistent = true;
            }
        }
    }

    fn feed_body(&mut self, bytes: &[u8]) -> Result<usize, ErrorClass> {
        let kept = self.wanted.keep_body.then_some(&mut self.body);
        let mut sink = Sink { kept, len: &mut self.body_len };
        let taken = match &mut self.state {
            State::Head | State::Done => 0,
            State::UntilClose => {
                sink.take(bytes)?;
                bytes.len()
            }
            State::Length(left) => {
                let here = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                sink.take(&bytes[..here])?;
                *left -= here as u64;
                here
            }
            State::Chunked(chunked) => chunked.decode(bytes, |data| sink.take(data))?,
        };
        let ended = match &self.state {
            State::Length(left) => *left == 0,
            State::Chunked(chunked) => chunked.is_done(),
            _ => false,
        };
        if ended {
            self.state = State::Done;
        }
        Ok(taken)
    }
}

/// Where the bytes of a body go.
struct Sink<'a> {
    kept: Option<&'a mut Vec<u8>>,
    len: &'a mut u64,
}

impl Sink<'_> {
    fn take(&mut self, data: &[u8]) -> Result<(), ErrorClass> {
        *self.len += data.len() as u64;
        let Some(kept) = &mut self.kept else { return Ok(()) };
        if *self.len > BODY_KEPT_BYTES_MAX as u64 {
            return Err(ErrorClass::TooLarge);
        }
        kept.extend_from_slice(data);
        Ok(())
    }
}

/// What the headers say about the end of the body.
#[derive(Default)]
struct Framing {
    /// The last transfer coding is `chunked`.
    chunked: Option<bool>,
    length: Option<Result<u64, ErrorClass>>,
}

impl Framing {
    /// Several lengths are fine as long as they are the same (RFC 9112, 6.3).
    fn length(&mut self, value: &[u8]) {
        for one in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let one = parse_length(one);
            self.length = match self.length {
                Some(known) if known != one => Some(Err(ErrorClass::Protocol)),
                _ => Some(one),
            };
        }
    }

    fn coding(&mut self, value: &[u8]) {
        let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
        self.chunked = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
    }

    /// Both lengths given: whoever sent this may not mean what we understand.
    fn ambiguous(&self) -> bool {
        self.chunked.is_some() && self.length.is_some()
    }

    fn state(self, version_1_1: bool) -> Result<State, ErrorClass> {
        Ok(match (self.chunked, self.length) {
            (Some(_), _) if !version_1_1 => return Err(ErrorClass::Protocol),
            (Some(true), _) => State::Chunked(Chunked::default()),
            (None, Some(length)) => match length? {
                0 => State::Done,
                length => State::Length(length),
            },
            (Some(false), _) | (None, None) => State::UntilClose,
        })
    }
}

fn parse_length(digits: &[u8]) -> Result<u64, ErrorClass> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    text.and_then(|text| text.parse().ok()).ok_or(ErrorClass::Protocol)
}
