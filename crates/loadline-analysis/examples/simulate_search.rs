//! Coverage and cost of the search for the capacity, against M/M/c queues in virtual time.
//!
//! `cargo run --release --example simulate_search [SEEDS]`

use loadline_analysis::queueing::mmc;
use loadline_analysis::search::Next;

#[path = "../tests/support/mod.rs"]
mod support;

fn main() {
    let seeds: u64 = std::env::args().nth(1).map_or(200, |text| text.parse().expect("SEEDS"));
    for (servers, times) in [(1, 2.0), (2, 1.5), (2, 3.0), (8, 2.0)] {
        let service_ms = 5.0;
        let limit_ms = times * service_ms * 100.0_f64.ln();
        let truth = mmc::capacity(1e3 / service_ms, servers, 0.99, limit_ms / 1e3).unwrap().unwrap();
        let log_p99 =
            |rate: f64| mmc::Mmc::new(rate, 1e3 / service_ms, servers).unwrap().response_quantile(0.99).ln();
        let slope = (log_p99(truth * 1.01) - log_p99(truth * 0.99)) / (1.01_f64 / 0.99).ln();
        let (mut covered, mut total, mut staircase, mut errors, mut ended) = (0, 0.0, 0.0, Vec::new(), 0);
        let mut widths = Vec::new();
        let mut lengths = Vec::new();
        for seed in 0..seeds {
            let search = support::search();
            let run = support::run(&search, servers, service_ms, limit_ms, seed);
            let Next::Converged(capacity) = &run.end else { continue };
            ended += 1;
            let (low, high) = (capacity.interval.0, capacity.interval.1.unwrap_or(f64::INFINITY));
            covered += u32::from(low <= truth && truth <= high);
            errors.push(capacity.load.unwrap_or(f64::NAN) / truth - 1.0);
            widths.push((high - low) / truth);
            lengths.push(run.steps.iter().map(|s| s.took_s).sum::<f64>());
            total += run.requests;
            staircase += support::staircase_requests(&run, truth, search.precision, slope);
        }
        errors.sort_by(f64::total_cmp);
        widths.sort_by(f64::total_cmp);
        lengths.sort_by(f64::total_cmp);
        println!(
            "M/M/{servers}, limit {times} × p99 of service, capacity {truth:.1}/s: ended {ended}, coverage {:.3}, error p10 {:+.3} median {:+.3} p90 {:+.3}, width {:.3}, requests {:.0} ({:.2} of a staircase), virtual seconds {:.0}",
            f64::from(covered) / f64::from(ended),
            errors[errors.len() / 10],
            errors[errors.len() / 2],
            errors[errors.len() * 9 / 10],
            widths[widths.len() / 2],
            total / f64::from(ended),
            total / staircase,
            lengths[lengths.len() / 2],
        );
    }
}
