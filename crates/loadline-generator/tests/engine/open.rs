//! The open model: arrivals come at their instants, whatever the service does.

use loadline_generator::schedule::Arrivals;

use crate::simulation::{PAGE, Simulation, ms, rate, s, us, values};

/// A service that answers nothing wakes nobody, and still each arrival is sent at its instant, over the ends of
/// seconds and of stages.
#[test]
fn nothing_is_sent_late_because_nothing_completes() {
    for per_s in [1.0, 3.0, 10.0, 999.0, 1000.0] {
        let stages = [rate(per_s, s(3), Arrivals::Uniform), rate(per_s, s(4), Arrivals::Uniform)];
        let simulation = Simulation { drain: s(1), ..Simulation::new(PAGE, &stages) };
        let (sent, outcome) = simulation.sent(s(1800));
        assert_eq!(sent.len(), (7.0 * per_s) as usize);
        for (k, sent) in sent.iter().enumerate() {
            let due_ns = k as f64 / per_s * 1e9;
            assert!(
                (sent.at as f64 - due_ns).abs() < 2.0,
                "arrival {k} of {per_s}/s: {} ns, due {due_ns}",
                sent.at
            );
        }
        assert_eq!(outcome.errors("unanswered"), sent.len() as u64);
        assert_eq!(values(&outcome.durations.delay), vec![1; sent.len()]);
    }
}

/// Answers that come back change nothing about when the next is sent.
#[test]
fn slow_answers_delay_no_arrival() {
    let stages = [rate(500.0, s(2), Arrivals::Poisson)];
    let simulation = Simulation::new(PAGE, &stages);
    let instants = |service| simulation.sent(service).0.into_iter().map(|sent| sent.at).collect::<Vec<_>>();
    assert_eq!(instants(us(1)), instants(ms(700)));
    assert_eq!(instants(us(1)), instants(s(60)));
}

/// Seconds go by completion: an answer that takes 2.5 s belongs to the second in which it came.
#[test]
fn a_request_counts_in_the_second_in_which_it_ended() {
    let simulation = Simulation::new(PAGE, &[rate(1.0, s(3), Arrivals::Uniform)]);
    let outcome = simulation.against_queue(10, || ms(2500));
    let by_second: Vec<(u64, u64)> = outcome
        .seconds
        .iter()
        .map(|second| (second.second, second.requests.iter().map(|r| r.counts.requests).sum()))
        .collect();
    assert_eq!(by_second, [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1)]);
    let in_flight: Vec<u64> = outcome.seconds.iter().map(|second| second.generator[0].in_flight).collect();
    assert_eq!(in_flight, [1, 2, 2, 1, 0]);
}

#[test]
fn warm_up_is_kept_apart() {
    let mut stages = [rate(100.0, s(1), Arrivals::Uniform), rate(200.0, s(2), Arrivals::Uniform)];
    stages[0].warmup = true;
    let outcome = Simulation::new(PAGE, &stages).against_queue(1, || us(500));
    assert_eq!((outcome.flows.offered, outcome.durations.response.len()), (400, 400));
    let warm: u64 = outcome
        .seconds
        .iter()
        .flat_map(|s| &s.requests)
        .filter(|r| r.counts.warmup)
        .map(|r| r.counts.requests)
        .sum();
    assert_eq!(warm, 100);
}

/// The intended time of a later step is the end of the one before and its think time: only the first step can wait
/// for the schedule.
#[test]
fn later_steps_follow_the_end_of_those_before() {
    let flows = "flows: [{ steps: [{ get: /a }, { think: 300us }, { get: /b }, { get: /c }] }]\n";
    let simulation = Simulation::new(flows, &[rate(100.0, ms(50), Arrivals::Uniform)]);
    let (sent, outcome) = simulation.sent(us(200));
    let of =
        |path: &str| sent.iter().filter(|s| s.what.contains(path)).map(|s| s.at / 1000).collect::<Vec<_>>();
    assert_eq!(of("/a "), [0, 10_000, 20_000, 30_000, 40_000]);
    assert_eq!(of("/b "), [500, 10_500, 20_500, 30_500, 40_500]);
    assert_eq!(of("/c "), [700, 10_700, 20_700, 30_700, 40_700]);
    assert_eq!(values(&outcome.durations.response), vec![200; 15]);
    assert_eq!((outcome.flows.completed_ok, outcome.durations.service.len()), (5, 15));
}
