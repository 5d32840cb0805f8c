//! Which figures a metric's name stands for.

use loadline_model::run_table::Figure;

use super::direction::higher_is_better;
use super::metric::ERROR_RATE;
use super::{Asked, CompareError, Groups, Options};

/// Units that a name may end with. The longest comes first.
const UNITS: [&str; 5] = ["_per_s", "_ms", "_us", "_ns", "_s"];
/// Metrics that are called by their short name unless asked for otherwise.
const KNOWN: [&str; 12] =
    ["p50", "p90", "p95", "p99", "p999", "p9999", "mean", "max", "min", "throughput", "requests", "capacity"];
/// How many requests a run made.
pub(super) const REQUESTS: &str = "requests";

/// The name without its unit.
pub(super) fn stem(name: &str) -> &str {
    UNITS.iter().find_map(|unit| name.strip_suffix(unit)).filter(|stem| !stem.is_empty()).unwrap_or(name)
}

/// `p50`, `p999` or `p99.9`.
pub(super) fn is_quantile(word: &str) -> bool {
    let is_figure = |digit: u8| digit.is_ascii_digit() || digit == b'.';
    word.strip_prefix('p').is_some_and(|q| !q.is_empty() && q.bytes().all(is_figure))
}

/// Whether it is a response time, which is above 0 wherever it was measured.
pub(super) fn is_response_time(name: &str) -> bool {
    let name = name.to_lowercase();
    let stem = stem(&name);
    is_quantile(stem) || ["mean", "max", "min", "latency", "response", "response_time"].contains(&stem)
}

/// Whether a metric that was asked for as `asked` is the column `name`.
pub(super) fn matches(asked: &str, name: &str) -> bool {
    asked == name || asked == stem(name) || stem(asked) == name
}

/// The metrics to judge, in the order asked for, or in that of the columns.
pub(super) fn resolve(groups: Groups<'_>, options: &Options) -> Result<Vec<Asked>, CompareError> {
    let mut figures: Vec<&Figure> = Vec::new();
    for figure in groups.base.figures.iter().chain(&groups.candidate.figures) {
        if !figures.contains(&figure) {
            figures.push(figure);
        }
    }
    let unknown = |metric: &String| {
        let labelled = groups.base.labels.iter().chain(&groups.candidate.labels).any(|label| label == metric);
        if labelled {
            return CompareError::Label(metric.clone());
        }
        let mut known: Vec<String> = Vec::new();
        for figure in &figures {
            if !known.contains(&figure.name) {
                known.push(figure.name.clone());
            }
        }
        CompareError::UnknownMetric { metric: metric.clone(), known }
    };
    for metric in options.higher_is_better.iter().chain(&options.lower_is_better) {
        if !figures.iter().any(|figure| matches(metric, &figure.name)) {
            return Err(unknown(metric));
        }
    }
    let both = |figure: &&&Figure| {
        let is_among = |stated: &[String]| stated.iter().any(|asked| matches(asked, &figure.name));
        is_among(&options.higher_is_better) && is_among(&options.lower_is_better)
    };
    if let Some(figure) = figures.iter().find(both) {
        return Err(CompareError::BothWays(figure.name.clone()));
    }
    let asked = |name: &str, figure: &Figure| Asked {
        name: name.into(),
        figure: figure.clone(),
        higher_is_better: higher_is_better(&figure.name, options),
    };
    if options.metrics.is_empty() {
        // The same in two units goes by its full names.
        let is_alone = |short: &str| {
            figures
                .iter()
                .filter(|other| other.request == figures[0].request && stem(&other.name) == short)
                .count()
                < 2
        };
        let short =
            |name| Some(stem(name)).filter(|stem| KNOWN.contains(stem) && is_alone(stem)).unwrap_or(name);
        // The number of requests is what a rate of errors is of.
        let has_rate =
            |request: &str| figures.iter().any(|other| other.request == request && other.name == ERROR_RATE);
        let judged = figures.iter().filter(|figure| figure.name != REQUESTS || !has_rate(&figure.request));
        return Ok(judged.map(|figure| asked(short(&figure.name), figure)).collect());
    }
    // What is missing everywhere can be asked for: then it is told why it is missing.
    let runs = groups.base.runs.iter().chain(&groups.candidate.runs);
    let mut all_figures = figures.clone();
    for figure in runs.flat_map(|run| run.missing.keys()) {
        if !all_figures.contains(&figure) {
            all_figures.push(figure);
        }
    }
    let mut all = Vec::new();
    for metric in &options.metrics {
        // A column of that very name comes before one that differs by its unit.
        let exact = all_figures.iter().any(|figure| figure.name == *metric);
        let found = all_figures
            .iter()
            .filter(|figure| if exact { figure.name == *metric } else { matches(metric, &figure.name) });
        let before = all.len();
        all.extend(found.map(|figure| asked(metric, figure)));
        if all.len() == before {
            return Err(unknown(metric));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_matches_with_or_without_its_unit() {
        assert!(
            matches("p99", "p99_ms") && matches("p99_ms", "p99") && matches("throughput", "throughput_per_s")
        );
        assert!(!matches("p9", "p99_ms") && !matches("cpu", "cpu_per_request"));
    }
}
