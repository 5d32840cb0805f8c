//! A figure with its interval, from weighted draws.

/// No model is exact: so many measurements say all that there is to know of one.
const COUNT_MOST: f64 = 2000.0;

/// By how much of its weight each of `count` measurements counts, so that all of them never count as more than
/// [`COUNT_MOST`]: the power of a coarsened likelihood (Miller and Dunson, Journal of the American Statistical Association 114,
/// 2019, section 2).
pub(super) fn coarsening(count: f64) -> f64 {
    1.0 / (1.0 + count / COUNT_MOST)
}

/// A median between two quantiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The lower end.
    pub low: f64,
    /// The median.
    pub value: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// The median of `(value, weight)` draws with their central interval; NaN without draws.
    pub(crate) fn of(mut draws: Vec<(f64, f64)>, confidence: f64) -> Estimate {
        draws.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = draws.iter().map(|draw| draw.1).sum();
        let quantile = |p: f64| {
            let mut below = 0.0;
            let reached = |draw: &&(f64, f64)| {
                below += draw.1;
                below >= p * total
            };
            draws.iter().find(reached).or(draws.last()).map_or(f64::NAN, |draw| draw.0)
        };
        let tail = 0.5 - 0.5 * confidence;
        Estimate { low: quantile(tail), value: quantile(0.5), high: quantile(1.0 - tail) }
    }

    /// Each of the three figures by a growing function.
    pub(crate) fn map(self, f: impl Fn(f64) -> f64) -> Estimate {
        Estimate { low: f(self.low), value: f(self.value), high: f(self.high) }
    }
}
