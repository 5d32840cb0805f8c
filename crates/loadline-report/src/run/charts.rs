//! The charts over time: the four golden signals.

use loadline_model::run::LoadModel;
use loadline_model::slo::{Metric, Slo, Timing};

use super::distribution::{distribution, heat_map};
use super::view::{Point, View};
use crate::chart::{Axis, Chart, EndLabel, Head, Picture, Role, Scale, Size};
use crate::format::{count, length, ms, percent, rate};
use crate::page::Width;

/// The charts of a report with their names, each a stand-alone SVG for light and dark.
pub fn charts(view: &View) -> Vec<(String, String)> {
    let standalone = |picture: Picture| {
        let document = crate::chart::document::standalone(&picture);
        (picture.name, document)
    };
    pictures(view).into_iter().map(standalone).collect()
}

/// All charts at full width.
pub(super) fn pictures(view: &View) -> Vec<Picture> {
    let over_time = [latency(view, Width::Full), traffic(view, Width::Full)];
    let rest = [
        errors(view, Width::Full),
        Some(in_flight(view, Width::Full)),
        cpu(view, Width::Full),
        distribution(view, Width::Full),
        heat_map(view, Width::Full),
    ];
    over_time.into_iter().chain(rest.into_iter().flatten()).collect()
}

/// The names and colours of the latency lines, in the order of [`Point::response`].
const LINES: [(&str, Role); 4] =
    [("p50", Role::Series(0)), ("p90", Role::Series(1)), ("p99", Role::Series(2)), ("max", Role::Series(3))];

pub(super) fn latency(view: &View, width: Width) -> Picture {
    let points = &view.series.points;
    let values = || points.iter().flat_map(|p| p.response).flatten();
    let (lo, hi) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let limits = limits(view);
    // A limit far above all that was measured would squeeze the lines: it is named at the edge instead.
    let near = |ms: f64| ms <= hi * 4.0 && ms >= lo / 2.0;
    let shown = || limits.iter().map(|(ms, _)| *ms).filter(|ms| near(*ms));
    let scale = Scale::log_around(shown().fold(lo, f64::min), shown().fold(hi, f64::max));

    let mut ends: Vec<EndLabel> = LINES
        .iter()
        .enumerate()
        .filter_map(|(i, (name, role))| Some(EndLabel::new(last(points, i)?, *name, *role)))
        .rev()
        .collect();
    for (limit, text) in &limits {
        let arrow = if near(*limit) { "" } else { " ↑" };
        let text = if width == Width::Narrow {
            format!("SLO {}{arrow}", ms(*limit))
        } else {
            format!("{text}{arrow}")
        };
        if near(*limit) || *limit > hi {
            ends.push(EndLabel::new(*limit, text, Role::Limit));
        }
    }
    let head = Head {
        name: "latency".to_owned(),
        title: "Response time".to_owned(),
        subtitle: format!("intended start to end, by time of completion, {}; log scale", per_bucket(view)),
        description: latency_words(view),
    };
    let y = Axis::new(scale, 9, ms);
    let chart = over_time(view, width.size(330), head, y, ends);
    limits.iter().filter(|(ms, _)| near(*ms)).for_each(|(ms, _)| chart.limit(*ms));
    for (i, (_, role)) in LINES.iter().enumerate().rev() {
        let line: Vec<_> = points.iter().map(|p| (p.at_s, p.response[i])).collect();
        chart.line(*role, if i == 3 { 1.2 } else { 1.8 }, &line);
    }
    chart.finish()
}

fn latency_words(view: &View) -> String {
    let worst = view.series.points.iter().filter_map(|p| Some((p.response[3]?, p.at_s)));
    let whole = &view.summary.response;
    match (whole.p50_ms, whole.p99_ms, worst.max_by(|a, b| a.0.total_cmp(&b.0))) {
        (Some(p50), Some(p99), Some((max, at))) => format!(
            "Percentiles of the response time over {}. Over the measured part p50 was {} and p99 {}; the longest \
             took {}, ending {} after the start.",
            length(view.series.end_s),
            ms(p50),
            ms(p99),
            ms(max),
            length(at.floor())
        ),
        _ => "No request ended.".to_owned(),
    }
}

