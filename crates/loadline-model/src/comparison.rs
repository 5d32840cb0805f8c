//! `loadline/comparison@1`: the verdict between two groups of runs.
//!
//! A change is a fraction of the base; positive means larger. A number that does not exist is `null`.

use serde::{Deserialize, Serialize};

/// The schema of [`Comparison`].
pub const SCHEMA: &str = "loadline/comparison@1";

/// What the runs say about the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The change is shown to lie within the tolerance.
    Pass,
    /// Shown to be better, and not shown to be within the tolerance.
    Improved,
    /// Shown to be worse by more than the tolerance.
    Regressed,
    /// The runs do not tell.
    Inconclusive,
    /// No valid run is left on one side.
    Invalid,
}

impl Verdict {
    /// As it stands in the document.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Improved => "improved",
            Verdict::Regressed => "regressed",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Invalid => "invalid",
        }
    }
}

/// A run that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcludedRun {
    /// Its name: the id in its table, or its folder.
    pub run: String,
    /// `base`, `candidate` or `history`.
    pub side: String,
    /// Why, in plain words.
    pub reason: String,
}

/// One metric of one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricComparison {
    /// As it was asked for.
    pub metric: String,
    /// The request it is about; `all`: all of them.
    pub request: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// Runs of the base that have it; blocks in a duel.
    pub base_runs: usize,
    /// Runs of the candidate that have it; blocks in a duel.
    pub candidate_runs: usize,
    /// The median over the base runs.
    pub base: Option<f64>,
    /// The median over the candidate runs.
    pub candidate: Option<f64>,
    /// The change as a fraction of the base; `null` where the base is 0 or a side is missing.
    pub change: Option<f64>,
    /// The lower end of its interval at the stated confidence.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Candidate less base in the metric's own unit, given where there is no fraction of the base or it has no interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<f64>,
    /// The interval of the difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference_interval: Option<[f64; 2]>,
    /// The verdict.
    pub verdict: Verdict,
    /// The smallest change for the worse that these runs would have called a regression with a probability of 80 %.
    pub min_detectable_change: Option<f64>,
    /// The same in the metric's own unit, given where there is no fraction of the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_detectable_difference: Option<f64>,
    /// About how many more runs a side would settle an inconclusive verdict; `null` where none would, or it is settled.
    pub more_runs_needed: Option<u64>,
    /// About how many more seconds of a duel would settle an inconclusive verdict; `null` where none would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_time_needed_s: Option<f64>,
    /// What a reader should know: why it is inconclusive, how the runs were read.
    #[serde(default)]
    pub reasons: Vec<String>,
}

/// Why a duel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuelEnd {
    /// Every metric was decided, or one had regressed.
    Decided,
    /// The time was up.
    TimeUp,
    /// The load came to an end of its own: the rows of a data source were used up, or a target was unreachable.
    LoadEnded,
    /// The user ended it.
    Interrupted,
}

/// How two builds were loaded together in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Duel {
    /// Where the base was, user info and query values struck out.
    pub base_target: String,
    /// Where the candidate was.
    pub candidate_target: String,
    /// Seconds that count.
    pub seconds_used: u64,
    /// Seconds that were left out since the generator was the bottleneck.
    pub seconds_left_out: u64,
    /// Requests of the base in the seconds that count.
    pub base_requests: u64,
    /// Requests of the candidate.
    pub candidate_requests: u64,
    /// From the first arrival to the end of the load, in seconds.
    pub elapsed_s: f64,
    /// The time there was, in seconds.
    pub max_time_s: f64,
    /// Why it ended.
    pub ended: DuelEnd,
}

/// What `compare --json` and `duel --json` print.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: String,
    /// The worst over all metrics: invalid, regressed, inconclusive, then improved if any, else pass.
    pub verdict: Verdict,
    /// The change that does not matter, as a fraction of the base.
    pub tolerance: f64,
    /// The confidence of the intervals, 0 to 1.
    pub confidence: f64,
    /// Runs of the base that were used; 1 in a duel.
    pub base_runs: usize,
    /// Runs of the candidate that were used; 1 in a duel.
    pub candidate_runs: usize,
    /// Earlier runs that were used.
    pub history_runs: usize,
    /// Metric by metric, in the order asked for.
    pub metrics: Vec<MetricComparison>,
    /// About how many more runs a side would settle every inconclusive metric that runs can settle.
    pub more_runs_needed: Option<u64>,
    /// Runs that were left out.
    #[serde(default)]
    pub excluded: Vec<ExcludedRun>,
    /// What a reader should know besides.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Given for a duel: how it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duel: Option<Duel>,
}
