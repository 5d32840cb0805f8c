//! The charts of a search, all against the load but for the saturation curve.

use loadline_model::fit::FitDocument;
use loadline_model::run::LoadModel;
use loadline_model::saturation::{CurvePoint, Evidence, SaturationDocument, StepDocument, StepVerdict};
use loadline_model::slo::Slo;

use super::latency::latency;
use super::rows::{capacity, figure, named, objective, per_s};
use super::throughput::throughput;
use crate::chart::labels::text_width;
use crate::chart::{Axis, Chart, EndLabel, Head, Mark, Picture, Role, Scale, Size};
use crate::format::{number, percent, rate, with_unit};
use crate::page::Width;

/// What the marks of steps mean, for subtitles; in words, since not every font has such signs.
pub(super) const LEGEND: &str = "dots kept, crosses broken, rings unclear";

/// Resources drawn, the one that the finding is about among them.
const RESOURCES_MOST: usize = RESOURCE_SERIES.len();
const RESOURCE_SERIES: [u8; 4] = [0, 3, 4, 5];

/// The charts with their names, each a stand-alone SVG for light and dark.
pub fn charts(document: &SaturationDocument) -> Vec<(String, String)> {
    let named = |picture: Picture| {
        let svg = crate::chart::document::standalone(&picture);
        (picture.name, svg)
    };
    pictures(document).into_iter().map(named).collect()
}

/// All charts at full width, in the order of the page.
pub(super) fn pictures(document: &SaturationDocument) -> Vec<Picture> {
    let all = [objective_chart, resources, throughput, latency, saturation_curve];
    all.into_iter().filter_map(|draw| draw(document, Width::Full)).collect()
}

/// Steps that say something about the service, with their load.
pub(super) fn steps(document: &SaturationDocument) -> impl Iterator<Item = (f64, &StepDocument)> + Clone {
    let closed = document.model == LoadModel::Closed;
    let load = move |step: &StepDocument| if closed { step.users.unwrap_or(0.0) } else { step.rate_per_s };
    document.steps.iter().map(move |step| (load(step), step))
}

pub(super) fn mark(verdict: StepVerdict) -> (Role, Mark) {
    match verdict {
        StepVerdict::Pass => (Role::Series(1), Mark::Dot),
        StepVerdict::Fail => (Role::Series(2), Mark::Cross),
        StepVerdict::Unclear => (Role::Series(3), Mark::Ring),
        StepVerdict::GeneratorLimited => (Role::Series(5), Mark::Ring),
    }
}

/// What the load is, for subtitles.
pub(super) fn load_words(document: &SaturationDocument) -> &'static str {
    match document.model {
        LoadModel::Open => "against the arrival rate offered, per second",
        LoadModel::Closed => "against the number of users",
    }
}

/// Where charts over the load end, or before: the largest load driven, and a little.
fn most_load(document: &SaturationDocument) -> f64 {
    1.02 * steps(document).map(|(load, _)| load).fold(0.0, f64::max)
}

/// A chart over the load: with the capacity's interval shaded and its middle marked.
pub(super) fn over_load(
    document: &SaturationDocument,
    size: Size,
    head: Head,
    y: Axis,
    ends: Vec<EndLabel>,
) -> Chart {
    let scale = Scale::from_zero(most_load(document));
    let room = text_width(&rate(scale.hi()), 12.5) + 30.0;
    let x = Axis::new(scale, (f64::from(size.width) * 0.75 / room) as usize, rate);
    let chart = Chart::new(size, head, x, y, ends);
    let closed = document.model == LoadModel::Closed;
    let interval = if closed { document.interval_users } else { document.interval };
    let middle = if closed { document.capacity_users } else { document.capacity_per_s };
    match interval {
        Some((low, Some(high))) => {
            let words = capacity(document).map_or(String::new(), |capacity| format!("capacity {capacity}"));
            chart.shade(low, high.min(scale.hi()), &words);
        }
        Some((low, None)) => {
            chart.shade(low.min(scale.hi()), scale.hi(), "not found up to here");
        }
        None => {}
    }
    chart.grid();
    middle.into_iter().for_each(|load| chart.limit_at(load));
    chart
}

