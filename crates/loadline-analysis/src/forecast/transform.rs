//! Scales on which demand is modelled, and on which its errors are alike at every level.

/// A monotone change of scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Transform {
    /// As it is.
    Identity,
    /// `ln(x + offset)`, for values ≥ 0.
    Log(f64),
    /// `x^p`, for values ≥ 0 and `0 < p ≤ 1`.
    Power(f64),
}

impl Transform {
    /// Into the scale.
    pub(super) fn apply(self, value: f64) -> f64 {
        match self {
            Transform::Identity => value,
            Transform::Log(offset) => (value.max(0.0) + offset).ln(),
            Transform::Power(p) => value.max(0.0).powf(p),
        }
    }

    /// Back from it.
    pub(super) fn invert(self, value: f64) -> f64 {
        match self {
            Transform::Identity => value,
            Transform::Log(offset) => value.min(700.0).exp() - offset,
            Transform::Power(p) => value.max(0.0).powf(1.0 / p),
        }
    }

    /// The scales on which candidates are fitted: as it is and, for demand that is never negative, its logarithm
    /// (with a tenth of the mean added where zeros occur).
    pub(super) fn for_fitting(values: &[f64]) -> Vec<Transform> {
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        match (lowest, mean) {
            (low, _) if low > 0.0 => vec![Transform::Identity, Transform::Log(0.0)],
            (0.0, mean) if mean > 0.0 => vec![Transform::Identity, Transform::Log(0.1 * mean)],
            _ => vec![Transform::Identity],
        }
    }

    /// The power on which errors have the same spread at every level (the power law of L. R. Taylor 1961,
    /// "Aggregation, variance and the mean"; the transformation of Box and Cox 1964): with `ln |error| = a + β ln forecast`
    /// fitted over `pairs` of (forecast, actual), it is `1 − β`. The slope is shrunk towards 0 by a ridge and kept within
    /// 0 … 0.75.
    pub(super) fn stabilising(pairs: &[(f64, f64)]) -> Transform {
        let mean = pairs.iter().map(|p| p.0).sum::<f64>() / pairs.len().max(1) as f64;
        if mean <= 0.0 || pairs.iter().any(|p| p.1 < 0.0) {
            return Transform::Identity;
        }
        let logs: Vec<(f64, f64)> = pairs
            .iter()
            .filter(|p| p.0 > 0.02 * mean)
            .map(|p| (p.0.ln(), ((p.1 - p.0).abs() + 0.01 * mean).ln()))
            .collect();
        let n = logs.len().max(1) as f64;
        let (mx, my) = (logs.iter().map(|p| p.0).sum::<f64>() / n, logs.iter().map(|p| p.1).sum::<f64>() / n);
        let sxx: f64 = logs.iter().map(|p| (p.0 - mx).powi(2)).sum();
        let sxy: f64 = logs.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
        Transform::Power(1.0 - (sxy / (sxx + 0.1 * n)).clamp(0.0, 0.75))
    }
}
