//! Forecasts of demand: a combination of plain methods, weighted and calibrated by backtests.
//!
//! 1. [`seasons`](mod@seasons) finds the rhythm where it is not given.
//! 2. Candidates (naive, smoothing, autoregression, yearly shape) forecast from rolling origins and from the end.
//! 3. The backtests weight them; a combination that does not beat seasonal naive gives way to it.
//! 4. The errors of the combination in its backtests make the distribution of each step, and the joint paths.
//!
//! The core knows no clock and no files: values in, distributions out.

mod autoregression;
mod clock;
mod combine;
mod events;
mod history;
mod level;
mod naive;
mod origins;
mod paths;
mod pool;
mod rare;
pub mod score;
pub mod seasons;
mod smoothing;
mod spread;
mod transform;
mod yearly;

pub use clock::LocalClock;
pub use events::{Effect, KnownEvent};
pub use history::{Finding, findings, findings_local};
pub use level::{RecentShift, recent_shift};
use origins::Backtests;
use paths::Paths;
pub use pool::Calendar;
use pool::Candidate;
use rare::Rare;
use spread::{Errors, Spread};
use statrs::distribution::{ContinuousCDF, Normal};

/// Why there is no forecast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForecastError {
    /// Fewer values than say anything about the spread.
    #[error("{points} values are too few for a forecast: it needs at least {POINTS_MIN}")]
    TooShort {
        /// How many there are.
        points: usize,
    },
    /// A value that is no number.
    #[error("the value at index {index} is not a finite number")]
    NotFinite {
        /// Its index, from 0.
        index: usize,
    },
    /// Nothing to forecast.
    #[error("the horizon is 0 steps: give at least 1")]
    NoHorizon,
}

/// The fewest values that can be forecast.
pub const POINTS_MIN: usize = 4;

/// How the forecast did on the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Accuracy {
    /// Backtests made.
    pub count: usize,
    /// Steps ahead in each.
    pub horizon: usize,
    /// Mean absolute error over that of the step one season back, within the history (1 is as good as that, one step
    /// ahead); `None` where the history repeats itself exactly.
    pub mase: Option<f64>,
    /// From 0 to 200.
    pub smape: f64,
    /// Share of the values within the central 80 % interval made without them.
    pub coverage_80: Option<f64>,
    /// Share of the values within the central 95 % interval made without them.
    pub coverage_95: Option<f64>,
    /// Its error over that of seasonal naive, both at the same horizon: 1 where it is seasonal naive.
    pub error_to_naive: Option<f64>,
    /// Whether the forecast is the combination, and that was better than seasonal naive.
    pub beats_seasonal_naive: bool,
}

/// One backtest: what was forecast without knowing what came.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// The first value forecast, from the beginning of the history.
    pub origin: usize,
    /// The medians.
    pub median: Vec<f64>,
    /// Central intervals, each with its probability: 80 % and 95 %; none where too few other backtests are left.
    pub intervals: Vec<(f64, Vec<(f64, f64)>)>,
}

/// The most tests shown.
const TESTS_MAX: usize = 4;

/// The forecast of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// What made it.
    pub model: String,
    /// How it did on the past.
    pub accuracy: Accuracy,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// What known events do.
    pub effects: Vec<Effect>,
    /// The latest backtests that do not overlap, in the order of time; known events are left out of them.
    pub tests: Vec<Test>,
    /// The level shift near the end of the history that the forecast follows.
    pub shift: Option<RecentShift>,
    /// The medians, known events included.
    centre: Vec<f64>,
    /// Where each step is in the spread and the paths, which go by the local clock.
    steps: Vec<usize>,
    spread: Spread,
    paths: Paths,
    rare: Rare,
}

impl Forecast {
    /// Steps ahead.
    pub fn horizon(&self) -> usize {
        self.centre.len()
    }

    /// The medians.
    pub fn median(&self) -> &[f64] {
        &self.centre
    }

    /// The quantile `q`, `0 < q < 1`, of step `step` (the first is 0).
    pub fn quantile(&self, step: usize, q: f64) -> f64 {
        let own = self.spread.quantile(self.steps[step], q);
        let (median, value) = (self.centre[step], self.with_events(step, q, own));
        // The scale there and back costs a last digit.
        if q == 0.5 {
            median
        } else if q < 0.5 {
            value.min(median)
        } else {
            value.max(median)
        }
    }

    /// The probability that demand at `step` is at most `value`.
    pub fn probability(&self, step: usize, value: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..30 {
            let mid = (low + high) / 2.0;
            if self.quantile(step, mid) <= value { low = mid } else { high = mid }
        }
        (low + high) / 2.0
    }

    /// The quantile `q` with known events: where a factor is uncertain, both spreads add up as those of logarithms do.
    fn with_events(&self, step: usize, q: f64, value: f64) -> f64 {
        let (factor, deviation) = events::factor(&self.effects, step);
        let deviation = deviation.hypot(self.shift.map_or(0.0, |s| s.deviation));
        let median = if factor > 0.0 { self.centre[step] / factor } else { 0.0 };
        if deviation == 0.0 || median <= 0.0 || value <= 0.0 {
            return value * factor;
        }
        let own = (value / median).ln();
        let event = deviation * Normal::standard().inverse_cdf(q);
        self.centre[step] * own.hypot(event).copysign(q - 0.5).exp()
    }

