//! A run is the same however many workers share it.

use loadline_generator::arrivals::{Load, Stage};
use loadline_generator::schedule::{Arrivals, RateStage};

use crate::simulation::{Simulation, ms, rate, s, users};

const CHANCE: &str = "data: { rows: { csv: rows.csv, pick: random }, turns: { csv: rows.csv } }\nflows:\n  \
    - { name: often, weight: 3, steps: [{ get: \"/${{ rows.name }}/${{ random_int(1, 1000000) }}\" }, { think: 1ms..90ms }, { get: \"/${{ turns.name }}\" }] }\n  \
    - { name: seldom, steps: [{ post: /, text: \"${{ uuid() }} ${{ user }} ${{ iteration }}\" }] }\n";

/// Arrivals at random, a ramp, flows by weight, rows, think times: each request is the same, at the same nanosecond.
#[test]
fn the_number_of_workers_changes_nothing_that_is_sent() {
    let ramp = Load::Rate(RateStage {
        from_per_s: 50.0,
        to_per_s: 400.0,
        duration: s(3),
        arrivals: Arrivals::Poisson,
    });
    let stages = [Stage { load: ramp, warmup: true }, rate(200.0, s(2), Arrivals::Uniform)];
    let sent = |workers| Simulation { workers, ..Simulation::new(CHANCE, &stages) }.sent(ms(3));
    let (alone, outcome) = sent(1);
    assert!(alone.len() > 1000);
    for workers in [2, 3, 7] {
        let (shared, shared_outcome) = sent(workers);
        assert_eq!(shared, alone, "{workers} workers");
        assert!(shared_outcome.durations == outcome.durations, "{workers} workers");
        assert_eq!(shared_outcome.flows.offered, outcome.flows.offered);
    }
    let other = Simulation { seed: 8, ..Simulation::new(CHANCE, &stages) }.sent(ms(3)).0;
    assert_ne!(other, alone);
}

/// In the closed model, too: a user's rounds are its own.
#[test]
fn users_are_the_same_people_on_any_worker() {
    let stages = [users(10, s(2), ms(30))];
    let sent = |workers| Simulation { workers, ..Simulation::new(CHANCE, &stages) }.sent(ms(3)).0;
    let alone = sent(1);
    assert!(alone.len() > 200);
    for workers in [2, 3, 7, 16] {
        assert_eq!(sent(workers), alone, "{workers} workers");
    }
}
