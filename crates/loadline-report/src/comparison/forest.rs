//! The forest plot: each metric's change with its interval, against the band of what does not matter.

use loadline_model::comparison::{Comparison, MetricComparison, Verdict};

use super::words::{change, difference, interval, is_difference, name, signed};
use crate::chart::labels::fit;
use crate::chart::{Axis, Chart, EndLabel, Head, Picture, Role, Scale};
use crate::format::{NONE, percent};
use crate::page::Width;

/// Metrics drawn at most; the table has all.
const METRICS_MAX: usize = 24;
/// Plots of differences at most.
const DIFFERENCES_MAX: usize = 4;
/// The widest change that the axis makes room for, unless the tolerance is wider.
const WIDEST: f64 = 0.5;
const ROW: u32 = 30;

/// What the axis of a forest plot is of.
#[derive(Clone, Copy)]
enum Kind<'a> {
    /// Fractions of the base.
    Change,
    /// Differences of one metric, over its requests, in its own unit: a fraction of the base tells less.
    Difference(&'a str),
}

impl Kind<'_> {
    fn middle(self, metric: &MetricComparison) -> Option<f64> {
        match self {
            Kind::Change => metric.change.filter(|_| !is_difference(metric)),
            Kind::Difference(_) => metric.difference.filter(|_| is_difference(metric)),
        }
    }

    fn ends(self, metric: &MetricComparison) -> Option<[f64; 2]> {
        match self {
            Kind::Change => metric.low.zip(metric.high).map(|(low, high)| [low, high]),
            Kind::Difference(_) => metric.difference_interval,
        }
    }

    fn holds(self, metric: &MetricComparison) -> bool {
        let named = match self {
            Kind::Change => true,
            Kind::Difference(of) => metric.metric == of,
        };
        named && self.middle(metric).is_some()
    }

    /// How far the axis goes either way: over all intervals, unless they are so wide that nothing else could be seen.
    fn reach(self, comparison: &Comparison, shown: &[&MetricComparison]) -> f64 {
        let ends = shown.iter().flat_map(|metric| {
            let [low, high] = self.ends(metric).map_or([None, None], |ends| ends.map(Some));
            [low, high, self.middle(metric)]
        });
        let widest = ends.flatten().map(f64::abs).filter(|end| end.is_finite()).fold(0.0, f64::max);
        let tolerance = comparison.tolerance;
        match self {
            Kind::Change => (1.1 * widest).min(WIDEST.max(4.0 * tolerance)).max(1.6 * tolerance).max(0.002),
            Kind::Difference(_) if widest > 0.0 => 1.1 * widest,
            Kind::Difference(_) => 1.0,
        }
    }
}

/// The metrics with differences, each once.
pub(super) fn with_differences(comparison: &Comparison) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for metric in comparison.metrics.iter().filter(|metric| is_difference(metric)) {
        if !names.contains(&metric.metric.as_str()) {
            names.push(&metric.metric);
        }
    }
    names.truncate(DIFFERENCES_MAX);
    names
}

/// Which metrics no plot shows, and why; `None` where all are drawn.
pub(super) fn undrawn(comparison: &Comparison) -> Option<String> {
    let without = comparison.metrics.iter().filter(|metric| change(metric) == NONE).map(name);
    let without: Vec<String> = without.collect();
    let all = comparison.metrics.len();
    match without.len() {
        0 if all > METRICS_MAX => {
            Some(format!("The first {METRICS_MAX} are drawn; the table below has all {all}."))
        }
        0 => None,
        n if n == all => Some("No metric has a change that can be told.".to_owned()),
        _ => Some(format!("Not drawn, since no change can be told: {}.", without.join(", "))),
    }
}

/// The changes of all metrics that have one as a fraction of the base; `None` where none has.
pub(super) fn forest(comparison: &Comparison, width: Width) -> Option<Picture> {
    plot(comparison, Kind::Change, width)
}

/// The differences of one metric, where the base is 0.
pub(super) fn differences_of(comparison: &Comparison, metric: &str, width: Width) -> Option<Picture> {
    plot(comparison, Kind::Difference(metric), width)
}

