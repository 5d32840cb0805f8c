//! How long one fit of all families with its intervals takes: twelve levels, three measurements each.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use loadline_analysis::queueing::closed;
use loadline_analysis::saturation::{Model, Points, Request, fit};

fn benches(criterion: &mut Criterion) {
    // Eight servers of 20 ms, a think time of 0.3 s, errors of about 2 %.
    let throughput = |users: u32| closed::repairman(0.02, 8, 0.3, users).expect("a good system").throughput;
    let pairs: Vec<(f64, f64)> = (0..36_u32)
        .map(|k| {
            let users = 1 + 17 * (k % 12);
            let noise = f64::from(k * 7919 % 101) / 101.0 - 0.5;
            (f64::from(users), throughput(users) * (1.0 + 0.04 * noise))
        })
        .collect();
    let points = Points::new(&pairs).expect("good points");
    let request = Request { model: Model::Auto, confidence: 0.95, at: vec![280.0] };
    criterion.bench_function("fit 12 levels × 3", |b| b.iter(|| fit(black_box(&points), &request)));
}

criterion_group!(all, benches);
criterion_main!(all);
