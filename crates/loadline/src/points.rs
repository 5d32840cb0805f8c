//! Points measured anywhere: a CSV with `concurrency,throughput[,latency_ms]` or `rate,latency_ms`, also with semicolons or
//! tabs for commas.

use std::io::{BufRead, BufReader, Cursor, Read};
use std::ops::RangeInclusive;

use csv::StringRecord;
use loadline_model::lines::{Lines, line_of};
use loadline_model::run_table::SERIES;

/// Why a file of points cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PointsFileError {
    /// The columns needed are not there.
    #[error(
        "{file}, line 1: no column `{missing}` among `{found}`; needed are `concurrency,throughput` (also as `users`, \
         `threads`, `clients`, `vus`, `processors`, `n`, … and `rps`, `tps`, `qps`, …) or `rate,latency_ms`{}",
        match found {
            found if found.starts_with(['{', '[']) => "; this is no CSV",
            found if found.contains('|') => ", with commas between them",
            _ => "",
        }
    )]
    Columns {
        /// The file.
        file: String,
        /// The first column that is missing.
        missing: &'static str,
        /// The columns that are there.
        found: String,
    },
    /// Two columns of one name: which is meant nobody knows.
    #[error("{file}, line 1: two columns are named `{column}`; name the one to leave out differently")]
    Twice {
        /// The file.
        file: String,
        /// Their name.
        column: &'static str,
    },
    /// A value that cannot be used.
    #[error("{file}, line {line}, column {column}: {problem}; needed is a number above 0")]
    Value {
        /// The file.
        file: String,
        /// From 1, the header included.
        line: u64,
        /// The name of the column.
        column: &'static str,
        /// What stands there.
        problem: String,
    },
    /// A row with more fields than the header, such as one with decimal commas.
    #[error(
        "{file}, line {line}: {found} fields where the header has {expected}; needed are as many, and numbers without \
         commas (1234.5)"
    )]
    Fields {
        /// The file.
        file: String,
        /// From 1, the header included.
        line: u64,
        /// How many there are.
        found: usize,
        /// How many the header has.
        expected: usize,
    },
    /// Fewer than three levels.
    #[error(
        "{file}: {found} {} in column {column} {} too few: measure at three or more{}",
        if *found == 1 { "value" } else { "different values" },
        if *found == 1 { "is" } else { "are" },
        if *found == 0 { " (there is no row below the header)" } else { "" }
    )]
    TooFew {
        /// The file.
        file: String,
        /// The name of the column.
        column: &'static str,
        /// How many there are.
        found: usize,
    },
    /// Rates and latencies that come to one concurrency.
    #[error(
        "{file}: rate × latency is the same ({requests:.3}) at all rates: by Little's law as many requests are in the \
         service at each of them, and the latency falls as 1/rate; is `{column}` in milliseconds, and measured at each rate?"
    )]
    SameConcurrency {
        /// The file.
        file: String,
        /// The name of the column with latencies.
        column: &'static str,
        /// Rate times latency.
        requests: f64,
    },
    /// The rows are of several systems, whose points are on no common curve.
    #[error(
        "{file}: the rows are of several systems, by column `{column}`: {}{}; choose one with --only '{}'",
        systems.iter().take(5).cloned().collect::<Vec<_>>().join(", "),
        if systems.len() > 5 { ", …" } else { "" },
        systems[0]
    )]
    Several {
        /// The file.
        file: String,
        /// The column that names them.
        column: String,
        /// Their names.
        systems: Vec<String>,
    },
    /// The system that was asked for is not there.
    #[error("{file}: no row is of the system `{system}`{}", column_of(column.as_deref()))]
    Unknown {
        /// The file.
        file: String,
        /// What was asked for.
        system: String,
        /// The column that names systems, where there is one.
        column: Option<String>,
    },
    /// Another encoding, such as what a spreadsheet calls Unicode.
    #[error("{file}, line {line}, column {column}: this is no UTF-8; save the file as UTF-8")]
    Encoding {
        /// The file.
        file: String,
        /// From 1, the header included.
        line: u64,
        /// The name of the column; in the header, which cannot be read, its number.
        column: String,
    },
    /// The text is no CSV.
    #[error("{file}: {source}")]
    Csv {
        /// The file.
        file: String,
        /// Why.
        source: csv::Error,
    },
}

