use super::*;
use loadline_model::comparison::MetricComparison;

fn table(text: &str) -> RunTable {
    RunTable::read_csv("runs.csv", text.as_bytes()).unwrap()
}

/// A table with one metric and the values given.
fn runs(metric: &str, values: &[f64]) -> RunTable {
    let rows: String = values.iter().map(|value| format!("{value}\n")).collect();
    table(&format!("{metric}\n{rows}"))
}

fn judge(base: &RunTable, candidate: &RunTable, options: &Options) -> Comparison {
    compare(Groups { base, candidate, history: None }, options).unwrap()
}

fn only(comparison: &Comparison) -> &MetricComparison {
    assert_eq!(comparison.metrics.len(), 1);
    &comparison.metrics[0]
}

/// Numbers between 0 and 1.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Nearly normal numbers with variance 1: the sum of twelve uniform ones less six.
fn normal(seed: u64) -> impl FnMut() -> f64 {
    let mut uniform = uniform(seed);
    move || (0..12).map(|_| uniform()).sum::<f64>() - 6.0
}

const NOISE: [f64; 10] = [1.004, 0.996, 1.011, 0.993, 0.998, 1.002, 1.007, 0.989, 1.001, 0.999];

fn around(level: f64) -> Vec<f64> {
    NOISE.iter().map(|noise| noise * level).collect()
}

#[test]
fn each_verdict_has_its_case() {
    let base = runs("p99_ms", &around(20.0));
    let options = Options::default();
    for (level, verdict) in [
        (20.1, Verdict::Pass),
        (24.0, Verdict::Regressed),
        (16.0, Verdict::Improved),
        (21.0, Verdict::Inconclusive),
    ] {
        let comparison = judge(&base, &runs("p99_ms", &around(level)), &options);
        assert_eq!(comparison.verdict, verdict, "{level}: {comparison:#?}");
        let metric = only(&comparison);
        assert_eq!(metric.metric, "p99");
        assert!((metric.change.unwrap() - (level / 20.0 - 1.0)).abs() < 0.01);
        assert!(metric.low < metric.change && metric.change < metric.high);
    }
}

#[test]
fn a_better_throughput_is_larger() {
    let base = runs("throughput_per_s", &around(500.0));
    let options = Options::default();
    let of = |level| judge(&base, &runs("throughput_per_s", &around(level)), &options).verdict;
    assert_eq!((of(600.0), of(400.0), of(502.0)), (Verdict::Improved, Verdict::Regressed, Verdict::Pass));
    let score = |options: &Options| {
        judge(&runs("score", &around(5.0)), &runs("score", &around(6.0)), options).verdict
    };
    assert_eq!(score(&options), Verdict::Regressed);
    let higher = Options { higher_is_better: vec!["score".into()], ..options.clone() };
    assert_eq!(score(&higher), Verdict::Improved);
}

#[test]
fn a_tolerance_of_nothing_never_passes_noise() {
    let options = Options { tolerance: 0.0, ..Options::default() };
    let same = judge(&runs("p50", &around(5.0)), &runs("p50", &around(5.0)), &options);
    assert_eq!(same.verdict, Verdict::Inconclusive);
    let slower = judge(&runs("p50", &around(5.0)), &runs("p50", &around(5.2)), &options);
    assert_eq!(slower.verdict, Verdict::Regressed);
}

/// A missing metric never passes: absent from one side, or from some runs of one.
#[test]
fn what_is_missing_is_inconclusive() {
    let base = table("p50_ms,p99_ms\n1,2\n1.01,2.01\n0.99,2.02\n1,2\n");
    let candidate = table("p50_ms\n1\n1.01\n0.99\n1\n");
    let comparison = judge(&base, &candidate, &Options::default());
    assert_eq!(comparison.verdict, Verdict::Inconclusive);
    assert_eq!(comparison.metrics[0].verdict, Verdict::Pass);
    assert!(comparison.metrics[1].reasons[0].contains("no run of the candidate has this metric"));
    let holes = table("p50_ms,p99_ms\n1,2\n1.01,\n0.99,2.02\n1,2\n");
    let comparison = judge(&base, &holes, &Options { tolerance: 0.2, ..Options::default() });
    assert_eq!(comparison.metrics[1].verdict, Verdict::Inconclusive);
    assert!(comparison.metrics[1].reasons[0].contains("1 of 4 runs of the candidate lack this metric"));
}

#[test]
fn invalid_runs_are_left_out_and_named() {
    let base = runs("p50", &around(5.0));
    let mut candidate = runs("p50", &around(5.0));
    candidate.runs[3].invalid = Some("the generator was the bottleneck".into());
    candidate.runs[3].values.insert(Figure::of_all("p50"), 50.0);
    let comparison = judge(&base, &candidate, &Options::default());
    assert_eq!((comparison.verdict, comparison.candidate_runs), (Verdict::Pass, 9));
    assert_eq!(
        (comparison.excluded[0].run.as_str(), comparison.excluded[0].side.as_str()),
        ("4", "candidate")
    );
    candidate.runs.iter_mut().for_each(|run| run.invalid = Some("spoiled".into()));
    assert_eq!(judge(&base, &candidate, &Options::default()).verdict, Verdict::Invalid);
}

