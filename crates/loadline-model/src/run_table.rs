//! Figures of many runs, one row a run: the CSV that `compare` and `changes` read.
//!
//! ```csv
//! run,time,commit,p50_ms,p99_ms,throughput_per_s
//! 1,2026-11-02T08:00:00Z,4f2a,1.91,4.10,499.8
//! ```
//!
//! `run`, `time` and `commit` are optional; without `run` a row is known by its number. Every other column is a
//! metric, or a label if none of its cells is a number. An empty cell is a figure that the run does not have. Columns
//! of [`SERIES`] are labels whatever stands in them: they say which of several histories a row belongs to.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

/// What a figure is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Figure {
    /// The request; [`ALL`]: all of them.
    pub request: String,
    /// The name with its unit, such as `p99_ms`.
    pub name: String,
}

/// The request that stands for all of them.
pub const ALL: &str = "all";

/// Columns that say what a row is about: their values are names.
pub const SERIES: [&str; 10] = [
    "series",
    "series_id",
    "unique_id",
    "metric",
    "metric_name",
    "benchmark",
    "test",
    "test_name",
    "scenario",
    "endpoint",
];

/// The figures of one run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFigures {
    /// What it is called in its table, or its folder.
    pub run: String,
    /// When it was made, in seconds since some origin common to the table.
    pub time_s: Option<f64>,
    /// The same, as it was written.
    pub time: Option<String>,
    /// The commit it measured.
    pub commit: Option<String>,
    /// Finite figures; one that does not exist is absent.
    pub values: BTreeMap<Figure, f64>,
    /// What its labels say, by column; an empty one is absent.
    pub labels: BTreeMap<String, String>,
    /// Why figures that one might look for are absent, where it is known.
    pub missing: BTreeMap<Figure, String>,
    /// Standard errors of the logarithms of figures from the noise within the run, where they are known.
    pub errors_within: BTreeMap<Figure, f64>,
    /// How many requests it made, by request and under [`ALL`], where they are known.
    pub requests: BTreeMap<String, u64>,
    /// Why the run cannot be used, where it cannot.
    pub invalid: Option<String>,
}

/// Runs and what was measured of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunTable {
    /// The metrics in the order of the columns.
    pub figures: Vec<Figure>,
    /// The columns that hold no number at all.
    pub labels: Vec<String>,
    /// The runs in the order of the rows.
    pub runs: Vec<RunFigures>,
}

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The bytes cannot be read, or are no CSV.
    #[error("{name}: {source}; give a CSV in UTF-8")]
    Csv {
        /// The table.
        name: String,
        /// What the reader said.
        source: csv::Error,
    },
    /// A row has too few or too many cells.
    #[error("{name}, line {line}: {cells} cells where the header has {wanted}; every row needs as many")]
    Row {
        /// The table.
        name: String,
        /// The line, from 1.
        line: u64,
        /// What the row has.
        cells: u64,
        /// What the header has.
        wanted: u64,
    },
    /// There is no row below the header.
    #[error("{name}: no runs; a table has a header such as `run,time,p50_ms,p99_ms` and one row a run")]
    Empty {
        /// The table.
        name: String,
    },
    /// There is no column with figures.
    #[error(
        "{name}: no column holds numbers; add a metric such as `p99_ms`{}, cells apart by commas and numbers with a point \
         and without a unit", cell.as_ref().map_or(String::new(), |cell| format!(" (there is `{cell}`)"))
    )]
    NoFigures {
        /// The table.
        name: String,
        /// What stands in one of the columns.
        cell: Option<String>,
    },
    /// A column has no name, or a name comes twice.
    #[error(
        "{name}: the header has the column `{column}` more than once; every column needs a name of its own"
    )]
    Header {
        /// The table.
        name: String,
        /// The column.
        column: String,
    },
    /// A cell cannot be read.
    #[error("{name}, line {line}, column `{column}`: `{cell}` is not {wanted}")]
    Cell {
        /// The table.
        name: String,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        cell: String,
        /// What should, and the way out.
        wanted: &'static str,
    },
    /// A run stands in the table twice.
    #[error(
        "{name}, line {line}: run `{run}` is there twice; a run counts once, so remove one or give it its own id"
    )]
    Twice {
        /// The table.
        name: String,
        /// The second line.
        line: u64,
        /// The run.
        run: String,
    },
}

