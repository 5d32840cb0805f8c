//! The fan: the history, and the forecast with its intervals. A page of headroom puts the capacity into it.

use loadline_model::forecast::{Finding, Past, Point, SeriesForecast};
use loadline_model::headroom::Band;
use loadline_model::series::Time;

use crate::chart::dates::{axis, when};
use crate::chart::{Axis, Chart, EndLabel, Head, Picture, Role, Scale};
use crate::format::number;
use crate::page::Width;

/// The history shown: so many horizons, and at least so many of the longest season.
const HORIZONS: usize = 3;
const CYCLES: usize = 3;
/// Columns that a line is thinned to: one in about two units of the widest chart.
const COLUMNS: usize = 480;

/// What a page of headroom puts into the fan.
pub(crate) struct Against {
    /// What may be used.
    pub(crate) capacity: Band,
    /// Dates to mark, with what they are.
    pub(crate) marks: Vec<(Time, String)>,
}

pub(crate) fn x(time: Time) -> f64 {
    time.number() as f64
}

/// The part of the history that is shown.
fn shown(series: &SeriesForecast) -> &[Past] {
    let season = series.seasons.iter().copied().max().unwrap_or(1);
    let count = (HORIZONS * series.points.len()).max(CYCLES * season).max(60);
    &series.history[series.history.len().saturating_sub(count)..]
}

/// The fan of a series under `name`; `None` where the document holds no step.
pub(crate) fn fan(
    series: &SeriesForecast,
    (name, title): (String, String),
    against: Option<&Against>,
    width: Width,
) -> Option<Picture> {
    let (points, past) = (&series.points, shown(series));
    let (first, last) = (past.first().map_or(points.first()?.time, |p| p.time), points.last()?.time);
    let highest = points.iter().flat_map(|p| p.bounds.iter().map(|b| b.high).chain([p.value]));
    let highest = highest.chain(past.iter().map(|p| p.value)).fold(0.0, f64::max);
    let lowest = points.iter().flat_map(|p| p.bounds.iter().map(|b| b.low).chain([p.value]));
    let lowest = lowest.chain(past.iter().map(|p| p.value)).fold(f64::INFINITY, f64::min);
    // A capacity far above would squeeze everything: it is named at the edge instead.
    let near = |value: f64| value <= 2.5 * highest;
    let top = against
        .map_or(highest, |a| if near(a.capacity.high) { highest.max(a.capacity.high) } else { highest });
    let scale = if lowest < 0.0 { Scale::linear(lowest * 1.05, top * 1.05) } else { Scale::from_zero(top) };
    let mut ends = vec![EndLabel::new(points.last()?.value, "median", Role::Series(0))];
    for bound in &points.last()?.bounds {
        ends.push(EndLabel::new(bound.high, format!("{} %", bound.level), Role::Muted));
    }
    if let Some(against) = against {
        let value = against.capacity.value;
        let arrow = if near(value) { "" } else { " ↑" };
        ends.push(EndLabel::new(
            value.min(scale.hi()),
            format!("usable {}{arrow}", number(value)),
            Role::Limit,
        ));
    }
    let head =
        Head { name, title, subtitle: subtitle(series, against), description: description(series, against) };
    let size = width.size(if against.is_some() { 400 } else { 340 });
    let chart = Chart::new(size, head, axis(first, last, size.width), Axis::new(scale, 6, number), ends);
    if let Some(against) = against.filter(|a| near(a.capacity.value)) {
        let Band { low, high, .. } = against.capacity;
        if high > low {
            chart.band(
                Role::Capacity,
                &[(x(first), low, high.min(scale.hi())), (x(last), low, high.min(scale.hi()))],
            );
        }
    }
    draw(&chart, points, past);
    for finding in &series.findings {
        if let Finding::Outlier { time, value, .. } = finding
            && *time >= first
        {
            chart.dot(Role::Series(2), 3.0, (x(*time), *value));
        }
    }
    if let Some(against) = against {
        if near(against.capacity.value) {
            chart.limit(against.capacity.value);
        }
        against.marks.iter().for_each(|(time, text)| chart.mark_at(x(*time), text));
    }
    Some(chart.finish())
}

