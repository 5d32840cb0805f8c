//! Medians and scales that a few wild runs do not move.

/// The median of a list that is not empty.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The quantile `q` of a list that is not empty, interpolated between neighbours.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    let place = q * (sorted.len() - 1) as f64;
    let at = place as usize;
    let (_, &mut low, above) = sorted.select_nth_unstable_by(at, f64::total_cmp);
    let share = place - at as f64;
    if share == 0.0 {
        return low;
    }
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    low + share * (high - low)
}

/// The square root of the mean square.
pub(crate) fn root_mean_square(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let len = values.len().max(1) as f64;
    (values.map(|value| value * value).sum::<f64>() / len).sqrt()
}

/// The median of the absolute values over its value for a normal distribution; where half of them are 0, the root of
/// the mean square. Kept from falling far below the spread of the rest, as it can where values are rounded.
pub(crate) fn scale(residuals: &[f64]) -> f64 {
    let absolute: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
    let middle = median(&absolute) * 1.4826;
    if middle == 0.0 {
        return root_mean_square(residuals.iter().copied());
    }
    let rest = root_mean_square(residuals.iter().map(|residual| residual.clamp(-4.0 * middle, 4.0 * middle)));
    middle.max(0.3 * rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(quantile(&[0.0, 10.0], 0.8), 8.0);
        assert_eq!(quantile(&[5.0], 0.9), 5.0);
    }
}
