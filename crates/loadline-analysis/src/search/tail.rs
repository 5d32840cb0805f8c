//! The tail of response times beyond a fixed limit as the load grows, where service times alone exceed it now and then.
//!
//! M/M/c in three numbers: how idle it is at the capacity, what share is late without load, and what share is at the
//! capacity. A request's response time R is its service time, exponential with rate μ, after a wait that is 0 but with
//! Erlang's probability C, then exponential with rate θ = cμ(1 − ρ) (L. Kleinrock, *Queueing Systems* 1, 1975, 3.5).
//! So with a = e^{−μt}, m = μ/θ and b = e^{−θt}
//!
//! P(R > t) = a + C m (b − a)/(m − 1),
//!
//! and C ≈ ρ^{√(2(c+1)) − 1} (H. Sakasegawa, Annals of the Institute of Statistical Mathematics 29, 1977).

/// Where the mean wait of those that wait, over the mean service time, is looked for.
const WAITS: (f64, f64) = (1e-3, 1e6);
const BISECTIONS: usize = 50;
/// Nobody waits for as many mean waits.
const LONG: f64 = 200.0;
/// The derivative is taken over this part of what is idle.
const PART: f64 = 1e-3;

/// How late requests of M/M/c become, by the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tail {
    /// What is idle at the capacity, 1 − ρ.
    idle: f64,
    /// μt.
    limit: f64,
    /// The share that is late without load.
    alone: f64,
    /// m at the capacity: how long those wait that wait, in mean service times.
    wait: f64,
    /// Of ρ in the probability to wait.
    power: f64,
    /// What the load adds to the share that is late at the capacity.
    added: f64,
}

/// Who waits at one utilisation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    /// C.
    probability: f64,
    /// m.
    wait: f64,
    /// θt.
    limit: f64,
    /// e^{−θt}, the share of those that wait that do so for longer than t.
    long: f64,
}

impl Tail {
    /// Of which the share `alone` is late without load, and `allowed` at the capacity; `None` where no M/M/c is so.
    pub(super) fn new(idle: f64, alone: f64, allowed: f64) -> Option<Tail> {
        let of = |wait: f64| {
            let servers = (1.0 / (wait * idle)).max(1.0);
            let power = (2.0 * (servers + 1.0)).sqrt() - 1.0;
            Tail { idle, limit: -alone.ln(), alone, wait, power, added: allowed - alone }
        };
        let is_late = |wait: f64| {
            let tail = of(wait);
            tail.late(&tail.waiting(idle)) > allowed
        };
        let (mut low, mut high) = WAITS;
        if alone <= 0.0 || is_late(low) || !is_late(high) {
            return None;
        }
        for _ in 0..BISECTIONS {
            let middle = (low * high).sqrt();
            if is_late(middle) { high = middle } else { low = middle }
        }
        Some(of((low * high).sqrt()))
    }

    /// Who waits where so much is idle.
    pub(super) fn waiting(&self, idle: f64) -> Waiting {
        let wait = self.wait * self.idle / idle;
        // What m = 1 divides by, both sides are as near to.
        let wait = if (wait - 1.0).abs() < 1e-5 { 1.0 + 1e-5 } else { wait };
        let limit = self.limit / wait;
        Waiting { probability: (1.0 - idle).max(0.0).powf(self.power), wait, limit, long: (-limit).exp() }
    }

    /// The share of late requests.
    fn late(&self, waiting: &Waiting) -> f64 {
        let Waiting { probability, wait, long, .. } = *waiting;
        self.alone + probability * wait * (long - self.alone) / (wait - 1.0)
    }

    /// What the load adds to the late requests, over what it adds at the capacity.
    pub(super) fn added(&self, waiting: &Waiting) -> f64 {
        (self.late(waiting) - self.alone) / self.added
    }

    /// d ln of what the load adds / d ln load at the capacity.
    pub(super) fn steepness(&self) -> f64 {
        let apart = PART * self.idle;
        let [more, less] = [-apart, apart].map(|by| self.added(&self.waiting(self.idle + by)));
        (1.0 - self.idle) * (more - less) / (2.0 * apart)
    }

