//! The combination of candidates, weighted by their backtests.
//!
//! A weight is the inverse of the mean absolute error to a power, among the best few of each family (combining many
//! good forecasts beats choosing one: Bates and Granger 1969; Timmermann 2006). Recent backtests count more. For the
//! errors of the combination itself each backtest is forecast with weights that have not seen it, nor any backtest
//! that overlaps it.

use super::{
    origins::Backtests,
    pool::{Candidate, FAMILIES},
    score,
};

/// Candidates in a combination, and among them of one family.
const KEPT_MAX: usize = 20;
const KEPT_OF_FAMILY_MAX: usize = 3;
/// The power of the inverse error.
const POWER: i32 = 6;
/// What a backtest counts beside the next more recent one.
const FADING: f64 = 0.93;

/// A forecast from the end of the history, and what the same way of forecasting gave in the backtests.
pub(super) struct Combination {
    /// What was combined, the largest weight first.
    pub(super) model: String,
    pub(super) centre: Vec<f64>,
    /// One row for each backtest.
    pub(super) backtests: Vec<Vec<f64>>,
}

/// Combines the pool; `actual` holds one row for each backtest.
pub(super) fn combine(pool: &[Candidate], backtests: &Backtests, actual: &[&[f64]]) -> Combination {
    let count = actual.len();
    let errors: Vec<Vec<f64>> = pool
        .iter()
        .map(|c| c.runs.iter().zip(actual).map(|(f, a)| score::mean_absolute_error(a, f)).collect())
        .collect();
    let apart = |j: usize| (0..count).any(|k| !backtests.overlap(j, k));
    let unseen = |j: usize| -> Vec<f64> {
        let use_of = |k: usize| if apart(j) { !backtests.overlap(j, k) } else { count == 1 || j != k };
        weights(pool, &errors, use_of)
    };
    let full = weights(pool, &errors, |_| true);
    Combination {
        model: model(pool, &full),
        centre: mix(pool, &full, count),
        backtests: (0..count).map(|j| mix(pool, &unseen(j), j)).collect(),
    }
}

/// One candidate alone, as if it were a combination.
pub(super) fn alone(candidate: &Candidate) -> Combination {
    let (centre, backtests) = candidate.runs.split_last().expect("a run from the end of the history");
    Combination { model: candidate.name.clone(), centre: centre.clone(), backtests: backtests.to_vec() }
}

fn weights(pool: &[Candidate], errors: &[Vec<f64>], use_of: impl Fn(usize) -> bool) -> Vec<f64> {
    let count = errors[0].len();
    let fading: Vec<f64> =
        (0..count).map(|k| if use_of(k) { FADING.powi((count - k) as i32) } else { 0.0 }).collect();
    let total: f64 = fading.iter().sum();
    let means: Vec<f64> =
        errors.iter().map(|e| e.iter().zip(&fading).map(|(e, w)| e * w).sum::<f64>() / total).collect();
    let mut order: Vec<usize> = (0..pool.len()).collect();
    order.sort_by(|a, b| means[*a].total_cmp(&means[*b]));
    let best = means[order[0]].max(f64::MIN_POSITIVE);
    let (mut kept, mut of_family) = (0, [0; FAMILIES]);
    let mut weights = vec![0.0; pool.len()];
    for i in order {
        let family = &mut of_family[pool[i].family as usize];
        if kept < KEPT_MAX && *family < KEPT_OF_FAMILY_MAX {
            (kept, *family) = (kept + 1, *family + 1);
            weights[i] = (best / means[i].max(f64::MIN_POSITIVE)).powi(POWER);
        }
    }
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    weights
}

fn mix(pool: &[Candidate], weights: &[f64], run: usize) -> Vec<f64> {
    let mut sum = vec![0.0; pool[0].runs[run].len()];
    for (candidate, weight) in pool.iter().zip(weights).filter(|(_, w)| **w > 0.0) {
        sum.iter_mut().zip(&candidate.runs[run]).for_each(|(s, v)| *s += weight * v);
    }
    sum
}

/// Such as `combination: log smoothing 24+168 (0.02, …) 21 %, … and 12 more`.
fn model(pool: &[Candidate], weights: &[f64]) -> String {
    let mut parts: Vec<(f64, &str)> =
        pool.iter().zip(weights).filter(|(_, w)| **w > 0.0).map(|(c, w)| (*w, c.name.as_str())).collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let shown: Vec<String> =
        parts.iter().take(3).map(|(w, name)| format!("{name} {:.0} %", 100.0 * w)).collect();
    let more = parts.len().saturating_sub(3);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("combination: {}{rest}", shown.join(", "))
}
