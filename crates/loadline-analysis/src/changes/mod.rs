//! Change points in a history of runs.
//!
//! The model, on the logarithms of the figures where all are positive: a level that changes in steps, plus noise that
//! is partly white and partly an autoregression, both shares unknown. Steps are added one at a time where they raise
//! the likelihood the most, the noise being fitted anew with and without the step, so that a level that wanders is not
//! cut into steps, nor a step taken for wandering. A step stays if it raises twice the log likelihood by more than
//! 2 ln n + 4.4: n places were searched, and white noise then gives a false step in under 1 % of histories of 200 runs.
//! Single wild runs are moved towards the median of their neighbours first, which keeps steps where they are.
//!
//! The places a step can have had at a confidence `c` are those whose twice log likelihood is within −2 ln(1 − √c) of
//! the best (Yao, *Annals of Statistics* 15, 1987). Where the history has commits, a step can only lie between two of
//! them, at a commit that has not run on the old level. One that cannot be moved there has another cause, such as the
//! machine: it is told apart and not reported. So are the last one or two runs where they lie apart, since they may be wild
//! runs; from three on they count in full, for what was moved in would hide how far they lie from the rest. The interval of
//! a size is that of all places and kinds of noise by how likely they are. A steady trend is told apart, too, where it tells a history better than steps do.

mod parts;
mod profile;
mod segment;

use std::collections::HashMap;

use loadline_model::changes::{Change, Changes, Finding, MetricHistory, SCHEMA};
use loadline_model::run_table::{ALL, Figure, RunFigures, RunTable};

pub use parts::{Part, Parting, parts, series_columns};
pub use segment::FEWEST_RUNS;
use segment::{MOST_STEPS, Segmentation, Step};

use crate::compare::robust::{median, scale};

/// What is wrong with a request for change points.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ChangesError {
    /// The confidence is no probability.
    #[error("the confidence is {0}; give one from 50% up to, but not including, 100%, such as 95%")]
    Confidence(f64),
    /// A metric that was asked for is not in the history.
    #[error("no run has the metric `{metric}`; there are {}", known.join(", "))]
    UnknownMetric {
        /// The metric.
        metric: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// A column that was to part the table is not in it.
    #[error("the history has no column `{column}`; there are {}", known.join(", "))]
    UnknownColumn {
        /// The column.
        column: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// It cannot be known whether a table is one history or several.
    #[error(
        "the runs may be of several histories: they differ in `{column}` ({values}); say `--series {column}` to take each \
         by itself, or `--series none` to take all as one"
    )]
    SeveralHistories {
        /// The column in which they differ.
        column: String,
        /// Some of its values.
        values: String,
    },
}

/// The fewest runs at an end that tell a lasting change from wild runs.
const FEWEST_LASTING: usize = 3;
/// More runs than this are not looked at: the latest are.
const MOST_RUNS: usize = 10_000;

/// Finds the changes of each metric in each of several histories.
///
/// # Errors
/// When the confidence is out of range or a metric is in none of them.
pub fn changes_of_parts(
    parts: &[Part],
    metrics: &[String],
    confidence: f64,
) -> Result<Changes, ChangesError> {
    let mut all = Changes { schema: SCHEMA.into(), changes: Vec::new(), confidence, metrics: Vec::new() };
    for (series, history) in parts {
        let mut found = changes(history, metrics, confidence)?;
        found.changes.iter_mut().for_each(|change| change.series.clone_from(series));
        found.metrics.iter_mut().for_each(|metric| metric.series.clone_from(series));
        all.changes.append(&mut found.changes);
        all.metrics.append(&mut found.metrics);
    }
    Ok(all)
}

/// Finds the changes of each metric; `metrics` by the names of their columns, empty: all. Runs go by their times where
/// all have one, else as they stand; indices are those of that order.
///
/// # Errors
/// When the confidence is out of range or a metric is not in the history.
pub fn changes(history: &RunTable, metrics: &[String], confidence: f64) -> Result<Changes, ChangesError> {
    if !(0.5..1.0).contains(&confidence) {
        return Err(ChangesError::Confidence(confidence));
    }
    let of_all = || history.figures.iter().filter(|figure| figure.request == ALL);
    if let Some(metric) = metrics.iter().find(|metric| !of_all().any(|figure| figure.name == **metric)) {
        let known = of_all().map(|figure| figure.name.clone()).collect();
        return Err(ChangesError::UnknownMetric { metric: metric.clone(), known });
    }
    let mut runs: Vec<&RunFigures> = history.runs.iter().collect();
    if runs.iter().all(|run| run.time_s.is_some()) {
        runs.sort_by(|a, b| a.time_s.unwrap_or(0.0).total_cmp(&b.time_s.unwrap_or(0.0)));
    }
    let mut document =
        Changes { schema: SCHEMA.into(), changes: Vec::new(), confidence, metrics: Vec::new() };
    for figure in of_all().filter(|figure| metrics.is_empty() || metrics.contains(&figure.name)) {
        let (found, about) = of_metric(figure, &runs, confidence);
        document.changes.extend(found);
        document.metrics.push(about);
    }
    Ok(document)
}

