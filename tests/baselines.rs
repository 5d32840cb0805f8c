//! Runs kept as baselines, and what cannot be compared.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::harness::{Skip, trials};
use crate::support::loadline::{Ended, run};
use crate::support::odd::{Odd, read_head};
use crate::support::serve::Serve;
use crate::support::tools;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: a_baseline_is_a_run_in_one_file, the_cpu_of_a_request_is_compared, fingerprints_are_held_against_each_other,
            what_cannot_be_compared_never_passes, openmetrics_are_what_prometheus_reads, tables_of_other_tools_are_understood;
    }
}

/// A run slow enough that a busy machine does not spoil it, tried again where it did all the same.
fn measure(folder: &Folder, url: &str, name: &str, flags: &[&str]) -> Ended {
    for attempt in 0..3 {
        let out = format!("{name}-{attempt}");
        let line =
            ["run", url, "--rate", "40/s", "--duration", "6s", "--no-report", "--quiet", "--out", &out];
        let ended = run(folder, &[&line[..], flags].concat());
        if ended.code != Some(6) {
            fs::rename(folder.join(&out), folder.join(name)).expect("the run is there");
            return ended;
        }
    }
    panic!("the machine spoiled three runs");
}

fn a_baseline_is_a_run_in_one_file() {
    let serve = Serve::start(&["--service", "const:250ms"]);
    let folder = Folder::new("baseline");
    measure(&folder, &serve.url("/"), "base", &["--save-baseline", "base.json"]).expect(0);
    measure(&folder, &serve.url("/"), "new", &["--save-baseline", "kept/"]).expect(0);
    let size = fs::metadata(folder.join("base.json")).expect("it is written").len();
    assert!(size < 64 * 1024, "{size} bytes");
    assert_eq!(fs::read_dir(folder.join("kept")).expect("the folder is made").count(), 1);
    let against = |base: &str, new: &str| {
        run(
            &folder,
            &["compare", base, "--candidate", new, "--json", "--tolerance", "50%", "--metrics", "p50,mean"],
        )
    };
    // What no run can tell is inconclusive, and says why.
    let sparse = ["compare", "base", "--candidate", "new", "--json", "--metrics", "p999"];
    let told = run(&folder, &sparse).expect(5).json();
    let why = told["metrics"][0]["reasons"][0].as_str().unwrap_or_default();
    assert!(why.contains("too few samples"), "{told}");
    let of_directories = against("base", "new").expect(0).json();
    let of_baselines = against("base.json", "kept").expect(0).json();
    assert_eq!(of_directories["metrics"], of_baselines["metrics"]);
    assert!(!of_baselines["notes"].to_string().contains("changed after it was saved"), "{of_baselines}");
    assert!(
        of_directories["metrics"][0]["reasons"][0].as_str().is_some_and(|why| why.contains("one run a side"))
    );
    // At a tight tolerance one run a side can't know.
    let tight = ["compare", "base.json", "--candidate", "new", "--metrics", "p50", "--tolerance", "2%"];
    run(&folder, &tight).expect(5);
    let again = run(&folder, &["compare", "base.json", "--candidate", "base.json"]).expect(2);
    assert!(again.stderr.contains("given twice"), "{}", again.stderr);
}

/// A service that says of itself to take a fifth of a core: 5 ms a request at 40/s.
fn the_cpu_of_a_request_is_compared() {
    let began = Instant::now();
    let service = Odd::start(move |mut stream| {
        let head = read_head(&mut stream)?;
        let body = match head.starts_with(b"GET /metrics") {
            true => format!("process_cpu_seconds_total {}\n", 3.0 + 0.2 * began.elapsed().as_secs_f64()),
            false => {
                // Long enough that a busy machine is not taken for the service.
                std::thread::sleep(Duration::from_millis(250));
                "ok".to_owned()
            }
        };
        let length = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
    });
    let folder = Folder::new("cpu");
    let metrics = format!("{}metrics", service.url());
    let asked = measure(&folder, &service.url(), "base", &["--service-metrics", &metrics, "--json"]);
    let cpu = asked.expect(0).json()["cpu_ms_per_request"].as_f64().expect("it was read");
    assert!((4.5..5.5).contains(&cpu), "{cpu} ms");
    measure(&folder, &service.url(), "new", &["--service-metrics", &metrics]).expect(0);
    let of_cpu = ["compare", "base", "--candidate", "new", "--json", "--metrics", "cpu_ms_per_request"];
    let compared = run(&folder, &of_cpu).expect(5).json();
    let change = compared["metrics"][0]["change"].as_f64().expect("both sides have it");
    assert!(change.abs() < 0.2, "{compared}");
    // Where it cannot be read the run says why, and is a run all the same.
    let nowhere =
        measure(&folder, &service.url(), "silent", &["--service-metrics", &service.url(), "--json"]);
    let summary = nowhere.expect(0).json();
    assert_eq!(summary.get("cpu_ms_per_request"), None);
    assert!(summary["notes"].to_string().contains("no process_cpu_seconds_total"), "{}", summary["notes"]);
}

