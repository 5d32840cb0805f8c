//! Least squares with a handful of columns, by the normal equations and Cholesky's decomposition.

/// What a fit gives.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub(crate) coefficients: Vec<f64>,
    /// The diagonal of (X′X)⁻¹: the variances of the coefficients for noise of variance 1.
    pub(crate) variances: Vec<f64>,
    pub(crate) residual_ss: f64,
    /// Half the logarithm of the determinant of X′X.
    pub(crate) half_log_det: f64,
}

/// Fits `y` by the columns; `None` where they do not determine the coefficients.
pub(crate) fn fit(columns: &[Vec<f64>], y: &[f64]) -> Option<Fit> {
    let p = columns.len();
    let lower = cholesky(p, |i, j| dot(&columns[i], &columns[j]))?;
    let right: Vec<f64> = columns.iter().map(|column| dot(column, y)).collect();
    let coefficients = backward(&lower, forward(&lower, right));
    let variances = (0..p).map(|i| {
        let unit = (0..p).map(|j| f64::from(u8::from(i == j))).collect();
        forward(&lower, unit).iter().map(|x| x * x).sum()
    });
    let residual_ss = (0..y.len())
        .map(|row| y[row] - columns.iter().zip(&coefficients).map(|(column, b)| column[row] * b).sum::<f64>())
        .map(|residual| residual * residual)
        .sum();
    let half_log_det = (0..p).map(|i| lower[i][i].ln()).sum();
    Some(Fit { variances: variances.collect(), coefficients, residual_ss, half_log_det })
}

/// Cholesky's factor of a matrix of products, asked for on and below the diagonal; `None` where a column repeats others.
pub(crate) fn cholesky(p: usize, product: impl Fn(usize, usize) -> f64) -> Option<Vec<Vec<f64>>> {
    let mut lower = vec![vec![0.0; p]; p];
    for i in 0..p {
        for j in 0..=i {
            let left = product(i, j) - dot(&lower[i][..j], &lower[j][..j]);
            if i > j {
                lower[i][j] = left / lower[j][j];
            } else if left <= 1e-9 * product(i, i) || left <= 0.0 {
                return None;
            } else {
                lower[i][i] = left.sqrt();
            }
        }
    }
    Some(lower)
}

/// The sum of the products.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Solves `L x = b`.
pub(crate) fn forward(lower: &[Vec<f64>], mut x: Vec<f64>) -> Vec<f64> {
    for i in 0..x.len() {
        x[i] = (x[i] - dot(&lower[i][..i], &x[..i])) / lower[i][i];
    }
    x
}

/// Solves `L′ x = b`.
pub(crate) fn backward(lower: &[Vec<f64>], mut x: Vec<f64>) -> Vec<f64> {
    for i in (0..x.len()).rev() {
        let sum: f64 = (i + 1..x.len()).map(|k| lower[k][i] * x[k]).sum();
        x[i] = (x[i] - sum) / lower[i][i];
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anscombe's first data set (*The American Statistician* 27, 1973): y = 3.0001 + 0.5001 x, residual sum of
    /// squares 13.7627, standard error of the slope 0.1179.
    #[test]
    fn anscombe() {
        let x = vec![10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        let fit = fit(&[vec![1.0; 11], x], &y).unwrap();
        assert!((fit.coefficients[0] - 3.0001).abs() < 1e-4 && (fit.coefficients[1] - 0.5001).abs() < 1e-4);
        assert!((fit.residual_ss - 13.7627).abs() < 1e-4);
        assert!(((fit.residual_ss / 9.0 * fit.variances[1]).sqrt() - 0.1179).abs() < 1e-4);
    }

    #[test]
    fn columns_that_repeat_each_other_are_refused() {
        assert!(fit(&[vec![1.0; 3], vec![2.0; 3]], &[1.0, 2.0, 3.0]).is_none());
        assert!(fit(&[vec![0.0; 3]], &[1.0, 2.0, 3.0]).is_none());
    }
}