/// The limits on percentiles of the response time over all requests: milliseconds and how to name them.
fn limits(view: &View) -> Vec<(f64, String)> {
    let about_all = |slo: &&Slo| {
        let timed = matches!(
            slo.metric,
            Metric::Quantile(Timing::Response, _)
                | Metric::Max(Timing::Response)
                | Metric::Mean(Timing::Response)
        );
        slo.request.is_none() && timed
    };
    let short = |slo: &Slo| slo.text.split(" abort").next().unwrap_or(&slo.text).to_owned();
    let mut limits: Vec<(f64, String)> =
        view.slos.iter().filter(about_all).map(|slo| (slo.limit, short(slo))).collect();
    limits.sort_by(|a, b| b.0.total_cmp(&a.0));
    limits.truncate(4);
    limits
}

pub(super) fn traffic(view: &View, width: Width) -> Picture {
    let points: Vec<&Point> = view.series.points.iter().filter(|p| p.load).collect();
    let open = view.run.model == LoadModel::Open;
    let max = points.iter().map(|p| p.offered_per_s.max(p.started_per_s).max(p.ok_per_s)).fold(0.0, f64::max);
    let end = |of: fn(&Point) -> f64| points.last().map_or(0.0, |p| of(p));
    let mut ends = vec![
        EndLabel::new(end(|p| p.started_per_s), "started", Role::Series(0)),
        EndLabel::new(end(|p| p.ok_per_s), "done ok", Role::Series(1)),
    ];
    if open {
        ends.insert(0, EndLabel::new(end(|p| p.offered_per_s), "asked", Role::Muted));
    }
    let asked = view.summary.offered_per_s.filter(|_| open).map(|r| format!("{} asked for, ", rate(r)));
    let got = view.summary.achieved_per_s.map_or("nothing".to_owned(), |r| format!("{} started", rate(r)));
    let head = Head {
        name: "traffic".to_owned(),
        title: "Traffic".to_owned(),
        subtitle: format!("flows per second, {}", per_bucket(view)),
        description: format!("Flows per second: on average {}{got}.", asked.unwrap_or_default()),
    };
    let y = Axis::new(Scale::from_zero(max), 6, rate);
    let chart = over_time(view, width.size(280), head, y, ends);
    let line = |of: fn(&Point) -> f64| points.iter().map(|p| (p.at_s, Some(of(p)))).collect::<Vec<_>>();
    if open {
        chart.line(Role::Asked, 6.0, &line(|p| p.offered_per_s));
    }
    chart.line(Role::Series(1), 1.8, &line(|p| p.ok_per_s));
    chart.line(Role::Series(0), 1.8, &line(|p| p.started_per_s));
    chart.finish()
}

/// Errors per second by class, stacked; `None` without errors.
pub(super) fn errors(view: &View, width: Width) -> Option<Picture> {
    const COLOURS: [u8; 7] = [2, 4, 0, 5, 1, 6, 3];
    let total = view.series.classes.iter().map(|c| c.1).reduce(|a, b| a + b)?;
    let role = |i: usize| Role::Series(COLOURS[i % COLOURS.len()]);
    let points = &view.series.points;
    let sum = |p: &Point, n: usize| p.errors_per_s.iter().take(n).sum::<f64>();
    let classes = &view.series.classes;
    let max = points.iter().map(|p| sum(p, classes.len())).fold(0.0, f64::max);
    let ends = classes.iter().enumerate().map(|(i, (name, n))| {
        // Where the class lies on average; the order of the labels is that of the stack.
        let middle = max * (i as f64 + 0.5) / classes.len() as f64;
        EndLabel::new(middle, format!("{name} {}", count(*n)), role(i))
    });
    let warmup = if view.run.stages.iter().any(|stage| stage.warmup) { ", warm-up included" } else { "" };
    let words: Vec<String> = classes.iter().map(|(name, n)| format!("{} {name}", count(*n))).collect();
    let head = Head {
        name: "errors".to_owned(),
        title: "Errors".to_owned(),
        subtitle: format!("failed requests per second by class, stacked, {}{warmup}", per_bucket(view)),
        description: format!("{} failed requests: {}.", count(total), words.join(", ")),
    };
    let y = Axis::new(Scale::from_zero(max), 6, rate);
    let chart = over_time(view, width.size(280), head, y, ends.collect());
    let half = view.series.bucket_s as f64 / 2.0;
    for i in 0..classes.len() {
        for p in points.iter().filter(|p| p.errors_per_s[i] > 0.0) {
            let (from, to) = ((p.at_s - half).max(0.0), (p.at_s + half).min(view.series.end_s));
            chart.cell(role(i), (from, sum(p, i)), (to, sum(p, i + 1)));
        }
    }
    Some(chart.finish())
}

