//! The rows of one piece of a table, parted by series.

use std::collections::HashMap;
use std::ops::Range;

use loadline_model::series::Time;
use polars_arrow::datatypes::{ArrowDataType, Field};
use polars_buffer::Buffer;
use polars_parquet::read::Filter;

use super::super::{
    Aggregate, IngestError, RawSeries, Reading, clock,
    collector::{Collector, Kind},
    rows::{NUMBER_HELP, TIME_HELP, number},
};
use super::decode::{Arrays, arrays, is_number, natives, numbers, texts, units_per_s, whole};
use super::table::{Chunks, Role, Table};

/// Rows within one row group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) group: usize,
    pub(super) rows: Range<usize>,
    /// Whether these are all rows of the group.
    pub(super) whole: bool,
    /// Rows of the file before them.
    pub(super) before: u64,
}

/// Times of rows, with as many units a second (or a step) as `unit` says.
struct Times {
    numbers: Buffer<i64>,
    unit: i64,
    kind: Kind,
    adrift: bool,
}

/// What reading a piece needs to know.
struct Reader<'a> {
    table: &'a Table<'a>,
    piece: &'a Piece,
    chunks: &'a Chunks,
    collector: Collector<'a>,
}

/// Reads the rows of `piece` into series of their own.
pub(super) fn read(
    table: &Table<'_>,
    piece: &Piece,
    chunks: &Chunks,
    reading: &Reading,
) -> Result<Vec<RawSeries>, IngestError> {
    let collector = Collector::new(table.name, reading, "row");
    let mut reader = Reader { table, piece, chunks, collector };
    let times = reader.times()?;
    let values = match &table.value {
        Some(field) if reading.aggregate != Aggregate::Count => Some(reader.values(field)?),
        _ => None,
    };
    match &table.series {
        None => {
            reader.add("", 0, &times, &times.numbers, |at| values.as_ref().map_or(f64::NAN, |v| v[at]))?
        }
        Some(field) => reader.parted(field, &times, values.as_deref())?,
    }
    Ok(reader.collector.all)
}

