//! `run.json`: how a run was made, how it ended, and its summary.
//!
//! Latencies are in milliseconds (`_ms`), other durations in seconds (`_s`), rates per second (`_per_s`), times
//! in RFC 3339 (UTC). A number that does not exist is `null`, never 0 and never NaN.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The schema of [`RunDocument`] and of [`Summary`].
pub const SCHEMA: &str = "loadline/run@1";

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Still going on, or ended without a word (`kill -9`, a power cut): then it is shown as incomplete.
    Running,
    /// Ran to its end.
    Complete,
    /// Ended early: by an objective with `abort`, for want of data rows, or without a word.
    Incomplete,
    /// Ended by the user.
    Interrupted,
}

/// The verdict on one objective or on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The promise was kept.
    Pass,
    /// The promise was broken.
    Fail,
    /// The data do not tell.
    Inconclusive,
    /// The measurement itself was spoiled.
    Invalid,
}

/// Whether the generator kept up, and so whether the figures are about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidityVerdict {
    /// The generator was not in the way.
    Valid,
    /// The generator was the bottleneck: the figures are about it, not about the service.
    GeneratorLimited,
}

/// The validity of a run with the figures behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The verdict.
    pub verdict: ValidityVerdict,
    /// Why it is limited, in plain words; empty when valid.
    pub reasons: Vec<String>,
    /// The 99th percentile of the generator delay, in milliseconds.
    pub generator_delay_p99_ms: Option<f64>,
    /// The share of a core that the busiest worker used over the run, 0 to 1.
    pub generator_cpu: Option<f64>,
    /// The largest share of time that the host or a cgroup limit took away in a second, 0 to 1.
    pub stolen: Option<f64>,
}

/// Quantiles, mean and maximum of one duration, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The median.
    pub p50_ms: Option<f64>,
    /// The 90th percentile.
    pub p90_ms: Option<f64>,
    /// The 95th percentile.
    pub p95_ms: Option<f64>,
    /// The 99th percentile.
    pub p99_ms: Option<f64>,
    /// The 99.9th percentile.
    pub p999_ms: Option<f64>,
    /// The 99.99th percentile.
    pub p9999_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
    /// The arithmetic mean.
    pub mean_ms: Option<f64>,
    /// The fields that rest on fewer than ten samples beyond the quantile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub too_few_samples: Vec<String>,
}

/// Failed requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    /// How many.
    pub total: u64,
    /// Over all requests.
    pub rate: Option<f64>,
    /// By class (see the generator's error classes).
    pub by_class: BTreeMap<String, u64>,
    /// The first failures of each class in words, at most [`EXAMPLES_MAX`] that differ.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub examples: BTreeMap<String, Vec<String>>,
}

/// Examples that are kept of one class of errors.
pub const EXAMPLES_MAX: usize = 3;

/// Adds failures in words to those of their class, as far as there is room and they differ.
pub fn add_examples<'a>(
    into: &mut BTreeMap<String, Vec<String>>,
    class: &str,
    texts: impl IntoIterator<Item = &'a String>,
) {
    let known = into.entry(class.to_owned()).or_default();
    for text in texts {
        if known.len() < EXAMPLES_MAX && !known.contains(text) {
            known.push(text.clone());
        }
    }
}

/// The figures of one named request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestSummary {
    /// The label given in the scenario, never a raw URL.
    pub name: String,
    /// Requests that ended, failed ones and those unanswered at the end included.
    pub requests: u64,
    /// The same, per second.
    pub requests_per_s: Option<f64>,
    /// Failed ones.
    pub errors: Errors,
    /// Bytes of bodies received.
    pub bytes_received: u64,
    /// Bytes of bodies sent.
    pub bytes_sent: u64,
    /// Intended → done.
    pub response: Latency,
    /// The same, of requests without error.
    pub response_ok: Latency,
    /// Sent → done.
    pub service: Latency,
    /// Intended → sent, as far as the generator alone was the reason.
    pub delay: Latency,
}

/// The verdict on one objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SloResult {
    /// The objective as it was written.
    pub slo: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What was observed; for windows the worst of them.
    pub observed: Option<f64>,
    /// The limit.
    pub limit: f64,
    /// The unit of both: `ms`, `ratio` or `per_s`.
    pub unit: String,
    /// Why it is inconclusive or invalid, or which window broke it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Connections opened, and what opening them took. The time is part of the service time of the request that
/// needed the connection; here it stands apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Connections {
    /// How many were opened.
    pub opened: u64,
    /// Mean time of name resolution, where there was any.
    pub dns_mean_ms: Option<f64>,
    /// The longest name resolution.
    pub dns_max_ms: Option<f64>,
    /// Mean time to connect: TCP, and TLS where used.
    pub connect_mean_ms: Option<f64>,
    /// The longest time to connect.
    pub connect_max_ms: Option<f64>,
}

