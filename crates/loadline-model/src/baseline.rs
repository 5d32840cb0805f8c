//! `loadline/baseline@1`: one run in one small file that can be committed, for comparisons later.
//!
//! It holds the run's document with its summary, a fingerprint of what a comparison should find alike, and the
//! measured part in some tens of blocks, which tell how noisy the run was within itself.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::histogram::{self, Histogram};
use crate::recording::Second;
use crate::run::{Host, RunDocument};

/// The schema of [`Baseline`].
pub const SCHEMA: &str = "loadline/baseline@1";

/// Blocks at most; at least half as many, unless the run has fewer seconds.
const BLOCKS_MAX: usize = 40;

/// What should be alike where two runs are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// A hash of the scenario as resolved, its name and target left out, and of the stages: 16 hexadecimal digits.
    pub scenario: String,
    /// The machine that drove the load, in words.
    pub host: String,
    /// Versions of what made the run, by name.
    pub versions: BTreeMap<String, String>,
}

/// Some seconds of the measured part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// How many seconds had requests.
    pub seconds: u64,
    /// Requests that ended.
    pub requests: u64,
    /// Failed ones.
    pub failed: u64,
    /// Response times, as a compressed HdrHistogram V2 payload in base64.
    #[serde(with = "payload")]
    pub response: Histogram,
}

/// A run in one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// [`SCHEMA`].
    pub schema: String,
    /// What should be alike in a comparison.
    pub fingerprint: Fingerprint,
    /// How the run was made, and its summary.
    pub run: RunDocument,
    /// The measured part.
    pub blocks: Vec<Block>,
    /// A hash of all that stands before it, blanks left out, which tells an edited file: 16 hexadecimal digits. Empty until
    /// it is written, and in files that are older than this field.
    #[serde(default)]
    checksum: String,
    /// Whether the file was edited since it was written.
    #[serde(skip)]
    pub is_edited: bool,
}

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The bytes cannot be read.
    #[error("failed to read the baseline")]
    Io(#[from] io::Error),
    /// The JSON is not that of a baseline.
    #[error("it is no baseline as `loadline run --save-baseline` writes: {0}")]
    Json(#[from] serde_json::Error),
    /// Another schema.
    #[error("its schema is `{0}`; this version reads `{SCHEMA}`")]
    Schema(String),
    /// A run without its summary.
    #[error("its run has no summary: it did not come to its end")]
    NoSummary,
}

impl Fingerprint {
    /// Of a run.
    pub fn of(run: &RunDocument) -> Fingerprint {
        let mut scenario = run.scenario.clone();
        if let Some(fields) = scenario.as_object_mut() {
            fields.remove("name");
            fields.remove("target");
        }
        let stages = serde_json::to_value(&run.stages).unwrap_or_default();
        let Host { system, cpus, cpu_model, .. } = &run.host;
        let model = cpu_model.as_deref().unwrap_or("unknown processor");
        Fingerprint {
            scenario: format!("{:016x}", fnv(&format!("{scenario}{stages}"))),
            host: format!("{system}, {cpus} × {model}"),
            versions: run.versions.clone(),
        }
    }
}

impl Baseline {
    /// Of a run that has ended, and the blocks of its measured part.
    pub fn new(run: RunDocument, blocks: Vec<Block>) -> Baseline {
        let fingerprint = Fingerprint::of(&run);
        Baseline {
            schema: SCHEMA.into(),
            fingerprint,
            run,
            blocks,
            checksum: String::new(),
            is_edited: false,
        }
    }

    /// Reads a baseline.
    ///
    /// # Errors
    /// When the bytes are no baseline of this schema, or its run has no summary.
    pub fn read(mut input: impl Read) -> Result<Baseline, BaselineError> {
        let mut text = String::new();
        input.read_to_string(&mut text)?;
        let json: serde_json::Value = serde_json::from_str(&text)?;
        let schema = json["schema"].as_str().unwrap_or("none");
        if schema != SCHEMA {
            return Err(BaselineError::Schema(schema.into()));
        }
        let mut baseline: Baseline = serde_json::from_value(json)?;
        let is_known = !baseline.checksum.is_empty();
        baseline.is_edited = baseline.fingerprint != Fingerprint::of(&baseline.run)
            || (is_known && baseline.checksum != checksum(&text));
        if baseline.run.summary.is_none() { Err(BaselineError::NoSummary) } else { Ok(baseline) }
    }

    /// Writes it, one field a line, so that differences can be read.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        let unsigned = Baseline { checksum: String::new(), ..self.clone() };
        let text = serde_json::to_string_pretty(&unsigned)?;
        let signed = Baseline { checksum: checksum(&text), ..unsigned };
        serde_json::to_writer_pretty(&mut out, &signed)?;
        out.write_all(b"\n")
    }
}

/// The hash of a document up to its checksum, without blanks, which line ends and indentation may change.
fn checksum(text: &str) -> String {
    let signed = text.rfind("\"checksum\"").map_or(text, |at| &text[..at]);
    let plain: String = signed.chars().filter(|letter| !letter.is_whitespace()).collect();
    format!("{:016x}", fnv(&plain))
}

/// Gathers the measured part of a run into blocks of equal length, in bounded memory.
#[derive(Debug, Default)]
pub struct Blocks {
    list: Vec<Block>,
    /// Seconds of a block, a power of two; 0 before the first.
    length: u64,
}

