//! Holds comparisons and change points against recorded noise: false alarms, power, coverage.
//!
//! `LOADLINE_DATA=folder cargo run --release -p loadline-analysis --example evaluate_compare [even|odd|changes]` reads
//! `benchmark_noise_azure.csv` (TUNA, EuroSys 2025; CC BY 4.0) and `benchmark_history_real.csv` (nyrkio, Apache-2.0)
//! from the folder. `even` and `odd` take every other series, so that a choice made on one half can be checked on the
//! other; `changes` leaves the comparisons out. Every change in the noise is false; for power the candidate's runs are multiplied.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use loadline_analysis::changes::changes;
use loadline_analysis::compare::{Groups, Options, compare};
use loadline_model::comparison::{MetricComparison, Verdict};
use loadline_model::run_table::{Figure, RunFigures, RunTable};

/// A recorded series: values, and the commit of each where known.
#[derive(Default, Clone)]
struct Series {
    name: String,
    values: Vec<f64>,
    commits: Vec<String>,
}

fn read(path: &Path) -> Result<Vec<Series>, Box<dyn Error>> {
    let mut all: BTreeMap<String, Series> = BTreeMap::new();
    for line in fs::read_to_string(path)?.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let series = all.entry(cells[0].into()).or_default();
        series.name = cells[0].into();
        series.values.push(cells[2].parse()?);
        series.commits.extend(cells.get(3).map(|commit| (*commit).to_owned()));
    }
    Ok(all.into_values().collect())
}

/// A table of runs made one after the other from `start` on.
fn table(values: impl Iterator<Item = (usize, f64)>, timed: bool) -> RunTable {
    let figure = Figure::of_all("value");
    let run = |(time, value): (usize, f64)| RunFigures {
        run: time.to_string(),
        time_s: timed.then_some(time as f64),
        values: [(figure.clone(), value)].into(),
        ..RunFigures::default()
    };
    let runs = values.map(run).collect();
    RunTable { figures: vec![figure], labels: Vec::new(), runs }
}

/// How a comparison is laid out in time.
#[derive(Clone, Copy)]
struct Layout {
    runs: usize,
    history: usize,
    timed: bool,
    /// Whether the run at a place is of the candidate.
    candidate: fn(usize, usize) -> bool,
}

impl Layout {
    fn judge(&self, window: &[f64], factor: f64, tolerance: f64) -> MetricComparison {
        let (earlier, rest) = window.split_at(self.history);
        let side = |wanted: bool| {
            let at =
                rest.iter().enumerate().filter(move |(at, _)| (self.candidate)(*at, self.runs) == wanted);
            at.map(move |(at, value)| (self.history + at, if wanted { value * factor } else { *value }))
        };
        let (base, candidate) = (table(side(false), self.timed), table(side(true), self.timed));
        let history = table(earlier.iter().copied().enumerate(), self.timed);
        let history = (self.history > 0).then_some(&history);
        let options = Options { tolerance, ..Options::default() };
        compare(Groups { base: &base, candidate: &candidate, history }, &options)
            .expect("runs")
            .metrics
            .remove(0)
    }
}

fn alternate(at: usize, _: usize) -> bool {
    at % 2 == 1
}

fn mirrored(at: usize, _: usize) -> bool {
    matches!(at % 4, 1 | 2)
}

fn after(at: usize, runs: usize) -> bool {
    at >= runs
}

fn before(at: usize, runs: usize) -> bool {
    at < runs
}

fn share(hits: usize, of: usize) -> f64 {
    hits as f64 / of.max(1) as f64
}

