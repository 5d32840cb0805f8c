//! The Universal Scalability Law by unweighted least squares, with profile intervals.
//!
//! X(N) = λ N / (1 + σ (N − 1) + κ N (N − 1)), σ ≥ 0 contention, κ ≥ 0 coherency (N. J. Gunther, *Guerrilla
//! Capacity Planning*, 2007, chapter 4), λ free.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::points::{Level, Points};
use crate::numeric::least_squares::{Fit, minimise};

/// Levels beyond this many are put together before intervals are computed.
const MOST_LEVELS: usize = 200;

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

/// What a scaled curve is read at: each is λ times a function of σ and κ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// λ itself.
    Lambda,
    /// Throughput at a concurrency.
    At(f64),
    /// The largest throughput at any concurrency.
    Maximum,
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
}

/// X(N)/λ.
pub(super) fn relative(n: f64, sigma: f64, kappa: f64) -> f64 {
    n / (1.0 + (n - 1.0) * (sigma + kappa * n))
}

/// The load of the largest throughput, √((1 − σ)/κ).
pub(super) fn peak(sigma: f64, kappa: f64) -> Option<f64> {
    (kappa > 0.0).then(|| ((1.0 - sigma).max(0.0) / kappa).sqrt().max(1.0))
}

/// The largest X(N)/λ, or its limit 1/σ.
pub(super) fn maximum(sigma: f64, kappa: f64) -> f64 {
    peak(sigma, kappa).map_or(1.0 / sigma, |n| relative(n, sigma, kappa))
}

impl Reading {
    fn relative(self, sigma: f64, kappa: f64) -> f64 {
        match self {
            Reading::Lambda => 1.0,
            Reading::At(n) => relative(n, sigma, kappa),
            Reading::Maximum => maximum(sigma, kappa),
        }
    }
}

/// An interval; an end that the data do not bound is infinite.
pub type Interval = (f64, f64);

/// A fitted USL with what its intervals need.
#[derive(Debug, Clone)]
pub struct UslFit {
    /// The curve of least squares.
    pub usl: Usl,
    /// Share of the variance explained, R².
    pub r_squared: f64,
    /// The sum of squared residuals.
    pub rss: f64,
    condensed: Points,
    /// The sum of squares that no curve through the condensed levels can explain.
    within: f64,
    best: f64,
    count: f64,
}

impl UslFit {
    /// The curve of least squares over all measurements.
    pub fn new(points: &Points) -> UslFit {
        let condensed = points.condensed(MOST_LEVELS);
        let rough = best_of_starts(condensed.levels());
        let fit = if condensed == *points { rough } else { descend(points.levels(), rough.parameters) };
        let [lambda, sigma, kappa] = fit.parameters;
        let within = |points: &Points| points.levels().iter().map(|level| level.spread).sum::<f64>();
        let (count, rss) = (points.count(), fit.rss + within(points));
        let mean = points.levels().iter().map(|l| l.count * l.mean).sum::<f64>() / count;
        let total: f64 = points.levels().iter().map(|l| l.count * (l.mean - mean).powi(2) + l.spread).sum();
        let usl = Usl { lambda, sigma, kappa };
        let best =
            if condensed == *points { fit.rss } else { descend(condensed.levels(), fit.parameters).rss };
        let within = rss - fit.rss;
        UslFit { usl, r_squared: 1.0 - rss / total, rss, condensed, within, best, count }
    }