/// A run of the candidate that takes a hundred times as long counts for less, and is never passed over: with it the mean
/// is worse. One of the base, or one that is harmless, is named.
#[test]
fn a_wild_run_is_no_silent_pass() {
    let level = |runs: usize, wild: f64| -> Vec<f64> {
        let mut values: Vec<f64> = NOISE.iter().cycle().take(runs).map(|noise| noise * 20.0).collect();
        values[2] *= wild;
        values
    };
    let judged = |(base, wild): (usize, f64), (candidate, as_well): (usize, f64)| {
        let [base, candidate] =
            [level(base, wild), level(candidate, as_well)].map(|side| runs("p99_ms", &side));
        let comparison = judge(&base, &candidate, &Options::default());
        (comparison.verdict, only(&comparison).reasons.join("; "))
    };
    for (base, candidate) in [(5, 5), (10, 5), (20, 5), (10, 10), (20, 20)] {
        let (verdict, reasons) = judged((base, 1.0), (candidate, 100.0));
        assert_eq!(verdict, Verdict::Inconclusive, "{base} {candidate}: {reasons}");
        assert!(reasons.contains("candidate that stand apart: 3 by +"), "{reasons}");
        assert!(reasons.contains("how many more runs would decide cannot be known"), "{reasons}");
    }
    // One a group of its own, one not.
    for wild in [2.0, 1.09] {
        let (verdict, reasons) = judged((20, wild), (20, 1.0));
        assert_eq!(verdict, Verdict::Pass, "{reasons}");
        assert!(reasons.contains("base that stand apart: 3 by"), "{reasons}");
    }
    let (verdict, reasons) = judged((20, 1.0), (20, 1.09));
    assert_eq!(verdict, Verdict::Pass, "{reasons}");
    assert!(reasons.contains("candidate that stand apart: 3 by"), "{reasons}");
    assert_eq!(judged((20, 1.0), (20, 1.0)), (Verdict::Pass, String::new()));
}

/// The mean with the wild runs decides whether they can be passed over: noise of 4 % hides a run at twice the level from
/// the search for groups, and two such of eight raise the mean by a fifth.
#[test]
fn wild_runs_that_would_move_the_mean_do_not_pass() {
    let noise: Vec<f64> =
        [-1.0, 1.0, -0.5, 0.5, -0.8, 0.8, -0.2, 0.2].map(|x| 20.0 * (1.0 + 0.04 * x)).to_vec();
    let mut wild = noise.clone();
    wild[3] *= 2.0;
    wild[6] *= 2.0;
    let options = Options { tolerance: 0.15, ..Options::default() };
    let comparison = judge(&runs("p99_ms", &noise), &runs("p99_ms", &wild), &options);
    assert_eq!(comparison.verdict, Verdict::Inconclusive, "{comparison:#?}");
}

/// Whatever is inconclusive says what would have been seen and how many runs would decide, or why that is not known.
#[test]
fn the_inconclusive_say_what_would_decide() {
    let ask = |base: &RunTable, candidate: &RunTable, tolerance| {
        let comparison = judge(base, candidate, &Options { tolerance, ..Options::default() });
        assert_eq!(comparison.verdict, Verdict::Inconclusive);
        (only(&comparison).clone(), only(&comparison).reasons.join("; "))
    };
    let (one, reasons) = ask(&runs("p50", &[5.0]), &runs("p50", &[5.1]), 0.05);
    // 2 (0.05 (1.96 + 0.84)/ln 1.05)² = 16.5 runs a side.
    assert_eq!(one.more_runs_needed, Some(16));
    assert!(reasons.contains("cannot be known") && reasons.contains("16 more runs"), "{reasons}");
    let (_, reasons) = ask(&runs("p50", &[5.0]), &runs("p50", &[5.1]), 0.0);
    assert!(reasons.contains("cannot be known") && reasons.contains("more runs a side"), "{reasons}");
    let some = |rate| runs("error_rate", &[0.0, 0.0, 0.0, 0.0, 0.0, rate, 0.0, 0.0]);
    let none = runs("error_rate", &[0.0; 8]);
    let (errors, _) = ask(&none, &some(0.03), 0.05);
    assert!(errors.min_detectable_difference.is_some_and(|least| (0.0..0.1).contains(&least)), "{errors:?}");
    // Where all of the interval is below half a point, some errors are no more than none.
    let few = judge(&none, &some(0.003), &Options::default());
    let metric = only(&few);
    assert_eq!(few.verdict, Verdict::Pass, "{metric:?}");
    assert!(metric.difference_interval.is_some_and(|[_, high]| high < 0.005), "{metric:?}");
    let (errors, reasons) = ask(&runs("error_rate", &[0.0]), &runs("error_rate", &[0.003]), 0.05);
    assert!(errors.min_detectable_difference.is_none() && reasons.contains("cannot be known"), "{reasons}");
}

/// What is missing on both sides is inconclusive and says why, where it was asked for.
#[test]
fn what_is_missing_everywhere_says_why() {
    let side = |level: f64| {
        let mut table = runs("p50_ms", &around(level));
        for run in &mut table.runs {
            run.missing.insert(Figure::of_all("p999_ms"), "fewer than ten requests lie beyond it".into());
        }
        table
    };
    let options = Options { metrics: vec!["p999".into()], ..Options::default() };
    let comparison = judge(&side(5.0), &side(5.0), &options);
    assert_eq!(comparison.verdict, Verdict::Inconclusive);
    assert!(only(&comparison).reasons.join("; ").contains("fewer than ten requests lie beyond it"));
    // Where it was not asked for it is no metric.
    assert_eq!(judge(&side(5.0), &side(5.0), &Options::default()).verdict, Verdict::Pass);
}

/// No errors on either side pass; errors where there were none have no fraction but a difference.
#[test]
fn error_rates_may_be_zero() {
    let none = runs("error_rate", &[0.0; 6]);
    assert_eq!(judge(&none, &none, &Options::default()).verdict, Verdict::Pass);
    let some = runs("error_rate", &[0.011, 0.012, 0.009, 0.010, 0.013, 0.011]);
    let comparison = judge(&none, &some, &Options::default());
    let metric = only(&comparison);
    assert_eq!((metric.verdict, metric.change, metric.low), (Verdict::Regressed, None, None));
    assert!((metric.difference.unwrap() - 0.011).abs() < 0.001);
}

