//! What steps at several loads say about the load at which the objective is met exactly.
//!
//! An objective allows a share of events: 1 % of the requests may be beyond the limit of a p99. So a step is a count
//! of events against the count allowed, and the capacity C is the load at which the two are equal on average. How
//! their ratio r grows with the load is one of a few curves ([`Curve`]), and how far a count strays from its mean is
//! Poisson's law for clumps of events, since requests that wait for one another are late together. Counts keep what
//! a percentile loses: a step in which few clumps happened to come is not surer than another, only luckier.

use super::Step;

const CAPACITIES: usize = 60;
/// d ln r / d ln load at the capacity: from a gentle slope to a wall.
const STEEPNESS: (f64, f64) = (0.5, 400.0);
const STEEPNESSES: usize = 12;
/// Shares of the events allowed that come even without load.
const FLOORS: [f64; 6] = [0.0, 0.2, 0.4, 0.55, 0.7, 0.82];
/// How wrong a curve may be, as a share of the ln r it gives, and at least.
const MISFIT_SHARE: f64 = 0.15;
const MISFIT_LEAST: f64 = 0.02;
/// And how much more wrong, for a load e times the capacity or its e-th part.
const MISFIT_FAR: f64 = 0.3;
/// Some events come at any load.
const RATIO_LEAST: f64 = 1e-3;
/// Loads as near as this, in their logarithm, have clumps alike.
const NEIGHBOURHOOD: f64 = 0.05;
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
                let at = move |&capacity: &f64| -> f64 {
                    steps.iter().map(|step| step.log_likelihood(curve, capacity)).sum()
                };
                loads.iter().map(at)
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
    /// Mean of the clumps seen nearby.
    size: f64,
    /// Events seen nearby; a step counts for no more than [`EVENTS_MOST`].
    events: f64,
}

/// More events than this of one step say no more about clumps.
const EVENTS_MOST: f64 = 300.0;
/// The theory of clumps counts as if so many had been seen.
const THEORY_COUNTS: f64 = 10.0;
/// Clumps differ in size, which makes few large ones likelier than Poisson's law for equal ones has it: an exponential
/// size has 1.5 times the third moment for the same variance.
const SPREAD: f64 = 1.2;
/// A wall is steep for other reasons than long busy periods.
const CLUMP_MOST: f64 = 5000.0;

impl UsualClump {
    pub(super) fn at(load: f64, steps: &[Step]) -> UsualClump {
        let (mut sizes, mut sum) = (1e-3, 1e-3);
        for step in steps.iter().filter(|step| step.settled) {
            let near = (-0.5 * ((step.load / load).ln() / NEIGHBOURHOOD).powi(2)).exp() + ELSEWHERE;
            // Where nearly all requests are events, they say nothing about clumps.
            let share = step.events.seen / (step.events.allowed * step.events.most);
            let weight = near * (1.0 - share).max(0.0).powi(2) * step.events.seen.min(EVENTS_MOST);
            sizes += weight * step.events.clump;
            sum += weight;
        }
        UsualClump { size: sizes / sum, events: sum }
    }

    /// The size where the response is so steep, at this load over the capacity. Few clumps say little about their
    /// size, least of all in a step that is short beside them; then theory has the word.
    pub(super) fn size(&self, steepness: f64, relative: f64) -> f64 {
        let theory = theoretical_clump(steepness, relative);
        let count = self.events / self.size.max(theory);
        SPREAD * ((count * self.size.ln() + THEORY_COUNTS * theory.ln()) / (count + THEORY_COUNTS)).exp()
    }
}

/// In M/M/c near saturation P(R > t) falls like e^{−(cμ−λ)t}, so that at a quantile of 99 % the steepness is
/// o ln 100, o = ρ/(1 − ρ). Above its limit the queue stays for a busy period of cμ, and comes back 1/(1 − ρ) times on
/// average before it leaves for good (D. Aldous, *Probability Approximations via the Poisson Clumping Heuristic*,
/// 1989, B): by the moments of both, the mean square of the requests meanwhile over their mean is 2o (1 + 2o).
fn theoretical_clump(steepness: f64, relative: f64) -> f64 {
    let idle = 100.0_f64.ln() / (steepness + 100.0_f64.ln());
    // Beyond the capacity half of the way to saturation at most: further on, hardly any request is in time.
    let utilisation = ((1.0 - idle) * relative).min(1.0 - 0.5 * idle);
    let odds = utilisation / (1.0 - utilisation);
    (1.0 + 2.0 * odds * (1.0 + 2.0 * odds)).min(CLUMP_MOST)
}

impl Counts {
    /// ln of the likelihood of a curve with this capacity.
    fn log_likelihood(&self, curve: Curve, capacity: f64) -> f64 {
        let relative = self.load / capacity;
        let ratio = curve.ratio(relative, self.most).max(RATIO_LEAST);
        // Where every request is an event there is nothing left to vary.
        let clump = self.clumps.size(curve.steepness(), relative).powf(1.0 - (ratio / self.most).min(1.0));
        // In clumps, which are independent of each other.
        let (seen, expected) = (self.seen / clump, self.allowed * ratio / clump);
        // A backlog that still grew would have given a worse score in more time.
        if !self.settled && seen < expected {
            return 0.0;
        }
        let misfit =
            MISFIT_LEAST + MISFIT_SHARE * ratio.ln().abs() + MISFIT_FAR * (relative - 1.0).abs().min(1.0);
        let deviance = 2.0 * (if seen > 0.0 { seen * (seen / expected).ln() } else { 0.0 } - seen + expected);
        let variance = 1.0 + misfit * misfit * 0.5 * (seen + expected);
        // Counts are spread as far apart as the clumps are large.
        let density = if seen > 0.0 { clump } else { 1.0 };
        -0.5 * ((FREEDOM + 1.0) * (deviance / (FREEDOM * variance)).ln_1p() + (variance * density).ln())
    }
}
