//! A service that stalls: what waited is in the percentiles, and it is the service's doing.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::measure;
use crate::support::machine::on_a_quiet_machine;
use crate::support::serve::{Exchange, Serve};
use crate::support::{count, number};

pub(crate) fn trials() -> Vec<Trial> {
    trials! { Alone: a_stall_of_two_seconds_is_in_the_percentiles; }
}

const MS: f64 = 1e6;

/// The response times in milliseconds, ascending, had each of the arrivals been sent on time: from the schedule
/// (arrival k at k ms) to the instant at which the service says that it had answered.
fn truth(exchanges: &[Exchange]) -> Vec<f64> {
    // The schedule's zero, from arrivals of the first eight seconds: the median leaves out what came late.
    let mut zeros: Vec<f64> = (0..8000).map(|k| exchanges[k].arrived as f64 - k as f64 * MS).collect();
    zeros.sort_unstable_by(f64::total_cmp);
    let zero = zeros[zeros.len() / 2];
    let mut times: Vec<f64> = exchanges
        .iter()
        .enumerate()
        .map(|(k, exchange)| (exchange.answered as f64 - zero) / MS - k as f64)
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    times
}

/// The smallest value that is at least a share `q` of the values (nearest rank).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[(q * sorted.len() as f64).ceil() as usize - 1]
}

#[track_caller]
fn within_one_percent(summary: &Value, pointer: &str, truth: f64) {
    let seen = number(summary, pointer);
    assert!((seen / truth - 1.0).abs() < 0.01, "{pointer}: {seen} ms, in truth {truth:.1} ms");
}

fn a_stall_of_two_seconds_is_in_the_percentiles() {
    on_a_quiet_machine(|| {
        let serve = Serve::start(&["--stall", "9s+2s"]);
        let folder = Folder::new("stall");
        let ended = measure(&folder, &serve.url("/"), &["--rate", "1000/s", "--duration", "20s"]);
        let summary = ended.json();
        let exchanges = serve.stop();
        assert_eq!((exchanges.len(), count(&summary, "/requests")), (20_000, 20_000));
        let truth = truth(&exchanges);
        for (pointer, q) in [
            ("/response/p95_ms", 0.95),
            ("/response/p99_ms", 0.99),
            ("/response/p999_ms", 0.999),
            ("/response/max_ms", 1.0),
        ] {
            within_one_percent(&summary, pointer, quantile(&truth, q));
        }
        let (p50, truth_p50) = (number(&summary, "/response/p50_ms"), quantile(&truth, 0.5));
        assert!((p50 - truth_p50).abs() < 0.3, "p50: {p50} ms, in truth {truth_p50:.3} ms");
        // The arithmetic behind the truth: 2,000 of 20,000 wait from 2 s down to nothing.
        for (q, expected) in [(0.95, 1000.0), (0.99, 1800.0), (0.999, 1980.0)] {
            assert!((quantile(&truth, q) / expected - 1.0).abs() < 0.05, "{q}: {}", quantile(&truth, q));
        }
        assert_eq!(summary["validity"]["verdict"], "valid", "{}", summary["validity"]);
        assert_eq!((ended.code, count(&summary, "/errors/total")), (Some(0), 0));
    });
}
