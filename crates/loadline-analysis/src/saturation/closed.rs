//! Closed systems fitted to latency against users: a fixed number of users who think, ask and wait for the answer.
//!
//! Two kinds, weighted by how well they explain the latencies: M/M/c with a finite population, and a network of
//! single-server stations by exact mean value analysis ([`crate::queueing::closed`]). The think time needs no model: by
//! Little's law for the whole circle it is Z = N/X − R.

use statrs::distribution::{ContinuousCDF, Normal};

use super::estimate::{Estimate, coarsening};
use super::family::Shape;
use super::points::{Level, Points};
use super::sampler::{Unit, sample};
use crate::numeric::random::Random;
use crate::queueing::closed::repairman_exceeds;

/// Systems drawn of each kind.
const PARTICLES: usize = 300;
/// Servers are thought to be at most so many before the data are seen, stations so many.
const SERVERS_MOST: f64 = 500.0;
const STATIONS_MOST: f64 = 8.0;
/// The error expected before the data are seen: one measurement's worth of 2 %.
const PRIOR_ERROR: f64 = 0.02;
/// Levels beyond this many are put together.
const LEVELS_MOST: usize = 40;
/// Networks are worked out user by user, up to here.
pub(super) const USERS_MOST: f64 = 5_000.0;

/// Throughput × latency may be so many times the users: whose requests reach over the end of a measurement are in the one and
/// not in the other.
const OVERFULL: f64 = 1.05;
/// And so many standard errors more than the users.
const OVERFULL_ERRORS: f64 = 3.0;

/// One measurement with users who wait for their answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// How many there are, N.
    pub users: f64,
    /// Requests completed per second, X.
    pub throughput: f64,
    /// Mean response time in seconds, R.
    pub latency: f64,
}

/// The number of users, and the rate that they make, at which an objective is met exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meeting {
    /// 0 where even one user waits longer.
    pub users: Estimate,
    /// Requests per second.
    pub rate: Estimate,
}

/// Systems that explain the measurements, drawn with the plausibility that they have in their light.
#[derive(Debug, Clone)]
pub struct ClosedFit {
    /// With their weights.
    systems: Vec<(System, f64)>,
    /// How far the latencies are from those of the nearest system drawn, typically, as a share of them.
    pub missed: f64,
    /// Mean think time in seconds.
    pub think: f64,
    /// How many times the users throughput × latency are, where that is clearly more than there are: no closed system is so.
    pub overfull: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Servers,
    Network,
}

#[derive(Debug, Clone, Copy)]
struct System {
    shape: Shape,
    /// Completions per second that cannot be exceeded.
    ceiling: f64,
    think: f64,
}

/// What is known before a system is thought of.
struct Frame {
    most: f64,
    think: f64,
    think_error: f64,
    overfull: Option<f64>,
}

impl System {
    /// `first`: the ceiling, by the largest throughput measured; `second`: think time within its error; the
    /// others: servers, or balance and number of stations.
    fn at(kind: Kind, [first, second, third, fourth]: Unit, frame: &Frame) -> System {
        // The largest throughput measured may lie above the ceiling by its error.
        let ceiling = frame.most * (0.9 + 0.01 * 1e3_f64.powf(first));
        let think = (frame.think + frame.think_error * Normal::standard().inverse_cdf(second)).max(0.0);
        let shape = match kind {
            Kind::Servers => {
                let servers = SERVERS_MOST.powf(third).round();
                let (onset, slowdown) = (f64::INFINITY, 0.0);
                Shape::Servers { knee: servers + ceiling * think, servers: servers as u32, onset, slowdown }
            }
            Kind::Network => {
                let (balance, stations) = (third, STATIONS_MOST.powf(fourth).round());
                Shape::Network { knee: 1.0 + stations * balance + ceiling * think, stations, balance }
            }
        };
        System { shape, ceiling, think }
    }

