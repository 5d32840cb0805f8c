//! The verdict between two groups of runs.
//!
//! The unit is the run, never the request: runs of the same thing differ among themselves by more than the requests
//! within one would have it. [`compare`] estimates for each metric by how much the candidate differs from the base,
//! with an interval (see `shift` for the model), and holds the interval against the tolerance:
//!
//! | verdict | when |
//! |---|---|
//! | pass | the whole interval lies within the tolerance (an equivalence test: Schuirmann, *J. Pharmacokinet. Biopharm.* 15, 1987) |
//! | regressed | the change for the worse is more than the tolerance, beyond what chance does over all metrics; or that of a part of the candidate's runs is |
//! | improved | a change for the better is shown, likewise, and it is not within the tolerance |
//! | inconclusive | anything else, and whenever a figure is missing |
//!
//! The chance of any false *regressed* or *improved* over all metrics is held below one less the confidence by Holm's
//! procedure (*Scandinavian Journal of Statistics* 6, 1979). The intervals are for each metric alone.
//!
//! [`duel`] judges two builds that are loaded in one run, with the intervals of [`sequential`], which may be looked at
//! after every block.

mod affected;
mod direction;
pub mod duel;
mod few;
mod groups;
pub(crate) mod least_squares;
mod metric;
pub(crate) mod mixture;
mod names;
pub(crate) mod noise;
mod none;
mod remarks;
mod resolution;
pub(crate) mod robust;
mod same;
pub mod sequential;
mod shift;
mod unequal;
mod verdict;
mod within;

pub use within::{error_of_interval, errors_within};

use loadline_model::comparison::{Comparison, ExcludedRun, SCHEMA, Verdict};
use loadline_model::run_table::{Figure, RunFigures, RunTable};

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The change that does not matter, as a fraction of the base, at least 0. 0 asks for any change at all.
    pub tolerance: f64,
    /// The confidence of the intervals, between 0.5 and 1.
    pub confidence: f64,
    /// The metrics, with or without their unit; empty: all there are.
    pub metrics: Vec<String>,
    /// Metrics of which more is better, besides those whose name says so, such as throughput.
    pub higher_is_better: Vec<String>,
    /// Metrics of which less is better although their name says otherwise.
    pub lower_is_better: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        let (metrics, higher_is_better, lower_is_better) = Default::default();
        Options { tolerance: 0.05, confidence: 0.95, metrics, higher_is_better, lower_is_better }
    }
}

/// Why two groups of runs cannot be compared.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CompareError {
    /// The tolerance is no fraction.
    #[error("the tolerance is {0}; give a fraction of the base of 0 or more, such as 5%")]
    Tolerance(f64),
    /// The confidence is no probability.
    #[error("the confidence is {0}; give one from 50% up to, but not including, 100%, such as 95%")]
    Confidence(f64),
    /// A side has no runs at all.
    #[error("the {0} has no runs; give at least one")]
    NoRuns(&'static str),
    /// A metric that was asked for is in no table.
    #[error("no run has the metric `{metric}`; there are {}", known.join(", "))]
    UnknownMetric {
        /// The metric.
        metric: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// More and less of a metric are both said to be better.
    #[error("more of `{0}` is said to be better, and less of it as well; say one of them")]
    BothWays(String),
    /// A metric that was asked for is a column of words.
    #[error("the column `{0}` holds no numbers; compare a column that does")]
    Label(String),
}

/// Base, candidate and earlier runs.
#[derive(Debug, Clone, Copy)]
pub struct Groups<'a> {
    /// Runs of what is known.
    pub base: &'a RunTable,
    /// Runs of the change.
    pub candidate: &'a RunTable,
    /// Earlier runs of the same thing, which tell how large noise and drift usually are.
    pub history: Option<&'a RunTable>,
}

