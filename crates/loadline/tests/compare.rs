//! `compare` and `changes` through the built binary: exit codes, documents and what is said of bad input.

#![cfg(feature = "cli")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("loadline-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// A table of ten runs around a level of p99.
    fn runs(&self, name: &str, level: f64) -> PathBuf {
        let noise = [4, -4, 11, -7, -2, 2, 7, -11, 1, -1];
        let rows: Vec<String> =
            noise.iter().map(|noise| format!("{:.4}", level * (1.0 + f64::from(*noise) / 1000.0))).collect();
        self.file(name, &format!("p99_ms\n{}\n", rows.join("\n")))
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn compare(base: &Path, candidate: &Path, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
    command.arg("compare").arg(base).arg("--candidate").arg(candidate).args(flags);
    command.env_remove("GITHUB_STEP_SUMMARY").output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn verdicts_have_their_exit_codes() {
    let folder = Folder::new("verdicts");
    let base = folder.runs("base.csv", 20.0);
    for (level, code, verdict) in
        [(20.1, 0, "pass"), (24.0, 4, "regressed"), (16.0, 0, "improved"), (21.0, 5, "inconclusive")]
    {
        let output = compare(&base, &folder.runs("new.csv", level), &["--json", "--metrics", "p99"]);
        assert_eq!(output.status.code(), Some(code), "{level}");
        let document = json(&output);
        assert_eq!(document["schema"], "loadline/comparison@1");
        assert_eq!(
            (document["verdict"].as_str(), document["metrics"][0]["metric"].as_str()),
            (Some(verdict), Some("p99"))
        );
    }
    let lenient = compare(&base, &folder.runs("new.csv", 21.0), &["--on-inconclusive", "pass"]);
    assert_eq!(lenient.status.code(), Some(0));
}

#[test]
fn documents_are_written() {
    let folder = Folder::new("documents");
    let (base, new) = (folder.runs("base.csv", 20.0), folder.runs("new.csv", 24.0));
    let (xml, page) = (folder.0.join("out.xml"), folder.0.join("out.md"));
    let flags = ["--junit", xml.to_str().unwrap(), "--markdown", page.to_str().unwrap(), "--github"];
    let output = compare(&base, &new, &flags);
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("regressed: worse by more than 5%: p99"));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("::error title="));
    assert!(fs::read_to_string(xml).unwrap().contains("<failure"));
    assert!(fs::read_to_string(page).unwrap().starts_with("### regressed"));
}

