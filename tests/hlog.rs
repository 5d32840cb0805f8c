//! `latency.hlog` is read by the PyPI package `hdrhistogram`, and says what the summary says.

use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::harness::{Skip, trials};
use crate::support::loadline::measure;
use crate::support::serve::Serve;
use crate::support::tools::python_with_hdrhistogram;
use crate::support::{count, number, root};

pub(crate) fn trials() -> Vec<Trial> {
    trials! { Beside: another_tool_reads_the_same_counts_and_percentiles; }
}

/// Names that would break columns and lines, a warm-up that is left out, and failures.
const SCENARIO: &str = r#"
target: http://127.0.0.1:1
load: [{ rate: 200/s, for: 1s, warmup: true }, { rate: 400/s, for: 3s }]
flows:
  - steps:
      - { get: /, name: "list, all: \"100 %\" # größe" }
      - { get: /, name: "two\nlines\tand:response" }
"#;

const KINDS: [&str; 3] = ["response", "service", "delay"];

fn another_tool_reads_the_same_counts_and_percentiles() -> Result<(), Skip> {
    let python = python_with_hdrhistogram()?;
    let serve = Serve::start(&["--service", "lognormal:2ms,0.8", "--errors", "0.02"]);
    let folder = Folder::new("hlog");
    let file = folder.write("scenario.yaml", SCENARIO);
    let summary = measure(&folder, &file, &["--target", &serve.url("")]).json();
    let script = root().join("tests/hlog.py");
    let read =
        Command::new(python).arg(script).arg(folder.join("run/latency.hlog")).output().expect("python runs");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let read: Value = serde_json::from_slice(&read.stdout).expect("the script prints JSON");
    assert!(count(&summary, "/errors/by_class/status_5xx") > 0);
    for kind in KINDS {
        same(&read["all"][kind], &summary, &summary[kind]);
        for request in summary["requests_by_name"].as_array().expect("a list") {
            let name = request["name"].as_str().expect("a name");
            same(&read["names"][name][kind], request, &request[kind]);
        }
    }
    // A warm-up stands apart: what the service was asked beyond the measured part.
    let asked = count(&serve.settled_stats(), "/requests");
    assert_eq!(count(&read, "/warmup") + count(&summary, "/requests"), asked);
    Ok(())
}

/// Both tools keep three digits of a microsecond's multiple and mean the same bucket.
#[track_caller]
fn same(read: &Value, counts: &Value, figures: &Value) {
    assert_eq!(read["count"], counts["requests"], "{read}");
    for field in ["p50_ms", "p90_ms", "p95_ms", "p99_ms", "p999_ms", "p9999_ms", "max_ms"] {
        let (ours, theirs) = (number(figures, &format!("/{field}")), number(read, &format!("/{field}")));
        assert!((ours - theirs).abs() < 1e-9, "{field}: {ours} here, {theirs} there");
    }
    let (ours, theirs) = (number(figures, "/mean_ms"), number(read, "/mean_ms"));
    assert!((ours - theirs).abs() <= 1e-3 * theirs, "mean: {ours} here, {theirs} there");
}
