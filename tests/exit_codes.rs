//! The exit codes are a contract.

use libtest_mimic::Trial;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::{Ended, command, measure, run, start};
use crate::support::odd::Odd;
use crate::support::serve::Serve;
use crate::support::tls::Identity;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: done_is_0, a_target_that_is_not_there_is_1, bad_usage_is_2, a_broken_objective_is_3,
            too_little_evidence_is_5, the_first_of_several_holds, a_report_is_0_whatever_it_says,
            data_goes_to_stdout_and_talk_to_stderr, a_refused_run_leaves_nothing, a_step_summary_is_added_to,
            why_it_ended_early_is_said, every_verb_has_a_manual_page;
    }
}

const SHORT: [&str; 4] = ["--rate", "100/s", "--duration", "1s"];

/// A service slow enough that a busy machine does not spoil the measurement: the generator's delay is held against a
/// tenth of the response time.
const SLOW: [&str; 2] = ["--service", "const:250ms"];

/// Asserts the exit code of a short run with objectives. A run that a busy machine has spoiled all the same is tried
/// again, at most twice.
#[track_caller]
fn judged(serve: &Serve, slos: &[&str], flags: &[&str], code: i32) -> Ended {
    let slos: Vec<&str> = slos.iter().flat_map(|slo| ["--slo", slo]).collect();
    let flags = [&SHORT[..], &slos, flags].concat();
    let attempt = || measure(&Folder::new("judged"), &serve.url("/"), &flags);
    let valid = (0..2).map(|_| attempt()).find(|ended| ended.code != Some(6));
    valid.unwrap_or_else(attempt).expect(code)
}

fn done_is_0() {
    let serve = Serve::start(&SLOW);
    judged(&serve, &[], &[], 0);
    judged(&serve, &["error_rate <= 0%", "p50 < 10s", "throughput > 10/s"], &[], 0);
}

fn a_target_that_is_not_there_is_1() {
    let folder = Folder::new("absent");
    let gone = Serve::start(&[]);
    let url = gone.url("/");
    drop(gone);
    let ended = measure(&folder, &url, &["--rate", "10/s", "--duration", "1s", "--slo", "error_rate < 1%"]);
    let ended = ended.expect(1);
    assert!(ended.stderr.contains("unreachable") && ended.stderr.contains("connect"), "{}", ended.stderr);
}

