//! OpenMetrics text of one run, which GitLab keeps as a metrics report and compares from merge request to merge request.

use std::fmt::Write as _;

use loadline_model::run::{Latency, Summary, ValidityVerdict};

use crate::comparison::escape_label;

const LATENCY: &str = "loadline_response_seconds";

/// The run in the OpenMetrics text format 1.0. Figures that do not exist, or rest on too few samples, are left out.
pub fn openmetrics(summary: &Summary) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# TYPE {LATENCY} summary\n# UNIT {LATENCY} seconds");
    let _ = writeln!(out, "# HELP {LATENCY} Response time from the intended start, by quantile.");
    latency(&mut out, "all", summary.requests, &summary.response);
    if summary.requests_by_name.len() > 1 {
        for request in &summary.requests_by_name {
            latency(&mut out, &request.name, request.requests, &request.response);
        }
    }
    let valid = summary.validity.verdict == ValidityVerdict::Valid;
    for (name, help, value) in [
        ("loadline_error_ratio", "Failed requests over all.", summary.errors.rate),
        ("loadline_throughput", "Flows completed without error, per second.", summary.throughput_per_s),
        ("loadline_valid", "1 where the generator was not the bottleneck.", Some(f64::from(u8::from(valid)))),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "# TYPE {name} gauge\n# HELP {name} {help}\n{name} {value}");
        }
    }
    out.push_str("# EOF\n");
    out
}

fn latency(out: &mut String, request: &str, requests: u64, latency: &Latency) {
    let request = escape_label(request);
    let quantiles = [
        ("p50_ms", "0.5", latency.p50_ms),
        ("p90_ms", "0.9", latency.p90_ms),
        ("p99_ms", "0.99", latency.p99_ms),
        ("p999_ms", "0.999", latency.p999_ms),
    ];
    for (field, quantile, ms) in quantiles {
        let few = latency.too_few_samples.iter().any(|few| few == field);
        if let Some(ms) = ms.filter(|_| !few) {
            // Whole microseconds, as they were measured.
            let _ =
                writeln!(out, "{LATENCY}{{request=\"{request}\",quantile=\"{quantile}\"}} {:.6}", ms / 1e3);
        }
    }
    if let Some(mean_ms) = latency.mean_ms {
        let sum = mean_ms / 1e3 * requests as f64;
        let _ = writeln!(out, "{LATENCY}_count{{request=\"{request}\"}} {requests}");
        let _ = writeln!(out, "{LATENCY}_sum{{request=\"{request}\"}} {sum:.6}");
    }
}
