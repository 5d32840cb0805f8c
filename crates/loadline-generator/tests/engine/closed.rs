//! The closed model, by Little's law: N = X·(R + Z).

use std::sync::Arc;

use crate::simulation::{PAGE, Simulation, ms, s, us, users, values};
use loadline_generator::arrivals::TimedStage;
use loadline_generator::client::http::HttpSettings;
use loadline_generator::client::simulated::SimulatedServer;
use loadline_generator::clock::SECOND;
use loadline_generator::run::{Feeder, Plan, RunEvent};
use loadline_generator::script::Script;
use loadline_generator::simulation::simulate;
use loadline_generator::stop::StopHandle;
use loadline_model::scenario::Scenario;

const NONE: std::time::Duration = std::time::Duration::ZERO;

/// Five users, 20 ms of service, 80 ms of thought: 10 rounds a second each.
#[test]
fn users_come_again_after_answer_and_thought() {
    let flows = "flows: [{ steps: [{ get: / }, { think: 80ms }] }]\n";
    let (sent, outcome) = Simulation::new(flows, &[users(5, s(2), NONE)]).sent(ms(20));
    assert_eq!((sent.len(), outcome.flows.completed), (100, 100));
    let rounds: Vec<u64> = sent.iter().map(|sent| sent.at / (SECOND / 10)).collect();
    assert_eq!(rounds, (0..20).flat_map(|round| [round; 5]).collect::<Vec<_>>());
    assert_eq!(outcome.durations.response.iter_recorded().count(), 1, "all took the same");
}

/// More users than servers: the throughput is the servers', and the response time N·S/c.
#[test]
fn a_saturated_server_makes_users_wait() {
    let simulation = Simulation::new(PAGE, &[users(6, s(2), NONE)]);
    let outcome = simulation.against_queue(2, || us(500));
    // Two servers, 500 µs: 4,000 a second. The last round is in flight when the time is over, and is answered.
    let requests = outcome.durations.response.len();
    assert!((8_000..=8_006).contains(&requests), "{requests}");
    let times = values(&outcome.durations.response);
    let settled = times.iter().filter(|time| **time == 1500).count();
    assert!(settled >= 7_990, "{settled} of {requests} took 6 · 500 µs / 2");
}

/// Pacing is from start to start: the answer's time is within it, unless that is longer.
#[test]
fn pacing_counts_from_start_to_start() {
    let starts = |service| {
        let sent = Simulation::new(PAGE, &[users(1, s(1), ms(100))]).sent(service).0;
        sent.iter().map(|sent| sent.at / 1_000_000).collect::<Vec<_>>()
    };
    assert_eq!(starts(ms(30)), (0..10).map(|k| 100 * k).collect::<Vec<_>>());
    assert_eq!(starts(ms(250)), [0, 250, 500, 750]);
}

/// Users of a later stage that the earlier did not have begin with it; those too many leave after their answer.
#[test]
fn stages_bring_users_and_take_them_away() {
    let stages = [users(1, s(1), NONE), users(3, s(1), NONE), users(2, s(1), NONE)];
    let flows = "flows: [{ steps: [{ get: \"/${{ user }}\" }] }]\n";
    let (sent, _) = Simulation::new(flows, &stages).sent(ms(100));
    let in_second = |second: u64, user: &str| {
        let within = sent.iter().filter(|sent| sent.at / SECOND == second);
        within.filter(|sent| sent.what.contains(&format!("service/{user} "))).count()
    };
    let table: Vec<[usize; 3]> =
        (0..3).map(|second| ["0", "1", "2"].map(|user| in_second(second, user))).collect();
    assert_eq!(table, [[10, 0, 0], [10, 10, 10], [10, 10, 0]]);
}

/// A stage of a second whose user is ready again half a second after it, and one that is told of seconds later: the clock
/// goes on meanwhile, and so does the user then.
#[test]
fn users_who_are_ready_between_two_stages_wait_for_the_next() {
    let scenario = Scenario::for_url("http://service/", "GET", &[], None).unwrap();
    let script = Script::compile(&scenario, &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap();
    let plan = Plan { users_max: 1, ..Plan::new(Arc::new(script), 1, HttpSettings::default()) };
    let stage = |start| TimedStage { start: start * SECOND, stage: users(1, s(1), ms(1_500)) };
    let (feeder, stages) = Feeder::new(1);
    feeder.push(stage(0));
    let (mut feeder, mut requests) = (Some(feeder), Vec::new());
    simulate(
        &plan,
        stages,
        &StopHandle::new(),
        |clock| SimulatedServer::new(clock, 1, || ms(10)),
        |event| {
            let RunEvent::Second(second) = event else { return };
            requests.push(second.requests.iter().map(|request| request.counts.requests).sum::<u64>());
            if second.second == 3 {
                // Dropped thereafter: there is no third stage.
                feeder.take().unwrap().push(stage(5));
            }
        },
    )
    .unwrap();
    assert_eq!(requests.iter().sum::<u64>(), 2, "{requests:?}");
}
