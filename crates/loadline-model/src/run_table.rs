//! Figures of many runs, one row a run: the CSV that `compare` and `changes` read.
//!
//! ```csv
//! run,time,commit,p50_ms,p99_ms,throughput_per_s
//! 1,2026-11-02T08:00:00Z,4f2a,1.91,4.10,499.8
//! ```
//!
//! `run`, `time` and `commit` are optional; without `run` a row is known by its number. A time may also be called
//! `timestamp`, `datetime` or `date`; one without a zone is of UTC. `valid` (true or false) and `status` say which runs
//! cannot be used. With a column `request` the rows of a run are about one request each, and belong together by `run`, or
//! else by their time. Every other column is a metric, or a label if none of its cells is a number. An empty cell is a
//! figure that the run does not have. Columns of [`SERIES`] are labels whatever stands in them: they say which of several
//! histories a row belongs to.

use std::collections::{BTreeMap, HashMap, HashSet};
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
pub const SERIES: [&str; 11] = [
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
    "request",
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
    /// The columns that hold words, or names whatever they look like.
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
    /// A run stands in the table twice, with the same request if rows are about requests.
    #[error(
        "{name}, line {line}: run `{run}`{} is there twice; a run counts once, so remove one or give it its own id",
        request.as_ref().map_or(String::new(), |request| format!(" with the request `{request}`"))
    )]
    Twice {
        /// The table.
        name: String,
        /// The second line.
        line: u64,
        /// The run.
        run: String,
        /// The request that the row is about, where rows are about one.
        request: Option<String>,
    },
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Role {
    Run,
    Time,
    Commit,
    Request,
    Valid,
    Status,
    Figure,
    Label,
}

/// What a column of times may be called; the first of these that there is counts.
const TIMES: [&str; 4] = ["time", "timestamp", "datetime", "date"];
/// What a `status` says of a run that can be used, and of one that cannot. A column without any of these is a label.
const USABLE: [&str; 12] = [
    "ok",
    "good",
    "valid",
    "complete",
    "completed",
    "done",
    "finished",
    "pass",
    "passed",
    "success",
    "succeeded",
    "successful",
];
const UNUSABLE: [&str; 20] = [
    "invalid",
    "bad",
    "ko",
    "broken",
    "crashed",
    "killed",
    "skipped",
    "failure",
    "unstable",
    "incomplete",
    "interrupted",
    "aborted",
    "cancelled",
    "canceled",
    "error",
    "errored",
    "fail",
    "failed",
    "generator_limited",
    "timeout",
];

const NUMBER: &str = "a finite number; leave the cell empty where the run has no such figure";
const TIME: &str =
    "a time; write RFC 3339 such as `2026-11-02T08:00:00Z`, a date, epoch seconds or an integer step";
const VALID: &str = "`true` or `false`; name the column otherwise if it is no mark of runs that count";
const STATUS: &str = "a status that is known: write `ok` or `failed`, or name the column otherwise if it is no mark of runs \
                      that count";

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
        let roles = roles(&header, &rows);
        let named = |wanted: Role| {
            header
                .iter()
                .zip(&roles)
                .filter(move |(_, role)| **role == wanted)
                .map(|(column, _)| column.clone())
        };
        let columns: Vec<String> = named(Role::Figure).collect();
        if columns.is_empty() {
            let mut cells = rows[0].iter().zip(&roles).filter(|(_, role)| matches!(role, Role::Label));
            let cell = cells.next().map(|(cell, _)| cell.to_owned());
            return Err(TableError::NoFigures { name: name.into(), cell });
        }
        let labels = named(Role::Label).collect();
        let mut table = RunTable { figures: Vec::new(), labels, runs: Vec::with_capacity(rows.len()) };
        let mut ids: HashMap<String, usize> = HashMap::new();
        let mut requests: Vec<String> = Vec::new();
        let mut seen = HashSet::new();
        for (index, row) in rows.iter().enumerate() {
            let place = Place { name, line: line(&bytes, row.position()), index };
            let Row { run, request } = read_run(&header, &roles, row, place)?;
            if !seen.insert((run.run.clone(), request.clone())) {
                return Err(TableError::Twice { name: name.into(), line: place.line, run: run.run, request });
            }
            let request = request.unwrap_or_else(|| ALL.into());
            if !requests.contains(&request) {
                requests.push(request);
            }
            match ids.get(&run.run) {
                Some(at) => table.runs[*at].join(run),
                None => {
                    ids.insert(run.run.clone(), table.runs.len());
                    table.runs.push(run);
                }
            }
        }
        let of = |request: &String| {
            let request = request.clone();
            columns.iter().map(move |name| Figure { request: request.clone(), name: name.clone() })
        };
        table.figures = requests.iter().flat_map(of).collect();
        Ok(table)
    }
}

