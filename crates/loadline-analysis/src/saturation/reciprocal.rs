//! A latency against the load, for the eye: the reciprocal of the figure as a falling parabola.
//!
//! Near saturation the reciprocal of a response time falls in a straight line with the load (for M/M/1 exactly:
//! 1/R = μ − λ), and well below it stays flat where there is more than one server. So 1/R = a − bλ − cλ² with b and c
//! not below 0, by weighted least squares: a point counts by its error, and less the farther its figure is from the
//! limit, for the curve is wanted there.

use statrs::distribution::{ContinuousCDF, Normal};

/// How wrong the parabola may be: a share of the logarithm of the figure over the limit, and at least.
const MISFIT: (f64, f64) = (0.15, 0.02);

/// One measured figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The load.
    pub load: f64,
    /// The figure, above 0.
    pub value: f64,
    /// The standard error of its logarithm.
    pub log_error: f64,
}

/// The fitted parabola, in units of the limit and of the largest load.
#[derive(Debug, Clone, PartialEq)]
pub struct Reciprocal {
    limit: f64,
    scale: f64,
    /// Of 1, −λ and −λ²; those that would be negative are left out, and 0.
    coefficients: [f64; 3],
    covariance: [[f64; 3]; 3],
}

impl Reciprocal {
    /// Fits points at two different loads at least; `None` with fewer, or where the figure falls with the load.
    pub fn fit(points: &[Point], limit: f64) -> Option<Self> {
        let scale = points.iter().map(|point| point.load).fold(0.0, f64::max);
        // The parabola with both terms, then with each alone; the first that makes sense is the best that does.
        let terms: [&[usize]; 3] = [&[0, 1, 2], &[0, 2], &[0, 1]];
        let fits = terms.iter().filter_map(|terms| least_squares(points, limit, scale, terms));
        let mut sound: Vec<(f64, Reciprocal)> = fits
            .filter(|(_, fit)| fit.coefficients[1] >= 0.0 && fit.coefficients[2] >= 0.0)
            .filter(|(_, fit)| fit.coefficients[0] > 0.0)
            .collect();
        sound.sort_by(|a, b| a.0.total_cmp(&b.0));
        sound.into_iter().next().map(|(_, fit)| fit)
    }

    /// The figure at a load with its interval at `confidence`: `(value, low, high)`, `high` `None` where the curve may
    /// have left the scale; `None` beyond its end.
    pub fn at(&self, load: f64, confidence: f64) -> Option<(f64, f64, Option<f64>)> {
        let row = row(load / self.scale);
        let centre: f64 = row.iter().zip(self.coefficients).map(|(x, c)| x * c).sum();
        let variance: f64 = (0..3)
            .flat_map(|i| (0..3).map(move |j| (i, j)))
            .map(|(i, j)| row[i] * row[j] * self.covariance[i][j])
            .sum();
        let width = Normal::standard().inverse_cdf(0.5 + 0.5 * confidence) * variance.max(0.0).sqrt();
        let figure = |reciprocal: f64| (reciprocal > 0.02).then(|| self.limit / reciprocal);
        Some((figure(centre)?, figure(centre + width)?, figure(centre - width)))
    }
}

fn row(x: f64) -> [f64; 3] {
    [1.0, -x, -x * x]
}

/// Weighted least squares with these terms: the weighted sum of squares, and the fit.
fn least_squares(points: &[Point], limit: f64, scale: f64, terms: &[usize]) -> Option<(f64, Reciprocal)> {
    let mut loads: Vec<f64> = points.iter().map(|point| point.load).collect();
    loads.sort_by(f64::total_cmp);
    loads.dedup();
    if loads.len() < terms.len() {
        return None;
    }
    let weighted: Vec<([f64; 3], f64, f64)> = points
        .iter()
        .map(|point| {
            let reciprocal = limit / point.value;
            let misfit = MISFIT.1 + MISFIT.0 * reciprocal.ln().abs();
            let error = reciprocal * point.log_error.hypot(misfit);
            (row(point.load / scale), reciprocal, error.powi(-2))
        })
        .collect();
    let size = terms.len();
    let mut matrix = vec![vec![0.0; 2 * size]; size];
    let mut right = vec![0.0; size];
    for (row, y, weight) in &weighted {
        for i in 0..size {
            right[i] += weight * row[terms[i]] * y;
            (0..size).for_each(|j| matrix[i][j] += weight * row[terms[i]] * row[terms[j]]);
        }
    }
    (0..size).for_each(|i| matrix[i][size + i] = 1.0);
    invert(&mut matrix)?;
    let (mut coefficients, mut covariance) = ([0.0; 3], [[0.0; 3]; 3]);
    for i in 0..size {
        coefficients[terms[i]] = (0..size).map(|j| matrix[i][size + j] * right[j]).sum();
        (0..size).for_each(|j| covariance[terms[i]][terms[j]] = matrix[i][size + j]);
    }
    let residual = |(row, y, weight): &([f64; 3], f64, f64)| {
        let fitted: f64 = row.iter().zip(coefficients).map(|(x, c)| x * c).sum();
        weight * (y - fitted).powi(2)
    };
    let squares: f64 = weighted.iter().map(residual).sum();
    // Points that scatter more than their errors say widen the band.
    let freedom = points.len().saturating_sub(size).max(1) as f64;
    let excess = (squares / freedom).max(1.0);
    covariance.iter_mut().flatten().for_each(|entry| *entry *= excess);
    Some((squares, Reciprocal { limit, scale, coefficients, covariance }))
}

/// Gauss and Jordan on a matrix with the identity beside it; `None` where it is singular.
fn invert(matrix: &mut [Vec<f64>]) -> Option<()> {
    let size = matrix.len();
    for column in 0..size {
        let pivot =
            (column..size).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        matrix.swap(column, pivot);
        let lead = matrix[column][column];
        if lead.abs() < 1e-12 {
            return None;
        }
        matrix[column].iter_mut().for_each(|entry| *entry /= lead);
        let pivot_row = matrix[column].clone();
        for (index, row) in matrix.iter_mut().enumerate().filter(|(index, _)| *index != column) {
            let factor = row[column];
            debug_assert!(index < size);
            row.iter_mut().zip(&pivot_row).for_each(|(entry, p)| *entry -= factor * p);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For M/M/1 the 99th percentile of the response time is ln(100)/(μ − λ): its reciprocal is a straight line.
    #[test]
    fn a_single_server_is_found_exactly() {
        let p99 = |rate: f64| 100f64.ln() / (200.0 - rate) * 1e3;
        let points: Vec<Point> = [20.0, 80.0, 120.0, 150.0, 170.0]
            .map(|load| Point { load, value: p99(load), log_error: 0.05 })
            .to_vec();
        let line = Reciprocal::fit(&points, 100.0).unwrap();
        for load in [10.0, 100.0, 160.0] {
            let (value, low, high) = line.at(load, 0.9).unwrap();
            assert!((value / p99(load) - 1.0).abs() < 1e-6, "{value} at {load}");
            assert!(low < value && high.is_none_or(|high| high > value));
        }
        assert_eq!(line.at(201.0, 0.9), None);
    }

    #[test]
    fn a_figure_that_falls_with_the_load_has_no_curve() {
        let points = [(10.0, 30.0), (20.0, 20.0), (40.0, 10.0)];
        let points = points.map(|(load, value)| Point { load, value, log_error: 0.01 });
        assert_eq!(Reciprocal::fit(&points, 50.0), None);
    }
}
