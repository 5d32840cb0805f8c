//! Scales: from a value to a place along an axis, and the round values worth a tick.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// The mantissas that a logarithmic axis may begin and end with, and its ticks from many to few.
const MANTISSAS: [&[f64]; 4] = [&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];

/// A linear or logarithmic scale from `lo` to `hi`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    lo: f64,
    hi: f64,
    log: bool,
}

impl Scale {
    /// From `lo` to `hi` in even steps; widened where the two are equal.
    pub fn linear(lo: f64, hi: f64) -> Self {
        Scale { lo, hi: if hi > lo { hi } else { lo + 1.0 }, log: false }
    }

    /// From zero to the next round value at or above `max`.
    pub fn from_zero(max: f64) -> Self {
        let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
        let step = nice_step(max / 5.0);
        Scale::linear(0.0, (max / step - 1e-9).ceil() * step)
    }

    /// Logarithmic from `lo` to `hi`, both above zero.
    pub fn log(lo: f64, hi: f64) -> Self {
        let lo = lo.max(f64::MIN_POSITIVE);
        Scale { lo, hi: if hi > lo { hi } else { lo * 10.0 }, log: true }
    }

    /// Logarithmic, from the next round value below `min` to the next above `max`: never a decade that holds
    /// nothing.
    pub fn log_around(min: f64, max: f64) -> Self {
        let min = if min.is_finite() && min > 0.0 { min } else { 1.0 };
        let (lo, mut hi) = (round_log(min, f64::max, false), round_log(max.max(min), f64::min, true));
        if hi < lo * 2.0 {
            hi = round_log(lo * 2.0, f64::min, true);
        }
        Scale::log(lo, hi)
    }

    /// The lower end.
    pub fn lo(&self) -> f64 {
        self.lo
    }

    /// The upper end.
    pub fn hi(&self) -> f64 {
        self.hi
    }

    /// Where `value` lies, 0 at the lower end and 1 at the upper; what lies outside is put at the end.
    pub fn position(&self, value: f64) -> f64 {
        let along = if self.log {
            (value.max(f64::MIN_POSITIVE) / self.lo).ln() / (self.hi / self.lo).ln()
        } else {
            (value - self.lo) / (self.hi - self.lo)
        };
        along.clamp(0.0, 1.0)
    }

    /// The value at `position`, the inverse of [`Scale::position`].
    pub fn value(&self, position: f64) -> f64 {
        if self.log {
            self.lo * (self.hi / self.lo).powf(position)
        } else {
            self.lo + position * (self.hi - self.lo)
        }
    }

    /// At most `max` (at least 2) round values within the scale, ascending.
    pub fn ticks(&self, max: usize) -> Vec<f64> {
        let max = max.max(2);
        if !self.log {
            let mut step = nice_step((self.hi - self.lo) / max as f64);
            if multiples(self.lo, self.hi, step).len() > max {
                step = nice_step(step * 1.01);
            }
            return multiples(self.lo, self.hi, step);
        }
        let sets = MANTISSAS.iter().map(|m| log_values(self.lo, self.hi, m, 1));
        let sparse = (2..10).map(|every| log_values(self.lo, self.hi, &[1.0], every));
        sets.chain(sparse).find(|ticks| ticks.len() <= max).unwrap_or_default()
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (f64::from(limit.1 - limit.0) * self.position(*value)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        self.ticks(hint.max_num_points())
    }

    fn range(&self) -> Range<f64> {
        self.lo..self.hi
    }
}

/// Ticks of a time axis in seconds: at most `max` steps that people count in, from 0 to `end_s`.
pub fn time_ticks(end_s: f64, max: usize) -> Vec<f64> {
    const STEPS: [f64; 18] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0,
        21_600.0, 43_200.0, 86_400.0,
    ];
    let fits = |step: &&f64| end_s / **step + 1.0 <= max as f64;
    let step = STEPS.iter().find(fits).copied().unwrap_or_else(|| nice_step(end_s / max.max(2) as f64));
    multiples(0.0, end_s, step)
}

/// The least of 1, 2, 2.5, 5 × 10ⁿ that is at least `least`.
fn nice_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 2.5, 5.0]
        .iter()
        .map(|m| m * power)
        .find(|s| *s >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

fn multiples(lo: f64, hi: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((lo / step - 1e-9).ceil() as i64, (hi / step + 1e-9).floor() as i64);
    (first..=last).map(|k| k as f64 * step).collect()
}

fn log_values(lo: f64, hi: f64, mantissas: &[f64], every: i32) -> Vec<f64> {
    let decades = lo.log10().floor() as i32..=hi.log10().ceil() as i32;
    decades
        .filter(|d| d.rem_euclid(every) == 0)
        .flat_map(|d| mantissas.iter().map(move |m| m * 10f64.powi(d)))
        .filter(|v| *v >= lo * (1.0 - 1e-9) && *v <= hi * (1.0 + 1e-9))
        .collect()
}

/// The round value next to `value` on the chosen side.
fn round_log(value: f64, closest: fn(f64, f64) -> f64, above: bool) -> f64 {
    let (slack_lo, slack_hi) = if above { (1.0 - 1e-9, 100.0) } else { (0.01, 1.0 + 1e-9) };
    log_values(value * slack_lo, value * slack_hi, MANTISSAS[0], 1)
        .into_iter()
        .reduce(closest)
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::from_zero(487.0).ticks(5), [0.0, 200.0, 400.0]);
        assert_eq!(Scale::from_zero(500.0).hi(), 500.0);
        assert_eq!(Scale::log(1.0, 1000.0).ticks(4), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(Scale::log(1.0, 10.0).ticks(6), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(time_ticks(20.0, 6), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(time_ticks(3600.0, 7), [0.0, 600.0, 1200.0, 1800.0, 2400.0, 3000.0, 3600.0]);
    }

    proptest! {
        /// The axis holds all values, and neither end is farther away than the next round value: the factor
        /// between two neighbours is at most 5/3, or 2 where the range had to be widened to be seen.
        #[test]
        fn a_log_axis_wastes_no_decade(min in 0.001f64..1e6, factor in 1.0f64..1e5) {
            let scale = Scale::log_around(min, min * factor);
            prop_assert!(scale.lo() <= min * 1.000001 && scale.hi() >= min * factor * 0.999999);
            prop_assert!(min / scale.lo() < 1.7);
            prop_assert!(scale.hi() / (min * factor) < 1.7 || scale.hi() / scale.lo() <= 3.34);
        }

        #[test]
        fn ticks_are_few_ascending_and_inside(lo in 0.01f64..100.0, factor in 1.1f64..1e6, max in 2usize..12) {
            for scale in [Scale::log(lo, lo * factor), Scale::linear(lo, lo * factor), Scale::from_zero(lo * factor)] {
                let ticks = scale.ticks(max);
                prop_assert!(ticks.len() <= max + 1, "{ticks:?}");
                prop_assert!(ticks.is_sorted());
                prop_assert!(ticks.iter().all(|t| *t >= scale.lo() * 0.999999 && *t <= scale.hi() * 1.000001));
            }
        }

        #[test]
        fn position_and_value_are_inverse(lo in 0.01f64..100.0, factor in 1.1f64..1e6, at in 0.0f64..1.0) {
            for scale in [Scale::log(lo, lo * factor), Scale::linear(lo, lo * factor)] {
                prop_assert!((scale.position(scale.value(at)) - at).abs() < 1e-9);
            }
        }
    }
}
