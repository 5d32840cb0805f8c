//! Throughput against the load: each step with its interval, and what the saturation curve makes of the load.

use loadline_model::run::LoadModel;
use loadline_model::saturation::{SaturationDocument, StepDocument};

use super::charts::{LEGEND, load_words, over_load, steps, with_interval};
use super::rows::{maximum, per_s};
use crate::chart::{Axis, EndLabel, Head, Picture, Role, Scale};
use crate::format::{percent, rate};
use crate::page::Width;

/// Throughput at one load, with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fitted {
    load: f64,
    value: f64,
    low: f64,
    high: f64,
}

/// Throughput against the load.
pub(super) fn throughput(document: &SaturationDocument, width: Width) -> Option<Picture> {
    let done = |step: &StepDocument| step.achieved_per_s;
    let most = steps(document).filter_map(|(_, step)| done(step)).reduce(f64::max)?;
    let closed = document.model == LoadModel::Closed;
    let load_most = steps(document).map(|(load, _)| load).fold(0.0, f64::max);
    let ceiling = maximum(document).map(|(ceiling, _)| ceiling).filter(|ceiling| *ceiling < 2.0 * most);
    let upper = |step: &StepDocument| step.achieved_interval_per_s.and_then(|(_, high)| high);
    let top = steps(document).filter_map(|(_, step)| upper(step)).fold(most, f64::max).min(1.2 * most);
    let top = if closed { top } else { top.max(load_most) };
    let scale = Scale::from_zero(top.max(ceiling.unwrap_or(0.0)));
    let x_most = Scale::from_zero(load_most * 1.02).hi();
    let offered = x_most.min(scale.hi());
    let curve = match ceiling {
        Some(_) if closed => of_users(document, x_most),
        Some(_) => of_arrivals(document, x_most),
        None => Vec::new(),
    };
    let mut ends = Vec::new();
    if !closed {
        ends.push(EndLabel::new(offered, "offered", Role::Muted));
    }
    if let (Some(ceiling), Some(last)) = (ceiling, curve.last()) {
        ends.push(EndLabel::new(last.value, format!("fitted, at most {}", per_s(ceiling)), Role::Series(0)));
    }
    let fitted = match (curve.is_empty(), closed) {
        (true, _) => "",
        (_, true) => "; line and band: the saturation curve",
        (_, false) => "; line and band: what is offered, up to the saturation curve's maximum",
    };
    let head = Head {
        name: "throughput".to_owned(),
        title: "Throughput".to_owned(),
        subtitle: format!(
            "flows completed per second, {}, {} intervals; {LEGEND}{fitted}",
            load_words(document),
            percent(document.confidence)
        ),
        description: format!(
            "At most {} were completed{}.",
            per_s(most),
            ceiling.map_or(String::new(), |c| format!("; the saturation curve nears {}", per_s(c)))
        ),
    };
    let chart = over_load(document, width.size(300), head, Axis::new(scale, 6, rate), ends);
    let clip = |value: f64| value.min(scale.hi());
    if curve.len() > 1 {
        let band: Vec<_> = curve.iter().map(|at| (at.load, clip(at.low), clip(at.high))).collect();
        chart.band(Role::Asked, &band);
    }
    if !closed {
        chart.line(Role::Muted, 1.0, &[(0.0, Some(0.0)), (offered, Some(offered))]);
    }
    let line: Vec<_> = curve.iter().map(|at| (at.load, Some(clip(at.value)))).collect();
    chart.line(Role::Series(0), 1.8, &line);
    for (load, step) in steps(document) {
        let Some(done) = done(step) else { continue };
        with_interval(&chart, scale, step.verdict, (load, clip(done)), step.achieved_interval_per_s);
    }
    Some(chart.finish())
}

/// What arrives is completed, up to the maximum of the saturation curve.
fn of_arrivals(document: &SaturationDocument, most: f64) -> Vec<Fitted> {
    let Some((ceiling, interval)) = maximum(document) else { return Vec::new() };
    let (low, high) = interval.unwrap_or((ceiling, Some(ceiling)));
    let high = high.unwrap_or(f64::INFINITY);
    let loads = [0.0, low, ceiling, high, most].into_iter().filter(|load| *load <= most);
    loads
        .map(|load| Fitted { load, value: load.min(ceiling), low: load.min(low), high: load.min(high) })
        .collect()
}

/// The saturation curve is over requests in the service; so many users make them and think meanwhile.
fn of_users(document: &SaturationDocument, most: f64) -> Vec<Fitted> {
    let mut thinking: Vec<(f64, f64)> = steps(document)
        .filter_map(|(users, step)| Some((step.concurrency?, (users - step.concurrency?).max(0.0))))
        .collect();
    thinking.sort_by(|a, b| a.0.total_cmp(&b.0));
    let predictions = document.fit.iter().flat_map(|fit| &fit.predictions);
    let fitted = predictions.filter_map(|p| {
        let value = p.throughput_per_s?;
        let (low, high) = p.interval.unwrap_or((value, Some(value)));
        let load = p.concurrency + between(&thinking, p.concurrency);
        Some(Fitted { load, value, low, high: high.unwrap_or(f64::INFINITY) })
    });
    let mut curve: Vec<Fitted> = fitted.filter(|at| at.load <= most).collect();
    curve.sort_by(|a, b| a.load.total_cmp(&b.load));
    curve
}

/// The ordinate at `x` of a line through points in ascending order, level beyond their ends; 0 without any.
fn between(points: &[(f64, f64)], x: f64) -> f64 {
    let above = points.partition_point(|point| point.0 < x);
    match (above.checked_sub(1).map(|below| points[below]), points.get(above)) {
        (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (Some((_, y)), None) | (None, Some(&(_, y))) => y,
        (None, None) => 0.0,
    }
}
