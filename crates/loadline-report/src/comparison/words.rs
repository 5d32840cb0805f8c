//! A comparison in words and figures.

use loadline_model::changes::{Finding, MetricHistory};
use loadline_model::comparison::{Comparison, Duel, DuelEnd, MetricComparison, Verdict};
use loadline_model::run_table::ALL;

use crate::format::{NONE, length, number, percent, plural};

/// The verdict in one sentence.
pub fn sentence(comparison: &Comparison) -> String {
    let named = |verdict: Verdict| {
        let metrics = comparison.metrics.iter().filter(move |metric| metric.verdict == verdict);
        let each: Vec<String> =
            metrics.map(|metric| format!("{} ({})", name(metric), change(metric))).collect();
        each.join(", ")
    };
    let within = percent(comparison.tolerance);
    // Of differences the tolerance says nothing.
    let regressed = || comparison.metrics.iter().filter(|metric| metric.verdict == Verdict::Regressed);
    match comparison.verdict {
        Verdict::Pass if comparison.metrics.iter().any(is_difference) => {
            format!(
                "every metric is shown to be within {within} of the base, or half a point of a rate of errors"
            )
        }
        Verdict::Pass => format!("every metric is shown to be within {within} of the base"),
        Verdict::Improved => format!("better: {}", named(Verdict::Improved)),
        // A candidate that fails every request has no metric that says so.
        Verdict::Regressed if named(Verdict::Regressed).is_empty() => {
            comparison.notes.first().cloned().unwrap_or_else(|| "the candidate is worse".to_owned())
        }
        Verdict::Regressed if of_a_part(comparison) => {
            format!(
                "worse by more than {within}, of all runs or a part of them: {}",
                named(Verdict::Regressed)
            )
        }
        Verdict::Regressed if regressed().all(is_difference) => {
            format!("worse: {}", named(Verdict::Regressed))
        }
        Verdict::Regressed => format!("worse by more than {within}: {}", named(Verdict::Regressed)),
        Verdict::Inconclusive => {
            let runs = comparison
                .more_runs_needed
                .map(|runs| format!("; about {} a side would decide", plural(runs, "more run", "more runs")));
            let times = comparison.metrics.iter().filter_map(|metric| metric.more_time_needed_s);
            let time =
                times.reduce(f64::max).map(|more_s| format!("; about {} more would decide", length(more_s)));
            let more = runs.or(time).unwrap_or_default();
            let who = if comparison.duel.is_some() { "the duel does" } else { "the runs do" };
            format!("{who} not tell: {}{more}", named(Verdict::Inconclusive))
        }
        Verdict::Invalid => match &comparison.duel {
            Some(duel) if duel.seconds_left_out > duel.seconds_used => {
                "the generator was the bottleneck for most of the duel".to_owned()
            }
            Some(_) => {
                comparison.notes.first().cloned().unwrap_or_else(|| "there is nothing to compare".to_owned())
            }
            None => "no valid run is left to compare".to_owned(),
        },
    }
}

/// Whether a metric is worse in a part of the runs only: the change of all is within the tolerance.
fn of_a_part(comparison: &Comparison) -> bool {
    let within = |metric: &MetricComparison| metric.change.is_some_and(|c| c.abs() <= comparison.tolerance);
    comparison.metrics.iter().any(|metric| metric.verdict == Verdict::Regressed && within(metric))
}

/// `p99`, or `p99 of list`.
pub(super) fn name(metric: &MetricComparison) -> String {
    if metric.request == ALL {
        metric.metric.clone()
    } else {
        format!("{} of {}", metric.metric, metric.request)
    }
}

/// `p99_ms`, or `p99_ms of list` where there are several histories.
pub(super) fn of_series(metric: &str, series: Option<&str>) -> String {
    series.map_or_else(|| metric.to_owned(), |series| format!("{metric} of {series}"))
}

/// What a history says of a metric: what has changed, or how much can have without being seen.
pub(super) fn finding(metric: &MetricHistory) -> String {
    let runs = plural(metric.runs as u64, "run", "runs");
    let seen = metric.min_detectable_change.map(percent);
    let said = match (metric.finding, seen) {
        (Finding::TooFewRuns, _) => format!("{runs} cannot tell"),
        (Finding::LastRunsApart, _) => {
            format!("the latest of {runs} differ from those before, too few yet to tell a lasting change")
        }
        (Finding::Shifted, _) => {
            format!("a shift in {runs} where the code did not change, and no other change")
        }
        (Finding::NoChange, Some(seen)) => {
            format!(
                "no change above {seen} in {runs} (one of that size would be found in four cases of five)"
            )
        }
        (Finding::NoChange, None) => format!("no change in {runs}"),
        (Finding::Trend, _) => format!("a steady trend over {runs}, and no change at one of them"),
        (Finding::Changed, seen) => {
            let besides =
                seen.map_or(String::new(), |seen| format!("; a further one above {seen} would be found"));
            format!("{} in {runs}{besides}", plural(metric.changes as u64, "change", "changes"))
        }
    };
    format!("{}: {said}", of_series(&metric.metric, metric.series.as_deref()))
}

/// A fraction with its sign: `+5.2%`.
pub(super) fn signed(change: f64) -> String {
    if change > 0.0 && change.is_finite() { format!("+{}", percent(change)) } else { percent(change) }
}