fn bad_usage_is_2() {
    let serve = Serve::start(&[]);
    let url = serve.url("/");
    let folder = Folder::new("usage");
    std::fs::create_dir(folder.join("occupied")).expect("the folder can be written");
    folder.write("occupied/file", "");
    for line in [
        &["run"][..],
        &["run", &url, "--rate", "fast"],
        &["run", &url, "--rate", "5/s", "--users", "3"],
        &["run", &url, "--slo", "p99 << 1s"],
        &["run", &url, "--slo", "p99 < 1s for nobody"],
        &["run", &url, "--frobnicate"],
        &["run", &url, "--workers", "0"],
        &["run", &url, "--out", "occupied"],
        &["run", &url, "--cacert", "nowhere.pem"],
        &["run", &url, "--cert", "alone.pem"],
        &["run", &url, "--header", "no colon"],
        &["run", &url, "--method", "G T"],
        &["run", &url, "--method", ""],
        &["run", &url, "--body", "@nowhere"],
        &["run", &url, "--proxy", "::"],
        &["run", &url, "--junit", "nowhere/junit.xml"],
        &["run", "nowhere.yaml"],
        &["run", "127.0.0.1:1"],
        &["check", "nowhere.yaml"],
        &["report", "nowhere"],
        &["report", "occupied"],
        &["report", "occupied/file"],
        &["run", &url, "--slo", "error_rate < 0.1"],
        &["run", &url, "--users", "abc"],
        &["run", "occupied"],
        &["run", "localhost:1"],
        &["man", "frobnicate"],
        &["frobnicate"],
    ] {
        let ended = run(&folder, line);
        assert_eq!(ended.code, Some(2), "{line:?}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty() && !ended.stderr.contains("panicked"), "{line:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{line:?}");
    }
    assert_eq!(serve.stats()["arrivals"], 0, "bad usage sends nothing");
    let said = |line: &[&str]| run(&folder, line).expect(2).stderr;
    assert!(said(&["run", "localhost:1"]).contains("did you mean http://localhost:1?"));
    assert!(said(&["run", "occupied"]).contains("it is a folder"));
    assert!(said(&["report", "occupied/file"]).contains("give the run directory"));
    assert!(said(&["run", &url, "--users", "abc"]).contains("a whole number from 1 on"));
}

fn a_broken_objective_is_3() {
    let serve = Serve::start(&[&SLOW[..], &["--errors", "0.5"]].concat());
    judged(&serve, &["p50 < 1ms"], &[], 3);
    judged(&serve, &["error_rate < 1%"], &[], 3);
    judged(&serve, &["p50 < 10s", "throughput > 80/s"], &[], 3);
}

/// A p99.9 of a hundred requests rests on a tenth of a request.
fn too_little_evidence_is_5() {
    let serve = Serve::start(&SLOW);
    judged(&serve, &["p99.9 < 10s"], &[], 5);
    judged(&serve, &["p99.9 < 10s"], &["--on-inconclusive", "pass"], 0);
    judged(&serve, &["p50 < 10s over 5s"], &[], 5);
}

fn the_first_of_several_holds() {
    let serve = Serve::start(&SLOW);
    judged(&serve, &["p99.9 < 10s", "throughput > 1000/s"], &[], 3);
    // Unreachable goes before the objective that it breaks; a certificate that is not trusted makes no connection.
    let odd = Odd::tls(&Identity::of(&["127.0.0.1"]));
    let folder = Folder::new("first");
    let url = format!("https://127.0.0.1:{}/", odd.port());
    measure(&folder, &url, &["--rate", "20/s", "--duration", "1s", "--slo", "error_rate < 1%"]).expect(1);
}

fn a_report_is_0_whatever_it_says() {
    let serve = Serve::start(&["--errors", "1"]);
    let folder = Folder::new("report");
    let flags = [&SHORT[..], &["--slo", "error_rate < 1%"]].concat();
    let ran = measure(&folder, &serve.url("/"), &flags).json();
    assert_eq!(ran["slos"][0]["verdict"], "fail");
    let report = run(&folder, &["report", "run", "-o", "-"]).expect(0);
    assert_eq!(report.json(), ran);
    run(&folder, &["report", "run", "-o", "summary.json"]).expect(0);
    assert_eq!(std::fs::read_to_string(folder.join("summary.json")).expect("it is written"), report.stdout);
    run(&folder, &["report", "run", "-o", "nowhere/report.html"]).expect(2);
    let several = run(&folder, &["report", "run", "run", "-o", "-"]).expect(0).json();
    assert_eq!(several, serde_json::json!([ran, ran]));
}

fn data_goes_to_stdout_and_talk_to_stderr() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("talk");
    let flags = ["run", &serve.url("/"), "--rate", "50/s", "--duration", "1s", "--no-report"];
    let plain = run(&folder, &flags).done();
    assert!(plain.stdout.contains("50") && !plain.stdout.contains('\u{1b}'), "{}", plain.stdout);
    let quiet = run(&folder, &[&flags[..], &["--quiet"]].concat()).done();
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let json = run(&folder, &[&flags[..], &["--json", "--quiet"]].concat()).done();
    assert_eq!((json.json()["schema"].as_str(), json.stderr.as_str()), (Some("loadline/run@1"), ""));
}

fn a_refused_run_leaves_nothing() {
    let serve = Serve::start(&[]);
    let url = serve.url("/");
    let folder = Folder::new("refused");
    folder.write("no.pem", "no certificate");
    for flags in [&["--cacert", "no.pem"][..], &["--client", "lean", "--http", "2"]] {
        run(&folder, &[&["run", &url], flags].concat()).expect(2);
        assert!(!folder.join("runs").exists(), "{flags:?}");
    }
}

/// Steps of a job share the file: what stands in it already stays. It has no ending that says what to write.
fn a_step_summary_is_added_to() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("summary");
    let summary = folder.write("step_summary_1", "earlier\n");
    let other = folder.write("other.md", "earlier\n");
    for file in [&summary, &other] {
        let url = serve.url("/");
        let mut line = command(&[&["run", &url, "--markdown", file, "--no-report"], &SHORT[..]].concat());
        line.env("GITHUB_STEP_SUMMARY", &summary);
        start(&folder, line).end().done();
    }
    let text = |file: &str| std::fs::read_to_string(file).expect("it is written");
    assert!(text(&summary).starts_with("earlier\n### "), "{}", text(&summary));
    assert!(text(&other).starts_with("### "), "{}", text(&other));
}

fn why_it_ended_early_is_said() {
    let serve = Serve::start(&["--errors", "1"]);
    let folder = Folder::new("why");
    let flags = ["--rate", "50/s", "--duration", "20s", "--slo", "error_rate < 5% abort after 1s"];
    let url = serve.url("/");
    let line = [&["run", &url, "--no-report", "--out", "run"], &flags[..]].concat();
    let ended = run(&folder, &line);
    // A busy machine may spoil the measurement besides.
    assert!(matches!(ended.code, Some(3 | 6)), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("Ended by: the objective `error_rate < 5% abort after 1s`"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("GET /: status 500 Internal Server Error"), "{}", ended.stdout);
    let summary = run(&folder, &["report", "run", "-o", "-"]).expect(0).json();
    assert!(summary["ended_by"].as_str().is_some_and(|why| why.contains("error_rate")), "{summary}");
    assert_eq!(
        summary["errors"]["examples"],
        serde_json::json!({ "status_5xx": ["GET /: status 500 Internal Server Error"] })
    );
}

fn every_verb_has_a_manual_page() {
    let folder = Folder::new("man");
    let page = run(&folder, &["man", "run"]).expect(0).stdout;
    assert!(page.contains("loadline") && page.contains("max\\-in\\-flight"), "{page}");
    let all = run(&folder, &["man"]).expect(0).stdout;
    assert!(all.contains("EXIT STATUS") && all.contains("generator was the bottleneck"), "{all}");
}