/// That no run has any does not show that there is none. Requests without an error leave room for a rate of 3.7 in so many
/// of them (−ln 0.025), which half a point takes 738 for; where they are not counted it takes three runs.
#[test]
fn none_seen_is_not_none() {
    let zeros = |metric: &str, runs: usize, requests: Option<u64>| {
        let mut table = self::runs(metric, &vec![0.0; runs]);
        let count = |requests: u64| [(loadline_model::run_table::ALL.to_owned(), requests)].into();
        table.runs.iter_mut().for_each(|run| run.requests = requests.map(count).unwrap_or_default());
        table
    };
    let judged = |metric: &str, runs, requests, tolerance| {
        let side = zeros(metric, runs, requests);
        let comparison = judge(&side, &side, &Options { tolerance, ..Options::default() });
        (comparison.verdict, only(&comparison).clone())
    };
    for (runs, requests) in [(1, Some(200)), (2, None), (20, None), (20, Some(100_000))] {
        let (verdict, metric) = judged("error_rate", runs, requests, 0.0);
        assert_eq!(verdict, Verdict::Inconclusive, "{metric:?}");
        assert!(metric.reasons.join("; ").contains("tolerance of 0"), "{metric:?}");
    }
    for (metric, runs, requests, verdict) in [
        ("error_rate", 1, Some(737), Verdict::Inconclusive),
        ("error_rate", 1, Some(738), Verdict::Pass),
        ("error_rate", 3, Some(246), Verdict::Pass),
        ("error_rate", 2, None, Verdict::Inconclusive),
        ("error_rate", 3, None, Verdict::Pass),
        ("retries", 2, Some(738), Verdict::Inconclusive),
        ("retries", 3, None, Verdict::Pass),
    ] {
        let (said, metric) = judged(metric, runs, requests, 0.05);
        assert_eq!(said, verdict, "{metric:?}");
        assert_eq!(said == Verdict::Inconclusive, metric.more_runs_needed.is_some(), "{metric:?}");
    }
    let (_, few) = judged("error_rate", 1, Some(200), 0.05);
    assert_eq!(few.more_runs_needed, Some(3));
    assert!(few.reasons[0].contains("200 requests") && few.reasons[0].contains("1.8 %"), "{few:?}");
    // Errors of earlier runs are none of the sides'.
    let (side, earlier) = (zeros("error_rate", 3, None), runs("error_rate", &[0.0, 0.01, 0.0, 0.002]));
    let groups = Groups { base: &side, candidate: &side, history: Some(&earlier) };
    assert_eq!(compare(groups, &Options::default()).unwrap().verdict, Verdict::Pass);
}

/// A time that is missing makes nothing surer, and the run that lacks it is named.
#[test]
fn a_missing_time_makes_nothing_surer() {
    let mut normal = normal(8);
    for slope in [0.0, 0.01] {
        let values: Vec<f64> = (0..20).map(|at| (slope * f64::from(at) + 0.005 * normal()).exp()).collect();
        let (base, mut candidate) = (runs_from(0, &values[..10]), runs_from(10, &values[10..]));
        let timed = judge(&base, &candidate, &Options::default());
        candidate.runs[4].time_s = None;
        let holed = judge(&base, &candidate, &Options::default());
        let note = holed.notes.join("; ");
        assert!(note.contains("1 of 20 runs carry no times (5)"), "{note}");
        let width = |comparison: &Comparison| only(comparison).high.unwrap() - only(comparison).low.unwrap();
        assert!(width(&holed) > 0.95 * width(&timed), "{slope}: {holed:#?} {timed:#?}");
        assert!(only(&holed).low <= Some(0.0) || slope == 0.0, "a ramp is no step: {holed:#?}");
    }
}

/// What a half wave over the sides would do is said, where nothing could tell it from a change, and only there.
#[test]
fn one_side_after_the_other_is_told() {
    let values = around(5.0);
    let told = |base: &RunTable, candidate: &RunTable, history: Option<&RunTable>| {
        let comparison = compare(Groups { base, candidate, history }, &Options::default()).unwrap();
        comparison.notes.join("; ").contains("slow wave")
    };
    let (before, after) = (runs_from(0, &values), runs_from(10, &values));
    assert!(told(&before, &after, None) && told(&after, &before, None));
    assert!(!told(&runs_from(20, &values), &runs_from(30, &values), Some(&before)));
    let mut turns = [before.clone(), before];
    turns[1].runs.iter_mut().for_each(|run| run.time_s = run.time_s.map(|time| time + 30.0));
    assert!(!told(&turns[0], &turns[1], None));
    assert!(!told(&runs("p50", &values), &runs("p50", &values), None));
}

/// Twenty metrics of pure noise: by themselves one would be called out, together none is.
#[test]
fn many_metrics_are_corrected_for() {
    let header: Vec<String> = (0..20).map(|index| format!("m{index}")).collect();
    let mut normal = normal(5);
    let mut rows = || -> String {
        let mut row =
            || (0..20).map(|_| (1.0 + 0.01 * normal()).to_string()).collect::<Vec<_>>().join(",") + "\n";
        (0..6).map(|_| row()).collect()
    };
    let mut side = || table(&format!("{}\n{}", header.join(","), rows()));
    let comparison = judge(&side(), &side(), &Options { tolerance: 0.0, ..Options::default() });
    assert_eq!(comparison.verdict, Verdict::Inconclusive);
    let alone = comparison.metrics.iter().filter(|metric| metric.low > Some(0.0) || metric.high < Some(0.0));
    assert!(alone.clone().count() > 0, "the case should tempt");
    assert!(
        alone
            .flat_map(|metric| &metric.reasons)
            .all(|reason| reason.contains("20 comparisons") || !reason.contains("chance"))
    );
}

