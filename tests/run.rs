//! What a run counts is what the server counts.

use libtest_mimic::Trial;

use crate::support::folder::Folder;
use crate::support::harness::{Skip, trials};
use crate::support::loadline::measure;
use crate::support::machine::on_a_quiet_machine;
use crate::support::nginx::Nginx;
use crate::support::serve::Serve;
use crate::support::{count, number};

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Alone: nginx_counts_the_same, evenly_spaced_arrivals_are_evenly_spaced;
        Beside: nginx_over_tls_and_http_2, connections_are_bounded, a_closed_loop_obeys_littles_law,
            what_waits_for_a_place_is_late_and_nobodys_fault, warm_up_is_left_out, what_is_in_flight_at_the_end_is_unanswered;
    }
}

/// 2,000 a second for 20 seconds: 40,000 requests, to the request what nginx counts, and a valid run.
fn nginx_counts_the_same() -> Result<(), Skip> {
    let nginx = Nginx::start()?;
    on_a_quiet_machine(|| {
        let folder = Folder::new("nginx-run");
        let before = nginx.counts();
        let ended = measure(&folder, &nginx.url(), &["--rate", "2000/s", "--duration", "20s"]);
        let seen = nginx.since(before);
        let summary = ended.json();
        assert_eq!(count(&summary, "/requests"), seen.requests);
        assert!((39_960..=40_040).contains(&seen.requests), "{}", seen.requests);
        assert_eq!(count(&summary, "/errors/total"), 0);
        // nginx also accepts attempts that nobody waited for any more at the end.
        assert!(count(&summary, "/connections/opened") <= seen.connections);
        assert_eq!(summary["validity"]["verdict"], "valid", "{}", summary["validity"]);
        assert_eq!((ended.code, number(&summary, "/offered_per_s")), (Some(0), 2000.0));
    });
    Ok(())
}

/// The service's own clock says when requests came: 500 a second, two milliseconds apart, at the median to a tenth.
fn evenly_spaced_arrivals_are_evenly_spaced() {
    on_a_quiet_machine(|| {
        let serve = Serve::start(&[]);
        let folder = Folder::new("even");
        measure(&folder, &serve.url("/"), &["--rate", "500/s", "--duration", "4s"]).done();
        let arrived: Vec<u64> = serve.stop().iter().map(|exchange| exchange.arrived).collect();
        assert_eq!(arrived.len(), 2000);
        let mut gaps: Vec<u64> = arrived.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable();
        let median_us = gaps[gaps.len() / 2] as f64 / 1e3;
        assert!((median_us - 2000.0).abs() < 200.0, "{median_us} µs");
        // Over the whole run the rate is exact but for the delay of the first and last request.
        let span_ms = (arrived[1999] - arrived[0]) as f64 / 1e6;
        assert!((span_ms - 3998.0).abs() < 20.0, "{span_ms} ms");
    });
}

fn nginx_over_tls_and_http_2() -> Result<(), Skip> {
    let nginx = Nginx::start()?;
    for version in ["1.1", "2", "auto"] {
        let folder = Folder::new("tls");
        let before = nginx.counts();
        let flags = ["--rate", "50/s", "--duration", "1s", "--http", version, "--cacert", &nginx.authority()];
        let summary = measure(&folder, &nginx.tls_url(), &flags).json();
        let seen = nginx.since(before);
        assert_eq!((count(&summary, "/requests"), count(&summary, "/errors/total")), (50, 0), "{version}");
        assert_eq!(seen.requests, 50, "{version}");
        if version != "1.1" {
            assert_eq!(seen.connections, 1, "HTTP/2 shares one connection");
        }
    }
    Ok(())
}

fn connections_are_bounded() -> Result<(), Skip> {
    let nginx = Nginx::start()?;
    let folder = Folder::new("connections");
    let before = nginx.counts();
    let summary =
        measure(&folder, &nginx.url(), &["--users", "50", "--connections", "3", "--duration", "1s"]).json();
    let seen = nginx.since(before);
    assert!((1..=3).contains(&seen.connections), "{}", seen.connections);
    assert_eq!(seen.requests, count(&summary, "/requests"));
    assert!(count(&summary, "/late") > 0, "fifty users wait for three connections");
    Ok(())
}

/// N = X·(R + Z) with no think time (Little, 1961): each of four users is always waiting for an answer, so the
/// response times add up to the users' time. What is cut at the end is less than one answer a user.
fn a_closed_loop_obeys_littles_law() {
    let serve = Serve::start(&["--service", "const:20ms"]);
    let folder = Folder::new("closed");
    let summary = measure(&folder, &serve.url("/"), &["--users", "4", "--duration", "3s"]).json();
    let requests = count(&summary, "/requests");
    assert_eq!(requests, count(&serve.settled_stats(), "/requests"));
    let spent_s = requests as f64 * number(&summary, "/response/mean_ms") / 1e3;
    // The last answers of the four come after the end: up to one response time each.
    let slack_s = 4.0 * number(&summary, "/response/max_ms") / 1e3;
    assert!((12.0 - 0.24..=12.0 + slack_s).contains(&spent_s), "{spent_s} s of 12 s");
    assert_eq!(summary["model"], "closed");
}

fn what_waits_for_a_place_is_late_and_nobodys_fault() {
    let serve = Serve::start(&["--service", "const:100ms"]);
    let folder = Folder::new("places");
    let flags = ["--rate", "100/s", "--duration", "2s", "--max-in-flight", "5"];
    let summary = measure(&folder, &serve.url("/"), &flags).json();
    // Five places of 100 ms serve 50/s: of 200 arrivals over two seconds about half are sent by then.
    let (requests, dropped) = (count(&summary, "/requests"), count(&summary, "/dropped"));
    assert_eq!(requests + dropped, 200);
    assert!((80..=110).contains(&requests), "{requests}");
    assert!(count(&summary, "/late") >= 190 - 5, "{}", summary["late"]);
    // The wait is in the response time and not in the service time.
    assert!(number(&summary, "/response/max_ms") > 900.0, "{}", summary["response"]);
    assert!(number(&summary, "/service/p50_ms") < 200.0, "{}", summary["service"]);
    let reasons = summary["validity"]["reasons"].to_string();
    assert!(!reasons.contains("arrivals were sent"), "{reasons}");
}

fn warm_up_is_left_out() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("warmup");
    let flags = ["--rate", "100/s", "--warmup", "1s", "--duration", "2s"];
    let summary = measure(&folder, &serve.url("/"), &flags).json();
    assert_eq!((count(&summary, "/requests"), number(&summary, "/duration_s")), (200, 2.0));
    assert_eq!(count(&serve.settled_stats(), "/requests"), 300);
}

fn what_is_in_flight_at_the_end_is_unanswered() {
    let serve = Serve::start(&["--service", "const:60s"]);
    let folder = Folder::new("unanswered");
    let flags = ["--rate", "20/s", "--duration", "1s", "--drain", "500ms"];
    let summary = measure(&folder, &serve.url("/"), &flags).json();
    assert_eq!((count(&summary, "/requests"), count(&summary, "/unanswered")), (20, 20));
    assert_eq!(count(&summary, "/errors/by_class/unanswered"), 20);
    // The first waited the whole second and the drain, the last a twentieth of a second and the drain.
    let (longest, median) = (number(&summary, "/response/max_ms"), number(&summary, "/response/p50_ms"));
    assert!((1499.0..3000.0).contains(&longest) && (990.0..2500.0).contains(&median), "{longest} {median}");
    assert_eq!(count(&serve.settled_stats(), "/abandoned"), 20);
}
