//! The distribution of each step, calibrated on the errors of the backtests.
//!
//! Errors are taken on the scale on which their size does not depend on the level, divided by their usual size at
//! that step (of the other backtests), and pooled over all steps and backtests: the quantiles of the pool, times the
//! usual size, are those of the forecast (conformal prediction with a normalised score: Lei et al. 2018). A few
//! backtests see a few shocks and not their mirror images, so only the sizes of errors are used; and where errors last
//! for a whole horizon there are fewer of them than it seems, so the spread is widened.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{origins::Backtests, score, transform::Transform};

/// Steps on either side over which the usual size of an error is averaged.
const NEIGHBOURS: usize = 3;
/// Widening by the share of lasting errors beyond this one.
const LASTING_USUAL: f64 = 0.3;
const WIDENING: f64 = 0.08;
/// Nothing lies further off than this many times the largest error seen.
const LARGEST_TIMES: f64 = 1.5;

/// Backtests from which on their errors are taken as they are.
const ENOUGH: usize = 6;

/// What so few backtests understate the errors by: the 97.5 % quantile of Student's t with as many degrees of freedom
/// over that of a normal (Student 1908), 1 from [`ENOUGH`] on.
fn unseen(count: usize) -> f64 {
    if count >= ENOUGH {
        return 1.0;
    }
    let quantile = |freedom: usize| StudentsT::new(0.0, 1.0, freedom as f64).map(|t| t.inverse_cdf(0.975));
    quantile(count.max(1)).map_or(1.0, |t| t / 1.959_964)
}

/// Errors of the backtests on a stabilised scale, one row each, as long as the forecast.
pub(super) struct Errors {
    pub(super) scale: Transform,
    pub(super) rows: Vec<Vec<f64>>,
    /// Their slow parts: means over about a ninth of the horizon to either side.
    pub(super) slow: Vec<Vec<f64>>,
    /// The least value that demand can have.
    pub(super) floor: f64,
}

impl Errors {
    /// Of forecasts against what came; beyond the reach of the backtests errors are repeated, growing as the root of
    /// the steps ahead, and where there are few they are larger than those seen.
    pub(super) fn of(forecasts: &[Vec<f64>], actual: &[&[f64]], horizon: usize, floor: f64) -> Errors {
        let pairs: Vec<(f64, f64)> =
            forecasts.iter().flatten().copied().zip(actual.iter().flat_map(|a| a.iter().copied())).collect();
        let scale = Transform::stabilising(&pairs);
        let few = unseen(forecasts.len());
        let row = |(f, a): (&Vec<f64>, &&[f64])| -> Vec<f64> {
            let known: Vec<f64> = f.iter().zip(*a).map(|(f, a)| scale.apply(*a) - scale.apply(*f)).collect();
            (0..horizon)
                .map(|t| few * known[t % known.len()] * ((t / known.len() + 1) as f64).sqrt())
                .collect()
        };
        let rows: Vec<Vec<f64>> = forecasts.iter().zip(actual).map(row).collect();
        let slow = rows.iter().map(|r| smooth(r, slow_width(horizon))).collect();
        Errors { scale, rows, slow, floor }
    }

    /// How far off anything can be.
    pub(super) fn limit(&self) -> f64 {
        LARGEST_TIMES * self.rows.iter().flatten().fold(0.0, |m: f64, v| m.max(v.abs()))
    }

    /// How much of the errors lasts, 0 to 1.
    pub(super) fn lasting(&self) -> f64 {
        let squares = |rows: &[Vec<f64>]| rows.iter().flatten().map(|v| v * v).sum::<f64>();
        squares(&self.slow) / squares(&self.rows).max(f64::MIN_POSITIVE)
    }

    /// How much of them would last if each were independent of the others: the variance of a mean of so many.
    pub(super) fn lasting_of_noise(&self) -> f64 {
        1.0 / (2 * slow_width(self.rows[0].len()) + 1) as f64
    }

    /// The mean size of an error by step, of the rows that `use_of` picks.
    fn sizes(&self, use_of: impl Fn(usize) -> bool) -> Vec<f64> {
        let mut sum = vec![0.0; self.rows[0].len()];
        let used: Vec<&Vec<f64>> =
            self.rows.iter().enumerate().filter(|(j, _)| use_of(*j)).map(|(_, r)| r).collect();
        for row in &used {
            sum.iter_mut().zip(*row).for_each(|(s, v)| *s += v.abs() / used.len() as f64);
        }
        smooth(&sum, NEIGHBOURS).into_iter().map(|v| v.max(1e-12)).collect()
    }
}

/// Steps to either side over which the slow part of errors is a mean.
fn slow_width(horizon: usize) -> usize {
    horizon / 9
}

/// Centred means over `width` steps to either side.
fn smooth(values: &[f64], width: usize) -> Vec<f64> {
    (0..values.len())
        .map(|t| {
            let near = &values[t.saturating_sub(width)..(t + width + 1).min(values.len())];
            near.iter().sum::<f64>() / near.len() as f64
        })
        .collect()
}

