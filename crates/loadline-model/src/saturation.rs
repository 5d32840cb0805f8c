//! `loadline/saturation@1`: the highest rate within the objectives, as it was searched for.

use serde::{Deserialize, Serialize};

use crate::fit::{FitDocument, Interval};
use crate::run::Validity;

/// The schema of [`SaturationDocument`].
pub const SCHEMA: &str = "loadline/saturation@1";

/// The verdict on one step of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepVerdict {
    /// All objectives were kept, their uncertainty considered.
    Pass,
    /// One was broken.
    Fail,
    /// The step was too short or too noisy to tell.
    Unclear,
    /// The generator was the bottleneck.
    GeneratorLimited,
}

/// One step of the search, as it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepDocument {
    /// The rate offered; in the closed model the rate achieved.
    pub rate_per_s: f64,
    /// Flows started per second.
    pub achieved_per_s: Option<f64>,
    /// Users, in the closed model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<f64>,
    /// Mean requests in the system, by Little's law.
    pub concurrency: Option<f64>,
    /// Median response time.
    pub p50_ms: Option<f64>,
    /// 99th percentile of the response time.
    pub p99_ms: Option<f64>,
    /// The interval of that percentile, autocorrelation considered.
    pub p99_interval_ms: Option<Interval>,
    /// Failed requests over all requests.
    pub error_rate: Option<f64>,
    /// The verdict.
    pub verdict: StepVerdict,
    /// Seconds left out at the beginning, until the service had settled; `null` where it never settled.
    pub warmup_s: Option<f64>,
    /// The length of the step in seconds, warm-up included.
    pub duration_s: f64,
    /// Whether this is the longer run at the rate reported.
    #[serde(default)]
    pub confirming: bool,
}

/// What `loadline saturate` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaturationDocument {
    /// [`SCHEMA`].
    pub schema: String,
    /// Whether the figures can be trusted.
    pub validity: Validity,
    /// The highest rate within the objectives; `null` where no upper bound was found.
    pub capacity_per_s: Option<f64>,
    /// Its interval; `[low, null]` where no upper bound was found; `null` where nothing passed.
    pub interval: Option<Interval>,
    /// The confidence of the interval, 0 to 1.
    pub confidence: f64,
    /// The objective that is broken first, as it was written.
    pub limited_by: Option<String>,
    /// All steps, in the order in which they were run.
    pub steps: Vec<StepDocument>,
    /// The saturation curve through the steps; `null` with fewer than three rates.
    pub fit: Option<FitDocument>,
    /// How long it took.
    pub elapsed_s: f64,
    /// Why the search ended as it did, in plain words.
    #[serde(default)]
    pub reasons: Vec<String>,
}
