//! Two builds in one run: what differs is found, what is equal is not called out.

use std::fs;
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::{command, run, start};
use crate::support::serve::Serve;
use crate::support::{count, number};

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Alone: a_slower_candidate_regresses, equal_builds_are_not_called_out, users_stay_on_their_side;
        Beside: a_candidate_that_fails_regresses, a_build_that_is_not_there_is_1, bad_duels_are_2,
            a_duel_is_no_run_to_compare, a_killed_duel_is_judged_by_what_is_left, a_dead_candidate_ends_the_duel, run_against_is_a_duel;
    }
}

/// Ten and twelve milliseconds: found long before the time is up, and each build got every second arrival.
fn a_slower_candidate_regresses() {
    let (base, candidate) =
        (Serve::start(&["--service", "const:10ms"]), Serve::start(&["--service", "const:12ms"]));
    let folder = Folder::new("duel");
    let flags =
        ["--rate", "100/s", "--max-time", "60s", "--metrics", "p50", "--json", "--quiet", "--out", "run"];
    let files =
        ["--junit", "junit.xml", "--markdown", "duel.md", "-o", "duel.html", "--openmetrics", "metrics.txt"];
    let arguments = ["duel", &base.url(""), &candidate.url(""), "/"];
    let ended = run(&folder, &[&arguments[..], &flags, &files].concat()).expect(4);
    let document = ended.json();
    assert_eq!(
        (document["schema"].as_str(), document["verdict"].as_str()),
        (Some("loadline/comparison@1"), Some("regressed"))
    );
    assert_eq!(document["duel"]["ended"], "decided");
    let metric = &document["metrics"][0];
    // Twelve over ten, each with up to a millisecond of the way there and back.
    let (low, high) = (number(metric, "/low"), number(metric, "/high"));
    assert!(low > 0.02 && low < 0.2 && high > 0.15, "{metric}");
    let requests = [&base, &candidate].map(|serve| count(&serve.settled_stats(), "/requests"));
    assert!(requests[0].abs_diff(requests[1]) <= 1, "{requests:?}");
    assert!(fs::read_to_string(folder.join("junit.xml")).expect("it is written").contains("<failure"));
    assert!(fs::read_to_string(folder.join("duel.md")).expect("it is written").starts_with("### regressed"));
    assert!(fs::read_to_string(folder.join("metrics.txt")).expect("it is written").ends_with("# EOF\n"));
    let page = fs::read_to_string(folder.join("duel.html")).expect("it is written");
    assert!(page.contains("Change of each metric") && page.contains("Difference by percentile"));
    assert_eq!(page, fs::read_to_string(folder.join("run/report.html")).expect("it is written"));
    let kept: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("run/comparison.json")).expect("it is written"))
            .expect("it is JSON");
    assert_eq!(kept, document);
    // What was measured is judged again, and comes out the same in every form; so does what was printed.
    for (kept, out) in [("run", "again.html"), ("run", "run/report.html")] {
        run(&folder, &["report", kept, "-o", out]).expect(0);
        assert_eq!(page, fs::read_to_string(folder.join(out)).expect("it is written"), "{out}");
    }
    for kept in ["run", "run/comparison.json"] {
        assert_eq!(run(&folder, &["report", kept, "-o", "-"]).expect(0).json(), document, "{kept}");
        for (ours, again) in [("junit.xml", "again.xml"), ("duel.md", "again.md")] {
            run(&folder, &["report", kept, "-o", again]).expect(0);
            let [ours, again] =
                [ours, again].map(|file| fs::read_to_string(folder.join(file)).expect("written"));
            assert_eq!(ours, again, "{kept}");
        }
    }
}

