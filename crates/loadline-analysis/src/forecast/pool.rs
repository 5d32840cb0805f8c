//! The candidates of one series: each forecasts from every backtest's origin and from the end of the history.

use super::{autoregression, naive, origins::Backtests, smoothing, transform::Transform, yearly};

/// Steps of history that candidates learn from: at least this many, and 24 of the longest season. Only the yearly
/// shape looks further back.
const HISTORY_STEPS: usize = 2016;

/// What is known of the rhythm of a series, in steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calendar {
    /// Season lengths, ascending, each at least 2; empty where there is no season.
    pub seasons: Vec<usize>,
    /// Steps in a day, where the series is daily or finer.
    pub day: Option<usize>,
}

/// Candidates that err alike; a few of each family enter the combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Naive,
    Smoothing,
    DoubleSmoothing,
    Autoregression,
    Differenced,
    Yearly,
}

/// How many families there are.
pub(super) const FAMILIES: usize = 6;

/// One way to forecast, and what it forecast: one row for each backtest, the last from the end of the history.
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) family: Family,
    pub(super) runs: Vec<Vec<f64>>,
}

/// What a candidate is to forecast.
pub(super) struct Task<'a> {
    /// The history on the scale of the candidate.
    pub(super) values: &'a [f64],
    /// First steps forecast, ascending, the last one `values.len()`.
    pub(super) origins: &'a [usize],
    /// Steps forecast in a backtest.
    pub(super) backtest_steps: usize,
    /// Steps forecast from the end.
    pub(super) horizon: usize,
    pub(super) calendar: &'a Calendar,
}

impl<'a> Task<'a> {
    /// `steps` are those of a backtest and those from the end.
    pub(super) fn new(
        values: &'a [f64],
        origins: &'a [usize],
        (backtest_steps, horizon): (usize, usize),
        calendar: &'a Calendar,
    ) -> Task<'a> {
        Task { values, origins, backtest_steps, horizon, calendar }
    }

    /// Season lengths, `[1]` where there is none.
    pub(super) fn seasons(&self) -> &[usize] {
        if self.calendar.seasons.is_empty() { &[1] } else { &self.calendar.seasons }
    }

    /// Steps to forecast from `origin`.
    pub(super) fn steps(&self, origin: usize) -> usize {
        if origin == self.values.len() { self.horizon } else { self.backtest_steps }
    }

    /// A candidate that forecasts from each origin by `forecast(origin, steps)`.
    pub(super) fn candidate(
        &self,
        name: String,
        family: Family,
        forecast: impl Fn(usize, usize) -> Vec<f64>,
    ) -> Candidate {
        let runs = self.origins.iter().map(|o| forecast(*o, self.steps(*o))).collect();
        Candidate { name, family, runs }
    }
}

/// Every candidate that could be fitted, its forecasts on the scale of `values`, within reach of what was seen: never
/// below 0 where no value is, and never further beyond the range of the history than twice its width.
pub(super) fn candidates(
    values: &[f64],
    backtests: &Backtests,
    horizon: usize,
    calendar: &Calendar,
) -> Vec<Candidate> {
    let longest = calendar.seasons.last().copied().unwrap_or(1);
    let earliest = backtests.origins.first().copied().unwrap_or(values.len());
    let start = values
        .len()
        .saturating_sub(HISTORY_STEPS.max(24 * longest))
        .min(earliest.saturating_sub(4 * longest));
    let recent = &values[start..];
    let all_origins: Vec<usize> = backtests.origins.iter().copied().chain([values.len()]).collect();
    let origins: Vec<usize> = all_origins.iter().map(|o| o - start).collect();
    let steps = (backtests.horizon, horizon);

    let mut pool = naive::candidates(&Task::new(recent, &origins, steps, calendar));
    for scale in Transform::for_fitting(values) {
        let scaled: Vec<f64> = values.iter().map(|v| scale.apply(*v)).collect();
        let recent = Task::new(&scaled[start..], &origins, steps, calendar);
        let mut fitted = smoothing::candidates(&recent);
        fitted.extend(autoregression::candidates(&recent));
        fitted.extend(yearly::candidates(&Task::new(&scaled, &all_origins, steps, calendar)));
        for candidate in &mut fitted {
            candidate.runs.iter_mut().flatten().for_each(|v| *v = scale.invert(*v));
            if scale != Transform::Identity {
                candidate.name.insert_str(0, "log ");
            }
        }
        pool.extend(fitted);
    }
    let (low, high) = reach(values);
    pool.retain(|c| c.runs.iter().flatten().all(|v| v.is_finite()));
    pool.iter_mut().flat_map(|c| c.runs.iter_mut().flatten()).for_each(|v| *v = v.clamp(low, high));
    pool
}

/// The bounds kept by forecasts.
fn reach(values: &[f64]) -> (f64, f64) {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let width = high - low;
    (if low >= 0.0 { (low - 2.0 * width).max(0.0) } else { low - 2.0 * width }, high + 2.0 * width)
}
