//! The forecast of demand: many series at once, and the document of it.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use loadline_analysis::forecast::{self, Calendar, Forecast, ForecastError, LocalClock, Method, seasons};
use loadline_analysis::ingest::{IngestError, Zone};
use loadline_model::diagnostic::Diagnostic;
use loadline_model::forecast::{
    Backtest, Bound, EventEffect, Finding, ForecastDocument, Past, Point, SCHEMA, SeriesForecast,
};
use loadline_model::plan::{Event, parse_span};
use loadline_model::series::{Axis, Series};

use crate::events;
use crate::prometheus::PrometheusError;

/// How far to look ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Horizon {
    /// In steps of the series.
    Steps(usize),
    /// In seconds; only for series with dates.
    Seconds(f64),
}

/// The most steps ahead.
const STEPS_MAX: f64 = 20_000.0;

impl Horizon {
    /// Reads `48` (steps), `90d`, `12w`, `36h` and the like.
    pub fn parse(text: &str) -> Result<Horizon, String> {
        let help = "write a number of steps such as `48`, or a duration such as `36h`, `90d` or `12w`";
        if let Ok(steps) = text.parse::<usize>() {
            return if steps > 0 {
                Ok(Horizon::Steps(steps))
            } else {
                Err(format!("0 steps are none; {help}"))
            };
        }
        parse_span(text)
            .ok()
            .filter(|s| *s > 0.0)
            .map(Horizon::Seconds)
            .ok_or_else(|| format!("`{text}` is no horizon; {help}"))
    }

    /// In steps of `series`.
    pub fn steps(self, series: &Series) -> Result<usize, PlanningError> {
        let steps = match (self, series.axis.step_s()) {
            (Horizon::Steps(steps), _) => steps as f64,
            (Horizon::Seconds(seconds), Some(step)) if seconds < step => {
                return Err(PlanningError::TooNear { series: series.id.clone(), seconds, step });
            }
            (Horizon::Seconds(seconds), Some(step)) => (seconds / step).ceil(),
            (Horizon::Seconds(_), None) => return Err(PlanningError::NoDates { series: series.id.clone() }),
        };
        if steps > STEPS_MAX {
            return Err(PlanningError::TooFar { series: series.id.clone(), steps });
        }
        Ok((steps as usize).max(1))
    }
}

/// What is asked of every series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// How far ahead; two of the shortest season or 30 steps, whichever is more, where not given.
    pub horizon: Option<Horizon>,
    /// Season lengths in steps; found where not given.
    pub seasons: Option<Vec<usize>>,
    /// Probabilities of the central intervals in per cent.
    pub levels: Vec<f64>,
    /// Which way to forecast.
    pub method: Method,
    /// Series forecast at a time; as many as there are cores where not given. The result does not depend on it.
    pub threads: Option<usize>,
    /// What is known to change demand.
    pub events: Vec<Event>,
    /// Whose clock days and weeks go by; UTC where not given.
    pub zone: Option<Zone>,
    /// Whether the document is to hold the history and the latest backtests: for pages.
    pub history: bool,
}

impl PlanningError {
    /// Whether the user can mend it: what was given is to blame, and not the tool or a server.
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, PlanningError::Prometheus(PrometheusError { is_bad_input: false, .. }))
    }
}