fn comparisons(name: &str, series: &[&Series], layout: Layout) {
    let (mut alarms, mut found, mut covered, mut passed, mut count) = (0, 0, 0, 0, 0);
    let window = 2 * layout.runs + layout.history;
    for series in series {
        for window in series.values.windows(window).step_by(2 * layout.runs) {
            let decided =
                |metric: &MetricComparison| matches!(metric.verdict, Verdict::Regressed | Verdict::Improved);
            let same = layout.judge(window, 1.0, 0.0);
            let slower = layout.judge(window, 1.05, 0.0);
            count += 1;
            alarms += usize::from(decided(&same));
            found += usize::from(decided(&slower));
            covered += usize::from(slower.low <= Some(0.05) && slower.high >= Some(0.05));
            passed += usize::from(layout.judge(window, 1.10, 0.05).verdict == Verdict::Pass);
            passed += usize::from(layout.judge(window, 0.90, 0.05).verdict == Verdict::Pass);
        }
    }
    println!(
        "{name:44} false {:.3}  power {:.3}  coverage {:.3}  false pass {:.4}  ({count})",
        share(alarms, count),
        share(found, count),
        share(covered, count),
        share(passed, 2 * count),
    );
}

/// A level that moves in a way that is no step, from one run to the next.
type Drift = fn(usize, &mut dyn FnMut() -> f64, f64) -> f64;

const DRIFTS: [(&str, Drift); 9] = [
    ("none", |_, _, _| 0.0),
    ("ramp of .2 % a run", |_, _, level| level + 0.002),
    ("ramp of .5 % a run", |_, _, level| level + 0.005),
    ("ramp of 1 % a run", |_, _, level| level + 0.01),
    ("ramp of -2 % a run", |_, _, level| level - 0.02),
    ("walk of .3 % a run", |_, normal, level| level + 0.003 * normal()),
    ("walk of 1 % a run", |_, normal, level| level + 0.01 * normal()),
    ("wave of 20 runs, 1 %", |at, _, _| 0.01 * (at as f64 * std::f64::consts::TAU / 20.0).sin()),
    ("wave of 60 runs, 3 %", |at, _, _| 0.03 * (at as f64 * std::f64::consts::TAU / 60.0 + 1.0).sin()),
];

/// Comparisons of runs whose level drifts, with white noise of a half per cent on top.
fn drifts(layout: Layout) {
    for (name, drift) in DRIFTS {
        let mut normal = normal(11);
        let one = |_| Series {
            values: drifting(40 + layout.history + 2 * layout.runs, drift, &mut normal),
            ..Series::default()
        };
        let series: Vec<Series> = (0..200).map(one).collect();
        comparisons(&format!("  {name}"), &series.iter().collect::<Vec<_>>(), layout);
    }
}

fn drifting(runs: usize, drift: Drift, normal: &mut impl FnMut() -> f64) -> Vec<f64> {
    let mut level = 0.0;
    let step = |at| {
        level = drift(at, normal, level);
        (level + 0.005 * normal()).exp()
    };
    (0..runs).map(step).collect()
}

/// A run or a few a side, the candidate's after the base's, that know their own noise of one per cent.
fn few_runs() {
    for noise in [0.02, 0.05, 0.1] {
        for (base, candidate) in [(1, 1), (2, 1), (1, 2), (2, 2), (2, 3), (3, 3)] {
            let mut normal = normal(17);
            let mut judged = |level: f64, tolerance| {
                let mut side = |runs: usize, start: usize, level: f64| {
                    let mut table =
                        table((0..runs).map(|at| (start + at, level * (noise * normal()).exp())), true);
                    table.runs.iter_mut().for_each(|run| {
                        run.errors_within.insert(Figure::of_all("value"), 0.01);
                    });
                    table
                };
                let (base, candidate) = (side(base, 0, 1.0), side(candidate, base, level));
                let options = Options { tolerance, ..Options::default() };
                compare(Groups { base: &base, candidate: &candidate, history: None }, &options)
                    .expect("runs")
                    .verdict
            };
            let alarms = (0..2000).filter(|_| judged(1.0, 0.0) != Verdict::Inconclusive).count();
            let found = (0..2000).filter(|_| judged(1.6, 0.05) == Verdict::Regressed).count();
            let (alarms, found) = (share(alarms, 2000), share(found, 2000));
            println!(
                "  noise {noise:.2}, {base} and {candidate} runs: false {alarms:.3}  +60 % found {found:.3}"
            );
        }
    }
}

