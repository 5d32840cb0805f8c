//! Lines of a table as an editor counts them.
//!
//! A CSV reader takes `\r\n` for an end of line and a half: what it calls the line of a record is one too few, and empty
//! lines before it are not counted. With one kind of line end, and by where a record ends rather than where it begins,
//! it counts right.

use std::io::{self, Read};

/// Text in which every line ends with `\n`, the last one too, whatever it ended with before.
#[derive(Debug)]
pub struct Lines<R> {
    inner: R,
    after_return: bool,
    /// The last byte handed out; a text without any byte stays so.
    last: Option<u8>,
}

impl<R: Read> Lines<R> {
    /// Of a text in any form.
    pub fn new(inner: R) -> Lines<R> {
        Lines { inner, after_return: false, last: None }
    }

    /// Turns the line ends among the bytes, and says how many bytes are left.
    fn turn(&mut self, bytes: &mut [u8]) -> usize {
        if !self.after_return && !bytes.contains(&b'\r') {
            return bytes.len();
        }
        let mut kept = 0;
        for at in 0..bytes.len() {
            let byte = bytes[at];
            let is_second_half = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            if !is_second_half {
                bytes[kept] = if byte == b'\r' { b'\n' } else { byte };
                kept += 1;
            }
        }
        kept
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.inner.read(buffer)?;
            if read == 0 {
                let is_cut = !buffer.is_empty() && self.last.is_some_and(|last| last != b'\n');
                if is_cut {
                    buffer[0] = b'\n';
                    self.last = Some(b'\n');
                }
                return Ok(usize::from(is_cut));
            }
            let kept = self.turn(&mut buffer[..read]);
            if kept > 0 {
                self.last = Some(buffer[kept - 1]);
                return Ok(kept);
            }
        }
    }
}

/// The line on which the record that was read last begins, from 1.
pub fn line_of<R: Read>(reader: &csv::Reader<Lines<R>>, record: &csv::StringRecord) -> u64 {
    let cells = record.as_slice();
    let within = if cells.contains('\n') { cells.matches('\n').count() } else { 0 };
    reader.position().line().saturating_sub(1 + within as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = self.1.min(self.0.len()).min(buffer.len());
            buffer[..size].copy_from_slice(&self.0[..size]);
            self.0 = &self.0[size..];
            Ok(size)
        }
    }

    #[test]
    fn line_ends_become_one_kind() {
        for size in 1..5 {
            let turned = |text: &str| {
                let mut out = String::new();
                Lines::new(Trickle(text.as_bytes(), size)).read_to_string(&mut out).unwrap();
                out
            };
            assert_eq!(turned("a\r\n\r\nb\rc\n\nd"), "a\n\nb\nc\n\nd\n");
            assert_eq!(
                (turned("").as_str(), turned("\r\n").as_str(), turned("a\r").as_str()),
                ("", "\n", "a\n")
            );
        }
    }

    #[test]
    fn records_begin_where_an_editor_has_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "1,2", "", "3,\"x", "y\"", "5,6"].join(end);
            let mut reader = csv::Reader::from_reader(Lines::new(text.as_bytes()));
            let mut record = csv::StringRecord::new();
            let mut begins = Vec::new();
            while reader.read_record(&mut record).unwrap() {
                begins.push(line_of(&reader, &record));
            }
            assert_eq!(begins, [2, 4, 6], "{end:?}");
        }
    }
}
