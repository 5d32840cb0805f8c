//! Terminal text, Markdown and JUnit.

use loadline_model::run::Summary;
use loadline_report::run::{junit, junit_lenient, markdown, text};

use crate::samples::Sample;
use crate::view_of;

fn summary(sample: &Sample) -> Summary {
    view_of(sample).summary.clone()
}

#[test]
fn text_of_a_run_that_passed() {
    insta::assert_snapshot!(text(&summary(&Sample::healthy()), false));
}

#[test]
fn text_of_a_run_that_failed() {
    insta::assert_snapshot!(text(&summary(&Sample::failing()), false));
}

#[test]
fn text_of_an_invalid_run() {
    insta::assert_snapshot!(text(&summary(&Sample::limited()), false));
}

#[test]
fn text_labels_figures_with_too_few_samples() {
    insta::assert_snapshot!(text(&summary(&Sample::short()), false));
}

#[test]
fn text_of_nothing() {
    insta::assert_snapshot!(text(&summary(&Sample::nothing()), false));
}

#[test]
fn colours_are_added_and_change_nothing_else() {
    let summary = summary(&Sample::failing());
    let (plain, coloured) = (text(&summary, false), text(&summary, true));
    assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}[1;31mFAIL"));
    let mut stripped = String::new();
    let mut parts = coloured.split('\u{1b}');
    stripped.push_str(parts.next().unwrap());
    parts.for_each(|part| stripped.push_str(part.split_once('m').unwrap().1));
    assert_eq!(stripped, plain);
}

#[test]
fn no_control_character_reaches_the_terminal() {
    let mut summary = summary(&Sample::failing());
    summary.requests_by_name[0].name = "\u{1b}[2Jlogin\r".to_owned();
    summary.slos[0].reason = Some("\u{7}bell\nline".to_owned());
    summary.notes.push("\u{1b}]0;title\u{7}".to_owned());
    assert!(text(&summary, false).chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn markdown_of_a_run_that_failed() {
    insta::assert_snapshot!(markdown(&view_of(&Sample::failing())));
}

#[test]
fn markdown_of_a_hostile_run_keeps_its_tables() {
    let found = markdown(&view_of(&Sample::hostile()));
    assert!(!found.contains("<script") && !found.contains("<b>"));
    let mut columns = None;
    for line in found.lines() {
        let bars = line.replace("\\|", "").matches('|').count();
        columns = if line.starts_with('|') { Some(columns.unwrap_or(bars)) } else { None };
        assert!(columns.is_none_or(|columns| columns == bars), "{line}");
    }
}

#[test]
fn junit_counts_failures_and_errors() {
    let found = junit(&summary(&Sample::failing()));
    let document = roxmltree::Document::parse(&found).unwrap();
    let suite = document.descendants().find(|n| n.has_tag_name("testsuite")).unwrap();
    let count = |name| suite.attribute(name).unwrap();
    assert_eq!((count("tests"), count("failures"), count("errors")), ("4", "1", "1"));
    let failure = document.descendants().find(|n| n.has_tag_name("failure")).unwrap();
    assert_eq!(failure.attribute("message"), Some("observed 9.4%, limit 0.1%"));

    // Let through, what cannot be judged is skipped; what failed has failed.
    let found = junit_lenient(&summary(&Sample::failing()));
    let document = roxmltree::Document::parse(&found).unwrap();
    let count = |name| document.descendants().filter(|n| n.has_tag_name(name)).count();
    assert_eq!((count("failure"), count("error"), count("skipped")), (1, 0, 1));

    let found = junit(&summary(&Sample::limited()));
    let document = roxmltree::Document::parse(&found).unwrap();
    let error = document.descendants().find(|n| n.attribute("type") == Some("generator_limited")).unwrap();
    assert!(error.attribute("message").unwrap().contains("busy above 90 %"));
}

#[test]
fn junit_of_a_hostile_run_is_well_formed() {
    let mut summary = summary(&Sample::hostile());
    summary.slos[0].reason = Some("\u{0}\u{1b} ]]> <x>".to_owned());
    let found = junit(&summary);
    let document = roxmltree::Document::parse(&found).unwrap();
    let names = document.descendants().filter_map(|n| n.attribute("name"));
    assert!(names.into_iter().any(|name| name.contains("<script>alert(3)</script>")));
}
