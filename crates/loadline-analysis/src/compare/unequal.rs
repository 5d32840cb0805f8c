//! Sides that scatter unequally.
//!
//! A noise that is taken to be the same on both sides makes the interval too narrow where one side has more of it, the more
//! so the fewer runs that side has, and its runs seem wild. Where the scatters differ by
//! more than chance makes them, the difference of the means gets the error that each side's own scatter gives it (Welch,
//! *Biometrika* 34, 1947). Runs far from the middle of their side are moved in as elsewhere, for which the error pays.

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use super::mixture::{Mixture, Part};
use super::robust::{median, scale};

/// The chance, to either side, that equal scatters differ by as much as is not taken for equal: to be wrong costs little then,
/// and to believe it costs the level.
const CHANCE: f64 = 0.05;

/// Of a side with fewer runs none can be told to be wild.
const FEW: usize = 6;

/// One side about what was fitted.
struct Scatter {
    mean: f64,
    /// Of the mean, squared.
    error: f64,
    variance: f64,
    free: f64,
    spread: f64,
}

impl Scatter {
    /// Of residuals, of which those beyond `reach` scales from their middle are moved in.
    fn of(residuals: &[f64], reach: f64) -> Scatter {
        let n = residuals.len() as f64;
        let middle = median(residuals);
        let off: Vec<f64> = residuals.iter().map(|residual| residual - middle).collect();
        let spread = scale(&off) * (n / (n - 1.0)).sqrt();
        let most = if residuals.len() < FEW { f64::MAX } else { reach * spread };
        let inside = off.iter().filter(|off| off.abs() <= most).count().max(2) as f64;
        let moved: Vec<f64> = off.iter().map(|off| off.clamp(-most, most)).collect();
        let mean = moved.iter().sum::<f64>() / n;
        let squares: f64 = moved.iter().map(|value| (value - mean).powi(2)).sum();
        let variance = squares / (n - 1.0) * (n / inside).min(3.0).powi(2);
        Scatter { mean: middle + mean, error: variance / n, variance, free: inside - 1.0, spread }
    }
}

/// Whether earlier runs scatter less than the runs of both sides together, each side about its own middle, by more than
/// chance makes it.
pub(super) fn is_quieter(history: &[f64], sides: [&[f64]; 2], reach: f64) -> bool {
    let several = |values: &[f64]| values.len() > 1;
    if history.len() < FEW || !sides.into_iter().any(several) {
        return false;
    }
    let history = Scatter::of(history, reach);
    let sides = sides.into_iter().filter(|side| several(side)).map(|side| Scatter::of(side, reach));
    let (squares, free) = sides
        .fold((0.0, 0.0), |(squares, free), side| (squares + side.variance * side.free, free + side.free));
    is_beyond_chance([squares / free, free], [history.variance, history.free])
}

/// Whether a variance is larger than another by more than chance makes it; each with its degrees of freedom.
fn is_beyond_chance([more, of_more]: [f64; 2], [less, of_less]: [f64; 2]) -> bool {
    let most = FisherSnedecor::new(of_more, of_less).map(|f| f.inverse_cdf(1.0 - CHANCE));
    most.is_ok_and(|most| more > most * less)
}

/// What is thought of a shift, and the larger scale of the two sides.
pub(super) struct Unequal {
    pub(super) mixture: Mixture,
    pub(super) spread: f64,
}

/// The shift by each side's own scatter; `shift` is that which the residuals are without. `None` where the sides may
/// scatter alike.
pub(super) fn estimate(base: &[f64], candidate: &[f64], shift: f64, reach: f64) -> Option<Unequal> {
    if base.len().min(candidate.len()) < 2 {
        return None;
    }
    let (base, candidate) = (Scatter::of(base, reach), Scatter::of(candidate, reach));
    let (more, less) =
        if base.variance > candidate.variance { (&base, &candidate) } else { (&candidate, &base) };
    if !is_beyond_chance([more.variance, more.free], [less.variance, less.free]) {
        return None;
    }
    let error = base.error + candidate.error;
    let own = |side: &Scatter| side.error.powi(2) / side.free;
    let free = error.powi(2) / (own(&base) + own(&candidate));
    let part = Part { weight: 1.0, estimate: shift + candidate.mean - base.mean, error: error.sqrt() };
    Some(Unequal { mixture: Mixture::new(vec![part], free)?, spread: more.spread })
}
