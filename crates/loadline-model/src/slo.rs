//! Service level objectives: what a service promises, in one line.
//!
//! ```text
//! [response|service] (p50 … p99.99 | mean | max | error_rate | throughput) (< | <= | > | >=) VALUE
//!     [for NAME] [over DURATION] [abort [after DURATION]]
//! ```
//!
//! `response` is the default. A NAME with spaces needs no quotes unless it holds ` over ` or ` abort `; then it
//! stands in double quotes. `abort` alone ends the run as soon as the objective is broken.

mod parse;

use std::time::Duration;

pub use parse::SloError;

/// Which of the durations of a request an objective speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timing {
    /// From the intended start to the end: what a user feels. The default.
    #[default]
    Response,
    /// From sending to the end: what the server did.
    Service,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// A quantile of a duration, `0 < q < 1`.
    Quantile(Timing, f64),
    /// The arithmetic mean of a duration.
    Mean(Timing),
    /// The longest duration.
    Max(Timing),
    /// Failed requests over all requests.
    ErrorRate,
    /// Flows completed without error per second; requests completed without error where a request is named.
    Throughput,
}

impl Metric {
    /// The unit of [`Slo::limit`] and of what is observed: `ms`, `ratio` or `per_s`.
    pub fn unit(self) -> &'static str {
        match self {
            Metric::Quantile(..) | Metric::Mean(_) | Metric::Max(_) => "ms",
            Metric::ErrorRate => "ratio",
            Metric::Throughput => "per_s",
        }
    }
}

/// How the observed value has to stand to the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// Whether `observed` keeps the promise about `limit`.
    pub fn holds(self, observed: f64, limit: f64) -> bool {
        match self {
            Comparison::Below => observed < limit,
            Comparison::AtMost => observed <= limit,
            Comparison::Above => observed > limit,
            Comparison::AtLeast => observed >= limit,
        }
    }
}

/// One service level objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// As it was written, with single spaces.
    pub text: String,
    /// What is measured.
    pub metric: Metric,
    /// How it has to stand to the limit.
    pub comparison: Comparison,
    /// The limit, in the unit of the metric: milliseconds, a ratio, or a rate per second.
    pub limit: f64,
    /// The request it is about; `None`: all of them.
    pub request: Option<String>,
    /// The length of the windows in each of which it has to hold, whole seconds; `None`: over the whole run.
    pub over: Option<Duration>,
    /// Breaking it ends the run, once this long has passed since the measured part began.
    pub abort_after: Option<Duration>,
}