fn plot(comparison: &Comparison, kind: Kind<'_>, width: Width) -> Option<Picture> {
    let changed = comparison.metrics.iter().filter(|metric| kind.holds(metric));
    let shown: Vec<&MetricComparison> = changed.take(METRICS_MAX).collect();
    if shown.is_empty() {
        return None;
    }
    let rows = shown.len() as f64;
    // The first metric stands on top.
    let place = |row: usize| rows - row as f64 - 0.5;
    let room = if width == Width::Narrow { 110.0 } else { 260.0 };
    // Spaces before a word take no room in a picture, but in the reckoning: long names need some to spare.
    let label = |metric: &MetricComparison| format!("  {}", fit(&name(metric), 12.5, room));
    let names = shown.iter().enumerate().map(|(row, metric)| (place(row), label(metric)));
    let y = Axis { scale: Scale::linear(0.0, rows), ticks: names.collect() };
    let reach = kind.reach(comparison, &shown);
    let tick = |value: f64| match kind {
        Kind::Change => signed(value),
        Kind::Difference(_) => difference(value),
    };
    let x = Axis::new(Scale::linear(-reach, reach), if width == Width::Narrow { 3 } else { 9 }, tick);
    let ends = shown.iter().enumerate().map(|(row, metric)| {
        let change = change(metric);
        let text = match width {
            Width::Narrow => change,
            _ => format!("{change} {}", metric.verdict.name()),
        };
        EndLabel::new(place(row), text, role(metric.verdict))
    });
    let mut size = width.size(100);
    size.height = 110 + ROW * shown.len() as u32 + if width == Width::Narrow { 32 } else { 0 };
    let chart = Chart::new(size, head(comparison, kind, &shown, reach), x, y, ends.collect());
    if comparison.tolerance > 0.0 && matches!(kind, Kind::Change) {
        let edge = comparison.tolerance.min(reach);
        chart.shade(-edge, edge, &format!("within {}", percent(comparison.tolerance)));
    }
    chart.grid();
    chart.line(Role::Axis, 1.0, &[(0.0, Some(0.0)), (0.0, Some(rows))]);
    for (row, metric) in shown.iter().enumerate() {
        let role = role(metric.verdict);
        let inside = |value: f64| value.clamp(-reach, reach);
        if let Some([low, high]) = kind.ends(metric) {
            chart.line(role, 2.6, &[(inside(low), Some(place(row))), (inside(high), Some(place(row)))]);
        }
        chart.line(role, 5.0, &[(inside(kind.middle(metric)?), Some(place(row)))]);
    }
    Some(chart.finish())
}

fn head(comparison: &Comparison, kind: Kind<'_>, shown: &[&MetricComparison], reach: f64) -> Head {
    let ends = shown.iter().filter_map(|metric| kind.ends(metric)).flatten();
    let cut = if ends.map(f64::abs).fold(0.0, f64::max) > reach {
        "; those that reach farther are cut"
    } else {
        ""
    };
    let each = shown.iter().map(|metric| {
        format!(
            "{}: {}, interval {}, {}.",
            name(metric),
            change(metric),
            interval(metric),
            metric.verdict.name()
        )
    });
    let confidence = percent(comparison.confidence);
    let (name, title, subtitle) = match kind {
        Kind::Change => (
            "forest".to_owned(),
            "Change of each metric".to_owned(),
            format!(
                "candidate over base, with the {confidence} interval of each{cut}; the shaded band does not matter"
            ),
        ),
        Kind::Difference(metric) => (
            format!("forest-{}", metric.replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
            format!("Difference of {metric}"),
            format!(
                "candidate less base, in its own unit, where a fraction of the base tells less; with the {confidence} interval of each"
            ),
        ),
    };
    Head { name, title, subtitle, description: each.collect::<Vec<_>>().join(" ") }
}

/// The colour of a verdict; the word stands beside it.
fn role(verdict: Verdict) -> Role {
    match verdict {
        Verdict::Pass => Role::Series(1),
        Verdict::Improved => Role::Series(0),
        Verdict::Regressed => Role::Series(2),
        Verdict::Inconclusive | Verdict::Invalid => Role::Series(3),
    }
}