/// The change, or the difference where there is no fraction of the base.
pub(super) fn change(metric: &MetricComparison) -> String {
    match (metric.change, metric.difference) {
        (Some(change), _) if !is_difference(metric) => signed(change),
        (_, Some(value)) => difference(value),
        (_, None) => NONE.to_owned(),
    }
}

/// Whether what is known of a metric is a difference, and no fraction of the base.
pub(super) fn is_difference(metric: &MetricComparison) -> bool {
    metric.difference.is_some() && (metric.change.is_none() || metric.low.is_none())
}

/// A difference with its sign: `+0.02`.
pub(super) fn difference(value: f64) -> String {
    if value > 0.0 { format!("+{}", number(value)) } else { number(value) }
}

/// The interval of what [`change`] shows.
pub(super) fn interval(metric: &MetricComparison) -> String {
    match (metric.low.zip(metric.high), metric.difference_interval) {
        (Some((low, high)), _) => format!("{} … {}", signed(low), signed(high)),
        (None, Some([low, high])) => format!("{} … {}", difference(low), difference(high)),
        (None, None) => NONE.to_owned(),
    }
}

/// The smallest change for the worse that would have been seen, or difference where there is no fraction of the base.
pub(super) fn detectable(metric: &MetricComparison) -> String {
    let change = metric.min_detectable_change.map(percent);
    change.or(metric.min_detectable_difference.map(number)).unwrap_or_else(|| NONE.to_owned())
}

/// The heads of [`row`].
pub(super) const HEADS: [&str; 8] =
    ["verdict", "metric", "base", "candidate", "change", "interval", "detectable", "reason"];

/// A metric as the cells of a table.
pub(super) fn row(metric: &MetricComparison) -> Vec<String> {
    let figure = |value: Option<f64>| value.map_or(NONE.to_owned(), number);
    vec![
        metric.verdict.name().to_owned(),
        name(metric),
        figure(metric.base),
        figure(metric.candidate),
        change(metric),
        interval(metric),
        detectable(metric),
        metric.reasons.join("; "),
    ]
}

/// The groups, and what was left out.
pub(super) fn remarks(comparison: &Comparison) -> Vec<String> {
    let first = comparison.duel.as_ref().map_or_else(|| groups(comparison), |duel| fought(comparison, duel));
    let excluded = comparison
        .excluded
        .iter()
        .map(|run| format!("left out of the {}: {} ({})", run.side, run.run, run.reason));
    let notes = comparison.notes.iter().cloned();
    std::iter::once(first).chain(excluded).chain(not_the_ratio(comparison)).chain(notes).collect()
}

/// Why a change is not what the two figures beside it would give, where a reader who divides them gets another.
fn not_the_ratio(comparison: &Comparison) -> Option<String> {
    let apart = |metric: &&MetricComparison| match (metric.base, metric.candidate, metric.change) {
        (Some(base), Some(candidate), Some(change)) if base > 0.0 => {
            let by_hand = candidate / base - 1.0;
            (change - by_hand).abs() > (1.0 + by_hand) * (rounding(base) + rounding(candidate))
        }
        _ => false,
    };
    let names: Vec<String> = comparison.metrics.iter().filter(apart).map(name).collect();
    let why = match comparison.duel {
        Some(_) => "pairs of neighbouring seconds, in which both builds bear the same disturbances",
        None => "all runs together, allowing for drift, for groups of runs and for single wild ones",
    };
    (!names.is_empty()).then(|| {
        format!(
            "the change of {} is estimated from {why}, and is not the ratio of the two figures",
            names.join(", ")
        )
    })
}

/// What rounding to the three digits that are shown can come to, as a fraction of the value.
fn rounding(value: f64) -> f64 {
    let magnitude = value.abs();
    if magnitude == 0.0 {
        0.0
    } else {
        0.5 * 10f64.powf((magnitude.log10() + 1e-9).floor().min(2.0) - 2.0) / magnitude
    }
}

/// How a duel went.
fn fought(comparison: &Comparison, duel: &Duel) -> String {
    let ended = match duel.ended {
        DuelEnd::Decided => "decided",
        DuelEnd::TimeUp => "the time was up",
        DuelEnd::LoadEnded => "the load ended",
        DuelEnd::Interrupted => "interrupted",
    };
    let left_out = match duel.seconds_left_out {
        0 => String::new(),
        n => format!(", {} left out since the generator was the bottleneck", plural(n, "second", "seconds")),
    };
    format!(
        "{ended} after {} of at most {}: {} of the base and {} of the candidate{left_out}; tolerance {}, confidence {}",
        length(duel.elapsed_s),
        length(duel.max_time_s),
        plural(duel.base_requests, "request", "requests"),
        plural(duel.candidate_requests, "request", "requests"),
        percent(comparison.tolerance),
        percent(comparison.confidence),
    )
}

fn groups(comparison: &Comparison) -> String {
    let history = match comparison.history_runs {
        0 => String::new(),
        runs => format!(", {} of history", plural(runs as u64, "run", "runs")),
    };
    let runs = |runs: usize| plural(runs as u64, "run", "runs");
    format!(
        "{} of the base, {} of the candidate{history}; tolerance {}, confidence {}",
        runs(comparison.base_runs),
        runs(comparison.candidate_runs),
        percent(comparison.tolerance),
        percent(comparison.confidence),
    )
}