impl Reader<'_> {
    fn arrays(&self, field: &Field, role: Role) -> Result<Arrays, IngestError> {
        let rows = &self.piece.rows;
        let filter = (!self.piece.whole).then(|| Filter::new_ranged(rows.start, rows.end));
        let decoded = self
            .table
            .column(self.chunks, field, role)
            .and_then(|(metadata, bytes)| arrays(metadata, bytes, field, filter));
        let wrong = |message: String| {
            let message = format!("column `{}`: {message}", field.name);
            IngestError::new(self.table.name, None, message, "write the file again, or give CSV")
        };
        let decoded = decoded.map_err(wrong)?;
        match decoded.iter().map(|array| array.len()).sum::<usize>() {
            found if found == rows.len() => Ok(decoded),
            found => Err(wrong(format!("it has {found} of {} rows", rows.len()))),
        }
    }

    /// Row numbers count from 1.
    fn row(&self, at: usize) -> u64 {
        self.piece.before + at as u64 + 1
    }

    fn bad(&self, at: usize, field: &Field, text: &str, what: &str, help: &str) -> IngestError {
        let message = format!("`{text}` in column `{}` is not a {what}", field.name);
        self.collector.error(self.row(at), message, help)
    }

    fn times(&self) -> Result<Times, IngestError> {
        let field = &self.table.time;
        let arrays = self.arrays(field, Role::Time)?;
        if let Some(unit) = units_per_s(&field.dtype) {
            let numbers = match whole::<i64>(&arrays) {
                Some(numbers) => numbers,
                None => self.present(field, natives::<i64>(&arrays))?,
            };
            let zone = self.collector.reading.zone.as_ref();
            let wall = matches!(&field.dtype, ArrowDataType::Timestamp(_, None));
            return match zone.filter(|_| wall) {
                None => Ok(Times { numbers, unit, kind: Kind::Clock, adrift: wall }),
                Some(zone) => self.local(zone, &numbers, unit),
            };
        }
        let dtype = &field.dtype;
        let read: Vec<Time> = match dtype {
            ArrowDataType::Date32 => {
                let days = self.present(field, natives::<i32>(&arrays))?;
                days.iter().map(|day| Time::Clock(86_400 * i64::from(*day))).collect()
            }
            ArrowDataType::Utf8View => return self.text_times(field, &arrays),
            dtype if is_number(dtype) => {
                let numbers = numbers(&arrays, dtype).expect("these are numbers");
                let time = |(at, number): (usize, &f64)| {
                    let text = || if number.is_nan() { String::new() } else { number.to_string() };
                    Time::of_number(*number).ok_or_else(|| self.bad(at, field, &text(), "time", TIME_HELP))
                };
                numbers.iter().enumerate().map(time).collect::<Result<_, _>>()?
            }
            _ => {
                let message = format!("column `{}` holds no times", field.name);
                return Err(IngestError::new(self.table.name, None, message, "name another with --time"));
            }
        };
        self.of_one_kind(&read, false)
    }

    /// The values of a column of times, in which none may be missing.
    fn present<T>(
        &self,
        field: &Field,
        values: impl Iterator<Item = Option<T>>,
    ) -> Result<Buffer<T>, IngestError> {
        let value =
            |(at, value): (usize, Option<T>)| value.ok_or_else(|| self.bad(at, field, "", "time", TIME_HELP));
        values.enumerate().map(value).collect::<Result<Vec<T>, _>>().map(Buffer::from_vec)
    }

    fn text_times(&self, field: &Field, arrays: &Arrays) -> Result<Times, IngestError> {
        let zone = self.collector.reading.zone.as_ref();
        let (mut all, mut adrift, mut previous) = (Vec::new(), false, None);
        for (at, text) in texts(arrays).enumerate() {
            let text = text.unwrap_or_default();
            let read = clock::read(text, zone, previous)
                .ok_or_else(|| self.bad(at, field, text, "time", TIME_HELP))?;
            previous = Some(read.time.number());
            adrift |= read.adrift;
            all.push(read.time);
        }
        self.of_one_kind(&all, adrift)
    }

    fn of_one_kind(&self, all: &[Time], adrift: bool) -> Result<Times, IngestError> {
        let kind = all.first().map_or(Kind::Clock, |time| Kind::of(*time));
        if let Some(at) = all.iter().position(|time| Kind::of(*time) != kind) {
            let message = format!("`{}` is another kind of time than in row {}", all[at], self.row(0));
            let help = "write dates or whole steps, not both, within one series";
            return Err(self.collector.error(self.row(at), message, help));
        }
        let numbers = Buffer::from_vec(all.iter().map(|time| time.number()).collect());
        Ok(Times { numbers, unit: 1, kind, adrift })
    }

    /// Times of a clock on the wall, as instants.
    fn local(&self, zone: &super::super::Zone, wall: &[i64], unit: i64) -> Result<Times, IngestError> {
        let mut previous = None;
        let mut instant = |(at, wall): (usize, &i64)| {
            let read = zone.of_wall(wall.div_euclid(unit), previous);
            previous = read;
            read.ok_or_else(|| self.bad(at, &self.table.time, &wall.to_string(), "time", TIME_HELP))
        };
        let numbers = wall.iter().enumerate().map(&mut instant).collect::<Result<Vec<_>, _>>()?;
        Ok(Times { numbers: Buffer::from_vec(numbers), unit: 1, kind: Kind::Clock, adrift: false })
    }

    /// Numbers, those that are missing as NaN.
    fn values(&self, field: &Field) -> Result<Buffer<f64>, IngestError> {
        let arrays = self.arrays(field, Role::Value)?;
        let bad = |at: usize, text: &str| self.bad(at, field, text, "number", NUMBER_HELP);
        if field.dtype == ArrowDataType::Utf8View {
            let read = |(at, text): (usize, Option<&str>)| {
                let text = text.unwrap_or_default();
                number(text).map(|n| n.unwrap_or(f64::NAN)).map_err(|()| bad(at, text))
            };
            return texts(&arrays).enumerate().map(read).collect::<Result<Vec<_>, _>>().map(Buffer::from_vec);
        }
        let numbers = numbers(&arrays, &field.dtype).ok_or_else(|| {
            let message = format!("column `{}` holds no numbers", field.name);
            IngestError::new(self.table.name, None, message, "name another with --value")
        })?;
        match numbers.iter().position(|number| number.is_infinite()) {
            Some(at) => Err(bad(at, &numbers[at].to_string())),
            None => Ok(numbers),
        }
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
    fn parted(&mut self, field: &Field, times: &Times, values: Option<&[f64]>) -> Result<(), IngestError> {
        let arrays = self.arrays(field, Role::Series)?;
        let names: Vec<String>;
        let ids: Vec<&str> = match &field.dtype {
            ArrowDataType::Utf8View => texts(&arrays).map(Option::unwrap_or_default).collect(),
            dtype if is_number(dtype) => {
                let numbers = numbers(&arrays, dtype).expect("these are numbers");
                names =
                    numbers.iter().map(|n| if n.is_nan() { String::new() } else { n.to_string() }).collect();
                names.iter().map(String::as_str).collect()
            }
            _ => {
                let message = format!("column `{}` holds neither text nor numbers", field.name);
                return Err(IngestError::new(self.table.name, None, message, "name another with --series"));
            }
        };
        for (id, rows) in by_name(&ids) {
            let own: Vec<i64> = rows.iter().map(|at| times.numbers[*at as usize]).collect();
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