impl RunFigures {
    /// Takes the figures of another row of the same run.
    fn join(&mut self, row: RunFigures) {
        self.values.extend(row.values);
        self.time_s = self.time_s.or(row.time_s);
        self.time = self.time.take().or(row.time);
        self.commit = self.commit.take().or(row.commit);
        self.invalid = self.invalid.take().or(row.invalid);
        row.labels.into_iter().for_each(|(column, cell)| {
            self.labels.entry(column).or_insert(cell);
        });
    }
}

impl Figure {
    /// A figure over all requests.
    pub fn of_all(name: impl Into<String>) -> Figure {
        Figure { request: ALL.into(), name: name.into() }
    }
}

/// What each column is for.
fn roles(header: &[String], rows: &[csv::StringRecord]) -> Vec<Role> {
    let names: Vec<String> = header.iter().map(|column| column.to_ascii_lowercase()).collect();
    let has = |name: &str| names.iter().any(|other| other == name);
    let time = TIMES.into_iter().find(|time| has(time));
    let each = names.iter().enumerate().map(|(at, name)| {
        let mut cells = rows.iter().filter_map(|row| row.get(at)).filter(|cell| !cell.is_empty()).peekable();
        match name.as_str() {
            "run" => Role::Run,
            "commit" => Role::Commit,
            "valid" if !cells.clone().all(is_number) || cells.any(|cell| truth(cell).is_some()) => {
                Role::Valid
            }
            "status" if cells.any(|cell| is_usable(cell).is_some()) => Role::Status,
            "status" => Role::Label,
            // Rows of a run can only be brought together where something says which they are.
            "request" if has("run") || time.is_some() => Role::Request,
            name if time == Some(name) => Role::Time,
            name if SERIES.contains(&name) => Role::Label,
            // A column that is all empty is a figure no run has, not a label.
            _ if cells.peek().is_none() || cells.any(is_number) => Role::Figure,
            _ => Role::Label,
        }
    });
    each.collect()
}

fn is_number(cell: &str) -> bool {
    cell.parse::<f64>().is_ok()
}

fn truth(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Whether a status is that of a run that can be used, where it is known.
fn is_usable(status: &str) -> Option<bool> {
    let status = status.to_ascii_lowercase().replace(['-', ' '], "_");
    let is_among = |words: &[&str]| words.contains(&status.as_str());
    if is_among(&USABLE) { Some(true) } else { is_among(&UNUSABLE).then_some(false) }
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

/// A row, and the request it is about where it says so.
struct Row {
    run: RunFigures,
    request: Option<String>,
}

fn read_run(
    header: &[String],
    roles: &[Role],
    row: &csv::StringRecord,
    place: Place<'_>,
) -> Result<Row, TableError> {
    let mut run = RunFigures { run: (place.index + 1).to_string(), ..RunFigures::default() };
    let cell_of = |wanted: Role| {
        let mut cells = roles.iter().zip(row).filter(|(role, cell)| **role == wanted && !cell.is_empty());
        cells.next().map(|(_, cell)| cell.to_owned())
    };
    let request = cell_of(Role::Request);
    if roles.contains(&Role::Request)
        && let Some(time) = cell_of(Role::Time)
    {
        run.run = time;
    }
    let of = request.clone().unwrap_or_else(|| ALL.into());
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
            Role::Request => {}
            Role::Valid => {
                if !truth(cell).ok_or_else(|| wrong(VALID))? {
                    run.invalid = Some(format!("its `{column}` is {cell}"));
                }
            }
            Role::Status => {
                if !is_usable(cell).ok_or_else(|| wrong(STATUS))? {
                    run.invalid = Some(format!("its `{column}` is {cell}"));
                }
            }
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
                run.values.insert(Figure { request: of.clone(), name: column.clone() }, value);
            }
        }
    }
    Ok(Row { run, request })
}

