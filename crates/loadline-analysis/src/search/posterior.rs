//! What steps at several loads say about the load at which the objective is met exactly.
//!
//! An objective allows a share of events: 1 % of the requests may be beyond the limit of a p99. So a step is a count
//! of events against the count allowed, and the capacity C is the load at which the two are equal on average. How
//! their ratio r grows with the load is one of a few curves ([`Curve`]). Requests that wait for one another are late
//! together: the number of clumps follows Poisson's law and their sizes differ widely, so that a count is negative
//! binomial. Few events are then the rule even where many are due on average, and now and then there are very many.

use statrs::function::gamma::ln_gamma;

use super::Step;
use super::figure::Events;

/// Capacities of the looks that find where it is, and of the one that shows it in detail.
const LOOKS: [usize; 2] = [50, 40];
const CAPACITIES: usize = 60;
/// What is left out on either side of what a look found.
const OUTSIDE: f64 = 1e-5;
/// d ln r / d ln load at the capacity: from a gentle slope to a wall.
const STEEPNESS: (f64, f64) = (0.5, 1500.0);
const STEEPNESSES: usize = 14;
/// Shares of the events allowed that come even without load.
const FLOORS: [f64; 5] = [0.0, 0.03, 0.2, 0.45, 0.7];
/// How much larger than those of M/M/c clumps are, how much longer a queue takes to fill, and how often before the steps:
/// service times with a heavy tail make clumps larger; where little varies a queue is at its limit at once.
const VARIABILITIES: [(f64, f64, f64); 3] = [(1.0, 1.0, 0.45), (1.0, 0.05, 0.25), (2.5, 1.0, 0.3)];
/// A rate limiter is as likely as so many of the queues, which are many and can be like it near the limit.
const LIMITER: f64 = 8.0;
/// A wall is steep for other reasons than long busy periods.
const CLUMP_MOST: f64 = 1e4;
/// How wrong a curve may be, as a share of the ln r it gives, and at least.
const MISFIT_SHARE: f64 = 0.15;
const MISFIT_LEAST: f64 = 0.02;
/// The share of a queue's beginning that is not cut off as warm-up.
const UNCUT: f64 = 0.5;
/// Some events come at any load.
const RATIO_LEAST: f64 = 1e-3;
/// What is less likely than the likeliest by this in its logarithm is left out, and curves with less than this share
/// of the look from the next one.
const NEGLIGIBLE: f64 = 14.0;
const UNLIKELY: f64 = 1e-3;
/// The share of steps that were disturbed: such a step tells nothing.
const DISTURBED: f64 = 0.003;

/// How the ratio of events to those allowed grows with the load.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Curve {
    /// The odds of an event grow exponentially with the load, above those without load: the tail of a waiting time
    /// falls like e^{−(cμ−λ)t} (for M/M/c exactly; for others near saturation, J. F. C. Kingman 1961).
    Queue { steepness: f64, floor: f64, variability: f64, inertia: f64 },
    /// Whatever is beyond a fixed rate fails: a rate limiter.
    Limiter,
}

impl Curve {
    /// The ratio at `load / capacity`, where it cannot exceed `most`.
    fn ratio(self, relative: f64, most: f64) -> f64 {
        match self {
            Curve::Queue { steepness, floor, .. } => {
                let odds = (-steepness * (relative - 1.0)).min(500.0).exp();
                let least = (1.0 - floor) / (most - floor);
                floor + (1.0 - floor) / (least + (1.0 - least) * odds)
            }
            Curve::Limiter => most * (1.0 - (1.0 - 1.0 / most) / relative),
        }
    }

    /// The ratio over the first so many requests of a service that is empty before them.
    ///
    /// The excess of a reflected diffusion over its threshold begins late: what is missing of it in all is what comes in
    /// τ/(cμ(1 − ρ)²) in the steady state, with τ = ln `most` (by Poisson's equation, h″ − h′ = ḡ − g with h′(0) = 0).
    /// Beyond saturation the queue grows to the limit in as long as it does not come back below it.
    fn ratio_from_empty(self, relative: f64, most: f64, requests: f64) -> f64 {
        let ratio = self.ratio(relative, most);
        let Curve::Queue { steepness, floor, inertia, .. } = self else { return ratio };
        if most >= Events::UNBOUNDED {
            return ratio;
        }
        let idle = most.ln() / (steepness + most.ln());
        let utilisation = (1.0 - idle) * relative;
        let apart = (1.0 - utilisation).abs().max(0.5 * idle);
        let missing = inertia * UNCUT * most.ln() * utilisation * (1.0 - idle) / (idle * apart);
        floor + (ratio - floor) * (-missing / requests).exp()
    }

    /// d ln r / d ln load at the capacity, of what the load adds.
    fn steepness(self) -> f64 {
        match self {
            Curve::Queue { steepness, floor, .. } => steepness * (1.0 - floor),
            Curve::Limiter => 0.0,
        }
    }

