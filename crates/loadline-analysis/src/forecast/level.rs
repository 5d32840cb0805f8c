//! A level shift that the history has seen only the end of: the forecast goes on at the new level.
//!
//! The candidates follow a level within their own time, which over a long horizon is weeks, and the backtests from
//! before the shift teach them not to hurry. So a shift of the last four weeks that is clear beyond doubt is taken out:
//! what lies before it is put on the new level, and everything else goes on from there. Levels are compared on
//! logarithms, season by season, and a shift has to stand out among all changes that the same history has shown over
//! the same time (the idea of intervention analysis: Box and Tiao 1975). How long it lasts nobody knows yet: the spread
//! of the new level shrinks with the time that it has been seen.

use super::history;
use super::paths::Random;
use super::score::{self, median, robust_deviation};
use super::{Calendar, Test};

/// Buckets (days, where a day is known) from the end within which a shift is looked for.
const LATEST: usize = 3;
/// Where buckets hold many values two tell as well, of a shift that stands out so many times as clearly.
const LATEST_OF_MANY: usize = 2;
const CLEARER: f64 = 1.5;
const EARLIEST: usize = 28;
/// Cycles before the shift that tell the old level.
const CYCLES: usize = 4;
/// Changes of the past that tell what is usual: at least so many.
const USUAL_LEAST: usize = 6;
/// A shift is this many robust standard deviations of the usual changes away from their median,
const CLEAR: f64 = 2.4;
/// so many times as large as nine in ten of them,
const BEYOND: f64 = 1.4;
const LARGE: f64 = 0.9;
/// at least this large (a logarithm),
const LEAST: f64 = 0.14;
/// so many robust standard deviations of the buckets after it,
const STEADY: f64 = 2.0;
/// and all but a fifth of them show half of it or more.
const CONTRARY: f64 = 0.2;
/// With so many horizons since the shift the backtests themselves have learnt of it, and the candidates follow.
const TOLD: usize = 2;
/// A shift of longer ago is told too where it is the only one, and so many times as large as all that the levels on
/// either side of it vary.
const ONLY: f64 = 3.0;
/// Levels count as at least this share of their median.
const FLOOR: f64 = 0.05;
/// Cycles before and after it that show that.
const FLAT: [usize; 2] = [3, 2];
/// Steps that make a cycle where there is no longer one.
const DAYS: usize = 7;
/// The standard deviation of the new level, as a share of the shift, right after it.
const DOUBT: f64 = 0.5;

/// A level shift close to the end of a history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecentShift {
    /// The first index of the new level.
    pub index: usize,
    /// The new level over the old one.
    pub factor: f64,
    /// The standard deviation of the logarithm of the level to come.
    pub deviation: f64,
}

impl RecentShift {
    /// Puts a backtest of the history on its new level back to the level of its own time.
    pub(super) fn undo(&self, test: &mut Test) {
        let before = self.index.saturating_sub(test.origin).min(test.median.len());
        test.median[..before].iter_mut().for_each(|v| *v /= self.factor);
        for (_, ends) in &mut test.intervals {
            ends[..before].iter_mut().for_each(|end| *end = (end.0 / self.factor, end.1 / self.factor));
        }
    }

    /// What a reader has to know of it, of a history of `n` values.
    pub(super) fn note(&self, n: usize) -> String {
        let steps = n - self.index;
        format!(
            "the level moved by {:+.0} % {steps} steps before the end of the history: the forecast goes on at the new \
             level, from a history put on it; {steps} steps cannot tell whether it lasts, so the interval is wider",
            100.0 * (self.factor - 1.0)
        )
    }

    /// Draws the level of a path: the same for the same seed and index.
    pub(super) fn put_on(&self, path: &mut [f64], seed: u64, index: usize) {
        let factor = (self.deviation * Random::new(seed ^ 0x1E7E1, index).normal()).exp();
        path.iter_mut().for_each(|v| *v *= factor);
    }
}

/// The shift that a forecast of `horizon` steps has to be told of: a recent one, or one of longer ago that the backtests
/// straddle, so that their errors would be those of a surprise that is none any more.
pub(super) fn untold_shift(values: &[f64], horizon: usize, calendar: &Calendar) -> Option<RecentShift> {
    recent_shift(values, calendar)
        .filter(|shift| values.len() - shift.index < TOLD * horizon)
        .or_else(|| only_shift(values, calendar))
}

