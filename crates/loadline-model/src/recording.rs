//! What was measured, second by second: `intervals.ndjson` and `latency.hlog`.
//!
//! A [`Second`] is what the generator hands out once a second, what is appended to the two files, and what a
//! report or a summary is made from. Nothing else of a run is kept.

mod tag;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::histogram::{self, Encoder, Histogram, LogError, LogRow};
use tag::{parse_tag, tag};

/// The generator's own figures in one second of a run: one line of `intervals.ndjson` with `"kind": "generator"`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorSecond {
    /// Arrivals that fell due.
    pub offered: u64,
    /// Flows started.
    pub started: u64,
    /// Flows completed.
    pub completed: u64,
    /// Flows completed without a failed request.
    pub completed_ok: u64,
    /// Arrivals that began to wait for a place among those in flight, or requests for a connection.
    pub late: u64,
    /// Arrivals given up.
    pub dropped: u64,
    /// Requests on their way at the end of the second.
    pub in_flight: u64,
    /// Arrivals waiting for a place among those in flight at the end of the second.
    pub waiting: u64,
    /// The share of a core used by the busiest worker, 0 to 1.
    pub cpu: Option<f64>,
    /// The share of a core that a worker used or waited for while others had it: the largest of any worker, 0 to 1.
    #[serde(default)]
    pub cpu_wanted: Option<f64>,
    /// The share of time taken by the host or by a cgroup limit, 0 to 1.
    pub stolen: Option<f64>,
    /// Connections opened.
    pub connections_opened: u64,
    /// Time spent on name resolution, the sum over those connections, in milliseconds.
    pub dns_ms: f64,
    /// The longest of them.
    pub dns_max_ms: f64,
    /// Time spent on connecting (TCP and TLS), the sum over those connections, in milliseconds.
    pub connect_ms: f64,
    /// The longest of them.
    pub connect_max_ms: f64,
    /// Whether these belong to a warm-up stage (by the arrival).
    pub warmup: bool,
}

/// The counts of one named request in one second: one line of `intervals.ndjson` with `"kind": "request"`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// The request's name.
    pub request: String,
    /// Whether these requests belong to a warm-up stage (by the arrival of their flow).
    pub warmup: bool,
    /// Requests that ended in this second.
    pub requests: u64,
    /// Failed ones by class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, u64>,
    /// The first failures of each class in words, in the seconds in which they were first seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub examples: BTreeMap<String, Vec<String>>,
    /// Bytes of bodies received.
    pub bytes_received: u64,
    /// Bytes of bodies sent.
    pub bytes_sent: u64,
    /// On their way at the end of the second.
    pub in_flight: u64,
    /// The age of the oldest on its way at the end of the second, since its intended start, in milliseconds.
    pub oldest_in_flight_ms: Option<f64>,
}

/// The durations of one named request in one second. Their counts all equal [`RequestCounts::requests`], but for
/// `response_ok`, which leaves the failed ones out.
#[derive(Debug, Clone, PartialEq)]
pub struct Durations {
    /// Intended → done.
    pub response: Histogram,
    /// The same, of requests without error.
    pub response_ok: Histogram,
    /// Sent → done.
    pub service: Histogram,
    /// Intended → sent, as far as the generator alone was the reason.
    pub delay: Histogram,
}

/// One named request in one second.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestSecond {
    /// Counts.
    pub counts: RequestCounts,
    /// Durations.
    pub durations: Durations,
}

/// One second of a run. Second `n` covers `[n, n + 1)` seconds after the start, by time of completion.
#[derive(Debug, Clone, PartialEq)]
pub struct Second {
    /// Whole seconds since the start of the run.
    pub second: u64,
    /// The generator's own figures: one entry, or two where a warm-up ends within the second.
    pub generator: Vec<GeneratorSecond>,
    /// The requests that ended or were on their way; at most two entries a name (warm-up and measured).
    pub requests: Vec<RequestSecond>,
}

impl RequestSecond {
    /// Whether counts and durations agree: all of its rows were read.
    fn is_whole(&self) -> bool {
        let requests = self.counts.requests;
        let good = requests.saturating_sub(self.counts.errors.values().sum());
        let Durations { response, response_ok, service, delay } = &self.durations;
        [response, service, delay].iter().all(|all| all.len() == requests) && response_ok.len() == good
    }
}

