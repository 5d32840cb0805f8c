//! Pages of comparisons and histories: what stands in them, and that nothing in them steers the page.

use std::time::Duration;

use loadline_model::changes::{Change, Changes, Finding, MetricHistory};
use loadline_model::comparison::{Comparison, Duel, DuelEnd, MetricComparison, SCHEMA, Verdict};
use loadline_model::histogram::{self, Histogram};
use loadline_model::run_table::RunTable;
use loadline_report::comparison::{Page, changes_html, html};

const HOSTILE: &str = "<script>alert('owned')</script>";

fn metric(name: &str, request: &str, verdict: Verdict, change: f64, half: f64) -> MetricComparison {
    MetricComparison {
        metric: name.into(),
        request: request.into(),
        higher_is_better: false,
        base_runs: 10,
        candidate_runs: 10,
        base: Some(20.0),
        candidate: Some(20.0 * (1.0 + change)),
        change: Some(change),
        low: Some(change - half),
        high: Some(change + half),
        difference: None,
        difference_interval: None,
        verdict,
        min_detectable_change: Some(0.07),
        min_detectable_difference: None,
        more_runs_needed: None,
        more_time_needed_s: None,
        reasons: vec![
            "a reason that takes up more room than the figures beside which it might have stood".into(),
        ],
    }
}

fn comparison(duel: Option<Duel>) -> Comparison {
    Comparison {
        schema: SCHEMA.into(),
        verdict: Verdict::Regressed,
        tolerance: 0.05,
        confidence: 0.95,
        base_runs: 10,
        candidate_runs: 10,
        history_runs: 40,
        metrics: vec![
            metric("p50", "all", Verdict::Pass, 0.01, 0.02),
            metric("p99", "all", Verdict::Regressed, 0.12, 0.04),
            metric("p99", HOSTILE, Verdict::Inconclusive, 0.3, 9.0),
            metric(
                "p90",
                "a request with a name that is much longer than a telephone is wide",
                Verdict::Improved,
                -0.1,
                0.03,
            ),
        ],
        more_runs_needed: Some(7),
        excluded: Vec::new(),
        notes: vec![HOSTILE.into()],
        duel,
    }
}

fn duel() -> Duel {
    Duel {
        base_target: "http://127.0.0.1:8081".into(),
        candidate_target: HOSTILE.into(),
        seconds_used: 40,
        seconds_left_out: 2,
        base_requests: 4000,
        candidate_requests: 4001,
        elapsed_s: 42.0,
        max_time_s: 180.0,
        ended: DuelEnd::Decided,
    }
}

fn responses() -> [Histogram; 2] {
    [5.0, 6.0].map(|ms| {
        let mut side = histogram::new();
        (1..4000).for_each(|at| {
            histogram::record(
                &mut side,
                Duration::from_secs_f64(ms / 1e3 / (1.0 - f64::from(at) / 4000.0).sqrt()),
            );
        });
        side
    })
}

fn table(runs: std::ops::Range<u32>, level: f64) -> RunTable {
    let row = |at: u32| {
        format!("{at},{at},{:.4},{:.4}\n", level * (1.0 + f64::from(at * 7 % 13) / 200.0), 3.0 * level)
    };
    let rows: String = runs.map(row).collect();
    RunTable::read_csv("runs.csv", format!("run,time,p50_ms,p99_ms\n{rows}").as_bytes()).expect("a table")
}

fn changes() -> Changes {
    let change = Change {
        metric: "p50_ms".into(),
        series: None,
        index: 20,
        time: Some("20".into()),
        commit: Some(HOSTILE.into()),
        index_interval: [18, 22],
        before: 20.0,
        after: 21.0,
        change: Some(0.05),
        interval: Some([0.03, 0.07]),
    };
    let about = |metric: &str, changes| MetricHistory {
        metric: metric.into(),
        series: None,
        runs: 40,
        changes,
        finding: if changes > 0 { Finding::Changed } else { Finding::NoChange },
        min_detectable_change: Some(0.02),
        notes: Vec::new(),
    };
    Changes {
        schema: loadline_model::changes::SCHEMA.into(),
        changes: vec![change],
        confidence: 0.95,
        metrics: vec![about("p50_ms", 1), about("p99_ms", 0)],
    }
}

/// The pages by name, for the browser as well.
pub(crate) fn pages() -> Vec<(&'static str, String)> {
    let (of_runs, of_duel, responses, changes) =
        (comparison(None), comparison(Some(duel())), responses(), changes());
    let (history, base, candidate) = (table(0..40, 20.0), table(40..50, 20.5), table(50..60, 24.0));
    let runs =
        Page { runs: Some([&history, &base, &candidate]), changes: Some(&changes), ..Page::of(&of_runs) };
    let duel = Page { responses: Some(&responses), ..Page::of(&of_duel) };
    let parts = [(None, history.clone())];
    vec![("comparison", html(&runs)), ("duel", html(&duel)), ("history", changes_html(&parts, &changes))]
}

#[test]
fn pages_say_the_verdict_and_show_all_parts() {
    let pages = pages();
    let has = |at: usize, wanted: &[&str]| {
        for text in wanted {
            assert!(pages[at].1.contains(text), "{} lacks {text}", pages[at].0);
        }
    };
    has(
        0,
        &[
            "REGRESSED",
            "worse by more than 5%: p99",
            "Change of each metric",
            "within 5%",
            "p50_ms run by run",
            "Changes in the earlier runs",
            "18 … 22",
            "p50_ms: 1 change in 40 runs",
        ],
    );
    has(1, &["against", "Response time by percentile", "Difference by percentile", "2 seconds left out"]);
    has(2, &["CHANGED", "1 lasting change", "no change above 2% in 40 runs"]);
}

/// One wild run is told of, and leaves the others their room.
#[test]
fn a_wild_run_does_not_set_the_scale() {
    let mut wild = table(0..40, 20.0);
    let p50 = loadline_model::run_table::Figure::of_all("p50_ms");
    wild.runs[7].values.insert(p50, 9000.0);
    let page = changes_html(&[(None, wild)], &changes());
    assert!(page.contains("1 run beyond the scale, at up to 9,000"));
}

/// Too few runs are told as such, and several histories by name.
#[test]
fn a_page_of_a_short_history_claims_nothing() {
    let about = MetricHistory {
        metric: "p50_ms".into(),
        series: Some("list".into()),
        runs: 4,
        changes: 0,
        finding: Finding::TooFewRuns,
        min_detectable_change: None,
        notes: Vec::new(),
    };
    let few = Changes { changes: Vec::new(), metrics: vec![about], ..changes() };
    let page = changes_html(&[(Some("list".into()), table(0..4, 20.0))], &few);
    assert!(page.contains("CANNOT TELL") && !page.to_lowercase().contains("no change"));
    assert!(
        page.contains("p50_ms of list: 4 runs cannot tell") && page.contains("p50_ms of list run by run")
    );
}

#[test]
fn nothing_that_was_read_steers_a_page() {
    for (name, page) in pages() {
        assert!(!page.contains("<script"), "{name}");
        assert!(!page.contains("NaN"), "{name}");
    }
}

#[test]
fn the_same_comparison_makes_the_same_page() {
    assert_eq!(pages(), pages());
}
