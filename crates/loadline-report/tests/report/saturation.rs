//! The page of a search: a recorded one of M/M/2 (5 ms, p99 < 34.54 ms, capacity 250.4/s) in virtual time.

use loadline_model::run::{LoadModel, RunDocument, Status, Validity, ValidityVerdict, Verdict};
use loadline_model::saturation::{CutOff, SaturationDocument, StepVerdict};
use loadline_report::saturation::{charts, headline, html, junit, junit_lenient, markdown, text};
use scraper::{Html, Selector};

use crate::samples::Sample;
use crate::view_of;

fn document() -> SaturationDocument {
    serde_json::from_str(include_str!("saturation.json")).expect("it is of this schema")
}

fn run() -> RunDocument {
    RunDocument { model: LoadModel::Open, ..view_of(&Sample::healthy()).run.clone() }
}

fn texts(page: &str, selector: &str) -> Vec<String> {
    let document = Html::parse_document(page);
    assert!(document.errors.is_empty(), "{:?}", document.errors);
    let selector = Selector::parse(selector).unwrap();
    document.select(&selector).map(|e| e.text().collect::<String>()).collect()
}

type Change = fn(&mut SaturationDocument);

#[test]
fn the_sentence_says_what_was_found_and_how_sure_it_is() {
    let found = document();
    let first = texts(&html(&found, &run()), "h1").remove(0);
    let expected = "CAPACITY — ";
    assert!(
        first.starts_with(expected) && first.contains("/s within p99 < 34.54ms; with 90% confidence between"),
        "{first}"
    );
    let cases: [(Change, &str); 6] = [
        (|d| d.interval = Some((10.0, Some(9_000.0))), "INCONCLUSIVE"),
        (|d| d.verdict = Some(Verdict::Inconclusive), "INCONCLUSIVE"),
        (|d| d.verdict = Some(Verdict::Fail), "FAIL"),
        (
            |d| {
                d.capacity_per_s = None;
                d.interval = Some((250.0, None));
            },
            "AT LEAST",
        ),
        (
            |d| {
                d.capacity_per_s = None;
                d.interval = None;
            },
            "NOTHING PASSES",
        ),
        (
            |d| {
                d.validity = Validity {
                    verdict: ValidityVerdict::GeneratorLimited,
                    reasons: vec!["a core was busy".into()],
                    ..d.validity.clone()
                };
            },
            "INVALID",
        ),
    ];
    for (change, word) in cases {
        let mut changed = SaturationDocument { required_per_s: Some(240.0), ..document() };
        change(&mut changed);
        if changed.verdict.is_none() {
            changed.required_per_s = None;
        }
        assert_eq!(headline(&changed).word, word);
        assert!(text(&changed, false).starts_with(&format!("{word} — ")));
        let fine = junit(&changed).contains("failures=\"0\" errors=\"0\"");
        assert_eq!(fine, word == "AT LEAST", "{word}: {}", junit(&changed));
        // The exit code of what cannot be told may be 0; then it is no error either.
        let is_unclear = junit(&changed).contains("errors=\"1\"") && word != "INVALID";
        assert_eq!(junit_lenient(&changed).contains("skipped=\"1\""), is_unclear, "{word}");
    }
}

fn chart(found: &SaturationDocument, name: &str) -> String {
    charts(found).into_iter().find(|chart| chart.0 == name).expect("it is drawn").1
}

/// Where errors decide, the response times of the unlucky are shown all the same.
#[test]
fn the_99th_percentile_has_its_intervals_where_no_other_chart_shows_them() {
    let mut found = document();
    assert!(!chart(&found, "latency").contains("99th percentile"));
    found.limited_by = Some("error_rate < 1%".to_owned());
    let with = found.steps.iter().filter(|step| step.p99_interval_ms.is_some()).count();
    let svg = chart(&found, "latency");
    assert!(
        svg.contains("99th percentile") && svg.contains(">p99<") && svg.contains("90% interval"),
        "{svg}"
    );
    let whiskers = |svg: &str| {
        let picture = roxmltree::Document::parse(svg).expect("it is XML");
        picture.descendants().filter(|node| node.has_tag_name("path")).count()
    };
    found.steps.iter_mut().for_each(|step| step.p99_interval_ms = None);
    assert!(with > 0 && whiskers(&svg) == whiskers(&chart(&found, "latency")) + with);
}