fn column_of(column: Option<&str>) -> String {
    match column {
        Some(column) => format!(" in column `{column}`"),
        None => "; the file has no column that names several, such as `system`".to_owned(),
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Requests or users in the system; by Little's law where only rate and latency were measured.
    pub concurrency: f64,
    /// Requests completed per second.
    pub throughput: f64,
    /// Mean response time in seconds, where measured.
    pub latency_s: Option<f64>,
}

/// What the load of measurements was given as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// A concurrency: whole numbers of users who wait for their answers, or requests in the system on average.
    Concurrency,
    /// A rate, whose concurrency is that by Little's law: arrivals came by themselves.
    Rate,
}

/// The measurements of one system.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurements {
    /// What the load was given as. The figures do not tell: users who do not think keep Little's law exactly, too.
    pub load: Load,
    /// In the order in which they were read.
    pub points: Vec<Point>,
}

/// The names of the columns that are read, ours first; of several that are there the first in this order counts.
const CONCURRENCY: [&str; 16] = [
    "concurrency",
    "users",
    "vus",
    "clients",
    "threads",
    "processors",
    "cores",
    "cpus",
    "workers",
    "processes",
    "connections",
    "sessions",
    "terminals",
    "in_flight",
    "load",
    "n",
];
const THROUGHPUT: [&str; 9] = [
    "throughput",
    "throughput_per_s",
    "achieved_per_s",
    "requests_per_s",
    "requests_per_second",
    "req_per_s",
    "rps",
    "tps",
    "qps",
];
const RATE: [&str; 8] =
    ["rate", "rate_per_s", "arrival_rate", "offered_per_s", "offered_load", "requests_per_s", "rps", "qps"];
const LATENCY: [&str; 6] =
    ["latency_ms", "response_time_ms", "response_ms", "mean_ms", "mean_latency_ms", "latency_mean_ms"];

/// Columns that name the system a row is of, besides those of tables of runs.
const SYSTEMS: [&str; 2] = ["system", "service"];

/// Characters of a value that an error shows.
const SHOWN: usize = 120;

/// Concurrencies are the same where they rise by less than this share of what rates do, both as logarithms: latencies are
/// rounded.
const SAME: f64 = 0.02;

/// Bytes of the header line that are looked at for what parts the columns.
const HEADER_MOST: u64 = 1 << 16;

/// Beyond these squares overflow, and a fit would be silently wrong.
const USABLE: RangeInclusive<f64> = 1e-100..=1e100;

