use super::*;
use crate::forecast::{Forecast, Method, findings, forecast, score};

/// Uniform within ± 1, always the same.
fn noise(t: usize) -> f64 {
    let mut state = (t as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    state = (state ^ (state >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((state ^ (state >> 32)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// A week of days around 1,000 with noise of 5 %, `factor` times as much from `at` on.
fn day(t: usize, at: usize, factor: f64) -> f64 {
    let week = if t % 7 >= 5 { 700.0 } else { 1000.0 };
    week * (1.0 + 0.05 * noise(t)) * if t >= at { factor } else { 1.0 }
}

/// The same in hours, with a wave a day.
fn hour(t: usize, at: usize, factor: f64) -> f64 {
    let wave = 1.0 + 0.5 * (t as f64 * std::f64::consts::TAU / 24.0).sin();
    let week = if t / 24 % 7 >= 5 { 700.0 } else { 1000.0 };
    wave * week * (1.0 + 0.05 * noise(t)) * if t >= at { factor } else { 1.0 }
}

fn days() -> Calendar {
    Calendar { seasons: vec![7], day: Some(1) }
}

fn hours() -> Calendar {
    Calendar { seasons: vec![24, 168], day: Some(24) }
}

/// The mean of the medians over that of what comes, and the share of what comes within the central 80 %.
fn judge(forecast: &Forecast, truth: impl Fn(usize) -> f64) -> (f64, f64) {
    let steps = forecast.horizon();
    let came: f64 = (0..steps).map(&truth).sum();
    let within = |t: &usize| (forecast.quantile(*t, 0.1)..=forecast.quantile(*t, 0.9)).contains(&truth(*t));
    (forecast.median().iter().sum::<f64>() / came, (0..steps).filter(within).count() as f64 / steps as f64)
}

#[test]
fn a_forecast_of_days_goes_on_at_the_new_level() {
    for factor in [1.4, 0.6] {
        for since in [5, 10, 20] {
            let (n, case) = (400, format!("{factor} since {since} days"));
            let values: Vec<f64> = (0..n).map(|t| day(t, n - since, factor)).collect();
            let found = recent_shift(&values, &days()).expect(&case);
            assert_eq!(found.index, n - since, "{case}");
            assert!((found.factor / factor - 1.0).abs() < 0.05, "{case}: {found:?}");
            let forecast = forecast(&values, 90, &days(), Method::Auto).unwrap();
            let (level, within) = judge(&forecast, |k| day(n + k, n - since, factor));
            assert!((level - 1.0).abs() < 0.06 && within > 0.75, "{case}: {level} {within}");
            // Paths are where the quantiles are.
            let mean = forecast.paths(400, 1).map(|p| p[45] / 400.0).sum::<f64>();
            assert!((mean / forecast.median()[45] - 1.0).abs() < 0.1, "{case}: {mean}");
            assert!(forecast.notes.iter().any(|n| n.contains("the level moved by")), "{case}");
            let named = findings(&values, &days(), Some(found));
            assert!(matches!(named[0], crate::forecast::Finding::Shift { index, .. } if index == n - since));
        }
    }
}

#[test]
fn a_forecast_of_hours_goes_on_at_the_new_level() {
    for factor in [1.4, 0.6] {
        for since in [5, 10, 20] {
            for horizon in [48, 720] {
                let (n, case) = (24 * 70, format!("{factor} since {since} days, {horizon} hours ahead"));
                // Not at midnight.
                let at = n - 24 * since - 7;
                let values: Vec<f64> = (0..n).map(|t| hour(t, at, factor)).collect();
                let found = recent_shift(&values, &hours()).expect(&case);
                assert!(found.index.abs_diff(at) <= 1, "{case}: {found:?}, {at}");
                let forecast = forecast(&values, horizon, &hours(), Method::Auto).unwrap();
                let (level, within) = judge(&forecast, |k| hour(n + k, at, factor));
                // Two days ahead the candidates follow by themselves, with a little delay.
                let (off, least) = if horizon == 48 { (0.08, 0.55) } else { (0.05, 0.75) };
                assert!((level - 1.0).abs() < off && within > least, "{case}: {level} {within}");
            }
        }
    }
}

/// The shorter the new level was seen, the wider: what has lasted for five days may end.
#[test]
fn what_is_new_is_less_certain() {
    let width = |since: usize| {
        let values: Vec<f64> = (0..400).map(|t| day(t, 400 - since, 1.4)).collect();
        let forecast = forecast(&values, 90, &days(), Method::Auto).unwrap();
        (forecast.quantile(30, 0.9) - forecast.quantile(30, 0.1)) / forecast.median()[30]
    };
    let all = [5, 10, 20].map(width);
    assert!(all.is_sorted_by(|a, b| a > b), "{all:?}");
}

/// 1,000 ± 10, then 1,300 ± 10: the longer the new level has held, the surer the forecast.
#[test]
fn what_has_held_for_long_is_more_certain() {
    let interval = |since: usize| {
        let level = |t: usize| if t >= 200 - since { 1300.0 } else { 1000.0 };
        let values: Vec<f64> = (0..200).map(|t| level(t) + 17.0 * noise(t)).collect();
        let forecast = forecast(&values, 30, &days(), Method::Auto).unwrap();
        let (low, high) = (forecast.quantile(29, 0.025), forecast.quantile(29, 0.975));
        assert!((low..=high).contains(&1300.0) && forecast.accuracy.coverage_95 > Some(0.9), "{since}");
        let mut ends: Vec<f64> = forecast.paths(400, 1).map(|p| p[29]).collect();
        ends.sort_by(f64::total_cmp);
        assert!(ends[10] > 0.9 * low && ends[389] < 1.1 * high, "{since}");
        high - low
    };
    let all = [20, 40, 60, 80, 110].map(interval);
    assert!(all.is_sorted_by(|a, b| a > b) && all[4] > 34.0, "{all:?}");
}

#[test]
fn what_is_no_shift_is_left_alone() {
    let quiet: Vec<f64> = (0..400).map(|t| day(t, usize::MAX, 1.0)).collect();
    let trend: Vec<f64> = (0..400).map(|t| quiet[t] * (1.0 + 0.005 * t as f64)).collect();
    let outlier: Vec<f64> = (0..400).map(|t| quiet[t] * if t == 395 { 3.0 } else { 1.0 }).collect();
    // Two weeks of holidays, as a year ago.
    let holidays: Vec<f64> = (0..750)
        .map(|t| day(t, usize::MAX, 1.0) * if t % 364 >= 8 && t % 364 < 22 { 0.5 } else { 1.0 })
        .collect();
    let falls: Vec<f64> = quiet.iter().map(|v| v - 2000.0).collect();
    for values in [&quiet, &trend, &outlier, &holidays, &falls, &vec![0.0; 400], &vec![5.0; 400]] {
        assert_eq!(recent_shift(values, &days()), None);
    }
    assert_eq!(recent_shift(&quiet[..9], &days()), None);
}

/// Backtests are shown at the level of their own time.
#[test]
fn backtests_are_of_their_own_level() {
    let values: Vec<f64> = (0..400).map(|t| day(t, 395, 0.6)).collect();
    let forecast = forecast(&values, 30, &days(), Method::Auto).unwrap();
    for test in &forecast.tests {
        let actual = &values[test.origin..test.origin + 25];
        let off = score::mean_absolute_error(actual, &test.median[..25]);
        assert!(off < 60.0, "{off} from {}", test.origin);
        assert!(
            test.intervals.iter().all(|(_, ends)| ends[3].0 < test.median[3] && test.median[3] < ends[3].1)
        );
    }
}

/// Twenty times as much for 39 days of sixty: among so few changes that one is usual, but the level of the last days has
/// not moved, and so has not fallen.
#[test]
fn a_level_that_stays_has_not_moved() {
    for since in 30..45 {
        let values: Vec<f64> = (0..60).map(|t| day(t, 60 - since, 20.0)).collect();
        assert_eq!(recent_shift(&values, &days()), None, "{since}");
        let forecast = forecast(&values, 30, &days(), Method::Auto).unwrap();
        let (level, _) = judge(&forecast, |k| day(60 + k, 0, 20.0));
        assert!(level < 1.5, "{since}: {level}");
    }
}

/// A step of two days ago is seen by 48 hours: hourly demand goes on at its new level.
#[test]
fn two_days_of_hours_tell_a_level() {
    for factor in [1.4, 0.6] {
        let (n, at) = (960, 960 - 48);
        let values: Vec<f64> = (0..n).map(|t| hour(t, at, factor)).collect();
        let found = recent_shift(&values, &hours()).expect("it is clear");
        assert_eq!(found.index, at);
        let forecast = forecast(&values, 48, &hours(), Method::Auto).unwrap();
        let (level, _) = judge(&forecast, |k| hour(n + k, at, factor));
        assert!((level - 1.0).abs() < 0.06, "{factor}: {level}");
    }
}
