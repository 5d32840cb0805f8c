//! Closed systems fitted to latencies of users who wait, against systems whose truth is known in closed form.

use loadline_analysis::queueing::closed::{network, repairman, repairman_exceeds};
use loadline_analysis::saturation::estimate::Estimate;
use loadline_analysis::saturation::{ClosedFit, Measured, Points, compare_with_curve, crossings_of_users};
use loadline_model::fit::Crossing;

/// Errors of 2 % that look random, the same every time.
fn noisy(k: usize) -> f64 {
    1.0 + 0.02 * [0.6, -1.1, 0.3, 1.4, -0.7, -0.2, 0.9, -1.3, 0.1, 0.5][k % 10]
}

fn measured(truth: impl Fn(u32) -> (f64, f64)) -> Vec<Measured> {
    let one = |(k, &users): (usize, &u32)| {
        let (throughput, latency) = truth(users);
        Measured {
            users: f64::from(users),
            throughput: throughput * noisy(k + 3),
            latency: latency * noisy(k),
        }
    };
    [1, 4, 8, 16, 24, 32, 40, 48, 64].iter().enumerate().map(one).collect()
}

fn holds(estimate: Estimate, truth: f64, within: f64) {
    assert!((estimate.value / truth - 1.0).abs() < within, "{estimate:?} for {truth}");
    assert!(estimate.low <= truth && truth <= estimate.high, "{estimate:?} for {truth}");
}

/// The number of users at which a response time meets its limit, in a straight line between whole ones.
fn meeting(response_time: impl Fn(u32) -> f64, limit: f64) -> f64 {
    let above = (2..500).find(|users| response_time(*users) > limit).unwrap();
    let (low, high) = (response_time(above - 1), response_time(above));
    f64::from(above - 1) + (limit - low) / (high - low)
}

/// Four servers of 20 ms, users who think for 100 ms: where the mean is 50 ms and the p95 100 ms is known.
#[test]
fn servers_and_users_who_think() {
    let truth = |users| repairman(0.02, 4, 0.1, users).unwrap();
    let fit = ClosedFit::new(&measured(|n| (truth(n).throughput, truth(n).response_time))).unwrap();
    let users = meeting(|n| truth(n).response_time, 0.05);
    let mean = fit.meeting(None, 0.05, 0.95);
    holds(mean.users, users, 0.03);
    holds(mean.rate, users / 0.15, 0.03);
    let users = (1..200).find(|n| repairman_exceeds(0.02, 4, 0.1, *n, 0.1) > 0.05).unwrap();
    holds(fit.meeting(Some(0.95), 0.1, 0.95).users, f64::from(users - 1), 0.1);
    assert!((fit.think / 0.1 - 1.0).abs() < 0.1 && fit.missed < 0.03 && fit.network_weight() < 0.5);
    assert_eq!(fit.meeting(None, 0.01, 0.95).users.value, 0.0);
}

#[test]
fn a_network_of_stations() {
    let truth = |users| network(&[0.01, 0.006, 0.004], 0.2, users).unwrap();
    let fit = ClosedFit::new(&measured(|n| (truth(n).throughput, truth(n).response_time))).unwrap();
    let users = meeting(|n| truth(n).response_time, 0.3);
    holds(fit.meeting(None, 0.3, 0.95).users, users, 0.03);
    assert!(fit.missed < 0.03, "{}", fit.missed);
}

