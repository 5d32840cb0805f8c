//! Services whose capacity is known, for the marks of the search.

use loadline_analysis::queueing::mmc;

use super::queue::{Queue, Random, Service};

/// The precision asked for: half the width of the interval over the capacity.
pub(crate) const PRECISION: f64 = 0.05;

/// A queue with an objective on its p99.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) queue: Queue,
    /// The limit over the p99 of an exponential service time with the same mean.
    pub(crate) times: f64,
    /// The capacity for a service that has no closed form, by [`Kind::simulated_capacity`].
    simulated: Option<f64>,
    /// How long a step of a staircase has to be, by [`Kind::staircase_step_s`].
    pub(crate) staircase_step_s: f64,
}

const SERVICE_S: f64 = 0.005;

const fn kind(
    name: &'static str,
    servers: u32,
    service: Service,
    times: f64,
    simulated: Option<f64>,
    staircase_step_s: f64,
) -> Kind {
    let queue = Queue { servers, service, service_s: SERVICE_S };
    Kind { name, queue, times, simulated, staircase_step_s }
}

/// From one server to many, from a tight limit to a wall, and other service times than exponential ones.
pub(crate) const KINDS: [Kind; 13] = [
    kind("M/M/1 tight", 1, Service::Exponential, 1.5, None, 1313.46),
    kind("M/M/1", 1, Service::Exponential, 2.0, None, 500.65),
    kind("M/M/1 loose", 1, Service::Exponential, 5.0, None, 155.57),
    kind("M/M/1 wall", 1, Service::Exponential, 20.0, None, 86.14),
    kind("M/M/2", 2, Service::Exponential, 1.5, None, 151.17),
    kind("M/M/2 loose", 2, Service::Exponential, 3.0, None, 75.11),
    kind("M/M/4 tight", 4, Service::Exponential, 1.2, None, 67.2),
    kind("M/M/4 wall", 4, Service::Exponential, 10.0, None, 20.99),
    kind("M/M/16", 16, Service::Exponential, 1.1, None, 5.05),
    kind("M/M/16 loose", 16, Service::Exponential, 2.0, None, 4.01),
    kind("M/D/1", 1, Service::Deterministic, 1.0, Some(104.84), 179.52),
    kind("M/D/4", 4, Service::Deterministic, 0.7, Some(627.84), 19.71),
    kind("M/LN/2", 2, Service::LogNormal(1.0), 3.0, None, 0.0),
];

impl Kind {
    pub(crate) fn limit_s(&self) -> f64 {
        // In whole microseconds, as an objective is written.
        (self.times * SERVICE_S * 100.0_f64.ln() * 1e6).round() / 1e6
    }

    /// The largest rate with p99 within the limit: the closed form of M/M/c, otherwise from a long simulation.
    pub(crate) fn capacity(&self) -> f64 {
        match self.queue.service {
            Service::Exponential => mmc::capacity(1.0 / SERVICE_S, self.queue.servers, 0.99, self.limit_s())
                .expect("a good queue")
                .expect("an idle service keeps the limit"),
            _ => self.simulated.unwrap_or_else(|| self.simulated_capacity(2_000_000.0)),
        }
    }

    /// The share of requests beyond the limit.
    fn beyond(&self, random: &mut Random, rate: f64, from_s: f64, duration_s: f64) -> f64 {
        let (mut beyond, mut all) = (0_u32, 0_u32);
        self.queue.run(random, rate, duration_s, |at, response| {
            if at >= from_s {
                all += 1;
                beyond += u32::from(response > self.limit_s());
            }
        });
        f64::from(beyond) / f64::from(all.max(1))
    }

    /// By bisection with one sequence of random numbers, over this many requests.
    pub(crate) fn simulated_capacity(&self, requests: f64) -> f64 {
        let (mut low, mut high) = (0.0, f64::from(self.queue.servers) / SERVICE_S);
        for _ in 0..20 {
            let rate = 0.5 * (low + high);
            let duration_s = requests / rate;
            let kept = self.beyond(&mut Random::new(1), rate, 0.01 * duration_s, duration_s) <= 0.01;
            (low, high) = if kept { (rate, high) } else { (low, rate) };
        }
        0.5 * (low + high)
    }

    /// How long a step of a staircase has to be: the shortest for which the verdict at one step (5 %) below the
    /// capacity, and at one above, is right 19 times in 20, so that the capacity lies within one step of where it
    /// ends 9 times in 10; and at least ten requests beyond the p99 at the capacity.
    #[allow(dead_code, reason = "the example that prints the marks uses it")]
    pub(crate) fn staircase_step_s(&self, rounds: u32) -> f64 {
        let capacity = self.capacity();
        let mut random = Random::new(99);
        let mut right = |duration_s: f64, factor: f64| {
            let (mut right, mut wrong) = (0, 0);
            while right + wrong < rounds && wrong * 20 <= rounds {
                let share = self.beyond(&mut random, capacity * factor, 0.0, duration_s);
                let is_right = (share > 0.01) == (factor > 1.0);
                right += u32::from(is_right);
                wrong += u32::from(!is_right);
            }
            wrong * 20 <= rounds
        };
        let mut duration_s = 1_000.0 / capacity;
        while !(right(duration_s, 1.0 - PRECISION) && right(duration_s, 1.0 + PRECISION)) {
            duration_s *= 1.15;
        }
        duration_s
    }

    /// The requests of a staircase of twenty equal steps that ends at the capacity.
    pub(crate) fn staircase_requests(&self) -> f64 {
        (1..=20).map(|k| self.capacity() * f64::from(k) / 20.0 * self.staircase_step_s).sum()
    }
}