/// The one shift of a history that is flat on either side of it.
fn only_shift(values: &[f64], calendar: &Calendar) -> Option<RecentShift> {
    let calendar = &super::within(calendar, values.len());
    let [(index, ..)] = history::lasting_shifts(values, calendar)[..] else { return None };
    let (bucket, cycle) = rhythm(calendar);
    let season = bucket * cycle.max(if bucket == 1 { DAYS } else { 1 });
    let levels =
        |part: &[f64]| -> Vec<f64> { part.chunks_exact(season).map(|c| median(c.to_vec())).collect() };
    let (before, after) = (levels(&values[..index]), levels(&values[index..]));
    let ends = |levels: &[f64]| {
        levels.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)))
    };
    let width = |levels: &[f64]| ends(levels).1 - ends(levels).0;
    if before.len() < FLAT[0] || after.len() < FLAT[1] || ends(&before).0 <= 0.0 || ends(&after).0 <= 0.0 {
        return None;
    }
    let vary = width(&before).max(width(&after));
    let (old, new) = (median(before), median(after));
    let size = (new / old).ln();
    let clear = size.abs() > LEAST && (new - old).abs() > ONLY * vary;
    let seen = ((values.len() - index) / bucket) as f64;
    clear.then(|| RecentShift {
        index,
        factor: size.exp(),
        deviation: DOUBT * size.abs() / (1.0 + seen / cycle.max(DAYS) as f64),
    })
}

/// The shift of the last four weeks (28 steps, where there are no days), if there is a clear one. Only for values that
/// are never negative.
pub fn recent_shift(values: &[f64], calendar: &Calendar) -> Option<RecentShift> {
    if values.iter().any(|v| *v < 0.0) {
        return None;
    }
    let (bucket, cycle) = rhythm(&super::within(calendar, values.len()));
    let levels = Levels::new(values, bucket, cycle)?;
    let after = levels.parting(if bucket > 1 { LATEST_OF_MANY } else { LATEST })?;
    let (change, usual) = (levels.change(levels.len(), after)?, levels.usual(after)?);
    let size = change.middle - usual.middle;
    let same = |x: &f64| (x - usual.middle) * size.signum() > 0.5 * size.abs();
    let contrary = change.all.iter().filter(|x| !same(x)).count() as f64;
    // Where others were larger a level that stays stands out too, but has not moved.
    let sure = if after < LATEST { CLEARER } else { 1.0 };
    let clear = size.abs() > LEAST
        && change.middle * size.signum() > 0.5 * size.abs()
        && size.abs() > sure * CLEAR * usual.deviation
        && size.abs() > sure * BEYOND * usual.large
        && size.abs() > STEADY * robust_deviation(&change.all);
    let steady = contrary <= (CONTRARY * after as f64).floor();
    if !clear || !steady || levels.a_year_ago(after, usual.middle, size) {
        return None;
    }
    let doubt = DOUBT * size.abs() / (1.0 + after as f64 / cycle.max(DAYS) as f64);
    let error = 1.25 * usual.deviation.min(robust_deviation(&change.all)) / (after as f64).sqrt();
    Some(RecentShift {
        index: locate(values, values.len() - after * bucket, (bucket, cycle), size),
        factor: size.exp(),
        deviation: doubt.hypot(error),
    })
}

/// Steps in a bucket, and buckets in a cycle.
fn rhythm(calendar: &Calendar) -> (usize, usize) {
    match calendar.seasons[..] {
        [] => (1, 1),
        [day] if calendar.day == Some(day) && day > 1 => (day, 1),
        [season] => (1, season),
        [short, long, ..] => (short, (long / short).max(1)),
    }
}

/// The logarithms of the means of buckets, which end with the history.
struct Levels {
    logs: Vec<f64>,
    cycle: usize,
}

/// Deviations of buckets from what their phase was before.
struct Changes {
    middle: f64,
    all: Vec<f64>,
}

/// Changes of the level over as many buckets as after the shift.
struct Usual {
    middle: f64,
    deviation: f64,
    /// Nine in ten are smaller.
    large: f64,
}

