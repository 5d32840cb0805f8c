//! Bounds: what happens at them is counted, is in the response time, and is nobody's fault.

use loadline_generator::schedule::Arrivals;
use loadline_generator::stop::Stop;

use crate::simulation::{PAGE, Simulation, ms, rate, s, us, values};

/// A generator with one place and a service that could do everything at once makes the same queue as D/D/1; only
/// that the wait is not in the service time.
#[test]
fn waiting_for_a_place_is_late_and_in_the_response_time() {
    let stages = [rate(10_000.0, us(15_000), Arrivals::Uniform)];
    let simulation = Simulation { max_in_flight: 1, ..Simulation::new(PAGE, &stages) };
    // The arrivals go on until 15 ms: those that wait for a place then are dropped.
    let outcome = simulation.against_queue(1000, || us(110));
    let sent = outcome.flows.started;
    assert_eq!((outcome.flows.offered, sent + outcome.flows.dropped), (150, 150));
    assert_eq!(sent, 15_000 / 110 + 1);
    assert_eq!(outcome.flows.late, 149);
    assert_eq!(values(&outcome.durations.response), (0..sent).map(|k| 110 + 10 * k).collect::<Vec<_>>());
    assert_eq!(values(&outcome.durations.service), vec![110; sent as usize]);
    assert_eq!(values(&outcome.durations.delay), vec![1; sent as usize]);
}

/// A bound on connections makes requests wait and not flows: all are sent in the end.
#[test]
fn waiting_for_a_connection_is_late_and_in_the_response_time() {
    let stages = [rate(10_000.0, us(15_000), Arrivals::Uniform)];
    let simulation = Simulation { connections: Some(1), ..Simulation::new(PAGE, &stages) };
    let outcome = simulation.against_queue(1000, || us(110));
    assert_eq!((outcome.flows.offered, outcome.flows.started, outcome.flows.dropped), (150, 150, 0));
    assert_eq!(outcome.flows.late, 149);
    assert_eq!(values(&outcome.durations.response), (0..150).map(|k| 110 + 10 * k).collect::<Vec<_>>());
    assert_eq!(values(&outcome.durations.service), vec![110; 150]);
    assert_eq!(values(&outcome.durations.delay), vec![1; 150]);
}

/// After the last arrival at 900 µs those on their way have until 1,000 + 500 µs: of ten that take 850 µs each, seven.
#[test]
fn what_the_drain_leaves_is_unanswered_with_the_time_it_waited() {
    let stages = [rate(10_000.0, us(1_000), Arrivals::Uniform)];
    let simulation = Simulation { drain: us(500), ..Simulation::new(PAGE, &stages) };
    let outcome = simulation.against_queue(1000, || us(850));
    assert_eq!(outcome.errors("unanswered"), 3);
    assert_eq!(outcome.flows.completed, 7);
    let mut expected = vec![850; 7];
    expected.extend([600, 700, 800]);
    expected.sort_unstable();
    assert_eq!(values(&outcome.durations.response), expected);
    assert_eq!(values(&outcome.durations.response_ok), vec![850; 7]);
}

/// A time-out is an answer of the engine's own: recorded at its instant, with what it took.
#[test]
fn a_time_out_ends_a_request() {
    let flows = "flows: [{ steps: [{ get: /, timeout: 700us }, { get: /never }] }]\n";
    let simulation = Simulation::new(flows, &[rate(1000.0, ms(10), Arrivals::Uniform)]);
    let outcome = simulation.against_queue(1000, || us(900));
    assert_eq!((outcome.errors("timeout"), outcome.flows.completed, outcome.flows.completed_ok), (10, 10, 0));
    assert_eq!(values(&outcome.durations.response), vec![700; 10]);
    assert_eq!(outcome.durations.response_ok.len(), 0);
}

/// Three rows, each used once: the fourth arrival finds none, is dropped, and the run asks itself to stop.
#[test]
fn rows_that_are_used_once_end_the_run() {
    let flows = "data: { rows: { csv: rows.csv, pick: once } }\nflows: [{ steps: [{ get: \"/${{ rows.name }}\" }] }]\n";
    let simulation = Simulation::new(flows, &[rate(10.0, s(60), Arrivals::Uniform)]);
    let (sent, outcome) = simulation.sent(us(100));
    let paths: Vec<_> = sent.iter().map(|sent| sent.what.split(' ').nth(1).unwrap_or_default()).collect();
    assert_eq!(paths, ["http://service/a", "http://service/b", "http://service/c"]);
    assert_eq!(simulation.stop.requested(), Some(Stop::OutOfRows));
    assert_eq!(outcome.flows.started, 3);
    assert!(outcome.seconds.len() <= 2, "it does not go on for a minute");
}

/// Told to stop, a run sends nothing more, of no stage that follows either.
#[test]
fn a_run_that_is_told_to_stop_sends_nothing_more() {
    for stop in [Stop::Objective, Stop::Interrupted, Stop::AtOnce] {
        let stages = [rate(10.0, s(60), Arrivals::Uniform), rate(50.0, s(60), Arrivals::Uniform)];
        let simulation = Simulation::new(PAGE, &stages);
        simulation.stop.request(stop);
        let (sent, outcome) = simulation.sent(ms(1500));
        assert_eq!((sent.len(), outcome.seconds.len()), (0, 1), "{stop:?}: {sent:?}");
    }
}