#[test]
fn one_run_a_side_is_inconclusive_without_a_history() {
    let (base, candidate) = (runs("p50", &[5.0]), runs("p50", &[5.1]));
    let comparison = judge(&base, &candidate, &Options::default());
    assert_eq!(comparison.verdict, Verdict::Inconclusive);
    assert!(only(&comparison).reasons.join("; ").contains("history"));
    let history = runs("p50", &[around(5.0), around(5.0), around(5.0)].concat());
    let with = |candidate: &RunTable| {
        compare(Groups { base: &base, candidate, history: Some(&history) }, &Options::default())
            .unwrap()
            .verdict
    };
    assert_eq!(with(&runs("p50", &[6.0])), Verdict::Regressed);
    assert_eq!(with(&runs("p50", &[5.02])), Verdict::Pass);
}

/// What one run a side tells by itself: its own noise, beside one between runs that is assumed and wide.
#[test]
fn one_run_with_blocks_decides_only_what_is_plain() {
    let run = |level: f64| {
        let mut table = runs("p50_ms", &[level]);
        table.runs[0].errors_within.insert(Figure::of_all("p50_ms"), 0.01);
        table
    };
    let judged =
        |level, tolerance| judge(&run(20.0), &run(level), &Options { tolerance, ..Options::default() });
    assert_eq!(judged(20.0, 0.05).verdict, Verdict::Inconclusive);
    assert_eq!(judged(21.5, 0.05).verdict, Verdict::Inconclusive);
    assert_eq!(judged(30.0, 0.05).verdict, Verdict::Regressed);
    assert_eq!(judged(20.0, 0.3).verdict, Verdict::Pass);
    assert!(only(&judged(20.0, 0.05)).reasons[0].contains("one run a side"));
}

/// What is plain between one run a side stays so when a side has a second: two runs tell hardly more of their noise by
/// their scatter, and what is assumed of it does not go away.
#[test]
fn a_second_run_loses_nothing() {
    let side = |first: usize, values: &[f64]| {
        let mut table = runs_from(first, values);
        table.runs.iter_mut().for_each(|run| {
            run.errors_within.insert(Figure::of_all("p50"), 0.01);
        });
        table
    };
    let noise = [1.02, 0.97, 1.03];
    for level in [1.6, 2.37] {
        let of = |runs: usize, level: f64| {
            noise[..runs].iter().map(|noise| 20.0 * noise * level).collect::<Vec<_>>()
        };
        for (base, candidate) in [(1, 1), (2, 1), (1, 2), (2, 2), (3, 1), (2, 3), (3, 3)] {
            let (base, candidate) = (side(0, &of(base, 1.0)), side(base, &of(candidate, level)));
            let comparison = judge(&base, &candidate, &Options::default());
            assert_eq!(comparison.verdict, Verdict::Regressed, "{comparison:#?}");
        }
    }
    let two = judge(&side(0, &[20.0, 20.4]), &side(2, &[20.1]), &Options::default());
    assert_eq!(two.verdict, Verdict::Inconclusive);
    assert!(only(&two).reasons[0].contains("so few runs hardly tell the noise"), "{two:#?}");
    // Without the noise within the runs nothing is assumed, and that is the reason.
    let bare = judge(&runs_from(0, &[20.0, 22.0]), &runs_from(2, &[30.0]), &Options::default());
    assert_eq!(bare.verdict, Verdict::Inconclusive);
    assert!(only(&bare).reasons.join("; ").contains("makes the interval wide"), "{bare:#?}");
}

/// What a comparison says it could have seen is seen in about 80 % of cases; noise from fixed quantiles of the normal.
#[test]
fn the_detectable_change_is_detected() {
    let mut normal = normal(1);
    let mut draw = |level: f64| (0..10).map(|_| level * (1.0 + 0.02 * normal())).collect::<Vec<f64>>();
    let options = Options { tolerance: 0.02, ..Options::default() };
    let claims: Vec<f64> = (0..50)
        .map(|_| {
            only(&judge(&runs("p50", &draw(5.0)), &runs("p50", &draw(5.0)), &options))
                .min_detectable_change
                .unwrap()
        })
        .collect();
    let claim = claims.iter().sum::<f64>() / 50.0;
    let found = (0..200).filter(|_| {
        let candidate = runs("p50", &draw(5.0 * (1.0 + claim)));
        judge(&runs("p50", &draw(5.0)), &candidate, &options).verdict == Verdict::Regressed
    });
    let found = found.count();
    assert!((135..=180).contains(&found), "{found} of 200 at {claim}");
}

#[test]
fn what_cannot_be_asked_is_said() {
    let base = table("host,p50_ms\nweb1,5\nweb2,5.1\n");
    let ask = |options: Options| {
        compare(Groups { base: &base, candidate: &base, history: None }, &options).unwrap_err()
    };
    assert!(ask(Options { tolerance: -0.1, ..Options::default() }).to_string().contains("tolerance"));
    assert!(ask(Options { confidence: 1.0, ..Options::default() }).to_string().contains("confidence"));
    assert!(
        ask(Options { metrics: vec!["p99".into()], ..Options::default() })
            .to_string()
            .contains("there are p50_ms")
    );
    assert_eq!(
        ask(Options { metrics: vec!["host".into()], ..Options::default() }),
        CompareError::Label("host".into())
    );
    let empty = RunTable::default();
    let none = compare(Groups { base: &base, candidate: &empty, history: None }, &Options::default());
    assert_eq!(none, Err(CompareError::NoRuns("candidate")));
}

