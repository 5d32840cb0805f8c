//! What was measured, second by second: `intervals.ndjson` and `latency.hlog`.
//!
//! A [`Second`] is what the generator hands out once a second, what is appended to the two files, and what a
//! report or a summary is made from. Nothing else of a run is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;

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
