//! The reports that a run leaves, in every form, from the run directory alone.

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::{measure, run};
use crate::support::serve::Serve;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: a_run_leaves_a_page_that_needs_nothing_else, two_reports_of_one_run_are_the_same_bytes,
            an_ending_that_is_no_form_is_refused, the_demo_ends_with_a_report;
    }
}

fn a_run_leaves_a_page_that_needs_nothing_else() {
    let serve = Serve::start(&["--service", "exp:2ms"]);
    let folder = Folder::new("page");
    let url = serve.url("/");
    let line = [
        "run",
        &url,
        "--rate",
        "100/s",
        "--duration",
        "2s",
        "--out",
        "run",
        "--slo",
        "p50 < 10s",
        "--slo",
        "max < 1us",
        "--junit",
        "junit.xml",
        "--markdown",
        "summary.md",
    ];
    let ended = run(&folder, &line);
    assert!(matches!(ended.code, Some(3 | 6)), "{}", ended.stderr);
    let page = fs::read_to_string(folder.join("run/report.html")).expect("the page is written");
    assert!(ended.stderr.contains("run/report.html"), "it says where: {}", ended.stderr);
    for outside in ["src=\"http", "href=\"http", "url(http", "@import", "<link", "fetch("] {
        assert!(!page.contains(outside), "the page asks for something outside: {outside}");
    }
    assert!(page.contains("<svg") && page.contains("p50 &lt; 10s"), "charts and objectives");
    let junit = fs::read_to_string(folder.join("junit.xml")).expect("it is written");
    assert!(junit.contains("p50 &lt; 10s") && junit.contains("max &lt; 1us"), "{junit}");
    let markdown = fs::read_to_string(folder.join("summary.md")).expect("it is written");
    assert!(markdown.contains("p50 < 10s") || markdown.contains("p50 &lt; 10s"), "{markdown}");
}

/// Every form, made twice, and again from a directory that was moved.
fn two_reports_of_one_run_are_the_same_bytes() {
    let serve = Serve::start(&["--service", "exp:2ms", "--errors", "0.05"]);
    let folder = Folder::new("same");
    let flags = ["--rate", "200/s", "--duration", "3s", "--slo", "p99 < 1s", "--slo", "p90 < 1s over 2s"];
    measure(&folder, &serve.url("/"), &flags);
    let moved = Folder::new("moved");
    for form in ["html", "md", "json", "png", "xml", "svg"] {
        let (first, second) = (format!("first.{form}"), format!("second.{form}"));
        run(&folder, &["report", "run", "-o", &first]).expect(0);
        run(&folder, &["report", "run", "-o", &second]).expect(0);
        let of = |name: &str| contents(&folder.join(name));
        assert!(!of(&first).is_empty() && of(&first) == of(&second), "two reports differ: {form}");
        fs::rename(folder.join("run"), moved.join("run")).expect("both are in the target folder");
        run(&moved, &["report", "run", "-o", &first]).expect(0);
        assert!(contents(&moved.join(&first)) == of(&first), "{form} depends on where the directory is");
        fs::rename(moved.join("run"), folder.join("run")).expect("both are in the target folder");
    }
}

/// The bytes of a file, or of all files of a folder by name.
fn contents(path: &Path) -> Vec<(String, Vec<u8>)> {
    if path.is_file() {
        return vec![(String::new(), fs::read(path).expect("it was just written"))];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry"))
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

fn an_ending_that_is_no_form_is_refused() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("forms");
    measure(&folder, &serve.url("/"), &["--rate", "20/s", "--duration", "1s"]);
    let ended = run(&folder, &["report", "run", "-o", "report.pdf"]).expect(2);
    assert!(ended.stderr.contains(".html"), "{}", ended.stderr);
    assert!(!folder.join("report.pdf").exists());
}

fn the_demo_ends_with_a_report() {
    let folder = Folder::new("demo");
    let ended = run(&folder, &["demo", "--out", "run"]).expect(0);
    assert!(folder.join("run/report.html").is_file());
    assert!(folder.join("run/headroom.html").is_file() && ended.stdout.contains("when does it run out?"));
    assert!(
        ended.stdout.contains("run/report.html") && ended.stdout.contains("against the truth"),
        "{}",
        ended.stdout
    );
}
