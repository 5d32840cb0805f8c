//! The backtests as they came out: what would have been forecast, and what came.

use loadline_model::forecast::{Point, SeriesForecast};

use super::fan::{thin, thin_band, x};
use crate::chart::dates::axis;
use crate::chart::{Axis, Chart, EndLabel, Head, Picture, Role, Scale};
use crate::format::{number, percent, plural};
use crate::page::Width;

/// The latest backtests over what came; `None` where the document holds none.
pub(crate) fn backtests(series: &SeriesForecast, name: String, width: Width) -> Option<Picture> {
    let tests: Vec<&Vec<Point>> = series.tests.iter().filter(|t| !t.is_empty()).collect();
    let (first, last) = (tests.first()?.first()?.time, series.history.last()?.time);
    let came: Vec<(f64, f64)> =
        series.history.iter().filter(|p| p.time >= first).map(|p| (x(p.time), p.value)).collect();
    let values = tests
        .iter()
        .flat_map(|t| t.iter())
        .flat_map(|p| p.bounds.iter().flat_map(|b| [b.low, b.high]).chain([p.value]));
    let (low, high) = values
        .chain(came.iter().map(|p| p.1))
        .fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
    let scale = if low < 0.0 { Scale::linear(low * 1.05, high * 1.05) } else { Scale::from_zero(high) };
    let last_test = tests.last()?.last()?;
    let ends = vec![
        EndLabel::new(came.last()?.1, "what came", Role::Ink),
        EndLabel::new(last_test.value, "forecast", Role::Series(0)),
    ];
    let head = Head {
        name,
        title: "Backtests".to_owned(),
        subtitle: format!(
            "the latest {} that do not overlap: each blue line was forecast without what came after its beginning; \
             pale: its 80 % interval",
            tests.len()
        ),
        description: words(series),
    };
    let size = width.size(280);
    let chart = Chart::new(size, head, axis(first, last, size.width), Axis::new(scale, 6, number), ends);
    for test in &tests {
        let band: Vec<(f64, f64, f64)> =
            test.iter().filter_map(|p| p.bounds.first().map(|b| (x(p.time), b.low, b.high))).collect();
        if band.len() > 1 {
            chart.band(Role::Asked, &thin_band(&band));
        }
    }
    chart.grid();
    chart.line(Role::Ink, 1.0, &thin(&came));
    for test in &tests {
        let line: Vec<(f64, f64)> = test.iter().map(|p| (x(p.time), p.value)).collect();
        chart.line(Role::Series(0), 1.8, &thin(&line));
    }
    Some(chart.finish())
}

/// How good it was, in a sentence or two.
pub(super) fn words(series: &SeriesForecast) -> String {
    let backtest = &series.backtest;
    let made = plural(backtest.count as u64, "backtest", "backtests");
    let against = match backtest.error_to_naive {
        Some(ratio) if backtest.beats_seasonal_naive => {
            format!("the error was {} of that of repeating the last season", percent(ratio))
        }
        Some(_) => "the forecast repeats the last season, and errs as much as that".to_owned(),
        None => "the last season repeated itself exactly".to_owned(),
    };
    let held = match (backtest.coverage_80, backtest.coverage_95) {
        (Some(c80), Some(c95)) => format!(
            "; {} of what came lay within the 80 % interval and {} within the 95 % one",
            percent(round(c80)),
            percent(round(c95))
        ),
        _ => "; there are too few of them to say how often the intervals hold".to_owned(),
    };
    format!("In {made} of {} steps {against}{held}.", backtest.horizon)
}

fn round(share: f64) -> f64 {
    (share * 100.0).round() / 100.0
}
