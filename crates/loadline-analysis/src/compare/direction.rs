//! Which way is better: as stated, or by the words of a metric's name.

use loadline_model::comparison::MetricComparison;
use loadline_model::run_table::ALL;

use super::Options;
use super::names::{matches, stem};

/// Figures that Loadline writes itself: nothing is guessed of them.
const OWN: [&str; 5] = ["throughput", "capacity", "requests", "offered", "achieved"];
/// Words of which more is better.
const MORE: [&str; 25] = [
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
    "capacity",
    "requests",
    "offered",
    "achieved",
    "accepted",
];
/// What a rate ends with, of which more is better as well.
const RATES: [&str; 4] = ["_per_s", "_per_sec", "_per_second", "/s"];
/// Beginnings of words of which less is better, whatever else stands in the name.
const LESS: [&str; 27] = [
    "latenc", "time", "duration", "delay", "lag", "wait", "error", "fail", "drop", "miss", "retr", "reject",
    "reset", "cpu", "mem", "rss", "heap", "alloc", "cost", "queue", "utili", "jitter", "response", "loss",
    "lost", "used", "usage",
];
/// Words of which less is better where no word says otherwise: units, and what is said of a time.
const LESS_ALONE: [&str; 19] = [
    "ms", "us", "ns", "s", "sec", "secs", "seconds", "mean", "avg", "average", "max", "min", "median", "gc",
    "kb", "mb", "gb", "byte", "bytes",
];

/// Whether more of a metric is better by the words of its name; `None` where they do not tell.
pub(super) fn by_name(name: &str) -> Option<bool> {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let is_quantile = |word: &str| {
        word.strip_prefix('p').is_some_and(|q| !q.is_empty() && q.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if words.iter().any(|word| LESS.iter().any(|start| word.starts_with(start))) {
        return Some(false);
    }
    if RATES.iter().any(|end| name.ends_with(end)) || words.iter().any(|word| MORE.contains(word)) {
        return Some(true);
    }
    words.iter().any(|word| LESS_ALONE.contains(word) || is_quantile(word)).then_some(false)
}

fn is_stated(name: &str, stated: &[String]) -> bool {
    stated.iter().any(|asked| matches(asked, name))
}

/// Whether more of a metric is better. Where nothing tells, less is.
pub(super) fn higher_is_better(name: &str, options: &Options) -> bool {
    let is_stated = |stated: &[String]| is_stated(name, stated);
    is_stated(&options.higher_is_better)
        || (!is_stated(&options.lower_is_better) && by_name(name).unwrap_or(false))
}

/// Which directions were taken from names, and what to say where that is wrong.
pub(super) fn assumed(metrics: &[MetricComparison], options: &Options) -> Vec<String> {
    let guessed = |higher: bool| -> Vec<&str> {
        let of_all = metrics.iter().filter(|metric| metric.request == ALL);
        let names =
            of_all.filter(|metric| metric.higher_is_better == higher).map(|metric| metric.metric.as_str());
        let is_guessed = |name: &&str| {
            let stated =
                is_stated(name, &options.higher_is_better) || is_stated(name, &options.lower_is_better);
            !stated && !OWN.contains(&stem(name)) && (higher || by_name(name).is_none())
        };
        names.filter(is_guessed).collect()
    };
    let mut notes = Vec::new();
    let more = guessed(true);
    if !more.is_empty() {
        notes.push(format!(
            "by the name, more is taken to be better of `{}`; if less is, say --lower-is-better {}",
            more.join("`, `"),
            more.join(",")
        ));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_which_way_is_better() {
        for more in [
            "hits",
            "cache_hit_ratio",
            "throughput_rps",
            "Success_Rate",
            "availability",
            "orders_completed",
            "Throughput",
            "throughput_mean",
            "ops_sec",
            "MB/s",
            "bytes_per_s",
            "queries_per_second",
            "iops",
            "orders_per_s",
            "requests",
        ] {
            assert_eq!(by_name(more), Some(true), "{more}");
        }
        for less in [
            "p99_ms",
            "hit_latency_ms",
            "throughput_errors",
            "throughput_loss",
            "failed_ops",
            "errors_per_s",
            "timeouts_per_s",
            "latency_sec",
            "duration",
            "error_rate",
            "cpu_ms_per_request",
            "heap_mb",
            "max",
        ] {
            assert_eq!(by_name(less), Some(false), "{less}");
        }
        for unclear in ["widgets", "score", "load", "cache_size"] {
            assert_eq!(by_name(unclear), None, "{unclear}");
        }
    }

    #[test]
    fn what_is_stated_comes_first() {
        let stated = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let options = Options {
            higher_is_better: stated(&["score"]),
            lower_is_better: stated(&["throughput"]),
            ..Options::default()
        };
        assert!(higher_is_better("score", &options) && !higher_is_better("throughput_per_s", &options));
        assert!(!higher_is_better("widgets", &options) && higher_is_better("hits", &options));
    }
}
