//! The capacity of an instance from its history: demand against utilisation, without a load test.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The demand that one instance carries at a target utilisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerInstance {
    /// The estimate.
    pub demand: f64,
    /// Its confidence interval; `None` where utilisation does not clearly grow with demand.
    pub interval: Option<(f64, f64)>,
    /// The estimate over the largest demand observed: above 1 the line is drawn beyond what was seen.
    pub reach: f64,
}

/// Fits `utilisation = a + b demand` to pairs of (demand of one instance, utilisation) by least squares and solves for
/// the demand at `target`; the interval of probability `confidence` is Fieller's (1954): all demands at which the
/// target lies within the confidence band of the line. `None` with fewer than three pairs, or where utilisation does
/// not grow with demand.
pub fn per_instance(pairs: &[(f64, f64)], target: f64, confidence: f64) -> Option<PerInstance> {
    let n = pairs.len() as f64;
    if pairs.len() < 3 {
        return None;
    }
    let (x, y) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let sxx: f64 = pairs.iter().map(|p| (p.0 - x).powi(2)).sum();
    let sxy: f64 = pairs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let slope = sxy / sxx;
    if !slope.is_finite() || slope <= 0.0 {
        return None;
    }
    let rest: f64 = pairs.iter().map(|p| (p.1 - y - slope * (p.0 - x)).powi(2)).sum();
    let t = StudentsT::new(0.0, 1.0, n - 2.0).ok()?.inverse_cdf(0.5 + confidence / 2.0);
    let k = t * t * rest / (n - 2.0);
    let off = y - target;
    // (slope² − k / sxx) d² + 2 slope off d + off² − k / n = 0 for d = demand − x.
    let (a, b, c) = (slope * slope - k / sxx, slope * off, off * off - k / n);
    let interval = (a > 0.0).then(|| {
        let root = (b * b - a * c).max(0.0).sqrt();
        (x + (-b - root) / a, x + (-b + root) / a)
    });
    let largest = pairs.iter().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
    let demand = x - off / slope;
    (demand > 0.0).then_some(PerInstance { demand, interval, reach: demand / largest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_noise_is_solved_exactly() {
        let pairs: Vec<(f64, f64)> =
            (1..=10).map(|d| (f64::from(d) * 10.0, 0.05 + 0.004 * f64::from(d) * 10.0)).collect();
        let found = per_instance(&pairs, 0.65, 0.95).unwrap();
        assert!((found.demand - 150.0).abs() < 1e-9 && (found.reach - 1.5).abs() < 1e-9);
        let (low, high) = found.interval.unwrap();
        assert!((low - 150.0).abs() < 1e-6 && (high - 150.0).abs() < 1e-6);
    }

    /// With noise of a known size the ends are where the band of the line meets the target.
    #[test]
    fn the_ends_lie_on_the_band() {
        let pairs: Vec<(f64, f64)> = (1..=20)
            .map(|d| (f64::from(d), 0.02 * f64::from(d) + if d % 2 == 0 { 0.02 } else { -0.02 }))
            .collect();
        let found = per_instance(&pairs, 0.6, 0.9).unwrap();
        let (low, high) = found.interval.unwrap();
        assert!(low < found.demand && found.demand < high && low > 20.0 && high < 45.0);
        assert_eq!(per_instance(&[(1.0, 0.5), (2.0, 0.4), (3.0, 0.3)], 0.7, 0.9), None);
    }
}
