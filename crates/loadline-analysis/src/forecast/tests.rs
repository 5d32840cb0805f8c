use proptest::prelude::*;

use super::*;
use crate::numeric::random::Random;

fn auto(values: &[f64], horizon: usize, calendar: &Calendar) -> Result<Forecast, ForecastError> {
    forecast(values, horizon, calendar, Method::Auto)
}

fn days() -> Calendar {
    Calendar { seasons: vec![24, 168], day: Some(24) }
}

/// A day, a week and some noise whose distribution is known: uniform within ± 10.
fn demand(hours: usize) -> Vec<f64> {
    let mut state = 9u64;
    let mut noise = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / f64::from(1u32 << 31) * 20.0 - 10.0
    };
    (0..hours).map(|t| demand_shape(t) + noise()).collect()
}

fn demand_shape(t: usize) -> f64 {
    let day = (t as f64 * std::f64::consts::TAU / 24.0).sin() * 100.0;
    300.0 + day - if t / 24 % 7 >= 5 { 60.0 } else { 0.0 }
}

#[test]
fn a_known_course_is_forecast_within_its_noise() {
    let all = demand(960);
    let forecast = auto(&all[..912], 48, &days()).unwrap();
    assert!(forecast.accuracy.beats_seasonal_naive);
    // The best possible mean absolute error is that of the noise, 5.
    assert!(score::mean_absolute_error(&all[912..], forecast.median()) < 8.0);
    let within = (0..48)
        .filter(|&k| (forecast.quantile(k, 0.025)..=forecast.quantile(k, 0.975)).contains(&all[912 + k]))
        .count();
    assert!(within >= 43, "{within}");
    let width = forecast.quantile(10, 0.9) - forecast.quantile(10, 0.1);
    assert!((10.0..30.0).contains(&width), "{width}");
}

/// 40 days of demand, then twenty of none; the end of a stretch like others before it is no such thing.
#[test]
fn what_was_switched_off_stays_so() {
    let week = Calendar { seasons: vec![7], day: Some(1) };
    let off: Vec<f64> =
        demand(60).into_iter().enumerate().map(|(t, v)| if t < 40 { v } else { 0.0 }).collect();
    let forecast = auto(&off, 30, &week).unwrap();
    assert_eq!(forecast.median(), [0.0; 30]);
    assert!(!forecast.accuracy.beats_seasonal_naive && forecast.quantile(20, 0.975) > 0.0);
    assert!(
        forecast.notes.iter().any(|n| n.starts_with("the last 20 values are all 0")),
        "{:?}",
        forecast.notes
    );
    let rare: Vec<f64> = (0..200).map(|t| if t % 40 == 10 { 9.0 } else { 0.0 }).collect();
    assert_eq!(naive::standing_still(&rare, 7), None);
    assert_eq!(naive::standing_still(&[5.0; 90], 7), None);
}

#[test]
fn a_random_walk_is_not_beaten() {
    let mut state = 5u64;
    let mut level = 1000.0;
    let walk: Vec<f64> = (0..600)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            level += if state >> 63 == 0 { 1.0 } else { -1.0 };
            level
        })
        .collect();
    let forecast = auto(&walk, 10, &Calendar::default()).unwrap();
    assert!(forecast.accuracy.error_to_naive.unwrap() > 0.9);
    assert!((forecast.median()[9] - walk[599]).abs() < 3.0);
    // The standard deviation after ten steps of ±1 is √10.
    let width = forecast.quantile(9, 0.9) - forecast.quantile(9, 0.1);
    assert!((3.0..20.0).contains(&width), "{width}");
}

/// Whatever the combination would have done: the figures are those of seasonal naive where that is what is handed out.
#[test]
fn seasonal_naive_is_as_good_as_itself() {
    let asked = forecast(&demand(960), 48, &days(), Method::SeasonalNaive).unwrap();
    assert_eq!(asked.accuracy.error_to_naive, Some(1.0));
    assert!(!asked.accuracy.beats_seasonal_naive);
    assert!(!asked.notes.iter().any(|n| n.starts_with("no method beat")), "{:?}", asked.notes);
}

#[test]
fn what_cannot_be_forecast_is_said() {
    assert_eq!(auto(&[1.0, 2.0], 3, &days()), Err(ForecastError::TooShort { points: 2 }));
    assert_eq!(auto(&[1.0; 9], 0, &days()), Err(ForecastError::NoHorizon));
    assert_eq!(auto(&[1.0, f64::NAN, 1.0, 2.0], 1, &days()), Err(ForecastError::NotFinite { index: 1 }));
    let constant = auto(&[5.0; 400], 48, &days()).unwrap();
    assert!((constant.median()[47] - 5.0).abs() < 1e-9);
    assert!((constant.quantile(47, 0.975) - 5.0).abs() < 1e-9);
    assert!(constant.notes[0].contains("constant"));
    let short = auto(&[3.0, 4.0, 3.0, 5.0, 4.0, 3.0], 48, &days()).unwrap();
    assert!(short.notes.iter().any(|n| n.contains("too short to test 48 steps")), "{:?}", short.notes);
    assert!(
        short.quantile(47, 0.975) - short.quantile(47, 0.025)
            > short.quantile(0, 0.975) - short.quantile(0, 0.025)
    );
}