/// A column that is read: its name, ours or another usual one, and its place.
type Column = (&'static str, usize);

/// The columns that are read.
struct Columns {
    load: Load,
    /// The load: a concurrency, or a rate.
    level: Column,
    /// Besides a concurrency, not a rate.
    throughput: Option<Column>,
    latency: Option<Column>,
    /// The place of the one that says which system a row is of.
    system: Option<usize>,
}

impl Columns {
    fn of(headers: &StringRecord, file: &str) -> Result<Columns, PointsFileError> {
        let find = |names: &[&'static str]| {
            let at = |name: &'static str| {
                let is = |header: &str| header.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name);
                Some((name, headers.iter().position(is)?))
            };
            names.iter().find_map(|name| at(name))
        };
        let once = |(column, at): Column| {
            let again = headers.iter().skip(at + 1).any(|header| header.eq_ignore_ascii_case(column));
            if again { Err(PointsFileError::Twice { file: file.into(), column }) } else { Ok((column, at)) }
        };
        let needed = |names: &[&'static str]| {
            let found = cut(&headers.iter().collect::<Vec<_>>().join(","));
            let column = find(names).ok_or(PointsFileError::Columns {
                file: file.into(),
                missing: names[0],
                found,
            })?;
            once(column)
        };
        let by_rate = find(&CONCURRENCY).is_none() && find(&RATE).is_some();
        let load = if by_rate { Load::Rate } else { Load::Concurrency };
        let level = needed(if by_rate { &RATE } else { &CONCURRENCY })?;
        let throughput = if by_rate { None } else { Some(needed(&THROUGHPUT)?) };
        let latency = if by_rate { Some(needed(&LATENCY)?) } else { find(&LATENCY).map(once).transpose()? };
        let names_system = |header: &str| {
            let header = header.trim_start_matches('\u{feff}').to_ascii_lowercase();
            SYSTEMS.iter().chain(&SERIES).any(|name| *name == header)
        };
        let system = headers.iter().position(names_system);
        Ok(Columns { load, level, throughput, latency, system })
    }

    /// What a row says, on this line.
    fn point(&self, row: &StringRecord, file: &str, line: u64) -> Result<Point, PointsFileError> {
        let value = |(column, at): Column| {
            let wrong = |problem| PointsFileError::Value { file: file.into(), line, column, problem };
            number(row.get(at)).map_err(wrong)
        };
        let level = value(self.level)?;
        let latency_s = self.latency.map(value).transpose()?.map(|ms| ms / 1e3);
        let throughput = self.throughput.map(value).transpose()?.unwrap_or(level);
        let concurrency = match (self.load, latency_s) {
            (Load::Rate, Some(latency)) => level * latency,
            _ => level,
        };
        Ok(Point { concurrency, throughput, latency_s })
    }
}

/// Reads points; `file` names them in errors. Other columns are ignored, empty lines too. Where a column says which system a
/// row is of, those of `only` are read, and all where it says the same everywhere.
///
/// # Errors
/// Where a column is missing, a value is missing, no number or not above 0, a row has more fields than the header, there are
/// fewer than three different levels, rates and latencies come to one concurrency, or there are rows of several systems and
/// none of them is asked for.
pub fn read(input: impl Read, file: &str, only: Option<&str>) -> Result<Measurements, PointsFileError> {
    let (delimiter, input) = delimited(input).map_err(|error| unreadable(error.into(), file, 1, None))?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(Lines::new(input));
    let headers = reader.headers().map_err(|error| unreadable(error, file, 1, None))?.clone();
    // UTF-16 without a mark is UTF-8 as far as bytes go.
    if let Some(at) = headers.iter().position(|header| header.contains('\0')) {
        return Err(PointsFileError::Encoding { file: file.into(), line: 1, column: (at + 1).to_string() });
    }
    let columns = Columns::of(&headers, file)?;
    let mut systems: Vec<String> = Vec::new();
    let mut points = Vec::new();
    let mut row = StringRecord::new();
    loop {
        let is_row = reader.read_record(&mut row);
        let line = line_of(&reader, &row);
        if !is_row.map_err(|error| unreadable(error, file, line, Some(&headers)))? {
            break;
        }
        if row.iter().skip(headers.len()).any(|field| !field.is_empty()) {
            let (found, expected) = (row.len(), headers.len());
            return Err(PointsFileError::Fields { file: file.into(), line, found, expected });
        }
        let system = columns.system.and_then(|at| row.get(at)).unwrap_or_default();
        if only.is_some_and(|only| only != system) {
            continue;
        }
        if systems.iter().all(|known| known != system) {
            systems.push(system.to_owned());
        }
        points.push(columns.point(&row, file, line)?);
    }
    let column = columns.system.map(|at| headers[at].to_owned());
    of_one_system(systems, points.len(), column, only, file)?;
    enough_levels(&points, &columns, file)?;
    Ok(Measurements { load: columns.load, points })
}

/// What parts the columns, by the header line: a semicolon or a tab where it has no comma.
fn delimited<R: Read>(input: R) -> std::io::Result<(u8, impl Read)> {
    let (mut input, mut head) = (BufReader::new(input), Vec::new());
    input.by_ref().take(HEADER_MOST).read_until(b'\n', &mut head)?;
    let header = head.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let delimiter = *b",;\t".iter().find(|mark| header.contains(mark)).unwrap_or(&b',');
    Ok((delimiter, Cursor::new(head).chain(input)))
}

