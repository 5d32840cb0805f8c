//! Rows of text files.

use std::io::{BufRead, BufReader, Read};

use loadline_model::lines::{Lines, line_of};
use serde_json::Value;

use super::{
    Aggregate, IngestError, RawSeries, Reading, clock,
    collector::{Collector, Kind},
    columns::Chosen,
};

/// How a text file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Cells separated by commas, or by semicolons or tabs where the line of names has no comma; with semicolons a comma
    /// may be the decimal point.
    Csv,
    /// The same separated by tabs.
    Tsv,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// By the end of a file's name, that of a compression left out; CSV where that says nothing.
    pub fn of_name(name: &str) -> Format {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
        match name.rsplit('.').next() {
            Some("tsv" | "tab") => Format::Tsv,
            Some("ndjson" | "jsonl" | "json") => Format::Ndjson,
            _ => Format::Csv,
        }
    }
}

/// Reads all series of `reader`, in the order of their first rows, row by row: what is held are the steps of the series,
/// not the rows. `file` is its name in messages.
///
/// # Errors
///
/// The first thing that cannot be used, with its line, its column and the way out.
pub fn read(
    reader: impl Read,
    file: &str,
    format: Format,
    reading: &Reading,
) -> Result<Vec<RawSeries>, IngestError> {
    let mut rows = Rows { collector: Collector::new(file, reading, "line"), before: None, comma: false };
    match format {
        Format::Csv => {
            let (mut reader, mut first) = (BufReader::new(reader), Vec::new());
            let read = reader.by_ref().take(FIRST_LINE_MAX).read_until(b'\n', &mut first);
            read.map_err(|e| {
                IngestError::new(file, None, format!("it cannot be read: {e}"), "is it whole?")
            })?;
            let delimiter = separator(&first);
            rows.comma = delimiter == b';';
            delimited(first.as_slice().chain(reader), delimiter, &mut rows)?;
        }
        Format::Tsv => delimited(reader, b'\t', &mut rows)?,
        Format::Ndjson => lines(reader, &mut rows)?,
    }
    rows.collector.finish()
}

/// Of a first line longer than this the rest is not looked at for what separates its cells.
const FIRST_LINE_MAX: u64 = 1 << 20;

/// What separates the cells of the first line.
fn separator(line: &[u8]) -> u8 {
    [b',', b';', b'\t'].into_iter().find(|separator| line.contains(separator)).unwrap_or(b',')
}

fn delimited(reader: impl Read, delimiter: u8, rows: &mut Rows<'_>) -> Result<(), IngestError> {
    let (file, reading) = (rows.collector.file, rows.collector.reading);
    let broken = |error: csv::Error| {
        let line = error.position().map(csv::Position::line);
        IngestError::new(
            file,
            line,
            csv_message(&error),
            "every line needs the same number of cells, in UTF-8",
        )
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(Lines::new(reader));
    let headers = reader.headers().map_err(broken)?;
    let names: Vec<String> =
        headers.iter().map(|h| h.trim_start_matches('\u{feff}').trim().to_owned()).collect();
    let mut chosen = None;
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(broken)? {
        let at = match chosen {
            Some(at) => at,
            None => {
                let pointed = |cell: &str| if rows.comma { cell.replacen(',', ".", 1) } else { cell.into() };
                let first: Vec<String> = record.iter().map(pointed).collect();
                *chosen.insert(reading.choose(file, &names, &first)?)
            }
        };
        let line = line_of(&reader, &record);
        let named = |i: usize| (names[i].as_str(), &record[i]);
        rows.push(line, at.series.map_or("", |i| &record[i]), named(at.time), at.value.map(named))?;
    }
    Ok(())
}

/// The word of the CSV reader without the place, which is said apart.
fn csv_message(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("this line has {len} cells, the first one has {expected_len}")
        }
        csv::ErrorKind::Utf8 { err, .. } => format!("cell {} is not UTF-8 text", err.field() + 1),
        csv::ErrorKind::Io(error) => format!("it cannot be read: {error}"),
        _ => error.to_string(),
    }
}