/// Of figures without noise the rounding is the noise, and runs do not help against it.
#[test]
fn rounded_figures_ask_for_digits_and_not_for_runs() {
    let side = |value: &str| table(&format!("p50_ms\n{}", format!("{value}\n").repeat(6)));
    let comparison = judge(&side("5"), &side("6"), &Options::default());
    let metric = only(&comparison);
    assert_eq!((metric.verdict, metric.more_runs_needed), (Verdict::Inconclusive, None));
    assert!(metric.reasons.join("; ").contains("more digits"), "{:?}", metric.reasons);
    assert_eq!(judge(&side("5.01"), &side("6.01"), &Options::default()).verdict, Verdict::Regressed);
}

#[test]
fn a_figure_in_two_units_is_told() {
    let (base, candidate) = (runs("p99_s", &around(0.02)), runs("p99_ms", &around(20.0)));
    let comparison = judge(&base, &candidate, &Options { metrics: vec!["p99".into()], ..Options::default() });
    assert_eq!(comparison.verdict, Verdict::Inconclusive);
    let reasons = comparison.metrics[0].reasons.join("; ");
    assert!(reasons.contains("it has `p99_ms`, the other side `p99_s`"), "{reasons}");
}

/// A base without errors has no share that could be tolerated, whatever the tolerance asked for.
#[test]
fn a_base_of_zero_is_told() {
    let (none, some) = (runs("errors", &[0.0; 5]), runs("errors", &[0.0, 0.0, 1.0, 0.0, 0.0]));
    let comparison = judge(&none, &some, &Options::default());
    let reasons = only(&comparison).reasons.join("; ");
    assert_eq!(comparison.verdict, Verdict::Inconclusive);
    assert!(reasons.contains("the base is 0") && !reasons.contains("tolerance of 0"), "{reasons}");
}

/// One run a side tells by how much the two differ, and no more.
#[test]
fn one_run_a_side_has_a_change_without_an_interval() {
    let comparison = judge(&runs("p50", &[20.0]), &runs("p50", &[26.0]), &Options::default());
    let metric = only(&comparison);
    assert!((metric.change.unwrap() - 0.3).abs() < 1e-12 && metric.low.is_none() && metric.high.is_none());
    assert_eq!(metric.verdict, Verdict::Inconclusive);
}

/// Runs made one after the other, from a time on.
fn runs_from(start: usize, values: &[f64]) -> RunTable {
    let mut table = runs("p50", values);
    table.runs.iter_mut().enumerate().for_each(|(at, run)| run.time_s = Some(60.0 * (start + at) as f64));
    table
}

/// A machine that gets steadily slower makes no step between the runs before and those after; a step beyond that is
/// seen, and what would tell more is said.
#[test]
fn a_ramp_is_no_step() {
    let mut normal = normal(3);
    for slope in [0.005, 0.01, -0.02] {
        let mut judged = |step: f64| {
            let values: Vec<f64> = (0..20)
                .map(|at| (slope * at as f64 + step * f64::from(at / 10) + 0.005 * normal()).exp())
                .collect();
            let options = Options { tolerance: 0.0, ..Options::default() };
            let comparison = judge(&runs_from(0, &values[..10]), &runs_from(10, &values[10..]), &options);
            only(&comparison).clone()
        };
        let wrong = (0..200).map(|_| judged(0.0)).filter(|metric| metric.verdict != Verdict::Inconclusive);
        // 5 % of 200 are 10 ± 3.1.
        let wrong = wrong.count();
        assert!(wrong <= 16, "{wrong} of 200 at {slope}");
        let metric = judged(0.1);
        assert_eq!(metric.verdict, Verdict::Regressed, "{metric:?}");
        assert!(metric.low <= Some(0.105) && metric.high >= Some(0.105), "{metric:?}");
        assert!(metric.reasons.join("; ").contains("interleave"), "{metric:?}");
    }
}

/// Earlier runs, a night apart, that got slower night by night say nothing of a trend among runs minutes apart.
#[test]
fn a_trend_of_earlier_runs_is_none_of_the_sides() {
    let mut normal = normal(5);
    let judged = |step: f64, normal: &mut dyn FnMut() -> f64| {
        let nights: Vec<f64> = (0..40).map(|at| (0.003 * f64::from(at) + 0.01 * normal()).exp()).collect();
        let mut side =
            |level: f64| (0..10).map(|_| (0.12 + level + 0.01 * normal()).exp()).collect::<Vec<f64>>();
        let (base, candidate) = (runs_from(40, &side(0.0)), runs_from(50, &side(step)));
        let groups = Groups { base: &base, candidate: &candidate, history: Some(&runs_from(0, &nights)) };
        compare(groups, &Options { tolerance: 0.0, ..Options::default() }).unwrap().verdict
    };
    let wrong = (0..100).filter(|_| judged(0.0, &mut normal) != Verdict::Inconclusive).count();
    // 5 % of 100 are 5 ± 2.2.
    assert!(wrong <= 9, "{wrong} of 100");
    let found = (0..100).filter(|_| judged(0.07, &mut normal) == Verdict::Regressed).count();
    assert!(found >= 90, "{found} of 100");
}