impl Durations {
    /// No durations yet.
    pub fn empty() -> Self {
        Self::of(histogram::new())
    }

    /// No durations yet, with the room that one of so many named requests gets in a run ([`histogram::among`]).
    pub fn among(names: usize) -> Self {
        Self::of(histogram::among(names))
    }

    fn of(none: Histogram) -> Self {
        Durations { response: none.clone(), response_ok: none.clone(), service: none.clone(), delay: none }
    }

    /// Adds the durations of another second, worker or request: histograms merge without loss.
    pub fn add(&mut self, other: &Durations) {
        for (into, from) in [
            (&mut self.response, &other.response),
            (&mut self.response_ok, &other.response_ok),
            (&mut self.service, &other.service),
            (&mut self.delay, &other.delay),
        ] {
            into.add(from).expect("all histograms have the same bounds");
        }
    }

    fn by_kind(&self) -> [(&'static str, &Histogram); 4] {
        [
            ("response", &self.response),
            ("response_ok", &self.response_ok),
            ("service", &self.service),
            ("delay", &self.delay),
        ]
    }

    fn of_kind(&mut self, kind: &str) -> Option<&mut Histogram> {
        match kind {
            "response" => Some(&mut self.response),
            "response_ok" => Some(&mut self.response_ok),
            "service" => Some(&mut self.service),
            "delay" => Some(&mut self.delay),
            _ => None,
        }
    }
}

/// One line of `intervals.ndjson`.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    second: u64,
    #[serde(flatten)]
    what: LineKind,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum LineKind {
    Generator(GeneratorSecond),
    Request(RequestCounts),
}

/// Appends seconds to the two files of a recording.
#[derive(Debug)]
pub struct Writer<I, H> {
    intervals: I,
    log: H,
    encoder: Encoder,
}

impl<I: Write, H: Write> Writer<I, H> {
    /// Begins both files; see [`histogram::write_log_header`] for the start.
    pub fn begin(intervals: I, mut log: H, start_epoch_s: f64, start_text: &str) -> io::Result<Self> {
        histogram::write_log_header(&mut log, start_epoch_s, start_text)?;
        log.flush()?;
        Ok(Writer { intervals, log, encoder: Encoder::default() })
    }

