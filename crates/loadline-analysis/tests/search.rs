//! The search against M/M/c in virtual time, and its rules for any service.
//!
//! Coverage and cost over many seeds: `cargo run --release -p loadline-analysis --example search_marks`.

use loadline_analysis::search::figure::Events;
use loadline_analysis::search::{Doom, Next, Step};

mod support;

/// The closed form of M/M/2 with 5 ms and p99 < 34.5 ms is 250.4/s.
#[test]
fn finds_the_capacity_of_a_queue() {
    let kind = support::kinds::KINDS.iter().find(|kind| kind.name == "M/M/2").unwrap();
    let (truth, run) = (kind.capacity(), support::run(&support::search(), kind, 7));
    let Next::Converged(capacity) = &run.end else { panic!("{:?}", run.end) };
    assert!((capacity.load.unwrap() / truth - 1.0).abs() < 0.1, "{capacity:?} for {truth}");
    assert!(capacity.precise && run.steps.last().is_some_and(|step| step.confirming));
    assert!(run.requests < kind.staircase_requests());
}

/// Steps against a service whose score is this function of the load.
fn drive(search: &loadline_analysis::search::Search, score: impl Fn(f64) -> f64) -> (Vec<Step>, Next) {
    let mut steps = Vec::new();
    for _ in 0..200 {
        let Next::Run { load, duration_s, confirming } = search.next(&steps) else { break };
        let (score, took_s) = (score(load), duration_s);
        steps.push(Step {
            load,
            took_s,
            score,
            error: 0.05,
            events: Events::of_score(score, 0.05),
            settled: true,
            generator_limited: false,
            confirming,
        });
    }
    let end = search.next(&steps);
    (steps, end)
}

#[test]
fn the_service_is_protected() {
    let search = support::search();
    for (capacity, steepness) in [(37.0, 1.0), (640.0, 8.0), (5_000.0, 60.0)] {
        let (steps, end) = drive(&search, |load| steepness * (load / capacity).ln());
        let mut kept: f64 = 0.0;
        for step in &steps {
            assert!(kept == 0.0 || step.load <= search.growth * kept * 1.000_001, "{step:?} after {kept}");
            kept = if step.score < 0.0 { kept.max(step.load) } else { kept };
        }
        let Next::Converged(found) = end else { panic!("{end:?}") };
        assert!((found.load.unwrap() / capacity - 1.0).abs() < 0.1, "{found:?} for {capacity}");
    }
}

#[test]
fn without_a_breach_the_capacity_is_at_least_the_most_allowed() {
    let (_, end) = drive(&loadline_analysis::search::Search { most: 300.0, ..support::search() }, |_| -1.0);
    let Next::Converged(found) = end else { panic!("{end:?}") };
    assert_eq!((found.load, found.interval), (None, (300.0, None)));
}

#[test]
fn a_service_that_never_keeps_its_objectives_dooms_the_search() {
    let (steps, end) = drive(&support::search(), |_| 1.0);
    assert_eq!(end, Next::Doomed(Doom::NothingPasses { at: 1.0 }), "{steps:?}");
}

#[test]
fn a_generator_that_cannot_keep_up_ends_the_search_with_at_least() {
    let step = |load, generator_limited| Step {
        load,
        took_s: 5.0,
        score: -1.0,
        error: 0.1,
        events: Events::of_score(-1.0, 0.1),
        settled: true,
        generator_limited,
        confirming: false,
    };
    let end = support::search().next(&[step(10.0, false), step(20.0, true)]);
    assert_eq!(end, Next::Doomed(Doom::GeneratorLimited { at: 20.0, at_least: Some(10.0) }));
}