/// Figures that do not change at all do not drift either, nor do rounded ones, whatever the order.
#[test]
fn what_stands_still_does_not_drift() {
    let interleaved = |values: [f64; 2], first: usize| {
        let mut table = runs_from(first, &[values[0]; 6]);
        table.runs.iter_mut().enumerate().for_each(|(at, run)| run.time_s = Some((2 * at + first) as f64));
        table.runs[3].values.values_mut().for_each(|value| *value = values[1]);
        table
    };
    for values in [[20.0, 20.0], [0.045, 0.046]] {
        let (base, candidate) = (interleaved(values, 0), interleaved(values, 1));
        for (base, candidate) in [(&base, &candidate), (&runs("p50", &[20.0; 6]), &runs("p50", &[20.0; 6]))] {
            let comparison = judge(base, candidate, &Options::default());
            let reasons = only(&comparison).reasons.join("; ");
            assert!(!reasons.contains("drift"), "{reasons}");
        }
    }
}

/// Intervals of few normal runs hold the truth as often as they say: the groups that chance makes are none.
/// A candidate whose runs scatter by 10 % beside a base of .2 %: its mean is known to some 3 %, whatever the base says.
#[test]
fn each_side_counts_by_its_own_scatter() {
    let base: Vec<f64> = (0..10).map(|at| 100.0 + 0.2 * f64::from(at % 3 - 1)).collect();
    let candidate = [114.0, 90.0, 101.0, 96.0, 85.0, 103.0, 99.0, 91.0, 104.0, 117.0];
    let found = judge(&runs("p99_ms", &base), &runs("p99_ms", &candidate), &Options::default());
    let metric = only(&found);
    assert_eq!(metric.verdict, Verdict::Inconclusive, "{metric:?}");
    // By Welch: ±2.26 · 10.3 / √10.
    let (low, high) = (metric.low.unwrap(), metric.high.unwrap());
    assert!(low < -0.05 && high > 0.05 && high - low < 0.2, "{metric:?}");
    assert!(metric.reasons.iter().any(|reason| reason.contains("own scatter")), "{metric:?}");
    assert!(metric.reasons.iter().all(|reason| !reason.contains("stand apart")), "{metric:?}");
}

/// A dead service has no response time and no throughput: that is no pass.
#[test]
fn what_measured_nothing_is_no_pass() {
    for (name, base, candidate) in [("throughput", 0.0, 0.0), ("p99_ms", 0.0, 0.0), ("p99_ms", 50.0, 0.0)] {
        let found = judge(&runs(name, &[base; 6]), &runs(name, &[candidate; 6]), &Options::default());
        assert_eq!(found.verdict, Verdict::Inconclusive, "{name}: {found:?}");
        assert!(found.metrics[0].reasons[0].contains("measure"), "{found:?}");
    }
}

#[test]
fn intervals_of_few_runs_hold_the_truth() {
    let mut normal = normal(11);
    for (base, candidate) in [(3, 3), (4, 4), (5, 5), (1, 6), (2, 8)] {
        let mut draw =
            |count: usize| (0..count).map(|_| 10.0 * (1.0 + 0.02 * normal())).collect::<Vec<f64>>();
        let held = (0..600).filter(|_| {
            let comparison =
                judge(&runs("p50", &draw(base)), &runs("p50", &draw(candidate)), &Options::default());
            only(&comparison).low <= Some(0.0) && only(&comparison).high >= Some(0.0)
        });
        let held = held.count();
        // 570 ± 5.3.
        assert!((552..=588).contains(&held), "{held} of 600 for {base} and {candidate} runs");
    }
}

/// Half of the candidate's runs are slower by 10 %, however often it is run.
#[test]
fn a_candidate_of_two_kinds_has_regressed() {
    let mut normal = normal(31);
    let mut side = |n: usize, slower: f64| -> Vec<f64> {
        (0..n).map(|at| 20.0 * if at % 2 == 0 { slower } else { 1.0 } * (0.005 * normal()).exp()).collect()
    };
    for n in [30, 100] {
        let (base, slow) = (side(n, 1.0), side(n, 1.1));
        let comparison = judge(&runs("p99_ms", &base), &runs("p99_ms", &slow), &Options::default());
        let metric = only(&comparison);
        assert_eq!(metric.verdict, Verdict::Regressed, "{metric:#?}");
        let seen = format!("{} of {n} runs of the candidate are worse by +", n / 2);
        let reasons = metric.reasons.join("; ");
        assert!(reasons.contains(&seen) && !reasons.contains("more runs"), "{reasons}");
        assert_eq!(metric.more_runs_needed, None);
        let (low, high) = (metric.low.unwrap(), metric.high.unwrap());
        // Half of the runs at ln 1.1: the mean of the logarithms is half of it.
        let mean = 1.1f64.sqrt() - 1.0;
        assert!(low <= mean && mean <= high && high - low < 0.05, "{low} {high}");
        let of_means = metric.candidate.unwrap() / metric.base.unwrap() - 1.0;
        assert!((metric.change.unwrap() - of_means).abs() < 1e-9);
        // Both sides have both kinds: that is no change.
        let other = side(n, 1.1);
        let alike = judge(&runs("p99_ms", &other), &runs("p99_ms", &slow), &Options::default());
        assert_eq!(only(&alike).verdict, Verdict::Pass, "{alike:#?}");
    }
    // Noise that blurs the two kinds leaves no groups: what is seen is said.
    let mut loud = |slower: f64| -> Vec<f64> {
        let level = |at: usize| if at.is_multiple_of(2) { slower } else { 1.0 };
        side(100, 1.0).iter().enumerate().map(|(at, v)| 20.0 * (v / 20.0).powi(4) * level(at)).collect()
    };
    let blurred = judge(&runs("p99_ms", &loud(1.0)), &runs("p99_ms", &loud(1.1)), &Options::default());
    let reasons = only(&blurred).reasons.join("; ");
    assert!(reasons.contains("worse than the base's median by more than the tolerance"), "{reasons}");
    assert!(!reasons.contains("  "), "{reasons}");
    let (base, fast) = (side(60, 1.0), side(60, 0.8));
    let better = judge(&runs("p99_ms", &base), &runs("p99_ms", &fast), &Options::default());
    assert_ne!(only(&better).verdict, Verdict::Regressed, "{better:#?}");
    let fewer =
        judge(&runs("throughput_per_s", &base), &runs("throughput_per_s", &fast), &Options::default());
    assert_eq!(only(&fewer).verdict, Verdict::Regressed, "{fewer:#?}");
}

