//! All families at once: a weighted mixture of curves, and what it says about any concurrency.
//!
//! Throughput is measured with an error in proportion to it, so curves are compared with the data in
//! logarithms. λ and the size of the error are integrated out in closed form, the shape by sampling the
//! plausible shapes ([`super::family`]); a family's weight is its share of the whole (its evidence).

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::estimate::{Estimate, coarsening};
use super::family::{Family, Shape};
use super::points::Points;
use super::sampler::{Sample, Unit, sample};
use crate::numeric::random::Random;

/// Users are counted in batches beyond this many, for curves that are computed user by user.
const MOST_USERS: f64 = 80.0;
/// Curves drawn from each family.
const PARTICLES: usize = 350;
/// Real systems are near a family, not of it: the likelihood counts with this power, besides [`coarsening`].
const TRUST: f64 = 0.9;
/// Points that stand for the distribution of λ given a shape.
const NODES: usize = 5;
/// The error expected before the data are seen: one measurement's worth of 0.5 %.
const PRIOR_COUNT: f64 = 1.0;
const PRIOR_ERROR: f64 = 0.005;

/// One curve of the mixture.
#[derive(Debug, Clone, Copy)]
struct Component {
    shape: Shape,
    weight: f64,
    log_lambda: f64,
    /// Standard error of `log_lambda`.
    error: f64,
}

/// A fitted mixture.
#[derive(Debug, Clone)]
pub struct Mixture {
    components: Vec<Component>,
    weights: Vec<(Family, f64)>,
    freedom: f64,
    unit: f64,
}

/// The data as the likelihood needs them.
struct Evidence<'a> {
    points: &'a Points,
    scaled: Vec<f64>,
    count: f64,
    within: f64,
}

impl Evidence<'_> {
    /// ln of the marginal likelihood of a shape, with its λ and the standard error of ln λ.
    fn weigh(&self, shape: Shape, logs: &mut Vec<f64>) -> (f64, f64, f64) {
        shape.log_relative(&self.scaled, logs);
        let levels = self.points.levels();
        let residuals = || levels.iter().zip(&*logs).map(|(level, log)| (level.count, level.log_mean - log));
        let mean = residuals().map(|(count, r)| count * r).sum::<f64>() / self.count;
        let between: f64 = residuals().map(|(count, r)| count * (r - mean).powi(2)).sum();
        let sum = self.within + between + PRIOR_COUNT * PRIOR_ERROR * PRIOR_ERROR;
        let freedom = self.count - 1.0 + PRIOR_COUNT;
        let counts = coarsening(self.count);
        (-0.5 * TRUST * counts * freedom * sum.ln(), mean, (sum / freedom / (counts * self.count)).sqrt())
    }
}

impl Mixture {
    /// Fits all `families`.
    pub fn fit(points: &Points, families: &[Family]) -> Mixture {
        let unit = unit_of(points.top());
        let evidence = Evidence {
            points,
            scaled: points.levels().iter().map(|level| level.concurrency / unit).collect(),
            count: points.count(),
            within: points.levels().iter().map(|level| level.log_spread).sum(),
        };
        let mut random = Random::new(1);
        let mut logs = Vec::new();
        let shape = |family, at: &Unit| Shape::at(family, at, points.top() / unit);
        let samples: Vec<(Family, Sample)> = families
            .iter()
            .map(|&family| {
                let density = |at: &Unit| evidence.weigh(shape(family, at), &mut logs).0;
                (family, sample(family.dimensions(), PARTICLES, &mut random, density))
            })
            .collect();
        let best = samples.iter().map(|s| s.1.log_integral).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = samples.iter().map(|s| (s.1.log_integral - best).exp()).sum();
        let mut components = Vec::new();
        let mut weights = Vec::new();
        for (family, sample) in samples {
            let share = (sample.log_integral - best).exp() / total;
            weights.push((family, share));
            if share < 1e-4 {
                continue;
            }
            let weight = share / sample.points.len() as f64;
            components.extend(sample.points.iter().map(|at| {
                let shape = shape(family, at);
                let (_, log_lambda, error) = evidence.weigh(shape, &mut logs);
                Component { shape, weight, log_lambda, error }
            }));
        }
        Mixture { components, weights, freedom: evidence.count - 1.0 + PRIOR_COUNT, unit }
    }

    /// The weight of each family, adding up to 1.
    pub fn weights(&self) -> &[(Family, f64)] {
        &self.weights
    }

