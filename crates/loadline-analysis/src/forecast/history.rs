//! What stands out in a history: outliers, and lasting shifts of the level.
//!
//! Both are named for the reader. The forecast itself needs no cleaning: its candidates bound what one value can do,
//! and follow a level that has moved; one that has moved just now it is told of by [`level`](super::level).

use super::level::{RecentShift, recent_shift};
use super::score::{median, robust_deviation};
use super::{Calendar, LocalClock};

/// Deviations beyond this many robust standard deviations are outliers.
const OUTLIER: f64 = 6.0;
/// Usual values count as at least this share of their median.
const LEAST: f64 = 0.05;
/// A shift moves the level by this many robust standard deviations of the levels of cycles before it.
const SHIFT: f64 = 5.0;
/// Cycles on either side of a shift that have to agree.
const CYCLES: usize = 3;
/// Cycles on either side that tell the trend, which is no shift.
const TREND: usize = 8;

/// Cycles that a season has to be seen for what stands out to be told by it.
const CYCLES_LEAST: usize = 8;
/// Days in a week.
const WEEK: usize = 7;

/// Something that stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Finding {
    /// One value far from those in the same phase around it.
    Outlier {
        /// Its index.
        index: usize,
        /// What was there.
        value: f64,
        /// What would have been usual.
        usual: f64,
    },
    /// The level was another one afterwards.
    Shift {
        /// The first index of the new level.
        index: usize,
        /// The level before, the median of the cycles beside it.
        before: f64,
        /// The level after.
        after: f64,
    },
}

/// Shifts of the level, then outliers, each in the order of time. `recent` is the shift near the end, which too few
/// cycles have seen for it to be found here.
pub fn findings(values: &[f64], calendar: &Calendar, recent: Option<RecentShift>) -> Vec<Finding> {
    let (season, longest) = rhythm(calendar, values.len());
    let cycle = cycle(calendar, values.len());
    let mut shifts = lasting_shifts(values, calendar);
    if let Some(at) = recent.map(|shift| shift.index) {
        shifts.retain(|shift| shift.0 + cycle < at);
        let before = median(values[at.saturating_sub(CYCLES * cycle)..at].to_vec());
        shifts.push((at, before, median(values[at..].to_vec())));
    }
    let mut bounds: Vec<usize> = shifts.iter().map(|s| s.0).collect();
    bounds.insert(0, 0);
    bounds.push(values.len());
    let mut all: Vec<Finding> =
        shifts.iter().map(|&(index, before, after)| Finding::Shift { index, before, after }).collect();
    for bound in bounds.windows(2) {
        all.extend(outliers(&values[bound[0]..bound[1]], (season, longest), bound[0]));
    }
    all
}

/// The same, with the shift near the end, where seasons go by a local clock.
pub fn findings_local(values: &[f64], calendar: &Calendar, clock: &LocalClock) -> Vec<Finding> {
    let local = clock.to_local(values);
    let mut all = findings(&local, calendar, recent_shift(&local, calendar));
    for finding in &mut all {
        let (Finding::Outlier { index, .. } | Finding::Shift { index, .. }) = finding;
        *index = clock.step_at(*index);
    }
    all
}

/// The outliers of a history on one level.
pub(super) fn outliers_of(values: &[f64], calendar: &Calendar) -> Vec<Finding> {
    outliers(values, rhythm(calendar, values.len()), 0)
}

/// The season that tells what stands out: the longest one that the history holds many times, else the shortest; and
/// the longest one there is, a week at least where there are days, seen or not.
fn rhythm(calendar: &Calendar, n: usize) -> (usize, usize) {
    let seasons = &calendar.seasons;
    let many = seasons.iter().copied().filter(|season| n >= CYCLES_LEAST * season).max();
    let season = many.or(seasons.first().copied()).unwrap_or(1);
    let week = calendar.day.map_or(1, |day| WEEK * day);
    (season, seasons.last().map_or(week, |last| week.max(*last)))
}

/// The steps that make one level: the longest season, where it fits on either side of a shift as often as it has to.
fn cycle(calendar: &Calendar, n: usize) -> usize {
    let (season, longest) = rhythm(calendar, n);
    let season = if n >= 2 * CYCLES * longest { longest } else { season };
    season.max(if n >= 56 { 7 } else { 3 })
}

/// Index, level before, level after, of each shift that outlasts the longest season: a weekend is none.
pub(super) fn lasting_shifts(values: &[f64], calendar: &Calendar) -> Vec<Shift> {
    let (cycle, longest) = (cycle(calendar, values.len()), rhythm(calendar, values.len()).1);
    shifts(values, cycle, |shift| cycle >= longest || lasts(values, longest, shift))
}

/// Whether the season after a shift is off the one before it, phase by phase, by half of it or more.
fn lasts(values: &[f64], season: usize, (at, before, after): Shift) -> bool {
    if at < season || at + season > values.len() {
        return false;
    }
    let changes = (at..at + season).map(|t| values[t] - values[t - season]).collect();
    let size = after - before;
    median(changes) * size.signum() >= 0.5 * size.abs()
}

