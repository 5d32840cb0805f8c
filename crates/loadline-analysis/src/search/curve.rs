//! How the share of late requests grows with the load, how many of them come together, and how long that takes to show.

use super::figure::Events;
use super::tail::Tail;

/// d ln r / d ln load at the capacity: from a gentle slope to a wall.
const STEEPNESS: (f64, f64) = (0.5, 1500.0);
const STEEPNESSES: usize = 20;
/// Shares of the events allowed that come even without load.
const FLOORS: [f64; 7] = [0.0, 0.03, 0.1, 0.22, 0.38, 0.55, 0.75];
/// As M/M/c; where little varies, a queue that is at its limit at once; service times with a heavy tail.
const NATURES: [Nature; 3] = [
    Nature { clumps: 1.0, inertia: 1.0, prior: 0.45 },
    Nature { clumps: 1.0, inertia: 0.05, prior: 0.25 },
    Nature { clumps: 3.0, inertia: 2.0, prior: 0.3 },
];
/// A rate limiter is as likely as so many of the queues, which are many and can be like it near the limit.
const LIMITER: f64 = 16.0;
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

impl Nature {
    /// Where service times vary more than exponentially queues take longer to fill in proportion to what varies, arrivals
    /// and service times together (J. F. C. Kingman 1961), and clumps are larger by about the square of it: in simulations
    /// of M/LN/2 with a squared coefficient of variation of 1.7, 57 at the capacity where an M/M/c like it has 20.
    fn of_service_times(self, varied: f64) -> Nature {
        Nature { clumps: self.clumps * varied * varied, inertia: self.inertia * (1.0 + varied) / 2.0, ..self }
    }
}

/// How the ratio of events to those allowed grows with the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Curve {
    /// Requests wait for one another.
    Queue(Queue),
    /// Whatever is beyond a fixed rate fails: a rate limiter.
    Limiter,
}

/// The odds of an event grow exponentially with the load, above those without load: the tail of a waiting time
/// falls like e^{−(cμ−λ)t} (for M/M/c exactly; for others near saturation, J. F. C. Kingman 1961).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Queue {
    /// d ln r / d ln load at the capacity of what comes of waiting alone, o ln `most` with o = ρ/(1 − ρ).
    steepness: f64,
    /// 1 − ρ at the capacity.
    idle: f64,
    /// The share of the events allowed that comes without load.
    floor: f64,
    /// Where service times alone are late now and then.
    tail: Option<Tail>,
    nature: Nature,
}

/// What a step at some load is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Response {
    /// Events over those allowed in the long run.
    pub(super) ratio: f64,
    /// The same over the first so many requests of a service that is empty before them.
    pub(super) reached: f64,
    /// How many events come together: their variance over their mean.
    pub(super) clump: f64,
}

impl Curve {
    /// At `load / capacity` for so many requests, of which one in `most` may be an event.
    pub(super) fn response(&self, relative: f64, most: f64, requests: f64) -> Response {
        match self {
            Curve::Queue(queue) => queue.response(relative, most, requests),
            Curve::Limiter => {
                let ratio = most * (1.0 - (1.0 - 1.0 / most) / relative);
                Response { ratio, reached: ratio, clump: 1.0 }
            }
        }
    }

    /// d ln r / d ln load at the capacity.
    pub(super) fn steepness(&self) -> f64 {
        match self {
            Curve::Queue(queue) => queue.steepness(),
            Curve::Limiter => 0.0,
        }
    }

    /// ln of how likely it is before the steps.
    pub(super) fn log_prior(&self) -> f64 {
        match self {
            Curve::Queue(queue) => queue.nature.prior.ln(),
            Curve::Limiter => LIMITER.ln(),
        }
    }

    /// All that are considered where one request in `most` may be an event and the squared coefficient of variation of
    /// service times is `varied`.
    pub(super) fn all(most: f64, varied: f64) -> Vec<Curve> {
        let natures = NATURES.map(|nature| nature.of_service_times(varied));
        let (low, high) = STEEPNESS;
        let steepness = |k: usize| low * (high / low).powf((k as f64 + 0.5) / STEEPNESSES as f64);
        let queues = (0..STEEPNESSES).flat_map(|k| {
            let steepness = steepness(k);
            let idle = most.ln() / (steepness + most.ln());
            FLOORS.into_iter().flat_map(move |floor| {
                let bounded = most < Events::UNBOUNDED;
                let tail = bounded.then(|| Tail::new(idle, floor / most, 1.0 / most)).flatten();
                natures.map(|nature| Curve::Queue(Queue { steepness, idle, floor, tail, nature }))
            })
        });
        queues.chain([Curve::Limiter]).collect()
    }
}

impl Queue {
    /// What is idle at the capacity, and how far apart curves are in what is not, as a standard deviation of its logarithm.
    pub(super) fn idle_at_capacity(&self) -> (f64, f64) {
        let apart = (STEEPNESS.1 / STEEPNESS.0).ln() / STEEPNESSES as f64;
        (self.idle, self.idle * apart / 12.0_f64.sqrt())
    }

    /// The share of the events allowed that comes without load.
    pub(super) fn floor(&self) -> f64 {
        self.floor
    }

    /// Whether service times alone are late now and then.
    pub(super) fn is_late_alone(&self) -> bool {
        self.tail.is_some()
    }

