//! What is said of a forecast, in the same words in every form.

use loadline_model::forecast::{EventEffect, Finding, SeriesForecast};

use crate::chart::dates::when;
use crate::format::{number, plural};

/// The most findings that are named one by one.
const NAMED_MAX: usize = 12;

/// What a series is called where it has no name.
pub(crate) fn name(series: &SeriesForecast) -> &str {
    if series.id.is_empty() { "demand" } else { &series.id }
}

/// Level shifts and outliers, each named; the latest where there are many.
pub(crate) fn findings(series: &SeriesForecast) -> Vec<String> {
    let word = |finding: &Finding| match finding {
        Finding::LevelShift { time, before, after } => {
            format!("level shift at {}: from {} to {}", when(*time), number(*before), number(*after))
        }
        Finding::Outlier { time, value, usual } => {
            format!("outlier at {}: {}, where {} was usual", when(*time), number(*value), number(*usual))
        }
    };
    let left_out = series.findings.len().saturating_sub(NAMED_MAX);
    // Shifts stand first, each kind in the order of time: of many the latest outliers are left.
    let shifts = series.findings.iter().filter(|f| matches!(f, Finding::LevelShift { .. })).count();
    let kept = series.findings.iter().enumerate().filter(|(i, _)| *i < shifts || *i >= shifts + left_out);
    let mut all: Vec<String> = kept.map(|(_, f)| word(f)).collect();
    if left_out > 0 {
        let earlier = plural(left_out as u64, "earlier outlier", "earlier outliers");
        all.push(format!("and {earlier}: see the JSON document"));
    }
    all
}

/// What is known to change demand.
pub(crate) fn event(event: &EventEffect) -> String {
    let spread = event
        .interval
        .map_or(String::new(), |(low, high)| format!(", 80 % between {} and {}", number(low), number(high)));
    let source = match event.learnt_from {
        0 => "given".to_owned(),
        n => format!("learnt from {}{spread}", plural(n as u64, "occurrence", "occurrences")),
    };
    let dates: Vec<String> = event.upcoming.iter().take(4).map(|t| when(*t)).collect();
    let upcoming = if dates.is_empty() {
        "not within the horizon".to_owned()
    } else {
        let more = if event.upcoming.len() > 4 { ", …" } else { "" };
        format!("{}{more}", dates.join(", "))
    };
    format!("{}: {} times as much ({source}); {upcoming}", event.name, number(event.factor))
}

/// Where the forecast ends, and its highest median.
pub(crate) fn ends(series: &SeriesForecast) -> (String, String) {
    let (Some(last), Some(highest)) =
        (series.points.last(), series.points.iter().max_by(|a, b| a.value.total_cmp(&b.value)))
    else {
        return Default::default();
    };
    let bounds: Vec<String> = last
        .bounds
        .iter()
        .map(|b| format!("{} to {} ({} %)", number(b.low), number(b.high), b.level))
        .collect();
    let bounds = if bounds.is_empty() { String::new() } else { format!(", {}", bounds.join(", ")) };
    (
        format!("at {}: {}{bounds}", when(last.time), number(last.value)),
        format!("highest median: {} at {}", number(highest.value), when(highest.time)),
    )
}

/// How it did on the past.
pub(crate) fn backtest(series: &SeriesForecast) -> String {
    super::backtests::words(series)
}
