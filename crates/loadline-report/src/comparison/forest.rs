//! The forest plot: each metric's change with its interval, against the band of what does not matter.

use loadline_model::comparison::{Comparison, MetricComparison, Verdict};

use super::words::{change, interval, name, signed};
use crate::chart::labels::fit;
use crate::chart::{Axis, Chart, EndLabel, Head, Picture, Role, Scale};
use crate::format::percent;
use crate::page::Width;

/// Metrics drawn at most; the table has all.
const METRICS_MAX: usize = 24;
/// The widest change that the axis makes room for, unless the tolerance is wider.
const WIDEST: f64 = 0.5;
const ROW: u32 = 30;

/// The changes of all metrics that have one; `None` where none has.
pub(super) fn forest(comparison: &Comparison, width: Width) -> Option<Picture> {
    let changed = comparison.metrics.iter().filter(|metric| metric.change.is_some());
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
    let reach = reach(comparison, &shown);
    let x = Axis::new(Scale::linear(-reach, reach), if width == Width::Narrow { 3 } else { 9 }, signed);
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
    let chart = Chart::new(size, head(comparison, &shown, reach), x, y, ends.collect());
    if comparison.tolerance > 0.0 {
        let edge = comparison.tolerance.min(reach);
        chart.shade(-edge, edge, &format!("within {}", percent(comparison.tolerance)));
    }
    chart.grid();
    chart.line(Role::Axis, 1.0, &[(0.0, Some(0.0)), (0.0, Some(rows))]);
    for (row, metric) in shown.iter().enumerate() {
        let role = role(metric.verdict);
        let inside = |value: f64| value.clamp(-reach, reach);
        if let (Some(low), Some(high)) = (metric.low, metric.high) {
            chart.line(role, 2.6, &[(inside(low), Some(place(row))), (inside(high), Some(place(row)))]);
        }
        chart.line(role, 5.0, &[(inside(metric.change?), Some(place(row)))]);
    }
    Some(chart.finish())
}

fn head(comparison: &Comparison, shown: &[&MetricComparison], reach: f64) -> Head {
    let ends = shown.iter().flat_map(|metric| [metric.low, metric.high]).flatten();
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
    Head {
        name: "forest".to_owned(),
        title: "Change of each metric".to_owned(),
        subtitle: format!(
            "candidate over base, with the {} interval of each{cut}; the shaded band does not matter",
            percent(comparison.confidence)
        ),
        description: each.collect::<Vec<_>>().join(" "),
    }
}

/// How far the axis goes either way: over all intervals, unless they are so wide that nothing else could be seen.
fn reach(comparison: &Comparison, shown: &[&MetricComparison]) -> f64 {
    let ends = shown.iter().flat_map(|metric| [metric.low, metric.high, metric.change]).flatten();
    let widest = ends.map(f64::abs).filter(|end| end.is_finite()).fold(0.0, f64::max);
    let tolerance = comparison.tolerance;
    (1.1 * widest).min(WIDEST.max(4.0 * tolerance)).max(1.6 * tolerance).max(0.002)
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
