//! How long one comparison of two groups of twenty runs takes, and the change points of a history of two hundred.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use loadline_analysis::changes::changes;
use loadline_analysis::compare::{Groups, Options, compare};
use loadline_model::run_table::{Figure, RunFigures, RunTable};

/// Runs with a time each, every `step`-th from `from` on, around a level.
fn table(count: usize, from: usize, step: usize, level: f64) -> RunTable {
    let figure = Figure::of_all("p99_ms");
    let run = |index: usize| {
        let time = from + index * step;
        let noise = (time * 7919 % 101) as f64 / 101.0 - 0.5;
        RunFigures {
            run: time.to_string(),
            time_s: Some(time as f64),
            values: [(figure.clone(), level * (1.0 + 0.03 * noise))].into(),
            ..RunFigures::default()
        }
    };
    RunTable { figures: vec![figure.clone()], labels: Vec::new(), runs: (0..count).map(run).collect() }
}

fn benches(criterion: &mut Criterion) {
    let (base, candidate) = (table(20, 0, 2, 10.0), table(20, 1, 2, 10.3));
    let groups = Groups { base: &base, candidate: &candidate, history: None };
    let options = Options::default();
    criterion.bench_function("compare 2 × 20 runs", |b| b.iter(|| compare(black_box(groups), &options)));
    let history = table(200, 0, 1, 10.0);
    criterion.bench_function("changes in 200 runs", |b| b.iter(|| changes(black_box(&history), &[], 0.95)));
}

criterion_group!(all, benches);
criterion_main!(all);
