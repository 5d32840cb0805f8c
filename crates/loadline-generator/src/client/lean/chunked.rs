//! The chunked transfer coding (RFC 9112, 7.1), decoded in whatever pieces it comes.

use super::parse::HEADERS_MAX;
use crate::exchange::ErrorClass;

/// Bytes of chunk extensions that one answer may have; nobody uses them.
const EXTENSION_BYTES_MAX: usize = 16 * 1024;
/// Bytes of trailers that one answer may have.
const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// Where in a chunked body the next byte stands.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    state: State,
    /// Of the current chunk, in bytes.
    left: u64,
    extension_bytes: usize,
    trailers: Vec<u8>,
    trailer_lines: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Before the first digit of a size.
    #[default]
    Start,
    Size,
    /// After the size: white space only.
    Blank,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the beginning of a trailer line, or of the empty line that ends all.
    Line,
    Trailer,
    TrailerLf,
    EndLf,
    End,
}

impl Chunked {
    /// The last byte has come.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::End
    }

    /// Takes bytes from the front of `bytes`, hands what they carry to `data`, and says how many it took: all,
    /// unless the body ends among them.
    ///
    /// # Errors
    /// [`ErrorClass::Protocol`] if they do not follow the coding, or whatever `data` returns.
    pub(super) fn decode(
        &mut self,
        bytes: &[u8],
        mut data: impl FnMut(&[u8]) -> Result<(), ErrorClass>,
    ) -> Result<usize, ErrorClass> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::End {
            if self.state == State::Data {
                let here = (bytes.len() - at).min(usize::try_from(self.left).unwrap_or(usize::MAX));
                data(&bytes[at..at + here])?;
                at += here;
                self.left -= here as u64;
                if self.left == 0 {
                    self.state = State::DataCr;
                }
            } else {
                self.state = self.step(bytes[at])?;
                at += 1;
            }
        }
        if self.state == State::End {
            self.check_trailers()?;
        }
        Ok(at)
    }

    /// The state after one byte that is not data.
    fn step(&mut self, byte: u8) -> Result<State, ErrorClass> {
        use State::*;
        Ok(match (self.state, byte) {
            (Start | Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte)?,
            (Size | Blank, b' ' | b'\t') => Blank,
            (Size | Blank, b';') => Extension,
            (Size | Blank | Extension, b'\r') => SizeLf,
            (Extension, b'\n') => return Err(ErrorClass::Protocol),
            (Extension, _) => {
                self.extension_bytes += 1;
                within(self.extension_bytes, EXTENSION_BYTES_MAX, Extension)?
            }
            (SizeLf, b'\n') if self.left == 0 => Line,
            (SizeLf, b'\n') => Data,
            (DataCr, b'\r') => DataLf,
            (DataLf, b'\n') => Start,
            (Line, b'\r') => EndLf,
            (EndLf, b'\n') => End,
            (Line | Trailer, _) => {
                self.trailers.push(byte);
                let next = if self.state == Trailer && byte == b'\r' { TrailerLf } else { Trailer };
                within(self.trailers.len(), TRAILER_BYTES_MAX, next)?
            }
            (TrailerLf, b'\n') => {
                self.trailers.push(byte);
                self.trailer_lines += 1;
                Line
            }
            _ => return Err(ErrorClass::Protocol),
        })
    }

    fn digit(&mut self, byte: u8) -> Result<State, ErrorClass> {
        let value = char::from(byte).to_digit(16).expect("a hexadecimal digit");
        let shifted = self.left.checked_mul(16).ok_or(ErrorClass::Protocol)?;
        self.left = shifted + u64::from(value);
        Ok(State::Size)
    }

    /// Trailers are headers, one a line that ends in CR LF; they are looked at and let go.
    fn check_trailers(&mut self) -> Result<(), ErrorClass> {
        if self.trailers.is_empty() {
            return Ok(());
        }
        if self.trailer_lines > HEADERS_MAX {
            return Err(ErrorClass::Protocol);
        }
        self.trailers.extend_from_slice(b"\r\n");
        // Room for no more than the lines: one that hides a second header behind a bare LF is refused.
        let mut headers = vec![httparse::EMPTY_HEADER; self.trailer_lines];
        let parsed = httparse::parse_headers(&self.trailers, &mut headers);
        if matches!(parsed, Ok(httparse::Status::Complete(_))) { Ok(()) } else { Err(ErrorClass::Protocol) }
    }
}

fn within(bytes: usize, max: usize, next: State) -> Result<State, ErrorClass> {
    if bytes < max { Ok(next) } else { Err(ErrorClass::Protocol) }
}