    /// Mean response times for these numbers of users, ascending: R = N/X − Z.
    fn latencies(&self, users: &[f64], out: &mut Vec<f64>) {
        self.shape.log_relative(users, out);
        let scale = self.shape.maximum() / self.ceiling;
        for (latency, n) in out.iter_mut().zip(users) {
            *latency = (n * scale / latency.exp() - self.think).max(f64::MIN_POSITIVE);
        }
    }

    fn throughput(&self, users: f64) -> f64 {
        let mut latency = Vec::new();
        self.latencies(&[users], &mut latency);
        users / (latency[0] + self.think)
    }

    /// The number of users at which the mean response time is `limit`.
    fn meets_mean(&self, limit: f64) -> f64 {
        // X is at most the ceiling, so it is at most this many.
        let most = self.ceiling * (limit + self.think);
        if most > USERS_MOST {
            return most;
        }
        let users: Vec<f64> = (1..=most as usize + 1).map(|n| n as f64).collect();
        let mut latencies = Vec::new();
        self.latencies(&users, &mut latencies);
        match latencies.iter().position(|latency| *latency > limit) {
            Some(0) => 0.0,
            Some(k) => users[k - 1] + (limit - latencies[k - 1]) / (latencies[k] - latencies[k - 1]),
            None => most,
        }
    }

    /// The most users whose response time is at most `limit` with probability `q`; `None` for a network, whose
    /// distribution the means do not tell.
    fn meets_quantile(&self, q: f64, limit: f64) -> Option<f64> {
        let Shape::Servers { servers, .. } = self.shape else { return None };
        let demand = f64::from(servers) / self.ceiling;
        let keeps = |users: u32| repairman_exceeds(demand, servers, self.think, users, limit) <= 1.0 - q;
        let (mut low, mut high) = (0, 1);
        while keeps(high) {
            (low, high) = (high, 2 * high);
            if f64::from(high) > USERS_MOST {
                return Some(USERS_MOST);
            }
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if keeps(middle) { low = middle } else { high = middle }
        }
        Some(f64::from(low))
    }
}

impl ClosedFit {
    /// Fits both kinds to the latencies, compared as logarithms. `None` where the concurrency is no number of users (not
    /// whole: a mean), for more than 5,000 of them, or at fewer than three levels.
    pub fn new(measured: &[Measured]) -> Option<ClosedFit> {
        let whole = |m: &Measured| m.users.fract() == 0.0 && m.users <= USERS_MOST;
        if !measured.iter().all(whole) {
            return None;
        }
        let by_users = |figure: fn(&Measured) -> f64| {
            let pairs: Vec<(f64, f64)> = measured.iter().map(|m| (m.users, figure(m))).collect();
            Points::new(&pairs).ok().map(|points| points.condensed(LEVELS_MOST))
        };
        let (latency, throughput) = (by_users(|m| m.latency)?, by_users(|m| m.throughput)?);
        let frame = Frame::of(&latency, &throughput);
        let users: Vec<f64> = latency.levels().iter().map(|level| level.concurrency).collect();
        let within: f64 = latency.levels().iter().map(|level| level.log_spread).sum();
        let mut latencies = Vec::new();
        let mut misfit = |system: &System| {
            system.latencies(&users, &mut latencies);
            let squares = latencies.iter().zip(latency.levels());
            squares.map(|(r, level)| level.count * (r.ln() - level.log_mean).powi(2)).sum::<f64>()
        };
        let count = measured.len() as f64;
        let mut drawn = Vec::new();
        for (kind, dimensions) in [(Kind::Servers, 3), (Kind::Network, 4)] {
            let density = |unit: &Unit| {
                let sum = within + misfit(&System::at(kind, *unit, &frame)) + PRIOR_ERROR * PRIOR_ERROR;
                -0.5 * coarsening(count) * count * sum.ln()
            };
            drawn.push((kind, sample(dimensions, PARTICLES, &mut Random::new(3), density)));
        }
        let best = drawn.iter().map(|(_, sample)| sample.log_integral).fold(f64::NEG_INFINITY, f64::max);
        let systems: Vec<(System, f64)> = drawn
            .iter()
            .flat_map(|(kind, sample)| {
                let weight = (sample.log_integral - best).exp();
                sample
                    .points
                    .iter()
                    .map(|unit| (System::at(*kind, *unit, &frame), weight))
                    .collect::<Vec<_>>()
            })
            .collect();
        let least = systems.iter().map(|(system, _)| misfit(system)).fold(f64::INFINITY, f64::min);
        let missed = (least / measured.len() as f64).sqrt();
        Some(ClosedFit { systems, missed, think: frame.think, overfull: frame.overfull })
    }

