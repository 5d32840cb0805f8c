//! Flags and environment in, results out: what goes before what, and what goes where.

use std::fs;
use std::io::pipe;
use std::process::Stdio;

use libtest_mimic::Trial;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::{Ended, command, run, start};
use crate::support::serve::Serve;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: a_flag_goes_before_the_environment, the_environment_goes_before_the_file,
            markdown_goes_wherever_it_is_sent, stdout_takes_one_document, a_run_directory_is_no_file,
            a_reader_that_left_changes_no_verdict, one_result_lost_is_not_all_of_them_lost;
    }
}

const SHORT: [&str; 5] = ["--rate", "40/s", "--duration", "1s", "--no-report"];

/// A run in which the environment has something to say.
fn run_with(folder: &Folder, words: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut line = command(&[&["run"], words].concat());
    line.envs(environment.iter().copied());
    start(folder, line).end()
}

fn a_flag_goes_before_the_environment() {
    let serve = Serve::start(&[]);
    let (folder, url) = (Folder::new("flag"), serve.url("/"));
    let plain = [&url, "--duration", "1s", "--no-report", "--json", "--quiet"];
    let rate = run_with(&folder, &[&plain[..], &["--rate", "20/s"]].concat(), &[("LOADLINE_RATE", "40/s")]);
    assert_eq!(rate.done().json()["requests"], 20);
    // Also before what it says for a flag that excludes this one.
    let open = run_with(&folder, &[&plain[..], &["--rate", "20/s"]].concat(), &[("LOADLINE_USERS", "3")]);
    assert_eq!(open.done().json()["model"], "open");
    let closed = run_with(&folder, &[&plain[..], &["--users=1"]].concat(), &[("LOADLINE_RATE", "40/s")]);
    assert_eq!(closed.done().json()["model"], "closed");
    let both = run_with(&folder, &plain, &[("LOADLINE_RATE", "40/s"), ("LOADLINE_USERS", "3")]).expect(2);
    assert!(both.stderr.contains("--users"), "{}", both.stderr);
}

fn the_environment_goes_before_the_file() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("environment");
    let file = folder.write(
        "scenario.yaml",
        "target: http://127.0.0.1:1\nload: [{ rate: 5/s, for: 9s }]\nflows: [{ steps: [{ get: / }] }]\n\
         slos: [max < 1us]\n",
    );
    let ended = run_with(
        &folder,
        &[&file],
        &[
            ("LOADLINE_TARGET", &serve.url("")),
            ("LOADLINE_RATE", "20/s"),
            ("LOADLINE_DURATION", "1s"),
            ("LOADLINE_SLO", "p50 < 10s\nerror_rate < 1%"),
            ("LOADLINE_QUIET", "1"),
            ("LOADLINE_JSON", "yes"),
            ("LOADLINE_NO_REPORT", "true"),
            ("LOADLINE_OUT", "there"),
            ("LOADLINE_WORKERS", "2"),
            ("LOADLINE_MAX_IN_FLIGHT", "7"),
            ("LOADLINE_JUNIT", "junit.xml"),
        ],
    )
    .done();
    assert_eq!((&ended.json()["requests"], ended.stderr.as_str()), (&20.into(), ""));
    assert_eq!(ended.json()["slos"].as_array().map(Vec::len), Some(2));
    let document = fs::read_to_string(folder.join("there/run.json")).expect("it is written");
    assert!(document.contains("\"workers\": 2") && document.contains("\"max_in_flight\": 7"), "{document}");
    assert!(folder.join("junit.xml").exists() && !folder.join("there/report.html").exists());
}

/// The step summary of a CI has a name without an ending.
fn markdown_goes_wherever_it_is_sent() {
    let serve = Serve::start(&[]);
    let (folder, url) = (Folder::new("markdown"), serve.url("/"));
    let line = [&["run", &url][..], &SHORT].concat();
    run(&folder, &[&line[..], &["--markdown", "step_summary"]].concat()).done();
    let written = fs::read_to_string(folder.join("step_summary")).expect("it is written");
    assert!(written.contains("| response |") && written.starts_with('#'), "{written}");
    let told = run(&folder, &[&line[..], &["--markdown", "-"]].concat()).done();
    assert!(told.stdout.starts_with('#') && told.stdout.contains("| response |"), "{}", told.stdout);
    assert!(!told.stdout.contains("generator delay  "), "nothing but Markdown: {}", told.stdout);
}

fn stdout_takes_one_document() {
    let serve = Serve::start(&[]);
    let (folder, url) = (Folder::new("one"), serve.url("/"));
    let line = [&["run", &url][..], &SHORT].concat();
    for flags in [["--json", "--junit", "-"], ["--json", "--markdown", "-"]] {
        let ended = run(&folder, &[&line[..], &flags].concat()).expect(2);
        assert!(ended.stderr.contains("only one"), "{}", ended.stderr);
    }
    run(&folder, &[&line[..], &["--markdown", "-", "--junit", "-"]].concat()).expect(2);
    assert_eq!(serve.stats()["arrivals"], 0, "bad usage sends nothing");
    let junit = run(&folder, &[&line[..], &["--junit", "-"]].concat()).done().stdout;
    assert!(junit.starts_with("<?xml") && junit.trim_end().ends_with("</testsuites>"), "{junit}");
}

fn a_run_directory_is_no_file() {
    let folder = Folder::new("nofile");
    folder.write("file", "");
    for out in ["file", "file/below"] {
        let ended = run(&folder, &["run", "http://127.0.0.1:1/", "--junit", "j.xml", "--out", out]).expect(2);
        assert!(ended.stderr.contains(out), "{}", ended.stderr);
        assert!(!folder.join("j.xml").exists(), "bad usage leaves nothing");
    }
}

/// `loadline run … | head` and a closed terminal: the verdict is the exit code all the same.
fn a_reader_that_left_changes_no_verdict() {
    let serve = Serve::start(&["--service", "const:250ms"]);
    let url = serve.url("/");
    for closed in ["stdout", "stderr"] {
        let folder = Folder::new("left");
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let line = ["run", &url, "--rate", "20/s", "--duration", "1s", "--out", "run", "--slo", "p50 < 1ms"];
        let mut line = command(&line);
        line.current_dir(&*folder).stdout(Stdio::null()).stderr(Stdio::null());
        match closed {
            "stdout" => line.stdout(writer),
            _ => line.stderr(writer),
        };
        let code = line.status().expect("the binary was built").code();
        assert!(matches!(code, Some(3 | 6)), "with {closed} closed: {code:?}");
        let document = fs::read_to_string(folder.join("run/run.json")).expect("it is written");
        assert!(document.contains("\"status\": \"complete\""), "{document}");
        assert!(folder.join("run/report.html").exists());
    }
}

/// `/dev/full` is a disk without room.
fn one_result_lost_is_not_all_of_them_lost() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("lost");
    let url = serve.url("/");
    let line = [&["run", &url, "--json", "--out", "run", "--junit", "/dev/full"], &SHORT[..4]].concat();
    let ended = run(&folder, &line).expect(1);
    assert!(ended.stderr.contains("/dev/full") && ended.stderr.contains("No space"), "{}", ended.stderr);
    assert_eq!(ended.json()["requests"], 40);
    assert!(folder.join("run/report.html").exists());
}
