//! What steps at several loads say about the load at which the objective is met exactly.
//!
//! An objective allows a share of events: 1 % of the requests may be beyond the limit of a p99. So a step is a count
//! of events against the count allowed, and the capacity C is the load at which the two are equal on average. How
//! their ratio r grows with the load is one of a few curves ([`Curve`]), and how far a count strays from its mean is
//! Poisson's law for clumps of events, since requests that wait for one another are late together. Counts keep what
//! a percentile loses: a step in which few clumps happened to come is not surer than another, only luckier.

use super::Step;

const CAPACITIES: usize = 90;
/// d ln r / d ln load at the capacity: from a gentle slope to a wall.
const STEEPNESS: (f64, f64) = (0.5, 400.0);
const STEEPNESSES: usize = 18;
/// Shares of the events allowed that come even without load.
const FLOORS: [f64; 3] = [0.0, 0.3, 0.7];
/// How wrong a curve may be, as a share of the ln r it gives, and at least.
const MISFIT_SHARE: f64 = 0.15;
const MISFIT_LEAST: f64 = 0.02;
/// Some events come at any load.
const RATIO_LEAST: f64 = 1e-3;
/// Loads as near as this, in their logarithm, have clumps alike.
const NEIGHBOURHOOD: f64 = 0.1;
/// What all other loads together weigh against those nearby.
const ELSEWHERE: f64 = 0.01;
/// Degrees of freedom of Student's t: a step that was disturbed is an outlier, not a verdict.
const FREEDOM: f64 = 8.0;

/// How the ratio of events to those allowed grows with the load.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Curve {
    /// The odds of an event grow exponentially with the load, above those without load: the tail of a waiting time
    /// falls like e^{−(cμ−λ)t} (for M/M/c exactly; for others near saturation, J. F. C. Kingman 1961).
    Queue { steepness: f64, floor: f64 },
    /// Whatever is beyond a fixed rate fails: a rate limiter.
    Limiter,
}

impl Curve {
    /// The ratio at `load / capacity`, where it cannot exceed `most`.
    fn ratio(self, relative: f64, most: f64) -> f64 {
        match self {
            Curve::Queue { steepness, floor } => {
                let odds = (-steepness * (relative - 1.0)).min(500.0).exp();
                floor + (1.0 - floor) / (1.0 / most + (1.0 - 1.0 / most) * odds)
            }
            Curve::Limiter => most * (1.0 - (1.0 - 1.0 / most) / relative),
        }
    }

    /// d ln r / d ln load at the capacity, of what the load adds.
    fn steepness(self) -> f64 {
        match self {
            Curve::Queue { steepness, floor } => steepness * (1.0 - floor),
            Curve::Limiter => 0.0,
        }
    }

    fn all() -> Vec<Curve> {
        let (low, high) = STEEPNESS;
        let steepness = |k: usize| low * (high / low).powf((k as f64 + 0.5) / STEEPNESSES as f64);
        let queues = (0..STEEPNESSES)
            .flat_map(|k| FLOORS.iter().map(move |&floor| Curve::Queue { steepness: steepness(k), floor }));
        queues.chain([Curve::Limiter]).collect()
    }
}

/// One step, with what is usual for clumps of events at its load.
#[derive(Debug, Clone, Copy)]
struct Counts {
    load: f64,
    seen: f64,
    allowed: f64,
    most: f64,
    settled: bool,
    clumps: UsualClump,
}

/// The posterior of the capacity on an even grid of its logarithm.
#[derive(Debug, Clone)]
pub struct Posterior {
    loads: Vec<f64>,
    /// Of the capacity being below each load.
    cumulative: Vec<f64>,
    /// Geometric mean of d ln r / d ln load at the capacity.
    steepness: f64,
}

impl Posterior {
    /// From steps, for a capacity between `least` and `most`, before the steps equally likely at every scale.
    pub fn new(steps: &[Step], least: f64, most: f64) -> Posterior {
        let clumps: Vec<Counts> = steps.iter().map(|step| Counts::of(step, steps)).collect();
        // A first coarse look finds where it is, a second one shows it in detail.
        let coarse = Self::on_grid(&clumps, least.ln(), most.ln());
        let spacing = (most / least).ln() / CAPACITIES as f64;
        let low = coarse.quantile(1e-5).ln() - 2.0 * spacing;
        let high = coarse.quantile(1.0 - 1e-5).ln() + 2.0 * spacing;
        Self::on_grid(&clumps, low.max(least.ln()), high.min(most.ln()))
    }

    fn on_grid(steps: &[Counts], low: f64, high: f64) -> Posterior {
        let at = |k: usize| (low + (high - low) * (k as f64 + 0.5) / CAPACITIES as f64).exp();
        let loads: Vec<f64> = (0..CAPACITIES).map(at).collect();
        let curves = Curve::all();
        let logs: Vec<f64> = curves
            .iter()
            .flat_map(|&curve| {
                let likelihood = Likelihood::of(steps, curve);
                loads.iter().map(move |&capacity| likelihood.log_at(capacity))
            })
            .collect();
        let best = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut steepness) = (0.0, 0.0);
        let mut cumulative = vec![0.0; CAPACITIES];
        for (row, curve) in logs.chunks(CAPACITIES).zip(&curves) {
            for (log, cumulative) in row.iter().zip(&mut cumulative) {
                let weight = (log - best).exp();
                sum += weight;
                steepness += weight * curve.steepness().max(1.0).ln();
                *cumulative += weight;
            }
        }
        let mut below = 0.0;
        for cumulative in &mut cumulative {
            below += *cumulative / sum;
            *cumulative = below;
        }
        Posterior { loads, cumulative, steepness: (steepness / sum).exp() }
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

