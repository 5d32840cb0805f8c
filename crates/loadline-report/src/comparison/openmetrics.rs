//! OpenMetrics text, which GitLab keeps as a metrics report and shows the differences of beside a merge request.

use std::fmt::Write as _;

use loadline_model::comparison::{Comparison, MetricComparison, Verdict};

/// One family of metrics: its name, what it is, and the figure of a metric.
type Family = (&'static str, &'static str, fn(&MetricComparison) -> Option<f64>);

const FAMILIES: [Family; 9] = [
    ("loadline_base", "Figure of the base.", |metric| metric.base),
    ("loadline_candidate", "Figure of the candidate.", |metric| metric.candidate),
    ("loadline_change_ratio", "Change as a fraction of the base; positive means larger.", |metric| {
        metric.change
    }),
    ("loadline_change_low_ratio", "Lower end of the interval of the change.", |metric| metric.low),
    ("loadline_change_high_ratio", "Upper end of the interval of the change.", |metric| metric.high),
    ("loadline_difference", "Candidate less base in its own unit, where a fraction tells less.", |metric| {
        metric.difference
    }),
    ("loadline_difference_low", "Lower end of the interval of the difference.", |metric| {
        metric.difference_interval.map(|[low, _]| low)
    }),
    ("loadline_difference_high", "Upper end of the interval of the difference.", |metric| {
        metric.difference_interval.map(|[_, high]| high)
    }),
    ("loadline_regressed", "1 where the metric has regressed, else 0.", |metric| {
        Some(f64::from(u8::from(metric.verdict == Verdict::Regressed)))
    }),
];

/// The comparison in the OpenMetrics text format 1.0. Figures that do not exist are left out.
pub fn openmetrics(comparison: &Comparison) -> String {
    let mut out = String::new();
    for (name, help, figure) in FAMILIES {
        let known = comparison.metrics.iter().filter_map(|metric| Some((metric, figure(metric)?)));
        for (at, (metric, value)) in known.enumerate() {
            if at == 0 {
                let _ = writeln!(out, "# TYPE {name} gauge\n# HELP {name} {help}");
            }
            let labels = format!(
                "metric=\"{}\",request=\"{}\"",
                escape_label(&metric.metric),
                escape_label(&metric.request)
            );
            let _ = writeln!(out, "{name}{{{labels}}} {value}");
        }
    }
    out.push_str("# EOF\n");
    out
}

/// The three characters that a label's value may not hold as they are.
pub(crate) fn escape_label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
