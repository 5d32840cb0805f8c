//! The rhythm seen in the history: its mean course over the longest season.

use loadline_model::forecast::SeriesForecast;
use loadline_model::series::Time;

use crate::chart::dates::weekday;
use crate::chart::{Axis, Chart, EndLabel, Head, Picture, Role, Scale};
use crate::format::{number, percent};
use crate::page::Width;

/// Cycles that the mean course is taken over.
const CYCLES_MAX: usize = 8;
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The mean course over the longest season that the history holds twice; `None` where there is none.
pub(crate) fn seasons(series: &SeriesForecast, name: String, width: Width) -> Option<Picture> {
    let n = series.history.len();
    let season = series.seasons.iter().copied().filter(|s| *s > 1 && 2 * s <= n).max()?;
    let (start, is_week) = begin(series, season);
    let cycles = ((n - start) / season).min(CYCLES_MAX);
    if cycles == 0 {
        return None;
    }
    let from = start + ((n - start) / season - cycles) * season;
    let used = &series.history[from..from + cycles * season];
    let mean = used.iter().map(|p| p.value).sum::<f64>() / used.len() as f64;
    if mean <= 0.0 {
        return None;
    }
    let course: Vec<(f64, f64)> = (0..season)
        .map(|phase| {
            let sum: f64 = used.iter().skip(phase).step_by(season).map(|p| p.value).sum();
            (phase as f64, sum / cycles as f64 / mean)
        })
        .collect();
    let (low, high) = course.iter().fold((f64::INFINITY, 0.0f64), |(l, h), p| (l.min(p.1), h.max(p.1)));
    let ticks = if is_week {
        let day = season / 7;
        (0..7).map(|d| ((d * day) as f64, DAYS[d].to_owned())).collect()
    } else {
        Scale::linear(0.0, season as f64).ticks(7).into_iter().map(|v| (v, number(v))).collect()
    };
    let what = if is_week { "week".to_owned() } else { format!("season of {season} steps") };
    let at = |value: f64| course.iter().find(|p| p.1 == value).map_or(0.0, |p| p.0);
    let head = Head {
        name,
        title: format!("The {what} seen"),
        subtitle: format!("mean of the last {cycles}, the mean over all of it being 100%"),
        description: format!(
            "From {} of the mean (at {}) to {} (at {}).",
            percent(low),
            number(at(low)),
            percent(high),
            number(at(high))
        ),
    };
    let end = course.last()?.1;
    let size = width.size(280);
    let scale = if low > 0.0 { Scale::from_zero(high) } else { Scale::linear(low, high) };
    let y = Axis::new(scale, 5, percent);
    let chart = Chart::new(
        size,
        head,
        Axis { scale: Scale::linear(0.0, (season - 1) as f64), ticks },
        y,
        vec![EndLabel::new(end, percent((end * 100.0).round() / 100.0), Role::Series(1))],
    );
    chart.grid();
    chart.line(Role::Series(1), 1.8, &super::fan::thin(&course));
    Some(chart.finish())
}

/// Where the first whole cycle begins, and whether it is a week that begins on a Monday.
fn begin(series: &SeriesForecast, season: usize) -> (usize, bool) {
    let step = |a: Time, b: Time| b.number() - a.number();
    let week = match series.history[..] {
        [ref a, ref b, ..] => step(a.time, b.time) * season as i64 == 7 * 86_400 && season.is_multiple_of(7),
        _ => false,
    };
    let monday = series
        .history
        .windows(2)
        .position(|w| weekday(w[1].time) == Some(0) && weekday(w[0].time) == Some(6));
    match monday {
        Some(at) if week && at + 1 + season <= series.history.len() => (at + 1, true),
        _ => (0, false),
    }
}
