//! M/M/c in virtual time, and the search driven against it.

use loadline_analysis::search::interval::{Group, Interval, Values};
use loadline_analysis::search::{Asked, Measured, Next, Search, Step};
use loadline_model::run::LoadModel;
use loadline_model::slo::Slo;

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
                requests += intervals.iter().map(|i| i.offered as f64).sum::<f64>();
                steps.push(judge(&intervals, load, duration_s, limit_ms, confirming));
            }
            end => return Run { end, steps, requests },
        }
    }
    panic!("the search does not end: {steps:?}");
}

/// The recursion of Kiefer and Wolfowitz: an arrival takes the server that is free first. Response times by
/// second of arrival.
pub(crate) fn simulate(
    random: &mut Random,
    rate: f64,
    servers: u32,
    service_s: f64,
    duration_s: f64,
) -> Vec<Interval> {
    let mut seconds: Vec<Vec<(u64, u64)>> = vec![Vec::new(); duration_s.ceil() as usize];
    let mut free = vec![0.0_f64; servers as usize];
    let mut now = 0.0;
    loop {
        now += random.exponential(1.0 / rate);
        if now >= duration_s {
            return seconds.into_iter().map(interval).collect();
        }
        let first = (0..free.len()).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap();
        let done = free[first].max(now) + random.exponential(service_s);
        free[first] = done;
        seconds[now as usize].push((three_digits(((done - now) * 1e6) as u64), 1));
    }
}

/// As a histogram of three digits keeps it.
fn three_digits(us: u64) -> u64 {
    let bits = (64 - us.max(1).leading_zeros()).saturating_sub(11);
    us.max(1) | ((1 << bits) - 1)
}

fn interval(responses: Vec<(u64, u64)>) -> Interval {
    let requests = responses.len() as u64;
    let response: Values = responses.into_iter().collect();
    let all = Group { response, service: Values::default(), requests, failed: 0 };
    Interval { groups: vec![all], offered: requests, completed: requests, completed_ok: requests, backlog: 0 }
}

pub(crate) fn judge(intervals: &[Interval], load: f64, took_s: f64, limit_ms: f64, confirming: bool) -> Step {
    let slo: Slo = format!("p99 < {limit_ms}ms").parse().unwrap();
    let mut measured = Measured::new(&[slo]);
    intervals.iter().for_each(|interval| measured.push_interval(interval.clone()));
    let model = LoadModel::Open;
    let asked = Asked { load, model, duration_s: took_s, took_s, confirming, confidence: 0.9 };
    measured.judge(&asked).step
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
