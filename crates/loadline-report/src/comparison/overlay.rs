//! Both sides' response times by percentile, and their difference.

use loadline_model::histogram::{Histogram, quantile_ms};

use crate::chart::{Axis, Chart, EndLabel, Head, Picture, Role, Scale};
use crate::format::{count, ms};
use crate::page::Width;

use super::words::signed;

/// Percentiles named on the axis, as 1/(1 − q).
const NAMED: [(f64, &str); 6] =
    [(1.0, "min"), (2.0, "p50"), (10.0, "p90"), (100.0, "p99"), (1000.0, "p99.9"), (10_000.0, "p99.99")];
const POINTS: usize = 120;
const END: f64 = 10_000.0;
/// Samples that have to lie beyond a percentile.
const BEYOND: f64 = 10.0;
/// The colours of base and candidate.
pub(super) const BASE: Role = Role::Series(0);
pub(super) const CANDIDATE: Role = Role::Series(2);

/// Both distributions by percentile; `None` where a side has no requests.
pub(super) fn distributions(responses: &[Histogram; 2], width: Width) -> Option<Picture> {
    let [base, candidate] = responses;
    let curve = |side: &Histogram| -> Option<Vec<(f64, f64)>> {
        places(responses).map(|x| Some((x, quantile_ms(side, quantile(x))?))).collect()
    };
    let (low, high) = (curve(base)?, curve(candidate)?);
    let values = || low.iter().chain(&high).map(|point| point.1);
    let scale = Scale::log_around(values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let ends = vec![
        EndLabel::new(high.last()?.1, "candidate", CANDIDATE),
        EndLabel::new(low.last()?.1, "base", BASE),
    ];
    let head = Head {
        name: "distributions".to_owned(),
        title: "Response time by percentile".to_owned(),
        subtitle: format!(
            "{} requests of the base, {} of the candidate",
            count(base.len()),
            count(candidate.len())
        ),
        description: [("Base", base), ("Candidate", candidate)].map(|(who, side)| words(who, side)).join(" "),
    };
    let chart = frame(responses, width.size(330), head, Axis::new(scale, 9, ms), ends);
    // Where they coincide the one shows on both sides of the other.
    for (role, thick, curve) in [(BASE, 3.6, &low), (CANDIDATE, 1.6, &high)] {
        chart.line(role, thick, &curve.iter().map(|(x, ms)| (*x, Some(*ms))).collect::<Vec<_>>());
    }
    Some(chart.finish())
}

/// The candidate's response time over the base's, by percentile.
pub(super) fn differences(responses: &[Histogram; 2], width: Width) -> Option<Picture> {
    let [base, candidate] = responses;
    let points: Option<Vec<(f64, f64)>> = places(responses)
        .map(|x| Some((x, quantile_ms(candidate, quantile(x))? / quantile_ms(base, quantile(x))? - 1.0)))
        .collect();
    let points = points?;
    let known = points.iter().filter(|(x, _)| *x <= few_from(responses));
    let widest = known.map(|point| point.1.abs()).fold(0.005, f64::max) * 1.15;
    let median = points.iter().min_by(|a, b| (a.0 - 2.0).abs().total_cmp(&(b.0 - 2.0).abs()))?.1;
    let head = Head {
        name: "differences".to_owned(),
        title: "Difference by percentile".to_owned(),
        subtitle: "candidate over base; above zero the candidate takes longer".to_owned(),
        description: format!("At the median the candidate differs by {}.", signed(median)),
    };
    let y = Axis::new(Scale::linear(-widest, widest), 5, signed);
    let chart = frame(responses, width.size(240), head, y, Vec::new());
    chart.line(Role::Axis, 1.0, &[(1.0, Some(0.0)), (end(responses), Some(0.0))]);
    let line: Vec<_> = points.iter().map(|(x, change)| (*x, Some(change.clamp(-widest, widest)))).collect();
    chart.line(CANDIDATE, 2.0, &line);
    Some(chart.finish())
}

fn frame(
    responses: &[Histogram; 2],
    size: crate::chart::Size,
    head: Head,
    y: Axis,
    ends: Vec<EndLabel>,
) -> Chart {
    let end = end(responses);
    let named = NAMED.iter().filter(|(x, _)| *x <= end * 1.001).map(|(x, name)| (*x, (*name).to_owned()));
    let chart = Chart::new(size, head, Axis { scale: Scale::log(1.0, end), ticks: named.collect() }, y, ends);
    let few_from = few_from(responses);
    if few_from < end {
        chart.shade(few_from.max(1.0), end, "too few samples");
    }
    chart.upright();
    chart.grid();
    chart
}

fn quantile(x: f64) -> f64 {
    1.0 - 1.0 / x
}

/// Where the smaller side has fewer than ten samples beyond.
fn few_from(responses: &[Histogram; 2]) -> f64 {
    responses.iter().map(|side| side.len() as f64).fold(f64::INFINITY, f64::min) / BEYOND
}

fn end(responses: &[Histogram; 2]) -> f64 {
    END.min(few_from(responses) * BEYOND).max(10.0)
}

fn places(responses: &[Histogram; 2]) -> impl Iterator<Item = f64> {
    let end = end(responses);
    (0..=POINTS).map(move |at| end.powf(at as f64 / POINTS as f64))
}

fn words(who: &str, side: &Histogram) -> String {
    let each = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];
    let known = each.iter().filter_map(|(name, q)| Some(format!("{name} {}", ms(quantile_ms(side, *q)?))));
    format!("{who}: {}.", known.collect::<Vec<_>>().join(", "))
}
