//! Objectives: verdicts by what the service is known to do.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::{measure, run};
use crate::support::serve::Serve;
use crate::support::{count, number};

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: verdicts_follow_the_truth, windows_see_what_the_whole_hides, a_breach_aborts_after_its_grace,
            what_ended_a_run_is_broken, a_standstill_has_no_throughput, objectives_of_a_name,
            no_data_never_passes;
    }
}

fn judged(serve: &Serve, load: &[&str], slos: &[&str]) -> Value {
    let folder = Folder::new("slo");
    let slos = slos.iter().flat_map(|slo| ["--slo", slo]);
    let flags: Vec<&str> = load.iter().copied().chain(slos).collect();
    measure(&folder, &serve.url("/"), &flags).json()
}

fn verdicts(summary: &Value) -> Vec<&str> {
    let slos = summary["slos"].as_array().expect("a list");
    slos.iter().map(|slo| slo["verdict"].as_str().expect("a verdict")).collect()
}

/// A service that takes 30 ms, always, and fails one request in ten or so.
fn verdicts_follow_the_truth() {
    let serve = Serve::start(&["--service", "const:30ms", "--errors", "0.1", "--seed", "3"]);
    let objectives = [
        "p50 >= 30ms",
        "p50 < 30ms",
        "mean > 29ms",
        "max < 1ms",
        "service p90 >= 30ms",
        "error_rate < 50%",
        "error_rate < 0.1%",
    ];
    let summary = judged(&serve, &["--rate", "200/s", "--duration", "2s"], &objectives);
    assert_eq!(
        verdicts(&summary),
        ["pass", "fail", "pass", "fail", "pass", "pass", "fail"],
        "{}",
        summary["slos"]
    );
    let stats = serve.settled_stats();
    let observed = number(&summary, "/slos/6/observed");
    assert_eq!(observed, count(&stats, "/errors") as f64 / count(&stats, "/arrivals") as f64);
    assert_eq!(
        (summary["slos"][6]["unit"].as_str(), summary["slos"][0]["unit"].as_str()),
        (Some("ratio"), Some("ms"))
    );
}

/// One second of errors in five: 20 % over all, 100 % in one window. A stall of 600 ms does the same to a percentile.
fn windows_see_what_the_whole_hides() {
    let serve = Serve::start(&["--stall", "2200ms+600ms"]);
    let objectives = ["p80 < 250ms", "p80 < 250ms over 1s", "max < 10s over 2s", "throughput > 10/s over 2s"];
    let summary = judged(&serve, &["--rate", "100/s", "--duration", "5s"], &objectives);
    assert_eq!(verdicts(&summary), ["pass", "fail", "pass", "pass"], "{}", summary["slos"]);
    let reason = summary["slos"][1]["reason"].as_str().expect("a reason");
    assert!(reason.contains("window"), "{reason}");
}

fn a_breach_aborts_after_its_grace() {
    let serve = Serve::start(&["--errors", "1"]);
    let summary =
        judged(&serve, &["--rate", "100/s", "--duration", "60s"], &["error_rate < 50% abort after 2s"]);
    assert_eq!(summary["status"], "incomplete");
    let sent = count(&serve.settled_stats(), "/arrivals");
    assert!((200..1000).contains(&sent), "two seconds and a moment, not sixty: {sent}");
    assert_eq!(count(&summary, "/requests"), sent);
}

/// The service stands still for 2.5 s and then answers all at once: throughput was too low when that ended the run,
/// whatever came in while it was being ended. The verdict is the same when the report is made again.
fn what_ended_a_run_is_broken() {
    let serve = Serve::start(&["--service", "const:2500ms"]);
    let folder = Folder::new("ended");
    let slo = "throughput > 20/s abort after 2s";
    let flags = ["--rate", "40/s", "--duration", "60s", "--slo", slo];
    let summary = measure(&folder, &serve.url("/"), &flags).json();
    assert_eq!((&summary["status"], verdicts(&summary)), (&"incomplete".into(), vec!["fail"]), "{summary:#}");
    assert!(number(&summary, "/slos/0/observed") <= 20.0, "{}", summary["slos"]);
    assert!(
        number(&summary, "/throughput_per_s") > 20.0,
        "the answers came while it was being ended: {summary:#}"
    );
    let again = run(&folder, &["report", "run", "-o", "-"]).expect(0).json();
    assert_eq!(again, summary);
}

/// A window in which requests are waited for and none is answered has a throughput: none.
fn a_standstill_has_no_throughput() {
    let serve = Serve::start(&["--stall", "1s+3s"]);
    let objectives = ["throughput > 1/s over 2s", "error_rate < 50% over 2s"];
    let summary = judged(&serve, &["--rate", "50/s", "--duration", "6s"], &objectives);
    assert_eq!(verdicts(&summary), ["fail", "inconclusive"], "{}", summary["slos"]);
    assert_eq!(number(&summary, "/slos/0/observed"), 0.0);
}

fn objectives_of_a_name() {
    let serve = Serve::start(&["--service", "const:5ms"]);
    let folder = Folder::new("named");
    let file = folder.write(
        "named.yaml",
        "target: http://127.0.0.1:1\nload: [{ rate: 100/s, for: 2s }]\nflows:\n  - steps:\n      - { get: /, name: home }\n      \
         - { get: /missing/, name: other, check: { status: 418 } }\nslos:\n  - error_rate < 1% for home\n  \
         - error_rate < 1% for other\n  - throughput > 50/s for home\n  - throughput > 1/s\n",
    );
    let summary = measure(&folder, &file, &["--target", &serve.url("")]).json();
    assert_eq!(
        verdicts(&summary),
        ["pass", "fail", "pass", "fail"],
        "no flow ends well: {}",
        summary["slos"]
    );
    assert_eq!(count(&summary, "/errors/by_class/check"), 200);
}

/// A named request that no flow ever came to has no data, and so no verdict.
fn no_data_never_passes() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("silent");
    let file = folder.write(
        "silent.yaml",
        "target: http://127.0.0.1:1\nload: [{ rate: 50/s, for: 1s }]\nflows:\n  - steps:\n      - { get: /, name: home }\n      \
         - if: 1 > 2\n        then: [{ get: /, name: never }]\nslos:\n  - error_rate < 1% for never\n  - p50 < 10s for never\n",
    );
    let summary = measure(&folder, &file, &["--target", &serve.url("")]).json();
    assert_eq!(verdicts(&summary), ["inconclusive", "inconclusive"]);
    assert!(summary["slos"][0]["observed"].is_null(), "{}", summary["slos"][0]);
}
