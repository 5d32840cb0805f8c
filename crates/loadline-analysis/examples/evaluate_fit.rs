//! Accuracy and coverage of predictions at 1.5 × the largest load, on simulated systems.
//!
//! `LOADLINE_DATA=… cargo run --release --example evaluate_fit [-v]`: the folder holds
//! `scalability/loadtest_steps.csv` (`system,users,rep,throughput`) and `loadtest_truth.json`.
//! `-- --simulate 600` makes fresh systems instead.

mod systems;

use std::collections::BTreeMap;
use std::time::Instant;

use loadline_analysis::saturation::{Model, Points, Request, fit};

struct Case {
    system: String,
    family: String,
    fraction: f64,
    error: f64,
    covered: bool,
    width: f64,
    ms: f64,
}

/// One system as it was measured, and the truth about it.
struct System {
    name: String,
    family: String,
    fraction: f64,
    points: Vec<(f64, f64)>,
    query: f64,
    truth: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let verbose = arguments.iter().any(|a| a == "-v");
    let simulated = arguments.iter().skip_while(|a| *a != "--simulate").nth(1);
    let systems = match simulated {
        Some(count) => simulated_systems(count.parse().expect("--simulate COUNT")),
        None => recorded_systems(
            &std::env::var("LOADLINE_DATA").expect("LOADLINE_DATA names the folder of the data"),
        ),
    };
    let cases: Vec<Case> = systems.iter().map(|system| evaluate(system, verbose)).collect();
    show("all", cases.iter());
    let mut families: Vec<_> = cases.iter().map(|c| c.family.clone()).collect();
    families.sort();
    families.dedup();
    for family in families {
        show(&family, cases.iter().filter(|c| c.family == family));
    }
    for fraction in [0.6, 1.0, 1.6, 2.5] {
        show(&format!("up to {fraction} N90"), cases.iter().filter(|c| c.fraction == fraction));
    }
    let odd = |c: &&Case| c.system.as_bytes().last().unwrap() % 2 == 1;
    show("odd half", cases.iter().filter(odd));
    show("even half", cases.iter().filter(|c| !odd(c)));
}

fn evaluate(system: &System, verbose: bool) -> Case {
    let start = Instant::now();
    let points = Points::new(&system.points).unwrap();
    let request = Request { model: Model::Auto, confidence: 0.95, at: vec![system.query] };
    let document = fit(&points, &request);
    let at = &document.predictions[0];
    let (low, high) = at.interval.unwrap();
    let ms = start.elapsed().as_secs_f64() * 1e3;
    let [low, error, high] =
        [low, at.throughput_per_s.unwrap(), high.unwrap_or(f64::INFINITY)].map(|x| x / system.truth - 1.0);
    let covered = low <= 0.0 && 0.0 <= high;
    if verbose && (error.abs() > 0.05 || !covered) {
        let weights: Vec<_> = document.weights.iter().map(|(f, w)| format!("{f} {w:.2}")).collect();
        let (levels, miss) = (points.levels().len(), if covered { "" } else { "MISS" });
        println!(
            "{} {} up to {} N90, {levels} levels, {} points: error {error:+.3} [{low:+.3} {high:+.3}] {miss} {}",
            system.name,
            system.family,
            system.fraction,
            points.count(),
            weights.join(" ")
        );
    }
    let (name, family, fraction) = (system.name.clone(), system.family.clone(), system.fraction);
    Case { system: name, family, fraction, error, covered, width: high - low, ms }
}

fn recorded_systems(folder: &str) -> Vec<System> {
    let steps = std::fs::read_to_string(format!("{folder}/scalability/loadtest_steps.csv")).unwrap();
    let truth = std::fs::read_to_string(format!("{folder}/scalability/loadtest_truth.json")).unwrap();
    let truth: Vec<serde_json::Value> = serde_json::from_str(&truth).unwrap();
    let mut measured: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for line in steps.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        measured.entry(fields[0]).or_default().push((fields[1].parse().unwrap(), fields[3].parse().unwrap()));
    }
    let system = |case: &serde_json::Value| System {
        name: case["system"].as_str().unwrap().into(),
        family: case["family"].as_str().unwrap().into(),
        fraction: case["frac_of_n90"].as_f64().unwrap(),
        points: measured[case["system"].as_str().unwrap()].clone(),
        query: case["n_query"].as_f64().unwrap(),
        truth: case["x_query"].as_f64().unwrap(),
    };
    truth.iter().map(system).collect()
}

/// Fresh systems of the same families with other parameters.
fn simulated_systems(count: usize) -> Vec<System> {
    let mut chance = systems::Chance::new(1);
    let system = |index| {
        let made = systems::simulated(index, false, &mut chance);
        let top = made.points.iter().map(|point| point.0).fold(0.0, f64::max);
        let query = (1.5 * top).round();
        System {
            name: format!("simulated_{index:04}"),
            family: made.family.into(),
            fraction: made.fraction,
            points: made.points,
            query,
            truth: (made.curve)(query as u32),
        }
    };
    (0..count).map(system).collect()
}

fn show<'a>(name: &str, cases: impl Iterator<Item = &'a Case>) {
    let cases: Vec<_> = cases.collect();
    let at = |values: Vec<f64>, q: f64| {
        let mut values = values;
        values.sort_by(f64::total_cmp);
        values[((values.len() - 1) as f64 * q).round() as usize]
    };
    let errors: Vec<f64> = cases.iter().map(|c| c.error.abs()).collect();
    println!(
        "{name:14} {:4}  error median {:.4} p90 {:.3}  coverage {:.3}  width median {:.3}  ms median {:.1} max {:.1}",
        cases.len(),
        at(errors.clone(), 0.5),
        at(errors, 0.9),
        cases.iter().filter(|c| c.covered).count() as f64 / cases.len() as f64,
        at(cases.iter().map(|c| c.width).collect(), 0.5),
        at(cases.iter().map(|c| c.ms).collect(), 0.5),
        at(cases.iter().map(|c| c.ms).collect(), 1.0),
    );
}
