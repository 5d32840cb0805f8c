//! `loadline saturate` finds the capacity that a service is known to have, and says how sure it is.

use std::fs;
use std::time::Duration;

use libtest_mimic::Trial;
use loadline::analysis::queueing::mmc;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::harness::{Skip, trials};
use crate::support::loadline::{Ended, command, run, start};
use crate::support::machine::on_a_quiet_machine;
use crate::support::nginx::{LIMIT_PER_S, Nginx};
use crate::support::number;
use crate::support::serve::Serve;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Alone: a_queue_has_the_capacity_of_its_closed_form, nginx_has_the_limit_that_it_was_given;
        Beside: the_most_that_is_allowed_is_never_passed, a_requirement_decides_the_exit_code,
            users_are_searched_for_in_a_closed_loop, ctrl_c_keeps_what_was_measured, the_report_is_made_again,
            bad_usage_says_what_to_do, a_target_that_is_not_there_is_unreachable, a_target_that_goes_away_has_no_capacity;
    }
}

/// `loadline saturate TARGET` with flags: prints JSON, writes no report, and leaves `run/` in `folder`.
fn saturate(folder: &Folder, target: &str, flags: &[&str]) -> Ended {
    run(folder, &[&["saturate", target, "--json", "--no-report", "--quiet", "--out", "run"], flags].concat())
}

/// M/M/2 with a mean service time of 5 ms and Poisson arrivals: the 99th percentile meets its limit at 250/s. In this
/// time the interval is some six per cent to either side.
fn a_queue_has_the_capacity_of_its_closed_form() {
    let truth = mmc::capacity(200.0, 2, 0.99, 0.034_54).expect("a queue").expect("it has a capacity");
    on_a_quiet_machine(|| {
        let serve = Serve::start(&["--workers", "2", "--service", "exp:5ms", "--seed", "5"]);
        let folder = Folder::new("saturate-queue");
        let (target, metrics) = (serve.url("/"), serve.url("/metrics"));
        let flags = ["--slo", "p99 < 34.54ms", "--max-time", "150s", "--metrics", &metrics];
        let found = saturate(&folder, &target, &flags).expect(0).json();
        let capacity = number(&found, "/capacity_per_s");
        assert!((capacity / truth - 1.0).abs() < 0.1, "{capacity} for {truth}: {}", found["interval"]);
        assert_eq!(found["limited_by"], "p99 < 34.54ms");
        assert_eq!(found["validity"]["verdict"], "valid");
        // The workers are the queue's: U = X·D is 5 ms · rate / 2.
        assert_eq!(found["evidence"]["saturated"], "workers", "{}", found["evidence"]["finding"]);
        let full = number(&found, "/evidence/resources/0/full_at_per_s");
        assert!((full / 400.0 - 1.0).abs() < 0.1, "{full}");
    });
}

/// nginx gives 200 answers a second and refuses the others.
fn nginx_has_the_limit_that_it_was_given() -> Result<(), Skip> {
    let nginx = Nginx::start()?;
    on_a_quiet_machine(|| {
        let folder = Folder::new("saturate-nginx");
        let flags = [
            "--slo",
            "error_rate < 1%",
            "--arrivals",
            "uniform",
            "--max-time",
            // Time for steps that use the burst up: in short ones it lets more than the rate through.
            "120s",
            "--precision",
            "2%",
            "--max-rate",
            "2000/s",
        ];
        let found = saturate(&folder, &format!("{}limited", nginx.url()), &flags).expect(0).json();
        let capacity = number(&found, "/capacity_per_s");
        assert!((capacity / f64::from(LIMIT_PER_S) - 1.0).abs() < 0.03, "{capacity}: {:#}", found["steps"]);
        assert_eq!(found["limited_by"], "error_rate < 1%");
    });
    Ok(())
}

fn the_most_that_is_allowed_is_never_passed() {
    let serve = Serve::start(&["--service", "const:2ms"]);
    let folder = Folder::new("saturate-most");
    let bounds = ["--min-rate", "20/s", "--max-rate", "50/s", "--arrivals", "uniform", "--max-time", "60s"];
    let flags = [&["--slo", "p99 < 500ms"], &bounds[..]].concat();
    let found = saturate(&folder, &serve.url("/"), &flags).done().json();
    assert_eq!(found["capacity_per_s"], Value::Null);
    assert_eq!(steps(&found).last().map(|step| &step["confirming"]), Some(&Value::Bool(true)));
    assert_eq!(found["interval"], serde_json::json!([50.0, null]));
    let rates: Vec<f64> = steps(&found).iter().map(|step| number(step, "/rate_per_s")).collect();
    assert!(rates.iter().all(|rate| *rate <= 50.0), "{rates:?}");
    // What was offered is what came: every second of every step.
    let requests = number(&serve.settled_stats(), "/requests");
    let offered: f64 =
        steps(&found).iter().map(|s| number(s, "/rate_per_s") * number(s, "/duration_s")).sum();
    let lead_ins: f64 = rates.iter().map(|rate| rate * 0.75).sum();
    assert!((requests - offered - lead_ins).abs() < 5.0 + rates.len() as f64, "{requests} for {offered}");
}

