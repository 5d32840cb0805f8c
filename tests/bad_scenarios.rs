//! Scenarios that cannot be run: one message each, with file, line, column and the way out, and no traffic.

use libtest_mimic::Trial;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::run;
use crate::support::serve::Serve;

pub(crate) fn trials() -> Vec<Trial> {
    trials! { Beside: each_is_told_once_with_its_place_and_the_way_out, all_mistakes_of_a_file_are_told, a_file_from_stdin_has_places_too,
    what_is_no_mistake_is_noted, the_environment_may_be_set_later; }
}

/// The character after this one is where the message has to point.
const HERE: char = '▸';

const LOAD: &str = "load: [{ rate: 20/s, for: 1s }]\n";
const FLOWS: &str = "flows: [{ steps: [{ get: / }] }]\n";

/// A scenario that is wrong in one way, and a word of the way out.
struct Bad {
    what: &'static str,
    text: String,
    help: &'static str,
}

fn bad(what: &'static str, text: impl Into<String>, help: &'static str) -> Bad {
    Bad { what, text: text.into(), help }
}

/// Wrong at the top of the file.
fn tops() -> Vec<Bad> {
    vec![
        bad("nothing", "▸", "target"),
        bad("no target", format!("▸{LOAD}{FLOWS}"), "target: http://"),
        bad("no flows", format!("▸target: TARGET\n{LOAD}"), "get: /"),
        bad("target without scheme", format!("target: ▸localhost:8080\n{LOAD}{FLOWS}"), "http://"),
        bad(
            "variable of the environment",
            format!("target: http://▸${{LOADLINE_NOWHERE}}/\n{LOAD}{FLOWS}"),
            ":-default",
        ),
        bad("key nearly right", format!("target: TARGET\n▸laod: []\n{FLOWS}"), "`load`"),
        bad("key twice", format!("target: TARGET\nseed: 1\n▸seed: 2\n{LOAD}{FLOWS}"), "line 2"),
        bad("tab", format!("target: TARGET\nload:\n\t▸- rate: 20/s\n{FLOWS}"), "spaces"),
        bad(
            "rate without unit",
            format!("target: TARGET\nload: [{{ rate: ▸500, for: 1s }}]\n{FLOWS}"),
            "500/s",
        ),
        bad("no duration", format!("target: TARGET\nload:\n  - ▸rate: 20/s\n{FLOWS}"), "for"),
        bad("duration of zero", format!("target: TARGET\nload: [{{ rate: 20/s, for: ▸0s }}]\n{FLOWS}"), ""),
        bad(
            "both models",
            format!("target: TARGET\nload: [{{ rate: 20/s, for: 1s }}, {{ ▸users: 5, for: 1s }}]\n{FLOWS}"),
            "",
        ),
        bad(
            "arrivals nearly right",
            format!("target: TARGET\nload: [{{ rate: 20/s, for: 1s, arrivals: ▸poison }}]\n{FLOWS}"),
            "poisson",
        ),
        bad("objective of no metric", format!("target: TARGET\n{LOAD}{FLOWS}slos: [▸p99s < 200ms]\n"), "p99"),
        bad("objective without unit", format!("target: TARGET\n{LOAD}{FLOWS}slos: [p99 < ▸200]\n"), "ms"),
        bad(
            "objective for nobody",
            format!(
                "target: TARGET\n{LOAD}flows: [{{ steps: [{{ get: /, name: list }}] }}]\nslos: [p99 < 1s for ▸lst]\n"
            ),
            "list",
        ),
        bad(
            "data file that is not there",
            format!("target: TARGET\n{LOAD}data: {{ users: {{ csv: ▸nowhere.csv }} }}\n{FLOWS}"),
            "",
        ),
        bad(
            "data file with a ragged row",
            format!("target: TARGET\n{LOAD}data: {{ users: {{ csv: ▸ragged.csv }} }}\n{FLOWS}"),
            "",
        ),
    ]
}

/// Wrong in a step of the only flow.
fn steps() -> Vec<Bad> {
    let step = |what, step: &str, help| {
        let head = "data: { users: { csv: users.csv } }";
        bad(
            what,
            format!("target: TARGET\n{LOAD}{head}\nflows:\n  - name: visit\n    steps:\n      - {step}\n"),
            help,
        )
    };
    vec![
        step("method nearly right", "▸gte: /", "`get`"),
        step("two actions", "get: /\n        ▸think: 1s", ""),
        step("path without slash", "get: ▸products", "/products"),
        step("two bodies", "post: /\n        json: {}\n        ▸text: x", ""),
        step("check nearly right", "get: /\n        check: { ▸staus: 200 }", "status"),
        step("status of no kind", "get: /\n        check: { status: ▸2x }", "2xx"),
        step("JSONPath that is none", "get: /\n        capture: { id: { json: ▸\"$.items[\" } }", ""),
        step("pattern that is none", "get: /\n        check: { body: { matches: ▸\"(a\" } }", ""),
        step(
            "name that was never given",
            "get: /products/${{ ▸prodct }}\n        capture: { product: { json: $.id } }",
            "product",
        ),
        step("column that is not there", "get: /${{ users.▸nam }}", "name"),
        step("function nearly right", "get: /${{ ▸random_itn(1, 2) }}", "random_int"),
        step("expression left open", "get: /▸${{ users.name", "}}"),
        step("think backwards", "think: ▸3s..1s", "1s..3s"),
        step("authorisation of no kind", "get: /\n        auth: { ▸digest: x }", "bearer"),
        step("capture as text", "get: /\n        capture: { token: ▸$.token }", "json"),
        step("file that is not there", "post: /\n        file: ▸nowhere.bin", ""),
    ]
}

