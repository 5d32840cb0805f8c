//! From rows to an evenly spaced series: order, duplicates, counters, steps and gaps.

use loadline_model::series::{Axis, Series, Time};

use super::{
    Aggregate, IngestError, RawSeries, Reading, Step,
    cells::{Cell, Cells},
    collector::Kind,
    counter,
    fill::fill,
    months,
    reading::{grouped, span},
    step,
};

/// The most points of one series.
const POINTS_MAX: i64 = 5_000_000;

/// Makes a series of the rows of one: those of one time or step are aggregated, the increments of a counter that is
/// reset are taken, gaps are filled. What was done stands in its notes. `file` is its name in messages.
///
/// # Errors
///
/// Where the rows do not make a series: all values are missing, there are fewer than three points, or a time lies so
/// far off that the steps between would be millions.
pub fn regular(raw: RawSeries, file: &str, reading: &Reading) -> Result<Series, IngestError> {
    let of = if raw.id.is_empty() { String::new() } else { format!("series `{}`: ", raw.id) };
    let error = |message: String, help: &str| IngestError::new(file, None, format!("{of}{message}"), help);
    let mut notes = raw.notes;
    if raw.cells.disordered {
        notes.push("put the rows into the order of time".to_owned());
    }
    let (grain, earliest, stated) = (raw.cells.grain(), raw.cells.earliest, reading.step.map(Step::size));
    let mut cells = raw.cells.into_sorted();
    let counted = reading.aggregate == Aggregate::Count;
    if !counted && cells.iter().all(|c| c.values == 0) {
        return Err(error("all values are missing".into(), "is this the right column? name it with --value"));
    }
    let twice = if grain == 1 { duplicates(&cells, counted) } else { 0 };
    if twice > 0 && !counted {
        let verb = reading.aggregate.done();
        let mixed = raw.id.is_empty() && 2 * twice >= raw.rows;
        let doubt = if mixed {
            "; if they are of several series, name the column of those with --series"
        } else {
            ""
        };
        let rows = if twice == 1 { "row" } else { "rows" };
        notes.push(format!("{verb} {} {rows} with a time that occurs twice or more{doubt}", grouped(twice)));
    }
    let with_value = cells.iter().filter(|c| counted || c.values > 0).count();
    if with_value < 3 && (stated.is_none() || grain == 1) {
        let message = format!("{with_value} points in time are too few");
        return Err(error(message, "give at least 4, better two seasons or more"));
    }
    let aggregate = counter::increments(&mut cells, reading.aggregate, &mut notes);
    let found_by_itself = stated.is_none() && grain == 1;
    let months = if found_by_itself { months::number(&mut cells, raw.kind) } else { None };
    let times: Vec<i64> = cells.iter().map(|c| c.time).collect();
    let found = match months {
        Some((_, every)) => every,
        None => step::found(&times, raw.kind, &mut notes),
    };
    if let Some(stated) = stated.filter(|stated| found >= 2 * stated) {
        let length = |size| if raw.kind == Kind::Clock { span(size) } else { size.to_string() };
        let (rows, asked) = (length(found), length(stated));
        let message = format!("its rows are {rows} apart, so that most steps of {asked} have none");
        return Err(error(message, "leave --step out, or give a longer one"));
    }
    let wide = stated.or_else(|| step::coarser(&times, found, raw.kind)).or((grain > 1).then_some(found));
    let step = wide.unwrap_or(found);
    if let Some(wide) = wide {
        let before = cells.len();
        cells = coarsened(cells, grain, wide);
        say_steps(raw.rows, before, &cells, (wide, stated), raw.kind, aggregate, &mut notes);
        step::leave_out_partial(&mut cells, earliest, wide, raw.kind, &mut notes);
    }
    let has_value = |c: &Cell| counted || c.values > 0;
    let ends = [
        cells.iter().take_while(|c| !has_value(c)).count(),
        cells.iter().rev().take_while(|c| !has_value(c)).count(),
    ];
    for (count, which) in
        ends.into_iter().zip(["first", "last"]).filter(|end| end.0 > 0 && end.0 < cells.len())
    {
        notes.push(match count {
            1 => format!("the {which} time has no value, and is left out"),
            _ => format!("the {which} {} times have no value, and are left out", grouped(count as u64)),
        });
    }
    cells.retain(has_value);
    let (Some(first), Some(last)) = (cells.first(), cells.last()) else {
        return Err(error("no step has rows".into(), "give at least 4, better two seasons or more"));
    };
    let count = (last.time - first.time + step / 2) / step + 1;
    if count < 3 {
        return Err(error(format!("{count} steps are too few"), "give a shorter --step, or more rows"));
    }
    if count > POINTS_MAX {
        let message = format!("its span holds {count} steps of {step}");
        return Err(error(message, "is one of the times wrong? cut the span or aggregate first"));
    }
    let axis = match (months, raw.kind) {
        (Some((offset_s, every)), _) => Axis::Months { first: first.time, every, offset_s },
        (None, Kind::Clock) => Axis::Clock { start_s: first.time, step_s: step },
        (None, Kind::Steps) => Axis::Steps { start: first.time, step },
    };
    let placed = place(&cells, step, count as usize, aggregate);
    let holes = placed.iter().any(Option::is_none);
    let values = fill(placed, &axis, aggregate, &mut notes);
    let negative = values.iter().filter(|v| **v < 0.0).count();
    if negative > 0 {
        notes.push(format!(
            "{} of {} values are negative: kept",
            grouped(negative as u64),
            grouped(values.len() as u64)
        ));
    }
    if raw.adrift && (holes || twice > 0) {
        let word = "times without an offset were read as UTC: where clocks are put forward and back that makes gaps \
                    and duplicates; name their --timezone";
        notes.push(word.to_owned());
    }
    let counts = matches!(aggregate, Aggregate::Sum | Aggregate::Increase | Aggregate::Count);
    let counted_over_s = axis.step_s().filter(|_| counts);
    Ok(Series { id: raw.id, axis, values, counted_over_s, notes })
}