    /// Appends one second to both files and flushes them. The histograms go first: a second counts once its
    /// last line of counts is there.
    pub fn write(&mut self, second: &Second) -> io::Result<()> {
        let mut rows = Vec::new();
        for request in second.requests.iter().filter(|r| r.counts.requests > 0) {
            for (kind, histogram) in request.durations.by_kind() {
                // `response_ok` equals `response` but in the seconds in which a request failed.
                if kind == "response_ok" && request.counts.errors.is_empty() {
                    continue;
                }
                let tag = tag(&request.counts.request, kind, request.counts.warmup);
                let start_s = second.second as f64;
                histogram::write_log_row(&mut rows, &mut self.encoder, &tag, start_s, 1.0, histogram)?;
            }
        }
        self.log.write_all(&rows)?;
        self.log.flush()?;
        let mut lines = Vec::new();
        let requests = second.requests.iter().map(|r| LineKind::Request(r.counts.clone()));
        let generator = second.generator.iter().map(|g| LineKind::Generator(g.clone()));
        for what in requests.chain(generator) {
            serde_json::to_writer(&mut lines, &Line { second: second.second, what })?;
            lines.push(b'\n');
        }
        self.intervals.write_all(&lines)?;
        self.intervals.flush()
    }
}

/// Why a recording could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Reading failed.
    #[error("failed to read {file}")]
    Io {
        /// Which of the two files.
        file: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// A line of counts is not what it should be.
    #[error("{INTERVALS_FILE} line {line}: {message}")]
    Interval {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// A row of the histogram log is not what it should be.
    #[error("{LOG_FILE} line {line}: {message}")]
    Log {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
}

/// The name of the file with the counts.
pub const INTERVALS_FILE: &str = "intervals.ndjson";
/// The name of the file with the histograms.
pub const LOG_FILE: &str = "latency.hlog";

/// Reads a recording back, second by second, in order and in bounded memory.
///
/// What a killed process left half-written at the end (a line without its line break, a last second whose
/// histograms or counts are missing) is left out; a fault anywhere else is an error.
#[derive(Debug)]
pub struct Reader<I, H> {
    intervals: Lines<I>,
    log: Lines<H>,
    next_line: Option<Line>,
    next_row: Option<LogRow>,
    failed: bool,
}

impl<I: BufRead, H: BufRead> Reader<I, H> {
    /// Reads from the beginning of `intervals.ndjson` and `latency.hlog`.
    pub fn new(intervals: I, log: H) -> Self {
        Reader {
            intervals: Lines::new(intervals),
            log: Lines::new(log),
            next_line: None,
            next_row: None,
            failed: false,
        }
    }

    fn next_line(&mut self) -> Result<Option<Line>, ReadError> {
        if let Some(line) = self.next_line.take() {
            return Ok(Some(line));
        }
        let io = |source| ReadError::Io { file: INTERVALS_FILE, source };
        let Some(text) = self.intervals.next().map_err(io)? else { return Ok(None) };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| ReadError::Interval { line: self.intervals.number, message: e.to_string() })
    }

    fn next_row(&mut self) -> Result<Option<LogRow>, ReadError> {
        if let Some(row) = self.next_row.take() {
            return Ok(Some(row));
        }
        let io = |source| ReadError::Io { file: LOG_FILE, source };
        while let Some(text) = self.log.next().map_err(io)? {
            let row = histogram::read_log_line(&text)
                .map_err(|e: LogError| ReadError::Log { line: self.log.number, message: e.to_string() })?;
            if row.is_some() {
                return Ok(row);
            }
        }
        Ok(None)
    }

    fn next_second(&mut self) -> Result<Option<Second>, ReadError> {
        let Some(first) = self.next_line()? else { return Ok(None) };
        let mut second = Second { second: first.second, generator: Vec::new(), requests: Vec::new() };
        let mut line = Some(first);
        while let Some(Line { second: at, what }) = line {
            if at != second.second {
                self.next_line = Some(Line { second: at, what });
                break;
            }
            match what {
                LineKind::Generator(g) => second.generator.push(g),
                LineKind::Request(counts) => {
                    second.requests.push(RequestSecond { counts, durations: Durations::empty() })
                }
            }
            line = self.next_line()?;
        }
        let is_last = self.next_line.is_none();
        while let Some(row) = self.next_row()? {
            if row.start_s >= (second.second + 1) as f64 {
                self.next_row = Some(row);
                break;
            }
            match self.place(row, &mut second) {
                // The counts that the row belongs to were cut off.
                Err(_) if is_last => return Ok(None),
                placed => placed?,
            }
        }
        for request in &mut second.requests {
            if request.counts.errors.is_empty() {
                request.durations.response_ok = request.durations.response.clone();
            }
        }
        let whole = !second.generator.is_empty() && second.requests.iter().all(RequestSecond::is_whole);
        match (whole, is_last) {
            (true, _) => Ok(Some(second)),
            (false, true) => Ok(None),
            (false, false) => Err(ReadError::Interval {
                line: self.intervals.number,
                message: format!("second {} does not agree with {LOG_FILE}", second.second),
            }),
        }
    }

    fn place(&self, row: LogRow, second: &mut Second) -> Result<(), ReadError> {
        let slot = parse_tag(&row.tag).and_then(|(name, kind, warmup)| {
            let found = |r: &&mut RequestSecond| r.counts.request == name && r.counts.warmup == warmup;
            second.requests.iter_mut().find(found)?.durations.of_kind(kind)
        });
        let wrong = |message: String| ReadError::Log { line: self.log.number, message };
        let slot = slot.ok_or_else(|| wrong(format!("unexpected tag `{}`", row.tag)))?;
        slot.add(&row.histogram).map_err(|_| wrong(format!("values of `{}` beyond one hour", row.tag)))
    }
}

impl<I: BufRead, H: BufRead> Iterator for Reader<I, H> {
    type Item = Result<Second, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_second().transpose();
        self.failed = !matches!(next, Some(Ok(_)));
        next
    }
}

/// The longest line that is read; a longer one is no line of ours.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Whole lines of a file: a last line without its line break is what a killed process left behind.
#[derive(Debug)]
struct Lines<R> {
    input: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(input: R) -> Self {
        Lines { input, number: 0 }
    }

    fn next(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut limited = io::Read::take(&mut self.input, LINE_BYTES_MAX);
        limited.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Ok(None);
        }
        self.number += 1;
        String::from_utf8(line).map(Some).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }
}
