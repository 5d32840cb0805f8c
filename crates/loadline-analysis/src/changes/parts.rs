//! Several histories in one table.
//!
//! Rows of two services make steps of no meaning when they are read as one history. Columns that say what a row is about
//! ([`SERIES`]) part it. Others may: a history may well have been made on several hosts in turn. Where they do not, rows
//! say nothing; where it cannot be known the question goes back.

use std::collections::{BTreeMap, BTreeSet};

use loadline_model::run_table::{ALL, Figure, RunFigures, RunTable, SERIES};

use super::ChangesError;

/// Columns that may part a table, or tell on which machine a run of one history was made.
const MACHINES: [&str; 10] =
    ["host", "hostname", "instance", "pod", "node", "server", "machine", "service", "region", "zone"];
/// Rows that a value has in the mean where a column of machines is taken to part the table.
const ROWS_OF_ONE: usize = 5;
/// Values shown of a column.
const SHOWN: usize = 3;

/// How the rows of a table are told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Parting {
    /// By the columns that are usual for it.
    #[default]
    Found,
    /// Not at all: one history.
    Together,
    /// By these columns.
    By(Vec<String>),
}

/// One history, and what it is called where there are several.
pub type Part = (Option<String>, RunTable);

/// The histories of a table, in the order in which they begin. Where its figures are of single requests only, each request
/// has its own, in the order of their names.
///
/// # Errors
/// When a column does not exist, or it cannot be known whether there are several.
pub fn parts(table: &RunTable, by: &Parting) -> Result<Vec<Part>, ChangesError> {
    if table.figures.iter().any(|figure| figure.request == ALL) {
        return parts_of_one(table, by);
    }
    let mut all = Vec::new();
    for request in table.figures.iter().map(|figure| &figure.request).collect::<BTreeSet<_>>() {
        let parts = parts_of_one(&of_request(table, request), by)?;
        all.extend(parts.into_iter().map(|(name, part)| {
            let name = name.map_or_else(|| request.clone(), |name| format!("{request} / {name}"));
            (Some(name), part)
        }));
    }
    Ok(all)
}

/// The runs that have figures of a request, as if that were all they have.
fn of_request(table: &RunTable, request: &str) -> RunTable {
    let is_of = |figure: &&Figure| figure.request == request;
    let figures = table.figures.iter().filter(is_of).map(|figure| Figure::of_all(&figure.name)).collect();
    let runs = table.runs.iter().filter_map(|run| {
        let values = run.values.iter().filter(|(figure, _)| is_of(figure));
        let values: BTreeMap<Figure, f64> =
            values.map(|(figure, value)| (Figure::of_all(&figure.name), *value)).collect();
        (!values.is_empty()).then(|| RunFigures { values, ..run.clone() })
    });
    RunTable { figures, labels: table.labels.clone(), runs: runs.collect() }
}

fn parts_of_one(table: &RunTable, by: &Parting) -> Result<Vec<Part>, ChangesError> {
    match by {
        Parting::Together => Ok(vec![(None, table.clone())]),
        Parting::By(columns) => {
            if let Some(column) = columns.iter().find(|column| !is_there(table, column)) {
                let numbers = table.figures.iter().map(|figure| &figure.name);
                let known = table.labels.iter().chain(numbers).cloned().collect();
                return Err(ChangesError::UnknownColumn { column: column.clone(), known });
            }
            Ok(split(table, columns))
        }
        Parting::Found => {
            let columns = series_columns(table);
            let all = if columns.is_empty() { vec![(None, table.clone())] } else { split(table, &columns) };
            match all.iter().find_map(|(_, part)| unclear(part)) {
                Some(error) => Err(error),
                None => Ok(all),
            }
        }
    }
}

/// The columns of [`SERIES`] that part a table: those that say several things, and some of them more than once.
pub fn series_columns(table: &RunTable) -> Vec<String> {
    let parts = |column: &&String| {
        let (values, rows) = (values(table, column), with(table, column).count());
        SERIES.contains(&column.to_ascii_lowercase().as_str()) && values.len() > 1 && values.len() < rows
    };
    table.labels.iter().filter(parts).cloned().collect()
}

fn is_there(table: &RunTable, column: &str) -> bool {
    table.labels.iter().any(|label| label == column) || table.figures.contains(&Figure::of_all(column))
}

fn cell(run: &RunFigures, column: &str) -> Option<String> {
    let number = || run.values.get(&Figure::of_all(column)).map(f64::to_string);
    run.labels.get(column).cloned().or_else(number)
}

fn with<'a>(table: &'a RunTable, column: &'a str) -> impl Iterator<Item = String> + 'a {
    table.runs.iter().filter_map(move |run| cell(run, column))
}

fn values(table: &RunTable, column: &str) -> BTreeSet<String> {
    with(table, column).collect()
}

fn split(table: &RunTable, columns: &[String]) -> Vec<Part> {
    let mut order: BTreeMap<String, usize> = BTreeMap::new();
    let mut parts: Vec<Part> = Vec::new();
    // What parts the table is no metric.
    let figures: Vec<Figure> =
        table.figures.iter().filter(|figure| !columns.contains(&figure.name)).cloned().collect();
    for run in &table.runs {
        let cells: Vec<String> =
            columns.iter().map(|column| cell(run, column).unwrap_or_else(|| "none".into())).collect();
        let name = cells.join(" / ");
        let at = *order.entry(name.clone()).or_insert_with(|| {
            let labels = table.labels.iter().filter(|label| !columns.contains(label)).cloned().collect();
            parts.push((Some(name), RunTable { figures: figures.clone(), labels, runs: Vec::new() }));
            parts.len() - 1
        });
        parts[at].1.runs.push(run.clone());
    }
    parts
}