    /// How far the sum of squares may rise within the region of confidence, by Student's t with n − 3 degrees of
    /// freedom (Bates and Watts, *Nonlinear Regression Analysis*, 1988, section 6.1); `None` without any.
    fn allowed(&self, confidence: f64) -> Option<f64> {
        let freedom = self.count - 3.0;
        let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.5 + 0.5 * confidence);
        Some(self.best + (self.best + self.within) * t * t / freedom)
    }

    /// The profile interval of a reading of the curve. `None` with only three measurements.
    pub fn interval(&self, reading: Reading, confidence: f64) -> Option<Interval> {
        let allowed = self.allowed(confidence)?;
        let Usl { lambda, sigma, kappa } = self.usl;
        let levels = self.condensed.levels();
        let rss = |value: f64, start: [f64; 2]| {
            minimise(start, [0.0; 2], |&[sigma, kappa], out| {
                let lambda = value / reading.relative(sigma, kappa);
                residuals(levels, lambda, sigma, kappa, out);
            })
        };
        let best = lambda * reading.relative(sigma, kappa);
        // Where the best curve has no maximum, the search begins at a figure that it exceeds.
        let anchor = if best.is_finite() { best } else { 10.0 * self.usl.throughput(self.condensed.top()) };
        let end = |factor: f64| {
            let mut last = [sigma, kappa];
            let mut holds = |value: f64| {
                let (warm, spread) = (rss(value, last), rss(value, [0.02, 1e-4 / self.condensed.top()]));
                let fit = if warm.rss <= spread.rss { warm } else { spread };
                last = fit.parameters;
                fit.rss <= allowed
            };
            edge(anchor, factor, &mut holds)
        };
        let high = if best.is_finite() { end(1.5) } else { f64::INFINITY };
        Some((end(1.0 / 1.5), high))
    }

    /// The profile interval of σ.
    pub fn sigma_interval(&self, confidence: f64) -> Option<Interval> {
        self.cost_interval(confidence, self.usl.sigma, 1e-3, |fixed, free| [fixed, free])
    }

    /// The profile interval of κ.
    pub fn kappa_interval(&self, confidence: f64) -> Option<Interval> {
        let scale = 1e-3 / self.condensed.top();
        self.cost_interval(confidence, self.usl.kappa, scale, |fixed, free| [free, fixed])
    }

    /// Curves on the edge of the region of confidence, those with the least and the most of σ and of κ: how far a figure
    /// of the whole curve can be off. Empty with only three measurements.
    pub fn extremes(&self, confidence: f64) -> Vec<Usl> {
        let levels = self.condensed.levels();
        let Usl { lambda, sigma, kappa } = self.usl;
        let curve = |value: f64, free: f64, order: fn(f64, f64) -> [f64; 2]| {
            let start = |free| {
                minimise([lambda, free], [0.0; 2], |&[lambda, free], out| {
                    let [sigma, kappa] = order(value, free);
                    residuals(levels, lambda, sigma, kappa, out);
                })
            };
            let (warm, zero) = (start(free), start(0.0));
            let [lambda, free] = if warm.rss <= zero.rss { warm.parameters } else { zero.parameters };
            let [sigma, kappa] = order(value, free);
            Usl { lambda, sigma, kappa }
        };
        let sigmas = self.sigma_interval(confidence).map(|(low, high)| [low, high]);
        let kappas = self.kappa_interval(confidence).map(|(low, high)| [low, high]);
        let of_sigma = sigmas.into_iter().flatten().map(|value| curve(value, kappa, |s, k| [s, k]));
        let of_kappa = kappas.into_iter().flatten().map(|value| curve(value, sigma, |k, s| [s, k]));
        of_sigma.chain(of_kappa).collect()
    }

    /// The interval of σ or κ: the other one and λ are free.
    fn cost_interval(
        &self,
        confidence: f64,
        best: f64,
        scale: f64,
        order: impl Fn(f64, f64) -> [f64; 2],
    ) -> Option<Interval> {
        let allowed = self.allowed(confidence)?;
        let levels = self.condensed.levels();
        let Usl { lambda, sigma, kappa } = self.usl;
        let holds = |value: f64| {
            let free = if best == sigma { kappa } else { sigma };
            let start = |free| {
                minimise([lambda, free], [0.0; 2], |&[lambda, free], out| {
                    let [sigma, kappa] = order(value, free);
                    residuals(levels, lambda, sigma, kappa, out);
                })
            };
            start(free).rss.min(start(0.0).rss) <= allowed
        };
        let low = if holds(0.0) { 0.0 } else { halve(0.0, best, |v| !holds(v)) };
        let mut high = best.max(scale);
        while holds(high) && high < 1e6 {
            high *= 2.0;
        }
        Some((low, halve(best, high, holds)))
    }
}

/// An end of an interval is found to a millionth of the range searched: each look at it is a fit of its own.
const HALVINGS: usize = 20;

/// The point in `low..high` at which `holds` turns from true to false.
fn halve(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The farthest value from `best`, in steps of `factor`, that still holds.
fn edge(best: f64, factor: f64, holds: &mut impl FnMut(f64) -> bool) -> f64 {
    let (mut inside, mut outside) = (best, best * factor);
    for _ in 0..40 {
        if !holds(outside) {
            for _ in 0..HALVINGS {
                let middle = (inside * outside).sqrt();
                if holds(middle) {
                    inside = middle;
                } else {
                    outside = middle;
                }
            }
            return inside;
        }
        (inside, outside) = (outside, outside * factor);
    }
    if factor > 1.0 { f64::INFINITY } else { 0.0 }
}

fn residuals(levels: &[Level], lambda: f64, sigma: f64, kappa: f64, out: &mut Vec<f64>) {
    out.extend(levels.iter().map(|level| {
        let fitted = lambda * relative(level.concurrency, sigma, kappa);
        level.count.sqrt() * (level.mean - fitted)
    }));
}

fn descend(levels: &[Level], start: [f64; 3]) -> Fit<3> {
    minimise(start, [0.0; 3], |&[lambda, sigma, kappa], out| residuals(levels, lambda, sigma, kappa, out))
}

/// Several starts, so that a shallow valley far from the best is no trap.
fn best_of_starts(levels: &[Level]) -> Fit<3> {
    let top = levels[levels.len() - 1].concurrency.max(2.0);
    let slope = levels.iter().map(|l| l.mean / l.concurrency).fold(0.0, f64::max);
    let starts = [
        (0.0, 0.0),
        (0.1 / top, 0.0),
        (1.0 / top, 0.1 / top / top),
        (10.0 / top, 1e-3 / top),
        (0.0, 4.0 / top / top),
    ];
    let fits = starts.map(|(sigma, kappa)| descend(levels, [slope, sigma, kappa]));
    fits.into_iter().min_by(|a, b| a.rss.total_cmp(&b.rss)).expect("there are starts")
}