/// Why a row could not be read; the headers are known unless it is they.
fn unreadable(source: csv::Error, file: &str, line: u64, headers: Option<&StringRecord>) -> PointsFileError {
    let file = file.to_owned();
    let csv::ErrorKind::Utf8 { err, .. } = source.kind() else {
        return PointsFileError::Csv { file, source };
    };
    let name = headers.and_then(|headers| headers.get(err.field()));
    let column = name.map_or_else(|| (err.field() + 1).to_string(), |name| format!("`{name}`"));
    PointsFileError::Encoding { file, line, column }
}

/// Points of several systems are on no common curve.
fn of_one_system(
    systems: Vec<String>,
    points: usize,
    column: Option<String>,
    only: Option<&str>,
    file: &str,
) -> Result<(), PointsFileError> {
    match (column, only) {
        (column, Some(only)) if systems.is_empty() => {
            Err(PointsFileError::Unknown { file: file.into(), system: only.into(), column })
        }
        // A name of its own for each row says nothing.
        (Some(column), None) if (2..points).contains(&systems.len()) => {
            Err(PointsFileError::Several { file: file.into(), column, systems })
        }
        _ => Ok(()),
    }
}

/// Whether there are as many different levels as a curve has parameters.
fn enough_levels(points: &[Point], columns: &Columns, file: &str) -> Result<(), PointsFileError> {
    let level = |p: &Point| if columns.load == Load::Rate { p.throughput } else { p.concurrency };
    let mut levels: Vec<f64> = points.iter().map(level).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    if levels.len() < 3 {
        let (column, found) = (columns.level.0, levels.len());
        return Err(PointsFileError::TooFew { file: file.into(), column, found });
    }
    let concurrencies = || points.iter().map(|p| p.concurrency);
    let (least, most) = (concurrencies().fold(f64::INFINITY, f64::min), concurrencies().fold(0.0, f64::max));
    let rises = (levels[levels.len() - 1] / levels[0]).ln();
    match columns.latency {
        Some((column, _)) if columns.load == Load::Rate && (most / least).ln() < SAME * rises => {
            Err(PointsFileError::SameConcurrency { file: file.into(), column, requests: most })
        }
        _ => Ok(()),
    }
}

fn number(field: Option<&str>) -> Result<f64, String> {
    let text = field.unwrap_or_default();
    if text.is_empty() {
        return Err("the value is missing".into());
    }
    match text.parse::<f64>() {
        Ok(value) if USABLE.contains(&value) => Ok(value),
        Ok(value) if value.is_finite() && value > 0.0 => {
            Err(format!("`{text}` is not between {:e} and {:e}", USABLE.start(), USABLE.end()))
        }
        Ok(_) => Err(format!("`{text}` is not above 0 and finite")),
        Err(_) if text.contains('\n') => {
            Err(format!("`{}` is not a number: a quote is not closed", cut(text)))
        }
        Err(_) if text.contains(',') => Err(format!(
            "`{}` is not a number: write it without commas, decimals with a point (1234.5)",
            cut(text)
        )),
        Err(_) => Err(format!("`{}` is not a number", cut(text))),
    }
}

