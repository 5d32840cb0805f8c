//! The capacity of one instance as a distribution.

use statrs::distribution::{ContinuousCDF, Normal};

/// A normal distribution, cut off at a hundredth of its mean; exact where it has no spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    mean: f64,
    deviation: f64,
}

impl Capacity {
    /// A number taken at its word, above 0.
    pub fn exact(value: f64) -> Capacity {
        Capacity { mean: value, deviation: 0.0 }
    }

    /// The normal distribution whose central interval of probability `confidence` is `low` to `high`.
    pub fn interval(low: f64, high: f64, confidence: f64) -> Capacity {
        let z = standard(0.5 + confidence.clamp(0.01, 0.9999) / 2.0);
        Capacity { mean: (low + high) / 2.0, deviation: (high - low) / (2.0 * z) }
    }

    /// The same, so many times as large.
    pub fn times(self, factor: f64) -> Capacity {
        Capacity { mean: self.mean * factor, deviation: self.deviation * factor }
    }

    /// The quantile `q`.
    pub fn quantile(&self, q: f64) -> f64 {
        if self.deviation == 0.0 {
            return self.mean;
        }
        let q = q.clamp(1e-6, 1.0 - 1e-6);
        (self.mean + self.deviation * standard(q)).max(0.01 * self.mean)
    }

    /// The draw `index` of an endless, evenly spread sequence of draws (steps of the golden section).
    pub(super) fn draw(&self, index: usize) -> f64 {
        self.quantile(((index as f64 + 0.5) * 0.618_033_988_749_894_9).fract())
    }
}

/// The quantile of the standard normal distribution.
fn standard(q: f64) -> f64 {
    Normal::standard().inverse_cdf(q)
}
