//! What a reader should know of the runs of a metric, in words: what is missing, how they are spread, what else differs.

use loadline_model::run_table::{Figure, RunFigures};

use super::affected;
use super::metric::{Runs, Scale, mean, sides};
use super::names::stem;
use super::robust::{self, median};
use super::shift::{FEW, Order, Sample, Shift, Side};

/// What of a figure is missing, and why where that is known.
pub(super) fn missing(figure: &Figure, base: &[f64], candidate: &[f64], runs: Runs<'_>) -> Vec<String> {
    let sides = [("base", base.len(), runs.base), ("candidate", candidate.len(), runs.candidate)];
    let lacking = sides.into_iter().filter(|(_, have, all)| *have < all.len() || all.is_empty());
    lacking
        .map(|(side, have, all)| {
            let why = all.iter().find_map(|run| run.missing.get(figure)).cloned();
            let why = why.or_else(|| in_another_unit(figure, all));
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            match (have, all.len()) {
                (_, 0) => format!("no valid run of the {side} is left"),
                (0, _) => format!("no run of the {side} has this metric{why}"),
                (have, all) => format!("{} of {all} runs of the {side} lack this metric{why}", all - have),
            }
        })
        .collect()
}

/// Where the runs have the same figure in another unit.
fn in_another_unit(figure: &Figure, runs: &[&RunFigures]) -> Option<String> {
    let is_other = |other: &&Figure| {
        let differs = other.request == figure.request && other.name != figure.name;
        differs && stem(&other.name) == stem(&figure.name)
    };
    let other = runs.iter().flat_map(|run| run.values.keys()).find(is_other)?;
    Some(format!("it has `{}`, the other side `{}`; give both in one unit", other.name, figure.name))
}

/// Why equality within groups is not equality of the sides: where the means of all runs differ by more than the tolerance
/// since one side has more runs of the slow kind. Chance may deal machines out so, and a change may make more runs slow.
/// By how much, and the words.
pub(super) fn unlike_shares(
    sample: &Sample,
    shift: &Shift,
    scale: Scale,
    tolerance: f64,
) -> Option<(f64, String)> {
    let by = scale.to_change(mean(&sample.of(Side::Candidate)) - mean(&sample.of(Side::Base)))?;
    (shift.groups > 1 && by.abs() > tolerance).then(|| {
        let why = format!(
            "over all runs the sides differ by {:+.1} %, other than within groups, since their shares of the groups differ: \
             give more runs to see whether that is chance",
            100.0 * by
        );
        (by, why)
    })
}

/// How many runs of each side are worse than the base's median by more than the tolerance, where the candidate has more than
/// chance deals out: two kinds of runs that noise blurs are no groups, and a reader wants to know of them.
pub(super) fn more_beyond(
    sample: &Sample,
    scale: Scale,
    higher_is_better: bool,
    tolerance: f64,
) -> Option<String> {
    let sign = if higher_is_better { -1.0 } else { 1.0 };
    let [base, candidate] = sides(sample, higher_is_better);
    let edge = median(&base) + sign * scale.of_change(sign * tolerance);
    let beyond = |values: &[f64]| values.iter().filter(|value| **value > edge).count();
    let (of_base, worse) = (beyond(&base), beyond(&candidate));
    (affected::chance([of_base, base.len()], [worse, candidate.len()])? <= affected::CHANCE).then(|| {
        format!(
            "{worse} of {} runs of the candidate are worse than the base's median by more than the tolerance, and {of_base} \
             of {} of the base",
            candidate.len(),
            base.len()
        )
    })
}

/// As many runs as tell something of their own noise.
const OWN_NOISE: usize = 4;

/// That a side of few runs is taken to be as noisy as the other, which these runs could not tell.
pub(super) fn borrowed_noise(base: usize, candidate: usize) -> Option<String> {
    let (few, many, which, other) = match base < candidate {
        true => (base, candidate, "base", "candidate"),
        false => (candidate, base, "candidate", "base"),
    };
    let runs = if few == 1 { "run" } else { "runs" };
    (few < OWN_NOISE && many > 2 * few).then(|| {
        format!(
            "{few} {runs} of the {which} cannot tell how noisy they are, and are taken to be as noisy as those of the {other}; \
             give more if the change may make it noisier"
        )
    })
}

/// Why drift widens the interval.
pub(super) fn drifting(order: Order) -> &'static str {
    match order {
        Order::Timed => {
            "the figures drift from run to run, and one side's runs come after the other's, which widens the interval: \
             interleave them, or use `duel`"
        }
        Order::Assumed | Order::Unknown => {
            "the figures drift from run to run, and without times either side may have come first, which widens the \
             interval: give the time of every run, and interleave them, or use `duel`"
        }
    }
}

/// By how many standard errors the level of earlier runs has to differ from the base's to be told.
const OTHER_LEVEL: f64 = 4.0;

/// What is amiss with the history of a metric: that there is none, or that it lies elsewhere.
pub(super) fn about_history(history: &[f64], base: &[f64], any: bool, tolerance: f64) -> Option<String> {
    if history.is_empty() {
        return any.then(|| "no run of the history has this metric, so that it tells nothing here".into());
    }
    let (earlier, now) = (median(history), median(base));
    let off: Vec<f64> = history.iter().map(|value| value - earlier).collect();
    let error = robust::scale(&off) * (1.0 / history.len() as f64 + 1.0 / base.len() as f64).sqrt();
    let change = (now - earlier) / earlier.abs();
    let is_other =
        history.len() >= FEW && (now - earlier).abs() > OTHER_LEVEL * error && change.abs() > tolerance;
    is_other.then(|| {
        format!(
            "the history is of another level than the base, which is {:+.1} % from it: it tells how runs scatter and drift, \
             and nothing else",
            100.0 * change
        )
    })
}
