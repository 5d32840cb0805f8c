//! Coverage of every interval of a fit, on fresh simulated systems: `cargo run --release --example coverage_fit
//! [SYSTEMS [SEED [alike]]]`; `alike`: errors of one size instead of in proportion to the throughput. Each line: how many times the interval at 95 % held the truth, and how wide it was typically.

mod systems;

use std::collections::BTreeMap;

use loadline_analysis::saturation::{Model, Points, Request, fit};
use loadline_model::fit::{FitDocument, Interval};
use systems::{Chance, System, simulated};

/// Intervals of one kind: those that lay below the truth, held it, lay above it; and their widths over the truth.
#[derive(Default)]
struct Tally {
    below: u32,
    held: u32,
    above: u32,
    widths: Vec<f64>,
}

type Tallies = BTreeMap<(String, String), Tally>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |k: usize, default| arguments.get(k).map_or(default, |text| text.parse().expect("a number"));
    let (count, seed, alike) = (number(0, 300), number(1, 1), arguments.iter().any(|word| word == "alike"));
    let mut chance = Chance::new(seed);
    let mut tallies = Tallies::new();
    for index in 0..count as usize {
        let system = simulated(index, alike, &mut chance);
        let Ok(points) = Points::new(&system.points) else { continue };
        let asked = [0.5, 1.0, 1.2, 1.5, 2.0].map(|share: f64| (share * points.top()).round());
        for (model, name) in [(Model::Auto, "auto"), (Model::Usl, "usl")] {
            // The USL by itself promises nothing about systems of another law.
            if model == Model::Usl && system.usl.is_none() {
                continue;
            }
            let document = fit(&points, &Request { model, confidence: 0.95, at: asked.to_vec() });
            judge(&system, &document, name, &mut tallies);
        }
    }
    println!(
        "{:24} {:12} {:>5} {:>8} {:>6} {:>6} {:>7}",
        "figure", "family", "n", "coverage", "below", "above", "width"
    );
    for ((figure, family), tally) in &mut tallies {
        let n = tally.below + tally.held + tally.above;
        tally.widths.sort_by(f64::total_cmp);
        let width = tally.widths[tally.widths.len() / 2];
        let share = |count: u32| f64::from(count) / f64::from(n);
        let (held, below, above) = (share(tally.held), share(tally.below), share(tally.above));
        println!("{figure:24} {family:12} {n:5} {held:8.3} {below:6.3} {above:6.3} {width:7.3}");
    }
}

fn judge(system: &System, document: &FitDocument, model: &str, tallies: &mut Tallies) {
    let truth = |n: f64| (system.curve)(n as u32);
    let mut note = |figure: &str, interval: Option<Interval>, truth: f64| {
        let Some((low, high)) = interval else { return };
        let high = high.unwrap_or(f64::INFINITY);
        for family in [system.family, "all"] {
            let tally = tallies.entry((format!("{model} {figure}"), family.into())).or_default();
            // A figure at its bound is held by an interval that begins there.
            let slack = 1e-9 * truth.abs().max(1e-12);
            match () {
                () if high < truth - slack => tally.below += 1,
                () if low > truth + slack => tally.above += 1,
                () => tally.held += 1,
            }
            tally.widths.push((high - low) / truth.abs());
        }
    };
    for (name, at) in
        ["X at 0.5", "X at 1.0", "X at 1.2", "X at 1.5", "X at 2.0"].into_iter().zip(&document.predictions)
    {
        note(name, at.interval, truth(at.concurrency));
    }
    for (name, at) in
        ["gain at 0.5", "gain at 1.0", "gain at 1.2", "gain at 1.5"].into_iter().zip(&document.predictions)
    {
        let n = at.concurrency;
        note(name, at.marginal_gain_interval_per_s, (truth(n + 1.0) - truth(n - 1.0)) / 2.0);
    }
    let peak = &document.peak;
    note("maximum", peak.interval, system.maximum);
    if let Some(at) = system.peak {
        note("peak N", peak.concurrency_interval, at);
    }
    let n90 = (1..4_000).find(|n| truth(f64::from(*n)) >= 0.9 * system.maximum).map_or(4_000.0, f64::from);
    note("N at 90 %", peak.concurrency_at_90_percent_interval, n90);
    if let Some([lambda, sigma, kappa]) = system.usl {
        note("lambda", document.intervals.lambda, lambda);
        note("sigma", document.intervals.sigma, sigma);
        note("kappa", document.intervals.kappa, kappa);
    }
}
