//! How often duels between simulated services are right: `cargo run --example simulate_duel -- [DUELS]`.
//!
//! Each side serves 300 requests a second with log-normal times for at most 180 s, while another program burns the
//! processor in bursts of 0.2 to 2 s with pauses alike. In a burst each side, by itself, stands still for a share of the
//! time, so that much of the noise is not common to both.

use std::time::Duration;

use loadline_analysis::compare::duel::{Referee, Rules};
use loadline_model::comparison::Verdict;
use loadline_model::histogram;
use loadline_model::recording::{Durations, GeneratorSecond, RequestCounts, RequestSecond, Second};

const PER_S: usize = 300;
const SECONDS: u64 = 180;

/// Numbers from a fixed generator (Knuth's multiplier).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Nearly normal: the sum of twelve uniform ones less six.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

struct Services {
    random: Random,
    medians_ms: [f64; 2],
    sigma: f64,
    /// Until when the burst or pause at hand lasts, in seconds.
    until: f64,
    burst: bool,
    /// Shares of the time in which the sides stand still in this burst.
    still: [f64; 2],
}

impl Services {
    fn new(seed: u64, medians_ms: [f64; 2], sigma: f64) -> Services {
        let random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Services { random, medians_ms, sigma, until: 0.0, burst: false, still: [0.0; 2] }
    }

    fn second(&mut self, second: u64) -> Second {
        let mut durations = [Durations::empty(), Durations::empty()];
        for at in 0..PER_S {
            self.turn(second as f64 + at as f64 / PER_S as f64);
            for (side, durations) in durations.iter_mut().enumerate() {
                let mut ms = 0.2 + self.medians_ms[side] * (self.sigma * self.random.normal()).exp();
                if self.burst && self.random.uniform() < self.still[side] {
                    ms += 20.0 * self.random.uniform();
                }
                histogram::record(&mut durations.response, Duration::from_secs_f64(ms / 1e3));
            }
        }
        let mut names = names().into_iter();
        let requests = durations.map(|durations| RequestSecond {
            counts: RequestCounts {
                request: names.next().unwrap_or_default(),
                requests: PER_S as u64,
                ..RequestCounts::default()
            },
            durations,
        });
        Second { second, generator: vec![GeneratorSecond::default()], requests: requests.into() }
    }

    /// Begins and ends bursts.
    fn turn(&mut self, now: f64) {
        if now >= self.until {
            self.burst = !self.burst;
            self.until = now + 0.2 + 1.8 * self.random.uniform();
            self.still = [0, 1].map(|_| 0.5 * self.random.uniform());
        }
    }
}

fn names() -> Vec<String> {
    vec!["base: /".into(), "candidate: /".into()]
}

/// The verdict and after how many seconds.
fn hold(rules: &Rules, mut services: Services) -> (Verdict, u64) {
    let mut referee = Referee::new(rules.clone(), &names()).expect("the rules can be followed");
    for second in 0..SECONDS {
        referee.push(&services.second(second));
        if referee.is_decided() {
            return (referee.comparison().verdict, second + 1);
        }
    }
    (referee.comparison().verdict, SECONDS)
}

fn main() {
    let duels: u64 = std::env::args().nth(1).and_then(|duels| duels.parse().ok()).unwrap_or(50);
    println!(
        "{:34} {:>9} {:>9} {:>6} {:>8} {:>7}",
        "", "regressed", "improved", "pass", "unclear", "seconds"
    );
    for (sigma, tolerance) in [(0.0, 0.02), (0.3, 0.02), (0.3, 0.0), (0.5, 0.02), (0.5, 0.0)] {
        for candidate_ms in [5.0, 5.25] {
            let rules = Rules { tolerance, metrics: vec!["p50".into()], ..Rules::default() };
            let held: Vec<(Verdict, u64)> = (0..duels)
                .map(|seed| hold(&rules, Services::new(seed, [5.0, candidate_ms], sigma)))
                .collect();
            let share = |verdict| held.iter().filter(|(v, _)| *v == verdict).count() as f64 / duels as f64;
            let seconds = held.iter().map(|(_, seconds)| *seconds as f64).sum::<f64>() / duels as f64;
            println!(
                "5 ms, {candidate_ms:4} ms, σ {sigma}, tolerance {:.0}%  {:9.3} {:9.3} {:6.3} {:8.3} {seconds:7.0}",
                tolerance * 100.0,
                share(Verdict::Regressed),
                share(Verdict::Improved),
                share(Verdict::Pass),
                share(Verdict::Inconclusive),
            );
        }
    }
}
