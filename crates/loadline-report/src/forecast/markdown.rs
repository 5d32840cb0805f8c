//! Forecasts as Markdown.

use loadline_model::forecast::ForecastDocument;

use super::words::{backtest, ends, event, findings, name};
use crate::run::markdown::escape;

/// A section for each series.
pub fn markdown(document: &ForecastDocument) -> String {
    let mut out = String::new();
    for series in &document.series {
        let (last, highest) = ends(series);
        out += &format!("### Forecast: {}\n\n{}\n\n", escape(name(series)), escape(&backtest(series)));
        let rest = series.events.iter().map(|e| format!("event: {}", event(e)));
        let rest = rest.chain(series.notes.iter().cloned()).chain(findings(series));
        for line in [last, highest, series.model.clone()].into_iter().chain(rest) {
            out += &format!("- {}\n", escape(&line));
        }
        out.push('\n');
    }
    out
}