fn steps(found: &Value) -> &[Value] {
    found["steps"].as_array().map_or(&[], Vec::as_slice)
}

fn a_requirement_decides_the_exit_code() {
    let serve = Serve::start(&["--service", "const:2ms"]);
    let folder = Folder::new("saturate-require");
    let case = |out: &str, most: &str, required: &str, slo: &str| {
        let flags =
            ["--min-rate", "20/s", "--max-rate", most, "--require", required, "--slo", slo, "--out", out];
        let target = serve.url("/");
        let all = [&["saturate", &target, "--json", "--max-time", "40s"], &flags[..]].concat();
        let ended = run(&folder, &all);
        let noted = ended.stderr.contains("is above --max-rate");
        (ended.code, ended.json()["verdict"].clone(), noted)
    };
    assert_eq!(case("pass", "40/s", "30/s", "p99 < 1s"), (Some(0), "pass".into(), false));
    // Nothing is known beyond what was allowed, which is said before it is driven.
    assert_eq!(case("unclear", "40/s", "100/s", "p99 < 1s"), (Some(5), "inconclusive".into(), true));
    assert_eq!(case("fail", "40/s", "30/s", "p50 < 1ms"), (Some(3), "fail".into(), false));
}

/// Four workers of 20 ms: a user who waits finds one of them free as long as there are no more users than workers, and
/// with N of them takes N/4 · 20 ms.
fn users_are_searched_for_in_a_closed_loop() {
    let serve = Serve::start(&["--workers", "4", "--service", "const:20ms"]);
    let folder = Folder::new("saturate-users");
    let flags = ["--users", "64", "--slo", "p90 < 110ms", "--max-time", "60s"];
    let found = saturate(&folder, &serve.url("/"), &flags).done().json();
    let users = number(&found, "/capacity_users");
    assert!((16.0..=26.0).contains(&users), "{users} for 20 to 22");
    let rate = number(&found, "/capacity_per_s");
    assert!((rate / 200.0 - 1.0).abs() < 0.1, "{rate} for 200");
    a_capacity_is_compared(&folder);
}

/// A search against copies of itself whose capacity is another.
fn a_capacity_is_compared(folder: &Folder) {
    let text = fs::read_to_string(folder.join("run/saturation.json")).expect("it is written");
    let search: Value = serde_json::from_str(&text).expect("it is JSON");
    let copy = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut copied = search.clone();
        change(&mut copied);
        fs::create_dir_all(folder.join(name)).expect("a directory");
        let run_json = fs::read_to_string(folder.join("run/run.json")).expect("it is written");
        let mut document: Value = serde_json::from_str(&run_json).expect("it is JSON");
        document["id"] = name.into();
        folder.write(&format!("{name}/run.json"), &document.to_string());
        folder.write(&format!("{name}/saturation.json"), &copied.to_string());
        run(folder, &["compare", "run", "--candidate", name, "--json"])
    };
    let of_share = |share: f64| {
        move |search: &mut Value| {
            search["capacity_per_s"] = (share * number(search, "/capacity_per_s")).into();
            search["interval"] = serde_json::json!([
                share * number(search, "/interval/0"),
                share * number(search, "/interval/1")
            ]);
        }
    };
    let slower = copy("slower", &of_share(0.5)).expect(4).json();
    assert_eq!(
        (&slower["metrics"][0]["metric"], &slower["verdict"]),
        (&"capacity".into(), &"regressed".into())
    );
    assert!((number(&slower, "/metrics/0/change") + 0.5).abs() < 1e-9);
    copy("alike", &of_share(0.98)).expect(5);
    let limited = copy("limited", &|search| search["end"] = "generator_limited".into()).expect(6);
    assert!(limited.stdout.contains("generator limited"), "{}", limited.stdout);
    let other = copy("other", &|search| search["slos"] = serde_json::json!(["p50 < 1s"])).expect(2);
    assert!(other.stderr.contains("the objectives of the searches differ"), "{}", other.stderr);
}

fn ctrl_c_keeps_what_was_measured() {
    let serve = Serve::start(&["--service", "const:2ms"]);
    let folder = Folder::new("saturate-interrupted");
    let target = serve.url("/");
    let running = start(
        &folder,
        command(&["saturate", &target, "--slo", "p99 < 1s", "--min-rate", "50/s", "--out", "run"]),
    );
    std::thread::sleep(Duration::from_secs(8));
    running.signal(Signal::INT);
    let ended = running.end().expect(130);
    assert!(ended.stderr.contains("interrupted"), "{}", ended.stderr);
    let kept: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("run/saturation.json")).expect("it is written"))
            .expect("it is a document");
    assert_eq!(kept["status"], "interrupted");
    assert!(!steps(&kept).is_empty(), "{kept:#}");
    assert!(folder.join("run/report.html").is_file());
}

