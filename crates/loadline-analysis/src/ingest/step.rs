//! The distance of points: found in the times, made longer where there are too many, and its partial ends.

use super::{
    cells::{Cell, floor},
    collector::Kind,
    reading::span,
    regular::time_of,
};

/// More points than these, nearer than an hour, are aggregated unless the step is stated: seasons of a day and a week
/// need no more.
const POINTS_PLENTY: i64 = 100_000;

/// The distance of times, sorted and without duplicates: the one that all others are multiples of, or the most frequent
/// one, where either is frequent enough; else a round one near the median.
pub(super) fn found(times: &[i64], kind: Kind, notes: &mut Vec<String>) -> i64 {
    let mut distances: Vec<i64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    distances.sort_unstable();
    let Some(usual) = distances.chunk_by(|a, b| a == b).max_by_key(|same| same.len()) else { return 1 };
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
    let length = if kind == Kind::Clock { span(step) } else { step.to_string() };
    notes.push(format!("the times are irregular: took steps of {length}"));
    step
}

/// A longer step where there are more points than a forecast needs.
pub(super) fn coarser(times: &[i64], found: i64, kind: Kind) -> Option<i64> {
    let (first, last) = (times.first()?, times.last()?);
    let points = |step: i64| (last - first) / step;
    // A single time that is far off is an error, and not to be hidden in a step.
    let many = kind == Kind::Clock && found < 3_600 && times.len() as i64 > POINTS_PLENTY;
    let longer = [60, 300, 900, 3_600].into_iter().filter(|step| step % found == 0 && *step > found);
    many.then(|| longer.clone().find(|step| points(*step) <= POINTS_PLENTY).unwrap_or(3_600))
}

/// Leaves a first or last step out whose rows cover only a part of it: its mean would be that of some hours, its sum
/// too small. How far rows usually end before their step does tells what a part is.
pub(super) fn leave_out_partial(
    cells: &mut Vec<Cell>,
    earliest: i64,
    step: i64,
    kind: Kind,
    notes: &mut Vec<String>,
) {
    let mut left: Vec<i64> = cells.iter().map(|c| c.time + step - c.last_time).collect();
    let whole = left.len() < 4 || cells.iter().filter(|c| c.rows > 1).count() * 2 < cells.len();
    if whole {
        return;
    }
    left.sort_unstable();
    let usual = left[left.len() / 2] + step / 50;
    let last = *cells.last().expect("four at least");
    if last.time + step - last.last_time > usual {
        let (until, at) = (time_of(last.last_time, kind), time_of(last.time, kind));
        notes.push(format!("left the last step out, {at}: its rows end at {until}, before it does"));
        cells.pop();
    }
    if earliest - floor(earliest, step) > usual {
        let (since, at) = (time_of(earliest, kind), time_of(cells[0].time, kind));
        notes.push(format!("left the first step out, {at}: its rows begin at {since}"));
        cells.remove(0);
    }
}

/// The greatest common divisor (Euclid).
pub(super) fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
