//! The Universal Scalability Law by unweighted least squares.
//!
//! X(N) = λ N / (1 + σ (N − 1) + κ N (N − 1)), σ ≥ 0 contention, κ ≥ 0 coherency (N. J. Gunther, *Guerrilla
//! Capacity Planning*, 2007, chapter 4), λ free.

use super::points::{Level, Points};
use crate::numeric::least_squares::{Fit, minimise};

/// Levels beyond this many are put together for a first fit.
const MOST_LEVELS: usize = 200;
/// Starts from which it is searched.
const STARTS: usize = 6;

/// A curve of the USL.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usl {
    /// Throughput of the first unit of load, λ.
    pub lambda: f64,
    /// Contention, σ.
    pub sigma: f64,
    /// Coherency, κ.
    pub kappa: f64,
}

impl Usl {
    /// Throughput at a concurrency.
    pub fn throughput(&self, concurrency: f64) -> f64 {
        self.lambda * relative(concurrency, self.sigma, self.kappa)
    }

    /// The concurrency of the largest throughput; `None` where it grows for ever.
    pub fn peak_concurrency(&self) -> Option<f64> {
        peak(self.sigma, self.kappa)
    }

    /// The largest throughput, or its limit for N → ∞; `None` where that is infinite.
    pub fn maximum(&self) -> Option<f64> {
        let most = self.lambda * maximum(self.sigma, self.kappa);
        most.is_finite().then_some(most)
    }

    /// Throughput gained by one more unit of concurrency, dX/dN.
    pub fn marginal_gain(&self, concurrency: f64) -> f64 {
        let Usl { lambda, sigma, kappa } = *self;
        let cost = 1.0 + (concurrency - 1.0) * (sigma + kappa * concurrency);
        lambda * (1.0 - sigma - kappa * concurrency * concurrency) / (cost * cost)
    }

    /// The least concurrency with this share (below 1) of the largest throughput; `None` where that is infinite.
    pub fn reaching(&self, share: f64) -> Option<f64> {
        reaching(share * self.maximum()? / self.lambda, self.sigma, self.kappa)
    }
}

/// X(N)/λ.
pub(super) fn relative(n: f64, sigma: f64, kappa: f64) -> f64 {
    n / (1.0 + (n - 1.0) * (sigma + kappa * n))
}

/// The load of the largest throughput, √((1 − σ)/κ); 1 where throughput falls from there on.
pub(super) fn peak(sigma: f64, kappa: f64) -> Option<f64> {
    if sigma > 1.0 {
        return Some(1.0);
    }
    (kappa > 0.0).then(|| ((1.0 - sigma) / kappa).sqrt().max(1.0))
}

/// The least load with X(N)/λ ≥ `level`, the smaller root of N = level (1 − σ + (σ − κ) N + κ N²); `None` without one. 1,
/// where the largest throughput is, if it falls from there on.
pub(super) fn reaching(level: f64, sigma: f64, kappa: f64) -> Option<f64> {
    // Of σ = 1 without κ, which has no peak, all loads have as much.
    if sigma >= 1.0 || peak(sigma, kappa) == Some(1.0) {
        return Some(1.0);
    }
    let (square, linear, rest) = (level * kappa, level * (sigma - kappa) - 1.0, level * (1.0 - sigma));
    let root = (linear * linear - 4.0 * square * rest).max(0.0).sqrt();
    // In the form that does not cancel; for κ = 0 it is the root of the straight line.
    let load = 2.0 * rest / (root - linear);
    load.is_finite().then_some(load)
}

/// The largest X(N)/λ, or its limit 1/σ.
pub(super) fn maximum(sigma: f64, kappa: f64) -> f64 {
    peak(sigma, kappa).map_or(1.0 / sigma, |n| relative(n, sigma, kappa))
}

/// A fitted USL.
#[derive(Debug, Clone, PartialEq)]
pub struct UslFit {
    /// The curve of least squares.
    pub usl: Usl,
    /// Share of the variance explained, R².
    pub r_squared: f64,
    /// The sum of squared residuals.
    pub rss: f64,
}

impl UslFit {
    /// The curve of least squares over all measurements.
    pub fn new(points: &Points) -> UslFit {
        let condensed = points.condensed(MOST_LEVELS);
        let rough = best_of_starts(condensed.levels());
        let fit = if condensed == *points { rough } else { descend(points.levels(), rough.parameters) };
        let [lambda, sigma, kappa] = fit.parameters;
        let within: f64 = points.levels().iter().map(|level| level.spread).sum();
        let (count, rss) = (points.count(), fit.rss + within);
        let mean = points.levels().iter().map(|l| l.count * l.mean).sum::<f64>() / count;
        let total: f64 = points.levels().iter().map(|l| l.count * (l.mean - mean).powi(2) + l.spread).sum();
        UslFit { usl: Usl { lambda, sigma, kappa }, r_squared: 1.0 - rss / total, rss }
    }
}

fn descend(levels: &[Level], start: [f64; 3]) -> Fit<3> {
    minimise(start, |&[lambda, sigma, kappa], out| {
        out.extend(levels.iter().map(|level| {
            let n = level.concurrency;
            let (g, weight) = (relative(n, sigma, kappa), level.count.sqrt());
            let by_sigma = lambda * g * g * (n - 1.0) / n;
            (weight * (level.mean - lambda * g), [-g, by_sigma, by_sigma * n].map(|slope| weight * slope))
        }));
    })
}

/// From the best of a net of starts, so that a shallow valley far from the best is no trap.
fn best_of_starts(levels: &[Level]) -> Fit<3> {
    let top = levels[levels.len() - 1].concurrency.max(2.0);
    let mut starts: Vec<(f64, [f64; 3])> = Vec::new();
    for sigma in [0.0, 0.1 / top, 1.0 / top, 10.0 / top, 0.1, 0.5, 1.0, 2.0] {
        for kappa in [0.0, 0.1, 1.0, 4.0, 0.1 * top].map(|kappa| kappa / top / top) {
            starts.extend(scaled(levels, sigma, kappa));
        }
    }
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let fits = starts.iter().take(STARTS).map(|start| descend(levels, start.1));
    fits.min_by(|a, b| a.rss.total_cmp(&b.rss)).expect("there are starts")
}

/// The best λ for these σ and κ with its sum of squares; `None` where such a curve has a pole among the levels.
fn scaled(levels: &[Level], sigma: f64, kappa: f64) -> Option<(f64, [f64; 3])> {
    let curve = || levels.iter().map(|level| (level, relative(level.concurrency, sigma, kappa)));
    if curve().any(|(_, g)| !(g.is_finite() && g > 0.0)) {
        return None;
    }
    let product: f64 = curve().map(|(level, g)| level.count * level.mean * g).sum();
    let lambda = product / curve().map(|(level, g)| level.count * g * g).sum::<f64>();
    let rss = curve().map(|(level, g)| level.count * (level.mean - lambda * g).powi(2)).sum();
    Some((rss, [lambda, sigma, kappa]))
}
