use super::*;
use loadline_model::comparison::{Comparison, ExcludedRun, MetricComparison, SCHEMA, Verdict};

fn metric(metric: &str, request: &str, verdict: Verdict, change: Option<f64>) -> MetricComparison {
    MetricComparison {
        metric: metric.into(),
        request: request.into(),
        higher_is_better: false,
        base_runs: 10,
        candidate_runs: 10,
        base: Some(20.0),
        candidate: change.map(|change| 20.0 * (1.0 + change)),
        change,
        low: change.map(|change| change - 0.02),
        high: change.map(|change| change + 0.02),
        difference: None,
        difference_interval: None,
        verdict,
        min_detectable_change: Some(0.083),
        min_detectable_difference: None,
        more_time_needed_s: None,
        more_runs_needed: (verdict == Verdict::Inconclusive).then_some(14),
        reasons: Vec::new(),
    }
}

fn comparison() -> Comparison {
    let mut unclear = metric("p50", "<b>|\u{1b}[31m", Verdict::Inconclusive, None);
    unclear.reasons.push("no run of the candidate has this metric".into());
    Comparison {
        schema: SCHEMA.into(),
        verdict: Verdict::Regressed,
        tolerance: 0.05,
        confidence: 0.95,
        base_runs: 10,
        candidate_runs: 10,
        history_runs: 64,
        metrics: vec![metric("p99", "all", Verdict::Regressed, Some(0.123)), unclear],
        more_runs_needed: Some(14),
        excluded: vec![ExcludedRun {
            run: "7".into(),
            side: "base".into(),
            reason: "the generator was the bottleneck".into(),
        }],
        notes: vec!["the runs carry no times".into()],
        duel: None,
    }
}

#[test]
fn the_text_says_the_verdict_first() {
    insta::assert_snapshot!(text(&comparison(), false));
}

#[test]
fn markdown_escapes_names() {
    insta::assert_snapshot!(markdown(&comparison()));
}

/// Another reader counts the cases.
#[test]
fn junit_has_a_case_for_each_metric() {
    for (lenient, errors) in [(false, 1), (true, 0)] {
        let xml = junit(&comparison(), lenient);
        let document = roxmltree::Document::parse(&xml).unwrap();
        let count = |tag: &str| document.descendants().filter(|node| node.has_tag_name(tag)).count();
        assert_eq!((count("testcase"), count("failure"), count("error")), (2, 1, errors));
        assert_eq!(count("skipped"), 1 - errors);
    }
}

#[test]
fn annotations_are_one_line_each() {
    let lines = annotations(&comparison());
    assert_eq!(lines.lines().count(), 3);
    assert!(
        lines.lines().all(|line| line.starts_with("::error title=") || line.starts_with("::warning title="))
    );
    assert!(lines.contains("+12.3%25"));
}

#[test]
fn more_runs_are_asked_for() {
    let unclear = Comparison { verdict: Verdict::Inconclusive, ..comparison() };
    assert!(sentence(&unclear).ends_with("about 14 more runs a side would decide"));
    let mut of_time = Comparison { more_runs_needed: None, ..unclear };
    of_time.metrics[1].more_time_needed_s = Some(30.0);
    assert!(sentence(&of_time).ends_with("about 30 s more would decide"), "{}", sentence(&of_time));
}
