//! Nonlinear least squares in a few parameters that are not negative.

use nalgebra::{SMatrix, SVector};

/// Where a fit ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fit<const P: usize> {
    pub(crate) parameters: [f64; P],
    /// The sum of squared residuals.
    pub(crate) rss: f64,
}

const ITERATIONS: usize = 200;

/// Undamped steps at the end.
const POLISHING: usize = 100;

/// A residual, and its derivatives by the parameters.
pub(crate) type Row<const P: usize> = (f64, [f64; P]);

/// Levenberg and Marquardt's method (Marquardt 1963) on the parameters that are not held at their bound, 0. `rows` fills
/// its second argument; a parameter for which a residual is not finite is never accepted.
pub(crate) fn minimise<const P: usize>(
    start: [f64; P],
    rows: impl Fn(&[f64; P], &mut Vec<Row<P>>),
) -> Fit<P> {
    let mut at = SVector::<f64, P>::from_fn(|k, _| start[k].max(0.0));
    let mut here = Vec::new();
    let evaluate = |at: &SVector<f64, P>, out: &mut Vec<Row<P>>| {
        out.clear();
        rows(&at.data.0[0], out);
        let rss = out.iter().map(|row| row.0 * row.0).sum::<f64>();
        if rss.is_nan() { f64::INFINITY } else { rss }
    };
    let mut rss = evaluate(&at, &mut here);
    let (mut damping, mut there) = (1e-3, Vec::new());
    for _ in 0..ITERATIONS {
        let (normal, gradient) = linearise(&here);
        let held = held(&at, &gradient);
        let mut improved = false;
        while damping < 1e12 {
            let next = step(&at, &normal, &gradient, &held, damping);
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
    // A sum of squares is flat to half of the digits around its least: the last steps go by their own length, and end
    // where they no longer shrink.
    let mut longest = f64::INFINITY;
    for _ in 0..POLISHING {
        let (normal, gradient) = linearise(&here);
        let next = step(&at, &normal, &gradient, &held(&at, &gradient), 0.0);
        let moved = (next - at).component_div(&at);
        let length =
            moved.iter().filter(|share| !share.is_nan()).fold(0.0, |most: f64, share| most.max(share.abs()));
        let rss_there = evaluate(&next, &mut there);
        if length >= longest || rss_there > rss * (1.0 + 1e-12) {
            break;
        }
        (at, rss, longest) = (next, rss_there, length);
        std::mem::swap(&mut here, &mut there);
    }
    Fit { parameters: at.into(), rss }
}

/// Parameters at their bound that would leave it.
fn held<const P: usize>(at: &SVector<f64, P>, gradient: &SVector<f64, P>) -> SVector<bool, P> {
    SVector::from_fn(|k, _| at[k] <= 0.0 && gradient[k] >= 0.0)
}

/// JᵀJ and Jᵀr.
fn linearise<const P: usize>(rows: &[Row<P>]) -> (SMatrix<f64, P, P>, SVector<f64, P>) {
    let sum = |of: &dyn Fn(&Row<P>) -> f64| rows.iter().map(of).sum::<f64>();
    let normal = SMatrix::from_fn(|i, j| sum(&|row| row.1[i] * row.1[j]));
    (normal, SVector::from_fn(|i, _| sum(&|row| row.0 * row.1[i])))
}

/// One damped step, cut off at the bounds.
fn step<const P: usize>(
    at: &SVector<f64, P>,
    normal: &SMatrix<f64, P, P>,
    gradient: &SVector<f64, P>,
    held: &SVector<bool, P>,
    damping: f64,
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
    SVector::from_fn(|k, _| (at[k] + delta[k]).max(0.0))
}