/// Of 300 walks with steps of a known size five values each: 90 steps ahead the truth is within the intervals as often
/// as they say, or more often; by the paths no less.
#[test]
fn few_values_do_not_make_it_sure() {
    let (mut within_80, mut within_95, mut of_paths) = (0, 0, 0);
    for seed in 0..300u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut normal = || {
            let sum: f64 = (0..12)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 33) as f64 / f64::from(1u32 << 31)
                })
                .sum();
            sum - 6.0
        };
        let mut level = 10_000.0;
        let walk: Vec<f64> = (0..95)
            .map(|_| {
                level += 20.0 * normal();
                level
            })
            .collect();
        let forecast = auto(&walk[..5], 90, &Calendar { seasons: vec![7], day: Some(1) }).unwrap();
        let inside = |low: f64, high: f64| {
            usize::from((forecast.quantile(89, low)..=forecast.quantile(89, high)).contains(&walk[94]))
        };
        within_80 += inside(0.1, 0.9);
        within_95 += inside(0.025, 0.975);
        let mut ends: Vec<f64> = forecast.paths(200, 1).map(|p| p[89]).collect();
        ends.sort_by(f64::total_cmp);
        of_paths += usize::from(ends[20] <= walk[94] && walk[94] <= ends[179]);
        assert!(forecast.notes.iter().any(|n| n.contains("too short to test 90 steps")));
    }
    assert!(within_80 >= 225 && within_95 >= 270 && of_paths >= 225, "{within_80} {within_95} {of_paths}");
}

/// Noise without memory: that a month is above a height which it reaches in 11 of 100 (`1 − Φ(c)^30`) is said to be
/// likely twice as often at most: few backtests of nothing but noise are no reason to fear that the level moves.
#[test]
fn noise_is_no_lasting_error() {
    let reached = 0.11;
    let height = Normal::standard().inverse_cdf((1.0f64 - reached).powf(1.0 / 30.0));
    let said = |seed: u64| {
        let mut random = Random::new(seed);
        let noise: Vec<f64> = (0..180).map(|_| 100.0 + 5.0 * random.normal()).collect();
        let forecast = auto(&noise, 30, &Calendar { seasons: vec![7], day: Some(1) }).unwrap();
        let above = |path: &Vec<f64>| path.iter().any(|v| *v > 100.0 + 5.0 * height);
        forecast.paths(400, 1).filter(above).count() as f64 / 400.0
    };
    let mean = (0..60).map(said).sum::<f64>() / 60.0;
    assert!((0.9 * reached..2.3 * reached).contains(&mean), "{mean}");
}

#[test]
fn a_path_is_a_matter_of_its_seed() {
    let forecast = auto(&demand(500), 24, &days()).unwrap();
    let draw = |seed| forecast.paths(20, seed).collect::<Vec<_>>();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    // Of paths and steps the same share lies below the median.
    let below = forecast.paths(500, 1).filter(|p| p[12] < forecast.median()[12]).count();
    assert!((175..=325).contains(&below), "{below}");
}

#[test]
fn a_known_event_moves_medians_intervals_and_paths_alike() {
    let values = demand(960);
    let event = KnownEvent { name: "launch".into(), spans: vec![970..1008], factor: Some(1.5), lasts: true };
    let plain = auto(&values, 48, &days()).unwrap();
    let with = forecast_with_events(&values, 48, &days(), Method::Auto, &[event]).unwrap();
    for (step, times) in [(9, 1.0), (10, 1.5), (47, 1.5)] {
        for q in [0.025, 0.5, 0.9] {
            assert!((with.quantile(step, q) - times * plain.quantile(step, q)).abs() < 1e-9);
        }
        let path = |f: &Forecast| f.paths(3, 1).nth(2).unwrap()[step];
        assert!((path(&with) - times * path(&plain)).abs() < 1e-9);
    }
}

/// Ten weeks, every second of which has a day of triple demand: taught, the forecast of the others is as without.
#[test]
fn a_learnt_event_does_not_teach_the_rest_wrong() {
    let quiet = demand(1680);
    let mut values = quiet.clone();
    let spans: Vec<_> = (0..6).map(|k| k * 336 + 48..k * 336 + 72).collect();
    spans.iter().filter(|s| s.end <= 1680).flat_map(|s| s.clone()).for_each(|t| values[t] *= 3.0);
    let event = KnownEvent { name: "sale".into(), spans, factor: None, lasts: false };
    let with = forecast_with_events(&values, 168, &days(), Method::Auto, &[event]).unwrap();
    let plain = auto(&quiet, 168, &days()).unwrap();
    assert_eq!(with.effects[0].learnt_from, 5);
    assert!((with.effects[0].factor - 3.0).abs() < 0.1, "{:?}", with.effects);
    assert!(score::mean_absolute_error(&plain.median()[..48], &with.median()[..48]) < 4.0);
    let ratio = with.median()[60] / plain.median()[60];
    assert!((2.8..3.2).contains(&ratio), "{ratio}");
    assert!(with.quantile(60, 0.9) - with.median()[60] > plain.quantile(60, 0.9) - plain.median()[60]);
}

