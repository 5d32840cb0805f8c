//! Nonlinear least squares in a few parameters with lower bounds.

use nalgebra::{SMatrix, SVector};

/// Where a fit ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fit<const P: usize> {
    pub(crate) parameters: [f64; P],
    /// The sum of squared residuals.
    pub(crate) rss: f64,
}

const ITERATIONS: usize = 200;

/// Levenberg and Marquardt's method (Marquardt 1963) on the parameters that are not held at their lower bound.
/// `residuals` fills its second argument; a parameter for which it is not finite is never accepted.
pub(crate) fn minimise<const P: usize>(
    start: [f64; P],
    lower: [f64; P],
    mut residuals: impl FnMut(&[f64; P], &mut Vec<f64>),
) -> Fit<P> {
    let mut at = SVector::<f64, P>::from_fn(|k, _| start[k].max(lower[k]));
    let mut here = Vec::new();
    let mut evaluate = |at: &SVector<f64, P>, out: &mut Vec<f64>| {
        out.clear();
        residuals(&at.data.0[0], out);
        let rss = out.iter().map(|r| r * r).sum::<f64>();
        if rss.is_nan() { f64::INFINITY } else { rss }
    };
    let mut rss = evaluate(&at, &mut here);
    let (mut damping, mut there) = (1e-3, Vec::new());
    for _ in 0..ITERATIONS {
        let (normal, gradient) = linearise(&at, &here, &mut evaluate);
        let held = SVector::<bool, P>::from_fn(|k, _| at[k] <= lower[k] && gradient[k] >= 0.0);
        let mut improved = false;
        while damping < 1e12 {
            let next = step(&at, &normal, &gradient, &held, damping, &lower);
            let rss_there = evaluate(&next, &mut there);
            if rss_there < rss {
                let small = rss - rss_there <= 1e-15 * rss
                    && (next - at).iter().zip(at.iter()).all(|(d, p)| d.abs() <= 1e-10 * p.abs());
                (at, rss) = (next, rss_there);
                std::mem::swap(&mut here, &mut there);
                damping = (damping * 0.1).max(1e-12);
                improved = !small;
                break;
            }
            damping *= 10.0;
        }
        if !improved {
            break;
        }
    }
    Fit { parameters: at.into(), rss }
}

/// JᵀJ and Jᵀr by central differences.
fn linearise<const P: usize>(
    at: &SVector<f64, P>,
    here: &[f64],
    evaluate: &mut impl FnMut(&SVector<f64, P>, &mut Vec<f64>) -> f64,
) -> (SMatrix<f64, P, P>, SVector<f64, P>) {
    let mut columns: [Vec<f64>; P] = std::array::from_fn(|_| Vec::with_capacity(here.len()));
    let mut other = Vec::new();
    for (k, column) in columns.iter_mut().enumerate() {
        let step = 1e-6 * at[k].abs().max(1e-6);
        let mut moved = *at;
        moved[k] = at[k] + step;
        evaluate(&moved, column);
        moved[k] = at[k] - step;
        evaluate(&moved, &mut other);
        for (forward, backward) in column.iter_mut().zip(&other) {
            *forward = (*forward - backward) / (2.0 * step);
        }
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let normal = SMatrix::from_fn(|i, j| dot(&columns[i], &columns[j]));
    (normal, SVector::from_fn(|i, _| dot(&columns[i], here)))
}

/// One damped step, cut off at the bounds.
fn step<const P: usize>(
    at: &SVector<f64, P>,
    normal: &SMatrix<f64, P, P>,
    gradient: &SVector<f64, P>,
    held: &SVector<bool, P>,
    damping: f64,
    lower: &[f64; P],
) -> SVector<f64, P> {
    let mut matrix = *normal;
    let mut right = -gradient;
    for k in 0..P {
        if held[k] {
            matrix.row_mut(k).fill(0.0);
            matrix.column_mut(k).fill(0.0);
            (matrix[(k, k)], right[k]) = (1.0, 0.0);
        } else {
            matrix[(k, k)] *= 1.0 + damping;
        }
    }
    // Scaled to a unit diagonal: parameters differ by many orders of magnitude.
    let scale = SVector::<f64, P>::from_fn(|k, _| 1.0 / matrix[(k, k)].max(f64::MIN_POSITIVE).sqrt());
    let scaled: SMatrix<f64, P, P> = SMatrix::from_fn(|i, j| matrix[(i, j)] * scale[i] * scale[j]);
    let Some(factor) = scaled.cholesky() else { return *at };
    let delta = factor.solve(&right.component_mul(&scale)).component_mul(&scale);
    SVector::from_fn(|k, _| (at[k] + delta[k]).max(lower[k]))
}