/// Reads RFC 3339, the same without a zone, which is UTC then, or a number of seconds or steps.
fn seconds(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let in_utc = || -> Option<jiff::Timestamp> {
        let time: jiff::civil::DateTime = text.parse().ok()?;
        Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let time: jiff::Timestamp = text.parse().ok().or_else(in_utc)?;
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

    /// Rows about one request each make one run, by its id or its time; what is marked as spoiled is left out.
    #[test]
    fn requests_and_marks_are_understood() {
        let figure = |request: &str| Figure { request: request.into(), name: "p99_ms".into() };
        let table = read("run,request,p99_ms\na,GET /,4\na,POST /,9\nb,GET /,5\n").unwrap();
        assert_eq!(table.figures, [figure("GET /"), figure("POST /")]);
        assert_eq!((table.runs.len(), table.runs[0].values[&figure("POST /")]), (2, 9.0));
        let timed = read("date,request,p99_ms\n2026-11-02,x,4\n2026-11-02,all,9\n2026-11-03,x,5\n").unwrap();
        assert_eq!(timed.runs[0].values, [(figure("all"), 9.0), (figure("x"), 4.0)].into());
        assert_eq!(timed.runs[1].time_s.unwrap() - timed.runs[0].time_s.unwrap(), 86_400.0);
        let twice = message("run,request,p99_ms\na,x,4\na,x,4\n");
        assert!(twice.contains("run `a` with the request `x` is there twice"), "{twice}");
        let marked =
            read("run,valid,status,p99_ms\na,true,ok,1\nb,false,ok,2\nc,yes,Generator-Limited,3\nd,,,4\n");
        let marks: Vec<_> = marked.unwrap().runs.into_iter().map(|run| run.invalid).collect();
        let said = |why: &str| Some(why.to_owned());
        assert_eq!(
            marks,
            [None, said("its `valid` is false"), said("its `status` is Generator-Limited"), None]
        );
        // A word beside known ones could be either; words of another kind, and codes, are labels; counts are counts.
        assert!(
            message("status,p99_ms\nblue,1\nok,2\n")
                .contains("line 2, column `status`: `blue` is not a status")
        );
        assert!(message("valid,p99_ms\ntrue,1\nmaybe,2\n").contains("`maybe` is not `true` or `false`"));
        assert_eq!(read("status,p99_ms\nblue,1\nred,2\n").unwrap().labels, ["status"]);
        assert_eq!(read("status,p99_ms\n200,1\n200,2\n").unwrap().labels, ["status"]);
        assert_eq!(read("valid,p99_ms\n998,1\n999,2\n").unwrap().figures.len(), 2);
    }

    /// The column `time` before `date`; what is left is a label.
    #[test]
    fn times_without_a_zone_are_utc() {
        let time = |text: &str| read(text).unwrap().runs[0].time_s;
        let wanted = Some(1_793_606_400.0);
        for (column, cell) in [
            ("time", "2026-11-02T08:00:00Z"),
            ("datetime", "2026-11-02 08:00:00"),
            ("Timestamp", "2026-11-02T09:00+01:00"),
        ] {
            assert_eq!(time(&format!("{column},p99_ms\n{cell},1\n")), wanted, "{column}");
        }
        let both = read("date,time,p99_ms\n2026-11-03,1,4\n").unwrap();
        assert_eq!((both.runs[0].time_s, both.labels), (Some(1.0), vec!["date".to_owned()]));
        assert!(message("time,p99_ms\n08:00,2\n").contains("a date"));
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