fn of_metric(figure: &Figure, runs: &[&RunFigures], confidence: f64) -> (Vec<Change>, MetricHistory) {
    let valid = runs.iter().enumerate().filter(|(_, run)| run.invalid.is_none());
    let mut points: Vec<(usize, f64)> =
        valid.filter_map(|(index, run)| run.values.get(figure).map(|value| (index, *value))).collect();
    let mut about = MetricHistory {
        metric: figure.name.clone(),
        series: None,
        runs: points.len(),
        changes: 0,
        finding: Finding::TooFewRuns,
        min_detectable_change: None,
        notes: Vec::new(),
    };
    if points.len() < FEWEST_RUNS {
        about.notes.push(format!(
            "no change can be shown, however large, by {} of the {FEWEST_RUNS} runs that it takes; give {} more",
            points.len(),
            FEWEST_RUNS - points.len()
        ));
        return (Vec::new(), about);
    }
    if points.len() > MOST_RUNS {
        points.drain(..points.len() - MOST_RUNS);
        about.notes.push(format!("only the latest {MOST_RUNS} runs were looked at"));
    }
    about.finding = Finding::NoChange;
    let scale = Scale::of(&points);
    let values: Vec<f64> = points.iter().map(|(_, value)| scale.forward(*value)).collect();
    let Some(segmentation) = Segmentation::of(&values, confidence) else {
        about.notes.push("all runs have the same value".into());
        return (Vec::new(), about);
    };
    if segmentation.steps.len() == MOST_STEPS {
        about.notes.push(format!("{MOST_STEPS} steps were found, and no more were looked for"));
    }
    if let Some(rise) = segmentation.trend {
        about.finding = Finding::Trend;
        about.notes.push(trend_note(scale, &values, rise));
        return (Vec::new(), about);
    }
    about.min_detectable_change = scale.change(median(&values), segmentation.detectable);
    let commits: Vec<Option<&str>> = points.iter().map(|(index, _)| runs[*index].commit.as_deref()).collect();
    let last_runs = last_runs(&commits);
    let mut found = Vec::new();
    for (at, step) in segmentation.steps.iter().enumerate() {
        let since = at.checked_sub(1).map_or(0, |before| segmentation.steps[before].place);
        let before = segmentation.levels[at];
        let size = size_of(scale, before, step);
        let Some(place) = first_of_commit(step, since, &last_runs) else {
            if about.finding == Finding::NoChange {
                about.finding = Finding::Shifted;
            }
            let why = not_the_code(&commits, step.place);
            about.notes.push(format!("the level shifts{size} at run {} {why}", points[step.place].0));
            continue;
        };
        let after = points.len() - place;
        if after < FEWEST_LASTING {
            about.finding = Finding::LastRunsApart;
            about.notes.push(apart_note("last", after, &size));
        } else if place < FEWEST_LASTING {
            about.notes.push(apart_note("first", place, &size));
        } else {
            found.push(report(figure, runs, &points, Placed { step, place, before }, scale));
        }
    }
    if about.finding != Finding::LastRunsApart
        && let Some((before, off)) = last_alone(&values, &segmentation)
    {
        about.finding = Finding::LastRunsApart;
        let by = scale.change(before, off).map(|change| format!(" by {:+.1} %", 100.0 * change));
        about.notes.push(apart_note("last", 1, &by.unwrap_or_else(|| format!(" by {off:+.4}"))));
    }
    about.changes = found.len();
    if !found.is_empty() {
        about.finding = Finding::Changed;
    }
    (found, about)
}

/// A last run so many scales from its level is told, if no run before it lay as far from its own.
const FAR: f64 = 6.0;

/// The last level and how far the last run lies from it, where it lies apart as no other: wild runs are moved in before steps
/// are looked for, so that it is none.
fn last_alone(values: &[f64], segmentation: &Segmentation) -> Option<(f64, f64)> {
    let Segmentation { steps, levels, .. } = segmentation;
    let last_level = steps.last().zip(levels.last()).map(|(step, level)| level + step.size);
    let last_level = last_level.unwrap_or_else(|| median(values));
    let level = |at: usize| {
        let passed = steps.partition_point(|step| step.place <= at);
        levels.get(passed).copied().unwrap_or(last_level)
    };
    let residuals: Vec<f64> = values.iter().enumerate().map(|(at, value)| value - level(at)).collect();
    let (off, others) = residuals.split_last()?;
    let is_farthest = others.iter().all(|other| other.abs() < off.abs());
    (is_farthest && off.abs() > FAR * scale(others)).then_some((last_level, *off))
}