/// A plan that sets the rate gives the same throughput in every run.
#[test]
fn the_same_value_everywhere_is_no_change() {
    let side =
        |value: &str, runs: usize| table(&format!("throughput_per_s\n{}", format!("{value}\n").repeat(runs)));
    let judged = |value: &str, tolerance: f64| {
        let options = Options { tolerance, ..Options::default() };
        let comparison = judge(&side(value, 6), &side(value, 6), &options);
        let metric = only(&comparison).clone();
        assert_eq!(metric.change, Some(0.0));
        (metric.verdict, metric.reasons.join("; "))
    };
    assert_eq!(judged("50", 0.05), (Verdict::Pass, String::new()));
    let (verdict, reasons) = judged("50", 0.0);
    assert!(verdict == Verdict::Inconclusive && reasons.contains("no difference of exactly 0"), "{reasons}");
    // 5 may be 4.5 or 5.5: that says nothing of 5 %.
    let (verdict, reasons) = judged("5", 0.05);
    assert!(verdict == Verdict::Inconclusive && reasons.contains("a step of 20.0 %"), "{reasons}");
}

/// A percentile out of a histogram lies on the edges of its buckets, 16 µs apart here.
#[test]
fn neighbouring_buckets_are_no_groups() {
    let bucket = |at: usize| 21.119 + 0.016 * at as f64;
    for shares in [[3, 17], [10, 10], [16, 4]] {
        let side = |low: usize, edge: usize| -> Vec<f64> {
            (0..20).map(|at| bucket(edge + usize::from((at * 7) % 20 >= low))).collect()
        };
        for edges in [0, 1] {
            let (base, candidate) = (side(shares[0], 0), side(shares[1], edges));
            let comparison = judge(&runs("p50_ms", &base), &runs("p50_ms", &candidate), &Options::default());
            let metric = only(&comparison);
            assert_eq!(metric.verdict, Verdict::Pass, "{metric:#?}");
            assert!(!metric.reasons.join("; ").contains("groups"), "{metric:#?}");
            let width = (metric.high.unwrap() - metric.low.unwrap()) * 21.1;
            assert!(width >= 0.016, "{width} is finer than a bucket");
        }
    }
}

/// Earlier runs count where they have the metric, and their level is none of the base's.
#[test]
fn what_a_history_tells_is_said() {
    let options = Options::default();
    let judged = |history: &RunTable| {
        let (base, candidate) = (runs("p50_ms", &around(20.0)), runs("p50_ms", &around(20.1)));
        compare(Groups { base: &base, candidate: &candidate, history: Some(history) }, &options).unwrap()
    };
    let other = judged(&runs("p99_ms", &around(40.0)));
    assert_eq!(other.history_runs, 0);
    assert!(only(&other).reasons.join("; ").contains("no run of the history has this metric"), "{other:#?}");
    let far = judged(&runs("p50_ms", &around(16.0)));
    assert!(
        only(&far).reasons.join("; ").contains("another level than the base, which is +25.0 %"),
        "{far:#?}"
    );
    assert_eq!(far.history_runs, 10);
    assert!(!only(&judged(&runs("p50_ms", &around(20.0)))).reasons.join("; ").contains("level"));
}

/// A single verdict for all of it when a side has nothing.
#[test]
fn a_side_without_valid_runs_makes_all_invalid() {
    let mut candidate = runs("p50_ms", &around(20.0));
    candidate.runs.iter_mut().for_each(|run| run.invalid = Some("the generator was late".into()));
    let comparison = judge(&runs("p50_ms", &around(20.0)), &candidate, &Options::default());
    assert_eq!((comparison.verdict, only(&comparison).verdict), (Verdict::Invalid, Verdict::Invalid));
}

/// No error in 30 requests leaves room for a rate of `−ln(.025) / 30` = 12 %.
#[test]
fn requests_in_a_column_count() {
    let side =
        |requests: u32| table(&format!("error_rate,requests\n{}", format!("0,{requests}\n").repeat(3)));
    let judged = |requests: u32| {
        let asked = Options { metrics: vec!["error_rate".into()], ..Options::default() };
        only(&judge(&side(requests), &side(requests), &asked)).clone()
    };
    let few = judged(10);
    assert_eq!(few.verdict, Verdict::Inconclusive);
    assert!((few.difference_interval.unwrap()[1] - 0.025f64.ln() / -30.0).abs() < 1e-9, "{few:#?}");
    assert_eq!(judged(1000).verdict, Verdict::Pass);
}

/// Two of ten runs are slow, and five of ten: equal within each kind, which is not to be equal.
#[test]
fn more_runs_of_the_slow_kind_are_no_pass() {
    let mixed = |slow: usize| -> Vec<f64> {
        let each = NOISE.iter().enumerate();
        each.map(|(at, noise)| 20.0 * noise.powf(0.2) * if at < slow { 1.3 } else { 1.0 }).collect()
    };
    let judged = |base: usize, candidate: usize| {
        let all =
            judge(&runs("p50_ms", &mixed(base)), &runs("p50_ms", &mixed(candidate)), &Options::default());
        only(&all).clone()
    };
    let more = judged(2, 5);
    assert_eq!(more.verdict, Verdict::Inconclusive, "{more:#?}");
    assert!(more.reasons.join("; ").contains("shares of the groups differ"), "{more:#?}");
    assert_eq!(judged(4, 4).verdict, Verdict::Pass);
}

