//! How well a step shortly before the end of a history is told: how often it is reported as a change, how often the
//! intervals of its place and of its size hold it, and how often it is said that the last runs lie apart.
//!
//! `LOADLINE_DATA=folder cargo run --release -p loadline-analysis --example late_steps`: simulated noise, and with
//! the folder that of `benchmark_noise_azure.csv`, whose own steps count as misses.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use loadline_analysis::changes::changes;
use loadline_model::changes::Changes;
use loadline_model::run_table::{Figure, RunFigures, RunTable};

const LENGTHS: [usize; 2] = [20, 60];
const BEFORE_END: [usize; 6] = [1, 2, 3, 4, 6, 10];
const REPEATS: usize = 150;

fn found(values: &[f64]) -> Changes {
    let figure = Figure::of_all("value");
    let run = |value: &f64| RunFigures { values: [(figure.clone(), *value)].into(), ..RunFigures::default() };
    let runs = values.iter().map(run).collect();
    let table = RunTable { figures: vec![figure.clone()], labels: Vec::new(), runs };
    changes(&table, &[], 0.95).expect("a history")
}

/// What became of histories with a step.
#[derive(Default)]
struct Tally {
    count: usize,
    reported: usize,
    placed: usize,
    sized: usize,
    apart: usize,
}

impl Tally {
    /// Judges a history whose last `late` runs have been multiplied by `factor`.
    fn add(&mut self, noise: &[f64], late: usize, factor: f64) {
        let at = noise.len() - late;
        let each = noise.iter().enumerate();
        let values: Vec<f64> =
            each.map(|(place, value)| if place < at { *value } else { value * factor }).collect();
        let document = found(&values);
        self.count += 1;
        self.apart += usize::from(document.metrics[0].notes.iter().any(|note| note.contains("the last")));
        // Steps that the noise has by itself are not asked for.
        if let Some(change) = document.changes.last().filter(|change| change.index + 15 > noise.len()) {
            let [first, last] = change.index_interval;
            let size = factor - 1.0;
            self.reported += 1;
            self.placed += usize::from(first <= at && at <= last);
            self.sized += usize::from(change.interval.is_some_and(|[low, high]| low <= size && size <= high));
        }
    }

    fn print(&self, name: &str) {
        let of_reported = |hits: usize| {
            if self.reported < 20 {
                "  — ".into()
            } else {
                format!("{:.2}", hits as f64 / self.reported as f64)
            }
        };
        let share = |hits: usize| hits as f64 / self.count as f64;
        println!(
            "{name}: reported {:.2}  place held {}  size held {}  said to be apart {:.2}",
            share(self.reported),
            of_reported(self.placed),
            of_reported(self.sized),
            share(self.apart)
        );
    }
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

/// Noise of one per cent: what is remembered from run to run, and tails.
fn simulated(n: usize, memory: f64, is_heavy: bool, normal: &mut impl FnMut() -> f64) -> Vec<f64> {
    let mut state = normal() / (1.0 - memory * memory).sqrt();
    let mut step = |_| {
        // Student's t with four degrees of freedom, by its definition.
        let wild = if is_heavy { ((0..4).map(|_| normal().powi(2)).sum::<f64>() / 4.0).sqrt() } else { 1.0 };
        state = memory * state + normal() / wild;
        (0.01 * state).exp()
    };
    (0..n).map(&mut step).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    for (name, memory, is_heavy) in
        [("white", 0.0, false), ("autocorrelation .5", 0.5, false), ("heavy tails", 0.0, true)]
    {
        for n in LENGTHS {
            for size in [0.0, 0.03, 0.08, 0.3] {
                for late in BEFORE_END {
                    let mut normal = normal(7);
                    let mut tally = Tally::default();
                    (0..REPEATS).for_each(|_| {
                        tally.add(&simulated(n, memory, is_heavy, &mut normal), late, 1.0 + size);
                    });
                    tally.print(&format!("{name}, {n} runs, {:.0} %, {late:2} before the end", 100.0 * size));
                    if size == 0.0 {
                        break;
                    }
                }
            }
        }
    }
    let Ok(folder) = env::var("LOADLINE_DATA") else { return Ok(()) };
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in fs::read_to_string(Path::new(&folder).join("benchmark_noise_azure.csv"))?.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        all.entry(cells[0].into()).or_default().push(cells[2].parse()?);
    }
    for size in [0.0, 0.1, 0.5] {
        for late in BEFORE_END {
            let mut tally = Tally::default();
            for values in all.values() {
                values.chunks_exact(60).step_by(4).for_each(|noise| tally.add(noise, late, 1.0 + size));
            }
            tally.print(&format!(
                "real machines ({}), {:.0} %, {late:2} before the end",
                tally.count,
                100.0 * size
            ));
        }
    }
    Ok(())
}
