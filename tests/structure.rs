//! What the workspace is made of: which crate may know which, and who may carry a data frame.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::harness::trials;
use crate::support::root;

pub(crate) fn trials() -> Vec<Trial> {
    trials! { Beside: crates_know_only_whom_they_may, data_frames_stay_out_of_generator_and_report; }
}

/// The edges of ARCHITECTURE.md: a new one is added there and here, in one commit.
const EDGES: [(&str, &[&str]); 5] = [
    ("loadline", &["loadline-analysis", "loadline-generator", "loadline-model", "loadline-report"]),
    ("loadline-analysis", &["loadline-model"]),
    ("loadline-generator", &["loadline-model"]),
    ("loadline-model", &[]),
    ("loadline-report", &["loadline-model"]),
];

/// What was just built, so that nothing has to be fetched: the packages of this platform.
pub(crate) fn metadata() -> Value {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", &platform])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

pub(crate) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("no list {field}"))
}

pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text {field}"))
}

/// Of each of our crates, those of ours that it depends on, tests and build scripts left out.
fn crates_know_only_whom_they_may() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.into_iter().map(|(name, may)| (name, may.iter().copied().collect())).collect();
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in list(&metadata, "packages").iter().filter(|package| package["source"].is_null()) {
        let ours = |dependency: &&Value| dependency["kind"].is_null() && dependency["source"].is_null();
        let known =
            list(package, "dependencies").iter().filter(ours).map(|dependency| text(dependency, "name"));
        found.insert(text(package, "name"), known.collect());
    }
    // Benches depend on whatever they measure, and nobody on them.
    found.retain(|name, _| allowed.contains_key(name) || !name.contains("bench"));
    assert_eq!(found, allowed);
}

/// The names of all that a crate of ours is made of, tests and build scripts left out.
pub(crate) fn pulled_in<'a>(metadata: &'a Value, root: &str) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    let names: BTreeMap<&str, &str> = list(metadata, "packages")
        .iter()
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    let id = names.iter().find(|(_, name)| **name == root).expect("it is ours").0;
    let (mut seen, mut left) = (BTreeSet::new(), vec![*id]);
    while let Some(id) = left.pop() {
        if seen.insert(id) {
            let normal = |edge: &&Value| list(edge, "dep_kinds").iter().any(|kind| kind["kind"].is_null());
            left.extend(list(nodes[id], "deps").iter().filter(normal).map(|edge| text(edge, "pkg")));
        }
    }
    seen.into_iter().map(|id| names[id]).collect()
}

fn data_frames_stay_out_of_generator_and_report() {
    let metadata = metadata();
    assert!(pulled_in(&metadata, "loadline-generator").contains("tokio"), "the walk goes somewhere");
    for name in ["loadline-generator", "loadline-report", "loadline-model"] {
        let frames: Vec<_> =
            pulled_in(&metadata, name).into_iter().filter(|name| name.starts_with("polars")).collect();
        assert!(frames.is_empty(), "{name} pulls in {frames:?}");
    }
}
