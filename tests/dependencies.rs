//! What comes into the product: under which licence, from where, and whether it is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::structure::{list, metadata, pulled_in, text};
use crate::support::harness::trials;
use crate::support::root;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: licences_allow_handing_it_out, all_comes_from_the_registry, nothing_banned_comes_in,
            every_dependency_is_used, licence_expressions_are_read;
    }
}

/// The texts in a list of `deny.toml`.
fn denied(field: &str) -> BTreeSet<String> {
    let file = fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let start = file.find(&format!("\n{field} = [")).unwrap_or_else(|| panic!("no list {field}"));
    let list = file[start..].split(']').next().expect("the list ends");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Parts of an SPDX expression around `operator`, leaving parentheses whole.
fn parts<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut from, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in expression.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && at >= from && expression[at..].starts_with(operator) => {
                parts.push(&expression[from..at]);
                from = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[from..]);
    parts
}

/// Whether one may choose licences that are all allowed; AND binds tighter than OR (SPDX 2.3, annex D.4).
fn allows(allowed: &BTreeSet<String>, expression: &str) -> bool {
    // Old manifests write a slash for OR.
    let expression = expression.replace(" / ", " OR ").replace('/', " OR ");
    parts(&expression, " OR ").into_iter().any(|choice| {
        parts(choice, " AND ").into_iter().all(|licence| {
            match licence.trim().strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
                Some(inner) => allows(allowed, inner),
                None => allowed.contains(licence.trim()),
            }
        })
    })
}

fn licence_expressions_are_read() {
    let allowed = ["MIT", "ISC"].map(str::to_owned).into();
    for good in
        ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "MIT AND ISC", "(GPL-3.0 OR MIT) AND ISC", "X AND Y OR ISC"]
    {
        assert!(allows(&allowed, good), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "MIT WITH something", ""] {
        assert!(!allows(&allowed, bad), "{bad}");
    }
}

fn licences_allow_handing_it_out() {
    let (metadata, allowed) = (metadata(), denied("allow"));
    let built = pulled_in(&metadata, "loadline");
    assert!(built.len() > 50 && allowed.contains("MIT"), "{} packages, {allowed:?}", built.len());
    let foreign: Vec<_> = list(&metadata, "packages")
        .iter()
        .filter(|package| built.contains(text(package, "name")))
        .map(|package| (text(package, "name"), package["license"].as_str().unwrap_or("none")))
        .filter(|(_, licence)| !allows(&allowed, licence))
        .collect();
    assert!(foreign.is_empty(), "not allowed by deny.toml: {foreign:?}");
}

fn all_comes_from_the_registry() {
    let metadata = metadata();
    let elsewhere: Vec<_> = list(&metadata, "packages")
        .iter()
        .filter(|package| !package["source"].is_null())
        .filter(|package| text(package, "source") != "registry+https://github.com/rust-lang/crates.io-index")
        .map(|package| text(package, "id"))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

fn nothing_banned_comes_in() {
    let (metadata, banned) = (metadata(), denied("deny"));
    let built = pulled_in(&metadata, "loadline");
    let found: Vec<_> = banned.iter().filter(|name| built.contains(name.as_str())).collect();
    assert!(!banned.is_empty() && found.is_empty(), "{found:?} of {banned:?}");
}

/// All Rust below a folder, as one text.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, all);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            *all += &fs::read_to_string(&entry).expect("source is text");
        }
    }
}

/// A dependency that no line of its crate names builds for nothing.
fn every_dependency_is_used() {
    let metadata = metadata();
    let mut unused: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in list(&metadata, "packages").iter().filter(|package| package["source"].is_null()) {
        let (mut shipped, mut tests) = (String::new(), String::new());
        let targets = list(package, "targets");
        let is_shipped = |target: &Value| ["lib", "bin"].iter().any(|kind| target["kind"][0] == *kind);
        for target in targets {
            let folder = Path::new(text(target, "src_path")).parent().expect("a file is in a folder");
            sources(folder, if is_shipped(target) { &mut shipped } else { &mut tests });
        }
        let only_tests = !targets.iter().any(is_shipped);
        for dependency in list(package, "dependencies") {
            let name = dependency["rename"].as_str().unwrap_or(text(dependency, "name")).replace('-', "_");
            let named =
                |text: &str| text.contains(&format!("{name}::")) || text.contains(&format!("use {name};"));
            let dev = only_tests || dependency["kind"].as_str() == Some("dev");
            if !(named(&shipped) || dev && named(&tests)) {
                unused.entry(text(package, "name")).or_default().push(text(dependency, "name"));
            }
        }
    }
    assert!(unused.is_empty(), "no source names {unused:?}");
}
