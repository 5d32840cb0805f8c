//! How the share of late requests grows with the load, how many of them come together, and how long that takes to show.

use super::figure::Events;

/// d ln r / d ln load at the capacity: from a gentle slope to a wall.
const STEEPNESS: (f64, f64) = (0.5, 1500.0);
const STEEPNESSES: usize = 14;
/// Shares of the events allowed that come even without load.
const FLOORS: [f64; 5] = [0.0, 0.03, 0.2, 0.45, 0.7];
/// As M/M/c; where little varies, a queue that is at its limit at once; service times with a heavy tail.
const NATURES: [Nature; 3] = [
    Nature { clumps: 1.0, inertia: 1.0, prior: 0.45 },
    Nature { clumps: 1.0, inertia: 0.05, prior: 0.25 },
    Nature { clumps: 3.0, inertia: 2.0, prior: 0.3 },
];
/// A rate limiter is as likely as so many of the queues, which are many and can be like it near the limit.
const LIMITER: f64 = 8.0;
/// A wall is steep for other reasons than long busy periods.
const CLUMP_MOST: f64 = 1e4;
/// The share of a queue's beginning that is not cut off as warm-up.
const UNCUT: f64 = 0.5;
/// The least distance from saturation by which a queue fills, over that at the capacity: there it neither comes to rest nor
/// grows for sure. With a larger one a few hundred seconds at or above saturation that showed no late request told too much for
/// a larger capacity: with 0.5 twice as many of 200 simulated searches for the wall of M/M/1 ended too high, 25 of them.
const NEAREST: f64 = 0.2;

/// What a queue is like besides its curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Nature {
    /// How much larger clumps are than those of M/M/c.
    clumps: f64,
    /// How much longer it takes to fill than M/M/c.
    inertia: f64,
    /// How often, before the steps.
    prior: f64,
}

/// How the ratio of events to those allowed grows with the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Curve {
    /// The odds of an event grow exponentially with the load, above those without load: the tail of a waiting time
    /// falls like e^{−(cμ−λ)t} (for M/M/c exactly; for others near saturation, J. F. C. Kingman 1961).
    Queue { steepness: f64, floor: f64, nature: Nature },
    /// Whatever is beyond a fixed rate fails: a rate limiter.
    Limiter,
}

impl Curve {
    /// The ratio at `load / capacity`, where it cannot exceed `most`.
    pub(super) fn ratio(self, relative: f64, most: f64) -> f64 {
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
    pub(super) fn ratio_from_empty(self, relative: f64, most: f64, requests: f64) -> f64 {
        let ratio = self.ratio(relative, most);
        let Curve::Queue { steepness, floor, nature } = self else { return ratio };
        if most >= Events::UNBOUNDED {
            return ratio;
        }
        let idle = idle(steepness, most);
        let utilisation = (1.0 - idle) * relative;
        let apart = (1.0 - utilisation).abs().max(NEAREST * idle);
        let missing = nature.inertia * UNCUT * most.ln() * utilisation * (1.0 - idle) / (idle * apart);
        floor + (ratio - floor) * (-missing / requests).exp()
    }

    /// d ln r / d ln load at the capacity, of what the load adds.
    pub(super) fn steepness(self) -> f64 {
        match self {
            Curve::Queue { steepness, floor, .. } => steepness * (1.0 - floor),
            Curve::Limiter => 0.0,
        }
    }

    /// ln of how likely it is before the steps.
    pub(super) fn log_prior(self) -> f64 {
        match self {
            Curve::Queue { nature, .. } => nature.prior.ln(),
            Curve::Limiter => LIMITER.ln(),
        }
    }

    /// All that are considered.
    pub(super) fn all() -> Vec<Curve> {
        let (low, high) = STEEPNESS;
        let steepness = |k: usize| low * (high / low).powf((k as f64 + 0.5) / STEEPNESSES as f64);
        let queues = (0..STEEPNESSES).flat_map(|k| {
            let steepness = steepness(k);
            let each = move |nature| FLOORS.map(|floor| Curve::Queue { steepness, floor, nature });
            NATURES.into_iter().flat_map(each)
        });
        queues.chain([Curve::Limiter]).collect()
    }

    /// How many events come together: their variance over their mean.
    ///
    /// In M/M/c near saturation P(R > t) falls like e^{−(cμ−λ)t}, so that at a quantile of 99 % the steepness is
    /// o ln 100, o = ρ/(1 − ρ). Above its limit the queue stays for a busy period of cμ, and comes back 1/(1 − ρ) times
    /// on average before it leaves for good (D. Aldous, *Probability Approximations via the Poisson Clumping
    /// Heuristic*, 1989, B): by the moments of both, the mean square of the requests meanwhile over their mean is
    /// 2o (1 + 2o). In simulations of M/M/1, M/M/2 and M/M/4 at the capacity, o from 0.5 to 39, it was
    /// right within two fifths.
    pub(super) fn clump(self, relative: f64, ratio: f64, most: f64) -> f64 {
        let Curve::Queue { steepness, floor, nature } = self else { return 1.0 };
        if most >= Events::UNBOUNDED {
            return 1.0;
        }
        let idle = idle(steepness, most);
        // Above saturation there is no steady state.
        let utilisation = ((1.0 - idle) * relative).min(1.0 - 0.25 * idle);
        let odds = utilisation / (1.0 - utilisation);
        // Where every request is an event there is nothing left to vary.
        let queued = thinned(floor / ratio, ratio / most, floor / most) * (1.0 - ratio / most).max(0.0);
        1.0 + queued * (nature.clumps * 2.0 * odds * (1.0 + 2.0 * odds)).min(CLUMP_MOST)
    }
}

/// 1 − ρ at the capacity, from o = ρ/(1 − ρ) = steepness / ln `most`; see [`Curve::clump`].
fn idle(steepness: f64, most: f64) -> f64 {
    most.ln() / (steepness + most.ln())
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
/// for: in simulations of M/M/4 and M/M/16 clumps were right within a factor of 2.5.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(steepness: f64, floor: f64) -> Curve {
        Curve::Queue { steepness, floor, nature: NATURES[0] }
    }

    /// M/M/16 with a limit of 1.1 times the p99 without load, simulated for thousands of seconds by Kiefer and Wolfowitz's recursion:
    /// the variance of the late requests of 10 s over their mean is 8 at the capacity of 2,825/s, where 63 % of them never
    /// waited, and 138 at 2,950/s, where 1.88 times as many as allowed are late.
    #[test]
    fn clumps_are_small_where_service_times_are_late_by_themselves() {
        for (relative, ratio, simulated) in [(1.0, 1.0, 8.0), (2_950.0 / 2_825.0, 1.88, 138.0)] {
            let clump = queue(21.0, 0.63).clump(relative, ratio, 100.0);
            assert!(clump > simulated / 2.5 && clump < 2.5 * simulated, "{clump} for {simulated}");
        }
    }

    /// A step far shorter than a queue takes to fill shows nothing of it, a long one all; far above saturation it fills
    /// at once.
    #[test]
    fn queues_take_time_to_fill() {
        let wall = queue(180.0, 0.0);
        let after = |relative, requests| {
            wall.ratio_from_empty(relative, 100.0, requests) / wall.ratio(relative, 100.0)
        };
        assert!(after(1.0, 500.0) < 0.01 && after(1.0, 1e6) > 0.99);
        assert!(after(2.0, 2_000.0) > 0.8);
    }
}