    /// ln of how likely it is before the steps.
    fn log_prior(self) -> f64 {
        match self {
            Curve::Queue { variability, inertia, .. } => {
                let own = VARIABILITIES.iter().find(|v| v.0 == variability && v.1 == inertia);
                own.map_or(0.0, |v| v.2.ln())
            }
            Curve::Limiter => LIMITER.ln(),
        }
    }

    /// All that are considered.
    fn all() -> Vec<Curve> {
        let (low, high) = STEEPNESS;
        let steepness = |k: usize| low * (high / low).powf((k as f64 + 0.5) / STEEPNESSES as f64);
        let queues = (0..STEEPNESSES).flat_map(|k| {
            let steepness = steepness(k);
            VARIABILITIES.iter().flat_map(move |&(variability, inertia, _)| {
                FLOORS.iter().map(move |&floor| Curve::Queue { steepness, floor, variability, inertia })
            })
        });
        queues.chain([Curve::Limiter]).collect()
    }
}

/// The posterior of the capacity on an even grid of its logarithm.
#[derive(Debug, Clone)]
pub struct Posterior {
    loads: Vec<f64>,
    /// Of the capacity being below each load.
    cumulative: Vec<f64>,
    /// The curves with their weights, which sum to 1.
    curves: Vec<(Curve, f64)>,
}

impl Posterior {
    /// From steps, for a capacity between `least` and `most`, before the steps equally likely at every scale.
    pub fn new(steps: &[Step], least: f64, most: f64) -> Posterior {
        let counts: Vec<Counts> = steps.iter().map(Counts::of).collect();
        let (mut low, mut high) = (least.ln(), most.ln());
        let mut curves = Curve::all();
        // The first look finds where it is; only the second one is fine enough to tell which curves are likely.
        for (look, cells) in LOOKS.into_iter().enumerate() {
            let posterior = Self::on_grid(&counts, &curves, (low, high, cells));
            let spacing = (high - low) / cells as f64;
            low = low.max(posterior.quantile(OUTSIDE).ln() - 2.0 * spacing);
            high = high.min(posterior.quantile(1.0 - OUTSIDE).ln() + 2.0 * spacing);
            if look > 0 {
                let likely = posterior.curves.iter().filter(|(_, weight)| *weight > UNLIKELY);
                curves = likely.map(|(curve, _)| *curve).collect();
            }
        }
        Self::on_grid(&counts, &curves, (low, high, CAPACITIES))
    }

    fn on_grid(steps: &[Counts], curves: &[Curve], (low, high, count): (f64, f64, usize)) -> Posterior {
        let at = |k: usize| (low + (high - low) * (k as f64 + 0.5) / count as f64).exp();
        let loads: Vec<f64> = (0..count).map(at).collect();
        let mut logs = Vec::with_capacity(curves.len() * count);
        // What is hopeless is seen at once beside the likeliest curve through the last step.
        let nearest = loads.partition_point(|load| *load < steps.last().map_or(0.0, |step| step.load));
        let near = loads[nearest.min(count - 1)];
        let through = |&curve: &Curve| log_likelihood(steps, curve, near, f64::NEG_INFINITY);
        let mut best = curves.iter().map(through).fold(f64::NEG_INFINITY, f64::max);
        for &curve in curves {
            for &capacity in &loads {
                let log = log_likelihood(steps, curve, capacity, best - NEGLIGIBLE);
                best = best.max(log);
                logs.push(log);
            }
        }
        let (mut sum, mut weights) = (0.0, Vec::with_capacity(curves.len()));
        let mut cumulative = vec![0.0; count];
        for row in logs.chunks(count) {
            let before = sum;
            for (log, cumulative) in row.iter().zip(&mut cumulative) {
                let weight = (log - best).exp();
                sum += weight;
                *cumulative += weight;
            }
            weights.push(sum - before);
        }
        let mut below = 0.0;
        for cumulative in &mut cumulative {
            below += *cumulative / sum;
            *cumulative = below;
        }
        let curves = curves.iter().zip(weights).map(|(curve, weight)| (*curve, weight / sum)).collect();
        Posterior { loads, cumulative, curves }
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
        self.geometric_mean(|curve| curve.steepness().max(1.0))
    }

    /// How many events come together at the capacity, where one in `most` requests may be one; its geometric mean.
    pub(super) fn clump(&self, most: f64) -> f64 {
        self.geometric_mean(|curve| curve.clump(1.0, 1.0, most))
    }

    fn geometric_mean(&self, of: impl Fn(Curve) -> f64) -> f64 {
        self.curves.iter().map(|(curve, weight)| weight * of(*curve).ln()).sum::<f64>().exp()
    }
}

/// By all steps, the last first, since they are nearest; no more of them once it is below `least`.
fn log_likelihood(steps: &[Counts], curve: Curve, capacity: f64, least: f64) -> f64 {
    let mut log = curve.log_prior();
    for step in steps.iter().rev() {
        log += step.log_likelihood(curve, capacity);
        if log < least {
            return f64::NEG_INFINITY;
        }
    }
    log
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
    /// ln of the probability of so many in a step that was disturbed: every order of magnitude is as likely.
    log_disturbed: f64,
}

