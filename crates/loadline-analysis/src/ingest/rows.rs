//! Rows of files, by series.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read},
};

use loadline_model::series::Time;
use serde_json::Value;

use super::{Columns, IngestError, columns::Chosen};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Cells separated by commas, with a line of names.
    Csv,
    /// The same separated by tabs.
    Tsv,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// By the end of a file's name; CSV where that says nothing.
    pub fn of_name(name: &str) -> Format {
        match name.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
            Some("tsv" | "tab") => Format::Tsv,
            Some("ndjson" | "jsonl" | "json") => Format::Ndjson,
            _ => Format::Csv,
        }
    }
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Its line in the file, from 1.
    pub line: u64,
    /// When.
    pub time: Time,
    /// The demand; `None` where the cell is empty or says so.
    pub value: Option<f64>,
}

/// The rows of one series as they stand in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct RawSeries {
    /// Its name; empty where there is no such column.
    pub id: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// Reads all series of `reader`, in the order of their first rows. `file` is its name in messages.
pub fn read(
    reader: impl Read,
    file: &str,
    format: Format,
    columns: &Columns,
) -> Result<Vec<RawSeries>, IngestError> {
    let mut collector = Collector { file, by_id: HashMap::new(), all: Vec::new() };
    match format {
        Format::Csv => delimited(reader, b',', columns, &mut collector)?,
        Format::Tsv => delimited(reader, b'\t', columns, &mut collector)?,
        Format::Ndjson => lines(reader, columns, &mut collector)?,
    }
    if collector.all.is_empty() {
        return Err(IngestError::new(file, None, "there are no rows", "give a file with times and values"));
    }
    Ok(collector.all)
}

fn delimited(
    reader: impl Read,
    delimiter: u8,
    columns: &Columns,
    collector: &mut Collector<'_>,
) -> Result<(), IngestError> {
    let file = collector.file;
    let broken = |error: csv::Error| {
        let line = error.position().map(csv::Position::line);
        IngestError::new(file, line, error.to_string(), "every line needs the same number of cells, in UTF-8")
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(reader);
    let headers = reader.headers().map_err(broken)?;
    let names: Vec<String> =
        headers.iter().map(|h| h.trim_start_matches('\u{feff}').trim().to_owned()).collect();
    let mut chosen = None;
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(broken)? {
        let at = match chosen {
            Some(at) => at,
            None => {
                let first: Vec<String> = record.iter().map(str::to_owned).collect();
                *chosen.insert(columns.choose(file, &names, &first)?)
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let id = at.series.map_or("", |i| &record[i]);
        collector.push(
            line,
            id,
            (&names[at.time], &record[at.time]),
            (&names[at.value], &record[at.value]),
        )?;
    }
    Ok(())
}

fn lines(reader: impl Read, columns: &Columns, collector: &mut Collector<'_>) -> Result<(), IngestError> {
    let file = collector.file;
    let mut chosen: Option<(Vec<String>, Chosen)> = None;
    for (index, line) in BufReader::new(reader).lines().enumerate() {
        let number = index as u64 + 1;
        let broken = |message: String| {
            IngestError::new(
                file,
                Some(number),
                message,
                "write one JSON object a line, such as {\"time\":…,\"value\":…}",
            )
        };
        let line = line.map_err(|e| broken(e.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let Value::Object(object) = serde_json::from_str(&line).map_err(|e| broken(e.to_string()))? else {
            return Err(broken("this is not a JSON object".into()));
        };
        if chosen.is_none() {
            let names: Vec<String> = object.keys().cloned().collect();
            let first: Vec<String> = object.values().map(cell).collect();
            let at = columns.choose(file, &names, &first)?;
            chosen = Some((names, at));
        }
        let (names, at) = chosen.as_ref().expect("just chosen");
        let text = |i: usize| object.get(&names[i]).map(cell).unwrap_or_default();
        let id = at.series.map(text).unwrap_or_default();
        collector.push(
            number,
            &id,
            (&names[at.time], &text(at.time)),
            (&names[at.value], &text(at.value)),
        )?;
    }
    Ok(())
}

/// A JSON value as a cell.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

struct Collector<'a> {
    file: &'a str,
    by_id: HashMap<String, usize>,
    all: Vec<RawSeries>,
}

impl Collector<'_> {
    /// `time` and `value` come with the names of their columns.
    fn push(
        &mut self,
        line: u64,
        id: &str,
        time: (&str, &str),
        value: (&str, &str),
    ) -> Result<(), IngestError> {
        let error = |(column, text): (&str, &str), kind: &str, help: &str| {
            IngestError::new(
                self.file,
                Some(line),
                format!("`{text}` in column `{column}` is not a {kind}"),
                help,
            )
        };
        let at = Time::parse(time.1).ok_or_else(|| {
            error(time, "time", "write RFC 3339 (2026-01-31T12:00:00Z), seconds since 1970, or a whole step")
        })?;
        let number = match value.1.trim().to_ascii_lowercase().as_str() {
            "" | "nan" | "na" | "n/a" | "null" | "none" | "-" => None,
            text => Some(
                text.parse::<f64>()
                    .ok()
                    .filter(|v| v.is_finite())
                    .ok_or_else(|| error(value, "number", "leave it empty where nothing was measured"))?,
            ),
        };
        let index = match self.by_id.get(id) {
            Some(index) => *index,
            None => {
                self.all.push(RawSeries { id: id.to_owned(), rows: Vec::new() });
                self.by_id.insert(id.to_owned(), self.all.len() - 1);
                self.all.len() - 1
            }
        };
        let series = &mut self.all[index];
        if let Some(first) = series.rows.first()
            && std::mem::discriminant(&first.time) != std::mem::discriminant(&at)
        {
            return Err(IngestError::new(
                self.file,
                Some(line),
                format!("`{}` is another kind of time than in line {}", time.1, first.line),
                "write dates or whole steps, not both, within one series",
            ));
        }
        series.rows.push(Row { line, time: at, value: number });
        Ok(())
    }
}
