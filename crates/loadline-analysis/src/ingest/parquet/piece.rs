//! The rows of one piece of a table, parted by series.

use std::collections::HashMap;
use std::ops::Range;

use loadline_model::series::Time;
use polars::prelude::{Column, DataFrame, Float64Chunked, Int64Chunked, StringChunked};
use polars_core::prelude::{ArrowDataType, ArrowField};

use super::super::{
    IngestError, RawSeries, Reading, Zone,
    clock::{self, Written},
    collector::{Collector, Kind},
    rows::{NUMBER_HELP, TIME_HELP, number},
};
use super::column::{counts, numbers, texts, units_per_s};
use super::table::Table;

/// Rows within one row group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) group: usize,
    pub(super) rows: Range<usize>,
    /// Rows of the file before them.
    pub(super) before: u64,
}

/// Times of rows, with as many units a second (or a step) as `unit` says.
struct Times {
    counts: Int64Chunked,
    unit: i64,
    kind: Kind,
    adrift: bool,
}

impl Times {
    fn new(numbers: Vec<i64>, kind: Kind, adrift: bool) -> Times {
        Times { counts: Int64Chunked::from_vec("".into(), numbers), unit: 1, kind, adrift }
    }

    fn numbers(&self) -> &[i64] {
        self.counts.cont_slice().expect("one piece without missing values")
    }
}

/// What reading a piece needs to know.
struct Reader<'a> {
    table: &'a Table<'a>,
    piece: &'a Piece,
    frame: DataFrame,
    collector: Collector<'a>,
}

/// Reads the rows of `piece` into series of their own.
pub(super) fn read(
    table: &Table<'_>,
    piece: &Piece,
    reading: &Reading,
) -> Result<Vec<RawSeries>, IngestError> {
    let frame = table.frame(piece, &table.columns())?;
    let collector = Collector::new(table.name, reading, "row");
    let mut reader = Reader { table, piece, frame, collector };
    let times = reader.times()?;
    let values = table.value.as_ref().map(|field| reader.values(field)).transpose()?;
    let values = values.as_ref().map(|values| values.cont_slice().expect("one piece without missing values"));
    match &table.series {
        None => reader.add("", 0, &times, times.numbers(), |at| values.map_or(f64::NAN, |v| v[at]))?,
        Some(field) => reader.parted(field, &times, values)?,
    }
    Ok(reader.collector.all)
}