fn fingerprints_are_held_against_each_other() {
    let serve = Serve::start(&["--service", "const:250ms"]);
    let folder = Folder::new("fingerprint");
    measure(&folder, &serve.url("/"), "base", &["--save-baseline", "base.json"]).expect(0);
    let text = fs::read_to_string(folder.join("base.json")).expect("it is written");
    let mut other: Value = serde_json::from_str(&text).expect("it is JSON");
    other["run"]["id"] = "another".into();
    other["run"]["host"]["cpus"] = 99.into();
    other["run"]["versions"]["loadline"] = "0.0.1".into();
    other["run"]["scenario"]["seed"] = 99.into();
    folder.write("other.json", &other.to_string());
    let compared =
        run(&folder, &["compare", "base.json", "--candidate", "other.json", "--json", "--metrics", "p50"]);
    let notes = compared.json()["notes"].to_string();
    for said in [
        "different machines",
        "different versions",
        "scenarios differ in details",
        "changed after it was saved",
    ] {
        assert!(notes.contains(said), "{notes}");
    }
    other["run"]["id"] = "foreign".into();
    other["run"]["request_names"] = serde_json::json!(["POST /orders"]);
    folder.write("foreign.json", &other.to_string());
    let refused = run(&folder, &["compare", "base.json", "--candidate", "foreign.json"]).expect(2);
    assert!(refused.stderr.contains("different scenarios"), "{}", refused.stderr);
}

fn what_cannot_be_compared_never_passes() {
    let serve = Serve::start(&["--service", "const:250ms"]);
    let folder = Folder::new("uncompared");
    measure(&folder, &serve.url("/"), "base", &["--save-baseline", "base.json"]).expect(0);
    let text = fs::read_to_string(folder.join("base.json")).expect("it is written");
    folder.write("cut.json", &text[..text.len() / 2]);
    folder.write("foreign.json", "{\"schema\":\"loadline/baseline@9\"}");
    folder.write("nan.csv", "p50_ms\nNaN\n");
    folder.write("empty.csv", "");
    fs::create_dir(folder.join("empty")).expect("the folder can be written");
    fs::create_dir(folder.join("torn")).expect("the folder can be written");
    let document = fs::read_to_string(folder.join("base/run.json")).expect("it is written");
    folder.write("torn/run.json", &document[..document.len() / 2]);
    for (candidate, said) in [
        ("cut.json", "no baseline"),
        ("foreign.json", "baseline@9"),
        ("nan.csv", "line 2"),
        ("empty.csv", "no runs"),
        ("empty", "holds no runs"),
        ("torn", "torn"),
        ("absent", "absent"),
    ] {
        let ended = run(&folder, &["compare", "base.json", "--candidate", candidate]).expect(2);
        assert!(ended.stderr.contains(said), "{candidate}: {}", ended.stderr);
    }
    // A copy is the same run once more.
    fs::copy(folder.join("base.json"), folder.join("copy.json")).expect("a copy");
    let twice = run(&folder, &["compare", "base.json", "--candidate", "copy.json"]).expect(2);
    assert!(twice.stderr.contains("given twice"), "{}", twice.stderr);
    // A run whose recording is cut short has lost some of its requests: it is left out, and nothing is left.
    fs::create_dir(folder.join("short")).expect("the folder can be written");
    let mut short: Value = serde_json::from_str(&document).expect("it is JSON");
    short["id"] = "short".into();
    folder.write("short/run.json", &short.to_string());
    for file in ["intervals.ndjson", "latency.hlog"] {
        let whole = fs::read_to_string(folder.join("base").join(file)).expect("it is written");
        let lines = whole.lines().filter(|line| second_of(line).is_none_or(|second| second < 3.0));
        folder.write(&format!("short/{file}"), &lines.map(|line| format!("{line}\n")).collect::<String>());
    }
    let ended = run(&folder, &["compare", "base.json", "--candidate", "short", "--json"]).expect(6);
    assert_eq!(ended.json()["verdict"], "invalid");
    let excluded = &ended.json()["excluded"][0];
    assert_eq!(excluded["side"], "candidate");
    assert!(excluded["reason"].as_str().is_some_and(|why| why.contains("cut short")), "{excluded}");
    // One without its recording is no run at all.
    fs::remove_file(folder.join("short/latency.hlog")).expect("it was written");
    run(&folder, &["compare", "base.json", "--candidate", "short"]).expect(2);
}

