//! What steps at several loads say about the load at which the objective is met exactly.
//!
//! An objective allows a share of events: 1 % of the requests may be beyond the limit of a p99. So a step is a count
//! of events against the count allowed, and the capacity C is the load at which the two are equal on average. How
//! their ratio r grows with the load is one of a few curves ([`Curve`]), and how far a count strays from its mean is
//! Poisson's law for clumps of events, since requests that wait for one another are late together. Counts keep what
//! a percentile loses: a step in which few clumps happened to come is not surer than another, only luckier.

use super::Step;
use super::figure::Events;

/// Capacities of the first look, and of the one in detail.
const CAPACITIES: (usize, usize) = (60, 80);
/// d ln r / d ln load at the capacity: from a gentle slope to a wall.
const STEEPNESS: (f64, f64) = (0.5, 400.0);
const STEEPNESSES: usize = 14;
/// Shares of the events allowed that come even without load.
const FLOORS: [f64; 6] = [0.0, 0.2, 0.4, 0.55, 0.7, 0.82];
/// How wrong a curve may be, as a share of the ln r it gives, and at least.
const MISFIT_SHARE: f64 = 0.15;
const MISFIT_LEAST: f64 = 0.02;
/// Some events come at any load.
const RATIO_LEAST: f64 = 1e-3;
/// The share of steps that were disturbed: such a step tells nothing.
const DISTURBED: f64 = 0.003;

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
                let least = (1.0 - floor) / (most - floor);
                floor + (1.0 - floor) / (least + (1.0 - least) * odds)
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
        let counts: Vec<Counts> = steps.iter().map(Counts::of).collect();
        // A first coarse look finds where it is, a second one shows it in detail.
        let (coarse, likely) = Self::on_grid(&counts, &Curve::all(), (least.ln(), most.ln(), CAPACITIES.0));
        let spacing = (most / least).ln() / CAPACITIES.0 as f64;
        let low = coarse.quantile(1e-5).ln() - 2.0 * spacing;
        let high = coarse.quantile(1.0 - 1e-5).ln() + 2.0 * spacing;
        let _ = &likely;
        Self::on_grid(&counts, &Curve::all(), (low.max(least.ln()), high.min(most.ln()), CAPACITIES.1)).0
    }

    fn on_grid(steps: &[Counts], curves: &[Curve], (low, high, count): (f64, f64, usize)) -> (Posterior, Vec<Curve>) {
        let at = |k: usize| (low + (high - low) * (k as f64 + 0.5) / count as f64).exp();
        let loads: Vec<f64> = (0..count).map(at).collect();
        let log_likelihood = |curve: &Curve| {
            let curve = *curve;
            loads.iter().map(move |c| steps.iter().map(|step| step.log_likelihood(curve, *c)).sum::<f64>())
        };
        let logs: Vec<f64> = curves.iter().flat_map(log_likelihood).collect();
        let best = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut steepness, mut likely) = (0.0, 0.0, Vec::new());
        let mut cumulative = vec![0.0; count];
        for (row, curve) in logs.chunks(count).zip(curves) {
            let before = sum;
            for (log, cumulative) in row.iter().zip(&mut cumulative) {
                let weight = (log - best).exp();
                sum += weight;
                *cumulative += weight;
            }
            steepness += (sum - before) * curve.steepness().max(1.0).ln();
            if sum - before > 1e-6 {
                likely.push(*curve);
            }
        }
        let mut below = 0.0;
        for cumulative in &mut cumulative {
            below += *cumulative / sum;
            *cumulative = below;
        }
        (Posterior { loads, cumulative, steepness: (steepness / sum).exp() }, likely)
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

    /// How many events come together at the capacity, where one in `most` requests may be one.
    pub(super) fn clump(&self, most: f64) -> f64 {
        Curve::Queue { steepness: self.steepness, floor: 0.0 }.clump(1.0, 1.0, most)
    }
}

/// The events of one step.
#[derive(Debug, Clone, Copy)]
struct Counts {
    load: f64,
    seen: f64,
    /// ln Γ(seen + 1).
    log_factorial: f64,
    allowed: f64,
    most: f64,
    settled: bool,
}

impl Counts {
    fn of(step: &Step) -> Counts {
        let Events { seen, allowed, most, .. } = step.events;
        Counts { load: step.load, seen, log_factorial: ln_gamma(seen + 1.0), allowed, most, settled: step.settled }
    }

    fn log_likelihood(&self, curve: Curve, capacity: f64) -> f64 {
        let relative = self.load / capacity;
        let ratio = curve.ratio(relative, self.most).max(RATIO_LEAST);
        let expected = self.allowed * ratio;
        let misfit = MISFIT_LEAST + MISFIT_SHARE * ratio.ln().abs();
        let spread = curve.clump(relative, ratio, self.most) - 1.0 + misfit * misfit * expected;
        if !self.settled {
            // A backlog that still grew would have given a worse score in more time.
            if self.seen <= expected {
                return 0.0;
            }
            let best = self.log_probability(self.seen, spread);
            return (self.log_probability(expected, spread) - best).exp().max(DISTURBED).ln();
        }
        let disturbed = DISTURBED / ((self.seen + 1.0) * (self.allowed * self.most + 2.0).ln());
        ((1.0 - DISTURBED) * self.log_probability(expected, spread).exp() + disturbed).ln()
    }

    /// Of as many events in clumps: the negative binomial law is Poisson's for the number of clumps whose sizes follow
    /// the logarithmic law (M. H. Quenouille, Biometrics 5(2), 1949); `spread` is its variance over its mean, less 1.
    fn log_probability(&self, expected: f64, spread: f64) -> f64 {
        let size = expected / spread;
        ln_gamma(self.seen + size) - ln_gamma(size) - self.log_factorial - size * spread.ln_1p()
            - self.seen * (1.0 / spread).ln_1p()
    }
}

impl Curve {
    /// How many events come together: their variance over their mean.
    ///
    /// In M/M/c near saturation P(R > t) falls like e^{−(cμ−λ)t}, so that at a quantile of 99 % the steepness is
    /// o ln 100, o = ρ/(1 − ρ). Above its limit the queue stays for a busy period of cμ, and comes back 1/(1 − ρ) times
    /// on average before it leaves for good (D. Aldous, *Probability Approximations via the Poisson Clumping
    /// Heuristic*, 1989, B): by the moments of both, the mean square of the requests meanwhile over their mean is
    /// 2o (1 + 2o).
    fn clump(self, relative: f64, ratio: f64, most: f64) -> f64 {
        let Curve::Queue { steepness, floor } = self else { return 1.0 };
        if most >= Events::UNBOUNDED {
            return 1.0;
        }
        let idle = most.ln() / (steepness + most.ln());
        // Above saturation there is no steady state.
        let utilisation = ((1.0 - idle) * relative).min(1.0 - 0.25 * idle);
        let odds = utilisation / (1.0 - utilisation);
        // What comes without load comes alone, and where every request is an event there is nothing left to vary.
        let queued = (1.0 - floor / ratio).max(0.0) * (1.0 - ratio / most).max(0.0);
        1.0 + queued * 2.0 * odds * (1.0 + 2.0 * odds)
    }
}

/// ln Γ(x), x > 0, to 1e-9: Stirling's series from 8 on.
fn ln_gamma(x: f64) -> f64 {
    let (mut shifted, mut product) = (x, 1.0);
    while shifted < 8.0 {
        product *= shifted;
        shifted += 1.0;
    }
    let inverse = 1.0 / shifted;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (shifted - 0.5) * shifted.ln() - shifted + 0.918_938_533_204_672_8 + series - product.ln()
}
