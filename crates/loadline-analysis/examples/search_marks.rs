//! The marks of the search for the capacity, in virtual time: coverage of its 90 % interval and its cost against a
//! staircase, for queues of many kinds.
//!
//! `cargo run --release -p loadline-analysis --example search_marks [SEEDS [KIND [TIME_S]]]`, SEEDS a number of them or
//! a range such as `1000..1200`, KIND a name or `all`, TIME_S what a search may take; with `truth` in
//! place of SEEDS it works out what [`support::kinds`] keeps as constants.

use std::ops::Range;

use loadline_analysis::search::{Next, Search, Step};

#[path = "../tests/support/mod.rs"]
mod support;

use support::kinds::{KINDS, Kind, PRECISION};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.get(1).map_or("all", String::as_str);
    let kinds = KINDS.iter().filter(|kind| name == "all" || kind.name == name);
    let time_s = arguments.get(2).map_or(support::search().time_s, |text| text.parse().expect("TIME_S"));
    let search = Search { time_s, ..support::search() };
    match arguments.first().map(String::as_str) {
        Some("truth") => kinds.for_each(|kind| {
            let (capacity, step_s) = (kind.capacity(), kind.staircase_step_s(400));
            println!("{:13} capacity {capacity:8.2}/s  step of a staircase {step_s:.2} s", kind.name);
        }),
        seeds => {
            let seeds = range(seeds.unwrap_or("200"));
            kinds.for_each(|kind| println!("{}", marks(&search, kind, seeds.clone())));
        }
    }
}

fn range(text: &str) -> Range<u64> {
    let number = |text: &str| text.parse().expect("SEEDS");
    let (from, to) = text.split_once("..").unwrap_or(("0", text));
    number(from)..number(to)
}

fn marks(search: &Search, kind: &Kind, seeds: Range<u64>) -> String {
    let truth = kind.capacity();
    let (mut below, mut above, mut ended, mut near, mut requests) = (0, 0, 0, 0, 0.0);
    let (mut errors, mut widths, mut times, mut steps) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut decisions = Vec::new();
    let mut parts = [(0, 0.0); PARTS.len()];
    for seed in seeds {
        let run = support::run(search, kind, seed);
        let Next::Converged(capacity) = &run.end else { continue };
        let (low, high) = (capacity.interval.0, capacity.interval.1.unwrap_or(f64::INFINITY));
        ended += 1;
        below += u32::from(high < truth);
        above += u32::from(low > truth);
        let error = capacity.load.unwrap_or(f64::NAN) / truth - 1.0;
        near += u32::from(error.abs() <= PRECISION);
        errors.push(error);
        widths.push((high - low) / truth);
        times.push(run.steps.iter().map(|step| step.took_s).sum::<f64>());
        steps += run.steps.len();
        requests += run.requests;
        decisions.extend(run.decisions.iter().map(|took| took.as_secs_f64() * 1e3));
        for (k, step) in run.steps.iter().enumerate() {
            let part = &mut parts[part(&run.steps[..k], step, truth)];
            *part = (part.0 + 1, part.1 + step.load * step.took_s);
        }
    }
    if errors.is_empty() {
        return format!("{:13} no search ended", kind.name);
    }
    for values in [&mut errors, &mut widths, &mut times] {
        values.sort_by(f64::total_cmp);
    }
    let at = |values: &[f64], q: f64| values[(values.len() as f64 * q) as usize];
    let count = f64::from(ended);
    let spent = PARTS.iter().zip(parts).map(|(name, (steps, requests))| {
        let share = requests / count / kind.staircase_requests();
        format!("{name} {share:.2} in {:.1}", f64::from(steps) / count)
    });
    let spent = spent.collect::<Vec<_>>().join(", ");
    format!(
        "{:13} coverage {:.3} (too low {below:2}, too high {above:2})  error {:+.3} {:+.3} {:+.3} within 5 % {:.2}  width {:.3}  \
         requests {:7.0} = {:.2} of a staircase  steps {:4.1}  virtual seconds {:5.0}  ended {ended}\n              {spent} steps; \
         a decision {:.1} ms, at most {:.1} ms",
        kind.name,
        1.0 - f64::from(below + above) / count,
        at(&errors, 0.1),
        at(&errors, 0.5),
        at(&errors, 0.9),
        f64::from(near) / count,
        at(&widths, 0.5),
        requests / count,
        requests / count / kind.staircase_requests(),
        steps as f64 / count,
        at(&times, 0.5),
        decisions.iter().sum::<f64>() / decisions.len() as f64,
        decisions.iter().copied().fold(0.0, f64::max),
    )
}

/// What requests are spent on.
const PARTS: [&str; 5] = ["up", "below", "near", "above", "confirming"];

/// Which of [`PARTS`] a step is: up until the first breach, then below and above the capacity by more than 10 %.
fn part(before: &[Step], step: &Step, truth: f64) -> usize {
    match step.load / truth {
        _ if step.confirming => 4,
        relative if !before.iter().any(Step::fails) && relative < 1.0 => 0,
        relative if relative < 0.9 => 1,
        relative if relative <= 1.1 => 2,
        _ => 3,
    }
}