/// The limiting objective against the load: steps with their intervals, the curve with its band, the limit.
pub(super) fn objective_chart(document: &SaturationDocument, width: Width) -> Option<Picture> {
    let text = objective(document)?;
    let slo: Slo = text.parse().ok()?;
    let unit = slo.metric.unit();
    let observed = |step: &StepDocument| figure(document, step).and_then(|figure| figure.observed);
    let values = steps(document).filter_map(|(_, step)| observed(step));
    let (lo, hi) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max));
    if !lo.is_finite() {
        return None;
    }
    let log = unit == "ms" && lo > 0.0;
    // One step in ruins is not to squeeze all the others: it is drawn at the edge.
    let top = hi.min(slo.limit * 10.0).max(slo.limit * 1.2);
    let scale = if log { Scale::log_around(lo.min(slo.limit), top) } else { Scale::from_zero(top) };
    let show = |value: f64| with_unit(value, unit);
    let name = named(document);
    let mut ends = vec![EndLabel::new(
        slo.limit,
        if width == Width::Narrow { format!("SLO {}", show(slo.limit)) } else { text.to_owned() },
        Role::Limit,
    )];
    // It goes on beyond the steps, and a step at the most load allowed may be at the edge of the chart.
    let most = most_load(document);
    let is_inside = |point: &&CurvePoint| point.value <= scale.hi() && point.rate_per_s <= most;
    let curve: Vec<&CurvePoint> = document.curve.iter().filter(is_inside).collect();
    if let Some(last) = curve.last() {
        ends.push(EndLabel::new(last.value, "fitted", Role::Series(0)));
    }
    let head = Head {
        name: "objective".to_owned(),
        title: format!("Objective: {name}"),
        subtitle: format!(
            "{}{}, {} intervals; {LEGEND}{}{}{}",
            load_words(document),
            if log { "; log scale" } else { "" },
            percent(document.confidence),
            if curve.is_empty() { "" } else { "; line and band: fitted" },
            if document.interval.is_some() { "; shaded: where the capacity is" } else { "" },
            if hi > scale.hi() { "; at the top edge: beyond it" } else { "" }
        ),
        description: format!(
            "The figure of the objective {text} in each step, from {} to {}.",
            show(lo),
            show(hi)
        ),
    };
    let chart = over_load(document, width.size(360), head, Axis::new(scale, 7, show), ends);
    if document.model == LoadModel::Open {
        let clip = |value: f64| value.clamp(scale.lo(), scale.hi());
        let band: Vec<(f64, f64, f64)> = curve
            .iter()
            .map(|p| (p.rate_per_s, clip(p.interval.0), clip(p.interval.1.unwrap_or(f64::INFINITY))))
            .collect();
        if band.len() > 1 {
            chart.band(Role::Asked, &band);
        }
        chart.line(
            Role::Series(0),
            1.8,
            &curve.iter().map(|p| (p.rate_per_s, Some(p.value))).collect::<Vec<_>>(),
        );
    }
    chart.limit(slo.limit);
    for (load, step) in steps(document) {
        if let Some((value, interval)) = figure(document, step).and_then(|f| Some((f.observed?, f.interval)))
        {
            with_interval(&chart, scale, step.verdict, (load, value), interval);
        }
    }
    Some(chart.finish())
}

/// The mark of a step with its interval, as far as `scale` goes.
pub(super) fn with_interval(
    chart: &Chart,
    scale: Scale,
    verdict: StepVerdict,
    at: (f64, f64),
    interval: Option<(f64, Option<f64>)>,
) {
    let (role, shape) = mark(verdict);
    if let Some((low, high)) = interval {
        let high = high.unwrap_or(f64::INFINITY).min(scale.hi());
        chart.whisker(role, at.0, low.clamp(scale.lo(), scale.hi()), high);
    }
    chart.mark(role, shape, at);
}

