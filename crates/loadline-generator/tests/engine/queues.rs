//! Queues whose response times are known in closed form.

use std::time::Duration;

use loadline_generator::random;
use loadline_generator::schedule::Arrivals;

use crate::simulation::{PAGE, Simulation, rate, s, us, values};

/// D/D/1: an arrival each 100 µs. Below capacity nobody waits; above it each waits 10 µs longer than the one before.
#[test]
fn even_arrivals_at_a_constant_server_wait_as_arithmetic_says() {
    let simulation = Simulation::new(PAGE, &[rate(10_000.0, us(15_000), Arrivals::Uniform)]);
    let below = simulation.against_queue(1, || us(60));
    assert_eq!(values(&below.durations.response), vec![60; 150]);
    let above = simulation.against_queue(1, || us(110));
    assert_eq!(values(&above.durations.response), (0..150).map(|k| 110 + 10 * k).collect::<Vec<_>>());
    // The queue is the service's: its time is service time, and the generator's delay is none (kept as 1 µs).
    assert_eq!(values(&above.durations.service), values(&above.durations.response));
    assert_eq!(values(&above.durations.delay), vec![1; 150]);
    // D/D/2 with the same overload a server.
    let two = simulation.against_queue(2, || us(220));
    let expected: Vec<u64> = (0..75).flat_map(|k| [220 + 20 * k; 2]).collect();
    assert_eq!(values(&two.durations.response), expected);
}

/// The probability of waiting in M/M/c with offered load `a` (Erlang, 1917).
fn erlang_c(servers: usize, a: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..servers {
        term *= a / k as f64;
        sum += term;
    }
    let last = term * a / servers as f64 * servers as f64 / (servers as f64 - a);
    last / (sum + last)
}

/// Exponential service times with this mean; a stream of their own.
fn exponential(mean_s: f64) -> impl FnMut() -> Duration + Clone {
    let mut drawn = 0;
    move || {
        drawn += 1;
        Duration::from_secs_f64(mean_s * random::exponential(99, drawn))
    }
}

/// M/M/c: the mean response time is 1/μ + C(c, a)/(cμ − λ). The seeds are fixed, so this never fails by chance;
/// the tolerance is what a few hundred thousand correlated response times allow.
#[test]
fn poisson_arrivals_at_exponential_servers_follow_erlang() {
    for (servers, utilisation) in [(1, 0.5), (1, 0.8), (3, 0.7), (10, 0.9)] {
        let (mu, lambda) = (1000.0, utilisation * 1000.0 * servers as f64);
        let length = Duration::from_secs_f64(250_000.0 / lambda);
        let simulation = Simulation::new(PAGE, &[rate(lambda, length, Arrivals::Poisson)]);
        let outcome = simulation.against_queue(servers, exponential(1.0 / mu));
        let wait = erlang_c(servers, lambda / mu) / (servers as f64 * mu - lambda);
        let (mean_us, expected_us) = (outcome.durations.response.mean(), (1.0 / mu + wait) * 1e6);
        let off = mean_us / expected_us - 1.0;
        assert!(
            off.abs() < 0.03,
            "M/M/{servers} at {utilisation}: {mean_us:.1} µs, expected {expected_us:.1} µs"
        );
    }
}

/// M/M/1: response times are exponential with rate μ − λ, so that quantile q is −ln(1 − q)/(μ − λ).
#[test]
fn the_quantiles_of_one_exponential_server_are_exponential() {
    let (mu, lambda) = (1000.0, 600.0);
    let simulation = Simulation::new(PAGE, &[rate(lambda, s(400), Arrivals::Poisson)]);
    let outcome = simulation.against_queue(1, exponential(1.0 / mu));
    for q in [0.5, 0.9, 0.99] {
        let expected_us = -(1.0f64 - q).ln() / (mu - lambda) * 1e6;
        let seen_us = outcome.durations.response.value_at_quantile(q) as f64;
        assert!(
            (seen_us / expected_us - 1.0).abs() < 0.03,
            "{q}: {seen_us} µs, expected {expected_us:.0} µs"
        );
    }
}