/// The beginning of what was found, as much as an error can show.
fn cut(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(SHOWN).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        read(text.as_bytes(), "p.csv", None).unwrap_err().to_string()
    }

    #[test]
    fn reads_both_forms() {
        let points =
            read("\u{feff}Concurrency, Throughput ,note\n1,10,a\n2,19,b\n\n4.5,30,c\n".as_bytes(), "p", None)
                .unwrap()
                .points;
        assert_eq!(points[2], Point { concurrency: 4.5, throughput: 30.0, latency_s: None });
        let points = read("rate,latency_ms\n100,10\n200,12\n300,20\n".as_bytes(), "p", None).unwrap().points;
        assert_eq!(points[2], Point { concurrency: 6.0, throughput: 300.0, latency_s: Some(0.02) });
    }

    #[test]
    fn errors_are_short_and_say_what_it_is() {
        let open = error(&format!("users,tps\n1,10\n2,\"19\n{}", "3,30\n".repeat(10_000)));
        assert!(open.len() < 300 && open.contains("a quote is not closed"), "{open}");
        let json = error(&format!("[{}]", "{\"n\":1},".repeat(1_000)));
        assert!(json.len() < 500 && json.contains("this is no CSV"), "{json}");
        let twice = error("users,tps,TPS\n1,10,11\n2,19,20\n3,30,31\n");
        assert_eq!(
            twice,
            "p.csv, line 1: two columns are named `tps`; name the one to leave out differently"
        );
    }

    /// Three rates, and one concurrency: such a latency is 1/rate and not that of a service. Rounding makes no levels.
    #[test]
    fn latencies_that_fall_as_the_rate_rises_are_no_measurements() {
        for latencies in [["10", "5", "2.5"], ["10.0", "5.02", "2.5"]] {
            let [a, b, c] = latencies;
            let said = error(&format!("rate,mean_ms\n100,{a}\n200,{b}\n400,{c}\n"));
            assert!(said.starts_with("p.csv: rate × latency is the same (1.00"), "{said}");
            assert!(said.contains("as 1/rate") && said.contains("is `mean_ms` in milliseconds"), "{said}");
        }
        // The least that latencies of a service do: they stay as they are.
        assert!(read("rate,latency_ms\n100,10\n101,10\n102,10\n".as_bytes(), "p", None).is_ok());
    }

    /// What a spreadsheet saves where commas are for decimals, and a table pasted from one.
    #[test]
    fn semicolons_and_tabs_part_columns_where_the_header_has_no_comma() {
        let last = Point { concurrency: 4.0, throughput: 30.5, latency_s: Some(0.009) };
        for (mark, end) in [(";", "\n"), ("\t", "\r\n"), (";", "\r")] {
            let text = ["users,rps,mean_ms", "1,10,5", "2,19,6", "4,30.5,9"].join(end).replace(',', mark);
            assert_eq!(read(text.as_bytes(), "p", None).unwrap().points[2], last, "{text:?}");
            let said = error(&text.replace("30.5", "30,5"));
            let value = "p.csv, line 4, column rps: `30,5` is not a number: write it without commas, decimals with a point (1234.5)";
            assert!(said.starts_with(value), "{said}");
        }
        let noted = "users,rps,note\n1,10,a;b\n2,19,c\n4,30,d\n";
        assert!(read(noted.as_bytes(), "p", None).is_ok(), "a semicolon below a header with commas");
    }

    #[test]
    fn other_encodings_say_what_to_do() {
        let said = |bytes: &[u8]| read(bytes, "p.csv", None).unwrap_err().to_string();
        let latin = b"users,rps,Maschine\n1,10,a\n2,19,K\xf6ln\n4,30,c\n";
        assert_eq!(said(latin), "p.csv, line 3, column `Maschine`: this is no UTF-8; save the file as UTF-8");
        assert!(
            said(b"users,rps,gr\xf6\xdfe\n1,10,1\n").starts_with("p.csv, line 1, column 3: this is no UTF-8")
        );
        let wide = "users,rps\n1,10\n2,19\n4,30\n".encode_utf16();
        let little: Vec<u8> = wide.clone().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = wide.flat_map(u16::to_be_bytes).collect();
        for (mark, text) in [(&b"\xff\xfe"[..], &little), (b"\xfe\xff", &big), (b"", &little), (b"", &big)] {
            let said = said(&[mark, text].concat());
            assert_eq!(said, "p.csv, line 1, column 1: this is no UTF-8; save the file as UTF-8");
        }
    }

    #[test]
    fn systems_are_told_apart() {
        let text = "system,users,tps\na,1,10\na,2,19\nb,1,99\na,4,30\n";
        let of = |only| read(text.as_bytes(), "p.csv", only);
        assert_eq!(of(Some("a")).unwrap().points.len(), 3);
        let several = of(None).unwrap_err().to_string();
        assert!(several.contains("column `system`: a, b; choose one with --only 'a'"), "{several}");
        assert!(
            of(Some("c")).unwrap_err().to_string().contains("no row is of the system `c` in column `system`")
        );
        let one = text.replace("b,", "a,");
        assert_eq!(read(one.as_bytes(), "p.csv", None).unwrap().points.len(), 4);
    }

    #[test]
    fn the_usual_names_of_columns_are_known() {
        for names in [
            "users,rps",
            "Threads,Throughput",
            "processors,qps",
            "clients,tps",
            "vus,requests_per_s",
            "N,TPS",
            "load,throughput",
        ] {
            let points = read(format!("{names},latency_ms\n1,10,5\n2,19,6\n4,30,9\n").as_bytes(), "p", None)
                .unwrap()
                .points;
            let last = Point { concurrency: 4.0, throughput: 30.0, latency_s: Some(0.009) };
            assert_eq!(points[2], last, "{names}");
        }
        let points = read("rps,mean_ms\n100,10\n200,12\n300,20\n".as_bytes(), "p", None).unwrap().points;
        assert_eq!(points[2], Point { concurrency: 6.0, throughput: 300.0, latency_s: Some(0.02) });
    }

    #[test]
    fn errors_name_file_line_column_and_value() {
        let head = "concurrency,throughput\n1,10\n2,20\n";
        assert!(
            error(&format!("{head}3,ten"))
                .starts_with("p.csv, line 4, column throughput: `ten` is not a number")
        );
        assert!(
            error("rate,latency_ms\r\n1,2\r\n\r\n3,x\r\n")
                .starts_with("p.csv, line 4, column latency_ms: `x`")
        );
        assert!(error(&format!("{head}3")).contains("line 4, column throughput: the value is missing"));
        assert!(error(&format!("{head}-3,1")).contains("line 4, column concurrency: `-3` is not above 0"));
        assert!(
            error(&format!("{head}3,NaN")).contains("`NaN`")
                && error(&format!("{head}3,inf")).contains("`inf`")
        );
        assert!(error(&format!("{head}3,1e308")).contains("`1e308` is not between 1e-100 and 1e100"));
        // A decimal comma would otherwise be a smaller number.
        assert!(
            error(&format!("{head}3,190,5")).starts_with("p.csv, line 4: 3 fields where the header has 2")
        );
        assert!(read(format!("{head}3,190,\n").as_bytes(), "p", None).is_ok(), "an empty field at the end");
        assert!(error("users|rps\n1|2\n").ends_with("with commas between them"));
        assert!(error(head).contains("2 different values in column concurrency are too few"));
        assert!(error("users,tps\n1,10\n1,11\n").contains("1 value in column users is too few"));
        assert!(error("users,rate\n1,2\n").contains("no column `throughput` among `users,rate`"));
        let other = error("size,throughput\n1,2\n");
        assert!(
            other.contains("no column `concurrency` among `size,throughput`") && other.contains("`users`")
        );
        // It is named as it stands in the file.
        assert!(error("users,tps\n1,2\n2,3\n3,x\n").contains("line 4, column tps: `x`"));
        assert!(error("concurrency,x\n1,2\n").contains("no column `throughput`"));
        assert!(error("rate,x\n1,2\n").contains("no column `latency_ms`"));
        assert!(error("").contains("no column `concurrency`"));
    }

    proptest! {
        /// Whatever the bytes, there are points that can be fitted or one error.
        #[test]
        fn never_panics(body in "[0-9eE,.+\\-\n\"a-]{0,200}") {
            let text = format!("concurrency,throughput\n{body}");
            if let Ok(read) = read(text.as_bytes(), "p", None) {
                prop_assert!(read.points.iter().all(|p| p.concurrency > 0.0 && p.throughput > 0.0));
            }
        }
    }
}
