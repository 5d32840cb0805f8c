//! Runs that do not come to their end: killed, or interrupted.

use std::fs;
use std::time::{Duration, SystemTime};

use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::count;
use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::{command, run, start};
use crate::support::serve::Serve;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: a_killed_run_can_be_reported, an_interrupted_run_ends_in_order,
            a_run_that_is_told_twice_ends_at_once, a_run_that_goes_on_can_be_reported;
    }
}

const RATE: u64 = 300;
const LONG: [&str; 7] = ["--rate", "300/s", "--duration", "60s", "--out", "run", "--no-report"];

/// Some time between one and three and a half seconds: another one each time the tests are run.
fn a_random_moment() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock that is set");
    Duration::from_millis(1000 + u64::from(now.subsec_nanos()) % 2500)
}

/// The requests on the whole lines of `intervals.ndjson`.
fn requests_on_disk(folder: &Folder) -> u64 {
    let text =
        fs::read_to_string(folder.join("run/intervals.ndjson")).expect("the file is there from the start");
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    lines.map(|line| count(&line, "/requests")).sum()
}

fn a_killed_run_can_be_reported() {
    for _ in 0..3 {
        let serve = Serve::start(&["--service", "exp:2ms"]);
        let folder = Folder::new("killed");
        let moment = a_random_moment();
        let running = start(&folder, command(&[&["run", &serve.url("/")], &LONG[..]].concat()));
        std::thread::sleep(moment);
        running.signal(Signal::KILL);
        assert_eq!(running.end().code, None);
        let served = count(&serve.settled_stats(), "/arrivals");
        let on_disk = requests_on_disk(&folder);

        let report = run(&folder, &["report", "run", "-o", "-"]).expect(0);
        assert!(report.stderr.contains("incomplete"), "{}", report.stderr);
        let summary = report.json();
        assert_eq!(summary["status"], "incomplete");
        assert_eq!(summary["slos"].as_array().map(Vec::len), Some(0));
        let reported = count(&summary, "/requests");
        assert_eq!(reported, on_disk, "killed after {moment:?}");
        assert!(reported <= served);
        // At most the last second is missing; another for a machine that was slow to begin and to end.
        assert!(
            served - reported <= 2 * RATE,
            "of {served} served {reported} are reported, killed after {moment:?}"
        );
    }
}

fn an_interrupted_run_ends_in_order() {
    for signal in [Signal::INT, Signal::TERM] {
        let serve = Serve::start(&[]);
        let folder = Folder::new("interrupted");
        let url = serve.url("/");
        let line = [&["run", &url, "--json", "--slo", "p50 < 10s"], &LONG[..]].concat();
        let running = start(&folder, command(&line));
        std::thread::sleep(Duration::from_millis(1700));
        running.signal(signal);
        let ended = running.end().expect(130);
        let summary = ended.json();
        assert_eq!(summary["status"], "interrupted");
        assert_eq!(summary["slos"][0]["verdict"], "inconclusive", "half a run keeps no objective");
        assert_eq!(count(&summary, "/requests"), count(&serve.settled_stats(), "/requests"));
        let report = run(&folder, &["report", "run", "-o", "-"]).expect(0);
        assert_eq!(report.json(), summary, "the report says what the run said");
    }
}

fn a_run_that_is_told_twice_ends_at_once() {
    let serve = Serve::start(&["--service", "const:60s"]);
    let folder = Folder::new("twice");
    let url = serve.url("/");
    let line = [&["run", &url, "--json", "--slo", "error_rate < 1%"], &LONG[..]].concat();
    let running = start(&folder, command(&line));
    std::thread::sleep(Duration::from_millis(1200));
    running.signal(Signal::INT);
    std::thread::sleep(Duration::from_millis(300));
    running.signal(Signal::INT);
    let summary = running.end().expect(130).json();
    assert!(count(&summary, "/unanswered") > 0);
    assert_eq!(count(&summary, "/unanswered"), count(&summary, "/requests"));
    // They had not the time that they were promised: no failures of the service.
    assert_eq!(count(&summary, "/errors/total"), 0, "{}", summary["errors"]);
    assert_ne!(summary["slos"][0]["verdict"], "fail", "{}", summary["slos"]);
    let text = run(&folder, &["report", "run", "-o", "report.md"]).expect(0);
    assert!(text.stderr.contains("report.md"));
    let markdown = std::fs::read_to_string(folder.join("report.md")).expect("it is written");
    assert!(markdown.contains("were still in flight when the run was interrupted"), "{markdown}");
}

fn a_run_that_goes_on_can_be_reported() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("going-on");
    let running = start(&folder, command(&[&["run", &serve.url("/")], &LONG[..]].concat()));
    std::thread::sleep(Duration::from_millis(2500));
    let summary = run(&folder, &["report", "run", "-o", "-"]).expect(0).json();
    assert_eq!(summary["status"], "incomplete");
    assert!(count(&summary, "/requests") >= RATE / 2, "{}", summary["requests"]);
    drop(running);
}
