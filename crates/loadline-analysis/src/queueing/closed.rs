//! Closed queueing networks: a fixed population of users who think, ask and wait for the answer.

use super::{QueueError, at_least_one, not_negative};

/// The steady state of a closed network at one population.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// Requests completed per unit of time, X.
    pub throughput: f64,
    /// Response time R, think time left out.
    pub response_time: f64,
    /// Utilisation of each station, a multi-server station per server.
    pub utilisation: Vec<f64>,
}

/// The asymptotic bounds of a closed network: X ≤ min(N / (D + Z), 1 / D_max)
/// (Lazowska et al., *Quantitative System Performance*, 1984, chapter 5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The largest throughput, 1 / D_max.
    pub throughput: f64,
    /// The population N* at which the two bounds meet.
    pub knee: f64,
}

fn check(demands: &[f64], think: f64) -> Result<(), QueueError> {
    not_negative("the think time", think)?;
    for &demand in demands {
        not_negative("a service demand", demand)?;
    }
    if demands.iter().sum::<f64>() > 0.0 {
        return Ok(());
    }
    Err(QueueError::Parameter { name: "the sum of service demands", value: 0.0, needs: "positive" })
}

/// The asymptotic bounds for single-server stations with these service demands.
///
/// # Errors
/// Where a demand or the think time is negative, or no demand is positive.
pub fn bounds(demands: &[f64], think: f64) -> Result<Bounds, QueueError> {
    check(demands, think)?;
    let largest = demands.iter().copied().fold(0.0, f64::max);
    Ok(Bounds { throughput: 1.0 / largest, knee: (demands.iter().sum::<f64>() + think) / largest })
}

/// Exact mean value analysis of single-server stations (product form) with a think time, for `population`
/// users (M. Reiser and S. S. Lavenberg, Journal of the ACM 27(2), 1980).
///
/// # Errors
/// Where a demand or the think time is negative, no demand is positive, or there is no user.
pub fn network(demands: &[f64], think: f64, population: u32) -> Result<Closed, QueueError> {
    check(demands, think)?;
    at_least_one("the population", population)?;
    let mut queues = vec![0.0; demands.len()];
    let (mut throughput, mut response_time) = (0.0, 0.0);
    for n in 1..=population {
        let residence = |(demand, queue): (&f64, &f64)| demand * (1.0 + queue);
        response_time = demands.iter().zip(&queues).map(residence).sum();
        throughput = f64::from(n) / (think + response_time);
        for (queue, demand) in queues.iter_mut().zip(demands) {
            *queue = throughput * demand * (1.0 + *queue);
        }
    }
    let utilisation = demands.iter().map(|demand| throughput * demand).collect();
    Ok(Closed { throughput, response_time, utilisation })
}

/// M/M/c with a finite population (the machine repairman): `population` users who each think for `think` on
/// average and then need `demand` of one of `servers` servers.
///
/// # Errors
/// Where a parameter is out of range.
pub fn repairman(demand: f64, servers: u32, think: f64, population: u32) -> Result<Closed, QueueError> {
    check(&[demand], think)?;
    at_least_one("the number of servers", servers)?;
    at_least_one("the population", population)?;
    let share = demand / (demand + think);
    let relative = RepairmanCurve::new(share, servers).nth(population as usize - 1).unwrap_or_default();
    let throughput = relative / (demand + think);
    let response_time = f64::from(population) / throughput - think;
    Ok(Closed { throughput, response_time, utilisation: vec![throughput * demand / f64::from(servers)] })
}

/// P(response time > t) of the machine repairman, first come first served.
///
/// Who arrives finds the system as it is with one user fewer (the arrival theorem: Sevcik and Mitrani, Journal of the ACM
/// 28(2), 1981). While all servers are busy completions come at cμ, and each of them is that of a given request in service
/// with probability 1/c; so the response time is a number of such events, known in distribution, and the number of them
/// until t is Poisson's (uniformisation: Jensen 1953). All terms are positive: nothing cancels.
pub fn repairman_exceeds(demand: f64, servers: u32, think: f64, population: u32, t: f64) -> f64 {
    let stages = stages_before_service(demand, servers, think, population.saturating_sub(1));
    let events = f64::from(servers) / demand * t;
    let stays = 1.0 - 1.0 / f64::from(servers);
    // Long after all that were before it, and it too, have had their service.
    let needed = stages.len() as f64 + 40.0 * f64::from(servers);
    if events - 10.0 * events.sqrt() > needed || events.is_nan() || events.is_infinite() {
        return 0.0;
    }
    let last = (events + 10.0 * events.sqrt() + 50.0) as usize;
    let (mut log_poisson, mut waiting, mut served, mut exceeds) = (-events, 1.0, 0.0, 0.0);
    for count in 0..=last {
        let begins = stages.get(count).copied().unwrap_or(0.0);
        waiting -= begins;
        served = served * stays + begins;
        exceeds += log_poisson.exp() * (waiting.max(0.0) + served);
        log_poisson += (events / (count + 1) as f64).ln();
    }
    exceeds
}

