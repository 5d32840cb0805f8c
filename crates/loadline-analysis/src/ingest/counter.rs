//! Counters: what grows until its process starts again, and whose increments are the demand.

use super::{Aggregate, cells::Cell, reading::grouped};

/// Fewer rows than these say nothing about being a counter.
const ROWS_MIN: usize = 20;
/// As many that never fall are worth a question.
const NEVER_FALLS: usize = 50;

/// Turns the steps of a counter into its increments, where that is asked for or where it shows; the aggregate that holds
/// from there on. The increments of several rows within a step add up.
///
/// Counters only grow, but for falls back to almost nothing: with at least one such fall among at least 20 rows, and
/// no other, the increments are the demand. After a reset the counter has grown from 0 (as in PromQL's `increase`).
pub(super) fn increments(cells: &mut Vec<Cell>, aggregate: Aggregate, notes: &mut Vec<String>) -> Aggregate {
    let asked = aggregate == Aggregate::Increase;
    if !asked && aggregate != Aggregate::Mean {
        return aggregate;
    }
    let last: Vec<f64> = cells.iter().filter(|c| c.values > 0).map(|c| c.last).collect();
    let count = |is: fn(f64, f64) -> bool| last.windows(2).filter(|w| is(w[0], w[1])).count();
    let (falls, resets) = (count(|a, b| b < a), count(|a, b| b < 0.1 * a));
    let rises = count(|a, b| b > a);
    let growing = 2 * rises >= last.len();
    if falls == 0 && growing && last.len() >= NEVER_FALLS && !asked {
        notes.push("the values never fall: if this is a counter, say --aggregate increase".into());
    }
    let shows =
        resets > 0 && falls == resets && growing && last.len() >= ROWS_MIN && resets * 10 <= last.len();
    if !asked && !shows {
        return aggregate;
    }
    take(cells);
    let times = if falls == 1 { "once".into() } else { format!("{} times", grouped(falls as u64)) };
    let gauge = if (falls - resets) * 10 > last.len() {
        "; it mostly falls by a part only, as a gauge does and no counter: leave --aggregate increase out if it is one"
    } else {
        ""
    };
    notes.push(format!("took the increments of a counter that was reset {times}{gauge}"));
    Aggregate::Increase
}

/// Each step's growth since the one before; the first has none.
fn take(cells: &mut Vec<Cell>) {
    let mut before = None;
    for cell in cells.iter_mut().filter(|c| c.values > 0) {
        let now = cell.last;
        match before {
            Some(before) => (cell.sum, cell.values) = (if now < before { now } else { now - before }, 1),
            None => cell.values = 0,
        }
        before = Some(now);
    }
    let first = cells.iter().position(|c| c.values > 0).unwrap_or(cells.len());
    cells.drain(..first);
}