/// What a run says: printed by `run --json`, kept in `run.json`, made again by `report -o x.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: String,
    /// The scenario's name.
    pub name: String,
    /// How far the run came.
    pub status: Status,
    /// The verdict over all objectives; `null` without objectives.
    pub verdict: Option<Verdict>,
    /// Where it is known, why the run ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// Whether the figures can be trusted.
    pub validity: Validity,
    /// `open` (by arrival rate) or `closed` (by users).
    pub model: LoadModel,
    /// The length of the measured part in seconds, warm-up and drain left out.
    pub duration_s: f64,
    /// Requests that ended in the measured part, unanswered ones included.
    pub requests: u64,
    /// The same, per second.
    pub requests_per_s: Option<f64>,
    /// Arrivals of flows asked for, per second.
    pub offered_per_s: Option<f64>,
    /// Flows started, per second.
    pub achieved_per_s: Option<f64>,
    /// Flows completed without error, per second.
    pub throughput_per_s: Option<f64>,
    /// Arrivals that waited for a place among those in flight or for a connection.
    pub late: u64,
    /// Arrivals that were never sent.
    pub dropped: u64,
    /// Requests that were in flight when the drain ended. In a run that ended early they had less time than they were
    /// promised, and are no failures.
    pub unanswered: u64,
    /// Failed requests.
    pub errors: Errors,
    /// Intended → done, over all requests.
    pub response: Latency,
    /// The same, of requests without error.
    pub response_ok: Latency,
    /// Sent → done.
    pub service: Latency,
    /// Intended → sent, as far as the generator alone was the reason.
    pub delay: Latency,
    /// Connections opened.
    pub connections: Connections,
    /// Processor time of the service over the requests, in milliseconds, where it was asked for its processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms_per_request: Option<f64>,
    /// The same by named request, in the order of the scenario.
    pub requests_by_name: Vec<RequestSummary>,
    /// The objectives and what became of them.
    pub slos: Vec<SloResult>,
    /// What a reader should know besides, in plain words.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Who decides when the next request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadModel {
    /// The schedule: arrivals come at a rate, whatever the service does.
    Open,
    /// The users: each waits for the answer and thinks before the next request.
    Closed,
}

/// One stage of the load, as it was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// Arrivals per second at its beginning; `null` in the closed model.
    pub from_per_s: Option<f64>,
    /// Arrivals per second at its end.
    pub to_per_s: Option<f64>,
    /// Users, in the closed model.
    pub users: Option<u32>,
    /// How long.
    pub duration_s: f64,
    /// Left out of objectives and summary.
    pub warmup: bool,
    /// `uniform` or `poisson`; `null` in the closed model.
    pub arrivals: Option<String>,
}

/// The machine that drove the load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Kernel and architecture, such as `Linux 6.1.0 x86_64`.
    pub system: String,
    /// Logical processors.
    pub cpus: u32,
    /// The processor's own name, where the system tells.
    pub cpu_model: Option<String>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
}

/// What a service says of its own processor time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceCpu {
    /// Processor seconds a second.
    pub cores: f64,
    /// Where it was read, secrets struck out.
    pub source: String,
}

/// Between what a duel was, and what was asked of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DuelTerms {
    /// Where the candidate is, user info and query values struck out; the base is the run's target.
    pub candidate: String,
    /// The change that does not matter, as a fraction of the base.
    pub tolerance: f64,
    /// The confidence of the intervals, 0 to 1.
    pub confidence: f64,
    /// The metrics, as they were asked for.
    pub metrics: Vec<String>,
    /// Objectives of the scenario, which a duel does not judge.
    #[serde(default)]
    pub objectives: usize,
}

/// `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDocument {
    /// [`SCHEMA`].
    pub schema: String,
    /// The scenario's name.
    pub name: String,
    /// A short random id.
    pub id: String,
    /// How far the run came.
    pub status: Status,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// The command line, secrets, user info and tokens struck out.
    pub command: Vec<String>,
    /// The target with user info and query values struck out.
    pub target: String,
    /// Given for a duel; then `request_names` has each request once for either build, the base's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duel: Option<DuelTerms>,
    /// The scenario as it was resolved, secrets struck out.
    pub scenario: serde_json::Value,
    /// The stages as they were run.
    pub stages: Vec<StageRecord>,
    /// The objectives, as text.
    pub slos: Vec<String>,
    /// The names of the requests, in the order of the scenario.
    pub request_names: Vec<String>,
    /// Who decides when the next request comes.
    pub model: LoadModel,
    /// What fixes arrivals, data rows, think times and choices between flows.
    pub seed: u64,
    /// Versions of what made the run, by name (`loadline`, …).
    pub versions: BTreeMap<String, String>,
    /// The machine.
    pub host: Host,
    /// Threads that drove the load.
    pub workers: u32,
    /// The bound on flows in flight.
    pub max_in_flight: u32,
    /// What was chosen for the user and why, in plain words (a lowered bound, a pacing mode).
    #[serde(default)]
    pub notes: Vec<String>,
    /// Where the load was ended early: how long after its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_ended_s: Option<f64>,
    /// Where the reason is known, why the run ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// The processors that the service used in the measured part, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_cpu: Option<ServiceCpu>,
    /// The summary; `null` until the run has ended.
    pub summary: Option<Summary>,
}
