//! The capacity of one instance as a distribution.

use statrs::distribution::{ContinuousCDF, Normal};

/// Two halves of normal distributions that meet at the median, cut off at a hundredth of it; exact where they have no
/// spread. With the ends `l` and `h` of the central interval of probability `c`, the median `m` and
/// `z = Φ⁻¹((1 + c) / 2)`, the quantile `q` is `m + Φ⁻¹(q) (m − l) / z` below the median and `m + Φ⁻¹(q) (h − m) / z` above
/// it: the two-piece normal (Wallis 2014, Statistical Science 29, on its origin with Fechner in 1897), each half with
/// probability ½ so that the measured value stays the median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    median: f64,
    below: f64,
    above: f64,
}

impl Capacity {
    /// A number taken at its word, above 0.
    pub fn exact(value: f64) -> Capacity {
        Capacity { median: value, below: 0.0, above: 0.0 }
    }

    /// The normal distribution whose central interval of probability `confidence` is `low` to `high`.
    pub fn interval(low: f64, high: f64, confidence: f64) -> Capacity {
        Capacity::around((low + high) / 2.0, (low, high), confidence)
    }

    /// The same with a median that need not be in the middle, but within.
    pub fn around(median: f64, (low, high): (f64, f64), confidence: f64) -> Capacity {
        let z = standard(0.5 + confidence.clamp(0.01, 0.9999) / 2.0);
        let median = median.clamp(low, high);
        Capacity { median, below: (median - low) / z, above: (high - median) / z }
    }

    /// The same, so many times as large.
    pub fn times(self, factor: f64) -> Capacity {
        Capacity { median: self.median * factor, below: self.below * factor, above: self.above * factor }
    }

    /// The quantile `q`.
    pub fn quantile(&self, q: f64) -> f64 {
        let z = standard(q.clamp(1e-6, 1.0 - 1e-6));
        let deviation = if z < 0.0 { self.below } else { self.above };
        if deviation == 0.0 { self.median } else { (self.median + deviation * z).max(0.01 * self.median) }
    }

    /// The draw `index` of an endless, evenly spread sequence of draws: the quantile at `(index + ½) φ mod 1`, φ the golden
    /// section, a Kronecker sequence of low discrepancy (Niederreiter 1992, Random Number Generation and Quasi-Monte Carlo
    /// Methods, chapter 3).
    pub(super) fn draw(&self, index: usize) -> f64 {
        self.quantile(((index as f64 + 0.5) * 0.618_033_988_749_894_9).fract())
    }
}

/// The quantile of the standard normal distribution.
fn standard(q: f64) -> f64 {
    Normal::standard().inverse_cdf(q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_that_were_given() {
        let capacity = Capacity::around(100.0, (90.0, 130.0), 0.9);
        for (q, value) in [(0.05, 90.0), (0.5, 100.0), (0.95, 130.0)] {
            assert!((capacity.quantile(q) - value).abs() < 1e-9);
        }
        assert_eq!(Capacity::exact(7.0).quantile(0.99), 7.0);
        assert_eq!(Capacity::around(50.0, (10.0, 20.0), 0.9).quantile(0.5), 20.0);
    }
}
