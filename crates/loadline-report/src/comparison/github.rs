//! GitHub annotations: workflow commands, one a line, which the runner shows beside the pull request.

use loadline_model::comparison::{Comparison, Verdict};

use super::words::{change, interval, name, sentence};

/// An annotation for the whole, one for each warning, and one for each metric that is no pass.
pub fn annotations(comparison: &Comparison) -> String {
    let title = if comparison.duel.is_some() { "loadline duel" } else { "loadline compare" };
    let mut out = line(comparison.verdict, title, &sentence(comparison));
    for told in comparison.notes.iter().filter_map(|note| note.strip_prefix("warning: ")) {
        out.push_str(&line(Verdict::Inconclusive, title, told));
    }
    for metric in comparison.metrics.iter().filter(|metric| metric.verdict != Verdict::Pass) {
        let reasons = metric.reasons.iter().map(|reason| format!("; {reason}")).collect::<String>();
        let told = format!("{}, interval {}{reasons}", change(metric), interval(metric));
        out.push_str(&line(metric.verdict, &format!("{} {}", name(metric), metric.verdict.name()), &told));
    }
    out
}

fn line(verdict: Verdict, title: &str, message: &str) -> String {
    let level = match verdict {
        Verdict::Pass | Verdict::Improved => "notice",
        Verdict::Inconclusive => "warning",
        Verdict::Regressed | Verdict::Invalid => "error",
    };
    format!("::{level} title={}::{}\n", property(title), escape(message))
}

/// What a workflow command reads as its end is sent percent-encoded.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