/// The distribution of each step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spread {
    scale: Transform,
    /// The medians on that scale.
    centre: Vec<f64>,
    /// What one unit of the pool is at each step.
    units: Vec<f64>,
    /// The pool, sorted.
    sizes: Vec<f64>,
    limit: f64,
    floor: f64,
}

impl Spread {
    pub(super) fn new(centre: &[f64], errors: &Errors) -> Spread {
        let count = errors.rows.len();
        let widening = 1.0 + WIDENING * (errors.lasting() - LASTING_USUAL).max(0.0);
        Spread {
            scale: errors.scale,
            centre: centre.iter().map(|v| errors.scale.apply(*v)).collect(),
            units: errors.sizes(|_| true).into_iter().map(|v| v * widening).collect(),
            sizes: pool(errors, |_| true, count),
            limit: errors.limit(),
            floor: errors.floor,
        }
    }

    /// The quantile `q` at a step, on the scale of the demand.
    pub(super) fn quantile(&self, step: usize, q: f64) -> f64 {
        let size = score::quantile(&self.sizes, (2.0 * q - 1.0).abs());
        let off = (self.units[step] * size).min(self.limit).copysign(q - 0.5);
        self.scale.invert(self.centre[step] + off).max(self.floor)
    }
}

/// How far the central interval `level` of backtest `j` reaches at each step on the scale of the errors, made without
/// it and without whatever overlaps it; `None` where fewer than three others are left.
fn held_out(errors: &Errors, backtests: &Backtests, j: usize, level: f64) -> Option<Vec<f64>> {
    let others = |k: usize| !backtests.overlap(j, k);
    if (0..errors.rows.len()).filter(|k| others(*k)).count() < 3 {
        return None;
    }
    let limit = score::quantile(&pool(errors, others, j), level);
    Some(errors.sizes(others).into_iter().take(backtests.horizon).map(|size| limit * size).collect())
}

/// The share of values in the backtests within such intervals.
pub(super) fn coverage(errors: &Errors, backtests: &Backtests, level: f64) -> Option<f64> {
    let mut within = 0;
    let mut all = 0;
    for (j, row) in errors.rows.iter().enumerate() {
        let Some(reach) = held_out(errors, backtests, j, level) else { continue };
        within += row.iter().zip(&reach).filter(|(error, reach)| error.abs() <= **reach).count();
        all += reach.len();
    }
    (all > 0).then(|| within as f64 / all as f64)
}

/// Standard errors below its interval's probability from which on a coverage is too low for chance: 97.5 % of a normal.
const TOO_LOW: f64 = 1.96;

/// Whether a share of `coverage` within such intervals is below `level` by more than its binomial error, where each value
/// of the history counts once. Where misses come together that is a matter of this history; it is told all the same.
pub(super) fn is_too_narrow(backtests: &Backtests, level: f64, coverage: f64) -> bool {
    coverage < level - TOO_LOW * (level * (1.0 - level) / backtests.values() as f64).sqrt()
}

/// The central interval `level` of a backtest's `forecast`, made without it, on the scale of the demand.
pub(super) fn interval(
    errors: &Errors,
    backtests: &Backtests,
    (j, forecast): (usize, &[f64]),
    level: f64,
) -> Option<Vec<(f64, f64)>> {
    let reach = held_out(errors, backtests, j, level)?;
    let end = |value: f64| errors.scale.invert(value).max(errors.floor);
    let both = |(value, reach): (&f64, &f64)| {
        let centre = errors.scale.apply(*value);
        (end(centre - reach).min(*value), end(centre + reach).max(*value))
    };
    Some(forecast.iter().zip(&reach).map(both).collect())
}

/// Sizes of errors over the usual size, sorted; each usual size is that of the other rows but `left_out`.
fn pool(errors: &Errors, use_of: impl Fn(usize) -> bool, left_out: usize) -> Vec<f64> {
    let used: Vec<usize> = (0..errors.rows.len()).filter(|j| use_of(*j)).collect();
    let mut all = Vec::new();
    for &j in &used {
        let usual = errors.sizes(|k| use_of(k) && k != left_out && (used.len() < 2 || k != j));
        all.extend(errors.rows[j].iter().zip(&usual).map(|(error, usual)| error.abs() / usual));
    }
    all.sort_unstable_by(f64::total_cmp);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 100 values 95 ± 2.2 lie within 95 %, and 80 ± 4 within 80 %: overlapping backtests see none of them twice.
    #[test]
    fn too_few_within_is_more_than_chance() {
        let apart = Backtests { origins: (5..15).map(|k| 10 * k).collect(), horizon: 10 };
        let overlapping = Backtests { origins: (10..29).map(|k| 5 * k).collect(), horizon: 10 };
        for backtests in [apart, overlapping] {
            assert!(is_too_narrow(&backtests, 0.95, 0.9) && !is_too_narrow(&backtests, 0.95, 0.91));
            assert!(is_too_narrow(&backtests, 0.8, 0.72) && !is_too_narrow(&backtests, 0.8, 0.73));
        }
    }
}