/// Compares two groups of runs.
///
/// # Errors
/// When an option is out of range, a side has no runs, or a metric that was asked for is in no table.
pub fn compare(groups: Groups<'_>, options: &Options) -> Result<Comparison, CompareError> {
    check(groups, options)?;
    let asked = names::resolve(groups, options)?;
    let mut excluded = Vec::new();
    let base = usable(groups.base, "base", &mut excluded);
    let candidate = usable(groups.candidate, "candidate", &mut excluded);
    let history = groups.history.map_or(Vec::new(), |table| usable(table, "history", &mut excluded));
    let mut notes = Vec::new();
    let sides: Vec<&RunFigures> = base.iter().chain(&candidate).copied().collect();
    // A history without any of the metrics is none.
    let history_runs =
        history.iter().filter(|run| asked.iter().any(|asked| run.values.contains_key(&asked.figure))).count();
    notes.extend(untimed(&sides, history_runs > 0));
    if history.is_empty() && (all_before(&base, &candidate) || all_before(&candidate, &base)) {
        notes.push(
            "one side's runs all come after the other's, and no history tells how the machine drifts: a slow wave cannot be \
             told from a change, so interleave them, give earlier runs with --history, or use `duel`"
                .into(),
        );
    }
    let judged: Vec<metric::Judged> = asked
        .into_iter()
        .map(|asked| {
            metric::judge(
                asked,
                metric::Runs { base: &base, candidate: &candidate, history: &history },
                options,
            )
        })
        .collect();
    let mut metrics = verdict::correct(judged, options);
    notes.extend(direction::assumed(&metrics, options));
    let invalid = base.is_empty() || candidate.is_empty();
    if invalid {
        metrics.iter_mut().for_each(|metric| metric.verdict = Verdict::Invalid);
    }
    Ok(Comparison {
        schema: SCHEMA.into(),
        verdict: if invalid { Verdict::Invalid } else { verdict::overall(&metrics) },
        tolerance: options.tolerance,
        confidence: options.confidence,
        base_runs: base.len(),
        candidate_runs: candidate.len(),
        history_runs,
        more_runs_needed: metrics.iter().filter_map(|metric| metric.more_runs_needed).max(),
        metrics,
        excluded,
        notes,
        duel: None,
    })
}

fn check(groups: Groups<'_>, options: &Options) -> Result<(), CompareError> {
    if !(options.tolerance >= 0.0 && options.tolerance.is_finite()) {
        return Err(CompareError::Tolerance(options.tolerance));
    }
    if !(0.5..1.0).contains(&options.confidence) {
        return Err(CompareError::Confidence(options.confidence));
    }
    for (table, side) in [(groups.base, "base"), (groups.candidate, "candidate")] {
        if table.runs.is_empty() {
            return Err(CompareError::NoRuns(side));
        }
    }
    Ok(())
}

/// Whether the last of some runs was made before the first of others, as far as all times are known; one run a side is no
/// stretch of time.
fn all_before(first: &[&RunFigures], then: &[&RunFigures]) -> bool {
    let times = |runs: &[&RunFigures]| runs.iter().map(|run| run.time_s).collect::<Option<Vec<f64>>>();
    let Some((first, then)) = times(first).zip(times(then)) else { return false };
    let last = first.iter().copied().fold(f64::MIN, f64::max);
    first.len().min(then.len()) > 1 && then.iter().all(|time| *time > last)
}

/// Runs of a kind that are named.
const NAMED: usize = 3;

/// What it means that runs carry no times, if some do not.
fn untimed(runs: &[&RunFigures], has_history: bool) -> Option<String> {
    let without: Vec<&str> =
        runs.iter().filter(|run| run.time_s.is_none()).map(|run| run.run.as_str()).collect();
    let which = match without.len() {
        0 => return None,
        all if all == runs.len() => "the runs carry no times".to_owned(),
        some => {
            let more = if some > NAMED { ", …" } else { "" };
            let named = without[..some.min(NAMED)].join(", ");
            format!("{some} of {} runs carry no times ({named}{more})", runs.len())
        }
    };
    Some(if without.len() == runs.len() && !has_history {
        format!(
            "{which}, so runs count as independent of each other, and drift between the groups cannot be told from a change"
        )
    } else {
        format!("{which}, so intervals are as wide as they have to be whichever side came first")
    })
}

fn usable<'a>(table: &'a RunTable, side: &str, excluded: &mut Vec<ExcludedRun>) -> Vec<&'a RunFigures> {
    let mut used = Vec::with_capacity(table.runs.len());
    for run in &table.runs {
        match &run.invalid {
            None => used.push(run),
            Some(reason) => {
                excluded.push(ExcludedRun {
                    run: run.run.clone(),
                    side: side.into(),
                    reason: reason.clone(),
                });
            }
        }
    }
    used
}

/// A metric as it was asked for, and where it stands.
#[derive(Debug, Clone)]
struct Asked {
    name: String,
    figure: Figure,
    higher_is_better: bool,
}

#[cfg(test)]
mod tests;