/// Why there is no forecast or no headroom.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// The file says something wrong.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What a plan says cannot be used.
    #[error("the plan cannot be used")]
    Plan(Vec<Diagnostic>),
    /// A folder without data.
    #[error("{}: there is no .csv, .tsv, .ndjson, .jsonl or .parquet file in this folder", .0.display())]
    EmptyFolder(PathBuf),
    /// A format that is not read from there, or not by this build.
    #[error("{}: {message}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// Why not, and the way out.
        message: &'static str,
    },
    /// A server gave no demand.
    #[error(transparent)]
    Prometheus(#[from] PrometheusError),
    /// The values do not allow for a forecast.
    #[error("{}{source}", of(series))]
    Forecast {
        /// The series.
        series: String,
        /// Why.
        source: ForecastError,
    },
    /// A duration where there are only steps.
    #[error("{}the times are whole steps without dates: give the horizon in steps", of(series))]
    NoDates {
        /// The series.
        series: String,
    },
    /// A unit that counts cannot have.
    #[error(
        "the demand counts what came within each step of {step}, and `per` says {said}: leave `per` out, or say {step}"
    )]
    Unit {
        /// What was said.
        said: String,
        /// The length of a step.
        step: String,
    },
    /// Series that cannot be summed.
    #[error(
        "series `{one}` and `{other}` do not go on at the same time in the same steps, and so have no sum: choose with \
         --only"
    )]
    NotAlike {
        /// The first of them.
        one: String,
        /// One that differs.
        other: String,
    },
    /// A horizon within the first step.
    #[error(
        "{}the horizon of {} is shorter than a step of the series, {}: give at least that, or a number of steps (`m` is \
         minutes; three months are 90d)",
        of(series), span(*seconds), span(*step)
    )]
    TooNear {
        /// The series.
        series: String,
        /// The horizon.
        seconds: f64,
        /// The distance of its values, in seconds.
        step: f64,
    },
    /// Too long a horizon.
    #[error("{}{steps} steps ahead are too many: give at most {STEPS_MAX}", of(series))]
    TooFar {
        /// The series.
        series: String,
        /// How many were asked for.
        steps: f64,
    },
}

/// Seconds in the largest unit that they are a whole number of.
pub(crate) fn span(seconds: f64) -> String {
    let units = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "m"), (1.0, "s")];
    let fits = units.iter().find(|(unit, _)| seconds >= *unit && seconds % unit == 0.0);
    fits.map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

fn of(series: &str) -> String {
    if series.is_empty() { String::new() } else { format!("series `{series}`: ") }
}

/// The rhythm of a series: as stated, by its step, or found.
fn calendar(series: &Series, request: &Request) -> Calendar {
    match (&request.seasons, series.axis.step_s()) {
        (Some(given), Some(step)) => Calendar { day: seasons::of_step(step).day, ..seasons::given(given) },
        (Some(given), None) => seasons::given(given),
        (None, Some(step)) => seasons::of_step(step),
        (None, None) => seasons::detect(&series.values),
    }
}

/// The clock of the request's zone over the first `count` steps of a series.
fn clock(series: &Series, request: &Request, count: usize) -> LocalClock {
    let (Some(zone), Axis::Clock { step_s, .. }) = (&request.zone, series.axis) else {
        return LocalClock::default();
    };
    LocalClock::new((0..count).map(|t| zone.offset_s(series.axis.time(t).number())), step_s)
}

/// A forecast with what it was made from.
#[derive(Debug, Clone)]
pub struct Forecasted {
    /// The forecast.
    pub forecast: Forecast,
    /// The rhythm it used.
    pub calendar: Calendar,
}

/// Forecasts one series.
pub fn forecast(series: &Series, request: &Request) -> Result<Forecasted, PlanningError> {
    let (calendar, n) = (calendar(series, request), series.values.len());
    let steps = match request.horizon {
        Some(horizon) => horizon.steps(series)?,
        None => calendar.seasons.iter().find(|s| seasons::is_seen(**s, n)).map_or(30, |s| 2 * s).max(30),
    };
    let (events, shared) = events::place(&request.events, &series.axis, n + steps);
    let clock = clock(series, request, n + steps);
    let mut forecast =
        forecast::forecast_local(&series.values, steps, &calendar, request.method, &events, &clock)
            .map_err(|source| PlanningError::Forecast { series: series.id.clone(), source })?;
    forecast.notes.extend(shared);
    let stated = request.seasons.iter().flatten().filter(|s| **s > 1 && !seasons::is_seen(**s, n));
    forecast.notes.extend(stated.map(|s| {
        format!("a season of {s} steps is not used: the history of {n} does not hold it two and a half times")
    }));
    Ok(Forecasted { forecast, calendar })
}

/// Forecasts every series, several at a time; `progress` hears of each one done. The order is that of the input.
pub fn forecast_all(
    all: &[Series],
    request: &Request,
    progress: impl Fn() + Sync,
) -> Result<ForecastDocument, PlanningError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, series)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, all.get(i)?)))
        {
            done.push((index, forecast(series, request).map(|f| entry(series, &f, request))));
            progress();
        }
        done
    };
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let threads = request.threads.unwrap_or_else(cores).clamp(1, all.len().max(1));
    let mut done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().expect("a forecast does not panic")).collect()
    });
    done.sort_by_key(|(index, _)| *index);
    let series = done.into_iter().map(|(_, entry)| entry).collect::<Result<_, _>>()?;
    Ok(ForecastDocument { schema: SCHEMA.into(), series })
}