impl Blocks {
    /// Takes the next second. One without a measured request is passed over.
    pub fn push(&mut self, second: &Second) {
        let mut block = Block { seconds: 1, requests: 0, failed: 0, response: histogram::new() };
        for request in second.requests.iter().filter(|request| !request.counts.warmup) {
            block.requests += request.counts.requests;
            block.failed += request.counts.errors.values().sum::<u64>();
            merge(&mut block.response, &request.durations.response);
        }
        if block.requests == 0 {
            return;
        }
        self.length = self.length.max(1);
        match self.list.last_mut() {
            Some(last) if last.seconds < self.length => last.add(&block),
            _ => self.list.push(block),
        }
        if self.list.len() > BLOCKS_MAX {
            self.halve();
        }
    }

    /// The blocks; a last one that is cut short, or holds hardly more than what was still on its way at the end of the
    /// load, is added to the one before.
    pub fn finish(mut self) -> Vec<Block> {
        if let [.., before, last] = self.list.as_slice()
            && (2 * last.seconds < self.length || 2 * last.requests < before.requests)
            && let Some(last) = self.list.pop()
            && let Some(before) = self.list.last_mut()
        {
            before.add(&last);
        }
        self.list
    }

    fn halve(&mut self) {
        self.length *= 2;
        let mut pairs = std::mem::take(&mut self.list).into_iter();
        while let Some(mut first) = pairs.next() {
            if let Some(second) = pairs.next() {
                first.add(&second);
            }
            self.list.push(first);
        }
    }
}

impl Block {
    /// Neighbours as one.
    pub fn sum(blocks: &[Block]) -> Block {
        let mut all = Block { seconds: 0, requests: 0, failed: 0, response: histogram::new() };
        blocks.iter().for_each(|block| all.add(block));
        all
    }

    fn add(&mut self, other: &Block) {
        self.seconds += other.seconds;
        self.requests += other.requests;
        self.failed += other.failed;
        merge(&mut self.response, &other.response);
    }
}

fn merge(into: &mut Histogram, from: &Histogram) {
    into.add(from).expect("all histograms have the same bounds");
}

/// FNV-1a of 64 bits (Fowler, Noll and Vo): the same on every machine and in every version.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Histograms as text.
mod payload {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::histogram::{self, Encoder, Histogram};

    pub(super) fn serialize<S: Serializer>(histogram: &Histogram, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&Encoder::default().base64(histogram).map_err(serde::ser::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Histogram, D::Error> {
        let text = String::deserialize(input)?;
        let read = histogram::from_base64(&text);
        // Brought to our own bounds, so that it can be added to others.
        let read = read.ok_or_else(|| de::Error::custom("`response` is no HdrHistogram V2 payload"))?;
        let mut own = histogram::new();
        own.add(&read).map_err(|_| de::Error::custom("`response` goes beyond an hour"))?;
        Ok(own)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::recording::{Durations, RequestCounts, RequestSecond};

    fn second(at: u64, requests: u64, warmup: bool) -> Second {
        let mut durations = Durations::empty();
        for _ in 0..requests {
            histogram::record(&mut durations.response, Duration::from_millis(1 + at));
        }
        let counts = RequestCounts { request: "a".into(), warmup, requests, ..Default::default() };
        Second { second: at, generator: Vec::new(), requests: vec![RequestSecond { counts, durations }] }
    }

    #[test]
    fn blocks_are_few_equal_and_lose_nothing() {
        let mut blocks = Blocks::default();
        blocks.push(&second(0, 5, true));
        (0..160).for_each(|at| blocks.push(&second(at, 10, false)));
        let blocks = blocks.finish();
        assert!((20..=40).contains(&blocks.len()), "{}", blocks.len());
        assert!(blocks.iter().all(|block| block.seconds.abs_diff(blocks[0].seconds) <= 2));
        assert_eq!(blocks.iter().map(|block| block.requests).sum::<u64>(), 1600);
        assert_eq!(blocks.iter().map(|block| block.response.len()).sum::<u64>(), 1600);
    }

    #[test]
    fn blocks_survive_the_file() {
        let mut blocks = Blocks::default();
        (0..3).for_each(|at| blocks.push(&second(at, 10, false)));
        let blocks = blocks.finish();
        let text = serde_json::to_string(&blocks).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Block>>(&text).unwrap(), blocks);
    }

    /// A figure that was edited is noticed; other indentation and line ends are not.
    #[test]
    fn an_edited_file_is_noticed() {
        let text = "{\n  \"a\": 1.5,\n  \"checksum\": \"\"\n}";
        let sum = checksum(text);
        assert_eq!(checksum("{\"a\":1.5,\r\n\"checksum\":\"0123\"}"), sum);
        assert_ne!(checksum("{\"a\": 1.6, \"checksum\": \"\"}"), sum);
    }

    #[test]
    fn what_is_no_baseline_is_said() {
        let said = |text: &str| Baseline::read(text.as_bytes()).unwrap_err().to_string();
        assert!(said("{}").contains("schema is `none`"));
        assert!(said("{").contains("no baseline"));
        assert!(said("{\"schema\":\"loadline/baseline@1\"}").contains("no baseline"));
    }
}