/// What a column is for.
enum Role {
    Run,
    Time,
    Commit,
    Figure,
    Label,
}

const NUMBER: &str = "a finite number; leave the cell empty where the run has no such figure";
const TIME: &str = "a time; write RFC 3339 such as `2026-11-02T08:00:00Z`, epoch seconds or an integer step";

impl RunTable {
    /// Reads a CSV; `name` is what messages call it.
    ///
    /// # Errors
    /// When it cannot be read, has no run or no figure, or names a run twice.
    pub fn read_csv(name: &str, mut input: impl Read) -> Result<RunTable, TableError> {
        let mut bytes = Vec::new();
        input
            .read_to_end(&mut bytes)
            .map_err(|source| TableError::Csv { name: name.into(), source: source.into() })?;
        let fault = |source: csv::Error| match *source.kind() {
            csv::ErrorKind::UnequalLengths { ref pos, expected_len, len } => TableError::Row {
                name: name.into(),
                line: line(&bytes, pos.as_ref()),
                cells: len,
                wanted: expected_len,
            },
            _ => TableError::Csv { name: name.into(), source },
        };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.as_slice());
        let header: Vec<String> = reader
            .headers()
            .map_err(fault)?
            .iter()
            .map(|cell| cell.trim_start_matches('\u{feff}').into())
            .collect();
        let mut seen = HashSet::new();
        if let Some(column) = header.iter().find(|column| !seen.insert(column.as_str())) {
            return Err(TableError::Header { name: name.into(), column: column.clone() });
        }
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().map_err(fault)?;
        if rows.is_empty() {
            return Err(TableError::Empty { name: name.into() });
        }
        let roles: Vec<Role> =
            header.iter().enumerate().map(|(at, column)| role(column, at, &rows)).collect();
        let named = |wanted: fn(&Role) -> bool| {
            header.iter().zip(&roles).filter(move |(_, role)| wanted(role)).map(|(column, _)| column.clone())
        };
        let figures: Vec<Figure> = named(|role| matches!(role, Role::Figure)).map(Figure::of_all).collect();
        if figures.is_empty() {
            let mut cells = rows[0].iter().zip(&roles).filter(|(_, role)| matches!(role, Role::Label));
            let cell = cells.next().map(|(cell, _)| cell.to_owned());
            return Err(TableError::NoFigures { name: name.into(), cell });
        }
        let labels = named(|role| matches!(role, Role::Label)).collect();
        let mut table = RunTable { figures, labels, runs: Vec::with_capacity(rows.len()) };
        let mut ids = HashSet::new();
        for (index, row) in rows.iter().enumerate() {
            let place = Place { name, line: line(&bytes, row.position()), index };
            let run = read_run(&header, &roles, row, place)?;
            if !ids.insert(run.run.clone()) {
                return Err(TableError::Twice { name: name.into(), line: place.line, run: run.run });
            }
            table.runs.push(run);
        }
        Ok(table)
    }
}

impl Figure {
    /// A figure over all requests.
    pub fn of_all(name: impl Into<String>) -> Figure {
        Figure { request: ALL.into(), name: name.into() }
    }
}

fn role(column: &str, at: usize, rows: &[csv::StringRecord]) -> Role {
    match column.to_ascii_lowercase().as_str() {
        "run" => Role::Run,
        "time" | "timestamp" => Role::Time,
        "commit" => Role::Commit,
        name if SERIES.contains(&name) => Role::Label,
        _ => {
            let mut cells =
                rows.iter().filter_map(|row| row.get(at)).filter(|cell| !cell.is_empty()).peekable();
            // A column that is all empty is a figure no run has, not a label.
            let figure = cells.peek().is_none() || cells.any(|cell| cell.parse::<f64>().is_ok());
            if figure { Role::Figure } else { Role::Label }
        }
    }
}