    /// By how much smaller clumps of late requests are than if all that wait long enough were late, and no others.
    ///
    /// A request that waits for w is late with the probability g(w) = e^{−μ(t−w)}, 1 beyond t. The variance of a time average
    /// of g over a diffusion with the density p of w goes by I = ∫G²/p, G what is beyond w of the excess of g over its
    /// mean ḡ (R. N. Bhattacharya, Z. Wahrscheinlichkeitstheorie 60, 1982), here with p = Cθe^{−θw}. Where only those are late
    /// that wait longer than t, I is 2ḡ. In simulations of M/M/2 to M/M/32 at 0.94 to 1.02 of the capacity clumps were
    /// right within a factor of 2.5, mostly within a third.
    pub(super) fn thinned(&self, waiting: &Waiting) -> f64 {
        let Waiting { probability, wait, limit, long } = *waiting;
        if limit > LONG {
            return 0.0;
        }
        let late = self.late(waiting);
        // G = C (near − far e^{(m−1)θw} − ḡ e^{−θw}).
        let (near, far) = (wait * long / (wait - 1.0), self.alone / (wait - 1.0));
        // ∫ e^{kθw} up to the limit, where e^{−mθt} is what is late alone.
        let upto = |k: f64, end: f64| if k.abs() < 1e-4 { limit } else { (end - 1.0) / k };
        let below = near * near * upto(1.0, 1.0 / long)
            + far * far * upto(2.0 * wait - 1.0, long / (self.alone * self.alone))
            + late * late * upto(-1.0, long)
            - 2.0 * near * far * upto(wait, 1.0 / self.alone)
            - 2.0 * near * late * limit
            + 2.0 * far * late * upto(wait - 1.0, long / self.alone);
        let beyond = (1.0 - late).powi(2) * long;
        (probability * (below + beyond) / (2.0 * late)).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queueing::mmc;

    /// Of services with a mean of 5 ms: servers, limit over the p99 without load, and load over the capacity.
    fn tail(servers: u32, times: f64) -> (Tail, f64, f64) {
        let limit_s = times * 0.005 * 100.0_f64.ln();
        let capacity = mmc::capacity(200.0, servers, 0.99, limit_s).unwrap().unwrap();
        let idle = 1.0 - capacity / (200.0 * f64::from(servers));
        (Tail::new(idle, (-200.0 * limit_s).exp(), 0.01).unwrap(), capacity, limit_s)
    }

    /// Erlang's formula, where it is approximated.
    #[test]
    fn tails_are_those_of_queues() {
        for (servers, times) in [(2, 1.5), (4, 1.2), (8, 1.3), (16, 1.1), (32, 1.2)] {
            let (tail, capacity, limit_s) = tail(servers, times);
            for relative in [0.5, 0.8, 0.9, 0.95, 1.0, 1.01, 1.02] {
                let rate = capacity * relative;
                let queue = mmc::Mmc::new(rate, 200.0, servers).unwrap();
                let exact = queue.response_exceeds(limit_s);
                let late = tail.late(&tail.waiting(1.0 - rate / (200.0 * f64::from(servers))));
                assert!((late / exact).ln().abs() < 0.08, "M/M/{servers} at {relative}: {late} for {exact}");
            }
        }
    }

    /// Simulated for thousands of seconds by Kiefer and Wolfowitz's recursion: the variance of the late requests of 10 s over
    /// their mean, at the capacity and beside it, and within which factor it is met.
    #[test]
    fn clumps_are_those_of_simulated_queues() {
        let simulated: [(u32, f64, f64, f64, f64); 6] = [
            (4, 1.2, 1.0, 7.0, 1.65),
            (8, 1.3, 0.97, 29.3, 1.65),
            (8, 1.3, 1.0, 70.4, 1.65),
            (8, 1.3, 1.02, 113.9, 1.65),
            (16, 1.1, 1.0, 8.0, 2.5),
            (16, 1.1, 2_950.0 / 2_825.0, 138.0, 2.5),
        ];
        for (servers, times, relative, variance, factor) in simulated {
            let (tail, capacity, _) = tail(servers, times);
            let used = capacity * relative / (200.0 * f64::from(servers));
            let odds = used / (1.0 - used);
            let clump = 1.0 + 2.0 * odds * (1.0 + 2.0 * odds) * tail.thinned(&tail.waiting(1.0 - used));
            assert!(
                (clump / variance).ln().abs() < factor.ln(),
                "M/M/{servers} at {relative}: {clump} for {variance}"
            );
        }
    }
}