    /// The share of belief in networks of several stations.
    pub fn network_weight(&self) -> f64 {
        let networks =
            self.systems.iter().filter(|(system, _)| matches!(system.shape, Shape::Network { .. }));
        let total: f64 = self.systems.iter().map(|system| system.1).sum();
        networks.map(|system| system.1).sum::<f64>() / total
    }

    /// Where the mean response time, or a quantile of it, is `limit` seconds.
    pub fn meeting(&self, quantile: Option<f64>, limit: f64, confidence: f64) -> Meeting {
        let meets = |system: &System| match quantile {
            Some(q) => system.meets_quantile(q, limit),
            None => Some(system.meets_mean(limit)),
        };
        let met: Vec<(System, f64, f64)> = self
            .systems
            .iter()
            .filter_map(|(system, weight)| Some((*system, meets(system)?, *weight)))
            .collect();
        let rate = |(system, users, weight): &(System, f64, f64)| {
            (if *users > 0.0 { system.throughput(*users) } else { 0.0 }, *weight)
        };
        Meeting {
            users: Estimate::of(met.iter().map(|met| (met.1, met.2)).collect(), confidence),
            rate: Estimate::of(met.iter().map(rate).collect(), confidence),
        }
    }
}

impl Frame {
    /// The think time is the mean of N/X − R, each weighted by its precision: its error is in proportion to N/X. Below 0 it
    /// cannot be, since of N users no more than N wait.
    fn of(latency: &Points, throughput: &Points) -> Frame {
        let circle = |(r, x): (&Level, &Level)| {
            let around = x.concurrency / x.mean;
            (around - r.mean, x.count / (around * around))
        };
        let circles: Vec<(f64, f64)> = latency.levels().iter().zip(throughput.levels()).map(circle).collect();
        let total: f64 = circles.iter().map(|circle| circle.1).sum();
        let think = circles.iter().map(|(z, weight)| weight * z).sum::<f64>() / total;
        let scatter: f64 = circles.iter().map(|(z, weight)| weight * (z - think).powi(2)).sum();
        let think_error = (scatter / total / (circles.len() - 1) as f64).sqrt();
        let most = throughput.levels().iter().map(|level| level.mean).fold(0.0, f64::max);
        Frame { most, think: think.max(0.0), think_error, overfull: overfull(latency, throughput) }
    }
}

/// How many times the users throughput × latency are on average over the levels, where that is clearly more than there are.
/// As shares of the users, whose errors are of one size; those of think times are not.
fn overfull(latency: &Points, throughput: &Points) -> Option<f64> {
    let busy = |(r, x): (&Level, &Level)| r.mean * x.mean / x.concurrency;
    let shares: Vec<f64> = latency.levels().iter().zip(throughput.levels()).map(busy).collect();
    let count = shares.len() as f64;
    let mean = shares.iter().sum::<f64>() / count;
    let squares: f64 = shares.iter().map(|share| (share - mean).powi(2)).sum();
    let error = (squares / count / (count - 1.0)).sqrt();
    (mean > OVERFULL.max(1.0 + OVERFULL_ERRORS * error)).then_some(mean)
}
