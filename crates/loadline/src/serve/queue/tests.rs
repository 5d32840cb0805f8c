//! The queue against the closed forms of queueing theory, in virtual time.

use super::super::distribution::{Random, ServiceTime};
use super::*;

const ARRIVALS: usize = 1_000_000;
const BATCHES: usize = 25;
/// The mean service time; all figures below are in its units.
const UNIT: f64 = 1e6;
const EXPONENTIAL: ServiceTime = ServiceTime::Exponential { mean_ms: 1.0 };
const CONSTANT: ServiceTime = ServiceTime::Constant { ms: 1.0 };

struct Observed {
    /// Mean wait of those admitted, and its standard error by batch means (so that autocorrelation counts).
    wait: (f64, f64),
    /// The share lost, and its standard error.
    lost: (f64, f64),
    /// Busy workers over workers.
    utilisation: f64,
}

/// 10⁶ Poisson arrivals at `rho` · `workers` per unit of time, after a warm-up of a tenth.
fn observe(workers: usize, bound: usize, service: ServiceTime, rho: f64) -> Observed {
    let (mut queue, mut random) = (Queue::new(workers, bound), Random::new(20_261_121));
    let (mut clock, mut waits, mut losses) = (0.0, [0.0; BATCHES], [0.0; BATCHES]);
    let mut admitted = [0.0; BATCHES];
    for i in 0..ARRIVALS + ARRIVALS / 10 {
        clock -= UNIT / (rho * workers as f64) * (1.0 - random.uniform()).ln();
        let now = clock as u64;
        let admission = queue.arrive(now, service.at(random.uniform(), random.uniform()));
        let Some(measured) = i.checked_sub(ARRIVALS / 10) else { continue };
        let batch = measured * BATCHES / ARRIVALS;
        match admission {
            Admission::Admitted { start, .. } => {
                waits[batch] += (start - now) as f64 / UNIT;
                admitted[batch] += 1.0;
            }
            Admission::Full => losses[batch] += 1.0 / (ARRIVALS / BATCHES) as f64,
        }
    }
    waits.iter_mut().zip(admitted).for_each(|(wait, n)| *wait /= n);
    let utilisation = queue.work_done() as f64 / clock / workers as f64;
    Observed { wait: mean_and_error(&waits), lost: mean_and_error(&losses), utilisation }
}

fn mean_and_error(batches: &[f64]) -> (f64, f64) {
    let n = batches.len() as f64;
    let mean = batches.iter().sum::<f64>() / n;
    let variance = batches.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[track_caller]
fn agrees((observed, error): (f64, f64), truth: f64) {
    assert!((observed - truth).abs() < 4.0 * error, "observed {observed} ± {error}, in theory {truth}");
    assert!(error < 0.05 * truth, "too noisy to say: ± {error} about {truth}");
}

/// The probability of waiting in M/M/c (Erlang's C), from his B by the usual recursion.
fn erlang_c(workers: usize, rho: f64) -> f64 {
    let load = rho * workers as f64;
    let b = (1..=workers).fold(1.0, |b, k| load * b / (k as f64 + load * b));
    b / (1.0 - rho * (1.0 - b))
}

/// State probabilities of M/M/c/K: (share lost, mean wait of those admitted in units of the service time).
fn finite(workers: usize, bound: usize, rho: f64) -> (f64, f64) {
    let (load, room) = (rho * workers as f64, workers + bound);
    let mut p = vec![1.0];
    for n in 1..=room {
        p.push(p[n - 1] * load / n.min(workers) as f64);
    }
    let total: f64 = p.iter().sum();
    let waiting: f64 = (workers..=room).map(|n| (n - workers) as f64 * p[n]).sum::<f64>() / total;
    let lost = p[room] / total;
    (lost, waiting / (load * (1.0 - lost)))
}

/// Wq = ρ/(1−ρ). The standard error is known too: n·Var → ρ(2+5ρ−4ρ²+ρ³)/(1−ρ)⁴ (Daley, 1968).
#[test]
fn mm1() {
    let rho: f64 = 0.8;
    let seen = observe(1, usize::MAX, EXPONENTIAL, rho);
    let variance = rho * (2.0 + 5.0 * rho - 4.0 * rho.powi(2) + rho.powi(3)) / (1.0 - rho).powi(4);
    agrees((seen.wait.0, (variance / ARRIVALS as f64).sqrt()), rho / (1.0 - rho));
    assert!((seen.utilisation - rho).abs() < 0.005, "{}", seen.utilisation);
    assert_eq!(seen.lost.0, 0.0);
}

/// Wq = C(c, ρ) / (c (1−ρ)) in units of the service time.
#[test]
fn mmc() {
    for (workers, rho) in [(2, 0.75), (8, 0.85)] {
        let seen = observe(workers, usize::MAX, EXPONENTIAL, rho);
        agrees(seen.wait, erlang_c(workers, rho) / (workers as f64 * (1.0 - rho)));
    }
}

#[test]
fn mmck() {
    for (workers, bound, rho) in [(2, 5, 0.9), (1, 3, 1.5)] {
        let (lost, wait) = finite(workers, bound, rho);
        let seen = observe(workers, bound, EXPONENTIAL, rho);
        agrees(seen.lost, lost);
        agrees(seen.wait, wait);
    }
}

/// A service that overlaps at will: no waiting room, c workers, Erlang's loss formula.
#[test]
fn mmcc() {
    let (lost, _) = finite(4, 0, 0.75);
    agrees(observe(4, 0, EXPONENTIAL, 0.75).lost, lost);
}

/// Pollaczek and Khinchine: Wq = ρ (1 + scv) / (2 (1−ρ)), with scv 0 for constant service times.
#[test]
fn md1_and_mg1() {
    let bimodal = ServiceTime::Bimodal { ms: 0.5, other_ms: 5.5, other_share: 0.1 };
    for service in [CONSTANT, bimodal] {
        let (rho, scv) = (0.7, service.variability());
        agrees(observe(1, usize::MAX, service, rho).wait, rho * (1.0 + scv) / (2.0 * (1.0 - rho)));
    }
}

#[test]
fn a_worker_is_free_at_the_instant_at_which_it_ends() {
    let mut queue = Queue::new(1, 1);
    assert_eq!(queue.arrive(10, 5), Admission::Admitted { start: 10, end: 15 });
    assert_eq!(queue.arrive(11, 5), Admission::Admitted { start: 15, end: 20 });
    assert_eq!(
        (queue.arrive(12, 5), queue.waiting(), queue.busy(), queue.work_done()),
        (Admission::Full, 1, 1, 2)
    );
    assert_eq!(queue.arrive(15, 5), Admission::Admitted { start: 20, end: 25 });
    assert_eq!(queue.arrive(14, 5), Admission::Full, "time does not run backwards");
    assert_eq!(queue.arrive(25, 0), Admission::Admitted { start: 25, end: 25 });
    assert_eq!(queue.work_done(), 15);
}

#[test]
fn without_workers_none_waits() {
    let mut queue = Queue::new(0, 0);
    for now in 0..100 {
        assert_eq!(queue.arrive(now, 50), Admission::Admitted { start: now, end: now + 50 });
    }
    assert_eq!((queue.busy(), queue.waiting()), (50, 0));
}