/// The probabilities of 0, 1, 2, … completions between an arrival, which finds `others` around, and its service.
fn stages_before_service(demand: f64, servers: u32, think: f64, others: u32) -> Vec<f64> {
    let servers = servers as usize;
    let others = others as usize;
    // The logarithm of the probability of k being in the system, up to a constant.
    let mut log = 0.0;
    let mut logs = vec![0.0];
    for k in 1..=others {
        log += ((others - k + 1) as f64 * demand / (think * k.min(servers) as f64)).ln();
        logs.push(log);
    }
    if think == 0.0 {
        // Nobody thinks: all others are there.
        logs.fill(f64::NEG_INFINITY);
        logs[others] = 0.0;
    }
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logs.iter().map(|log| (log - most).exp()).sum();
    let mut stages = vec![0.0; (others + 1).saturating_sub(servers) + 1];
    for (k, log) in logs.iter().enumerate() {
        stages[(k + 1).saturating_sub(servers)] += (log - most).exp() / total;
    }
    stages
}

/// X(N)·(D + Z) of M/M/c with a finite population for N = 1, 2, …, in constant time each.
///
/// With the normalising constant G split at c users in service, G(N) (D+Z)^{−N} N! is P(Bin(N, u) ≤ c) plus a
/// geometric tail t(N) = (uN/c) (t(N−1) + P(Bin(N−1, u) = c)), u = D/(D+Z); and X(N) = G(N−1)/G(N)
/// (Buzen, Communications of the ACM 16(9), 1973). All terms are kept at one scale, so thousands of users or
/// servers are no matter.
#[derive(Debug, Clone)]
pub(crate) struct RepairmanCurve {
    share: f64,
    share_per_server: f64,
    servers: u32,
    population: u32,
    head: f64,
    /// P(Bin(N, u) = c), and its logarithm for as long as it is too small for a number.
    at_limit: f64,
    log_at_limit: f64,
    tail: f64,
}

/// Below this logarithm a probability is kept as its logarithm.
const SMALLEST_LOG: f64 = -690.0;

impl RepairmanCurve {
    /// `share` is D/(D+Z), in (0, 1].
    pub(crate) fn new(share: f64, servers: u32) -> Self {
        RepairmanCurve {
            share,
            share_per_server: share / f64::from(servers),
            servers,
            population: 0,
            head: 1.0,
            at_limit: 0.0,
            log_at_limit: 0.0,
            tail: 0.0,
        }
    }

    /// The step of `at_limit` to this population, at the same scale.
    fn advance_limit(&mut self) {
        let (n, c) = (f64::from(self.population), f64::from(self.servers));
        if self.population < self.servers {
            return;
        }
        let step = (1.0 - self.share) * n / (n - c);
        let first = self.population == self.servers;
        if !first && self.log_at_limit > SMALLEST_LOG {
            self.at_limit *= step;
            return;
        }
        self.log_at_limit = if first { c * self.share.ln() } else { self.log_at_limit + step.ln() };
        if self.log_at_limit > SMALLEST_LOG {
            self.at_limit = self.log_at_limit.exp();
        }
    }
}

impl Iterator for RepairmanCurve {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let before = self.head + self.tail;
        let step = self.share_per_server * f64::from(self.population + 1);
        self.tail = step * (self.tail + self.at_limit);
        self.head = (self.head - self.share * self.at_limit).max(0.0);
        self.population += 1;
        self.advance_limit();
        let after = self.head + self.tail;
        if after > 1e100 {
            (self.head, self.tail, self.at_limit) =
                (self.head / after, self.tail / after, self.at_limit / after);
        }
        Some(f64::from(self.population) * before / after)
    }
}
