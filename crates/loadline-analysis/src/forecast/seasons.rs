//! The rhythm of a series: from its step in seconds, or from its own autocorrelation where it has no dates.

use super::Calendar;

const DAY_S: f64 = 86_400.0;
/// Periods looked for in series without dates, each with its steps in a day where it means one.
const PERIODS: [(usize, Option<usize>); 10] = [
    (4, None),
    (7, Some(1)),
    (12, None),
    (24, Some(24)),
    (48, Some(48)),
    (52, None),
    (60, None),
    (96, Some(96)),
    (144, Some(144)),
    (288, Some(288)),
];
/// An autocorrelation that makes a season.
const CLEAR: f64 = 0.15;
/// A shorter period is preferred if its autocorrelation comes this near to the best.
const ALMOST: f64 = 0.85;

/// The seasons of a series with a step of `step_s` seconds: day and week, or the year for weeks, months and quarters.
/// Those that the history is too short for do no harm.
pub fn of_step(step_s: f64) -> Calendar {
    let per_day = DAY_S / step_s;
    let whole = |x: f64| ((x - x.round()).abs() < 1e-6 && x >= 0.999).then(|| x.round() as usize);
    match whole(per_day) {
        Some(1) => Calendar { seasons: vec![7], day: Some(1) },
        Some(day) => Calendar { seasons: vec![day, 7 * day], day: Some(day) },
        None if whole(step_s / DAY_S) == Some(7) => Calendar { seasons: vec![52], day: None },
        None if (28.0..=31.0).contains(&(step_s / DAY_S)) => Calendar { seasons: vec![12], day: None },
        None if (90.0..=92.0).contains(&(step_s / DAY_S)) => Calendar { seasons: vec![4], day: None },
        None => Calendar::default(),
    }
}

/// Whether a history of `n` values holds a season two and a half times, as it has to for it to be used.
pub fn is_seen(season: usize, n: usize) -> bool {
    n >= 2 * season + season / 2
}

/// The seasons given by the user, in steps; the shortest is taken as a day where a week of it is given too.
pub fn given(seasons: &[usize]) -> Calendar {
    let mut seasons: Vec<usize> = seasons.iter().copied().filter(|s| *s > 1).collect();
    seasons.sort_unstable();
    seasons.dedup();
    let day = match seasons[..] {
        [7, ..] => Some(1),
        [day, week, ..] if week == 7 * day => Some(day),
        _ => None,
    };
    Calendar { seasons, day }
}

/// The season of a series without dates: the usual period with the largest autocorrelation of first differences, and
/// the week where that is a day.
pub fn detect(values: &[f64]) -> Calendar {
    let differences: Vec<f64> = values.windows(2).map(|w| w[1] - w[0]).collect();
    let n = differences.len() as f64;
    let scores: Vec<(f64, usize, Option<usize>)> = PERIODS
        .iter()
        .filter(|(period, _)| values.len() >= 2 * period + period / 2)
        .map(|(period, day)| (autocorrelation(&differences, *period), *period, *day))
        .collect();
    let best = scores.iter().map(|s| s.0).fold(0.0, f64::max);
    if best < CLEAR.max(3.0 / n.sqrt()) {
        return Calendar::default();
    }
    let (_, period, day) = scores.into_iter().find(|s| s.0 >= ALMOST * best).expect("the best is there");
    let week = day.filter(|day| *day == period).map(|day| 7 * day);
    Calendar { seasons: [period].into_iter().chain(week).collect(), day }
}

/// The autocorrelation of `values` at `lag`.
fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let square: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let product: f64 = (lag..values.len()).map(|t| (values[t] - mean) * (values[t - lag] - mean)).sum();
    if square > 0.0 { product / square } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_known_length() {
        assert_eq!(of_step(3600.0), Calendar { seasons: vec![24, 168], day: Some(24) });
        assert_eq!(of_step(86_400.0), Calendar { seasons: vec![7], day: Some(1) });
        assert_eq!(of_step(300.0).seasons, [288, 2016]);
        assert_eq!(of_step(7.0 * 86_400.0).seasons, [52]);
        assert_eq!([of_step(30.0 * 86_400.0).seasons, of_step(3.0 * 2_629_746.0).seasons], [[12], [4]]);
        assert_eq!(of_step(5000.0), Calendar::default());
    }

    #[test]
    fn a_day_of_hours_is_found_and_noise_has_none() {
        let wave = |t: usize| (t as f64 * std::f64::consts::TAU / 24.0).sin() * 10.0 + (t % 24 / 12) as f64;
        let values: Vec<f64> = (0..480).map(wave).collect();
        assert_eq!(detect(&values).seasons, [24, 168]);
        let mut state = 1u64;
        let noise: Vec<f64> = (0..480)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 33) as f64
            })
            .collect();
        assert_eq!(detect(&noise), Calendar::default());
        assert_eq!(detect(&[5.0; 100]), Calendar::default());
    }
}
