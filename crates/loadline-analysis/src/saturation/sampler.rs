//! Sampling of a density over the unit cube, and its integral: sequential Monte Carlo with tempering
//! (Del Moral, Doucet and Jasra, Journal of the Royal Statistical Society B 68(3), 2006).
//!
//! Particles spread evenly are led to the density in steps, each as large as half of them survive; after each
//! step they move by Metropolis' rule, with the covariance that they then have. Several modes, ridges and
//! dimensions of which the data know nothing are no matter.

use crate::numeric::random::Random;

/// A point of the unit cube; dimensions that are not used stay at ½.
pub(crate) type Unit = [f64; 4];

/// Points drawn from the density, all of the same weight, and the logarithm of its integral.
pub(crate) struct Sample {
    pub(crate) points: Vec<Unit>,
    pub(crate) log_integral: f64,
}

#[derive(Clone, Copy)]
struct Particle {
    at: Unit,
    log_density: f64,
}

/// Rounds of moves after each step.
const MOVES: usize = 2;

/// `count` points of the cube in `dimensions` (1 to 4), drawn with the density whose logarithm is given.
pub(crate) fn sample(
    dimensions: usize,
    count: usize,
    random: &mut Random,
    mut log_density: impl FnMut(&Unit) -> f64,
) -> Sample {
    let mut density = |at: &Unit| log_density(at).max(f64::MIN);
    let mut particles: Vec<Particle> = (0..count)
        .map(|k| {
            let mut at = [0.5; 4];
            // One dimension in even strata, the others at random.
            at[..dimensions].fill_with(|| random.uniform());
            at[0] = (k as f64 + at[0]) / count as f64;
            Particle { at, log_density: density(&at) }
        })
        .collect();
    let (mut tempering, mut log_integral, mut scale) = (0.0, 0.0, 1.0);
    while tempering < 1.0 {
        let step = next_step(&particles, 1.0 - tempering);
        tempering += step;
        let best = particles.iter().map(|p| p.log_density).fold(f64::MIN, f64::max);
        let weights: Vec<f64> = particles.iter().map(|p| (step * (p.log_density - best)).exp()).collect();
        log_integral += step * best + (weights.iter().sum::<f64>() / count as f64).ln();
        particles = resample(&particles, &weights, random.uniform());
        let factor = cholesky(&particles, dimensions);
        for _ in 0..MOVES {
            let mut accepted = 0;
            for particle in &mut particles {
                let at = proposal(&particle.at, &factor, dimensions, scale, random);
                let log_density = density(&at);
                if random.uniform().ln() < tempering * (log_density - particle.log_density) {
                    *particle = Particle { at, log_density };
                    accepted += 1;
                }
            }
            // Towards the acceptance that mixes best in few dimensions, about a third.
            scale = (scale * (1.5 * (accepted as f64 / count as f64 - 0.3)).exp()).clamp(0.05, 2.0);
        }
    }
    Sample { points: particles.into_iter().map(|p| p.at).collect(), log_integral }
}

/// The largest step of the tempering, up to `most`, after which half of the particles still count.
fn next_step(particles: &[Particle], most: f64) -> f64 {
    let best = particles.iter().map(|p| p.log_density).fold(f64::MIN, f64::max);
    let keeps = |step: f64| {
        let weights = particles.iter().map(|p| (step * (p.log_density - best)).exp());
        let (sum, squares) = weights.fold((0.0, 0.0), |(s, q), w| (s + w, q + w * w));
        sum * sum / squares >= 0.5 * particles.len() as f64
    };
    if keeps(most) {
        return most;
    }
    let (mut low, mut high) = (0.0, most);
    // To a few thousandths: how large the step is makes no difference to what it leads to.
    for _ in 0..12 {
        let middle = 0.5 * (low + high);
        if keeps(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    // Never nothing, so that it ends where all the density is in a few particles.
    low.max(most / 256.0)
}

/// Systematic resampling.
fn resample(particles: &[Particle], weights: &[f64], offset: f64) -> Vec<Particle> {
    let step = weights.iter().sum::<f64>() / particles.len() as f64;
    let mut chosen = Vec::with_capacity(particles.len());
    let (mut cumulative, mut next) = (0.0, offset * step);
    for (particle, weight) in particles.iter().zip(weights) {
        cumulative += weight;
        while next < cumulative && chosen.len() < particles.len() {
            chosen.push(*particle);
            next += step;
        }
    }
    while chosen.len() < particles.len() {
        chosen.push(particles[particles.len() - 1]);
    }
    chosen
}

/// The lower triangle of the particles' covariance, with a little on its diagonal.
fn cholesky(particles: &[Particle], dimensions: usize) -> [Unit; 4] {
    let count = particles.len() as f64;
    let mean: Unit = std::array::from_fn(|d| particles.iter().map(|p| p.at[d]).sum::<f64>() / count);
    let covariance = |i: usize, j: usize| {
        particles.iter().map(|p| (p.at[i] - mean[i]) * (p.at[j] - mean[j])).sum::<f64>() / count
    };
    let mut lower = [[0.0; 4]; 4];
    for i in 0..dimensions {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = covariance(i, j) - dot;
            lower[i][j] = if i == j { rest.max(1e-14).sqrt() } else { rest / lower[j][j] };
        }
    }
    lower
}

/// A normal step of the particles' own shape, reflected at the faces of the cube.
fn proposal(at: &Unit, factor: &[Unit; 4], dimensions: usize, scale: f64, random: &mut Random) -> Unit {
    let normal: Unit = std::array::from_fn(|d| if d < dimensions { random.normal() } else { 0.0 });
    let length = scale * 2.4 / (dimensions as f64).sqrt();
    std::array::from_fn(|i| {
        let moved = at[i] + length * (0..=i).map(|k| factor[i][k] * normal[k]).sum::<f64>();
        let folded = moved.rem_euclid(2.0);
        if folded > 1.0 { 2.0 - folded } else { folded }
    })
}
