//! Latency histograms and the HdrHistogram log.
//!
//! Every duration is kept in whole microseconds, 1 µs to 1 h, with three significant digits. Histograms are
//! added, never averaged.

use std::io::{self, Write};
use std::time::Duration;

mod payload;

pub use payload::Encoder;
pub(crate) use payload::from_base64;

/// A histogram of durations in microseconds.
pub type Histogram = hdrhistogram::Histogram<u64>;

/// The shortest duration that is told apart, in microseconds.
pub const LOWEST_US: u64 = 1;
/// The longest duration that is told apart, in microseconds: one hour. Longer ones count as this.
pub const HIGHEST_US: u64 = 3_600_000_000;
/// Significant decimal digits kept.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// An empty histogram for durations within the bounds above. It grows with the longest that it is given, because a run
/// keeps a dozen for each named request: 16 KiB hold 2 ms, 64 KiB 130 ms, 184 KiB an hour. Fill it with [`record`] or
/// [`record_n`]: its own `saturating_record` would cut off what is longer than all before.
pub fn new() -> Histogram {
    Histogram::new(SIGNIFICANT_DIGITS).expect("the digits are a constant that fits")
}

/// An empty histogram for one of so many `names` that a run keeps side by side. It grows like one of [`new`], but not for
/// durations up to 131 ms divided by the names: with a few names memory is then the same whether a run sees its longest
/// duration early or late, and a thousand names stay cheap.
pub fn among(names: usize) -> Histogram {
    let longest = (131_071 / names.max(1) as u64).max(2 * LOWEST_US);
    let mut histogram = Histogram::new_with_bounds(LOWEST_US, longest, SIGNIFICANT_DIGITS)
        .expect("the digits are a constant that fits");
    histogram.auto(true);
    histogram
}

/// Records one duration; what lies outside the bounds counts as the nearest bound.
pub fn record(histogram: &mut Histogram, duration: Duration) {
    record_n(histogram, u64::try_from(duration.as_micros()).unwrap_or(HIGHEST_US), 1);
}

/// Records `count` durations of so many microseconds; what lies outside the bounds counts as the nearest bound.
pub fn record_n(histogram: &mut Histogram, us: u64, count: u64) {
    histogram.record_n(us.clamp(LOWEST_US, HIGHEST_US), count).expect("it grows up to the highest");
}

/// The value at quantile `q` (0 to 1) in milliseconds; `None` without samples.
pub fn quantile_ms(histogram: &Histogram, q: f64) -> Option<f64> {
    (!histogram.is_empty()).then(|| histogram.value_at_quantile(q).min(histogram.max()) as f64 / 1000.0)
}

/// One row of an HdrHistogram log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    /// What the row is about; our tags are `<request>:<duration>`, percent-encoded.
    pub tag: String,
    /// Start of the interval, in seconds since the start of the log.
    pub start_s: f64,
    /// Its length in seconds.
    pub length_s: f64,
    /// The durations that ended in it.
    pub histogram: Histogram,
}

/// Writes the head of a log: format version, start and column legend, as the HdrHistogram tools expect them.
///
/// `start_epoch_s` is the start of the log in seconds since 1970, `start_text` the same for human eyes. The rows
/// carry times relative to it.
pub fn write_log_header(mut out: impl Write, start_epoch_s: f64, start_text: &str) -> io::Result<()> {
    writeln!(out, "#[Logged by Loadline; values in microseconds]")?;
    writeln!(out, "#[Histogram log format version 1.3]")?;
    writeln!(out, "#[StartTime: {start_epoch_s:.3} (seconds since epoch), {start_text}]")?;
    writeln!(out, "#[BaseTime: {start_epoch_s:.3} (seconds since epoch)]")?;
    writeln!(out, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"")
}

/// Appends one row. Its `Interval_Max` is in milliseconds.
pub fn write_log_row(
    mut out: impl Write,
    encoder: &mut Encoder,
    tag: &str,
    start_s: f64,
    length_s: f64,
    h: &Histogram,
) -> io::Result<()> {
    let max_ms = h.max() as f64 / 1000.0;
    writeln!(out, "Tag={tag},{start_s:.3},{length_s:.3},{max_ms:.3},{}", encoder.base64(h)?)
}

/// Why a row of a log could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// A row has too few columns or a number that is none.
    #[error("a row of the histogram log is not `Tag=…,start,length,max,payload`")]
    Row,
    /// The payload is not a base64-coded, compressed V2 histogram.
    #[error("the payload of the row tagged `{0}` is no HdrHistogram V2 payload")]
    Payload(String),
}

/// Reads one line of a log; `None` for comments, the legend and blank lines.
pub fn read_log_line(line: &str) -> Result<Option<LogRow>, LogError> {
    let line = line.trim_end();
    if line.is_empty() || line.starts_with('#') || line.starts_with('"') {
        return Ok(None);
    }
    let (tag, rest) = match line.strip_prefix("Tag=") {
        Some(tagged) => tagged.split_once(',').ok_or(LogError::Row)?,
        None => ("", line),
    };
    let mut columns = rest.splitn(4, ',');
    let mut number = || columns.next().and_then(|c| c.trim().parse::<f64>().ok()).ok_or(LogError::Row);
    let (start_s, length_s, _max) = (number()?, number()?, number()?);
    let payload = columns.next().ok_or(LogError::Row)?.trim();
    let histogram = from_base64(payload).ok_or_else(|| LogError::Payload(tag.to_owned()))?;
    Ok(Some(LogRow { tag: tag.to_owned(), start_s, length_s, histogram }))
}