fn equal_builds_are_not_called_out() {
    let serve = || Serve::start(&["--service", "lognormal:10ms,0.3"]);
    let (base, candidate) = (serve(), serve());
    let folder = Folder::new("equals");
    let flags =
        ["--rate", "200/s", "--max-time", "20s", "--tolerance", "10%", "--json", "--quiet", "--out", "run"];
    let ended = run(&folder, &[&["duel", &base.url("/"), &candidate.url("/")], &flags[..]].concat());
    let document = ended.json();
    let verdict = document["verdict"].as_str().unwrap_or_default();
    let code = match verdict {
        "pass" => 0,
        "inconclusive" => 5,
        "invalid" => 6,
        other => panic!("equal builds are {other}: {document}"),
    };
    assert_eq!(ended.code, Some(code), "{verdict}");
}

/// In the closed loop each build has its own users: twice as quick is twice the throughput.
fn users_stay_on_their_side() {
    let (base, candidate) =
        (Serve::start(&["--service", "const:20ms"]), Serve::start(&["--service", "const:40ms"]));
    let folder = Folder::new("users");
    let flags =
        ["--users", "4", "--max-time", "40s", "--metrics", "throughput", "--json", "--quiet", "--out", "run"];
    let ended =
        run(&folder, &[&["duel", &base.url("/"), &candidate.url("/")], &flags[..]].concat()).expect(4);
    let metric = &ended.json()["metrics"][0];
    assert_eq!(metric["higher_is_better"], true);
    assert!((-0.6..=-0.4).contains(&number(metric, "/change")), "{metric}");
}

fn a_candidate_that_fails_regresses() {
    let (base, candidate) = (Serve::start(&[]), Serve::start(&["--errors", "0.2"]));
    let folder = Folder::new("fails");
    let flags = [
        "--rate",
        "50/s",
        "--max-time",
        "60s",
        "--metrics",
        "error_rate",
        "--json",
        "--quiet",
        "--out",
        "run",
    ];
    let ended =
        run(&folder, &[&["duel", &base.url("/"), &candidate.url("/")], &flags[..]].concat()).expect(4);
    let metric = &ended.json()["metrics"][0];
    assert_eq!((metric["verdict"].as_str(), metric["change"].as_f64()), (Some("regressed"), None));
    assert!((0.1..0.3).contains(&number(metric, "/difference")), "{metric}");
    // What decides is what is printed.
    assert!(number(metric, "/difference_interval/0") > 0.0, "{metric}");
}

fn a_build_that_is_not_there_is_1() {
    let base = Serve::start(&[]);
    let gone = Serve::start(&[]);
    let url = gone.url("/");
    drop(gone);
    let folder = Folder::new("gone");
    let flags = ["--rate", "20/s", "--max-time", "15s", "--out", "run"];
    let ended = run(&folder, &[&["duel", &base.url("/"), &url], &flags[..]].concat()).expect(1);
    assert!(ended.stderr.contains("unreachable"), "{}", ended.stderr);
}

/// Every request fails, quickly: no improvement, and no reason to go on.
fn a_dead_candidate_ends_the_duel() {
    let (base, dead) = (Serve::start(&["--service", "const:20ms"]), Serve::start(&["--errors", "1"]));
    for (sides, code, said) in [
        ([&base, &dead], 4, "the candidate failed every request"),
        ([&dead, &base], 6, "the base failed every"),
    ] {
        let folder = Folder::new("dead");
        let flags =
            ["--rate", "40/s", "--max-time", "2m", "--metrics", "p50", "--json", "--quiet", "--out", "run"];
        let urls = sides.map(|serve| serve.url("/"));
        let document =
            run(&folder, &[&["duel", &urls[0], &urls[1]], &flags[..]].concat()).expect(code).json();
        assert!(document["notes"][0].as_str().is_some_and(|note| note.contains(said)), "{document}");
        assert!(number(&document, "/duel/elapsed_s") < 60.0, "{document}");
    }
}

