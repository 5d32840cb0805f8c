//! Demand to come, as joint paths: of a file's series, of callers, of both, and as what is known or supposed changes it.

use loadline_model::forecast::{Bound, EventEffect, Finding, Past, Point, SeriesForecast};
use loadline_model::plan::Event;
use loadline_model::series::{Axis, Series, Time};

use super::Change;
use crate::events;
use crate::forecast::{Forecasted, PlanningError, Request, entry, forecast, span};

/// Joint paths drawn.
const PATHS: usize = 2000;
/// Seconds in a year.
const YEAR_S: f64 = 365.25 * 86_400.0;
/// The intervals shown around the median of the paths, in per cent.
const LEVELS: [f64; 2] = [80.0, 95.0];

/// Demand to come, and the history it comes from.
#[derive(Debug, Clone)]
pub struct Demand {
    pub(super) paths: Vec<Vec<f64>>,
    /// The sum of the histories.
    history: Series,
    /// What a document says of it; the points are made from the paths.
    described: SeriesForecast,
    /// Seconds that it counts by, where known.
    pub(super) per_s: Option<f64>,
    pub(super) notes: Vec<String>,
}

impl Demand {
    /// Of the sum of `all` series, which go on at the same time in the same steps; one that begins later than others
    /// counts as 0 before.
    ///
    /// # Errors
    /// Where they do not, or do not allow for a forecast.
    pub fn forecast(all: &[Series], request: &Request, per_s: Option<f64>) -> Result<Demand, PlanningError> {
        let first = all.first().expect("a file holds at least one series");
        let next = |s: &Series| (s.axis.time(s.values.len()), s.axis.step());
        if let Some(other) = all.iter().find(|s| next(s) != next(first)) {
            return Err(PlanningError::NotAlike { one: first.id.clone(), other: other.id.clone() });
        }
        let per_s = unit(all, per_s)?;
        let request = &Request { history: true, levels: Vec::new(), ..request.clone() };
        let made: Vec<Forecasted> = all.iter().map(|s| forecast(s, request)).collect::<Result<_, _>>()?;
        let paths = joint_paths(&made);
        if let ([series], [made]) = (all, &made[..]) {
            let described = entry(series, made, request);
            let notes = described.notes.clone();
            return Ok(Demand { paths, history: series.clone(), described, per_s, notes });
        }
        let mut notes = vec![format!("the demand is the sum of {} series", all.len())];
        for (series, made) in all.iter().zip(&made) {
            let named = |note: &String| format!("{}: {note}", series.id);
            notes.extend(series.notes.iter().chain(&made.forecast.notes).map(named));
        }
        let longest = all.iter().max_by_key(|s| s.values.len()).expect("a file holds at least one series");
        let late = |s: &&Series| s.values.len() < longest.values.len();
        notes.extend(all.iter().filter(late).map(|s| {
            format!("{}: it begins at {}, later than others, and counts as 0 before", s.id, s.axis.time(0))
        }));
        let whole: Vec<Series> = all.iter().map(|s| as_long_as(longest, s)).collect();
        let history = summed(&whole.iter().map(|s| (s, 1.0)).collect::<Vec<_>>());
        let described = of_sum(&history, paths[0].len(), request)?;
        Ok(Demand { paths, history, described, per_s, notes })
    }

    /// The sum of demands, each so many times; path by path, so that the peak is that of the sum. `None` where they do
    /// not go on at the same time in the same steps.
    pub fn sum(parts: &[(&Demand, f64)], request: &Request) -> Option<Demand> {
        let first = parts.first()?.0;
        let alike = |d: &Demand| d.time(0) == first.time(0) && d.axis().step() == first.axis().step();
        if !parts.iter().all(|(d, _)| alike(d)) {
            return None;
        }
        let steps = parts.iter().map(|(d, _)| d.paths[0].len()).min()?;
        // What counts by the minute is a sixtieth of that by the second.
        let unit = |d: &Demand| first.per_s.zip(d.per_s).map_or(1.0, |(wanted, own)| wanted / own);
        let parts: Vec<(&Demand, f64)> = parts.iter().map(|(d, times)| (*d, times * unit(d))).collect();
        let mut paths = vec![vec![0.0; steps]; first.paths.len()];
        for (part, times) in &parts {
            for (path, more) in paths.iter_mut().zip(&part.paths) {
                path.iter_mut().zip(more).for_each(|(a, b)| *a += b * *times);
            }
        }
        let history = summed(&parts.iter().map(|(d, times)| (&d.history, *times)).collect::<Vec<_>>());
        let request = &Request { history: true, levels: Vec::new(), ..request.clone() };
        let described = match &parts[..] {
            [(only, times)] => scaled(only.described.clone(), *times),
            _ => of_sum(&history, steps, request).ok()?,
        };
        Some(Demand { paths, history, described, per_s: first.per_s, notes: Vec::new() })
    }

