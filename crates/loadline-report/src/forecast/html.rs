//! The page of forecasts: one file that loads nothing.

use loadline_model::forecast::{ForecastDocument, SeriesForecast};
use maud::{Markup, html as markup};

use super::fan::fan;
use super::words::{backtest, ends, event, findings, name};
use super::{backtests, seasons};
use crate::chart::Picture;
use crate::chart::document::standalone;
use crate::format::{NONE, number, percent, plural};
use crate::page::{Tone, Width, banner, chart, document, scroll};

/// The most series that get charts of their own.
const CHARTED_MAX: usize = 60;

/// The whole report as one HTML document.
pub fn html(forecasts: &ForecastDocument) -> String {
    let all = &forecasts.series;
    let naive = all.iter().filter(|s| !s.backtest.beats_seasonal_naive).count();
    let lines = markup! {
        @match all.as_slice() {
            [only] => { p { (backtest(only)) } }
            _ => p { (plural((all.len() - naive) as u64, "series is", "series are")) " forecast better than by repeating "
                "the last season; " (naive) " fall back to that." }
        }
    };
    let (word, sentence) = match all.as_slice() {
        [only] => ("FORECAST", ends(only).0),
        _ => ("FORECAST", plural(all.len() as u64, "series", "series")),
    };
    let title = if let [only] = all.as_slice() { name(only).to_owned() } else { "demand".to_owned() };
    let content = markup! {
        (banner(Tone::Plain, &title, word, &sentence, &lines))
        @if all.len() > 1 { (table(all)) }
        div #charts tabindex="-1" {
            @for (index, series) in all.iter().take(CHARTED_MAX).enumerate() { (section(series, index, all.len() > 1)) }
        }
        @if all.len() > CHARTED_MAX {
            p.hint { "Charts of the first " (CHARTED_MAX) " series; choose others with --only." }
        }
    };
    document(
        &format!("Forecast — {title}"),
        &content,
        "Made by Loadline from the history alone; the same history makes the same page.",
    )
}

/// The charts with their names, each a stand-alone SVG for light and dark.
pub fn charts(forecasts: &ForecastDocument) -> Vec<(String, String)> {
    let of = |(index, series): (usize, &SeriesForecast)| {
        pictures(series, index).into_iter().filter_map(|draw| draw(Width::Full)).collect::<Vec<_>>()
    };
    let pictures = forecasts.series.iter().take(CHARTED_MAX).enumerate().flat_map(of);
    pictures.map(|picture| (picture.name.clone(), standalone(&picture))).collect()
}

type Draw<'a> = Box<dyn Fn(Width) -> Option<Picture> + 'a>;

/// Fan, backtests, season.
fn pictures(series: &SeriesForecast, index: usize) -> [Draw<'_>; 3] {
    let prefix = format!("s{}", index + 1);
    let (fan_name, tests, season) =
        (format!("{prefix}-forecast"), format!("{prefix}-backtests"), format!("{prefix}-season"));
    [
        Box::new(move |w| fan(series, (fan_name.clone(), "Demand".to_owned()), None, w)),
        Box::new(move |w| backtests(series, tests.clone(), w)),
        Box::new(move |w| seasons(series, season.clone(), w)),
    ]
}

fn section(series: &SeriesForecast, index: usize, named: bool) -> Markup {
    let [fan, tests, season] = pictures(series, index);
    let (last, highest) = ends(series);
    let events = series.events.iter().map(event);
    let lines: Vec<String> = [highest].into_iter().chain(events).chain(series.notes.clone()).collect();
    markup! {
        section {
            @if named { h2 { (name(series)) } p { (last) } }
            (chart(Width::Full, fan))
            (chart(Width::Full, tests))
            @if named { p.hint { (backtest(series)) } }
            div.pair {
                (chart(Width::Half, season))
                (stands_out(series))
            }
            ul { @for line in &lines { li { (line) } } }
            p.hint { "Made by: " (series.model) }
        }
    }
}

/// The level shifts and outliers of the history, each named.
pub(crate) fn stands_out(series: &SeriesForecast) -> Markup {
    let found = findings(series);
    markup! {
        figure {
            h3 { "What stands out in the history" }
            @if found.is_empty() { p.hint { "No level shift and no outlier." } }
            @else { ul { @for finding in &found { li { (finding) } } } }
        }
    }
}

fn table(all: &[SeriesForecast]) -> Markup {
    let share = |value: Option<f64>| value.map_or(NONE.to_owned(), |v| percent((v * 100.0).round() / 100.0));
    markup! {
        section {
            h2 { "Series" }
            (scroll("Series", &markup! {
                table {
                    thead { tr { th { "series" } th.n { "last median" } th.n { "error to seasonal naive" }
                        th.n { "within 80 %" } th.n { "within 95 %" } th { "made by" } } }
                    tbody { @for series in all { tr {
                        th scope="row" { (name(series)) }
                        td.n { (series.points.last().map_or(NONE.to_owned(), |p| number(p.value))) }
                        td.n { (share(series.backtest.error_to_naive)) }
                        td.n { (share(series.backtest.coverage_80)) }
                        td.n { (share(series.backtest.coverage_95)) }
                        td { @if series.backtest.beats_seasonal_naive { "combination" } @else { "seasonal naive" } }
                    } } }
                }
            }))
        }
    }
}
