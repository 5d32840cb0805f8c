//! Response times against the load: what most users feel meanwhile, and what the unlucky ones do.

use loadline_model::saturation::{SaturationDocument, StepDocument};
use loadline_model::slo::{Metric, Slo, Timing};

use super::charts::{LEGEND, load_words, over_load, steps, with_interval};
use super::rows::objective;
use crate::chart::{Axis, EndLabel, Head, Picture, Role, Scale};
use crate::format::{ms, percent};
use crate::page::Width;

/// The median against the load, and the 99th percentile with its intervals where that is not the objective, which has a
/// chart of its own.
pub(super) fn latency(document: &SaturationDocument, width: Width) -> Option<Picture> {
    let with_p99 = !is_p99(document);
    let p99 = |step: &StepDocument| step.p99_ms.filter(|_| with_p99);
    let shown = || steps(document).flat_map(|(_, step)| step.p50_ms.into_iter().chain(p99(step)));
    let (lo, hi) = (shown().fold(f64::INFINITY, f64::min), shown().fold(0.0, f64::max));
    if !(lo.is_finite() && lo > 0.0) {
        return None;
    }
    let (title, intervals) = if with_p99 {
        (
            "Response time: median and 99th percentile",
            format!("; p99 with its {} interval", percent(document.confidence)),
        )
    } else {
        ("Median response time", String::new())
    };
    let head = Head {
        name: "latency".to_owned(),
        title: title.to_owned(),
        subtitle: format!("{}{intervals}; log scale; {LEGEND}", load_words(document)),
        description: format!("{title}: from {} to {}.", ms(lo), ms(hi)),
    };
    let scale = Scale::log_around(lo, hi);
    let at_most_load = steps(document).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, step)| step);
    let label = |value: Option<f64>, words: &str| value.map(|value| EndLabel::new(value, words, Role::Muted));
    let ends = at_most_load
        .filter(|_| with_p99)
        .into_iter()
        .flat_map(|step| [label(step.p50_ms, "median"), label(step.p99_ms, "p99")].into_iter().flatten());
    let chart = over_load(document, width.size(280), head, Axis::new(scale, 6, ms), ends.collect());
    for (load, step) in steps(document) {
        if let Some(value) = step.p50_ms {
            with_interval(&chart, scale, step.verdict, (load, value), None);
        }
        if let Some(value) = p99(step) {
            with_interval(&chart, scale, step.verdict, (load, value), step.p99_interval_ms);
        }
    }
    Some(chart.finish())
}

/// Whether the limiting objective is about the 99th percentile of all response times.
fn is_p99(document: &SaturationDocument) -> bool {
    let slo = objective(document).and_then(|text| text.parse::<Slo>().ok());
    slo.is_some_and(|slo| {
        slo.request.is_none() && slo.over.is_none() && slo.metric == Metric::Quantile(Timing::Response, 0.99)
    })
}