pub(super) fn in_flight(view: &View, width: Width) -> Picture {
    let points = &view.series.points;
    let most = |of: fn(&Point) -> u64| points.iter().map(of).max().unwrap_or(0);
    let (flying, waiting) = (most(|p| p.in_flight), most(|p| p.waiting));
    let end = |of: fn(&Point) -> u64| points.last().map_or(0.0, |p| of(p) as f64);
    let mut ends = vec![EndLabel::new(end(|p| p.in_flight), "in flight", Role::Series(0))];
    if waiting > 0 {
        ends.push(EndLabel::new(end(|p| p.waiting), "waiting", Role::Series(2)));
    }
    let head = Head {
        name: "in-flight".to_owned(),
        title: "Saturation: in flight".to_owned(),
        subtitle: "requests on their way, and arrivals that wait for a place".to_owned(),
        description: format!(
            "At most {} requests were in flight and {} waiting.",
            count(flying),
            count(waiting)
        ),
    };
    let y = Axis::new(Scale::from_zero(flying.max(waiting).max(4) as f64), 6, rate);
    let chart = over_time(view, width.size(280), head, y, ends);
    let line =
        |of: fn(&Point) -> u64| points.iter().map(|p| (p.at_s, Some(of(p) as f64))).collect::<Vec<_>>();
    if waiting > 0 {
        chart.line(Role::Series(2), 1.8, &line(|p| p.waiting));
    }
    chart.line(Role::Series(0), 1.8, &line(|p| p.in_flight));
    chart.finish()
}

/// A generator busier than this spoils an open-loop run (see the rules of validity).
const CPU_LIMIT: f64 = 0.9;

/// The generator's CPU; `None` where it is not known.
pub(super) fn cpu(view: &View, width: Width) -> Option<Picture> {
    let points = &view.series.points;
    let (last, most) =
        (points.iter().rev().find_map(|p| p.cpu)?, points.iter().filter_map(|p| p.cpu).fold(0.0, f64::max));
    let mut ends = vec![EndLabel::new(last, "CPU", Role::Series(4))];
    if view.run.model == LoadModel::Open {
        ends.insert(0, EndLabel::new(CPU_LIMIT, "limit 90%", Role::Limit));
    }
    let head = Head {
        name: "generator-cpu".to_owned(),
        title: "Saturation: the generator's own CPU".to_owned(),
        subtitle: "its busiest worker, share of a core".to_owned(),
        description: format!("The generator's busiest worker used at most {} of a core.", percent(most)),
    };
    let y = Axis::new(Scale::linear(0.0, 1.0), 6, percent);
    let chart = over_time(view, width.size(280), head, y, ends);
    if view.run.model == LoadModel::Open {
        chart.limit(CPU_LIMIT);
    }
    let line: Vec<_> = points.iter().map(|p| (p.at_s, p.cpu)).collect();
    chart.line(Role::Series(4), 1.8, &line);
    Some(chart.finish())
}

/// A chart with a time axis, its warm-up and drain shaded, and its grid.
pub(super) fn over_time(view: &View, size: Size, head: Head, y: Axis, ends: Vec<EndLabel>) -> Chart {
    let chart = Chart::new(size, head, Axis::time(view.series.end_s, size.width), y, ends);
    view.shades.iter().for_each(|shade| chart.shade(shade.from_s, shade.to_s, shade.label));
    chart.grid();
    chart
}

fn per_bucket(view: &View) -> String {
    match view.series.bucket_s {
        1 => "each second".to_owned(),
        n => format!("every {}", length(n as f64)),
    }
}

/// The last known value of latency line `i`.
fn last(points: &[Point], i: usize) -> Option<f64> {
    points.iter().rev().find_map(|p| p.response[i])
}