    /// d ln r / d ln load at the capacity, its geometric mean.
    pub fn steepness(&self) -> f64 {
        self.steepness
    }
}

impl Counts {
    fn of(step: &Step, steps: &[Step]) -> Counts {
        let super::figure::Events { seen, allowed, most, .. } = step.events;
        let clumps = UsualClump::at(step.load, steps);
        Counts { load: step.load, seen, allowed, most, settled: step.settled, clumps }
    }
}

/// The size of clumps that is usual at a load. A step's own estimate is small where, by chance, few events came:
/// trusted as it is, it would draw the capacity upwards.
#[derive(Debug, Clone, Copy)]
pub(super) struct UsualClump {
    /// ln of the variance of all counts nearby over their sum.
    log_size: f64,
    /// How many clumps were seen nearby.
    count: f64,
}

impl UsualClump {
    pub(super) fn at(load: f64, steps: &[Step]) -> UsualClump {
        let (mut variance, mut sum) = (0.1, 0.1);
        for step in steps.iter().filter(|step| step.settled) {
            let near = (-0.5 * ((step.load / load).ln() / NEIGHBOURHOOD).powi(2)).exp() + ELSEWHERE;
            // Where nearly all requests are events, they say nothing about clumps.
            let share = step.events.seen / (step.events.allowed * step.events.most);
            let weight = near * (1.0 - share).max(0.0).powi(2) * step.events.seen;
            variance += weight * step.events.clump;
            sum += weight;
        }
        let size = variance / sum;
        UsualClump { log_size: size.ln(), count: sum / size }
    }

    /// The size where the response is so steep. Few clumps say little about their size, least of all in a step
    /// that is short beside them; then theory has the word.
    pub(super) fn size(&self, steepness: f64) -> f64 {
        let log = self.count * self.log_size + THEORY_COUNTS * theoretical_clump(steepness).ln();
        (log / (self.count + THEORY_COUNTS)).exp()
    }
}

/// The theory of clumps counts as if so many had been seen.
const THEORY_COUNTS: f64 = 3.0;

/// A wall is steep for other reasons than long busy periods.
const CLUMP_MOST: f64 = 1000.0;

/// In M/M/c near saturation P(R > t) falls like e^{−(cμ−λ)t}, so that at a quantile of 99 % the steepness is
/// o ln 100, o = ρ/(1 − ρ). Above its limit the queue stays for a busy period of cμ, and comes back 1/(1 − ρ) times on
/// average before it leaves for good (D. Aldous, *Probability Approximations via the Poisson Clumping Heuristic*,
/// 1989, B): by the moments of both, the mean square of the requests meanwhile over their mean is 2o (1 + 2o).
fn theoretical_clump(steepness: f64) -> f64 {
    let odds = steepness / 100.0_f64.ln();
    (1.0 + 2.0 * odds * (1.0 + 2.0 * odds)).min(CLUMP_MOST)
}

/// The likelihood of a curve by all steps.
struct Likelihood {
    curve: Curve,
    steps: Vec<Clumps>,
    /// What does not depend on the capacity.
    constant: f64,
}

/// The counts of a step in clumps, which are independent of each other.
struct Clumps {
    load: f64,
    seen: f64,
    log_seen: f64,
    allowed: f64,
    most: f64,
    settled: bool,
}

impl Likelihood {
    fn of(steps: &[Counts], curve: Curve) -> Likelihood {
        let mut constant = 0.0;
        let steeply = curve.steepness();
        let in_clumps = |step: &Counts| {
            let clump = step.clumps.size(steeply);
            // Counts are spread as far apart as the clumps are large.
            constant -= if step.seen > 0.0 { 0.5 * clump.ln() } else { 0.0 };
            let Counts { load, most, settled, .. } = *step;
            let (seen, allowed) = (step.seen / clump, step.allowed / clump);
            Clumps { load, seen, log_seen: seen.max(f64::MIN_POSITIVE).ln(), allowed, most, settled }
        };
        let steps = steps.iter().map(in_clumps).collect();
        Likelihood { curve, steps, constant }
    }

    fn log_at(&self, capacity: f64) -> f64 {
        self.constant + self.steps.iter().map(|step| step.log_likelihood(self.curve, capacity)).sum::<f64>()
    }
}

impl Clumps {
    fn log_likelihood(&self, curve: Curve, capacity: f64) -> f64 {
        let ratio = curve.ratio(self.load / capacity, self.most).max(RATIO_LEAST);
        let expected = self.allowed * ratio;
        // A backlog that still grew would have given a worse score in more time.
        if !self.settled && self.seen < expected {
            return 0.0;
        }
        let misfit = MISFIT_LEAST + MISFIT_SHARE * ratio.ln().abs();
        let log_ratio = if self.seen > 0.0 { self.log_seen - expected.ln() } else { 0.0 };
        let deviance = 2.0 * (self.seen * log_ratio - self.seen + expected);
        let variance = 1.0 + misfit * misfit * 0.5 * (self.seen + expected);
        -0.5 * ((FREEDOM + 1.0) * (deviance / (FREEDOM * variance)).ln_1p() + variance.ln())
    }
}
