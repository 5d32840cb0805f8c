//! M/M/c in virtual time, and the search driven against it.

use loadline_analysis::search::{Next, Search, Step};
use loadline_analysis::steady_state::{Settling, quantile, settling};
use loadline_model::histogram::{self, Histogram};

/// Intervals of a step.
const INTERVALS: usize = 40;

pub(crate) fn search() -> Search {
    Search {
        start: 10.0,
        least: 1.0,
        most: 100_000.0,
        growth: 2.0,
        precision: 0.05,
        confidence: 0.9,
        time_s: 3_600.0,
        step_s: 5.0,
        step_requests: 4_000.0,
    }
}

/// A search from beginning to end.
pub(crate) struct Run {
    pub(crate) end: Next,
    pub(crate) steps: Vec<Step>,
    pub(crate) requests: f64,
}

/// A generator of random numbers of its own, so that the queue is no relative of what is tested (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678_9ABC_DEF1)
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        -mean * ((bits as f64 + 0.5) / (1_u64 << 53) as f64).ln()
    }
}

/// Drives the search against an M/M/c queue that starts empty at every step.
pub(crate) fn run(search: &Search, servers: u32, service_ms: f64, limit_ms: f64, seed: u64) -> Run {
    let mut random = Random::new(seed + 1);
    let (mut steps, mut requests) = (Vec::new(), 0.0);
    for _ in 0..200 {
        match search.next(&steps) {
            Next::Run { load, duration_s, confirming } => {
                let intervals = simulate(&mut random, load, servers, service_ms / 1e3, duration_s);
                requests += intervals.iter().map(|i| i.len() as f64).sum::<f64>();
                steps.push(judge(&intervals, load, duration_s, limit_ms, confirming));
            }
            end => return Run { end, steps, requests },
        }
    }
    panic!("the search does not end: {steps:?}");
}

/// The recursion of Kiefer and Wolfowitz: an arrival takes the server that is free first. Response times by
/// interval of arrival.
pub(crate) fn simulate(
    random: &mut Random,
    rate: f64,
    servers: u32,
    service_s: f64,
    duration_s: f64,
) -> Vec<Histogram> {
    let mut intervals: Vec<Histogram> = (0..INTERVALS).map(|_| histogram::new()).collect();
    let mut free = vec![0.0_f64; servers as usize];
    let mut now = 0.0;
    loop {
        now += random.exponential(1.0 / rate);
        let Some(interval) = intervals.get_mut((now / duration_s * INTERVALS as f64) as usize) else {
            return intervals;
        };
        let first = (0..free.len()).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap();
        let done = free[first].max(now) + random.exponential(service_s);
        free[first] = done;
        let response_us = ((done - now) * 1e6) as u64;
        interval.record(response_us.clamp(histogram::LOWEST_US, histogram::HIGHEST_US)).unwrap();
    }
}

pub(crate) fn judge(
    intervals: &[Histogram],
    load: f64,
    took_s: f64,
    limit_ms: f64,
    confirming: bool,
) -> Step {
    let means: Vec<f64> = intervals.iter().map(Histogram::mean).collect();
    let (from, settled) = match settling(&means) {
        Settling::From(cut) => (cut, true),
        Settling::Never => (intervals.len() / 2, false),
        Settling::Unknown => (0, true),
    };
    let p99 = quantile(&intervals[from..], 0.99, 0.9).unwrap();
    let score = (p99.value_ms / limit_ms).ln();
    Step { load, took_s, score, error: p99.log_error, settled, generator_limited: false, confirming }
}

/// A staircase of twenty steps, of a twentieth of the capacity each, that ends at the capacity. Its steps are of
/// one length: so long that the last one gives an interval as wide as the search's, which is where the error of
/// the score is that half width (over the normal quantile of `confidence` 90 %) times the `slope` of the score
/// over the logarithm of the rate; and no shorter than the search's own steps, since shorter ones do not settle.
/// The error for a length comes from the confirming run.
pub(crate) fn staircase_requests(run: &Run, capacity: f64, half_width: f64, slope: f64) -> f64 {
    let Some(confirming) = run.steps.iter().find(|step| step.confirming) else { return f64::NAN };
    let needed = half_width / 1.645 * slope;
    let near: Vec<f64> =
        run.steps.iter().filter(|s| (s.load / capacity - 1.0).abs() < 0.2).map(|s| s.took_s).collect();
    let usual = near.iter().sum::<f64>() / near.len() as f64;
    let length_s = (confirming.took_s * (confirming.error / needed).powi(2)).max(usual);
    (1..=20).map(|k| capacity * f64::from(k) / 20.0 * length_s).sum()
}
