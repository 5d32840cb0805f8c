//! `loadline/fit@1`: a saturation model fitted to measured points.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The schema of [`FitDocument`].
pub const SCHEMA: &str = "loadline/fit@1";

/// A lower and an upper end; `null` where the data set no upper bound.
pub type Interval = (f64, Option<f64>);

/// Intervals of the parameters of the USL; `null` where there are no more measurements than parameters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ParameterIntervals {
    /// Of λ.
    pub lambda: Option<Interval>,
    /// Of σ.
    pub sigma: Option<Interval>,
    /// Of κ.
    pub kappa: Option<Interval>,
    /// The confidence of all intervals of the document, 0 to 1.
    pub confidence: f64,
}

/// Where throughput is largest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// The concurrency there; `null` where the data do not show a peak.
    pub concurrency: Option<f64>,
    /// Its interval; of the curves that peak, where several are believed.
    #[serde(default)]
    pub concurrency_interval: Option<Interval>,
    /// The largest throughput, or the ceiling that it nears; `null` where it has none.
    pub throughput_per_s: Option<f64>,
    /// The interval of that throughput.
    pub interval: Option<Interval>,
    /// The least concurrency with nine tenths of that throughput.
    pub concurrency_at_90_percent: Option<f64>,
    /// Its interval.
    pub concurrency_at_90_percent_interval: Option<Interval>,
    /// `concurrency` over the largest one tested: above 1 it is an extrapolation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_beyond_tested: Option<f64>,
    /// `concurrency_at_90_percent` likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_at_90_percent_beyond_tested: Option<f64>,
}

/// The model at one concurrency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Requests or users in the system.
    pub concurrency: f64,
    /// Mean throughput there.
    pub throughput_per_s: Option<f64>,
    /// The interval of the true mean, not of one more observation.
    pub interval: Option<Interval>,
    /// Throughput gained by one more unit of concurrency; of M/M/c by how much more arrives when one request more is in the
    /// system on average.
    pub marginal_gain_per_s: Option<f64>,
    /// Its interval.
    #[serde(default)]
    pub marginal_gain_interval_per_s: Option<Interval>,
    /// Mean response time by Little's law, think time included if users think.
    pub latency_ms: Option<f64>,
    /// The concurrency over the largest one tested: above 1 it is an extrapolation.
    pub beyond_tested: f64,
}

/// What one more unit of concurrency is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// Requests or users in the system.
    pub concurrency: f64,
    /// Throughput gained by one more of them there.
    pub marginal_gain_per_s: Option<f64>,
    /// Its interval.
    pub marginal_gain_interval_per_s: Option<Interval>,
}

/// The rate at which an objective on the response time is met exactly, by a queue through the latencies: M/M/c where
/// arrivals come by themselves, a closed system where users wait for their answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// The objective, as it was written.
    pub slo: String,
    /// The rate; 0 where even an idle service breaks the objective.
    pub rate_per_s: f64,
    /// Its interval.
    pub interval: Interval,
    /// The number of users that make this rate, where users waited for their answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<f64>,
    /// Its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_interval: Option<Interval>,
    /// The rate over the largest one tested, of users their number: above 1 it is an extrapolation.
    pub beyond_tested: f64,
    /// Why it may not be trusted, in plain words: the queue misses the latencies, or the means do not
    /// tell a percentile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// An M/M/c queue that explains the latencies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// Parallel servers.
    pub servers: f64,
    /// Their interval.
    pub servers_interval: Interval,
    /// Mean service time.
    pub service_time_ms: f64,
    /// Its interval.
    pub service_time_interval_ms: Interval,
}

/// What `loadline fit` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitDocument {
    /// [`SCHEMA`].
    pub schema: String,
    /// `usl`, `queue`, or for `auto` the family of curves with the largest weight.
    pub model: String,
    /// λ of the USL by least squares, whatever the model; `null` for a queue.
    pub lambda: Option<f64>,
    /// σ likewise.
    pub sigma: Option<f64>,
    /// κ likewise.
    pub kappa: Option<f64>,
    /// Their intervals.
    pub intervals: ParameterIntervals,
    /// The largest throughput.
    pub peak: Peak,
    /// How much each family of curves is believed, adding up to 1.
    pub weights: BTreeMap<String, f64>,
    /// What was asked for, in ascending order of concurrency.
    pub predictions: Vec<Prediction>,
    /// The gain at the largest concurrency measured, asked for or not, by the model of the predictions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain_at_largest: Option<Gain>,
    /// Share of the variance of throughput (for a queue: of the logarithm of latency) that the model explains.
    pub r_squared: Option<f64>,
    /// Whether the model describes the data.
    pub adequate: bool,
    /// What a reader should know, in plain words: misfits, no peak, extrapolation.
    pub reasons: Vec<String>,
    /// Which law the USL by least squares has come to at its bounds: `linear` where σ and κ are 0, `amdahl` where κ is;
    /// `null` within them.
    #[serde(default)]
    pub usl_limit: Option<String>,
    /// Which model each figure is from: `parameters` (λ, σ, κ) of the USL, `peak` and `predictions` of the model or of
    /// all families weighted, `crossings` of M/M/c or of `closed` systems, `queue` of M/M/c.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, String>,
    /// The queue, for the model `queue`, and for `auto` where rates and latencies were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// Where objectives on the response time are crossed, as far as asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crossings: Vec<Crossing>,
    /// The least and the largest concurrency measured.
    pub tested: (f64, f64),
    /// Measurements.
    pub points: u64,
}