/// The most values of a history in a document.
const HISTORY_MAX: usize = 5000;

/// The entry of the document.
pub(crate) fn entry(series: &Series, made: &Forecasted, request: &Request) -> SeriesForecast {
    let (forecast, accuracy) = (&made.forecast, &made.forecast.accuracy);
    let n = series.values.len();
    let point = |step: usize| Point {
        time: series.axis.time(n + step),
        value: forecast.median()[step],
        bounds: request
            .levels
            .iter()
            .map(|&level| Bound {
                level,
                low: forecast.quantile(step, 0.5 - level / 200.0),
                high: forecast.quantile(step, 0.5 + level / 200.0),
            })
            .collect(),
    };
    let finding = |finding: forecast::Finding| match finding {
        forecast::Finding::Shift { index, before, after } => {
            Finding::LevelShift { time: series.axis.time(index), before, after }
        }
        forecast::Finding::Outlier { index, value, usual } => {
            Finding::Outlier { time: series.axis.time(index), value, usual }
        }
    };
    let (events, _) = events::place(&request.events, &series.axis, n);
    let is_explained = |index: &usize| {
        events
            .iter()
            .filter(|event| !event.lasts)
            .any(|event| event.spans.iter().any(|span| span.contains(index)))
    };
    let is_new = |finding: &forecast::Finding| match finding {
        forecast::Finding::Outlier { index, .. } => !is_explained(index),
        forecast::Finding::Shift { .. } => true,
    };
    let clock = clock(series, request, n);
    let (history, tests) = if request.history {
        (past(series), forecast.tests.iter().map(|t| test(series, t)).collect())
    } else {
        Default::default()
    };
    SeriesForecast {
        id: series.id.clone(),
        model: forecast.model.clone(),
        seasons: made
            .calendar
            .seasons
            .iter()
            .copied()
            .filter(|s| *s > 1 && seasons::is_seen(*s, n))
            .collect(),
        backtest: Backtest {
            count: accuracy.count,
            horizon: accuracy.horizon,
            mase: accuracy.mase,
            smape: Some(accuracy.smape),
            coverage_80: accuracy.coverage_80,
            coverage_95: accuracy.coverage_95,
            error_to_naive: accuracy.error_to_naive,
            beats_seasonal_naive: accuracy.beats_seasonal_naive,
        },
        points: (0..forecast.horizon()).map(point).collect(),
        findings: forecast::findings_local(&series.values, &made.calendar, &clock)
            .into_iter()
            .filter(is_new)
            .map(finding)
            .collect(),
        events: forecast.effects.iter().map(|e| effect(series, e)).collect(),
        history,
        tests,
        notes: series.notes.iter().chain(&forecast.notes).cloned().collect(),
    }
}

/// The latest values with their times.
fn past(series: &Series) -> Vec<Past> {
    let n = series.values.len();
    let from = n.saturating_sub(HISTORY_MAX);
    (from..n).map(|t| Past { time: series.axis.time(t), value: series.values[t] }).collect()
}

fn test(series: &Series, test: &forecast::Test) -> Vec<Point> {
    let bounds = |step: usize| {
        let bound = |(level, ends): &(f64, Vec<(f64, f64)>)| Bound {
            level: 100.0 * level,
            low: ends[step].0,
            high: ends[step].1,
        };
        test.intervals.iter().map(bound).collect()
    };
    let point = |(step, value): (usize, &f64)| Point {
        time: series.axis.time(test.origin + step),
        value: *value,
        bounds: bounds(step),
    };
    test.median.iter().enumerate().map(point).collect()
}

fn effect(series: &Series, effect: &forecast::Effect) -> EventEffect {
    let at = |z: f64| effect.factor * (z * effect.deviation).exp();
    EventEffect {
        name: effect.name.clone(),
        factor: effect.factor,
        // The central 80 % of a normal is within 1.2816 standard deviations.
        interval: (effect.deviation > 0.0).then(|| (at(-1.2816), at(1.2816))),
        learnt_from: effect.learnt_from,
        upcoming: effect.upcoming.iter().map(|s| series.axis.time(series.values.len() + s.start)).collect(),
    }
}
