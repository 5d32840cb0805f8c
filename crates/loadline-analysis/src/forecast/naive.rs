//! The plain candidates: the last cycle, the median of the last cycles, and drift.

use super::pool::{Candidate, Family, Task};

/// The name of seasonal naive of a season.
pub(super) fn name(season: usize) -> String {
    if season == 1 { "naive".into() } else { format!("seasonal naive {season}") }
}

/// Cycles, and values, without any change after which a series stands still.
const STILL_CYCLES: usize = 2;
const STILL_LEAST: usize = 10;

/// How many values at the end are all the same, where they are so many that something was switched off, or has come to
/// its end: two cycles, and twice as long as any such stretch before. The backtests have not seen that. `None` where
/// the history has never been otherwise.
pub(super) fn standing_still(values: &[f64], season: usize) -> Option<usize> {
    let mut runs: Vec<usize> = values.chunk_by(|a, b| a == b).map(<[f64]>::len).collect();
    let last = runs.pop()?;
    let before = runs.into_iter().max()?;
    (last >= (STILL_CYCLES * season).max(STILL_LEAST) && last >= 2 * before).then_some(last)
}

/// Seasonal naive of each season, the median of the last 4 and 8 cycles, and seasonal naive with drift.
pub(super) fn candidates(task: &Task<'_>) -> Vec<Candidate> {
    let y = task.values;
    let mut all = Vec::new();
    for &season in task.seasons() {
        all.push(task.candidate(name(season), Family::Naive, |origin, steps| {
            (0..steps).map(|k| y[last_alike(origin, season, k)]).collect()
        }));
        for cycles in [4, 8] {
            all.push(task.candidate(
                format!("median of {cycles} cycles of {season}"),
                Family::Naive,
                |o, steps| median_cycle(&y[..o], season, cycles, steps),
            ));
        }
    }
    let season = task.seasons()[0];
    all.push(task.candidate("seasonal drift".into(), Family::Naive, |origin, steps| {
        let past = &y[..origin];
        let span = origin.saturating_sub(season).max(1);
        let cycle = |from: usize| past[from..].iter().take(season).sum::<f64>() / season as f64;
        let slope = (cycle(origin.saturating_sub(season)) - cycle(0)) / span as f64;
        (0..steps)
            .map(|k| {
                let from = last_alike(origin, season, k);
                past[from] + slope * (origin + k - from) as f64
            })
            .collect()
    }));
    all
}

/// The last step before `origin` in the same phase as `origin + k`.
fn last_alike(origin: usize, season: usize, k: usize) -> usize {
    let season = season.min(origin);
    origin - season + k % season
}

fn median_cycle(past: &[f64], season: usize, cycles: usize, steps: usize) -> Vec<f64> {
    let season = season.min(past.len());
    let cycles = cycles.min(past.len() / season);
    let shape: Vec<f64> = (0..season)
        .map(|phase| {
            let mut alike: Vec<f64> = (1..=cycles).map(|c| past[past.len() - c * season + phase]).collect();
            alike.sort_by(f64::total_cmp);
            (alike[(cycles - 1) / 2] + alike[cycles / 2]) / 2.0
        })
        .collect();
    (0..steps).map(|k| shape[k % season]).collect()
}
