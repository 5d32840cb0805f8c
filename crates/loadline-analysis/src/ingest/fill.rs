//! Steps without a value.

use loadline_model::series::Axis;

use super::{Aggregate, reading::grouped};
use crate::forecast::seasons;

/// Gaps up to this many points are bridged by a straight line; longer ones by the season where there is one.
const BRIDGED: usize = 3;

/// Fills the gaps of `values`, whose first and last are there, and says so.
pub(super) fn fill(
    values: Vec<Option<f64>>,
    axis: &Axis,
    aggregate: Aggregate,
    notes: &mut Vec<String>,
) -> Vec<f64> {
    let missing = values.iter().filter(|v| v.is_none()).count() as u64;
    let of = format!("{} of {} points", grouped(missing), grouped(values.len() as u64));
    if aggregate == Aggregate::Count {
        if missing > 0 {
            notes.push(format!("{of} have no rows: counted as 0"));
        }
        return values.into_iter().map(Option::unwrap_or_default).collect();
    }
    if missing > 0 {
        notes.push(format!("interpolated {of}"));
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