/// A USL with coherency gets slower with more users; no closed system does. By the law 197 users make 301/s.
#[test]
fn crossings_that_contradict_the_saturation_curve_say_so() {
    let reasons = |measured: &[Measured], slo: &str| {
        let pairs: Vec<(f64, f64)> = measured.iter().map(|m| (m.users, m.throughput)).collect();
        let fit = ClosedFit::new(measured).unwrap();
        let mut found = crossings_of_users(&fit, 96.0, &[slo.parse().unwrap()], 0.95).unwrap();
        compare_with_curve(&mut found, &Points::new(&pairs).unwrap(), 0.95);
        found.remove(0).reasons
    };
    let users = [1, 2, 4, 8, 16, 32, 64, 96];
    let usl = |n: f64| 40.0 * n / (1.0 + 0.03 * (n - 1.0) + 5e-4 * n * (n - 1.0));
    let coherent = users.map(|n| {
        let (users, throughput) = (f64::from(n), usl(f64::from(n)));
        Measured { users, throughput, latency: users / throughput }
    });
    let said = reasons(&coherent, "mean < 400ms");
    assert!(said.iter().any(|reason| reason.contains("the saturation curve makes ")), "{said:?}");
    let closed = users.map(|n| {
        let truth = repairman(0.02, 4, 0.1, n).unwrap();
        Measured { users: f64::from(n), throughput: truth.throughput, latency: truth.response_time }
    });
    let said = reasons(&closed, "mean < 300ms");
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn a_mean_concurrency_is_no_number_of_users() {
    let point = |users| Measured { users, throughput: 10.0, latency: 0.1 };
    assert!(ClosedFit::new(&[1.0, 2.5, 4.0].map(point)).is_none());
    assert!(ClosedFit::new(&[1.0, 2.0, 1e6].map(point)).is_none());
}

/// Twenty measurements at each of five numbers of users: what they scatter is in the interval, which holds the truth in
/// at least 33 of 40 cases (95 % of them; fewer happen less than once in a thousand times).
#[test]
fn repeats_at_few_levels_make_no_interval_too_narrow() {
    let truth = |users| repairman(0.02, 4, 0.1, users).unwrap();
    let users = meeting(|n| truth(n).response_time, 0.05);
    let mut state = 7_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut noisy = || 1.0 + 0.1 * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0);
    let held = (0..40).filter(|_| {
        let one = |k: usize| {
            let users = [4, 12, 20, 28, 36][k % 5];
            let (latency, throughput) = (truth(users).response_time, truth(users).throughput);
            let measured = latency * noisy();
            Measured { users: f64::from(users), throughput: throughput * noisy(), latency: measured }
        };
        let measured: Vec<Measured> = (0..100).map(one).collect();
        let met = ClosedFit::new(&measured).unwrap().meeting(None, 0.05, 0.95).users;
        met.low <= users && users <= met.high
    });
    let held = held.count();
    assert!(held >= 33, "{held}");
}

/// One user of a service of 100 ms has a p99 of 461 ms where service times are exponential, and the latencies leave open
/// whether it is so: a limit just there may be broken at once, or kept by several users. One of 20 ms surely is not kept.
#[test]
fn that_no_load_keeps_an_objective_is_said_only_where_it_is_sure() {
    let rows = [(1.0, 10.0, 0.1), (2.0, 19.0, 0.105), (4.0, 30.0, 0.133), (8.0, 40.0, 0.2)];
    let fit =
        ClosedFit::new(&rows.map(|(users, throughput, latency)| Measured { users, throughput, latency }));
    let crossing = |slo: &str| {
        let slos = [slo.parse().unwrap()];
        crossings_of_users(fit.as_ref().unwrap(), 8.0, &slos, 0.95).unwrap().remove(0)
    };
    let never = |crossing: &Crossing| crossing.reasons.iter().any(|reason| reason.contains("no load keeps"));
    let open = crossing("p99 < 500ms");
    let (_, high) = open.users_interval.unwrap();
    assert!(open.users == Some(0.0) && high.is_some_and(|high| high >= 1.0), "{open:?}");
    assert!(
        !never(&open) && open.reasons.iter().any(|reason| reason.contains("one user may break")),
        "{open:?}"
    );
    let sure = crossing("p99 < 20ms");
    assert!(sure.users_interval == Some((0.0, Some(0.0))) && never(&sure), "{sure:?}");
}

/// Little's law: of N users who wait or think, X R wait, which is at most N. Latencies in another unit may be more; what is
/// just measured, with errors of 2 % about users who do not think, is not.
#[test]
fn more_who_wait_than_there_are_users_is_said() {
    let truth = |users| repairman(0.02, 4, 0.0, users).unwrap();
    let said = |unit: f64| {
        let fit =
            ClosedFit::new(&measured(|n| (truth(n).throughput, unit * truth(n).response_time))).unwrap();
        let found = crossings_of_users(&fit, 64.0, &["mean < 200ms".parse().unwrap()], 0.95).unwrap();
        found[0].reasons.iter().any(|reason| reason.contains("exceeds the users") && reason.contains("units"))
    };
    assert!(said(10.0) && said(1.3) && !said(1.0) && !said(0.5));
}
