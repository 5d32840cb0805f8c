//! `loadline/changes@1`: the change points in a history of runs.

use serde::{Deserialize, Serialize};

/// The schema of [`Changes`].
pub const SCHEMA: &str = "loadline/changes@1";

/// One lasting change of level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The metric.
    pub metric: String,
    /// Which of several histories it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// The first run of the new level, from 0.
    pub index: usize,
    /// When that run was made, as its table has it.
    pub time: Option<String>,
    /// Its commit, where the history has commits.
    pub commit: Option<String>,
    /// The first and last index at which the change can have been, at the stated confidence.
    pub index_interval: [usize; 2],
    /// The level before.
    pub before: f64,
    /// The level after.
    pub after: f64,
    /// The change as a fraction of the level before; `null` where that is 0.
    pub change: Option<f64>,
    /// The interval of the change.
    pub interval: Option<[f64; 2]>,
}

/// What a history says of a metric.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Its level has changed.
    Changed,
    /// The last run or two lie apart, which are too few to tell a lasting change from wild runs; a note says by how much.
    LastRunsApart,
    /// It has shifted where no change of the code can have made it, such as within one commit; a note says where.
    Shifted,
    /// It has not, by more than could have been seen.
    NoChange,
    /// It moves steadily from the first run to the last, rather than at any one; a note says by how much.
    Trend,
    /// There are too few runs to say.
    #[default]
    TooFewRuns,
}

/// What became of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricHistory {
    /// The metric.
    pub metric: String,
    /// Which of several histories it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Runs that have it.
    pub runs: usize,
    /// How many changes were found.
    pub changes: usize,
    /// What that says.
    #[serde(default)]
    pub finding: Finding,
    /// The smallest change in the middle of the history that would have been found with a probability of 80 %.
    pub min_detectable_change: Option<f64>,
    /// Shifts that lie inside one commit, so that no change of the code can have made them, and other remarks.
    pub notes: Vec<String>,
}

/// What `changes --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// [`SCHEMA`].
    pub schema: String,
    /// The changes, by metric and then by place.
    pub changes: Vec<Change>,
    /// The confidence of the intervals, 0 to 1.
    pub confidence: f64,
    /// Metric by metric: a metric without a change is said to have none.
    pub metrics: Vec<MetricHistory>,
}