/// Of candidates whose errors come at the rate that is said to be found, some four of five are.
#[test]
fn errors_of_the_size_told_are_found() {
    let mut uniform = uniform(5);
    let side = |errors: &[u32]| {
        let rows = errors.iter().map(|errors| format!("{},1000\n", f64::from(*errors) / 1000.0));
        table(&format!("error_rate,requests\n{}", rows.collect::<String>()))
    };
    let asked = Options { metrics: vec!["error_rate".into()], ..Options::default() };
    for runs in [5, 12] {
        let none = side(&vec![0; runs]);
        let told = only(&judge(&none, &none, &asked)).min_detectable_difference.unwrap();
        let found = (0..200).filter(|_| {
            let of_run = |_| (0..1000).filter(|_| uniform() < told).count() as u32;
            let errors: Vec<u32> = (0..runs).map(of_run).collect();
            judge(&none, &side(&errors), &asked).verdict == Verdict::Regressed
        });
        let found = found.count();
        assert!((120..=190).contains(&found), "{found} of 200 with {runs} runs at {told}");
    }
}

/// The same figure in two units goes by its columns' names, so that no two rows are called alike.
#[test]
fn a_figure_in_two_units_keeps_its_names() {
    let side = table("p50_ms,p50_us,p99_ms\n5,5000,9\n5.1,5100,9.1\n5.2,5200,9\n");
    let names: Vec<String> =
        judge(&side, &side, &Options::default()).metrics.into_iter().map(|metric| metric.metric).collect();
    assert_eq!(names, ["p50_ms", "p50_us", "p99"]);
}

/// Two runs do not tell how noisy they are, beside ten that do; as many as that do.
#[test]
fn a_side_that_borrows_its_noise_says_so() {
    let values: Vec<f64> = NOISE.iter().map(|noise| 20.0 * noise).collect();
    let told = |of_candidate: usize| {
        let candidate = runs("p50_ms", &values[..of_candidate]);
        only(&judge(&runs("p50_ms", &values), &candidate, &Options::default())).reasons.join("; ")
    };
    assert!(told(2).contains("2 runs of the candidate cannot tell how noisy they are"), "{}", told(2));
    assert!(!told(values.len()).contains("how noisy"), "{}", told(values.len()));
}

/// Nearly half of the candidate's runs take three times as long, too few to rule chance out; the others are quicker. That is
/// no improvement.
#[test]
fn what_is_worse_over_all_runs_is_no_improvement() {
    let base = runs("p50_ms", &[20.1, 19.8, 20.3, 20.0, 19.9, 20.2, 20.4, 19.7]);
    let candidate = [60.1, 61.0, 60.5, 62.0, 61.2, 18.3, 18.5, 18.2, 18.4, 18.6, 18.3];
    let comparison = judge(&base, &runs("p50_ms", &candidate), &Options::default());
    assert_eq!(comparison.verdict, Verdict::Inconclusive, "{:#?}", only(&comparison));
}

/// A history six times as quiet as the runs tells nothing of their noise: intervals hold as often as without it.
#[test]
fn a_history_from_quieter_times_is_left_out() {
    let mut normal = normal(77);
    let mut side = |count: usize, noise: f64| {
        runs("p50_ms", &(0..count).map(|_| 20.0 * (noise * normal()).exp()).collect::<Vec<f64>>())
    };
    let (mut missed, mut told) = (0, 0);
    for _ in 0..200 {
        let (history, base, candidate) = (side(30, 0.005), side(6, 0.03), side(6, 0.03));
        let groups = Groups { base: &base, candidate: &candidate, history: Some(&history) };
        let comparison = compare(groups, &Options::default()).unwrap();
        let metric = only(&comparison);
        missed += usize::from(metric.low.unwrap() > 0.0 || metric.high.unwrap() < 0.0);
        told += usize::from(metric.reasons.join("; ").contains("scatter more than the history"));
    }
    // 10 expected, with a standard error of 3; 82 with the history.
    assert!(missed <= 20 && told > 190, "{missed} missed, told {told} times");
}

/// Two runs that differ by far more than the base's do are not as noisy as those.
#[test]
fn a_noisy_candidate_of_two_runs_is_no_regression() {
    let values: Vec<f64> = NOISE.iter().map(|noise| 20.0 * noise).collect();
    let comparison = judge(&runs("p50_ms", &values), &runs("p50_ms", &[20.9, 23.1]), &Options::default());
    assert_eq!(comparison.verdict, Verdict::Inconclusive, "{:#?}", only(&comparison));
}

/// Runs of both sides at the same times on a steady trend: who came first is not known, and is no change.
#[test]
fn a_trend_is_no_change_between_runs_of_one_time() {
    let side = |level: f64| {
        let row = |at: usize| format!("{at},{}\n", level * (1.0 + 0.01 * at as f64) * NOISE[at].powf(0.1));
        table(&format!("time,p50_ms\n{}", (0..10).map(row).collect::<String>()))
    };
    let judged = only(&judge(&side(20.0), &side(20.0), &Options::default())).clone();
    assert!(judged.low.unwrap() <= 0.0 && judged.high.unwrap() >= 0.0, "{judged:#?}");
    assert!(judged.change.unwrap().abs() < 0.001, "{judged:#?}");
}
