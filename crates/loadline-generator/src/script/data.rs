//! Data rows from CSV and JSON Lines.

use minijinja::value::{Serde, Value};

use super::random::hash;
use loadline_model::lines::Lines;
use loadline_model::scenario::{DataFormat, Pick};

/// A data source with `pick: once` has no row left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the data source `{source_name}` has only {rows} rows, and each may be used once; give it more rows or `pick: sequential`"
)]
pub struct OutOfRows {
    /// The data source.
    pub source_name: String,
    /// How many rows it has.
    pub rows: usize,
}

/// A table in memory.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    pick: Pick,
}

impl Source {
    /// Reads a file; the error is one line without the file's name.
    pub(super) fn read(name: &str, bytes: &[u8], format: DataFormat, pick: Pick) -> Result<Source, String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let (columns, rows) = match format {
            DataFormat::Csv => csv_rows(bytes)?,
            DataFormat::Jsonl => json_rows(bytes)?,
        };
        if rows.is_empty() {
            return Err("it has no rows".into());
        }
        Ok(Source { name: name.into(), columns, rows, pick })
    }

    /// The row of an arrival.
    pub(super) fn pick(&self, seed: u64, stream: u64, index: u64) -> Result<usize, OutOfRows> {
        let rows = self.rows.len() as u64;
        let row = match self.pick {
            Pick::Sequential => index % rows,
            Pick::Random => {
                ((u128::from(hash(seed ^ (stream + 1).rotate_left(40), index)) * u128::from(rows)) >> 64)
                    as u64
            }
            Pick::Once if index < rows => index,
            Pick::Once => return Err(OutOfRows { source_name: self.name.clone(), rows: self.rows.len() }),
        };
        Ok(row as usize)
    }

    pub(super) fn cell(&self, row: usize, column: usize) -> Value {
        self.rows[row][column].clone()
    }

    /// A row as a mapping, for expressions.
    pub(super) fn row(&self, row: usize) -> Value {
        let cells = self.columns.iter().map(String::as_str).zip(self.rows[row].iter().cloned());
        Value::from_pairs(cells.filter(|(_, value)| !value.is_undefined()))
    }
}

type Table = (Vec<String>, Vec<Vec<Value>>);

fn csv_rows(bytes: &[u8]) -> Result<Table, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(Lines::new(bytes));
    let columns: Vec<String> =
        reader.headers().map_err(|error| error.to_string())?.iter().map(String::from).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| match error.kind() {
            csv::ErrorKind::UnequalLengths { pos: Some(at), expected_len, len } => {
                format!("line {} has {len} fields, but the header has {expected_len}", at.line())
            }
            _ => error.to_string(),
        })?;
        rows.push(record.iter().map(Value::from).collect());
    }
    Ok((columns, rows))
}

fn json_rows(bytes: &[u8]) -> Result<Table, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let mut objects = Vec::new();
    for (line, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
            .map_err(|error| format!("line {} is no JSON object: {error}", line + 1))?;
        objects.push(object);
    }
    let mut columns: Vec<String> = objects.iter().flat_map(|object| object.keys().cloned()).collect();
    columns.sort();
    columns.dedup();
    let cell = |object: &serde_json::Map<_, _>, column: &String| {
        object.get(column).map(|json| Value::from(Serde(json)))
    };
    let row = |object| columns.iter().map(|column| cell(object, column).unwrap_or_default()).collect();
    let rows = objects.iter().map(row).collect();
    Ok((columns, rows))
}