/// Sides whose noise differs, without a step and with one of twice the tolerance.
fn unequal_noise() {
    for (runs, noise) in [
        ((10, 10), (0.002, 0.05)),
        ((10, 10), (0.01, 0.03)),
        ((20, 20), (0.01, 0.03)),
        ((30, 5), (0.01, 0.05)),
        ((5, 30), (0.08, 0.01)),
        ((30, 3), (0.01, 0.08)),
    ] {
        let mut normal = normal(29);
        let mut judged = |level: f64, tolerance| {
            let mut side = |count: usize, level: f64, noise: f64| {
                table((0..count).map(|at| (at, level * (noise * normal()).exp())), false)
            };
            let (base, candidate) = (side(runs.0, 1.0, noise.0), side(runs.1, level, noise.1));
            let options = Options { tolerance, ..Options::default() };
            compare(Groups { base: &base, candidate: &candidate, history: None }, &options).expect("runs")
        };
        let same: Vec<_> = (0..1000).map(|_| judged(1.0, 0.0)).collect();
        let alarms = same.iter().filter(|found| found.verdict != Verdict::Inconclusive).count();
        let covered = |found: &&loadline_model::comparison::Comparison| {
            let metric = &found.metrics[0];
            metric.low.is_some_and(|low| low <= 0.0) && metric.high.is_some_and(|high| high >= 0.0)
        };
        let covered = same.iter().filter(covered).count();
        let passed = (0..1000).filter(|_| judged(1.1, 0.05).verdict == Verdict::Pass).count();
        println!(
            "  {runs:?} runs, noise {noise:?}: false {:.3}  coverage {:.3}  false pass {:.3}",
            share(alarms, 1000),
            share(covered, 1000),
            share(passed, 1000)
        );
    }
}

fn history(values: &[f64], commits: &[String]) -> RunTable {
    let mut table = table(values.iter().copied().enumerate(), true);
    table.runs.iter_mut().zip(commits).for_each(|(run, commit)| run.commit = Some(commit.clone()));
    table
}

fn found_in(values: &[f64]) -> Vec<usize> {
    let document = changes(&history(values, &[]), &[], 0.95).expect("a history");
    document.changes.iter().map(|change| change.index).collect()
}

fn change_points(name: &str, histories: &[Vec<f64>]) {
    let false_alarms = histories.iter().filter(|values| !found_in(values).is_empty()).count();
    let place = |values: &[f64]| values.len() / 2;
    let found = histories.iter().filter(|values| {
        let at = place(values);
        let stepped: Vec<f64> = values
            .iter()
            .enumerate()
            .map(|(index, value)| if index < at { *value } else { value * 1.05 })
            .collect();
        found_in(&stepped).iter().any(|index| index.abs_diff(at) <= 10)
    });
    let found = found.count();
    let n = histories.len();
    println!("{name:44} false {:.3}  found {:.3}  ({n})", share(false_alarms, n), share(found, n));
}

/// Nearly normal numbers: the sum of twelve uniform ones less six.
fn normal(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    move || (0..12).map(|_| uniform()).sum::<f64>() - 6.0
}

fn simulated(count: usize, memory: f64, seed: u64) -> Vec<Vec<f64>> {
    let mut normal = normal(seed);
    let mut one = || {
        let mut state = normal() / (1.0 - memory * memory).sqrt();
        let step = |_| {
            state = memory * state + normal();
            (0.02 * state).exp()
        };
        (0..200).map(step).collect()
    };
    (0..count).map(|_| one()).collect()
}

fn commits(series: &[Series]) {
    let (mut alarms, mut inside, mut told) = (0, 0, 0);
    for series in series {
        let table = history(&series.values, &series.commits);
        let document = changes(&table, &[], 0.95).expect("a history");
        told += document.metrics[0].notes.iter().filter(|note| note.contains("within commit")).count();
        for change in &document.changes {
            alarms += 1;
            inside += usize::from(series.commits[change.index] == series.commits[change.index - 1]);
            println!(
                "    {} at {} {:?} {:+.3}",
                series.name,
                change.index,
                change.index_interval,
                change.change.unwrap_or(f64::NAN)
            );
        }
    }
    println!("commits: {alarms} changes, {inside} inside a commit; {told} shifts inside a commit told apart");
}

