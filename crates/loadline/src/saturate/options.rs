//! How a search is made, and what cannot be.

use std::time::Duration;

use loadline_analysis::search::{LONGEST_SHARE, Search};
use loadline_generator::schedule::Arrivals;
use loadline_model::run::LoadModel;
use loadline_model::scenario::{self, Scenario};
use loadline_model::slo::{Comparison, Metric, Slo};

use super::metrics::MetricsSource;
use super::pilot::{Course, SHORTEST_S};
use crate::run::{JourneyError, RunOptions};

/// Rates between which is searched where none are given, and the first one, in arrivals per second.
const RATES: (f64, f64) = (0.1, 1e6);
const FIRST_RATE: f64 = 10.0;
/// The same for users.
const USERS: (f64, f64) = (1.0, 1000.0);
/// Requests of a step near the capacity.
const STEP_REQUESTS: f64 = 4_000.0;
/// The least half width of an interval over the capacity: closer the model of a service does not know its place.
const LEAST_PRECISION: f64 = 0.02;
/// Windows of an objective that a step near the capacity holds, and any step: with three there is a scatter.
const WINDOWS: f64 = 3.0;
const WINDOWS_LEAST: f64 = 1.5;
/// The least time for a search: a step or two.
const LEAST_TIME: Duration = Duration::from_secs(10);
/// A backlog is waited for no longer than this, in seconds.
const DRAIN_MOST_S: u64 = 30;
/// How a search is made.
#[derive(Debug, Clone)]
pub struct SaturateOptions {
    /// As for any run: directory, workers, HTTP, and what stops it.
    pub run: RunOptions,
    /// Whether the rate of arrivals is searched for (open) or the number of users (closed).
    pub model: LoadModel,
    /// How arrivals are spread, in the open model. Evenly spaced ones make a service look larger than it is.
    pub arrivals: Arrivals,
    /// Never below this load: a rate per second or users.
    pub least: Option<f64>,
    /// Never above this load.
    pub most: Option<f64>,
    /// Never more than this factor above the largest load that kept the objectives.
    pub growth: f64,
    /// Half the width of the interval over the capacity at which the search ends.
    pub precision: f64,
    /// The confidence of the interval, 0 to 1.
    pub confidence: f64,
    /// How long it may take.
    pub max_time: Duration,
    /// The least length of a step near the capacity.
    pub step: Duration,
    /// A step in which a larger share of requests fails is cut short, 0 to 1.
    pub abort_error_share: f64,
    /// The capacity that is required, for the verdict.
    pub required_per_s: Option<f64>,
    /// Where to read how busy the service's resources are.
    pub metrics: Option<MetricsSource>,
}

impl Default for SaturateOptions {
    fn default() -> Self {
        SaturateOptions {
            run: RunOptions::default(),
            model: LoadModel::Open,
            arrivals: Arrivals::Poisson,
            least: None,
            most: None,
            growth: 2.0,
            precision: 0.05,
            confidence: 0.9,
            max_time: Duration::from_secs(600),
            step: Duration::from_secs(5),
            abort_error_share: 0.5,
            required_per_s: None,
            metrics: None,
        }
    }
}