#[test]
fn every_step_is_in_the_table_and_in_the_charts() {
    let found = document();
    let page = html(&found, &run());
    let rows = texts(&page, "table tbody tr:not(.remarks)").len();
    assert_eq!(rows, found.steps.len() + found.evidence.as_ref().map_or(0, |e| e.resources.len()));
    let remarked = found.steps.iter().filter(|step| step.confirming || !step.notes.is_empty()).count();
    assert!(remarked > 0 && texts(&page, "table tbody tr.remarks").len() == remarked);
    let charts = charts(&found);
    let names: Vec<&str> = charts.iter().map(|chart| chart.0.as_str()).collect();
    assert_eq!(names, ["objective", "resources", "throughput", "latency", "saturation-curve"]);
    for (name, svg) in &charts {
        let picture = roxmltree::Document::parse(svg).expect("it is XML");
        // A mark is a circle, or two strokes of a cross.
        let circles = picture.descendants().filter(|node| node.has_tag_name("circle")).count();
        assert!(circles > 3, "{name}: {circles}");
    }
    let objective = chart(&found, "objective");
    assert!(objective.contains("capacity ") && objective.contains("p99 &lt; 34.54ms"));
    assert!(chart(&found, "resources").contains("workers"));
}

/// The steps of the throughput chart have their intervals, and the saturation curve is drawn against the load.
#[test]
fn throughput_is_drawn_with_its_intervals_and_the_fitted_curve() {
    let strokes = |found: &SaturationDocument| {
        let svg = chart(found, "throughput");
        let picture = roxmltree::Document::parse(&svg).expect("it is XML");
        picture.descendants().filter(|node| node.has_tag_name("path")).count()
    };
    let mut found = document();
    found.steps.iter_mut().for_each(|step| step.achieved_interval_per_s = None);
    let bare = strokes(&found);
    for step in &mut found.steps {
        step.achieved_interval_per_s = step.achieved_per_s.map(|done| (0.95 * done, Some(1.05 * done)));
    }
    assert_eq!(strokes(&found), bare + found.steps.len());
    assert!(chart(&found, "throughput").contains("fitted, at most"));
    if let Some(fit) = &mut found.fit {
        fit.peak = Default::default();
    }
    assert!(!chart(&found, "throughput").contains("fitted"), "a maximum that nobody knows is drawn");
}

#[test]
fn what_comes_from_outside_is_escaped() {
    let mut found = document();
    found.reasons.push("<script>alert(1)</script>".into());
    found.steps[0].notes.push("<img src=x>".into());
    if let Some(evidence) = &mut found.evidence {
        evidence.resources[0].name = "<b>workers</b>".into();
        evidence.saturated = Some("<b>workers</b>".into());
    }
    let page = html(&found, &run());
    for nothing in ["script", "img", "main b"] {
        assert!(texts(&page, nothing).is_empty(), "{nothing}");
    }
    assert!(!markdown(&found, &run()).contains("<script>"));
}

#[test]
fn a_search_without_steps_is_a_page_too() {
    let mut found = document();
    found.steps.clear();
    (found.curve, found.fit, found.evidence) = (Vec::new(), None, None);
    (found.capacity_per_s, found.interval, found.limited_by) = (None, None, None);
    found.status = Status::Interrupted;
    found.reasons = vec!["it was interrupted".into()];
    assert_eq!(headline(&found).word, "NOT FOUND");
    assert!(charts(&found).is_empty());
    assert!(html(&found, &run()).contains("No step came to its end"));
    assert!(markdown(&found, &run()).contains("it was interrupted"));
}

/// An interval that ends at a bound of the search, and steps that the generator spoiled, are said to be that.
#[test]
fn what_is_no_finding_is_labelled() {
    let mut found = document();
    assert!(!headline(&found).sentence.contains("cut off"));
    assert!(headline(&found).validity.contains("was not in the way"));
    found.cut_off = CutOff { low: false, high: true };
    found.steps[1].verdict = StepVerdict::GeneratorLimited;
    let head = headline(&found);
    assert!(head.sentence.ends_with("(cut off at the most allowed: it may be more)"), "{}", head.sentence);
    assert!(head.validity.contains("in the way of 1, which counts for nothing"), "{}", head.validity);
    for text in [html(&found, &run()), text(&found, false), markdown(&found, &run())] {
        assert!(text.contains("cut off at the most allowed"));
    }
    let again: SaturationDocument = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
    assert_eq!(again.cut_off, found.cut_off);
}