/// Index, level before, level after.
type Shift = (usize, f64, f64);

/// Those that are `lasting`.
fn shifts(values: &[f64], cycle: usize, lasting: impl Fn(Shift) -> bool) -> Vec<Shift> {
    let levels: Vec<f64> = values.chunks_exact(cycle).map(|c| median(c.to_vec())).collect();
    if levels.len() < 2 * CYCLES {
        return Vec::new();
    }
    let steps: Vec<f64> = levels.windows(2).map(|w| w[1] - w[0]).collect();
    let usual =
        robust_deviation(&steps).max(0.01 * median(levels.iter().map(|v| v.abs()).collect())).max(1e-12);
    let jump = |at: usize| {
        let (before, after) =
            (median(levels[at - CYCLES..at].to_vec()), median(levels[at..at + CYCLES].to_vec()));
        let trend = median(steps[at.saturating_sub(TREND)..(at + TREND).min(steps.len())].to_vec());
        let (whole, rest) = (after - before, after - before - trend * CYCLES as f64);
        // Where the trend goes the other way the shift is what can be seen.
        let size = if whole * rest > 0.0 { whole.abs().min(rest.abs()) } else { 0.0 };
        (before, after, size / usual)
    };
    let mut found = Vec::new();
    let mut at = CYCLES;
    while at + CYCLES <= levels.len() {
        let within = at..(at + CYCLES).min(levels.len() - CYCLES + 1);
        let best = within.max_by(|a, b| jump(*a).2.total_cmp(&jump(*b).2)).expect("not empty");
        let (before, after, size) = jump(best);
        let shift = || (locate(values, best * cycle, cycle, before, after), before, after);
        match (best == at && size > SHIFT).then(shift).filter(|shift| lasting(*shift)) {
            Some(shift) => {
                found.push(shift);
                at += CYCLES;
            }
            None => at += 1,
        }
    }
    found
}

/// The step within a cycle of `around` that parts the two levels best.
fn locate(values: &[f64], around: usize, cycle: usize, before: f64, after: f64) -> usize {
    let (from, to) = (around.saturating_sub(cycle), (around + cycle).min(values.len()));
    let cost = |at: usize| -> f64 {
        let left: f64 = values[from..at].iter().map(|v| (v - before).abs()).sum();
        left + values[at..to].iter().map(|v| (v - after).abs()).sum::<f64>()
    };
    (from..=to).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(around)
}

/// What is off by less than this share of the level is no outlier, however quiet the rest is.
const SEEN: f64 = 1e-3;