/// Tables of other tools: rows about one request each, dates, marks of runs that do not count.
fn tables_of_other_tools_are_understood() {
    let folder = Folder::new("tables");
    let row = |at: usize, list_ms: f64, status: &str| {
        format!(
            "r{at},2026-11-{:02},list,{list_ms},{status}\nr{at},2026-11-{:02},buy,30.{at},ok\n",
            at + 1,
            at + 1
        )
    };
    let side = |level: f64| {
        let each = (0..8).map(|at| row(at, level + 0.01 * at as f64, if at == 3 { "failed" } else { "ok" }));
        format!("run,date,request,p50_ms,status\n{}", each.collect::<String>())
    };
    folder.write("base.csv", &side(20.0));
    folder.write("new.csv", &side(26.0));
    let compared =
        run(&folder, &["compare", "base.csv", "--candidate", "new.csv", "--json"]).expect(4).json();
    let verdict = |request: &str| {
        let all = compared["metrics"].as_array().expect("there are metrics");
        let one = all.iter().find(|metric| metric["request"] == request).expect("it is there");
        (one["verdict"].clone(), one["base_runs"].clone())
    };
    assert_eq!(verdict("list"), ("regressed".into(), 7.into()));
    assert_eq!(verdict("buy"), ("pass".into(), 7.into()));
    assert_eq!(compared["excluded"].as_array().map(Vec::len), Some(2), "{compared}");
    let other_way = ["--lower-is-better", "throughput_per_s", "--json"];
    folder.write("less.csv", "throughput_per_s\n9.1\n9.0\n9.2\n9.1\n");
    folder.write("more.csv", "throughput_per_s\n12.1\n12.0\n12.2\n12.1\n");
    run(&folder, &[&["compare", "less.csv", "--candidate", "more.csv"], &other_way[..]].concat()).expect(4);
    folder.write("unknown.csv", "p50_ms,status\n1,ok\n2,flaky\n");
    let unknown = run(&folder, &["compare", "unknown.csv", "--candidate", "new.csv"]).expect(2);
    assert!(unknown.stderr.contains("line 3, column `status`: `flaky`"), "{}", unknown.stderr);
    let systems = "system,users,throughput\na,1,10\na,2,19\nb,1,99\na,4,30\n";
    folder.write("systems.csv", systems);
    assert!(run(&folder, &["fit", "systems.csv"]).expect(2).stderr.contains("choose one with --only 'a'"));
    run(&folder, &["fit", "systems.csv", "--only", "a", "--json"]).expect(0);
}

/// The second of a line of either file; `None` for the head of the log.
fn second_of(line: &str) -> Option<f64> {
    let after = |mark: &str| line.strip_prefix(mark)?.split([',', '}']).next()?.parse().ok();
    after("{\"second\":").or_else(|| line.strip_prefix("Tag=")?.split(',').nth(1)?.parse().ok())
}

/// promtool reads what is written for GitLab, all but the end that OpenMetrics adds.
fn openmetrics_are_what_prometheus_reads() -> Result<(), Skip> {
    let promtool = tools::program("promtool", "prometheus")?;
    let serve = Serve::start(&["--service", "const:250ms"]);
    let folder = Folder::new("openmetrics");
    measure(&folder, &serve.url("/"), "base", &["--openmetrics", "run.txt"]).expect(0);
    let text = fs::read_to_string(folder.join("run.txt")).expect("it is written");
    assert!(text.contains("loadline_response_seconds{request=\"all\",quantile=\"0.5\"} 0.2"), "{text}");
    let mut child = std::process::Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("promtool is there");
    let mut stdin = child.stdin.take().expect("it is piped");
    std::io::Write::write_all(&mut stdin, text.as_bytes()).expect("promtool reads");
    drop(stdin);
    assert!(child.wait().expect("promtool ends").success(), "{text}");
    Ok(())
}