/// The size of a step in words, with its interval.
fn size_of(scale: Scale, before: f64, step: &Step) -> String {
    let percent = |size| scale.change(before, size).map(|change| format!("{:+.1}", 100.0 * change));
    let [low, high] = step.interval;
    match (percent(step.size), percent(low), percent(high)) {
        (Some(size), Some(low), Some(high)) => format!(" by {size} % ({low} … {high})"),
        _ => format!(" by {:+.4}", step.size),
    }
}

/// Why a shift is none of the code's.
fn not_the_code(commits: &[Option<&str>], place: usize) -> String {
    let commit = commits[place].unwrap_or_default();
    let where_of = if commits[place] == commits[place - 1] {
        format!("within commit {commit}: the code did not change")
    } else {
        format!("to commit {commit}, which had run on the old level: it is not the code")
    };
    format!("{where_of}, look at the machine")
}

/// What is said of runs at an end that are too few for a level.
fn apart_note(end: &str, runs: usize, size: &str) -> String {
    let (which, more) = match runs {
        1 => (format!("the {end} run differs from its neighbours"), "a wild run"),
        _ => (format!("the {end} {runs} runs differ from their neighbours"), "wild runs"),
    };
    let wanted = FEWEST_LASTING - runs;
    let then = if end == "last" { format!("; {wanted} more would tell") } else { String::new() };
    format!("{which}{size}: too few to tell a lasting change from {more}{then}")
}

/// The last earlier run of the commit of each run, where it has one.
fn last_runs(commits: &[Option<&str>]) -> Vec<Option<usize>> {
    let mut last = HashMap::new();
    commits
        .iter()
        .enumerate()
        .map(|(place, commit)| commit.and_then(|commit| last.insert(commit, place)))
        .collect()
}

/// The likeliest place of a step at a commit that has not run on the old level, which began at `since`: no change of the
/// code makes a commit slower than it was. Runs without commits all count.
fn first_of_commit(step: &Step, since: usize, last_runs: &[Option<usize>]) -> Option<usize> {
    let open = |place: usize| last_runs[place].is_none_or(|last| last < since);
    let best = step.places.iter().filter(|(place, _)| open(*place)).max_by(|a, b| a.1.total_cmp(&b.1));
    best.map(|(place, _)| *place)
}

/// What a steady trend comes to, as a fraction of where it begins.
fn trend_note(scale: Scale, values: &[f64], rise: f64) -> String {
    let start = median(values) - 0.5 * rise;
    let size =
        scale.change(start, rise).map_or(String::new(), |change| format!(" by {:+.1} %", 100.0 * change));
    format!(
        "the level moves steadily{size} from the first run to the last, which is no change at one of them"
    )
}

struct Placed<'a> {
    step: &'a Step,
    place: usize,
    before: f64,
}

fn report(
    figure: &Figure,
    runs: &[&RunFigures],
    points: &[(usize, f64)],
    at: Placed<'_>,
    scale: Scale,
) -> Change {
    let run = runs[points[at.place].0];
    let [low, high] = at.step.interval;
    let interval =
        scale.change(at.before, low).zip(scale.change(at.before, high)).map(|(low, high)| [low, high]);
    let last = at.step.places.len() - 1;
    Change {
        metric: figure.name.clone(),
        series: None,
        index: points[at.place].0,
        time: run.time.clone(),
        commit: run.commit.clone(),
        index_interval: [points[at.step.places[0].0].0, points[at.step.places[last].0].0],
        before: scale.back(at.before),
        after: scale.back(at.before + at.step.size),
        change: scale.change(at.before, at.step.size),
        interval,
    }
}

/// How values are compared: by ratio where all are positive, else by difference.
#[derive(Debug, Clone, Copy)]
enum Scale {
    Log,
    Linear,
}

impl Scale {
    fn of(points: &[(usize, f64)]) -> Scale {
        if points.iter().all(|(_, value)| *value > 0.0) { Scale::Log } else { Scale::Linear }
    }

    fn forward(self, value: f64) -> f64 {
        match self {
            Scale::Log => value.ln(),
            Scale::Linear => value,
        }
    }

    fn back(self, value: f64) -> f64 {
        match self {
            Scale::Log => value.exp(),
            Scale::Linear => value,
        }
    }

    /// A step from the level `before`, as a fraction of it.
    fn change(self, before: f64, step: f64) -> Option<f64> {
        match self {
            Scale::Log => Some(step.exp_m1()),
            // A level of 0 comes out of the fit as a rounding error of the step.
            Scale::Linear => (before.abs() > 1e-9 * step.abs()).then(|| step / before.abs()),
        }
    }
}

#[cfg(test)]
mod tests;
