//! Queues in virtual time, and the search driven against them.

use std::time::{Duration, Instant};

use loadline_analysis::search::interval::{Group, Interval, Values};
use loadline_analysis::search::{Asked, Measured, Next, Search, Step};
use loadline_model::run::LoadModel;
use loadline_model::slo::Slo;

pub(crate) mod kinds;
pub(crate) mod queue;

use kinds::{Kind, PRECISION};
use queue::Random;

/// With the lengths of steps that `loadline saturate` has by default.
pub(crate) fn search() -> Search {
    Search {
        start: 10.0,
        least: 1.0,
        most: 100_000.0,
        growth: 2.0,
        precision: PRECISION,
        confidence: 0.9,
        time_s: 36_000.0,
        least_s: 0.0,
        step_s: 5.0,
        step_requests: 4_000.0,
    }
}

/// A search from beginning to end.
pub(crate) struct Run {
    pub(crate) end: Next,
    pub(crate) steps: Vec<Step>,
    pub(crate) requests: f64,
    /// How long each decision took.
    #[allow(dead_code, reason = "the example that prints the marks uses it")]
    pub(crate) decisions: Vec<Duration>,
}

/// Drives the search against a queue that is empty at the beginning of every step.
pub(crate) fn run(search: &Search, kind: &Kind, seed: u64) -> Run {
    let mut random = Random::new(seed + 1);
    let slo: Slo = kind.objective().parse().expect("an objective");
    let (mut steps, mut requests, mut decisions) = (Vec::new(), 0.0, Vec::new());
    for _ in 0..200 {
        let before = Instant::now();
        let next = search.next(&steps);
        decisions.push(before.elapsed());
        match next {
            Next::Run { load, duration_s, confirming } => {
                let mut measured = Measured::new(std::slice::from_ref(&slo));
                for interval in simulate(&mut random, kind, load, duration_s) {
                    requests += interval.offered as f64;
                    measured.push_interval(interval);
                }
                let (model, took_s) = (LoadModel::Open, duration_s);
                let failing = false;
                let asked = Asked { load, model, duration_s, took_s, confirming, failing, confidence: 0.9 };
                steps.push(measured.judge(&asked).step);
            }
            end => return Run { end, steps, requests, decisions },
        }
    }
    panic!("the search does not end: {} steps, {:?}", steps.len(), steps.last());
}

/// What a step shows, by second of arrival.
fn simulate(random: &mut Random, kind: &Kind, rate: f64, duration_s: f64) -> Vec<Interval> {
    let mut seconds: Vec<Second> = vec![Second::default(); duration_s.ceil() as usize];
    kind.run(random, rate, duration_s, |at, response, failed| {
        let second = &mut seconds[at as usize];
        second.responses.push((three_digits((response * 1e6) as u64), 1));
        second.failed += u64::from(failed);
        if let Some(second) = seconds.get_mut((at + response) as usize) {
            second.completed += 1;
        }
    });
    seconds.into_iter().map(interval).collect()
}

/// The requests that came within a second, and how many were completed within it.
#[derive(Debug, Clone, Default)]
struct Second {
    responses: Vec<(u64, u64)>,
    failed: u64,
    completed: u64,
}

/// As a histogram of three digits keeps it.
fn three_digits(us: u64) -> u64 {
    let bits = (64 - us.max(1).leading_zeros()).saturating_sub(11);
    us.max(1) | ((1 << bits) - 1)
}

fn interval(Second { responses, failed, completed }: Second) -> Interval {
    let requests = responses.len() as u64;
    let response: Values = responses.into_iter().collect();
    let all = Group { response, service: Values::default(), requests, failed };
    let completed_ok = completed - failed.min(completed);
    Interval { groups: vec![all], offered: requests, completed, completed_ok, backlog: 0 }
}
