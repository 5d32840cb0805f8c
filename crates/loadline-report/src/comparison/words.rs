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
    match comparison.verdict {
        Verdict::Pass => format!("every metric is shown to be within {within} of the base"),
        Verdict::Improved => format!("better: {}", named(Verdict::Improved)),
        // A candidate that fails every request has no metric that says so.
        Verdict::Regressed if named(Verdict::Regressed).is_empty() => {
            comparison.notes.first().cloned().unwrap_or_else(|| "the candidate is worse".to_owned())
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
    if change > 0.0 { format!("+{}", percent(change)) } else { percent(change) }
}

/// The change, or the difference where there is no fraction of the base.
pub(super) fn change(metric: &MetricComparison) -> String {
    match (metric.change, metric.difference) {
        (Some(change), _) => signed(change),
        (None, Some(difference)) => number(difference),
        (None, None) => NONE.to_owned(),
    }
}

/// The interval of what [`change`] shows.
pub(super) fn interval(metric: &MetricComparison) -> String {
    match (metric.low.zip(metric.high), metric.difference_interval) {
        (Some((low, high)), _) => format!("{} … {}", signed(low), signed(high)),
        (None, Some([low, high])) => format!("{} … {}", number(low), number(high)),
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
    std::iter::once(first).chain(excluded).chain(comparison.notes.iter().cloned()).collect()
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
