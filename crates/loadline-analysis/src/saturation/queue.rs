//! M/M/c fitted to latency against load.

use super::estimate::{Estimate, coarsening};
use super::points::{Level, Points};
use super::sampler::{Unit, sample};
use crate::numeric::random::Random;
use crate::queueing::mmc::{self, erlang_c};

/// Queues drawn.
const PARTICLES: usize = 400;
/// More servers than this are not told apart from endless many.
const MOST_SERVERS: f64 = 500.0;
/// The error expected before the data are seen: one measurement's worth of 2 %.
const PRIOR_ERROR: f64 = 0.02;

/// Levels beyond this many are put together.
const MOST_LEVELS: usize = 40;
/// The curves that are thought possible have λ and one to four parameters of shape, a queue two in all.
const MORE_PARAMETERS: f64 = 2.0;
/// Halvings by which a rate is found: far finer than the queues drawn differ.
const HALVINGS: usize = 40;
/// A gain is a difference over this share of the concurrency to either side: far more than halving leaves open.
const GAIN_STEP: f64 = 1e-3;

/// Queues that explain the measurements, drawn with the plausibility that they have in their light.
#[derive(Debug, Clone)]
pub struct QueueFit {
    queues: Vec<Queue>,
    /// The one of them that is nearest to the measurements.
    best: Queue,
    /// Share of the variance of ln latency that the nearest queue explains.
    pub r_squared: f64,
}

#[derive(Debug, Clone, Copy)]
struct Queue {
    servers: f64,
    /// Completions per unit of time of all servers.
    ceiling: f64,
}

impl Queue {
    /// `first`: how far the ceiling is above the largest throughput measured; `second`: servers.
    fn at(unit: &Unit, most: f64) -> Queue {
        let above = 0.001 * (10.0_f64 / 0.001).powf(unit[0]);
        Queue { servers: MOST_SERVERS.powf(unit[1]).round(), ceiling: most * (1.0 + above) }
    }

    fn service_time(&self) -> f64 {
        self.servers / self.ceiling
    }

    fn latency(&self, rate: f64) -> f64 {
        let offered = rate * self.service_time();
        self.service_time() + erlang_c(self.servers as u32, offered) / (self.ceiling - rate)
    }

    /// How far, in logarithms, a typical measurement of a level lies from a curve of latencies that goes through its mean:
    /// with the concurrency as it is and the rate less by its scatter the latency is more by as much, and that of the
    /// queue is less. To that side, since to the other there is the ceiling.
    fn stray(&self, level: &Level) -> f64 {
        let scatter = (level.log_spread / level.count).sqrt();
        scatter + (self.latency(level.mean) / self.latency(level.mean * (-scatter).exp())).ln()
    }

    /// The rate at which this many requests are in the system on average.
    fn throughput(&self, concurrency: f64) -> f64 {
        halve(self.ceiling, |rate| rate * self.latency(rate) < concurrency)
    }
}

