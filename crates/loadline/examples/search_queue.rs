//! The marks of the whole search, as it drives real load, against queues in virtual time: coverage and cost. What they
//! are is told in `search_marks`, which looks at the decisions alone.
//!
//! The cost is printed beside a staircase whose steps tell 5 % and follow one another without a pause, and beside one
//! like the search: as precise as its intervals are (half their width at the median), and with its lead-in.
//!
//! `cargo run --release -p loadline --example search_queue [SEEDS [KIND [TIME_S [STEP_S]]]]`
//! SEEDS a number of them or a range such as `1000..1200`, KIND a name or `all`. One seed shows its steps.

use std::ops::Range;
use std::time::Duration;

use loadline::generator::client::simulated::SimulatedServer;
use loadline::generator::schedule::Arrivals;
use loadline::model::saturation::SaturationDocument;
use loadline::model::scenario::Scenario;
use loadline::saturate::{SaturateOptions, VirtualLoad, search_in};

#[path = "../../loadline-analysis/tests/support/mod.rs"]
#[allow(dead_code, reason = "what drives the decisions alone")]
mod support;

use support::kinds::{KINDS, Kind, PRECISION, Target};
use support::queue::{Queue, Random};

/// How long load is offered before a step begins to count.
const LEAD_IN_S: f64 = 0.75;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seeds = range(arguments.first().map_or("1", String::as_str));
    let name = arguments.get(1).map_or("all", String::as_str);
    let seconds = |k: usize, default: f64| {
        Duration::from_secs_f64(arguments.get(k).map_or(default, |text| text.parse().expect("seconds")))
    };
    let options = SaturateOptions {
        max_time: seconds(2, 36_000.0),
        step: seconds(3, 5.0),
        ..SaturateOptions::default()
    };
    for kind in KINDS.iter().filter(|kind| name == "all" || kind.name == name) {
        let Target::Queue(queue) = kind.target else { continue };
        println!("{}", marks(kind, queue, &options, seeds.clone()));
    }
}

fn range(text: &str) -> Range<u64> {
    let number = |text: &str| text.parse().expect("SEEDS");
    let (from, to) = text.split_once("..").unwrap_or(("0", text));
    number(from)..number(to)
}

fn marks(kind: &Kind, queue: Queue, options: &SaturateOptions, seeds: Range<u64>) -> String {
    let truth = kind.capacity();
    let one = seeds.end == seeds.start + 1;
    let (mut below, mut above, mut near, mut ended, mut requests, mut steps) = (0, 0, 0, 0, 0.0, 0);
    let (mut errors, mut widths) = (Vec::new(), Vec::new());
    for seed in seeds {
        let found = search(kind, queue, options, seed);
        for step in found.steps.iter().filter(|_| one) {
            println!("  {}", loadline::render::saturation::step_line(None, step));
        }
        let (Some(capacity), Some((low, Some(high)))) = (found.capacity_per_s, found.interval) else {
            continue;
        };
        ended += 1;
        below += u32::from(high < truth);
        above += u32::from(low > truth);
        near += u32::from((capacity / truth - 1.0).abs() <= PRECISION);
        errors.push(capacity / truth - 1.0);
        widths.push((high - low) / (2.0 * capacity));
        steps += found.steps.len();
        requests +=
            found.steps.iter().map(|step| step.rate_per_s * (step.duration_s + LEAD_IN_S)).sum::<f64>();
    }
    if errors.is_empty() {
        return format!("{:13} no search ended", kind.name);
    }
    errors.sort_by(f64::total_cmp);
    widths.sort_by(f64::total_cmp);
    let count = f64::from(ended);
    format!(
        "{:13} coverage {:.3} (too low {below:2}, too high {above:2})  error {:+.3} {:+.3} {:+.3} within 5 % {:.2}  ± {:.3}  \
         requests {:7.0} = {:.2} of a staircase, {:.2} of one like it  steps {:4.1}  ended {ended}",
        kind.name,
        1.0 - f64::from(below + above) / count,
        errors[errors.len() / 10],
        errors[errors.len() / 2],
        errors[errors.len() * 9 / 10],
        f64::from(near) / count,
        widths[widths.len() / 2],
        requests / count,
        requests / count / kind.staircase_requests(),
        requests / count / kind.staircase_requests_like(widths[widths.len() / 2], LEAD_IN_S),
        steps as f64 / count,
    )
}

fn search(kind: &Kind, queue: Queue, options: &SaturateOptions, seed: u64) -> SaturationDocument {
    let mut scenario = Scenario::for_url("http://service/", "GET", &[], None).expect("a scenario");
    scenario.set_slos(vec![kind.objective().parse().expect("an objective")]).expect("good objectives");
    scenario.set_seed(seed);
    let options = SaturateOptions {
        arrivals: match queue.arrivals {
            support::queue::Arrivals::Poisson => Arrivals::Poisson,
            support::queue::Arrivals::Even => Arrivals::Uniform,
        },
        ..options.clone()
    };
    let service = |clock| {
        let mut random = Random::new(seed);
        let draw = move || Duration::from_secs_f64(queue.draw(&mut random));
        SimulatedServer::new(clock, queue.servers as usize, draw)
    };
    search_in(&scenario, &options, &mut VirtualLoad(service)).expect("a search")
}