impl Levels {
    fn new(values: &[f64], bucket: usize, cycle: usize) -> Option<Levels> {
        let means = values[values.len() % bucket..]
            .chunks_exact(bucket)
            .map(|chunk| chunk.iter().sum::<f64>() / bucket as f64);
        let means: Vec<f64> = means.collect();
        // A day without demand is an outage: how small it is says nothing of the level.
        let floor = FLOOR * median(means.clone());
        let logs = means.into_iter().map(|m| m.max(floor).ln()).collect();
        (floor > 0.0).then_some(Levels { logs, cycle })
    }

    fn len(&self) -> usize {
        self.logs.len()
    }

    /// The median of the values in the phase of `at` over the last cycles before `before`.
    fn usual_at(&self, at: usize, before: usize) -> Option<f64> {
        let back = (at - before) / self.cycle + 1;
        let alike: Vec<f64> =
            (back..back + CYCLES).filter_map(|k| Some(self.logs[at.checked_sub(k * self.cycle)?])).collect();
        (alike.len() >= 2).then(|| median(alike))
    }

    /// Of the `after` buckets before `end` against those before them.
    fn change(&self, end: usize, after: usize) -> Option<Changes> {
        let from = end.checked_sub(after)?;
        let all: Vec<f64> =
            (from..end).map(|t| Some(self.logs[t] - self.usual_at(t, from)?)).collect::<Option<_>>()?;
        Some(Changes { middle: median(all.clone()), all })
    }

    /// The buckets after the point that parts the latest ones best into two levels; at least `latest`.
    fn parting(&self, latest: usize) -> Option<usize> {
        let n = self.len();
        let reach = EARLIEST.min(n / 3);
        let from = n.checked_sub(reach + self.cycle.max(latest))?;
        let off: Vec<f64> =
            (from..n).map(|t| Some(self.logs[t] - self.usual_at(t, from)?)).collect::<Option<_>>()?;
        let cost = |part: &[f64]| {
            let middle = median(part.to_vec());
            part.iter().map(|v| (v - middle).abs()).sum::<f64>()
        };
        let apart = |after: &usize| cost(&off[..off.len() - after]) + cost(&off[off.len() - after..]);
        (latest..=reach).min_by(|a, b| apart(a).total_cmp(&apart(b)))
    }

    /// What the history before the shift shows over the same time.
    fn usual(&self, after: usize) -> Option<Usual> {
        let last = self.len() - after;
        let changes: Vec<f64> = (0..last)
            .step_by((after / 6).max(1))
            .filter_map(|back| Some(self.change(last - back, after)?.middle))
            .collect();
        if changes.len() < USUAL_LEAST {
            return None;
        }
        let middle = median(changes.clone());
        let mut sizes: Vec<f64> = changes.iter().map(|c| (c - middle).abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let large = score::quantile(&sizes, LARGE);
        Some(Usual { middle, deviation: robust_deviation(&changes), large })
    }

    /// Whether the level went the same way a year ago: then it is the season.
    fn a_year_ago(&self, after: usize, usual: f64, size: f64) -> bool {
        if self.cycle != 7 {
            return false;
        }
        let then = |days: usize| Some(self.change(self.len().checked_sub(days)?, after)?.middle - usual);
        [357, 364, 371].into_iter().filter_map(then).any(|change| change * size.signum() > 0.4 * size.abs())
    }
}

/// The step within a bucket of `around` from which on the new level fits better.
fn locate(values: &[f64], around: usize, (bucket, cycle): (usize, usize), size: f64) -> usize {
    let season = bucket * cycle;
    let (from, to) = (around.saturating_sub(bucket).max(season), (around + bucket).min(values.len()));
    let usual = |t: usize| {
        let alike = (1..=CYCLES).filter_map(|k| Some(values[t.checked_sub(k * season)?])).collect();
        median(alike)
    };
    let costs: Vec<(f64, f64)> = (from..to)
        .map(|t| (values[t] - usual(t), values[t] - usual(t) * size.exp()))
        .map(|(old, new)| (old.abs(), new.abs()))
        .collect();
    let cost = |at: usize| {
        costs[..at - from].iter().map(|c| c.0).sum::<f64>()
            + costs[at - from..].iter().map(|c| c.1).sum::<f64>()
    };
    (from..=to).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(around)
}

#[cfg(test)]
mod tests;
