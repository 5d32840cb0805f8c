//! Forecasts as text.

use loadline_model::forecast::{ForecastDocument, SeriesForecast};

use super::words::{backtest, ends, event, findings, name};

/// A paragraph for each series.
pub fn text(document: &ForecastDocument) -> String {
    document.series.iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

fn paragraph(series: &SeriesForecast) -> String {
    let (last, highest) = ends(series);
    let mut text =
        format!("{}: {}\n  {last}\n  {highest}\n  {}\n", name(series), series.model, backtest(series));
    series.events.iter().for_each(|e| text += &format!("  event: {}\n", event(e)));
    series.notes.iter().for_each(|note| text += &format!("  note: {note}\n"));
    findings(series).iter().for_each(|finding| text += &format!("  history: {finding}\n"));
    text
}