fn all_comparisons(long: &[&Series], short: &[&Series]) {
    println!("sides of unequal noise, no history");
    unequal_noise();
    println!("a run or a few a side, no history");
    few_runs();
    let plain = Layout { runs: 10, history: 0, timed: true, candidate: alternate };
    comparisons("one machine, interleaved ABAB", long, plain);
    comparisons("one machine, interleaved ABBA", long, Layout { candidate: mirrored, ..plain });
    comparisons("one machine, interleaved, no times", long, Layout { timed: false, ..plain });
    comparisons("one machine, interleaved, 20 runs", long, Layout { runs: 20, ..plain });
    let then = Layout { candidate: after, ..plain };
    comparisons("one machine, base then candidate", long, then);
    comparisons("one machine, base then candidate, no times", long, Layout { timed: false, ..then });
    comparisons("one machine, then, history of 64", long, Layout { history: 64, ..then });
    comparisons("one machine, then, history, no times", long, Layout { history: 64, timed: false, ..then });
    let untimed = Layout { history: 64, timed: false, ..plain };
    comparisons("one machine, interleaved, history, no times", long, untimed);
    comparisons("one run a side, history of 64", long, Layout { runs: 1, history: 64, ..then });
    comparisons("fresh machines, interleaved ABAB", short, plain);
    comparisons("fresh machines, interleaved ABBA", short, Layout { candidate: mirrored, ..plain });
    comparisons("fresh machines, interleaved, 20 runs", short, Layout { runs: 20, ..plain });
    comparisons("fresh machines, base then candidate", short, then);
    comparisons("fresh machines, then, history of 64", short, Layout { history: 64, ..then });
    println!("drift and no step, base then candidate");
    drifts(then);
    println!("drift and no step, base then candidate, history of 64");
    drifts(Layout { history: 64, ..then });
    println!("drift and no step, interleaved ABBA");
    drifts(Layout { candidate: mirrored, ..plain });
    println!(
        "drift and no step, history of 64, no times: base then candidate, candidate first, interleaved ABAB"
    );
    drifts(Layout { candidate: after, ..untimed });
    drifts(Layout { candidate: before, ..untimed });
    drifts(untimed);
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::var("LOADLINE_DATA").map_err(|_| "set LOADLINE_DATA to the folder of the data")?;
    let half = env::args().nth(1);
    let keep = |index: usize| match half.as_deref() {
        Some("even") => index.is_multiple_of(2),
        Some("odd") => !index.is_multiple_of(2),
        _ => true,
    };
    let noise: Vec<Series> = read(&Path::new(&folder).join("benchmark_noise_azure.csv"))?;
    let noise: Vec<&Series> =
        noise.iter().enumerate().filter(|(index, _)| keep(*index)).map(|(_, series)| series).collect();
    let of = |part: &'static str| noise.iter().copied().filter(move |series| series.name.contains(part));
    let (long, short): (Vec<&Series>, Vec<&Series>) = (of("|long|").collect(), of("|short|").collect());
    if half.as_deref() != Some("changes") {
        all_comparisons(&long, &short);
    }
    let cut = |series: Vec<&Series>| -> Vec<Vec<f64>> {
        series.iter().flat_map(|series| series.values.chunks_exact(200)).map(<[f64]>::to_vec).collect()
    };
    change_points("changes: independent", &simulated(200, 0.0, 1));
    change_points("changes: autocorrelation .5", &simulated(200, 0.5, 2));
    change_points(
        "changes: D8s, one machine",
        &cut(long.iter().copied().filter(|s| s.name.contains("|D8s_v5|")).collect()),
    );
    change_points(
        "changes: B8ms, one machine",
        &cut(long.iter().copied().filter(|s| s.name.contains("|B8ms|")).collect()),
    );
    change_points("changes: fresh machines", &cut(short.clone()));
    change_points("changes: all real machines", &cut(noise.clone()));
    commits(&read(&Path::new(&folder).join("benchmark_history_real.csv"))?);
    Ok(())
}
