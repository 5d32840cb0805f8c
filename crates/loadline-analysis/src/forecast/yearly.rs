//! The yearly shape: last year's course around its own level, moved to the level of today.

use super::pool::{Candidate, Family, Task};

/// Days after which a day of the week comes back nearest to a year later.
const YEAR_DAYS: usize = 364;

/// Four variants (days smoothed over, share of last year's course, days that make the level); none without a year of
/// history before the last origin.
pub(super) fn candidates(task: &Task<'_>) -> Vec<Candidate> {
    let Some(day) = task.calendar.day.filter(|day| task.values.len() > (YEAR_DAYS + 28) * day) else {
        return Vec::new();
    };
    let sums = cumulated(task.values);
    let mean = |from: usize, to: usize| (sums[to] - sums[from]) / (to - from) as f64;
    let season = task.seasons().last().copied().unwrap_or(1);
    [(10, 1.0, 28), (10, 0.5, 28), (10, 1.0, 84), (3, 0.7, 56)]
        .map(|(smooth, share, level_days)| {
            let (width, year) = (smooth * day, YEAR_DAYS * day);
            task.candidate(
                format!("yearly shape ({smooth} d, {share}, {level_days} d)"),
                Family::Yearly,
                |o, steps| {
                    let profile = profile(&task.values[..o], season);
                    let level_steps = (level_days * day).min(o);
                    let level = mean(o - level_steps, o);
                    let base = (o >= year + level_steps).then(|| mean(o - year - level_steps, o - year));
                    (0..steps)
                        .map(|k| {
                            let course = base.map_or(0.0, |base| {
                                let then = (o - year + k).min(o - 1);
                                mean(then.saturating_sub(width), (then + width + 1).min(o)) - base
                            });
                            level + profile[k % season] + share * course
                        })
                        .collect()
                },
            )
        })
        .into()
}

/// Sums of the first 0, 1, 2, … values.
fn cumulated(values: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    std::iter::once(0.0)
        .chain(values.iter().map(|v| {
            sum += v;
            sum
        }))
        .collect()
}

/// The mean course of the last (up to 26) cycles around their mean.
fn profile(past: &[f64], season: usize) -> Vec<f64> {
    let cycles = (past.len() / season).min(26);
    if cycles == 0 {
        return vec![0.0; season];
    }
    let recent = &past[past.len() - cycles * season..];
    let mean = recent.iter().sum::<f64>() / recent.len() as f64;
    (0..season)
        .map(|phase| recent.iter().skip(phase).step_by(season).sum::<f64>() / cycles as f64 - mean)
        .collect()
}
