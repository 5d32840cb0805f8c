//! Scores of forecasts, as the competitions define them.

/// The scale of MASE: the mean absolute difference between values one season apart, over the history
/// (Hyndman and Koehler 2006). `None` where the history is no longer than a season or repeats itself exactly.
pub fn seasonal_scale(history: &[f64], season: usize) -> Option<f64> {
    let pairs = history.len().checked_sub(season).filter(|n| *n > 0)?;
    let sum: f64 = (season..history.len()).map(|t| (history[t] - history[t - season]).abs()).sum();
    Some(sum / pairs as f64).filter(|s| *s > 0.0)
}

/// The mean absolute error.
pub fn mean_absolute_error(actual: &[f64], forecast: &[f64]) -> f64 {
    actual.iter().zip(forecast).map(|(a, f)| (a - f).abs()).sum::<f64>() / actual.len() as f64
}

/// sMAPE on the scale 0 to 200: the mean of `200 |a − f| / (|a| + |f|)` (Makridakis and Hibon 2000).
pub fn smape(actual: &[f64], forecast: &[f64]) -> f64 {
    let one = |a: f64, f: f64| {
        let size = a.abs() + f.abs();
        if size > 0.0 { 200.0 * (a - f).abs() / size } else { 0.0 }
    };
    actual.iter().zip(forecast).map(|(a, f)| one(*a, *f)).sum::<f64>() / actual.len() as f64
}

/// The pinball loss of the quantile `q` forecast as `forecast` (Koenker and Bassett 1978).
pub fn pinball(q: f64, actual: f64, forecast: f64) -> f64 {
    if actual >= forecast { q * (actual - forecast) } else { (1.0 - q) * (forecast - actual) }
}

/// The quantile `q` of `sorted` by linear interpolation at `q (n + 1)` (Hyndman and Fan 1996, type 6).
///
/// # Panics
/// On an empty slice.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = (q * (sorted.len() + 1) as f64 - 1.0).clamp(0.0, (sorted.len() - 1) as f64);
    let (below, share) = (at.floor() as usize, at.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] * (1.0 - share) + sorted[above] * share
}

/// The median of `values`, at least one.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// 1.4826 times the median absolute deviation, at least one value: the standard deviation of a normal distribution
/// (Hampel 1974).
pub(super) fn robust_deviation(values: &[f64]) -> f64 {
    let middle = median(values.to_vec());
    1.4826 * median(values.iter().map(|v| (v - middle).abs()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_by_hand() {
        assert_eq!(seasonal_scale(&[1.0, 2.0, 3.0, 5.0], 2), Some(2.5));
        assert_eq!(seasonal_scale(&[1.0, 1.0, 1.0], 1), None);
        assert_eq!(seasonal_scale(&[1.0], 1), None);
        assert!((smape(&[100.0, 0.0], &[50.0, 0.0]) - 100.0 / 3.0).abs() < 1e-12);
        assert_eq!(pinball(0.9, 10.0, 8.0), 1.8);
        assert!((pinball(0.9, 8.0, 10.0) - 0.2).abs() < 1e-12);
        assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.99), 3.0);
    }
}
