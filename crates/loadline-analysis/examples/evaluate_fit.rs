//! Accuracy and coverage of predictions at 1.5 × the largest load, on simulated systems.
//!
//! `LOADLINE_DATA=… cargo run --release --example evaluate_fit [FILE…]`: the folder holds `scalability/loadtest_steps.csv`
//! (`system,users,rep,throughput`) and `loadtest_truth.json`.

use std::collections::BTreeMap;
use std::time::Instant;

use loadline_analysis::saturation::{Mixture, Points, family::Family};

struct Case {
    system: String,
    family: String,
    fraction: f64,
    error: f64,
    covered: bool,
    width: f64,
    ms: f64,
}

fn main() {
    let folder = std::env::var("LOADLINE_DATA").expect("LOADLINE_DATA names the folder of the data");
    let steps = std::fs::read_to_string(format!("{folder}/scalability/loadtest_steps.csv")).unwrap();
    let truth = std::fs::read_to_string(format!("{folder}/scalability/loadtest_truth.json")).unwrap();
    let truth: Vec<serde_json::Value> = serde_json::from_str(&truth).unwrap();
    let mut systems: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for line in steps.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        systems.entry(fields[0]).or_default().push((fields[1].parse().unwrap(), fields[3].parse().unwrap()));
    }
    let verbose = std::env::args().any(|a| a == "-v");
    let mut cases = Vec::new();
    for case in &truth {
        let name = case["system"].as_str().unwrap();
        let start = Instant::now();
        let points = Points::new(&systems[name]).unwrap();
        let mixture = Mixture::fit(&points, &Family::ALL);
        let query = case["n_query"].as_f64().unwrap();
        let q = &mixture.quantiles(&[query], &[0.025, 0.5, 0.975])[0];
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let x = case["x_query"].as_f64().unwrap();
        let error = q[1] / x - 1.0;
        let covered = q[0] <= x && x <= q[2];
        if verbose && (error.abs() > 0.05 || !covered) {
            let w: Vec<_> = mixture.weights().iter().map(|(f, w)| format!("{} {w:.2}", f.name())).collect();
            println!(
                "{name} {} f={} cv={} n={}/{} err {error:+.3} [{:.3} {:.3}] {} {} {ms:.0}ms  {}",
                case["family"].as_str().unwrap(),
                case["frac_of_n90"],
                case["cv"],
                points.levels().len(),
                points.count(),
                q[0] / x,
                q[2] / x,
                if covered { "" } else { "MISS" },
                mixture.size(),
                w.join(" ")
            );
        }
        cases.push(Case {
            system: name.into(),
            family: case["family"].as_str().unwrap().into(),
            fraction: case["frac_of_n90"].as_f64().unwrap(),
            error,
            covered,
            width: (q[2] - q[0]) / x,
            ms,
        });
    }
    show("all", cases.iter());
    let mut families: Vec<_> = cases.iter().map(|c| c.family.clone()).collect();
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
