//! Which way is better: as stated, or by the words of a metric's name.

use loadline_model::comparison::MetricComparison;

use super::Options;
use super::names::{is_quantile, matches, stem};

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
const FAILURES: [&str; 12] = [
    "error", "fail", "drop", "miss", "retry", "retries", "retried", "retrans", "reject", "timeout", "loss",
    "lost",
];
/// Beginnings of words of which less is better, unless one that says otherwise comes after them.
const LESS: [&str; 17] = [
    "latenc", "time", "duration", "delay", "lag", "wait", "reset", "cpu", "mem", "rss", "heap", "alloc",
    "cost", "queue", "utili", "jitter", "response",
];
/// Words of which less is better where no word says otherwise: units, and what is said of a time.
const LESS_ALONE: [&str; 19] = [
    "ms", "us", "ns", "s", "sec", "secs", "seconds", "mean", "avg", "average", "max", "min", "median", "gc",
    "kb", "mb", "gb", "byte", "bytes",
];

/// What the words of a name say.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reading {
    /// Whether more is better; `None` where they do not tell.
    more: Option<bool>,
    /// Whether some of them say so and others not, so that it is a guess.
    is_mixed: bool,
}

/// Reads a name: of words that disagree the last one is what it is about, as in `hit_latency` and `queue_throughput`.
fn read(name: &str) -> Reading {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let begins = |word: &str, starts: &[&str]| starts.iter().any(|start| word.starts_with(start));
    if words.iter().any(|word| begins(word, &FAILURES)) {
        return Reading { more: Some(false), is_mixed: false };
    }
    let is_less = |word: &&str| begins(word, &LESS) || ["used", "usage"].contains(word);
    let is_rate = RATES.iter().any(|end| name.ends_with(end));
    let more = if is_rate { Some(words.len()) } else { words.iter().rposition(|word| MORE.contains(word)) };
    match (more, words.iter().rposition(is_less)) {
        (Some(more), Some(less)) => Reading { more: Some(more > less), is_mixed: true },
        (Some(_), None) => Reading { more: Some(true), is_mixed: false },
        (None, Some(_)) => Reading { more: Some(false), is_mixed: false },
        (None, None) => {
            let is_less = words.iter().any(|word| LESS_ALONE.contains(word) || is_quantile(word));
            Reading { more: is_less.then_some(false), is_mixed: false }
        }
    }
}

fn is_stated(name: &str, stated: &[String]) -> bool {
    stated.iter().any(|asked| matches(asked, name))
}

/// Whether more of a metric is better. Where nothing tells, less is.
pub(super) fn higher_is_better(name: &str, options: &Options) -> bool {
    let is_stated = |stated: &[String]| is_stated(name, stated);
    is_stated(&options.higher_is_better)
        || (!is_stated(&options.lower_is_better) && read(name).more.unwrap_or(false))
}

/// Which directions were taken from names, and what to say where that is wrong.
pub(super) fn assumed(metrics: &[MetricComparison], options: &Options) -> Vec<String> {
    let guessed = |higher: bool| -> Vec<&str> {
        let of_direction = metrics.iter().filter(|metric| metric.higher_is_better == higher);
        let mut names: Vec<&str> = Vec::new();
        for name in of_direction.map(|metric| metric.metric.as_str()) {
            let stated =
                is_stated(name, &options.higher_is_better) || is_stated(name, &options.lower_is_better);
            let Reading { more, is_mixed } = read(name);
            let is_guess = !OWN.contains(&stem(name)) && (higher || more.is_none() || is_mixed);
            if is_guess && !stated && !names.contains(&name) {
                names.push(name);
            }
        }
        names
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
            "less is taken to be better of `{}`, of which the name does not tell for sure; if more is, say --higher-is-better {}",
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
            "responses_per_s",
            "memory_bandwidth",
            "queue_throughput",
            "retrieved_per_s",
        ] {
            assert_eq!(read(more).more, Some(true), "{more}");
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
            assert_eq!(read(less).more, Some(false), "{less}");
        }
        for unclear in ["widgets", "score", "load", "cache_size"] {
            assert_eq!(read(unclear).more, None, "{unclear}");
        }
    }

    /// Words that disagree are a guess, which is told.
    #[test]
    fn guesses_are_told() {
        assert!(read("memory_bandwidth").is_mixed && read("hit_latency_ms").is_mixed);
        assert!(!read("throughput_errors").is_mixed && !read("p99_ms").is_mixed && !read("rps").is_mixed);
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
