//! The likelihood of a history with a step at each place, over all kinds of noise.

use crate::compare::least_squares::dot;
use crate::compare::noise::{Noise, Whitener};

/// How fast the lasting part of the noise may fade, and the shares of the variance it may have.
const PHIS: [f64; 4] = [0.5, 0.8, 0.9, 0.97];
const SHARES: [f64; 6] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.95];

/// White noise, and all mixtures of the grid.
pub(super) fn noises() -> impl Iterator<Item = Noise> {
    let mixed = PHIS.into_iter().flat_map(|phi| SHARES.into_iter().map(move |share| Noise { phi, share }));
    std::iter::once(Noise { phi: 0.0, share: 0.0 }).chain(mixed)
}

/// What one more step does.
pub(super) struct Profile {
    /// The log likelihood without it, noise fitted.
    pub(super) without: f64,
    /// The log likelihood with it at each place allowed, noise fitted.
    pub(super) with: Vec<(usize, f64)>,
}

impl Profile {
    /// The likeliest place and what it adds to twice the log likelihood.
    pub(super) fn best(&self) -> Option<(usize, f64)> {
        let best = self.with.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((best.0, 2.0 * (best.1 - self.without)))
    }
}

/// The level and the steps given, whitened and made orthonormal, and what they leave of the values.
pub(super) struct Projected {
    pub(super) whitener: Whitener,
    basis: Vec<Vec<f64>>,
    residual: Vec<f64>,
}

impl Projected {
    pub(super) fn new(values: &[f64], steps: &[usize], noise: Noise) -> Projected {
        let n = values.len();
        let whitener = Whitener::new(noise, n);
        let mut residual = whitener.apply(values);
        let mut basis: Vec<Vec<f64>> = Vec::with_capacity(steps.len() + 1);
        for from in std::iter::once(&0).chain(steps) {
            let mut column = vec![0.0; *from];
            column.extend(whitener.step(*from));
            basis.iter().for_each(|earlier| remove(&mut column, earlier));
            let length = dot(&column, &column).sqrt();
            column.iter_mut().for_each(|value| *value /= length);
            remove(&mut residual, &column);
            basis.push(column);
        }
        Projected { whitener, basis, residual }
    }

    fn log_likelihood(&self, residual_ss: f64, floor: f64) -> f64 {
        -self.whitener.half_log_det - 0.5 * self.residual.len() as f64 * residual_ss.max(floor).ln()
    }
}

fn remove(column: &mut [f64], unit: &[f64]) {
    let along = dot(column, unit);
    column.iter_mut().zip(unit).for_each(|(value, unit)| *value -= along * unit);
}

/// Profiles one more step besides `steps` over the places allowed.
pub(super) fn profile(values: &[f64], steps: &[usize], places: &[usize], floor: f64) -> Profile {
    let mut without = f64::NEG_INFINITY;
    let mut with: Vec<(usize, f64)> = places.iter().map(|place| (*place, f64::NEG_INFINITY)).collect();
    for noise in noises() {
        let projected = Projected::new(values, steps, noise);
        let left = dot(&projected.residual, &projected.residual);
        without = without.max(projected.log_likelihood(left, floor));
        let mut step = Vec::with_capacity(values.len());
        for (place, best) in &mut with {
            step.clear();
            step.extend(projected.whitener.step(*place));
            let along = dot(&step, &projected.residual[*place..]);
            let known: f64 = projected.basis.iter().map(|unit| dot(&step, &unit[*place..]).powi(2)).sum();
            let length = dot(&step, &step);
            let free = length - known;
            if free > 1e-9 * length {
                *best = best.max(projected.log_likelihood(left - along * along / free, floor));
            }
        }
    }
    Profile { without, with }
}

/// The kind of noise under which values with these steps are likeliest.
pub(super) fn likeliest_noise(values: &[f64], steps: &[usize], floor: f64) -> Noise {
    let mut best = (f64::NEG_INFINITY, Noise { phi: 0.0, share: 0.0 });
    for noise in noises() {
        let projected = Projected::new(values, steps, noise);
        let likelihood = projected.log_likelihood(dot(&projected.residual, &projected.residual), floor);
        if likelihood > best.0 {
            best = (likelihood, noise);
        }
    }
    best.1
}
