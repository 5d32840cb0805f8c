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

/// A reader who divides the two figures gets another change only where the note says why.
#[test]
fn a_change_that_is_no_ratio_is_explained() {
    let note =
        |comparison: &Comparison| text(comparison, false).contains("is not the ratio of the two figures");
    let mut told = comparison();
    assert!(!note(&told));
    // 22.9 over 21.1 is +8.5 %; their digits leave room for half a per cent, not for more.
    let p99 = &mut told.metrics[0];
    (p99.base, p99.candidate, p99.change) = (Some(21.1), Some(22.9), Some(0.0984));
    assert!(
        note(&told)
            && markdown(&told).contains("the change of p99")
            && html(&Page::of(&told)).contains("the change of p99")
    );
    told.metrics[0].change = Some(0.0885);
    assert!(!note(&told));
}

/// A metric without errors in the base has a difference, and a plot of its own.
#[test]
fn differences_are_drawn() {
    let mut told = comparison();
    let errors = &mut told.metrics[1];
    errors.metric = "error_rate".into();
    (errors.base, errors.candidate) = (Some(0.0), Some(0.01));
    (errors.difference, errors.difference_interval) = (Some(0.01), Some([-0.002, 0.022]));
    let page = html(&Page::of(&told));
    for said in ["Difference of error_rate", "+0.01", "−0.002 … +0.022"] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("no change can be told"));
}

/// The large figure of a page is of a metric that has the verdict of the whole, and says which.
#[test]
fn the_first_tile_says_what_it_shows() {
    let mut told = comparison();
    told.metrics = vec![
        metric("p50", "all", Verdict::Pass, Some(-0.006)),
        metric("p99", "all", Verdict::Inconclusive, Some(0.07)),
    ];
    told.verdict = Verdict::Inconclusive;
    let page = html(&Page::of(&told));
    assert!(
        page.contains("largest change, not shown either way") && page.contains("p99: inconclusive, interval")
    );
    assert!(!page.contains("worst change"));
}