/// How busy the service's resources were.
pub(super) fn resources(document: &SaturationDocument, width: Width) -> Option<Picture> {
    let evidence = document.evidence.as_ref().filter(|evidence| !evidence.resources.is_empty())?;
    let shown = shown(evidence);
    let last = |values: &[(f64, f64)]| values.last().map_or(0.0, |point| point.1);
    let lines: Vec<_> = shown
        .into_iter()
        .enumerate()
        .map(|(k, resource)| {
            let mut points: Vec<(f64, f64)> = steps(document)
                .zip(&resource.by_step)
                .filter_map(|((load, _), share)| Some((load, (*share)?)))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            (resource.name.clone(), Role::Series(RESOURCE_SERIES[k]), points)
        })
        .collect();
    let ends =
        lines.iter().map(|(name, role, points)| EndLabel::new(last(points), name.clone(), *role)).collect();
    let head = Head {
        name: "resources".to_owned(),
        title: "Utilisation of the service's resources".to_owned(),
        subtitle: format!("mean share in use during each step, {}", load_words(document)),
        description: evidence.finding.clone(),
    };
    let y = Axis::new(Scale::linear(0.0, 1.0), 6, percent);
    let chart = over_load(document, width.size(280), head, y, ends);
    for (k, (_, role, points)) in lines.iter().enumerate().rev() {
        let line: Vec<(f64, Option<f64>)> = points.iter().map(|(x, y)| (*x, Some(y.min(1.0)))).collect();
        chart.line(*role, if k == 0 { 2.2 } else { 1.2 }, &line);
        if k == 0 {
            points.iter().for_each(|(x, y)| chart.mark(*role, Mark::Dot, (*x, y.min(1.0))));
        }
    }
    Some(chart.finish())
}

/// The resource that the finding is about first, then the busiest of the others.
fn shown(evidence: &Evidence) -> Vec<&loadline_model::saturation::Resource> {
    let is_named = |name: &String| evidence.saturated.as_ref() == Some(name);
    let (mut first, rest): (Vec<_>, Vec<_>) = evidence.resources.iter().partition(|r| is_named(&r.name));
    first.extend(rest);
    first.truncate(RESOURCES_MOST);
    first
}

/// Throughput against requests in the service, with the fitted curve and its band.
pub(super) fn saturation_curve(document: &SaturationDocument, width: Width) -> Option<Picture> {
    let fit: &FitDocument = document.fit.as_ref()?;
    let points: Vec<(f64, f64, StepVerdict)> = document
        .steps
        .iter()
        .filter_map(|step| Some((step.concurrency?, step.achieved_per_s?, step.verdict)))
        .filter(|point| point.0 > 0.0)
        .collect();
    let curve: Vec<(f64, f64, f64, f64)> = fit
        .predictions
        .iter()
        .filter_map(|p| {
            let value = p.throughput_per_s?;
            let (low, high) = p.interval.unwrap_or((value, Some(value)));
            Some((p.concurrency, value, low, high.unwrap_or(value)))
        })
        .collect();
    let last = curve.last()?;
    let most = points.iter().map(|p| p.1).fold(last.3.min(2.0 * last.1), f64::max);
    let least = points.iter().map(|point| point.0).fold(curve[0].0, f64::min);
    let (x, y) = (Scale::log_around(least, last.0), Scale::from_zero(most));
    let beyond = points.iter().any(|point| point.0 > x.hi());
    let label = format!("{} fit", fit.model);
    let head = Head {
        name: "saturation-curve".to_owned(),
        title: "Saturation curve".to_owned(),
        subtitle: format!(
            "flows completed per second against requests in the service (Little's law), log scale; {LEGEND}; line and band: \
             fitted, {}{}",
            percent(fit.intervals.confidence),
            if beyond { "; at the right edge: with a backlog" } else { "" }
        ),
        description: fit.peak.throughput_per_s.map_or("No maximum is in sight.".to_owned(), |peak| {
            format!("The fitted curve nears {}.", per_s(peak))
        }),
    };
    let size = width.size(300);
    let axis = Axis::new(x, (f64::from(size.width) / 90.0) as usize, number);
    let ends = vec![EndLabel::new(last.1.min(y.hi()), label, Role::Series(0))];
    let chart = Chart::new(size, head, axis, Axis::new(y, 6, rate), ends);
    chart.grid();
    let clip = |value: f64| value.min(y.hi());
    chart.band(Role::Asked, &curve.iter().map(|c| (c.0, clip(c.2), clip(c.3))).collect::<Vec<_>>());
    chart.line(Role::Series(0), 1.8, &curve.iter().map(|c| (c.0, Some(clip(c.1)))).collect::<Vec<_>>());
    for (concurrency, throughput, verdict) in points {
        let (role, shape) = mark(verdict);
        chart.mark(role, shape, (concurrency.min(x.hi()), throughput));
    }
    Some(chart.finish())
}
