//! The examples under `docs/ci`: each step is run as the file has it, with the built binary on the path.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::folder::Folder;
use crate::support::harness::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Alone: github_actions, gitlab_ci, jenkins;
        Beside: examples_gate_and_install;
    }
}

fn github_actions() {
    let steps = yaml_blocks(&example("github-actions.yml"), "run:");
    assert_eq!(steps.len(), 6, "{steps:?}");
    let folder = play("ci-github", &steps);
    let summary = fs::read_to_string(folder.join("summary.md")).expect("the steps write a summary");
    assert!(summary.contains("### PASS") && summary.contains("| candidate |"), "{summary}");
    for file in ["slo.xml", "compare.xml", "duel.xml", "compare.html", "duel.html", "baselines/base.json"] {
        assert!(folder.join(file).exists(), "{file} is named as an artifact");
    }
}

fn gitlab_ci() {
    let text = example("gitlab-ci.yml");
    let script = text.split("  script:\n").nth(1).and_then(|rest| rest.split("  artifacts:\n").next());
    let steps = yaml_blocks(script.expect("there is a script"), "-");
    assert_eq!(steps.len(), 6, "{steps:?}");
    let folder = play("ci-gitlab", &steps);
    for file in [
        "slo.xml",
        "compare.xml",
        "compare.html",
        "baselines/candidate.json",
        "duel.xml",
        "metrics.txt",
        "duel.html",
        "duel.md",
    ] {
        assert!(folder.join(file).exists(), "{file} is named as an artifact");
    }
}

fn jenkins() {
    let text = example("Jenkinsfile");
    let mut steps = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("sh '") {
        let quote = if after.starts_with("''") { "'''" } else { "'" };
        let body = after.trim_start_matches('\'');
        let (step, after) = body.split_once(quote).expect("the quote is closed");
        steps.push(step.trim().to_owned());
        rest = after;
    }
    // The loop that waits for the servers is an `sh` of the shell, within a step.
    let steps: Vec<String> = steps;
    assert_eq!(steps.len(), 6, "{steps:?}");
    let folder = play("ci-jenkins", &steps);
    assert!(folder.join("compare.html").exists() && folder.join("duel.html").exists());
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ci").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The values of all `key`s in block style: plain on the line, or literal (`|`) and folded (`>-`) below it.
fn yaml_blocks(text: &str, key: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(value) = line.trim_start().strip_prefix(key).map(str::trim) else { continue };
        let below = lines[at + 1..].iter().take_while(|next| next.is_empty() || indent(next) > indent(line));
        let below: Vec<&str> = below.map(|next| next.trim_start()).collect();
        found.push(match value {
            "|" => below.join("\n"),
            ">-" => below.join(" "),
            plain => plain.to_owned(),
        });
    }
    found
}

/// Each example has steps that fail the job, and installs from a path that there is: the binary on the path of this test
/// keeps that step from doing it.
fn examples_gate_and_install() {
    for name in ["github-actions.yml", "gitlab-ci.yml", "Jenkinsfile"] {
        let text = example(name);
        assert!(text.contains("loadline compare ") && text.contains("loadline duel "), "{name}");
        let path =
            text.split("--path .loadline/").nth(1).and_then(|rest| rest.split([';', ' ', '\n']).next());
        let package =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path.expect("it installs from a path"));
        let manifest = fs::read_to_string(package.join("Cargo.toml")).expect("the package is there");
        assert!(manifest.contains("name = \"loadline\""), "{name}: {}", package.display());
    }
}

/// Plays the steps; once more, and a third time, where a busy machine spoiled a measurement: that is labelled by the exit
/// code 6, and not what this is about.
fn play(name: &str, steps: &[String]) -> Folder {
    let played = (0..3).find_map(|_| play_once(name, steps));
    played.expect("the machine spoiled three plays")
}

/// Runs the steps one after the other in a folder of their own, as a runner would; `None` where a measurement was spoiled.
/// What they leave running is ended.
fn play_once(name: &str, steps: &[String]) -> Option<Folder> {
    let folder = Folder::new(name);
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_loadline"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", binary.parent().expect("it is in a folder").display());
    let mut groups = Groups(Vec::new());
    for step in steps {
        let mut command = Command::new("bash");
        command.args(["-e", "-o", "pipefail", "-c", step]).current_dir(&*folder).env("PATH", &path);
        command.env("GITHUB_STEP_SUMMARY", folder.join("summary.md")).stdin(Stdio::null()).process_group(0);
        let said = fs::File::create(folder.join("said.log")).expect("the folder can be written");
        let errors = said.try_clone().expect("a file has two ends");
        let mut child = command.stdout(said).stderr(errors).spawn().expect("bash is there");
        groups.0.push(Pid::from_child(&child));
        let status = child.wait().expect("a child can be waited for");
        let said = fs::read_to_string(folder.join("said.log")).unwrap_or_default();
        match status.code() {
            Some(0) => {}
            Some(6) => return None,
            // A duel beside other tests may take longer than it has.
            Some(5) if step.contains("loadline duel") => {}
            _ => panic!("{step}\n{status}\n{said}"),
        }
    }
    Some(folder)
}

/// Process groups of the steps, ended with them.
struct Groups(Vec<Pid>);

impl Drop for Groups {
    fn drop(&mut self) {
        for group in &self.0 {
            // A group without a process left is no failure.
            let _ = kill_process_group(*group, Signal::TERM);
        }
    }
}