    /// Joint courses of the whole horizon, the same for the same seed.
    pub fn paths(&self, count: usize, seed: u64) -> impl Iterator<Item = Vec<f64>> + '_ {
        (0..count).map(move |index| {
            let drawn = self.paths.draw(seed, index);
            let mut path: Vec<f64> = self.steps.iter().map(|step| drawn[*step]).collect();
            self.rare.put_on(&mut path, seed, index);
            events::put_on(&mut path, &self.effects, seed, index);
            if let Some(shift) = &self.shift {
                shift.put_on(&mut path, seed, index);
            }
            path
        })
    }
}

/// Which way to forecast.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// The combination, or seasonal naive where that is not worse.
    #[default]
    Auto,
    /// Seasonal naive, with calibrated intervals.
    SeasonalNaive,
}

/// Forecasts `horizon` steps after `values`, which are evenly spaced and without gaps.
pub fn forecast(
    values: &[f64],
    horizon: usize,
    calendar: &Calendar,
    method: Method,
) -> Result<Forecast, ForecastError> {
    forecast_with_events(values, horizon, calendar, method, &[])
}

/// The same with what is known to change demand.
pub fn forecast_with_events(
    values: &[f64],
    horizon: usize,
    calendar: &Calendar,
    method: Method,
    events: &[KnownEvent],
) -> Result<Forecast, ForecastError> {
    forecast_local(values, horizon, calendar, method, events, &LocalClock::default())
}

/// The same where seasons go by a local clock, which may be put forward or back within the history or the horizon.
pub fn forecast_local(
    values: &[f64],
    horizon: usize,
    calendar: &Calendar,
    method: Method,
    events: &[KnownEvent],
    clock: &LocalClock,
) -> Result<Forecast, ForecastError> {
    check(values, horizon)?;
    let n = values.len();
    let calendar = &within(calendar, n);
    let known = events::known(values, horizon, calendar.seasons.last().copied().unwrap_or(1), events);
    let mut values = clock.to_local(&known.values);
    let steps = clock.steps(n, horizon);
    let horizon = steps.last().map_or(horizon, |last| last + 1);
    let shift = level::untold_shift(&values, horizon, calendar);
    if let Some(shift) = &shift {
        values[..shift.index].iter_mut().for_each(|v| *v *= shift.factor);
    }
    let rare = rare::take_out(&mut values, calendar);
    let mut forecast = undisturbed(&values, horizon, calendar, method);
    forecast.notes.extend(rare.note(n));
    forecast.rare = rare;
    if let Some(shift) = &shift {
        forecast.tests.iter_mut().for_each(|test| shift.undo(test));
        forecast.notes.push(shift.note(values.len()));
    }
    forecast.shift = shift.map(|shift| RecentShift { index: clock.step_at(shift.index), ..shift });
    forecast.tests = forecast.tests.iter().map(|test| clock.to_steps(test, n)).collect();
    forecast.centre = steps.iter().map(|step| forecast.centre[*step]).collect();
    forecast.steps = steps;
    for (step, median) in forecast.centre.iter_mut().enumerate() {
        *median *= events::factor(&known.effects, step).0;
    }
    forecast.notes.extend(known.notes);
    forecast.effects = known.effects;
    Ok(forecast)
}