impl SaturateOptions {
    /// How `scenario` is searched by these options.
    ///
    /// # Errors
    /// Where the scenario has no objectives, or the bounds contradict one another.
    pub fn course(&self, scenario: &Scenario) -> Result<Course, SaturateError> {
        if scenario.slos.is_empty() {
            return Err(SaturateError::NoObjectives);
        }
        if self.max_time < LEAST_TIME {
            return Err(SaturateError::Time(self.max_time));
        }
        if self.precision.is_nan() || self.precision < LEAST_PRECISION {
            return Err(SaturateError::Precision(self.precision));
        }
        if !(self.growth > 1.0 && self.growth.is_finite()) {
            return Err(SaturateError::Growth(self.growth));
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return Err(SaturateError::Confidence(self.confidence));
        }
        if !(0.0..=1.0).contains(&self.abort_error_share) {
            return Err(SaturateError::AbortErrors(self.abort_error_share));
        }
        if self.step < Duration::from_secs(SHORTEST_S) {
            return Err(SaturateError::Step(self.step));
        }
        if let Some(required) = self.required_per_s.filter(|required| *required <= 0.0) {
            return Err(SaturateError::Required(required));
        }
        let (limits, others): (Vec<&Slo>, Vec<&Slo>) = scenario.slos.iter().partition(|slo| is_limit(slo));
        if let (true, Some(other)) = (limits.is_empty(), others.first()) {
            return Err(SaturateError::NoLimit(other.text.clone()));
        }
        let windows = limits.iter().filter_map(|slo| Some((slo.over?.as_secs_f64(), slo)));
        let longest = windows.max_by(|a, b| a.0.total_cmp(&b.0));
        let window_s = longest.map_or(0.0, |(window_s, _)| window_s);
        let needed = Duration::from_secs_f64((WINDOWS_LEAST * window_s / LONGEST_SHARE).ceil());
        if let Some((_, slo)) = longest.filter(|_| self.max_time < needed) {
            return Err(SaturateError::Window { slo: slo.text.clone(), time: self.max_time, needed });
        }
        let (default, first) = match self.model {
            LoadModel::Open => (RATES, FIRST_RATE),
            LoadModel::Closed => (USERS, USERS.0),
        };
        let least = self.least.unwrap_or(default.0.min(self.most.unwrap_or(f64::INFINITY) / 100.0));
        let least = if self.model == LoadModel::Closed { least.max(1.0) } else { least };
        let most = self.most.unwrap_or(default.1.max(least * 1000.0));
        // Users are whole, and no more than allowed.
        let most = if self.model == LoadModel::Closed { most.floor() } else { most };
        if !(least > 0.0 && least < most) {
            return Err(SaturateError::Bounds { least, most });
        }
        let search = Search {
            start: if self.least.is_some() { least } else { first.clamp(least, most) },
            least,
            most,
            growth: self.growth,
            precision: self.precision,
            confidence: self.confidence,
            time_s: self.max_time.as_secs_f64(),
            least_s: WINDOWS_LEAST * window_s,
            step_s: self.step.as_secs_f64().max(WINDOWS * window_s),
            step_requests: STEP_REQUESTS,
        };
        let longest = crate::run::longest_timeout(scenario);
        Ok(Course {
            search,
            model: self.model,
            arrivals: self.arrivals,
            pacing: pacing(scenario),
            slos: limits.into_iter().map(without_abort).collect(),
            max_time_s: self.max_time.as_secs_f64(),
            abort_error_share: self.abort_error_share,
            drain_s: (longest.as_secs_f64().ceil() as u64).clamp(1, DRAIN_MOST_S),
        })
    }
}

/// Whether more load breaks the objective: otherwise it is about the load itself, or kept the better the more there is.
pub(super) fn is_limit(slo: &Slo) -> bool {
    slo.metric != Metric::Throughput && matches!(slo.comparison, Comparison::Below | Comparison::AtMost)
}

/// An objective that would end a run ends a step at most.
fn without_abort(slo: &Slo) -> Slo {
    Slo { abort_after: None, ..slo.clone() }
}

fn pacing(scenario: &Scenario) -> Duration {
    match &scenario.load {
        Some(scenario::Load::Closed(stages)) => stages.last().and_then(|stage| stage.pacing),
        _ => None,
    }
    .unwrap_or_default()
}

/// Why a search could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SaturateError {
    /// Without an objective any load is within it.
    #[error(
        "there is no objective to search by; give one such as `--slo 'p99 < 200ms'`, or `slos` in the scenario"
    )]
    NoObjectives,
    /// Bounds that hold nothing between them.
    #[error(
        "there is nothing to search between {least} and {most}: the least load has to be above 0 and below the most"
    )]
    Bounds {
        /// The least load.
        least: f64,
        /// The most.
        most: f64,
    },
    /// Too little for even a few steps.
    #[error("{} s are too little for a search: give it at least {} s (--max-time)", .0.as_secs_f64(), LEAST_TIME.as_secs())]
    Time(Duration),
    /// Too little for steps that hold the window of an objective.
    #[error(
        "steps have to hold the window of `{slo}`, and {} s are too little for some of them: give it at least {} s \
         (--max-time)", .time.as_secs_f64(), .needed.as_secs()
    )]
    Window {
        /// The objective.
        slo: String,
        /// What was given.
        time: Duration,
        /// What is needed.
        needed: Duration,
    },
    /// Closer than the model of a service can tell.
    #[error("a precision of {} % is closer than a search can tell: 2 % is the least (--precision)", .0 * 100.0)]
    Precision(f64),
    /// No growth at all.
    #[error("loads that grow by a factor of {0} go nowhere: it has to be above 1 (--growth)")]
    Growth(f64),
    /// No confidence that an interval can have.
    #[error("an interval cannot have a confidence of {0}: it has to be between 0 and 1 (--confidence)")]
    Confidence(f64),
    /// No share.
    #[error("{0} is no share of requests: it has to be from 0 to 1 (--abort-errors)")]
    AbortErrors(f64),
    /// Shorter than anything that can be judged.
    #[error("steps of {} s are too short to judge a service by: {SHORTEST_S} s are the least (--step)", .0.as_secs_f64())]
    Step(Duration),
    /// What any service can do.
    #[error("a capacity of {0}/s is nothing to require: it has to be above 0 (--require)")]
    Required(f64),
    /// No objective but such as load does not break.
    #[error(
        "`{0}` is no upper limit of a response time or of errors, and load does not break it: search by others, such as \
         `--slo 'p99 < 200ms'`, which replaces those of the file; --require is for a capacity"
    )]
    NoLimit(String),
    /// As for any run.
    #[error(transparent)]
    Journey(#[from] JourneyError),
}