/// 1,000 at noon of the local clock, else 100: five weeks of summer time, which ends in the middle of the horizon, and
/// then within the history.
#[test]
fn noon_is_noon_after_the_clocks_have_changed() {
    let noise = demand(2000);
    let peaks = |change: usize, n: usize, horizon: usize| {
        let offset = |t: usize| if t < change { 7200 } else { 3600 };
        let hour = |t: usize| (t + offset(t) as usize / 3600) % 24;
        let value = |t: usize| if hour(t) == 12 { 1000.0 } else { 100.0 } + 0.01 * noise[t];
        let values: Vec<f64> = (0..n).map(value).collect();
        let clock = LocalClock::new((0..n + horizon).map(offset), 3600);
        let made = forecast_local(&values, horizon, &days(), Method::Auto, &[], &clock).unwrap();
        assert_eq!(made.horizon(), horizon);
        // An hour that came twice is one more.
        assert!(made.tests.iter().all(|t| t.median.len() <= horizon + 1 && t.origin + t.median.len() <= n));
        for k in (0..horizon).filter(|k| hour(n + k) == 12) {
            assert!(made.median()[k] > 800.0 && made.quantile(k, 0.1) > 800.0, "step {k} of {n}");
            assert!(made.paths(20, 1).all(|path| path[k] > 700.0), "step {k} of {n}");
        }
        let elsewhere = (0..horizon).filter(|k| hour(n + k) != 12);
        assert!(elsewhere.into_iter().all(|k| made.median()[k] < 200.0), "{n}");
    };
    peaks(840 + 60, 840, 168);
    peaks(840, 888, 168);
}

/// 1,000 ± 20 for 200 days, one of them 5,000: within 90 days such a day comes again with a probability of
/// 1 - (1 - 1 / 200)^90 = 36 %, whenever it was.
#[test]
fn one_outlier_is_one_event() {
    let noise = demand(2000);
    for since in [20, 49, 90, 139] {
        let mut values: Vec<f64> = (0..200).map(|t| 1000.0 + 2.0 * (noise[t] - demand_shape(t))).collect();
        values[200 - since] = 5000.0;
        let made = auto(&values, 90, &Calendar { seasons: vec![7], day: Some(1) }).unwrap();
        let over = made.paths(1000, 1).filter(|path| path.iter().any(|v| *v > 1300.0)).count();
        assert!((310..=410).contains(&over), "{over} of 1000, {since} days ago");
        assert!((0..90).all(|k| made.quantile(k, 0.975) < 1100.0), "{since}: {}", made.quantile(89, 0.975));
    }
}

#[test]
fn tests_are_apart_and_in_order() {
    let forecast = auto(&demand(960), 48, &days()).unwrap();
    let origins: Vec<usize> = forecast.tests.iter().map(|t| t.origin).collect();
    assert_eq!(origins, [768, 816, 864, 912]);
    assert_eq!(forecast.tests[3].intervals[0].1.len(), 48);
    let (low, high) = forecast.tests[3].intervals[1].1[5];
    assert!(low < forecast.tests[3].median[5] && forecast.tests[3].median[5] < high);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// Whatever the values: no panic, finite figures, quantiles in order, never negative where no value was.
    #[test]
    fn any_series_has_sound_figures(
        values in prop::collection::vec(prop_oneof![Just(0.0), 0.0..1e6f64, Just(1e12), 0.0..1e-6f64], 4..150),
        horizon in 1usize..60,
        season in 1usize..15,
        negative in any::<bool>(),
    ) {
        let values: Vec<f64> = values.iter().map(|v| if negative { v - 1e5 } else { *v }).collect();
        let forecast = auto(&values, horizon, &Calendar { seasons: vec![season], day: None }).unwrap();
        for k in 0..horizon {
            let at = [0.025, 0.1, 0.5, 0.9, 0.975].map(|q| forecast.quantile(k, q));
            prop_assert!(at.iter().all(|v| v.is_finite()) && at.is_sorted(), "{at:?}");
            prop_assert!(negative || at[0] >= 0.0);
        }
        let accuracy = &forecast.accuracy;
        prop_assert!(accuracy.beats_seasonal_naive || accuracy.error_to_naive.is_none_or(|e| e == 1.0));
        prop_assert!(forecast.paths(5, 3).flatten().all(|v| v.is_finite() && (negative || v >= 0.0)));
        let calendar = Calendar { seasons: vec![season], day: None };
        findings(&values, &calendar, recent_shift(&values, &calendar));
        seasons::detect(&values);
    }
}
