//! Searches M/M/c in virtual time and shows the steps: `cargo run --example search_queue -- SEEDS [SERVERS] [LIMIT_MS]`.

use std::time::Duration;

use loadline::analysis::queueing::mmc;
use loadline::generator::client::simulated::SimulatedServer;
use loadline::model::scenario::Scenario;
use loadline::saturate::{SaturateOptions, VirtualLoad, search_in};

fn main() {
    let numbers: Vec<f64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let at = |k: usize, default: f64| numbers.get(k).copied().unwrap_or(default);
    let (seeds, servers, limit_ms) = (at(0, 1.0) as u64, at(1, 2.0) as u32, at(2, 34.54));
    let max_time = Duration::from_secs_f64(at(3, 600.0));
    let truth = mmc::capacity(200.0, servers, 0.99, limit_ms / 1e3).unwrap().unwrap_or(f64::NAN);
    let mut covered = 0;
    for seed in 1..=seeds {
        let mut scenario = Scenario::for_url("http://service/", "GET", &[], None).unwrap();
        scenario.set_slos(vec![format!("p99 < {limit_ms}ms").parse().unwrap()]).unwrap();
        scenario.set_seed(seed);
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let draw = move || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let bits = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
            Duration::from_millis(5).mul_f64(-((bits as f64 + 0.5) / (1_u64 << 53) as f64).ln())
        };
        let service = |clock| SimulatedServer::new(clock, servers as usize, draw);
        let options = SaturateOptions { max_time, ..SaturateOptions::default() };
        let found = search_in(&scenario, &options, &mut VirtualLoad(service)).unwrap();
        if seeds == 1 {
            for step in &found.steps {
                println!("  {}", loadline::render::saturation::step_line(None, step));
            }
        }
        let interval = found.interval.unwrap_or((f64::NAN, None));
        let holds = interval.0 <= truth && interval.1.is_none_or(|high| truth <= high);
        covered += u32::from(holds);
        println!(
            "seed {seed}: {:.1} in {:.1}–{:.1}, truth {truth:.1}{}, {} steps, {:.0} s, {:?}",
            found.capacity_per_s.unwrap_or(f64::NAN),
            interval.0,
            interval.1.unwrap_or(f64::NAN),
            if holds { "" } else { " (outside)" },
            found.steps.len(),
            found.elapsed_s,
            found.end
        );
    }
    println!("{covered} of {seeds} intervals hold the truth");
}