/// Why a table may hold several histories, where it may.
fn unclear(table: &RunTable) -> Option<ChangesError> {
    let mut runs: Vec<&RunFigures> = table.runs.iter().collect();
    let timed = runs.iter().all(|run| run.time_s.is_some());
    if timed {
        runs.sort_by(|a, b| a.time_s.unwrap_or(0.0).total_cmp(&b.time_s.unwrap_or(0.0)));
    }
    let at_once = |column: &str| {
        let differ = |pair: &&[&RunFigures]| {
            pair[0].time_s == pair[1].time_s && cell(pair[0], column) != cell(pair[1], column)
        };
        timed && 2 * runs.windows(2).filter(differ).count() * ROWS_OF_ONE > runs.len()
    };
    let is_machine = |column: &str| MACHINES.contains(&column.to_ascii_lowercase().as_str());
    let returns = |column: &str| {
        let cells: Vec<Option<String>> = runs.iter().map(|run| cell(run, column)).collect();
        let values = values(table, column).len();
        let stretches = cells.chunk_by(|before, after| before == after).count();
        values > 1 && runs.len() >= ROWS_OF_ONE * values && (!timed || stretches > values)
    };
    let column =
        table.labels.iter().find(|column| at_once(column) || (is_machine(column) && returns(column)))?;
    let mut each: Vec<String> = values(table, column).into_iter().take(SHOWN + 1).collect();
    if each.len() > SHOWN {
        each[SHOWN] = "…".into();
    }
    Some(ChangesError::SeveralHistories { column: column.clone(), values: each.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> RunTable {
        RunTable::read_csv("history.csv", text.as_bytes()).unwrap()
    }

    fn rows(header: &str, row: impl Fn(usize) -> String) -> RunTable {
        table(&format!("{header}\n{}\n", (0..20).map(row).collect::<Vec<_>>().join("\n")))
    }

    fn names(table: &RunTable, by: &Parting) -> Vec<(Option<String>, usize)> {
        parts(table, by).unwrap().into_iter().map(|(name, part)| (name, part.runs.len())).collect()
    }

    #[test]
    fn series_are_told_apart() {
        for column in ["series_id", "Metric", "benchmark"] {
            let two = rows(&format!("{column},time,value"), |at| format!("{},{},1.5", at % 2, at / 2));
            assert_eq!(names(&two, &Parting::Found), [(Some("0".into()), 10), (Some("1".into()), 10)]);
            assert_eq!(names(&two, &Parting::Together), [(None, 20)]);
            assert_eq!(parts(&two, &Parting::Found).unwrap()[0].1.figures, [Figure::of_all("value")]);
        }
        // One value, or one of its own for each row, parts nothing.
        assert_eq!(names(&rows("test,p99_ms", |_| "a,1".into()), &Parting::Found), [(None, 20)]);
        assert_eq!(names(&rows("test,p99_ms", |at| format!("t{at},1")), &Parting::Found), [(None, 20)]);
    }

    #[test]
    fn requests_have_histories_of_their_own() {
        let two = rows("run,request,p99_ms", |at| format!("{},{},{at}", at / 2, ["a", "b"][at % 2]));
        let parts = parts(&two, &Parting::Found).unwrap();
        assert_eq!(names(&two, &Parting::Found), [(Some("a".into()), 10), (Some("b".into()), 10)]);
        assert_eq!(parts[1].1.runs[9].values, [(Figure::of_all("p99_ms"), 19.0)].into());
    }

    #[test]
    fn columns_are_asked_for() {
        let two = rows("host,shard,p99_ms", |at| format!("h{},{},1", at % 2, at % 4 / 2));
        let by = |columns: &[&str]| Parting::By(columns.iter().map(|&column| column.into()).collect());
        assert_eq!(names(&two, &by(&["host"])).len(), 2);
        assert_eq!(names(&two, &by(&["host", "shard"]))[1], (Some("h1 / 0".into()), 5));
        let error = parts(&two, &by(&["rack"])).unwrap_err().to_string();
        assert!(error.contains("`rack`") && error.contains("host, shard, p99_ms"), "{error}");
    }

    /// Hosts in turn may be one history or several; so may rows of one time. Which is asked, never guessed.
    #[test]
    fn what_may_be_several_is_asked() {
        let told = |table: &RunTable| {
            let error = parts(table, &Parting::Found).unwrap_err().to_string();
            assert!(error.contains("--series") && error.contains("--series none"), "{error}");
        };
        told(&rows("host,time,p99_ms", |at| format!("web{},{at},1", at % 2)));
        told(&rows("host,p99_ms", |at| format!("web{},1", at / 10)));
        told(&rows("colour,time,p99_ms", |at| format!("c{},{},1", at % 2, at / 2)));
        // A host that took over, hosts that come once, and remarks are one history.
        for one in [
            rows("host,time,p99_ms", |at| format!("web{},{at},1", at / 10)),
            rows("host,p99_ms", |at| format!("vm{at},1")),
            rows("weekday,time,p99_ms", |at| format!("day{},{at},1", at % 5)),
        ] {
            assert_eq!(names(&one, &Parting::Found), [(None, 20)]);
        }
    }
}