fn draw(chart: &Chart, points: &[Point], past: &[Past]) {
    let bands = points.first().map_or(0, |p| p.bounds.len());
    for (rank, level) in (0..bands).rev().enumerate() {
        let ends: Vec<(f64, f64, f64)> =
            points.iter().map(|p| (x(p.time), p.bounds[level].low, p.bounds[level].high)).collect();
        let role = if rank == 0 && bands > 1 { Role::Fan } else { Role::Asked };
        chart.band(role, &thin_band(&ends));
    }
    chart.grid();
    let history: Vec<(f64, f64)> = past.iter().map(|p| (x(p.time), p.value)).collect();
    let median: Vec<(f64, f64)> = points.iter().map(|p| (x(p.time), p.value)).collect();
    chart.line(Role::Muted, 1.2, &thin(&history));
    chart.line(Role::Series(0), 1.8, &thin(&median));
}

/// The lowest and the highest of each of the columns, in their order: what stands out is kept.
pub(crate) fn thin(points: &[(f64, f64)]) -> Vec<(f64, Option<f64>)> {
    let each = points.len().div_ceil(COLUMNS).max(1);
    if each <= 2 {
        return points.iter().map(|(x, y)| (*x, Some(*y))).collect();
    }
    points
        .chunks(each)
        .flat_map(|chunk| {
            let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
            let (low, high) =
                (*chunk.iter().min_by(by).expect("not empty"), *chunk.iter().max_by(by).expect("not empty"));
            let (one, other) = if low.0 <= high.0 { (low, high) } else { (high, low) };
            [(one.0, Some(one.1)), (other.0, Some(other.1))]
        })
        .collect()
}

/// The envelope of a band by columns.
pub(crate) fn thin_band(points: &[(f64, f64, f64)]) -> Vec<(f64, f64, f64)> {
    let each = points.len().div_ceil(COLUMNS).max(1);
    points
        .chunks(each)
        .map(|chunk| {
            let low = chunk.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
            let high = chunk.iter().map(|p| p.2).fold(f64::NEG_INFINITY, f64::max);
            (chunk[chunk.len() / 2].0, low, high)
        })
        .collect()
}

fn subtitle(series: &SeriesForecast, against: Option<&Against>) -> String {
    let levels: Vec<String> =
        series.points.first().iter().flat_map(|p| &p.bounds).map(|b| format!("{} %", b.level)).collect();
    let bands =
        if levels.is_empty() { String::new() } else { format!(" with {} intervals", levels.join(" and ")) };
    let outliers = series.findings.iter().any(|f| matches!(f, Finding::Outlier { .. }));
    let dots = if outliers { "; dots: outliers" } else { "" };
    let capacity = match against {
        Some(a) if a.capacity.high > a.capacity.low => "; dashed: what may be used, with its 90 % band",
        Some(_) => "; dashed: what may be used",
        None => "",
    };
    let marks =
        against.filter(|a| !a.marks.is_empty()).map_or("", |_| "; upright: run out with that probability");
    format!("grey: history; blue: median of the forecast{bands}{capacity}{marks}{dots}")
}

fn description(series: &SeriesForecast, against: Option<&Against>) -> String {
    let Some(last) = series.points.last() else { return String::new() };
    let bound = last.bounds.first().map_or(String::new(), |b| {
        format!(", between {} and {} with {} % probability", number(b.low), number(b.high), b.level)
    });
    let capacity =
        against.map_or(String::new(), |a| format!(" What may be used is {}.", number(a.capacity.value)));
    format!("At {} the median of demand is {}{bound}.{capacity}", when(last.time), number(last.value))
}