    /// With what is to be said of one of its parts.
    pub(crate) fn noting(mut self, part: &Demand) -> Demand {
        self.notes.extend(part.notes.iter().cloned());
        self
    }

    /// When it goes on, and in which steps.
    pub(crate) fn goes_on(&self) -> String {
        let steps = self.axis().step_s().map_or_else(|| self.axis().step().to_string(), span);
        format!("at {} in steps of {steps}", self.time(0))
    }

    /// The history of the sum.
    pub fn history(&self) -> &Series {
        &self.history
    }

    pub(super) fn axis(&self) -> &Axis {
        &self.history.axis
    }

    pub(super) fn time(&self, step: usize) -> Time {
        self.history.axis.time(self.history.values.len() + step)
    }

    /// The last time of the history.
    pub(super) fn last_time(&self) -> Time {
        self.history.axis.time(self.history.values.len().saturating_sub(1))
    }

    pub(super) fn steps(&self) -> usize {
        self.paths[0].len()
    }

    /// The highest demand of the latest season that the history holds; without one the latest demand.
    pub(super) fn peak(&self) -> f64 {
        let n = self.history.values.len();
        let season = self.described.seasons.iter().copied().filter(|s| *s <= n).max().unwrap_or(1);
        self.history.values[n - season..].iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The mean demand over all paths and the steps given.
    pub(super) fn mean(&self, steps: std::ops::Range<usize>) -> f64 {
        let count = (self.paths.len() * steps.len()).max(1) as f64;
        self.paths.iter().map(|path| path[steps.clone()].iter().sum::<f64>()).sum::<f64>() / count
    }

    /// As the changes make it.
    pub fn changed(&self, changes: &[Change]) -> Demand {
        let mut demand = self.clone();
        for change in changes {
            let (factors, notes) = match *change {
                Change::Times { factor, from, until } => self.times(factor, from, until),
                Change::Growth(a_year) => self.growth(a_year),
            };
            for path in &mut demand.paths {
                path.iter_mut().zip(&factors).for_each(|(demand, factor)| *demand *= factor);
            }
            demand.notes.extend(notes);
        }
        demand
    }

    /// The factor of each step, placed as an event is.
    fn times(&self, factor: f64, from: Option<Time>, until: Option<Time>) -> (Vec<f64>, Vec<String>) {
        let (n, steps) = (self.history.values.len(), self.steps());
        let from = from.unwrap_or(self.time(0));
        let name = format!("{factor} times as much from {from}");
        let event = Event { name, spans: vec![(from, until)], every: None, factor: Some(factor) };
        let (placed, mut notes) = events::place(std::slice::from_ref(&event), self.axis(), n + steps);
        let mut factors = vec![1.0; steps];
        for (placed, span) in placed.iter().flat_map(|p| p.spans.iter().map(move |span| (p, span))) {
            let ahead = span.start.saturating_sub(n)..span.end.saturating_sub(n);
            factors[ahead].fill(placed.factor.unwrap_or(factor));
        }
        if factor != 1.0 && factors.iter().all(|f| *f == 1.0) {
            notes.push(format!("{}: it touches none of the steps to come", event.name));
        }
        (factors, notes)
    }

    /// The factor of each step that grows beside the forecast.
    fn growth(&self, a_year: f64) -> (Vec<f64>, Vec<String>) {
        let Some(step_s) = self.axis().step_s() else {
            let note = "the demand has no dates: growth a year was left out";
            return (Vec::new(), (a_year != 0.0).then(|| note.to_owned()).into_iter().collect());
        };
        let ahead = |step: usize| (step + 1) as f64 * step_s / YEAR_S;
        ((0..self.steps()).map(|step| (1.0 + a_year).powf(ahead(step))).collect(), Vec::new())
    }

    /// What a document says of it: the points are the quantiles of the paths, step by step.
    pub(super) fn document(&self) -> SeriesForecast {
        let mut sorted = vec![0.0; self.paths.len()];
        let point = |step: usize| {
            sorted.iter_mut().zip(&self.paths).for_each(|(v, path)| *v = path[step]);
            sorted.sort_unstable_by(f64::total_cmp);
            let at = |q: f64| loadline_analysis::forecast::score::quantile(&sorted, q);
            let bound =
                |level: f64| Bound { level, low: at(0.5 - level / 200.0), high: at(0.5 + level / 200.0) };
            Point { time: self.time(step), value: at(0.5), bounds: LEVELS.map(bound).to_vec() }
        };
        SeriesForecast { points: (0..self.steps()).map(point).collect(), ..self.described.clone() }
    }
}

/// Paths of the sum: the same draw of every series, so that what moved them together does so here.
fn joint_paths(made: &[Forecasted]) -> Vec<Vec<f64>> {
    let mut sum: Vec<Vec<f64>> = made[0].forecast.paths(PATHS, 1).collect();
    for other in &made[1..] {
        for (path, more) in sum.iter_mut().zip(other.forecast.paths(PATHS, 1)) {
            path.iter_mut().zip(more).for_each(|(a, b)| *a += b);
        }
    }
    sum
}

/// Seconds that demands count by: as was said, or as it follows from how their values were made.
fn unit(all: &[Series], said: Option<f64>) -> Result<Option<f64>, PlanningError> {
    let counted = all.first().and_then(|first| first.counted_over_s);
    match (said, counted) {
        (Some(said), Some(step_s)) if said != step_s => {
            Err(PlanningError::Unit { said: span(said), step: span(step_s) })
        }
        _ => Ok(said.or(counted)),
    }
}

/// The same series with zeros in front, from the beginning of the longest one on, which ends at the same time.
fn as_long_as(longest: &Series, series: &Series) -> Series {
    let mut values = vec![0.0; longest.values.len() - series.values.len()];
    values.extend(&series.values);
    Series { axis: longest.axis, values, ..series.clone() }
}

/// The sum of histories that end together, as far back as all of them go.
fn summed(parts: &[(&Series, f64)]) -> Series {
    let n = parts.iter().map(|(s, _)| s.values.len()).min().unwrap_or(0);
    let first = parts[0].0;
    let offset = first.values.len() - n;
    let axis = first.axis.from(offset);
    let value = |t: usize| parts.iter().map(|(s, times)| times * s.values[s.values.len() - n + t]).sum();
    let values = (0..n).map(value).collect();
    Series { id: String::new(), axis, values, counted_over_s: None, notes: Vec::new() }
}

/// How a forecast of the sum itself did on the past: what is said of a demand whose paths come from its parts.
fn of_sum(history: &Series, steps: usize, request: &Request) -> Result<SeriesForecast, PlanningError> {
    let request = &Request { horizon: Some(crate::forecast::Horizon::Steps(steps)), ..request.clone() };
    let made = forecast(history, request)?;
    let mut described = entry(history, &made, request);
    // What is to be said of the forecast is said of that of each part.
    described.notes.clear();
    described.model = "the sum of joint paths of its parts; the backtests are those of the sum itself".into();
    Ok(described)
}

fn scaled(described: SeriesForecast, times: f64) -> SeriesForecast {
    let point = |p: Point| Point {
        value: p.value * times,
        bounds: p
            .bounds
            .into_iter()
            .map(|b| Bound { low: b.low * times, high: b.high * times, ..b })
            .collect(),
        ..p
    };
    let finding = |f: Finding| match f {
        Finding::LevelShift { time, before, after } => {
            Finding::LevelShift { time, before: before * times, after: after * times }
        }
        Finding::Outlier { time, value, usual } => {
            Finding::Outlier { time, value: value * times, usual: usual * times }
        }
    };
    let events: Vec<EventEffect> = described.events;
    SeriesForecast {
        history: described.history.into_iter().map(|p| Past { value: p.value * times, ..p }).collect(),
        tests: described.tests.into_iter().map(|t| t.into_iter().map(point).collect()).collect(),
        findings: described.findings.into_iter().map(finding).collect(),
        events,
        ..described
    }
}