/// `run --against` is `duel` by another name, for a URL and for a scenario.
fn run_against_is_a_duel() {
    let (base, candidate) =
        (Serve::start(&["--service", "const:10ms"]), Serve::start(&["--service", "const:20ms"]));
    let folder = Folder::new("against");
    let scenario =
        format!("name: shop\ntarget: {}\nflows: [{{ name: a, steps: [ {{ get: / }} ] }}]\n", base.url(""));
    fs::write(folder.join("shop.yaml"), scenario).expect("the folder can be written");
    let flags = ["--rate", "50/s", "--metrics", "p50", "--max-time", "60s", "--json", "--quiet"];
    for target in ["shop.yaml", &base.url("/")] {
        let arguments =
            ["run", target, "--against", &candidate.url("/"), "--out", &format!("run-{}", target.len())];
        let document = run(&folder, &[&arguments[..], &flags].concat()).expect(4).json();
        assert_eq!(document["schema"], "loadline/comparison@1");
        assert!(
            document["duel"]["candidate_target"].as_str().is_some_and(|url| candidate.url("/").contains(url))
        );
    }
    for (flags, said) in [
        (&["--tolerance", "5%"][..], "--against"),
        (&["--against", "http://127.0.0.1:1/elsewhere"], "different paths"),
        (&["--against", &candidate.url("/"), "--save-baseline", "base.json"], "a duel is of two"),
        (&["--against", &candidate.url("/"), "--slo", "p99 < 1s"], "--against compares two"),
    ] {
        let ended = run(&folder, &[&["run", &base.url("/"), "--out", "bad"], flags].concat()).expect(2);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

fn bad_duels_are_2() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("bad-duels");
    let (url, other) = (serve.url("/"), "http://127.0.0.1:1/");
    for (arguments, said) in [
        (&[&url[..], &url][..], "port of its own"),
        (&[&url, "127.0.0.1:1"], "scheme"),
        (&[&url, other, "nowhere.yaml"], "no such file"),
        (&[&url, "http://127.0.0.1:1/elsewhere"], "different paths"),
        (&[&url, other, "--metrics", "cpu"], "no metric `cpu`"),
        (&[&url, other, "--max-time", "2s"], "--max-time"),
        (&[&url, other, "--confidence", "100%"], "confidence"),
        (&[&url, other, "--tolerance", "100%"], "tolerance"),
        (&[&url, other, "--junit", "nowhere/junit.xml"], "cannot write"),
        (&[&url], "Usage"),
    ] {
        let ended = run(&folder, &[&["duel", "--out", "run"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(serve.stats()["arrivals"], 0, "bad usage sends nothing");
}

fn a_duel_is_no_run_to_compare() {
    let (base, candidate) = (Serve::start(&[]), Serve::start(&[]));
    let folder = Folder::new("no-run");
    let flags = ["--rate", "20/s", "--max-time", "4s", "--quiet", "--out", "run"];
    run(&folder, &[&["duel", &base.url("/"), &candidate.url("/")], &flags[..]].concat());
    let ended = run(&folder, &["compare", "run", "--candidate", "run"]).expect(2);
    assert!(ended.stderr.contains("is a duel"), "{}", ended.stderr);
}

/// A duel that was killed is judged by what is on disk, and says that it was.
fn a_killed_duel_is_judged_by_what_is_left() {
    let (base, candidate) = (Serve::start(&[]), Serve::start(&["--service", "const:30ms"]));
    let folder = Folder::new("killed-duel");
    let flags = ["--rate", "20/s", "--warmup", "1s", "--metrics", "p99", "--quiet", "--out", "run"];
    let urls = [base.url("/"), candidate.url("/")];
    let duel = start(&folder, command(&[&["duel", &urls[0], &urls[1]], &flags[..]].concat()));
    thread::sleep(Duration::from_secs(5));
    duel.signal(Signal::KILL);
    duel.end();
    assert!(!folder.join("run/comparison.json").exists());
    let told = run(&folder, &["report", "run", "-o", "-"]).expect(0).json();
    assert_eq!(
        (told["schema"].as_str(), told["verdict"].as_str()),
        (Some("loadline/comparison@1"), Some("inconclusive"))
    );
    assert!(count(&told, "/duel/seconds_used") >= 1 && number(&told, "/duel/elapsed_s") <= 6.0, "{told}");
    assert!(told["notes"][0].as_str().is_some_and(|note| note.starts_with("incomplete: ")), "{told}");
}