impl Counts {
    fn of(step: &Step) -> Counts {
        let Events { seen, allowed, most, .. } = step.events;
        let log_factorial = ln_gamma(seen + 1.0);
        let log_disturbed = (DISTURBED / ((seen + 1.0) * (allowed * most + 2.0).ln())).ln();
        Counts { load: step.load, seen, log_factorial, allowed, most, settled: step.settled, log_disturbed }
    }

    /// ln of the probability of what was seen.
    fn log_likelihood(&self, curve: Curve, capacity: f64) -> f64 {
        let relative = self.load / capacity;
        let ratio = curve.ratio(relative, self.most);
        let reached = curve.ratio_from_empty(relative, self.most, self.allowed * self.most);
        let (ratio, reached) = (ratio.max(RATIO_LEAST), reached.max(RATIO_LEAST));
        let expected = self.allowed * reached;
        // A backlog that still grew would have given a worse score in more time.
        if !self.settled && self.seen <= expected {
            return 0.0;
        }
        let misfit = MISFIT_LEAST + MISFIT_SHARE * ratio.ln().abs();
        let spread = curve.clump(relative, ratio, self.most) - 1.0 + misfit * misfit * expected;
        let log = self.log_probability(expected, spread);
        if !self.settled {
            return (log - self.log_probability(self.seen, spread)).max(DISTURBED.ln()).min(0.0);
        }
        // ln of the sum of both.
        let (more, less) = (log.max(self.log_disturbed), log.min(self.log_disturbed));
        if more - less > 7.0 { more } else { more + (less - more).exp().ln_1p() }
    }

    /// Of as many events in clumps: the negative binomial law is Poisson's for the number of clumps whose sizes follow
    /// the logarithmic law (M. H. Quenouille, Biometrics 5(2), 1949); `spread` is its variance over its mean, less 1.
    fn log_probability(&self, expected: f64, spread: f64) -> f64 {
        let size = expected / spread;
        let none = -size * spread.ln_1p();
        if self.seen == 0.0 {
            return none;
        }
        none + ln_gamma(self.seen + size)
            - ln_gamma(size)
            - self.log_factorial
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
    /// 2o (1 + 2o). In simulations of M/M/1, M/M/2 and M/M/4 at the capacity, o from 0.5 to 39, it was
    /// right within two fifths.
    fn clump(self, relative: f64, ratio: f64, most: f64) -> f64 {
        let Curve::Queue { steepness, floor, variability, .. } = self else { return 1.0 };
        if most >= Events::UNBOUNDED {
            return 1.0;
        }
        let idle = most.ln() / (steepness + most.ln());
        // Above saturation there is no steady state.
        let utilisation = ((1.0 - idle) * relative).min(1.0 - 0.25 * idle);
        let odds = utilisation / (1.0 - utilisation);
        // Where every request is an event there is nothing left to vary.
        let queued = thinned(floor / ratio, ratio / most, floor / most) * (1.0 - ratio / most).max(0.0);
        1.0 + queued * (variability * 2.0 * odds * (1.0 + 2.0 * odds)).min(CLUMP_MOST)
    }
}

/// By how much clumps are smaller where many events are long service times that come without a queue, too. `alone` is the
/// share of those among the events, `share` that of the events among the requests, `idle` that of the events without load.
///
/// What comes alone is in no clump. And of those that wait for w only some are late: with exponential service times
/// e^{−μ(t−w)}, so that few of a clump are where service times are longer than waiting times. The variance of the time
/// average of such a function g of a reflected diffusion with the density p = θe^{−θw} goes by ∫G²/p, G its excess over its
/// mean beyond w (R. N. Bhattacharya, Z. Wahrscheinlichkeitstheorie 60, 1982); with m = μ/θ and τ = θt that is
/// (e^{(2m−1)τ} − 1)/(2m − 1) − 2/(1 − m) + 1 times share², beside 2 share where all that wait long enough are late. At the
/// capacity alone = 1 − m would follow if all requests waited; as they do not, m is larger, which the exponent makes up
/// for: in simulations of M/M/4 and M/M/16 clumps were right within a factor of 2.
fn thinned(alone: f64, share: f64, idle: f64) -> f64 {
    let queued = (1.0 - alone).max(0.0);
    if idle <= 0.0 || queued <= 0.0 || queued >= 1.0 {
        return queued;
    }
    let m = queued.powf(0.4);
    let tau = -idle.ln() / m;
    let beyond = 2.0 * m - 1.0;
    let growth = if beyond.abs() < 1e-6 { tau } else { (beyond * tau).exp_m1() / beyond };
    queued.min(0.5 * share * (growth - 2.0 / (1.0 - m) + 1.0).max(0.0))
}
