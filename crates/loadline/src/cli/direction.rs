//! Which way is better, where only the name of a column tells.

use loadline::model::comparison::Comparison;
use loadline::model::run_table::ALL;

/// Figures that Loadline writes itself: nothing is guessed of them.
const OWN: [&str; 3] = ["throughput", "capacity", "requests"];
/// Words of which more is better.
const MORE: [&str; 20] = [
    "hit",
    "hits",
    "throughput",
    "goodput",
    "bandwidth",
    "rps",
    "qps",
    "tps",
    "ops",
    "iops",
    "success",
    "successes",
    "successful",
    "succeeded",
    "completed",
    "availability",
    "uptime",
    "apdex",
    "fps",
    "mbps",
];
/// Beginnings of words of which less is better.
const LESS: [&str; 24] = [
    "latenc", "time", "duration", "delay", "lag", "wait", "error", "fail", "drop", "miss", "retr", "reject",
    "reset", "cpu", "mem", "rss", "heap", "alloc", "byte", "cost", "queue", "utili", "jitter", "response",
];
/// Whole words of which less is better: units of time, and what is said of a time.
const LESS_WHOLE: [&str; 17] = [
    "ms", "us", "ns", "s", "sec", "secs", "seconds", "mean", "avg", "average", "max", "min", "median", "gc",
    "kb", "mb", "gb",
];

fn words(name: &str) -> Vec<String> {
    let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    parts.map(str::to_lowercase).collect()
}

fn is_less(name: &str) -> bool {
    let is_quantile = |word: &str| {
        word.strip_prefix('p').is_some_and(|q| !q.is_empty() && q.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_rate = name.ends_with("_per_s") || name.ends_with("/s");
    words(name).iter().any(|word| {
        LESS.iter().any(|start| word.starts_with(start))
            || (!is_rate && LESS_WHOLE.contains(&word.as_str()))
            || is_quantile(word)
    })
}

/// Whether more is better by the words of a name.
pub(super) fn is_more(name: &str) -> bool {
    !is_less(name) && words(name).iter().any(|word| MORE.contains(&word.as_str()))
}

/// Which directions were taken from names, and what to say where that is wrong.
pub(super) fn assumed(comparison: &Comparison, stated: &[String]) -> Vec<String> {
    let is_stated = |name: &str| {
        stated.iter().any(|stated| name == stated || name.strip_prefix(stated.as_str()).is_some_and(is_unit))
    };
    let is_own = |name: &str| {
        OWN.iter().any(|own| name.strip_prefix(own).is_some_and(|unit| unit.is_empty() || unit == "_per_s"))
    };
    let guessed = |higher: bool| {
        let each = comparison.metrics.iter().filter(|metric| metric.request == ALL);
        let of = each.filter(|metric| metric.higher_is_better == higher).map(|metric| metric.metric.as_str());
        let unclear = of.filter(|name| !is_own(name) && !is_stated(name) && (higher || !is_less(name)));
        unclear.collect::<Vec<_>>()
    };
    let mut notes = Vec::new();
    let more = guessed(true);
    if !more.is_empty() {
        notes.push(format!("by the name, more is taken to be better of `{}`", more.join("`, `")));
    }
    let less = guessed(false);
    if !less.is_empty() {
        notes.push(format!(
            "less is taken to be better of `{}`, of which the name does not tell; if more is, say --higher-is-better {}",
            less.join("`, `"),
            less.join(",")
        ));
    }
    notes
}

fn is_unit(rest: &str) -> bool {
    rest.starts_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_which_way_is_better() {
        for more in
            ["hits", "cache_hit_ratio", "throughput_rps", "Success_Rate", "availability", "orders_completed"]
        {
            assert!(is_more(more), "{more}");
        }
        for less in [
            "p99_ms",
            "hit_latency_ms",
            "throughput_errors",
            "failed_ops",
            "error_rate",
            "cpu_ms_per_request",
        ] {
            assert!(!is_more(less) && is_less(less), "{less}");
        }
        for unclear in ["widgets", "score", "load", "cache_size"] {
            assert!(!is_more(unclear) && !is_less(unclear), "{unclear}");
        }
    }
}