/// Values far from the median of the values in the same phase up to three cycles away, and, where there is a longer
/// season, from those up to two of it away.
fn outliers(values: &[f64], (season, longest): (usize, usize), offset: usize) -> Vec<Finding> {
    if values.len() < 5 * season.max(2) {
        return Vec::new();
    }
    // At either end the cycles beside a value lie all on one side: a trend would make it stand out.
    let a_cycle = median(values.windows(season + 1).map(|w| w[season] - w[0]).collect());
    let usual: Vec<f64> = (0..values.len())
        .map(|t| {
            let reach = 3 * season;
            let (from, to) = (t - (t.min(reach) / season) * season, (t + reach + 1).min(values.len()));
            let here = |u: usize| values[u] + a_cycle * (t as f64 - u as f64) / season as f64;
            median((from..to).step_by(season).filter(|u| *u != t).map(here).collect())
        })
        .collect();
    let off: Vec<f64> = values.iter().zip(&usual).map(|(v, u)| v - u).collect();
    let level = median(usual.iter().map(|u| u.abs()).collect());
    let limit = (OUTLIER * robust_deviation(&off)).max(SEEN * level);
    // Where no value is a season away, those beside it tell a weekend.
    let alone = |t: usize| {
        let away = |steps: usize| [t.checked_sub(steps), Some(t + steps).filter(|u| *u < values.len())];
        let seasons: Vec<usize> =
            [away(longest), away(2 * longest)].into_iter().flatten().flatten().collect();
        let alike = if seasons.is_empty() { away(1).into_iter().flatten().collect() } else { seasons };
        season >= longest || alike.into_iter().all(|u| (values[t] - values[u]).abs() > limit)
    };
    // Where noise grows with the level a busy hour is off by more than a quiet one without standing out.
    let least = LEAST * level;
    let shares: Vec<f64> = off.iter().zip(&usual).map(|(off, u)| off / u.abs().max(least)).collect();
    let limit_of_shares = OUTLIER * robust_deviation(&shares);
    let stands_out = |t: usize| off[t].abs() > limit && (least == 0.0 || shares[t].abs() > limit_of_shares);
    let far = |t: &usize| limit > 0.0 && stands_out(*t) && alone(*t);
    (0..values.len())
        .filter(far)
        .map(|t| Finding::Outlier { index: offset + t, value: values[t], usual: usual[t] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours() -> Calendar {
        Calendar { seasons: vec![24], day: None }
    }

    fn weekly() -> Calendar {
        Calendar { seasons: vec![7], day: Some(1) }
    }

    fn series() -> Vec<f64> {
        (0..240).map(|t| 100.0 + 10.0 * ((t % 24) as f64) + ((t * 7919) % 13) as f64).collect()
    }

    #[test]
    fn a_quiet_series_has_none() {
        assert_eq!(findings(&series(), &hours(), None), []);
    }

    #[test]
    fn a_shift_and_an_outlier_are_found_where_they_are() {
        let mut values = series();
        values[120..].iter_mut().for_each(|v| *v += 500.0);
        values[50] = 2000.0;
        let found = findings(&values, &hours(), None);
        assert!(
            matches!(found[0], Finding::Shift { index: 120, before, after } if after > before),
            "{found:?}"
        );
        assert!(matches!(found[1], Finding::Outlier { index: 50, value: 2000.0, .. }), "{found:?}");
        assert_eq!(found.len(), 2);
    }

    /// Uniform within ± 1, always the same.
    fn noise(t: usize) -> f64 {
        let mut state = (t as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        state = (state ^ (state >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((state ^ (state >> 32)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Hours of days with a wave, weekends at 60 %, and a little noise.
    fn weekends(hours: usize) -> Vec<f64> {
        let wave = |t: usize| 200.0 + 100.0 * (t as f64 * std::f64::consts::TAU / 24.0).sin();
        let week = |t: usize| if t / 24 % 7 >= 5 { 0.6 } else { 1.0 };
        (0..hours).map(|t| wave(t) * week(t) * (1.0 + 0.03 * noise(t))).collect()
    }

    /// However few weeks there are, down to one and a half; what is none of them is found all the same.
    #[test]
    fn a_weekend_is_no_shift_and_its_hours_are_no_outliers() {
        let days = Calendar { seasons: vec![24, 168], day: Some(24) };
        for weeks in [1.5, 2.0, 3.0, 5.0, 7.0, 7.9, 9.0] {
            for start in [0, 30, 100] {
                let values = weekends(start + (weeks * 168.0) as usize).split_off(start);
                assert_eq!(findings(&values, &days, None), [], "{weeks} weeks from hour {start}");
            }
        }
        let mut values = weekends(7 * 168);
        values[588..].iter_mut().for_each(|v| *v *= 2.0);
        values[300] = 2000.0;
        let found = findings(&values, &days, None);
        assert!(
            matches!(found[..], [Finding::Shift { index, .. }, Finding::Outlier { index: 300, .. }] if index.abs_diff(588) <= 24),
            "{found:?}"
        );
    }

    /// Summer time ends after six weeks and four days: a day by the local clock goes on as before.
    #[test]
    fn a_change_of_the_clocks_is_no_finding() {
        let change = 6 * 168 + 90;
        let days = Calendar { seasons: vec![24, 168], day: Some(24) };
        let offset = |t: usize| if t < change { 3600 } else { 0 };
        let local = weekends(2000);
        let values: Vec<f64> = (0..1200).map(|t| local[t + usize::from(t < change)]).collect();
        let clock = LocalClock::new((0..1200).map(offset), 3600);
        assert_eq!(findings_local(&values, &days, &clock), []);
        assert_ne!(findings(&values, &days, None), []);
    }

    /// 100 and one more each day; growth by 2 % a week, with weekends; a wave of half a year.
    #[test]
    fn a_trend_is_no_shift() {
        let week = |t: usize| if t % 7 >= 5 { 0.8 } else { 1.0 };
        let straight = |t: usize| 100.0 + t as f64 + 2.0 * noise(t);
        let growing = |t: usize| 500.0 * 1.02f64.powf(t as f64 / 7.0) * week(t) * (1.0 + 0.02 * noise(t));
        let wave = |t: usize| 500.0 + 150.0 * (t as f64 / 29.0).sin() + 10.0 * noise(t);
        let shifts = |values: &[f64]| -> Vec<usize> {
            let at = |finding| if let Finding::Shift { index, .. } = finding { Some(index) } else { None };
            findings(values, &weekly(), None).into_iter().filter_map(at).collect()
        };
        for (case, course) in [&straight as &dyn Fn(usize) -> f64, &growing, &wave].into_iter().enumerate() {
            let values: Vec<f64> = (0..365).map(course).collect();
            assert!(shifts(&values).is_empty(), "{case}");
        }
        let stepped: Vec<f64> = (0..365).map(|t| straight(t) + if t >= 200 { 150.0 } else { 0.0 }).collect();
        assert_eq!(shifts(&stepped), [200]);
        // Nor do its ends stand out.
        assert_eq!(findings(&(0..365).map(straight).collect::<Vec<_>>(), &weekly(), None), []);
    }
}
