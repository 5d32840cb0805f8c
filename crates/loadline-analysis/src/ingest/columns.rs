//! Which column holds what.

use loadline_model::{diagnostic::suggestion, series::Time};

use super::{IngestError, rows::number};

/// The columns to read; what is not named is found by its usual names and its contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// The time.
    pub time: Option<String>,
    /// The demand.
    pub value: Option<String>,
    /// What parts many series in one file.
    pub series: Option<String>,
    /// What the column of the values is usually called; empty: as a demand is.
    pub usual_values: &'static [&'static str],
}

/// What a column of utilisation is usually called.
pub const UTILISATIONS: &[&str] = &["utilisation", "utilization", "cpu", "cpu_percent", "usage", "busy"];

const TIMES: &[&str] = &["time", "timestamp", "date", "datetime", "ts", "ds", "step", "day", "hour"];
const VALUES: &[&str] = &["value", "y", "demand", "requests", "rate"];
const SERIES: &[&str] = &[
    "series_id",
    "series",
    "unique_id",
    "item_id",
    "service",
    "host",
    "hostname",
    "instance",
    "pod",
    "node",
    "server",
    "region",
    "zone",
    "job",
    "svc",
    "app",
    "application",
    "endpoint",
    "method",
    "route",
    "tenant",
    "customer",
    "cluster",
    "namespace",
    "datacenter",
    "dc",
    "shard",
    "queue",
    "topic",
    "metric",
    "label",
    "key",
    "id",
    "name",
];
/// Of these, what names a row where each is an event.
const OF_EVENTS: &[&str] = &["id", "name"];
/// All rows are of one series, whatever columns there are.
const NO_SERIES: &str = "none";

/// Indices of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) time: usize,
    /// `None` where rows are counted, which needs none.
    pub(super) value: Option<usize>,
    pub(super) series: Option<usize>,
}

impl Columns {
    /// The columns among `names`; `first` is the first row of data.
    pub(super) fn choose(
        &self,
        file: &str,
        names: &[String],
        first: &[String],
        need_value: bool,
    ) -> Result<Chosen, IngestError> {
        let error = |message: String, help: String| IngestError::new(file, Some(1), message, help);
        let is_number = |i: &usize| first.get(*i).is_some_and(|cell| cell.trim().parse::<f64>().is_ok());
        if names.iter().all(|name| Time::parse(name).is_some() || name.trim().parse::<f64>().is_ok()) {
            let message = "the first line holds data, not the names of columns".into();
            return Err(error(message, "put a line such as `time,value` before it".into()));
        }
        let list = || names.join("`, `");
        let named = |wanted: &Option<String>, usual: &[&str], flag: &str| match wanted {
            Some(wanted) => match names.iter().position(|name| name == wanted) {
                Some(at) => Ok(Some(at)),
                None => Err(error(
                    format!("there is no column `{wanted}` (given by {flag})"),
                    suggestion(wanted, names.iter().map(String::as_str)),
                )),
            },
            None => {
                Ok(usual.iter().find_map(|u| names.iter().position(|n| n.trim().eq_ignore_ascii_case(u))))
            }
        };
        let is_none =
            self.series.as_deref() == Some(NO_SERIES) && !names.iter().any(|name| name == NO_SERIES);
        let part = |at: &usize| {
            need_value
                || self.series.is_some()
                || !OF_EVENTS.iter().any(|of| names[*at].trim().eq_ignore_ascii_case(of))
        };
        let series = if is_none { None } else { named(&self.series, SERIES, "--series")?.filter(part) };
        let dated = |i: &usize| matches!(first.get(*i).and_then(|c| Time::parse(c)), Some(Time::Clock(_)));
        let time = named(&self.time, TIMES, "--time")?.or_else(|| (0..names.len()).find(dated)).ok_or_else(
            || error(format!("no column looks like a time among `{}`", list()), "name it with --time".into()),
        )?;
        let usual = if self.usual_values.is_empty() { VALUES } else { self.usual_values };
        if let Some(value) = named(&self.value, usual, "--value")? {
            return Ok(Chosen { time, value: Some(value), series });
        }
        if !need_value {
            return Ok(Chosen { time, value: None, series });
        }
        let rest = || (0..names.len()).filter(|i| *i != time && Some(*i) != series);
        let mut left: Vec<usize> = rest().filter(is_number).collect();
        if left.is_empty() {
            // The first value may be one of those that are missing.
            left = rest().filter(|i| first.get(*i).is_some_and(|cell| number(cell) == Ok(None))).collect();
        }
        match left[..] {
            [value] => Ok(Chosen { time, value: Some(value), series }),
            [] => {
                Err(error(format!("no column of numbers among `{}`", list()), "name one with --value".into()))
            }
            _ => {
                let several: Vec<&str> = left.iter().map(|i| names[*i].as_str()).collect();
                let message = format!("several columns could be the demand: `{}`", several.join("`, `"));
                Err(error(message, "name one with --value".into()))
            }
        }
    }
}