/// The line on which a record begins. The reader's own count stops before the line ends and the empty lines that it has
/// yet to pass over.
fn line(bytes: &[u8], position: Option<&csv::Position>) -> u64 {
    let reached = position.map_or(0, |position| position.byte() as usize).min(bytes.len());
    let passed = bytes[reached..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    1 + bytes[..reached + passed].iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Where a row stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    name: &'a str,
    line: u64,
    index: usize,
}

fn read_run(
    header: &[String],
    roles: &[Role],
    row: &csv::StringRecord,
    place: Place<'_>,
) -> Result<RunFigures, TableError> {
    let mut run = RunFigures { run: (place.index + 1).to_string(), ..RunFigures::default() };
    for ((column, role), cell) in header.iter().zip(roles).zip(row) {
        let wrong = |wanted| TableError::Cell {
            name: place.name.into(),
            line: place.line,
            column: column.clone(),
            cell: cell.into(),
            wanted,
        };
        match role {
            _ if cell.is_empty() => {}
            Role::Run => run.run = cell.into(),
            Role::Commit => run.commit = Some(cell.into()),
            Role::Label => {
                run.labels.insert(column.clone(), cell.into());
            }
            Role::Time => {
                run.time_s = Some(seconds(cell).ok_or_else(|| wrong(TIME))?);
                run.time = Some(cell.into());
            }
            Role::Figure => {
                let value =
                    cell.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| wrong(NUMBER))?;
                run.values.insert(Figure::of_all(column.clone()), value);
            }
        }
    }
    Ok(run)
}

/// Reads RFC 3339, or a number of seconds or steps.
fn seconds(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_microsecond() as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<RunTable, TableError> {
        RunTable::read_csv("runs.csv", text.as_bytes())
    }

    fn message(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn a_table_of_runs_is_read() {
        let table = read("run,time,commit,host,p99_ms,errors\na,2026-11-02T08:00:00Z,4f2a,web1,4.1,\nb,2026-11-02T09:00:00Z,4f2a,web2,4.3,2\n").unwrap();
        assert_eq!(table.figures, [Figure::of_all("p99_ms"), Figure::of_all("errors")]);
        assert_eq!(table.labels, ["host"]);
        assert_eq!(table.runs[1].time_s.unwrap() - table.runs[0].time_s.unwrap(), 3600.0);
        assert_eq!(table.runs[0].commit.as_deref(), Some("4f2a"));
        assert_eq!(table.runs[0].values.get(&Figure::of_all("errors")), None);
        assert_eq!(table.runs[1].values[&Figure::of_all("errors")], 2.0);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(
            message("p99_ms\n1\nNaN\n").contains("line 3, column `p99_ms`: `NaN` is not a finite number")
        );
        assert!(message("p99_ms\n1\nfast\n").contains("`fast` is not a finite number"));
        assert!(message("run,p99_ms\na,1\na,2\n").contains("run `a` is there twice"));
        assert!(message("run,p99_ms\n").contains("no runs"));
        assert!(message("").contains("no runs"));
        assert!(message("run,host\na,web1\n").contains("no column holds numbers"));
        assert!(message("p99_ms\n4.1ms\n").contains("`4.1ms`"));
        assert!(message("p99_ms,p99_ms\n1,2\n").contains("more than once"));
        assert!(message("time,p99_ms\nyesterday,2\n").contains("`yesterday` is not a time"));
        assert!(message("a,b\n1,2\n3\n").contains("line 3: 1 cells where the header has 2"));
    }

    /// Line ends of either kind, and empty lines, are counted.
    #[test]
    fn lines_are_those_of_an_editor() {
        for (text, line) in [
            ("p99_ms\r\n1\r\nNaN\r\n", 3),
            ("p99_ms\n\n\n1\nNaN\n", 5),
            ("\r\np99_ms\r\n\r\n1\r\n\r\nNaN", 6),
            ("run,p99_ms\n\"a\nb\",1\nc,NaN\n", 4),
        ] {
            assert!(message(text).contains(&format!("line {line}, column")), "{}", message(text));
        }
        assert!(message("a,b\r\n1,2\r\n3\r\n").contains("line 3:"));
        assert!(message("run,p99_ms\r\na,1\r\na,2\r\n").contains("line 3:"));
    }

    proptest! {
        /// Whatever the bytes are, there is a table or an error, and every figure is finite.
        #[test]
        fn no_input_panics(text in "[a-z0-9,.\\-\n\"NaNinf ]{0,120}") {
            if let Ok(table) = read(&text) {
                prop_assert!(table.runs.iter().flat_map(|run| run.values.values()).all(|value| value.is_finite()));
            }
        }
    }
}