/// The text without its mark, and the line and column of the mark, counted from 1 in characters.
fn unmarked(text: &str) -> (String, usize, usize) {
    let before = text.split(HERE).next().expect("a mark");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().expect("a line").chars().count() + 1;
    (text.replace(HERE, ""), line, column)
}

fn each_is_told_once_with_its_place_and_the_way_out() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("bad");
    folder.write("users.csv", "name,city\nada,London\n");
    folder.write("ragged.csv", "name,city\nada\n");
    let kinds: Vec<Bad> = tops().into_iter().chain(steps()).collect();
    assert!(kinds.len() >= 24);
    let mut wrong = Vec::new();
    for Bad { what, text, help } in &kinds {
        let (text, line, column) = unmarked(&text.replace("TARGET", &serve.url("")));
        let file = folder.write("bad.yaml", &text);
        let run_it = run(&folder, &["run", &file, "--out", "run"]);
        let check_it = run(&folder, &["check", &file]);
        let said = &run_it.stderr;
        let place = format!("{file}:{line}:{column}");
        let way_out = said.split("= help:").nth(1).unwrap_or_default();
        for (fault, holds) in [
            ("exit code 2", run_it.code == Some(2)),
            ("exit code 2 of check", check_it.code == Some(2)),
            ("the same from check", check_it.stderr == *said),
            ("one message", said.matches("error[").count() == 1),
            (place.as_str(), said.lines().any(|line| line.trim().trim_start_matches("--> ") == place)),
            ("a way out", !way_out.trim().is_empty() && way_out.contains(help)),
            ("nothing on stdout", run_it.stdout.is_empty()),
            ("no run directory", !folder.join("run").exists()),
        ] {
            if !holds {
                wrong.push(format!("{what}: not {fault} {help}\n{said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(serve.stats()["arrivals"], 0, "a bad scenario sends nothing");
}

fn all_mistakes_of_a_file_are_told() {
    let folder = Folder::new("many");
    let text = "target: localhost\nsede: 5\nload:\n  - rate: 5/s\nflows:\n  - steps:\n      - gte: /\n";
    let file = folder.write("many.yaml", text);
    let said = run(&folder, &["run", &file]).expect(2).stderr;
    let lines: Vec<_> = (1..9).filter(|line| said.contains(&format!("many.yaml:{line}:"))).collect();
    assert_eq!(lines, [1, 2, 4, 7], "{said}");
}

fn a_file_from_stdin_has_places_too() {
    let folder = Folder::new("stdin");
    let file = folder.write("bad.yaml", "target: http://127.0.0.1:1\nflosw: []\n");
    let mut command = crate::support::loadline::command(&["run", "-"]);
    command.stdin(std::fs::File::open(file).expect("it was just written"));
    let said = crate::support::loadline::start(&folder, command).end().expect(2).stderr;
    assert!(said.contains("stdin:2:1") && said.contains("`flows`"), "{said}");
}

fn what_is_no_mistake_is_noted() {
    let folder = Folder::new("noted");
    let file = folder
        .write("short.yaml", &format!("target: http://127.0.0.1:1\n{LOAD}{FLOWS}slos: [p50 < 1s over 5s]\n"));
    let said = run(&folder, &["check", &file]).expect(0).stderr;
    assert!(said.contains("`p50 < 1s over 5s` cannot be judged: the measured part takes 1s"), "{said}");
    let file = folder.write("bare.yaml", &format!("target: http://127.0.0.1:1\n{FLOWS}"));
    let said = run(&folder, &["check", &file]).expect(0).stderr;
    assert!(said.contains("no `load`") && said.contains("50/s for 30 s"), "{said}");
}

fn the_environment_may_be_set_later() {
    let folder = Folder::new("unset");
    let text = "target: ${LOADLINE_NOWHERE}\nload: [{ rate: \"${LOADLINE_NO_RATE}\", for: 1s }]\n";
    let file = folder.write("unset.yaml", &format!("{text}{FLOWS}"));
    run(&folder, &["check", &file]).expect(2);
    let said = run(&folder, &["check", "--allow-unset-env", &file]).expect(0).stderr;
    assert!(said.contains("LOADLINE_NOWHERE, LOADLINE_NO_RATE") && said.contains("fine"), "{said}");
    // What is wrong elsewhere is told all the same.
    let file = folder.write("wrong.yaml", &format!("{text}flows: [{{ steps: [{{ git: / }}] }}]\n"));
    let said = run(&folder, &["check", "--allow-unset-env", &file]).expect(2).stderr;
    assert!(said.contains("git") && !said.contains("is not set"), "{said}");
}
