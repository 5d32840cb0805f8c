//! The distribution of latencies: its tail, and its course over time.

use super::charts::over_time;
use super::view::{Distribution, View};
use crate::chart::{Axis, Chart, EndLabel, Head, Picture, Role, Scale};
use crate::format::{count, length, ms};
use crate::page::Width;

/// The quantiles named on the axis: 1/(1 − q).
const QUANTILES: [(f64, &str); 6] =
    [(1.0, "min"), (2.0, "p50"), (10.0, "p90"), (100.0, "p99"), (1000.0, "p99.9"), (10_000.0, "p99.99")];

const SERVICE: &str = "service";

/// Response and service time by quantile, on an axis that widens the tail; `None` without requests.
pub(super) fn distribution(view: &View, width: Width) -> Option<Picture> {
    let found = view.distribution.as_ref()?;
    let curves = curves(found);
    let values = || curves.iter().flat_map(|(_, _, curve)| curve.iter().map(|p| p.1));
    let scale = Scale::log_around(values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let end = curves[0].2.last().map_or(10.0, |p| p.0);
    let ends =
        curves.iter().filter_map(|(name, role, curve)| Some(EndLabel::new(curve.last()?.1, *name, *role)));
    let head = Head {
        name: "distribution".to_owned(),
        title: "Latency by percentile".to_owned(),
        subtitle: format!(
            "{} requests, warm-up left out; where response lies above service, requests waited to be sent",
            count(found.samples)
        ),
        description: words(view),
    };
    let named = QUANTILES.iter().filter(|(x, _)| *x <= end * 1.001).map(|(x, name)| (*x, (*name).to_owned()));
    let x = Axis { scale: Scale::log(1.0, end), ticks: named.collect() };
    let y = Axis::new(scale, 9, ms);
    let chart = Chart::new(width.size(330), head, x, y, ends.collect());
    if found.few_from < end {
        chart.shade(found.few_from.max(1.0), end, "too few samples");
    }
    chart.upright();
    chart.grid();
    for (name, role, curve) in curves.iter().rev() {
        let line: Vec<_> = curve.iter().map(|(x, ms)| (*x, Some(*ms))).collect();
        // The two often coincide: then the one shows on both sides of the other.
        chart.line(*role, if *name == SERVICE { 3.6 } else { 1.6 }, &line);
    }
    Some(chart.finish())
}

/// Name, colour and points.
type Curve<'a> = (&'static str, Role, &'a [(f64, f64)]);

fn curves(found: &Distribution) -> Vec<Curve<'_>> {
    let ok = found.response_ok.as_deref().map(|curve| ("response ok", Role::Series(1), curve));
    let response = ("response", Role::Series(2), found.response.as_slice());
    let service = (SERVICE, Role::Series(0), found.service.as_slice());
    [Some(response), ok, Some(service)].into_iter().flatten().collect()
}

fn words(view: &View) -> String {
    let line = |name: &str, l: &loadline_model::run::Latency| {
        let parts = [("p50", l.p50_ms), ("p99", l.p99_ms), ("p99.9", l.p999_ms), ("maximum", l.max_ms)];
        let known = parts.iter().filter_map(|(p, v)| Some(format!("{p} {}", ms((*v)?))));
        format!("{name}: {}.", known.collect::<Vec<_>>().join(", "))
    };
    format!(
        "{} {}",
        line("Response time", &view.summary.response),
        line("Service time", &view.summary.service)
    )
}

/// How many requests ended when and after how long; `None` without requests.
pub(super) fn heat_map(view: &View, width: Width) -> Option<Picture> {
    let heat = view.heat.as_ref()?;
    let head = Head {
        name: "heat-map".to_owned(),
        title: "Response times over time".to_owned(),
        subtitle: format!(
            "how many requests ended when, and how long they took; from 1 (pale) to {} in a cell of {}",
            count(heat.max),
            length(heat.column_s as f64)
        ),
        description:
            "The density of response times over time; the figures are in the charts of response time and \
                      of percentiles."
                .to_owned(),
    };
    let y = Axis::new(heat.scale, 9, ms);
    let chart = over_time(view, width.size(330), head, y, Vec::new());
    let rows = heat.counts.first().map_or(1, Vec::len) as f64;
    let column = heat.column_s as f64;
    let edge = |row: usize| heat.scale.value(row as f64 / rows);
    for step in 0..crate::chart::palette::HEATS {
        for (i, counts) in heat.counts.iter().enumerate() {
            let from = i as f64 * column;
            let to = (from + column).min(view.series.end_s);
            for (low, high) in runs(counts, |n| heat_step(n, heat.max) == Some(step)) {
                chart.cell(Role::Heat(step), (from, edge(high)), (to, edge(low)));
            }
        }
    }
    Some(chart.finish())
}

/// The colour step of a count, logarithmic up to `max`; `None` for nothing.
fn heat_step(n: u64, max: u64) -> Option<u8> {
    let steps = f64::from(crate::chart::palette::HEATS);
    let share = (n as f64).ln() / (max.max(2) as f64).ln();
    (n > 0).then(|| (share * steps).min(steps - 1.0) as u8)
}

/// Stretches of rows (from, to) that belong together.
fn runs(counts: &[u64], belongs: impl Fn(u64) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (row, _) in counts.iter().enumerate().filter(|(_, n)| belongs(**n)) {
        match runs.last_mut() {
            Some(last) if last.1 == row => last.1 = row + 1,
            _ => runs.push((row, row + 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_steps_of_the_logarithm() {
        assert_eq!(heat_step(0, 100), None);
        assert_eq!(heat_step(1, 1), Some(0));
        assert_eq!(heat_step(1, 512), Some(0));
        assert_eq!(heat_step(512, 512), Some(8));
        assert_eq!(heat_step(3, 512), Some(1));
    }

    #[test]
    fn neighbouring_rows_are_one_cell() {
        assert_eq!(runs(&[0, 1, 1, 0, 1], |n| n == 1), [(1, 3), (4, 5)]);
    }
}