/// The ending says what is written, and one that says nothing is refused before anything is read.
#[test]
fn endings_say_what_is_written() {
    let folder = Folder::new("endings");
    let (base, new) = (folder.runs("base.csv", 20.0), folder.runs("new.csv", 20.1));
    for (ending, starts) in
        [("html", "<!DOCTYPE html>"), ("md", "### pass"), ("json", "{"), ("xml", "<?xml"), ("txt", "pass: ")]
    {
        let file = folder.0.join(format!("out.{ending}"));
        let output = compare(&base, &new, &["--quiet", "-o", file.to_str().unwrap()]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{ending}");
        assert!(fs::read_to_string(&file).unwrap().starts_with(starts), "{ending}");
    }
    for ending in ["pdf", "svg", ""] {
        let file = folder.0.join(format!("out.{ending}"));
        let output = compare(&base, &new, &["-o", file.to_str().unwrap()]);
        assert_eq!((output.status.code(), file.exists()), (Some(2), false), "{ending}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(".html, .md, .json, .xml (JUnit), .txt"));
    }
    let program = || Command::new(env!("CARGO_BIN_EXE_loadline"));
    for verb in [vec!["changes"], vec!["fit"], vec!["forecast"], vec!["report"]] {
        let output = program().args(&verb).arg(&base).args(["-o", "out.pdf"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{verb:?}");
    }
}

/// Where an inconclusive job is let through, no case of it is an error.
#[test]
fn junit_says_what_the_exit_code_says() {
    let folder = Folder::new("lenient");
    let (base, new) = (folder.runs("base.csv", 20.0), folder.runs("new.csv", 21.0));
    for (word, code, tag) in [("fail", 5, "<error"), ("pass", 0, "<skipped")] {
        let output = compare(&base, &new, &["--on-inconclusive", word, "-o", "-", "--junit", "/dev/null"]);
        assert_eq!(output.status.code(), Some(code));
        let xml = folder.0.join("out.xml");
        compare(&base, &new, &["--on-inconclusive", word, "--junit", xml.to_str().unwrap()]);
        assert!(fs::read_to_string(xml).unwrap().contains(tag), "{word}");
    }
}

/// Any column is a metric.
#[test]
fn cpu_per_request_is_a_metric() {
    let folder = Folder::new("cpu");
    let side = |name: &str, level: f64| {
        let rows: String = (0..8).map(|at| format!("{}\n", level + 0.001 * f64::from(at * 5 % 8))).collect();
        folder.file(name, &format!("cpu_ms_per_request\n{rows}"))
    };
    let output = compare(&side("base.csv", 1.0), &side("new.csv", 1.2), &["--json"]);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(json(&output)["metrics"][0]["metric"], "cpu_ms_per_request");
}

#[test]
fn bad_input_is_named() {
    let folder = Folder::new("bad");
    let base = folder.runs("base.csv", 20.0);
    let empty = folder.file("empty.csv", "p99_ms\n");
    let wrong = folder.file("nan.csv", "p99_ms\n20\nNaN\n");
    let said = |candidate: &Path, flags: &[&str]| {
        let output = compare(&base, candidate, flags);
        assert_eq!(output.status.code(), Some(2), "{candidate:?} {flags:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said(&empty, &[]).contains("no runs"));
    assert!(said(&wrong, &[]).contains("line 3, column `p99_ms`"));
    assert!(said(&base, &[]).contains("given twice"));
    assert!(said(&folder.0.join("absent.csv"), &[]).contains("absent.csv"));
    assert!(
        said(&folder.runs("new.csv", 20.1), &["--metrics", "p50"]).contains("no run has the metric `p50`")
    );
    assert!(said(&folder.runs("copy.csv", 20.0), &[]).contains("given twice"));
    let constant = |name: &str| folder.file(name, "errors\n0\n0\n0\n");
    let equal = compare(&constant("none.csv"), &constant("neither.csv"), &[]);
    assert_eq!(equal.status.code(), Some(0), "sides without an error may be equal");
    assert!(said(&folder.runs("new.csv", 20.1), &["--tolerance", "5"]).contains("percentage"));
    assert!(said(&folder.0, &[]).contains("holds no runs"));
}

#[test]
fn changes_of_a_history_are_found() {
    let folder = Folder::new("changes");
    let noise = |at: usize| (at * 7919 % 13) as f64 / 1000.0;
    let rows: Vec<String> = (0..60)
        .map(|at| format!("{at},c{},{}", at / 10, if at < 30 { 10.0 } else { 11.0 } + noise(at)))
        .collect();
    let history = folder.file("history.csv", &format!("time,commit,p99_ms\n{}\n", rows.join("\n")));
    let run = |flags: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_loadline"))
            .arg("changes")
            .arg(&history)
            .args(flags)
            .output()
            .unwrap()
    };
    let output = run(&["--json"]);
    assert_eq!(output.status.code(), Some(0));
    let document = json(&output);
    assert_eq!(document["changes"].as_array().unwrap().len(), 1);
    let change = &document["changes"][0];
    assert_eq!((change["index"].as_u64(), change["commit"].as_str()), (Some(30), Some("c3")));
    assert!(String::from_utf8_lossy(&run(&[]).stdout).contains("p99_ms: 1 change in 60 runs"));
    assert_eq!(run(&["--metrics", "p50"]).status.code(), Some(2));
}

/// Two histories in one file, 10 and 20 by turns: read as one they would hide that the second rises by a tenth.
#[test]
fn histories_in_one_file_are_told_apart() {
    let folder = Folder::new("series");
    let noise = |at: usize| (at * 7919 % 13) as f64 / 1000.0;
    let text = |column: &str| {
        let row = |at: usize| {
            let level = if at.is_multiple_of(2) {
                10.0
            } else if at < 60 {
                20.0
            } else {
                22.0
            };
            format!("{},{},{}\n", ["list", "buy"][at % 2], at / 2, level + noise(at))
        };
        format!("{column},time,p99_ms\n{}", (0..120).map(row).collect::<String>())
    };
    let run = |column: &str, flags: &[&str]| {
        let history = folder.file("history.csv", &text(column));
        Command::new(env!("CARGO_BIN_EXE_loadline"))
            .arg("changes")
            .arg(&history)
            .args(flags)
            .output()
            .unwrap()
    };
    for (column, flags) in [("series_id", &["--json"][..]), ("host", &["--json", "--series", "host"])] {
        let document = json(&run(column, flags));
        assert_eq!(document["changes"].as_array().unwrap().len(), 1, "{document}");
        let change = &document["changes"][0];
        assert_eq!((change["series"].as_str(), change["index"].as_u64()), (Some("buy"), Some(30)));
        assert_eq!(document["metrics"][0]["finding"], "no_change");
    }
    let page = folder.0.join("page.html");
    let text = run("series_id", &["-o", page.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("p99_ms of list: no change above"));
    assert!(fs::read_to_string(page).unwrap().contains("p99_ms of buy run by run"));
    let only = json(&run("series_id", &["--json", "--only", "list"]));
    assert_eq!(only["metrics"].as_array().unwrap().len(), 1);
    let refused = run("host", &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--series host"));
    assert_eq!(run("host", &["--series", "none"]).status.code(), Some(0));
    assert_eq!(run("series_id", &["--only", "sell"]).status.code(), Some(2));
    let base = folder.file("base.csv", "series_id,p99_ms\na,1\nb,20\na,1.1\nb,21\n");
    let new = folder.file("new.csv", "series_id,p99_ms\na,1.1\nb,20\na,1\nb,20.5\n");
    let output = compare(&base, &new, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("they differ in `series_id`"));
}

/// So few runs show no change, and no absence of one.
#[test]
fn short_histories_claim_nothing() {
    let folder = Folder::new("short");
    let history = folder.file("history.csv", "p99_ms\n1\n1\n1\n9\n9\n9\n");
    let output = Command::new(env!("CARGO_BIN_EXE_loadline")).arg("changes").arg(&history).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("p99_ms: 6 runs cannot tell") && !text.contains("no change in"), "{text}");
    assert!(text.contains("give 4 more"), "{text}");
}