fn lines(reader: impl Read, rows: &mut Rows<'_>) -> Result<(), IngestError> {
    let (file, reading) = (rows.collector.file, rows.collector.reading);
    let mut chosen: Option<(Vec<String>, Chosen)> = None;
    for (index, line) in BufReader::new(reader).lines().enumerate() {
        let number = index as u64 + 1;
        let broken = |message: String| {
            let help = "write one JSON object a line, such as {\"time\":…,\"value\":…}";
            IngestError::new(file, Some(number), message, help)
        };
        let line = line.map_err(|e| broken(format!("it cannot be read: {e}")))?;
        if line.trim().is_empty() {
            continue;
        }
        let Value::Object(object) = serde_json::from_str(&line).map_err(|e| broken(json_message(&e)))? else {
            return Err(broken("this is not a JSON object".into()));
        };
        if chosen.is_none() {
            let names: Vec<String> = object.keys().cloned().collect();
            let first: Vec<String> = object.values().map(cell).collect();
            let at = reading.choose(file, &names, &first)?;
            chosen = Some((names, at));
        }
        let (names, at) = chosen.as_ref().expect("just chosen");
        let text = |i: usize| object.get(&names[i]).map(cell).unwrap_or_default();
        let (id, time, value) = (at.series.map(text).unwrap_or_default(), text(at.time), at.value.map(text));
        let value = at.value.zip(value.as_deref()).map(|(i, text)| (names[i].as_str(), text));
        rows.push(number, &id, (&names[at.time], &time), value)?;
    }
    Ok(())
}

/// The word of the JSON reader without the line, which is said apart.
fn json_message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let bare = text.rsplit_once(" at line ").map_or(text.as_str(), |(bare, _)| bare);
    format!("column {}: {bare}", error.column())
}

/// A JSON value as a cell.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A number, or `None` where the cell is empty or says so; an error where it is neither.
pub(super) fn number(text: &str) -> Result<Option<f64>, ()> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => return Ok(Some(value)),
        Ok(value) if value.is_nan() => return Ok(None),
        _ => {}
    }
    match text.to_ascii_lowercase().as_str() {
        "" | "na" | "n/a" | "null" | "none" | "-" => Ok(None),
        _ => Err(()),
    }
}

/// What to do about a cell that is no time.
pub(super) const TIME_HELP: &str =
    "write RFC 3339 (2026-01-31T12:00:00Z), seconds since 1970, or a whole step";
/// What to do about a cell that is no number.
pub(super) const NUMBER_HELP: &str = "leave it empty where nothing was measured";

struct Rows<'a> {
    collector: Collector<'a>,
    /// The text of the time in the row before, and what it was read as.
    before: Option<(String, clock::Read)>,
    /// Whether a comma may be the decimal point.
    comma: bool,
}

impl Rows<'_> {
    /// `time` and `value` come with the names of their columns.
    fn push(
        &mut self,
        line: u64,
        id: &str,
        time: (&str, &str),
        value: Option<(&str, &str)>,
    ) -> Result<(), IngestError> {
        let reading = self.collector.reading;
        let error = |(column, text): (&str, &str), kind: &str, help: &str| {
            self.collector.error(line, format!("`{text}` in column `{column}` is not a {kind}"), help)
        };
        let number = match value.filter(|_| reading.aggregate != Aggregate::Count) {
            None => None,
            Some(value) => {
                let read = match number(value.1) {
                    Err(()) if self.comma => number(&value.1.replacen(',', ".", 1)),
                    read => read,
                };
                read.map_err(|()| error(value, "number", NUMBER_HELP))?
            }
        };
        // Many files have rows of many series at the same time: that is read once.
        let known = self.before.as_ref().filter(|b| b.0 == time.1 && reading.zone.is_none()).map(|b| b.1);
        let read = match known {
            Some(read) => read,
            None => {
                let previous = reading.zone.as_ref().and_then(|_| self.collector.last_time(id));
                let read = clock::read(time.1, reading.zone.as_ref(), previous);
                let read = read.ok_or_else(|| error(time, "time", TIME_HELP))?;
                self.before = Some((time.1.to_owned(), read));
                read
            }
        };
        let index = self.collector.series(id, Kind::of(read.time), line, || time.1.to_owned())?;
        self.collector.written(index, read.written, line, || time.1.to_owned())?;
        self.collector.all[index].adrift |= read.adrift;
        self.collector.add(index, 1, |cells| cells.push(read.time.number(), number))
    }
}