/// The largest rate below `ceiling` at which `holds`.
fn halve(ceiling: f64, holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, ceiling);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if holds(middle) { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

impl QueueFit {
    /// Fits M/M/c to the latencies R = N/X (Little's law) at the rates X. Both are compared as logarithms.
    pub fn new(points: &Points) -> QueueFit {
        // By rate: among neighbours by concurrency, which has the latency's error in it, long latencies would be chosen.
        let latencies = points.latencies().condensed(MOST_LEVELS);
        let measured: Vec<(f64, f64, f64)> =
            latencies.levels().iter().map(|l| (l.concurrency, l.log_mean, l.count)).collect();
        let most = measured[measured.len() - 1].0;
        let misfit = |queue: &Queue| {
            let one =
                |&(rate, log, count): &(f64, f64, f64)| count * (log - queue.latency(rate).ln()).powi(2);
            measured.iter().map(one).sum::<f64>()
        };
        let count = points.count();
        let draw = |within: f64| {
            let density = |unit: &Unit| {
                let sum = within + misfit(&Queue::at(unit, most)) + PRIOR_ERROR * PRIOR_ERROR;
                -0.5 * coarsening(count) * count * sum.ln()
            };
            let drawn = sample(2, PARTICLES, &mut Random::new(2), density);
            drawn.points.iter().map(|unit| Queue::at(unit, most)).collect::<Vec<_>>()
        };
        let nearest = |queues: &[Queue]| {
            let squares = queues.iter().map(|queue| (misfit(queue), *queue));
            squares.min_by(|a, b| a.0.total_cmp(&b.0)).expect("there are queues")
        };
        let condensed: f64 = latencies.levels().iter().map(|level| level.log_spread).sum();
        let mut queues = draw(condensed);
        let (mut least, mut best) = nearest(&queues);
        // How much a scatter of the rate is for the latency depends on the queue: on the nearest.
        let repeats =
            points.levels().iter().filter(|level| level.log_spread > 0.0 && level.mean < best.ceiling);
        let repeated: f64 = repeats.map(|level| level.count * best.stray(level).powi(2)).sum();
        if repeated > 0.0 {
            queues = draw(condensed + repeated);
            (least, best) = nearest(&queues);
        }
        let mean = measured.iter().map(|m| m.1 * m.2).sum::<f64>() / count;
        let total: f64 = measured.iter().map(|m| m.2 * (m.1 - mean).powi(2)).sum();
        QueueFit { queues, best, r_squared: 1.0 - least / total }
    }

    /// How far the latencies are from those of the best queue drawn, typically, as a share of them.
    pub(super) fn typical_miss(&self, points: &Points) -> f64 {
        let latencies = points.latencies().condensed(MOST_LEVELS);
        let levels = latencies.levels();
        let miss = |l: &Level| (l.log_mean - self.best.latency(l.concurrency).ln()).powi(2);
        (levels.iter().map(miss).sum::<f64>() / levels.len() as f64).sqrt()
    }

    /// Whether the best queue is as near to the measurements as `curve`, which gives throughputs at concurrencies, allowing for
    /// the more parameters of curves (by Akaike's criterion). By levels of the rate, since among neighbours by concurrency long
    /// latencies would be chosen.
    pub(super) fn is_as_near_as(&self, curve: impl Fn(&[f64]) -> Vec<f64>, points: &Points) -> bool {
        let latencies = points.latencies().condensed(MOST_LEVELS);
        let mut places: Vec<(f64, f64)> =
            latencies.levels().iter().map(|l| (l.concurrency * l.log_mean.exp(), l.concurrency)).collect();
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        let concurrencies: Vec<f64> = places.iter().map(|place| place.0).collect();
        let squares = |by: Vec<f64>| -> f64 {
            places.iter().zip(by).map(|((_, rate), by)| (rate / by).ln().powi(2)).sum()
        };
        let queue = concurrencies.iter().map(|n| self.nearest(*n)).collect();
        squares(queue) <= squares(curve(&concurrencies)) * (2.0 * MORE_PARAMETERS / places.len() as f64).exp()
    }

    /// Throughput of the queue nearest to the measurements.
    pub(super) fn nearest(&self, concurrency: f64) -> f64 {
        self.best.throughput(concurrency)
    }

    fn estimate(&self, confidence: f64, figure: impl Fn(&Queue) -> f64) -> Estimate {
        Estimate::of(self.queues.iter().map(|queue| (figure(queue), 1.0)).collect(), confidence)
    }

    /// Parallel servers.
    pub fn servers(&self, confidence: f64) -> Estimate {
        self.estimate(confidence, |queue| queue.servers)
    }

    /// Mean service time, in the unit of concurrency over throughput.
    pub fn service_time(&self, confidence: f64) -> Estimate {
        self.estimate(confidence, Queue::service_time)
    }

    /// The rate that cannot be exceeded, c/S.
    pub fn ceiling(&self, confidence: f64) -> Estimate {
        self.estimate(confidence, |queue| queue.ceiling)
    }

    /// The mean number of requests in the system at this share, below 1, of the ceiling.
    pub fn reaching(&self, share: f64, confidence: f64) -> Estimate {
        self.estimate(confidence, |queue| {
            let rate = share * queue.ceiling;
            rate * queue.latency(rate)
        })
    }

    /// The rate at which the mean response time, or a quantile of it, is `limit`; 0 where it is longer without load.
    pub fn crossing(&self, quantile: Option<f64>, limit: f64, confidence: f64) -> Estimate {
        self.estimate(confidence, |queue| match quantile {
            Some(q) => {
                let capacity = mmc::capacity(1.0 / queue.service_time(), queue.servers as u32, q, limit);
                capacity.ok().flatten().unwrap_or(0.0)
            }
            None if queue.service_time() > limit => 0.0,
            None => halve(queue.ceiling, |rate| queue.latency(rate) <= limit),
        })
    }

    /// The rate at which this many requests are in the system on average.
    pub fn throughput(&self, concurrency: f64, confidence: f64) -> Estimate {
        self.estimate(confidence, |queue| queue.throughput(concurrency))
    }

    /// The rate gained by one more request in the system on average, dX/dN: by how much more may arrive.
    pub fn marginal_gain(&self, concurrency: f64, confidence: f64) -> Estimate {
        let step = GAIN_STEP * concurrency;
        self.estimate(confidence, |queue| {
            (queue.throughput(concurrency + step) - queue.throughput(concurrency - step)) / (2.0 * step)
        })
    }
}