fn the_report_is_made_again() {
    // Enough arrivals for a p99 in each step, and answers so slow that a generator beside other tests is on time.
    let serve = Serve::start(&["--service", "const:20ms"]);
    let folder = Folder::new("saturate-report");
    let target = serve.url("/?token=hunter2");
    let bounds = ["--min-rate", "200/s", "--max-rate", "400/s", "--max-time", "60s"];
    let flags = [&["--slo", "p99 < 500ms", "--out", "run"], &bounds[..]].concat();
    let ended = run(
        &folder,
        &[&["saturate", &target, "--markdown", "first.md", "--junit", "x.xml"], &flags[..]].concat(),
    )
    .done();
    assert!(ended.stdout.starts_with("AT LEAST — it takes at least 400/s"), "{}", ended.stdout);
    assert!(ended.stderr.contains("200/s for"), "a line for each step: {}", ended.stderr);
    let first = fs::read(folder.join("run/report.html")).expect("it was written");
    for form in ["again.html", "again.md", "again.json", "again.xml", "again.png", "charts.svg"] {
        run(&folder, &["report", "run", "-o", form]).expect(0);
    }
    assert_eq!(fs::read(folder.join("again.html")).expect("it was written"), first);
    assert_eq!(fs::read(folder.join("again.md")).ok(), fs::read(folder.join("first.md")).ok());
    assert!(folder.join("charts.svg/objective.svg").is_file());
    let picture = fs::read(folder.join("again.png")).expect("it was written");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000, "{} bytes", picture.len());
    let again: Value =
        serde_json::from_slice(&fs::read(folder.join("again.json")).expect("it was written")).expect("JSON");
    assert_eq!(again["schema"], "loadline/saturation@1");
    assert!(!String::from_utf8_lossy(&first).contains("hunter2"), "secrets stay out of reports");
    // What it found is what `headroom` takes.
    let all = String::from_utf8(fs::read(folder.join("run/run.json")).expect("it is there")).expect("text");
    assert!(all.contains("\"status\": \"complete\"") && !all.contains("hunter2"));
}

fn bad_usage_says_what_to_do() {
    let folder = Folder::new("saturate-usage");
    let refused = |flags: &[&str], words: &str| {
        let ended = run(&folder, &[&["saturate"], flags].concat()).expect(2);
        assert!(ended.stderr.contains(words), "{flags:?}: {}", ended.stderr);
    };
    let url = "http://127.0.0.1:9/";
    refused(&[url], "there is no objective to search by; give one such as `--slo 'p99 < 200ms'`");
    refused(&["--slo", "p99 < 1s"], "TARGET is missing");
    refused(&[url, "--slo", "p99 < 1s", "--precision", "0%"], "it has to be a share");
    refused(
        &[url, "--slo", "p99 < 1s", "--min-rate", "9/s", "--max-rate", "3/s"],
        "nothing to search between 9 and 3",
    );
    refused(&[url, "--slo", "p99 < 1s", "--metrics", "localhost"], "`localhost` is no URL");
    let windows = [url, "--slo", "p99 < 1s over 10s", "--max-time", "30s"];
    refused(&windows, "too little for some of them: give it at least 90 s (--max-time)");
    refused(&[url, "--slo", "p99 < 1s", "--users", "1"], "the most users has to be a whole number above 1");
}

/// A capacity of what is gone would be that of its last seconds.
fn a_target_that_goes_away_has_no_capacity() {
    let serve = Serve::start(&["--service", "const:2ms"]);
    let folder = Folder::new("saturate-gone");
    let target = serve.url("/");
    let running = start(
        &folder,
        command(&["saturate", &target, "--slo", "p99 < 1s", "--junit", "x.xml", "--out", "run"]),
    );
    std::thread::sleep(Duration::from_secs(14));
    serve.stop();
    let ended = running.end().expect(1);
    assert!(
        ended.stderr.contains("stopped answering") && ended.stderr.contains("connection refused"),
        "{}",
        ended.stderr
    );
    let text = fs::read_to_string(folder.join("run/saturation.json")).expect("it is written");
    let found: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!((&found["capacity_per_s"], &found["interval"]), (&Value::Null, &Value::Null), "{found:#}");
    assert!(found["reasons"].to_string().contains("could not be reached any more"), "{}", found["reasons"]);
    let junit = fs::read_to_string(folder.join("x.xml")).expect("it is written");
    assert!(junit.contains("failures=\"0\" errors=\"1\""), "{junit}");
}

fn a_target_that_is_not_there_is_unreachable() {
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port();
    let target = format!("http://127.0.0.1:{port}/");
    for model in [&["--arrivals", "uniform"][..], &["--arrivals", "uniform", "--users"]] {
        let folder = Folder::new("saturate-nobody");
        let ended = run(&folder, &[&["saturate", &target, "--slo", "p99 < 1s"], model].concat()).expect(1);
        assert!(ended.stderr.contains("is unreachable"), "{}", ended.stderr);
        assert!(ended.stderr.contains("connection refused"), "{}", ended.stderr);
        let without_meaning = ended.stderr.contains("--arrivals says nothing here");
        assert_eq!(without_meaning, model.contains(&"--users"), "{}", ended.stderr);
    }
}
