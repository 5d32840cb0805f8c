//! Months of the calendar: times that are equally far apart by it, and not by the clock.

use loadline_model::series::{month_begin, month_of};

use super::{cells::Cell, collector::Kind, step::gcd};

const DAY_S: i64 = 86_400;
/// Nearer than this no two months are.
const SHORTEST_S: i64 = 28 * DAY_S;
/// A time this close to the next month counts with that: the last days of months are not equally far from the first.
const CLOSE_S: i64 = 3 * DAY_S;
/// What local time may differ by in summer.
const ADRIFT_S: i64 = 7_200;

/// Numbers the cells by their months where each of them stands at the same place of its month, be it the first, the
/// 15th or the last day: that place in seconds from the month's beginning, and the months from one to the next.
pub(super) fn number(cells: &mut [Cell], kind: Kind) -> Option<(i64, i64)> {
    let apart = cells.windows(2).all(|pair| pair[1].time - pair[0].time >= SHORTEST_S);
    if kind != Kind::Clock || cells.len() < 3 || !apart {
        return None;
    }
    let placed: Vec<(i64, i64)> = cells.iter().map(|cell| place(cell.time)).collect();
    let offsets = || placed.iter().map(|p| p.1);
    let alike = offsets().max()? - offsets().min()? <= ADRIFT_S;
    let every = placed.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(0, gcd);
    if !alike || every < 1 {
        return None;
    }
    cells.iter_mut().zip(&placed).for_each(|(cell, place)| cell.time = place.0);
    Some((placed[0].1, every))
}

/// The month of a time, and the seconds from its beginning.
fn place(time: i64) -> (i64, i64) {
    let month = month_of(time);
    let next = month_begin(month + 1);
    if next - time <= CLOSE_S { (month + 1, time - next) } else { (month, time - month_begin(month)) }
}