/// The forecast where nothing known happens. The calendar's seasons fit into the history.
fn undisturbed(values: &[f64], horizon: usize, calendar: &Calendar, method: Method) -> Forecast {
    let season = calendar.seasons.first().copied().unwrap_or(1);
    let backtests = Backtests::plan(values.len(), horizon, &calendar.seasons);
    let actual: Vec<&[f64]> = backtests.origins.iter().map(|o| &values[*o..o + backtests.horizon]).collect();
    let pool = pool::candidates(values, &backtests, horizon, calendar);
    let combined = combine::combine(&pool, &backtests, &actual);
    let naive = best_naive(&pool, calendar, &actual);
    let of_naive = error(&naive.runs, &actual);
    let better = error(&combined.backtests, &actual) < of_naive;
    let still = naive::standing_still(values, season);
    let best = method == Method::Auto && (better || of_naive == 0.0) && still.is_none();
    let chosen = if best { combined } else { combine::alone(naive) };
    // All figures are those of the forecast that is handed out.
    let of_chosen = error(&chosen.backtests, &actual);

    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let floor = if lowest >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    let errors = Errors::of(&chosen.backtests, &actual, horizon, floor);
    let scale = score::seasonal_scale(values, season);
    let accuracy = Accuracy {
        count: actual.len(),
        horizon: backtests.horizon,
        mase: scale.map(|scale| of_chosen / scale),
        smape: chosen.backtests.iter().zip(&actual).map(|(f, a)| score::smape(a, f)).sum::<f64>()
            / actual.len() as f64,
        coverage_80: spread::coverage(&errors, &backtests, 0.8),
        coverage_95: spread::coverage(&errors, &backtests, 0.95),
        error_to_naive: (of_naive > 0.0).then(|| of_chosen / of_naive),
        beats_seasonal_naive: best && better,
    };
    let mut notes = notes(values, horizon, &backtests, still);
    if method == Method::Auto && !best && still.is_none() {
        notes.insert(
            0,
            "no method beat seasonal naive in the backtests: the forecast is seasonal naive".into(),
        );
    }
    for (level, coverage) in [(0.8, accuracy.coverage_80), (0.95, accuracy.coverage_95)] {
        if let Some(share) = coverage.filter(|c| spread::is_too_narrow(&backtests, level, *c)) {
            notes.push(format!(
                "the intervals were too narrow on this history: {:.0} % of what came lay within the {:.0} % interval \
                 in the backtests; take dates and probabilities as less sure than they say",
                100.0 * share,
                100.0 * level
            ));
            break;
        }
    }
    let ages: Vec<usize> = backtests.origins.iter().map(|o| values.len() - o).collect();
    Forecast {
        notes,
        effects: Vec::new(),
        shift: None,
        rare: Rare::default(),
        tests: tests_of(&backtests, &chosen.backtests, &errors),
        spread: Spread::new(&chosen.centre, &errors),
        paths: Paths::new(&chosen.centre, &errors, &ages, season, calendar.day),
        model: chosen.model,
        steps: (0..horizon).collect(),
        centre: chosen.centre,
        accuracy,
    }
}

/// The latest tests that do not overlap.
fn tests_of(backtests: &Backtests, forecasts: &[Vec<f64>], errors: &Errors) -> Vec<Test> {
    let mut shown: Vec<usize> = Vec::new();
    for j in (0..backtests.origins.len()).rev() {
        if shown.len() < TESTS_MAX && shown.last().is_none_or(|later| !backtests.overlap(j, *later)) {
            shown.push(j);
        }
    }
    let test = |j: usize| {
        let interval = |level: f64| {
            spread::interval(errors, backtests, (j, &forecasts[j]), level).map(|ends| (level, ends))
        };
        Test {
            origin: backtests.origins[j],
            median: forecasts[j].clone(),
            intervals: [0.8, 0.95].into_iter().filter_map(interval).collect(),
        }
    };
    shown.into_iter().rev().map(test).collect()
}

fn check(values: &[f64], horizon: usize) -> Result<(), ForecastError> {
    if horizon == 0 {
        return Err(ForecastError::NoHorizon);
    }
    if let Some(index) = values.iter().position(|v| !v.is_finite()) {
        return Err(ForecastError::NotFinite { index });
    }
    if values.len() < POINTS_MIN {
        return Err(ForecastError::TooShort { points: values.len() });
    }
    Ok(())
}

/// The seasons that the history holds two and a half times.
fn within(calendar: &Calendar, n: usize) -> Calendar {
    let seasons = calendar.seasons.iter().copied().filter(|s| *s > 1 && seasons::is_seen(*s, n)).collect();
    Calendar { seasons, day: calendar.day }
}

fn best_naive<'a>(pool: &'a [Candidate], calendar: &Calendar, actual: &[&[f64]]) -> &'a Candidate {
    let names: Vec<String> = if calendar.seasons.is_empty() {
        vec![naive::name(1)]
    } else {
        vec![naive::name(calendar.seasons[0])]
    };
    pool.iter()
        .filter(|c| names.contains(&c.name))
        .min_by(|a, b| error(&a.runs, actual).total_cmp(&error(&b.runs, actual)))
        .expect("seasonal naive repeats values that are there")
}

/// The mean absolute error over all backtests.
fn error(forecasts: &[Vec<f64>], actual: &[&[f64]]) -> f64 {
    let sum: f64 = forecasts.iter().zip(actual).map(|(f, a)| score::mean_absolute_error(a, f)).sum();
    sum / actual.len() as f64
}

fn notes(values: &[f64], horizon: usize, backtests: &Backtests, still: Option<usize>) -> Vec<String> {
    let mut notes = Vec::new();
    if values.iter().all(|v| *v == values[0]) {
        notes.push("the history is constant: what could change it is not known".into());
    } else if let Some(count) = still {
        notes.push(format!(
            "the last {count} values are all {}, as never before: the forecast repeats them; whether they stay so is not \
             known",
            values[values.len() - 1]
        ));
    }
    if backtests.horizon < horizon {
        let reach = backtests.horizon;
        notes.push(format!(
            "the history is too short to test {horizon} steps ahead: backtests reach {reach}, beyond them the \
             interval is extrapolated"
        ));
    }
    if backtests.origins.len() < 6 {
        let count = backtests.origins.len();
        notes.push(format!("the interval rests on {count} backtests only"));
    }
    notes
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "lists of ranges are what is meant")]
mod tests;
