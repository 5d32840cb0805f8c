//! A histogram as text: base64 of HdrHistogram's compressed V2 encoding.
//!
//! That is a cookie and the length of what follows, both big-endian, and the V2 encoding as a zlib stream
//! (<https://github.com/HdrHistogram/HdrHistogram>, `AbstractHistogram.encodeIntoCompressedByteBuffer`).

use std::fmt;
use std::io::{self, Write};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};

use super::Histogram;

/// The cookie of the compressed V2 encoding.
const COOKIE: u32 = 0x1c84_9314;

/// Makes payloads. It keeps its compressor, which `V2DeflateSerializer` makes anew for each: 380 KiB, several times a
/// second for hours, that leave the heap in pieces.
pub struct Encoder {
    plain: V2Serializer,
    compressor: ZlibEncoder<Vec<u8>>,
    buffer: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        let compressor = ZlibEncoder::new(Vec::new(), Compression::default());
        Encoder { plain: V2Serializer::new(), compressor, buffer: Vec::new() }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

impl Encoder {
    /// The payload of a histogram.
    ///
    /// # Errors
    /// When a histogram cannot be encoded, which those of [`super::new`] can.
    pub fn base64(&mut self, h: &Histogram) -> io::Result<String> {
        self.buffer.clear();
        self.plain.serialize(h, &mut self.buffer).map_err(io::Error::other)?;
        self.compressor.write_all(&self.buffer)?;
        self.buffer.clear();
        self.buffer.extend_from_slice(&COOKIE.to_be_bytes());
        // The stream goes to a buffer of its own: its length has to be known before it.
        let stream = self.compressor.reset(Vec::new())?;
        let length = u32::try_from(stream.len()).map_err(io::Error::other)?;
        self.buffer.extend_from_slice(&length.to_be_bytes());
        self.buffer.extend_from_slice(&stream);
        Ok(BASE64_STANDARD.encode(&self.buffer))
    }
}

/// The inverse of [`Encoder::base64`].
pub(crate) fn from_base64(payload: &str) -> Option<Histogram> {
    let bytes = BASE64_STANDARD.decode(payload).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::V2DeflateSerializer;

    use super::*;

    /// One after the other: nothing of a histogram may be left for the next.
    #[test]
    fn an_encoder_says_what_the_library_says() {
        let mut encoder = Encoder::default();
        for durations in [vec![], vec![1, 2, 3, 250_000], vec![7; 1000], (1..5000).collect()] {
            let mut histogram = super::super::new();
            durations.into_iter().for_each(|us| super::super::record_n(&mut histogram, us, 1));
            let mut expected = Vec::new();
            V2DeflateSerializer::new().serialize(&histogram, &mut expected).unwrap();
            let payload = encoder.base64(&histogram).unwrap();
            assert_eq!(BASE64_STANDARD.decode(&payload).unwrap(), expected);
            assert_eq!(from_base64(&payload).unwrap(), histogram);
        }
    }
}
