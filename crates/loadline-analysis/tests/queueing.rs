//! Queueing results against closed forms computed with 50 digits (`data/queue_reference.json`).

use loadline_analysis::queueing::{closed, mmc, mmck, single};
use serde_json::Value;

fn cases(model: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(include_str!("data/queue_reference.json")).unwrap();
    let found: Vec<_> = all.into_iter().filter(|case| case["model"] == model).collect();
    assert!(!found.is_empty(), "no case of {model}");
    found
}

fn number(case: &Value, key: &str) -> f64 {
    match &case[key] {
        Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap_or_else(|| panic!("{key} of {case}")),
    }
}

fn whole(case: &Value, key: &str) -> u32 {
    number(case, key) as u32
}

#[track_caller]
fn same(case: &Value, key: &str, value: f64) {
    let expected = number(case, key);
    assert!((value - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{key}: {value} for {case}");
}

#[test]
fn m_m_c() {
    for case in cases("M/M/c") {
        let (lam, mu, c) = (number(&case, "lam"), number(&case, "mu"), whole(&case, "c"));
        same(&case, "erlang_b", mmc::erlang_b(c, lam / mu));
        let queue = mmc::Mmc::new(lam, mu, c).unwrap();
        same(&case, "erlang_c", queue.probability_of_waiting());
        let means = queue.means();
        same(&case, "rho", means.utilisation);
        same(&case, "Lq", means.waiting);
        same(&case, "L", means.present);
        same(&case, "Wq", means.wait_time);
        same(&case, "W", means.response_time);
        same(&case, "wq_p95", queue.wait_quantile(0.95));
        same(&case, "wq_p99", queue.wait_quantile(0.99));
        same(&case, "w_p50", queue.response_quantile(0.5));
        same(&case, "w_p95", queue.response_quantile(0.95));
        same(&case, "w_p99", queue.response_quantile(0.99));
    }
}

#[test]
fn capacity_is_where_the_quantile_meets_its_limit() {
    for (mu, c) in [(200.0, 1), (200.0, 2), (1.0, 64), (3.0, 5000)] {
        let limit = 3.0 * 4.605170185988091 / mu;
        let rate = mmc::capacity(mu, c, 0.99, limit).unwrap().unwrap();
        let there = mmc::Mmc::new(rate, mu, c).unwrap().response_quantile(0.99);
        assert!((there / limit - 1.0).abs() < 1e-6, "{there} for {limit}");
    }
    assert_eq!(mmc::capacity(1.0, 2, 0.99, 4.0).unwrap(), None);
}

#[test]
fn thousands_of_servers_stay_finite() {
    let queue = mmc::Mmc::new(99_000.0, 1.0, 100_000).unwrap();
    assert!(queue.probability_of_waiting() < 1e-2 && queue.response_quantile(0.99).is_finite());
    let users = closed::repairman(1.0, 3_000, 2.0, 20_000).unwrap();
    assert!((users.throughput - 3_000.0).abs() < 1e-6, "{}", users.throughput);
    let few = closed::repairman(1.0, 3_000, 2.0, 3_000).unwrap();
    assert!((few.throughput - 1_000.0).abs() < 1e-6, "{}", few.throughput);
}

#[test]
fn m_g_1_and_g_g_c() {
    for case in cases("M/G/1") {
        let means = single::mg1(number(&case, "lam"), number(&case, "ES"), number(&case, "cs2")).unwrap();
        same(&case, "Wq", means.wait_time);
        same(&case, "W", means.response_time);
        same(&case, "Lq", means.waiting);
        same(&case, "L", means.present);
    }
    for case in cases("G/G/c Allen-Cunneen") {
        let service = 1.0 / number(&case, "mu");
        let (ca2, cs2) = (number(&case, "ca2"), number(&case, "cs2"));
        let means = single::ggc(number(&case, "lam"), service, whole(&case, "c"), ca2, cs2).unwrap();
        same(&case, "Wq", means.wait_time);
        same(&case, "W", means.response_time);
    }
}

#[test]
fn m_m_c_k() {
    for case in cases("M/M/c/K") {
        let (lam, mu) = (number(&case, "lam"), number(&case, "mu"));
        let queue = mmck::mmck(lam, mu, whole(&case, "c"), whole(&case, "K")).unwrap();
        same(&case, "p_block", queue.blocking);
        same(&case, "L", queue.present);
        same(&case, "lam_eff", queue.admitted_rate);
        same(&case, "W", queue.response_time);
    }
}

#[test]
fn closed_networks() {
    for case in cases("closed PF") {
        let demands: Vec<f64> = case["D"].as_array().unwrap().iter().map(|d| d.as_f64().unwrap()).collect();
        let (think, users) = (number(&case, "Z"), whole(&case, "N"));
        let state = closed::network(&demands, think, users).unwrap();
        same(&case, "X", state.throughput);
        same(&case, "R", state.response_time);
        for (busy, expected) in state.utilisation.iter().zip(case["U"].as_array().unwrap()) {
            assert!((busy - expected.as_f64().unwrap()).abs() < 1e-9);
        }
        let bounds = closed::bounds(&demands, think).unwrap();
        same(&case, "Xmax", bounds.throughput);
        same(&case, "Nstar", bounds.knee);
    }
    for case in cases("closed M/M/c//N") {
        let (demand, servers) = (number(&case, "D"), whole(&case, "c"));
        let state = closed::repairman(demand, servers, number(&case, "Z"), whole(&case, "N")).unwrap();
        same(&case, "X", state.throughput);
        same(&case, "R", state.response_time);
        same(&case, "U", state.utilisation[0]);
    }
}

/// One user waits for nobody; of users who do not think before one server the last waits for all others (Erlang's
/// distribution); the mean is the integral of the tail.
#[test]
fn tails_of_the_response_time() {
    let close = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "{value} {expected}");
    close(closed::repairman_exceeds(0.02, 4, 0.1, 1, 0.05), (-2.5f64).exp());
    let erlang3 = |x: f64| (1.0 + x + x * x / 2.0) * (-x).exp();
    close(closed::repairman_exceeds(0.02, 1, 0.0, 3, 0.05), erlang3(2.5));
    for (servers, think, users) in [(1, 0.1, 20), (4, 0.1, 40), (16, 0.3, 200), (4, 0.0, 9)] {
        let mean = closed::repairman(0.02, servers, think, users).unwrap().response_time;
        let step = mean / 200.0;
        let tail = |k: u32| closed::repairman_exceeds(0.02, servers, think, users, f64::from(k) * step);
        // Simpson's rule.
        let integral: f64 = (0..4_000).map(|k| tail(k) * [2.0, 4.0][k as usize % 2]).sum::<f64>() - 1.0;
        assert!((integral * step / 3.0 / mean - 1.0).abs() < 1e-6, "{} {mean}", integral * step / 3.0);
    }
}

#[test]
fn sizing() {
    for case in cases("sizing") {
        let servers =
            mmc::servers_needed(number(&case, "lam"), 1.0 / number(&case, "ES"), 0.99, 0.010).unwrap();
        assert_eq!(servers, whole(&case, "c"));
    }
}

#[test]
fn bad_parameters_are_errors() {
    assert!(mmc::Mmc::new(2.0, 1.0, 2).is_err() && mmc::Mmc::new(f64::NAN, 1.0, 2).is_err());
    assert!(single::mg1(1.0, -1.0, 1.0).is_err() && mmck::mmck(1.0, 1.0, 4, 2).is_err());
    assert!(
        mmc::servers_needed(10.0, 1.0, 1.0, 0.1).is_err()
            && mmc::servers_needed(10.0, 1.0, 0.9, -1.0).is_err()
    );
    assert!(mmc::servers_needed(1e12, 1.0, 0.9, 0.1).is_err());
    assert!(closed::network(&[], 1.0, 3).is_err() && closed::repairman(1.0, 0, 1.0, 3).is_err());
}
