//! What steps at several loads say about the load at which the objective is met exactly.
//!
//! Near saturation the reciprocal of a response time falls in a straight line with the load (for M/M/1 exactly:
//! 1/R = μ − λ). So with the score y = ln(observed/limit) and the capacity C, e^{−y} = 1 + β (1 − λ/C): one
//! parameter for the steepness, from a gentle slope (small β) to a wall (large β). Far from the capacity the
//! line is trusted less.

use super::Step;

/// Scores beyond this are all alike: the objective is kept, or broken, by far.
const SCORE_MOST: f64 = 1.6;
/// How wrong the line may be, as a share of the score it gives, and at least.
const MISFIT_SHARE: f64 = 0.2;
const MISFIT_LEAST: f64 = 0.02;
/// How wrong the load may be, as a share: arrivals at random are never quite at their rate.
const MISFIT_LOAD: f64 = 0.015;
/// Loads as near as this, in their logarithm, have errors alike.
const NEIGHBOURHOOD: f64 = 0.1;
const CAPACITIES: usize = 150;
const STEEPNESSES: usize = 24;
const STEEPNESS: (f64, f64) = (0.3, 300.0);

/// The posterior of the capacity on an even grid of its logarithm.
#[derive(Debug, Clone)]
pub struct Posterior {
    loads: Vec<f64>,
    /// Of the capacity being below each load.
    cumulative: Vec<f64>,
}

impl Posterior {
    /// From steps, for a capacity between `least` and `most`, before the steps equally likely at every scale.
    pub fn new(steps: &[Step], least: f64, most: f64) -> Posterior {
        let steps = &with_common_errors(steps);
        // A first coarse look finds where it is, a second one shows it in detail.
        let coarse = Self::on_grid(steps, least.ln(), most.ln());
        let spacing = (most / least).ln() / CAPACITIES as f64;
        let low = coarse.quantile(1e-5).ln() - 2.0 * spacing;
        let high = coarse.quantile(1.0 - 1e-5).ln() + 2.0 * spacing;
        Self::on_grid(steps, low.max(least.ln()), high.min(most.ln()))
    }

    fn on_grid(steps: &[Step], low: f64, high: f64) -> Posterior {
        let at = |k: usize, count: usize, low: f64, high: f64| {
            low + (high - low) * (k as f64 + 0.5) / count as f64
        };
        let loads: Vec<f64> = (0..CAPACITIES).map(|k| at(k, CAPACITIES, low, high).exp()).collect();
        let steepness = |k| at(k, STEEPNESSES, STEEPNESS.0.ln(), STEEPNESS.1.ln()).exp();
        let logs: Vec<f64> = loads
            .iter()
            .flat_map(|&capacity| {
                (0..STEEPNESSES).map(move |k| log_likelihood(steps, capacity, steepness(k)))
            })
            .collect();
        let best = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = logs
            .chunks(STEEPNESSES)
            .map(|row| {
                sum += row.iter().map(|log| (log - best).exp()).sum::<f64>();
                sum
            })
            .collect();
        cumulative.iter_mut().for_each(|c| *c /= sum);
        Posterior { loads, cumulative }
    }

    /// The load below which the capacity lies with probability `p`.
    pub fn quantile(&self, p: f64) -> f64 {
        let above = self.cumulative.partition_point(|c| *c < p).min(self.loads.len() - 1);
        let (below, here) =
            (if above == 0 { 0.0 } else { self.cumulative[above - 1] }, self.cumulative[above]);
        let share = if here > below { (p - below) / (here - below) } else { 0.5 };
        let spacing = self.loads[1] / self.loads[0];
        self.loads[above] * spacing.powf(share - 0.5)
    }
}

/// Steps with the errors that are usual at their load. A step's own error is small where, by chance, its score
/// is: trusted as it is, it would draw the capacity upwards.
fn with_common_errors(steps: &[Step]) -> Vec<Step> {
    let usual = |step: &Step| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for other in steps {
            let weight =
                (-0.5 * ((other.load / step.load).ln() / NEIGHBOURHOOD).powi(2)).exp() * other.took_s;
            sum += weight * other.error * other.error * other.load * other.took_s;
            weights += weight;
        }
        (sum / weights / (step.load * step.took_s)).sqrt()
    };
    steps.iter().map(|step| Step { error: usual(step), ..*step }).collect()
}

fn log_likelihood(steps: &[Step], capacity: f64, steepness: f64) -> f64 {
    let one = |step: &Step| {
        let reciprocal = 1.0 + steepness * (1.0 - step.load / capacity);
        let expected =
            if reciprocal > 0.0 { (-reciprocal.ln()).clamp(-SCORE_MOST, SCORE_MOST) } else { SCORE_MOST };
        let observed = step.score.clamp(-SCORE_MOST, SCORE_MOST);
        let misfit = MISFIT_LEAST + MISFIT_SHARE * expected.abs();
        let slope =
            if expected.abs() < SCORE_MOST { steepness * step.load / capacity / reciprocal } else { 0.0 };
        let variance = step.error.powi(2) + misfit.powi(2) + (MISFIT_LOAD * slope).powi(2);
        // A backlog that still grew would have given a worse score in more time.
        let residual = if step.settled { observed - expected } else { (observed - expected).max(0.0) };
        // Student's t with five degrees of freedom: a step that was disturbed is an outlier, not a verdict.
        -3.0 * (residual * residual / (5.0 * variance)).ln_1p() - 0.5 * variance.ln()
    };
    steps.iter().map(one).sum()
}