/// Rows beyond the first of their time.
fn duplicates(cells: &[Cell], counted: bool) -> u64 {
    cells.iter().map(|c| if counted { c.rows } else { c.values }.saturating_sub(1)).sum()
}

fn coarsened(cells: Vec<Cell>, grain: i64, step: i64) -> Vec<Cell> {
    if grain == step {
        return cells;
    }
    let mut all = Cells::new(1);
    all.take_sorted(cells);
    all.coarsen(step);
    all.into_sorted()
}

/// That steps were made of rows.
fn say_steps(
    rows: u64,
    before: usize,
    cells: &[Cell],
    (step, stated): (i64, Option<i64>),
    kind: Kind,
    aggregate: Aggregate,
    notes: &mut Vec<String>,
) {
    if rows.max(before as u64) <= cells.len() as u64 {
        return;
    }
    let length = if kind == Kind::Clock { span(step) } else { step.to_string() };
    let (rows, count) = (grouped(rows), grouped(cells.len() as u64));
    let other = if stated.is_some() { "" } else { " (--step states another)" };
    notes.push(format!("{} {rows} rows within {count} steps of {length}{other}", aggregate.done()));
}

/// The value of each step, of the rows nearest to it.
fn place(cells: &[Cell], step: i64, count: usize, aggregate: Aggregate) -> Vec<Option<f64>> {
    let mut placed: Vec<Option<Cell>> = vec![None; count];
    for cell in cells {
        let slot = &mut placed[((cell.time - cells[0].time + step / 2) / step) as usize];
        match slot {
            Some(before) => before.merge(cell),
            None => *slot = Some(*cell),
        }
    }
    placed.into_iter().map(|cell| cell.map(|cell| value(&cell, aggregate))).collect()
}

fn value(cell: &Cell, aggregate: Aggregate) -> f64 {
    match aggregate {
        Aggregate::Mean => cell.sum / cell.values as f64,
        Aggregate::Sum | Aggregate::Increase => cell.sum,
        Aggregate::Max => cell.largest,
        Aggregate::Count => cell.rows as f64,
    }
}

/// The time that a step begins at, for notes.
pub(super) fn time_of(number: i64, kind: Kind) -> Time {
    match kind {
        Kind::Clock => Time::Clock(number),
        Kind::Steps => Time::Step(number),
    }
}