    /// The true mean throughput at each of `concurrencies`, which ascend.
    pub fn throughput(&self, concurrencies: &[f64], confidence: f64) -> Vec<Estimate> {
        let scaled: Vec<f64> = concurrencies.iter().map(|n| n / self.unit).collect();
        let mut draws = vec![Vec::with_capacity(self.components.len() * NODES); concurrencies.len()];
        let mut logs = Vec::new();
        let nodes = student_nodes(self.freedom);
        for component in &self.components {
            component.shape.log_relative(&scaled, &mut logs);
            for (draws, log) in draws.iter_mut().zip(&logs) {
                let draw = |node| (component.log_lambda + log + node * component.error, component.weight);
                draws.extend(nodes.map(draw));
            }
        }
        draws.into_iter().map(|draws| Estimate::of(draws, confidence).map(f64::exp)).collect()
    }

    /// The central curve: the mean of ln X at each of `concurrencies`, which ascend.
    pub fn centre(&self, concurrencies: &[f64]) -> Vec<f64> {
        let scaled: Vec<f64> = concurrencies.iter().map(|n| n / self.unit).collect();
        let mut sums = vec![0.0; concurrencies.len()];
        let mut logs = Vec::new();
        for component in &self.components {
            component.shape.log_relative(&scaled, &mut logs);
            for (sum, log) in sums.iter_mut().zip(&logs) {
                *sum += component.weight * (component.log_lambda + log);
            }
        }
        let total: f64 = self.components.iter().map(|component| component.weight).sum();
        sums.into_iter().map(|sum| (sum / total).exp()).collect()
    }

    /// The throughput gained by one more unit of concurrency at each of `concurrencies`, which ascend.
    pub fn marginal_gain(&self, concurrencies: &[f64], confidence: f64) -> Vec<Estimate> {
        let step = |n: f64| 1e-3 * n;
        let scaled: Vec<f64> =
            concurrencies.iter().flat_map(|n| [n - step(*n), n + step(*n)]).map(|n| n / self.unit).collect();
        let mut draws = vec![Vec::with_capacity(self.components.len() * NODES); concurrencies.len()];
        let mut logs = Vec::new();
        let nodes = student_nodes(self.freedom);
        for component in &self.components {
            component.shape.log_relative(&scaled, &mut logs);
            for ((draws, pair), n) in draws.iter_mut().zip(logs.chunks(2)).zip(concurrencies) {
                let [low, high] = [pair[0], pair[1]].map(|log| (component.log_lambda + log).exp());
                let gain = (high - low) / (2.0 * step(*n));
                draws.extend(nodes.map(|node| (gain * (node * component.error).exp(), component.weight)));
            }
        }
        draws.into_iter().map(|draws| Estimate::of(draws, confidence)).collect()
    }

    /// The largest throughput, or the ceiling that it nears.
    pub fn maximum(&self, confidence: f64) -> Estimate {
        let nodes = student_nodes(self.freedom);
        let draws = self.components.iter().flat_map(|c| {
            let log = c.log_lambda + c.shape.maximum().ln();
            nodes.map(|node| (log + node * c.error, c.weight))
        });
        Estimate::of(draws.collect(), confidence).map(f64::exp)
    }

    /// The concurrency of the largest throughput, and how probable it is that there is one at all.
    pub fn peak(&self, confidence: f64) -> (Estimate, f64) {
        let peaks = self.components.iter().filter_map(|c| Some((c.shape.peak()? * self.unit, c.weight)));
        let draws: Vec<(f64, f64)> = peaks.collect();
        let probability = draws.iter().map(|draw| draw.1).sum();
        (Estimate::of(draws, confidence), probability)
    }

    /// The least concurrency with this share (below 1) of the largest throughput.
    pub fn reaching(&self, share: f64, confidence: f64) -> Estimate {
        let load = |c: &Component| (c.shape.reaching(share * c.shape.maximum()) * self.unit, c.weight);
        Estimate::of(self.components.iter().map(load).collect(), confidence)
    }
}

/// The size of a batch of users.
fn unit_of(top: f64) -> f64 {
    if top > MOST_USERS {
        top / MOST_USERS
    } else if top < 10.0 {
        top / 10.0
    } else {
        1.0
    }
}

/// Values that stand for equal shares of Student's distribution.
fn student_nodes(freedom: f64) -> [f64; NODES] {
    let t = StudentsT::new(0.0, 1.0, freedom).expect("the degrees of freedom are positive");
    std::array::from_fn(|k| t.inverse_cdf((k as f64 + 0.5) / NODES as f64))
}
