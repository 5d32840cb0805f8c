//! A Parquet file to an hourly series: seconds, and the most memory held.
//!
//! `LOADLINE_PARQUET=FILE cargo bench -p loadline-benches --bench ingest`; `benches/parquet.py` makes
//! the file, runs this and asks DuckDB the same.

use std::fs::{self, File};
use std::time::Instant;

use loadline_analysis::ingest::{Reading, Step, read_parquet, regular};

fn main() {
    let Ok(path) = std::env::var("LOADLINE_PARQUET") else {
        println!("skipped: LOADLINE_PARQUET names no file");
        return;
    };
    let reading = Reading { step: Some(Step::Seconds(3_600)), ..Reading::default() };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    let file = File::open(&path).expect("the file can be read");
    let raw = read_parquet(&file, &path, &reading, threads).expect("it holds demand");
    let series: Vec<_> =
        raw.into_iter().map(|raw| regular(raw, &path, &reading).expect("a series")).collect();
    let seconds = began.elapsed().as_secs_f64();
    let sum: f64 = series.iter().flat_map(|s| &s.values).sum();
    println!("{seconds:.3} s, {} MiB, {} series, sum {sum}", peak_mib(), series.len());
}

/// The most memory held (proc(5), `VmHWM`).
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}