impl Reader<'_> {
    fn column(&self, field: &ArrowField) -> &Column {
        self.frame.column(&field.name).expect("the frame has what was asked for")
    }

    /// Row numbers count from 1.
    fn row(&self, at: usize) -> u64 {
        self.piece.before + at as u64 + 1
    }

    fn bad(&self, at: usize, field: &ArrowField, text: &str, what: &str, help: &str) -> IngestError {
        let message = format!("`{text}` in column `{}` is not a {what}", field.name);
        self.collector.error(self.row(at), message, help)
    }

    fn bad_time(&self, at: usize, text: &str) -> IngestError {
        self.bad(at, &self.table.time, text, "time", TIME_HELP)
    }

    fn times(&self) -> Result<Times, IngestError> {
        let field = &self.table.time;
        match &field.dtype {
            ArrowDataType::Timestamp(_, zone) => {
                let unit = units_per_s(&field.dtype).expect("a timestamp counts something");
                self.timestamps(unit, zone.is_none())
            }
            ArrowDataType::Date32 => {
                let days = self.counts(field)?;
                let midnights = days.into_no_null_iter().map(|day| 86_400 * day).collect();
                Ok(Times::new(midnights, Kind::Clock, false))
            }
            ArrowDataType::Utf8View => self.text_times(texts(self.column(field))),
            _ => {
                let numbers = numbers(self.column(field));
                let time = |(at, number): (usize, f64)| {
                    let text = || if number.is_nan() { String::new() } else { number.to_string() };
                    Time::of_number(number).ok_or_else(|| self.bad_time(at, &text()))
                };
                self.of_one_unit(&numbers)?;
                let times: Vec<Time> =
                    numbers.into_no_null_iter().enumerate().map(time).collect::<Result<_, _>>()?;
                self.of_one_kind(&times, false)
            }
        }
    }

    /// What a column of times counts, in which none may be missing.
    fn counts(&self, field: &ArrowField) -> Result<Int64Chunked, IngestError> {
        let counts = counts(self.column(field));
        let missing =
            if counts.null_count() > 0 { counts.iter().position(|count| count.is_none()) } else { None };
        missing.map_or(Ok(counts), |at| Err(self.bad_time(at, "")))
    }

    /// Times of a clock; one on the `wall` says no offset.
    fn timestamps(&self, unit: i64, wall: bool) -> Result<Times, IngestError> {
        let counts = self.counts(&self.table.time)?;
        match self.collector.reading.zone.as_ref().filter(|_| wall) {
            None => Ok(Times { counts, unit, kind: Kind::Clock, adrift: wall }),
            Some(zone) => self.local(zone, counts.into_no_null_iter(), unit),
        }
    }

    fn text_times(&self, texts: &StringChunked) -> Result<Times, IngestError> {
        let zone = self.collector.reading.zone.as_ref();
        let (mut all, mut adrift, mut previous) = (Vec::new(), false, None);
        for (at, text) in texts.iter().enumerate() {
            let text = text.unwrap_or_default();
            let read = clock::read(text, zone, previous).ok_or_else(|| self.bad_time(at, text))?;
            previous = Some(read.time.number());
            adrift |= read.adrift;
            all.push(read.time);
        }
        self.of_one_kind(&all, adrift)
    }

    /// Seconds and milliseconds, say, in one column.
    fn of_one_unit(&self, numbers: &Float64Chunked) -> Result<(), IngestError> {
        let units = || numbers.iter().map(|number| number.filter(|n| n.is_finite()).map(Written::of_number));
        let Some(first) = units().flatten().next() else { return Ok(()) };
        let Some(at) = units().position(|unit| unit.is_some_and(|unit| unit != first)) else { return Ok(()) };
        let message = format!(
            "`{}` is another kind of time than in row {} ({first})",
            numbers.get(at).unwrap_or(f64::NAN),
            self.row(0)
        );
        Err(self.collector.error(self.row(at), message, "write all times of one series the same way"))
    }

    fn of_one_kind(&self, all: &[Time], adrift: bool) -> Result<Times, IngestError> {
        let kind = all.first().map_or(Kind::Clock, |time| Kind::of(*time));
        if let Some(at) = all.iter().position(|time| Kind::of(*time) != kind) {
            let message = format!("`{}` is another kind of time than in row {}", all[at], self.row(0));
            let help = "write dates or whole steps, not both, within one series";
            return Err(self.collector.error(self.row(at), message, help));
        }
        Ok(Times::new(all.iter().map(|time| time.number()).collect(), kind, adrift))
    }

    /// Times of a clock on the wall, as instants.
    fn local(&self, zone: &Zone, wall: impl Iterator<Item = i64>, unit: i64) -> Result<Times, IngestError> {
        let mut previous = None;
        let instant = |(at, wall): (usize, i64)| {
            let read = zone.of_wall(wall.div_euclid(unit), previous);
            previous = read;
            read.ok_or_else(|| self.bad_time(at, &wall.to_string()))
        };
        let instants = wall.enumerate().map(instant).collect::<Result<_, _>>()?;
        Ok(Times::new(instants, Kind::Clock, false))
    }

    /// Numbers, those that are missing as NaN.
    fn values(&self, field: &ArrowField) -> Result<Float64Chunked, IngestError> {
        let bad = |at: usize, text: &str| self.bad(at, field, text, "number", NUMBER_HELP);
        if field.dtype == ArrowDataType::Utf8View {
            let read = |(at, text): (usize, Option<&str>)| {
                let text = text.unwrap_or_default();
                number(text).map(|n| n.unwrap_or(f64::NAN)).map_err(|()| bad(at, text))
            };
            let texts = texts(self.column(field)).iter();
            let read = texts.enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
            return Ok(Float64Chunked::from_vec("".into(), read));
        }
        let numbers = numbers(self.column(field));
        let infinite = numbers.into_no_null_iter().enumerate().find(|(_, number)| number.is_infinite());
        infinite.map_or(Ok(numbers), |(at, number)| Err(bad(at, &number.to_string())))
    }

    fn add(
        &mut self,
        id: &str,
        first: usize,
        times: &Times,
        numbers: &[i64],
        value: impl Fn(usize) -> f64,
    ) -> Result<(), IngestError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let row = self.row(first);
        let index = self.collector.series(id, times.kind, row, || numbers[0].to_string())?;
        self.collector.all[index].adrift |= times.adrift;
        self.collector.add(index, numbers.len() as u64, |cells| cells.extend(numbers, times.unit, value))
    }

    /// Rows of several series: those of each are gathered, then added.
    fn parted(
        &mut self,
        field: &ArrowField,
        times: &Times,
        values: Option<&[f64]>,
    ) -> Result<(), IngestError> {
        let column = self.column(field).clone();
        let names: Vec<String>;
        let ids: Vec<&str> = match &field.dtype {
            ArrowDataType::Utf8View => texts(&column).iter().map(Option::unwrap_or_default).collect(),
            _ => {
                let name = |n: f64| if n.is_nan() { String::new() } else { n.to_string() };
                names = numbers(&column).into_no_null_iter().map(name).collect();
                names.iter().map(String::as_str).collect()
            }
        };
        let numbers = times.numbers();
        for (id, rows) in by_name(&ids) {
            let own: Vec<i64> = rows.iter().map(|at| numbers[*at as usize]).collect();
            let value = |at: usize| values.map_or(f64::NAN, |values| values[rows[at] as usize]);
            self.add(id, rows[0] as usize, times, &own, value)?;
        }
        Ok(())
    }
}

/// The rows of each name, in the order of the first ones.
fn by_name<'a>(ids: &[&'a str]) -> Vec<(&'a str, Vec<u32>)> {
    let mut index: HashMap<&str, usize> = HashMap::new();
    let mut all: Vec<(&str, Vec<u32>)> = Vec::new();
    for (row, id) in ids.iter().enumerate() {
        let at = match all.last() {
            Some((last, _)) if last == id => all.len() - 1,
            _ => *index.entry(id).or_insert_with(|| {
                all.push((id, Vec::new()));
                all.len() - 1
            }),
        };
        all[at].1.push(row as u32);
    }
    all
}