    fn steepness(&self) -> f64 {
        self.tail.map_or(self.steepness, |tail| tail.steepness()) * (1.0 - self.floor)
    }

    fn response(&self, relative: f64, most: f64, requests: f64) -> Response {
        let Queue { floor, tail: Some(tail), .. } = *self else {
            let odds = (-self.steepness * (relative - 1.0)).min(500.0).exp();
            let least = (1.0 - self.floor) / (most - self.floor);
            let ratio = self.floor + (1.0 - self.floor) / (least + (1.0 - least) * odds);
            return self.with(ratio, 1.0 - self.floor / ratio, relative, most, requests);
        };
        let waiting = tail.waiting(self.idle_at(relative));
        let ratio = (floor + (1.0 - floor) * tail.added(&waiting)).min(most);
        self.with(ratio, tail.thinned(&waiting), relative, most, requests)
    }

    /// What is idle at `load / capacity`. Beyond saturation there is no steady state: the queue grows as if a little
    /// were idle still, the less the farther beyond.
    fn idle_at(&self, relative: f64) -> f64 {
        let least = NEAREST * self.idle;
        let left = (1.0 - (1.0 - self.idle) * relative) / least;
        least * if left > 30.0 { left } else { left.exp().ln_1p() }
    }

    /// By the ratio, and by how much clumps are smaller than where all that wait long enough are events and no others.
    ///
    /// The excess of a reflected diffusion over its threshold begins late: what is missing of it in all is what comes in
    /// τ/(cμ(1 − ρ)²) in the steady state, with τ = ln `most` (by Poisson's equation, h″ − h′ = ḡ − g with h′(0) = 0).
    /// Beyond saturation the queue grows to the limit in as long as it does not come back below it.
    ///
    /// In M/M/c near saturation P(R > t) falls like e^{−(cμ−λ)t}, so that at a quantile of 99 % the steepness is
    /// o ln 100, o = ρ/(1 − ρ). Above its limit the queue stays for a busy period of cμ, and comes back 1/(1 − ρ) times
    /// on average before it leaves for good (D. Aldous, *Probability Approximations via the Poisson Clumping
    /// Heuristic*, 1989, B): by the moments of both, the mean square of the requests meanwhile over their mean is
    /// 2o (1 + 2o). In simulations of M/M/1, M/M/2 and M/M/4 at the capacity, o from 0.5 to 39, it was
    /// right within two fifths.
    fn with(&self, ratio: f64, thinned: f64, relative: f64, most: f64, requests: f64) -> Response {
        if most >= Events::UNBOUNDED {
            return Response { ratio, reached: ratio, clump: 1.0 };
        }
        let Queue { idle, floor, nature, .. } = *self;
        let utilisation = (1.0 - idle) * relative;
        let apart = (1.0 - utilisation).abs().max(NEAREST * idle);
        let missing = nature.inertia * UNCUT * most.ln() * utilisation * (1.0 - idle) / (idle * apart);
        let reached = floor + (ratio - floor) * (-missing / requests).exp();
        // Above saturation there is no steady state.
        let utilisation = utilisation.min(1.0 - 0.25 * idle);
        let odds = utilisation / (1.0 - utilisation);
        // Where every request is an event there is nothing left to vary.
        let varying = thinned * (1.0 - ratio / most).max(0.0);
        let clump = 1.0 + varying * (nature.clumps * 2.0 * odds * (1.0 + 2.0 * odds)).min(CLUMP_MOST);
        Response { ratio, reached, clump }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step far shorter than a queue takes to fill shows nothing of it, a long one all; far above saturation it fills
    /// at once.
    #[test]
    fn queues_take_time_to_fill() {
        let (steepness, most) = (180.0, 100.0_f64);
        let idle = most.ln() / (steepness + most.ln());
        let wall = Curve::Queue(Queue { steepness, idle, floor: 0.0, tail: None, nature: NATURES[0] });
        let after = |relative, requests| {
            let Response { ratio, reached, .. } = wall.response(relative, most, requests);
            reached / ratio
        };
        assert!(after(1.0, 500.0) < 0.01 && after(1.0, 1e6) > 0.99);
        assert!(after(2.0, 2_000.0) > 0.8);
    }

    /// M/LN/2 with σ = 1 and a limit of 13.8 mean service times, simulated for 6,000 s at .9, 1 and 1.1 of its capacity: the
    /// variance of the late requests of 10 s over their mean, and within which factor it is met: clumps below the
    /// capacity are taken for smaller than they are.
    #[test]
    fn clumps_are_larger_where_service_times_vary_widely() {
        let (idle, floor, most) = (1.0 - 294.11 / 400.0, 0.1, 100.0_f64);
        let steepness = most.ln() * (1.0 - idle) / idle;
        let clump = |relative, varied| {
            let nature = NATURES[0].of_service_times(varied);
            let tail = Tail::new(idle, floor / most, 1.0 / most);
            Curve::Queue(Queue { steepness, idle, floor, tail, nature }).response(relative, most, 1e9).clump
        };
        for (relative, simulated, factor) in [(0.9, 35.0, 2.0), (1.0, 56.7, 1.15), (1.1, 114.6, 1.4_f64)] {
            let [alike, wide] = [1.0, 1.718].map(|varied| (clump(relative, varied) / simulated).ln());
            assert!(wide.abs() < factor.ln() && alike < -0.7, "{relative}: {alike} {wide}");
        }
    }
}
