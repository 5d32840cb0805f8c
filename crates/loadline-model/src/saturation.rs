//! `loadline/saturation@1`: the highest rate within the objectives, as it was searched for.

use serde::{Deserialize, Serialize};

use crate::fit::{FitDocument, Interval};
use crate::run::{LoadModel, Status, Validity, Verdict};

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

/// One objective in one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepFigure {
    /// The objective, as it was written.
    pub slo: String,
    /// What was observed; `null` without data.
    pub observed: Option<f64>,
    /// Its interval, autocorrelation considered.
    pub interval: Option<Interval>,
    /// The unit of both: `ms`, `ratio` or `per_s`.
    pub unit: String,
    /// Whether it was kept or broken; `null` in files of versions that did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<StepVerdict>,
}

/// One step of the search, as it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepDocument {
    /// When it began, in seconds since the start of the run.
    #[serde(default)]
    pub start_s: f64,
    /// The rate offered; in the closed model the rate achieved.
    pub rate_per_s: f64,
    /// Flows completed per second once settled.
    pub achieved_per_s: Option<f64>,
    /// Its interval, autocorrelation considered.
    #[serde(default)]
    pub achieved_interval_per_s: Option<Interval>,
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
    /// Whether this is a longer run at what was the capacity by then.
    #[serde(default)]
    pub confirming: bool,
    /// The objectives, in their order.
    #[serde(default)]
    pub figures: Vec<StepFigure>,
    /// Which of them stood worst.
    #[serde(default)]
    pub worst: Option<String>,
    /// What a reader should know of this step, in plain words: why it was cut short or repeated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One point of the curve of the limiting objective against the load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The rate offered.
    pub rate_per_s: f64,
    /// The figure of the objective there, in its unit.
    pub value: f64,
    /// Its interval, by the confidence of the document.
    pub interval: Interval,
}

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// Processors.
    Cpu,
    /// Memory.
    Memory,
    /// Disks.
    Disk,
    /// Network interfaces.
    Network,
    /// Workers, threads, connections, descriptors: what there is a fixed number of.
    Pool,
}

/// How busy one resource was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// What it is, for people: `workers`, `cpu 127.0.0.1:9100`.
    pub name: String,
    /// What kind.
    pub kind: ResourceKind,
    /// The metrics it was read from.
    pub metric: String,
    /// The share in use during each step, 0 to 1, in the order of the steps; `null` where it was not sampled.
    pub by_step: Vec<Option<f64>>,
    /// The share in use at the capacity, by the straight line through the steps (utilisation law, U = X·D).
    pub at_capacity: Option<f64>,
    /// The rate at which that line has all of it in use.
    pub full_at_per_s: Option<f64>,
}

/// What was seen of the service's resources while it was driven.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Where it was read, user info and query values struck out.
    pub source: String,
    /// How often it was read, and how often that failed.
    pub samples: u64,
    /// Readings that failed.
    pub failed: u64,
    /// The resources sampled, the busiest at the capacity first.
    pub resources: Vec<Resource>,
    /// The name of the resource that reaches its limit at the knee; `null` where none of them did.
    pub saturated: Option<String>,
    /// The same in a sentence, with its evidence.
    pub finding: String,
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// With an interval as narrow as was asked for.
    Converged,
    /// With a wider one: the time was spent.
    Imprecise,
    /// At the highest load allowed, where no objective was broken.
    AtMaximum,
    /// The generator could not drive more.
    GeneratorLimited,
    /// The objectives are broken at the least load already.
    NothingPasses,
    /// The time was spent before an objective broke.
    OutOfTime,
}

/// Which ends of the interval are bounds of the search, and no finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOff {
    /// The lower end is the least load allowed: the capacity may be lower.
    pub low: bool,
    /// The upper end is the most load allowed: the capacity may be higher.
    pub high: bool,
}

impl CutOff {
    /// Whether both ends come from the data.
    pub fn is_not(&self) -> bool {
        !self.low && !self.high
    }
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
    /// Whether the interval ends where the search was allowed to go no lower or no higher, and not where the data end it.
    #[serde(default, skip_serializing_if = "CutOff::is_not")]
    pub cut_off: CutOff,
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
    /// How the search ended; `null` where it was ended before it had anything to say.
    #[serde(default)]
    pub end: Option<SearchEnd>,
    /// How far the search came.
    #[serde(default = "complete")]
    pub status: Status,
    /// What was searched for: an arrival rate in the open model, a number of users in the closed one.
    #[serde(default = "open")]
    pub model: LoadModel,
    /// In the closed model: the most users within the objectives; `capacity_per_s` is the rate they make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_users: Option<f64>,
    /// Its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_users: Option<Interval>,
    /// Requests of a flow on average, where a flow is more than one: rates count flows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_flow: Option<f64>,
    /// The objectives, as they were written.
    #[serde(default)]
    pub slos: Vec<String>,
    /// The figure of the limiting objective against the load, as the search understands it.
    #[serde(default)]
    pub curve: Vec<CurvePoint>,
    /// The service's resources, where they were sampled.
    #[serde(default)]
    pub evidence: Option<Evidence>,
    /// Half the width of the interval over the capacity that was asked for.
    #[serde(default)]
    pub precision: Option<f64>,
    /// The capacity that was required, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_per_s: Option<f64>,
    /// The verdict on that requirement.
    #[serde(default)]
    pub verdict: Option<Verdict>,
}

/// An interval whose half is a larger share of the capacity than this says little more than an order of magnitude.
const VAGUE: f64 = 0.25;

impl SaturationDocument {
    /// Half the width of the interval over the capacity, where both are known.
    pub fn half_width(&self) -> Option<f64> {
        let (low, high) = self.interval?;
        Some((high? - low) / 2.0 / self.capacity_per_s?)
    }

    /// Whether the interval is too wide for the capacity to be called found.
    pub fn is_vague(&self) -> bool {
        self.half_width().is_some_and(|half| half > VAGUE.max(self.precision.unwrap_or(0.0)))
    }
}

fn complete() -> Status {
    Status::Complete
}

fn open() -> LoadModel {
    LoadModel::Open
}
