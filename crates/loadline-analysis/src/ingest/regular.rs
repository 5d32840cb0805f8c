//! From rows to an evenly spaced series: order, duplicates, gaps and counters.

use loadline_model::series::{Axis, Series, Time};

use super::{IngestError, RawSeries};
use crate::forecast::seasons;

/// The most points of one series.
const POINTS_MAX: i64 = 5_000_000;
/// Gaps up to this many points are bridged by a straight line; longer ones by the season where there is one.
const BRIDGED: usize = 3;

/// Makes a series of rows in any order: duplicates are averaged, gaps are filled, the increments of a counter that is
/// reset are taken. `file` is its name in messages.
pub fn regular(raw: RawSeries, file: &str) -> Result<Series, IngestError> {
    let error = |message: String, help: &str| {
        let of = if raw.id.is_empty() { String::new() } else { format!("series `{}`: ", raw.id) };
        IngestError::new(file, None, format!("{of}{message}"), help)
    };
    let mut notes = Vec::new();
    let mut rows: Vec<(i64, f64)> =
        raw.rows.iter().filter_map(|row| Some((row.time.number(), row.value?))).collect();
    if rows.is_empty() {
        return Err(error("all values are missing".into(), "is this the right column? name it with --value"));
    }
    if !rows.is_sorted_by_key(|r| r.0) {
        rows.sort_by_key(|r| r.0);
        notes.push("put the rows into the order of time".to_owned());
    }
    merge_duplicates(&mut rows, &mut notes);
    if rows.len() < 3 {
        let message = format!("{} points in time are too few", rows.len());
        return Err(error(message, "give at least 4, better two seasons or more"));
    }
    take_increments(&mut rows, &mut notes);
    let mut times: Vec<i64> = raw.rows.iter().map(|row| row.time.number()).collect();
    times.sort_unstable();
    times.dedup();
    let step = step(&times, &mut notes);
    let start = rows[0].0;
    let count = (rows[rows.len() - 1].0 - start + step / 2) / step + 1;
    if count > POINTS_MAX {
        let message = format!("its span holds {count} steps of {step}");
        return Err(error(message, "is one of the times wrong? cut the span or aggregate first"));
    }
    let axis = match raw.rows[0].time {
        Time::Clock(_) => Axis::Clock { start_s: start, step_s: step },
        Time::Step(_) => Axis::Steps { start, step },
    };
    let values = fill(place(&rows, start, step, count as usize), &axis, &mut notes);
    let negative = values.iter().filter(|v| **v < 0.0).count();
    if negative > 0 {
        notes.push(format!("{negative} of {} values are negative: kept", values.len()));
    }
    Ok(Series { id: raw.id, axis, values, notes })
}

fn merge_duplicates(rows: &mut Vec<(i64, f64)>, notes: &mut Vec<String>) {
    let before = rows.len();
    let merged: Vec<(i64, f64)> = rows
        .chunk_by(|a, b| a.0 == b.0)
        .map(|same| (same[0].0, same.iter().map(|r| r.1).sum::<f64>() / same.len() as f64))
        .collect();
    *rows = merged;
    if rows.len() < before {
        notes.push(format!("averaged {} rows with a time that occurs twice or more", before - rows.len()));
    }
}

/// Counters only grow, but for falls back to almost nothing: with at least one such fall among at least 20 rows, and
/// no other, the increments are the demand.
fn take_increments(rows: &mut Vec<(i64, f64)>, notes: &mut Vec<String>) {
    let falls = rows.windows(2).filter(|w| w[1].1 < w[0].1).count();
    let resets = rows.windows(2).filter(|w| w[1].1 < 0.1 * w[0].1).count();
    let rises = rows.windows(2).filter(|w| w[1].1 > w[0].1).count();
    if resets == 0 || falls != resets || rows.len() < 20 || resets * 10 > rows.len() || rises * 2 < rows.len()
    {
        return;
    }
    *rows =
        rows.windows(2).map(|w| (w[1].0, if w[1].1 < w[0].1 { w[1].1 } else { w[1].1 - w[0].1 })).collect();
    notes.push(format!("took the increments of a counter that was reset {resets} times"));
}

/// The distance of times: the one that all others are multiples of, or the most frequent one, where either is frequent
/// enough; else the median.
fn step(times: &[i64], notes: &mut Vec<String>) -> i64 {
    let mut distances: Vec<i64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    distances.sort_unstable();
    let usual = distances.chunk_by(|a, b| a == b).max_by_key(|same| same.len()).expect("three rows");
    let common = distances.iter().fold(0, |a, b| gcd(a, *b));
    if 5 * distances.iter().filter(|d| **d == common).count() >= distances.len() {
        return common;
    }
    if 2 * usual.len() >= distances.len() {
        return usual[0];
    }
    let median = distances[distances.len() / 2];
    let round =
        [1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800];
    let step =
        round.into_iter().min_by_key(|r| (r - median).abs()).filter(|r| (r - median).abs() * 3 <= median);
    let step = step.unwrap_or(median);
    notes.push(format!("the times are irregular: averaged over steps of {step}"));
    step
}

/// The greatest common divisor (Euclid).
fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The mean of the rows nearest to each step.
fn place(rows: &[(i64, f64)], start: i64, step: i64, count: usize) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0u32); count];
    for (time, value) in rows {
        let at = &mut sums[(((time - start) + step / 2) / step) as usize];
        *at = (at.0 + value, at.1 + 1);
    }
    sums.into_iter().map(|(sum, n)| (n > 0).then(|| sum / f64::from(n))).collect()
}

fn fill(values: Vec<Option<f64>>, axis: &Axis, notes: &mut Vec<String>) -> Vec<f64> {
    let missing = values.iter().filter(|v| v.is_none()).count();
    if missing > 0 {
        notes.push(format!("interpolated {missing} of {} points", values.len()));
    }
    let season = axis.step_s().and_then(|step| seasons::of_step(step).seasons.last().copied());
    let mut filled: Vec<f64> = Vec::with_capacity(values.len());
    let mut at = 0;
    while at < values.len() {
        if let Some(value) = values[at] {
            filled.push(value);
            at += 1;
            continue;
        }
        let end = (at..values.len()).find(|t| values[*t].is_some()).expect("the last value is there");
        let (from, to) = (filled[at - 1], values[end].expect("just found"));
        let gap = end - at;
        for t in at..end {
            let line = from + (to - from) * (t - at + 1) as f64 / (gap + 1) as f64;
            let alike = season.filter(|s| gap > BRIDGED && *s <= t).map(|s| filled[t - s]);
            filled.push(alike.unwrap_or(line));
        }
        at = end;
    }
    filled
}
