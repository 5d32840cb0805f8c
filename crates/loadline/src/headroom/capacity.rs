//! The capacity of an instance from what people have: a number, a range, a document of `saturate`, a table, or histories
//! of demand and utilisation.

use std::path::Path;

use loadline_analysis::headroom::{Capacity, per_instance};
use loadline_analysis::ingest::{Columns, Parts, Reading};
use loadline_model::lines::{Lines, line_of};
use loadline_model::plan::parse_fraction;
use loadline_model::series::Series;
use serde::Deserialize;

use crate::demand::load_files;

/// The confidence of intervals that do not say theirs.
const CONFIDENCE: f64 = 0.9;
/// Utilisations above this are per cent, not shares.
const SHARE_MAX: f64 = 1.5;

/// What one instance carries, and how that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceCapacity {
    /// The distribution, in the unit of the demand.
    pub capacity: Capacity,
    /// Where it comes from, in words.
    pub source: String,
    /// Whether it is known to be a rate per second.
    pub per_second: bool,
    /// Where it was derived from utilisation: the largest demand of an instance it rests on.
    pub observed_max: Option<f64>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

impl InstanceCapacity {
    /// A distribution whose source is said in words.
    pub fn new(capacity: Capacity, source: impl Into<String>) -> InstanceCapacity {
        InstanceCapacity {
            capacity,
            source: source.into(),
            per_second: false,
            observed_max: None,
            notes: Vec::new(),
        }
    }
}

impl InstanceCapacity {
    /// In the unit of a demand that counts by so many seconds; as it is where one of the two is not known.
    pub fn in_unit(&self, per_s: Option<f64>) -> InstanceCapacity {
        let mut same = self.clone();
        if let Some(per_s) = per_s.filter(|per_s| self.per_second && *per_s != 1.0) {
            same.capacity = self.capacity.times(per_s);
            same.source = format!("{}, turned from a rate a second into the demand's unit", self.source);
        }
        same
    }
}

/// Reads a capacity: `1200`, `1200/s`, `1100..1300` (taken as a central 90 % interval), or a file with a document of
/// `saturate`.
pub fn parse_capacity(text: &str) -> Result<InstanceCapacity, String> {
    let help = "write a number, a rate (1200/s), a range (1100..1300) or the file of a saturation document";
    let rate = |capacity: InstanceCapacity, text: &str| InstanceCapacity {
        per_second: text.contains('/'),
        ..capacity
    };
    if let Some((low, high)) = text.split_once("..") {
        return match (amount(low), amount(high)) {
            (Some(low), Some(high)) if low <= high => {
                let interval = Capacity::interval(low, high, CONFIDENCE);
                Ok(rate(InstanceCapacity::new(interval, "given as a 90 % interval"), text))
            }
            (Some(_), Some(_)) => Err(format!("the range `{text}` ends before it begins; {help}")),
            _ => Err(format!("`{text}` is no range of capacities above 0; {help}")),
        };
    }
    if let Some(value) = amount(text) {
        let exact = InstanceCapacity::new(Capacity::exact(value), "given as a number and taken at its word");
        return Ok(rate(exact, text));
    }
    if !Path::new(text).is_file() {
        return Err(format!("`{text}` is neither a capacity above 0 nor a file; {help}"));
    }
    let json = std::fs::read_to_string(text).map_err(|e| format!("cannot read {text}: {e}"))?;
    measured(&json).map_err(|message| format!("{text}: {message}"))
}

fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    let value = text.parse::<f64>().ok().or_else(|| loadline_model::units::parse_rate(text).ok());
    value.filter(|v| *v > 0.0 && v.is_finite())
}

/// The capacity in a document of `saturate`.
pub fn measured(json: &str) -> Result<InstanceCapacity, String> {
    #[derive(Deserialize)]
    struct Saturation {
        schema: String,
        capacity_per_s: Option<f64>,
        interval: Option<(Option<f64>, Option<f64>)>,
        confidence: f64,
        limited_by: Option<String>,
        validity: Option<loadline_model::run::Validity>,
        requests_per_flow: Option<f64>,
    }
    let read: Saturation =
        serde_json::from_str(json).map_err(|e| format!("this is no saturation document: {e}"))?;
    if !read.schema.starts_with("loadline/saturation@") {
        return Err(format!("the schema is `{}`, not that of a saturation document", read.schema));
    }
    let limit = read.limited_by.map(|l| format!(" within {l}")).unwrap_or_default();
    let percent = 100.0 * read.confidence;
    let mut notes = Vec::new();
    let (capacity, source) = match (read.interval.unwrap_or_default(), read.capacity_per_s) {
        ((Some(low), Some(high)), value) if 0.0 < low && low <= high => {
            let value = value.unwrap_or((low + high) / 2.0);
            let capacity = Capacity::around(value, (low, high), read.confidence);
            (capacity, format!("measured by saturation{limit}, a {percent:.0} % interval"))
        }
        ((Some(low), None), _) if low > 0.0 => {
            notes.push(
                "the measurement found no upper bound: the capacity is its lower bound, taken at its word"
                    .into(),
            );
            (Capacity::exact(low), format!("the least that saturation measured{limit}"))
        }
        (_, Some(value)) if value > 0.0 => {
            (Capacity::exact(value), format!("measured by saturation{limit}, without an interval"))
        }
        _ => return Err("it holds no capacity: saturation was not found".into()),
    };
    if let Some(requests) = read.requests_per_flow {
        notes.push(format!(
            "the capacity counts flows of the scenario, of {requests:.2} requests each on average: a demand in requests has to \
             be divided by as many"
        ));
    }
    if let Some(validity) = read.validity
        && validity.verdict != loadline_model::run::ValidityVerdict::Valid
    {
        let why = validity.reasons.join("; ");
        notes.push(format!("the capacity comes from a measurement that its own generator limited: {why}"));
    }
    Ok(InstanceCapacity { per_second: true, notes, ..InstanceCapacity::new(capacity, source) })
}

/// The row `name` of a table of capacities: a CSV with `name,capacity` and, where wanted, `low,high,confidence`.
///
/// # Errors
/// What is wrong, with its line and column, and the names there are.
pub fn of_table(path: &Path, name: &str) -> Result<InstanceCapacity, String> {
    let file = path.display();
    let broken = |e: csv::Error| format!("cannot read {file}: {e}");
    let text = std::fs::File::open(path).map_err(|e| format!("cannot read {file}: {e}"))?;
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(Lines::new(text));
    let headers = reader.headers().map_err(broken)?.clone();
    let find =
        |name: &str| headers.iter().position(|h| h.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name));
    let columns = "a table of capacities has the columns `name,capacity[,low,high][,confidence]`";
    let needed =
        |name: &str| find(name).ok_or_else(|| format!("{file}:1: there is no column `{name}`; {columns}"));
    let (names, amounts) = (needed("name")?, needed("capacity")?);
    let mut known = Vec::new();
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(broken)? {
        let found = row.get(names).unwrap_or_default();
        if found != name {
            known.push(found.to_owned());
            continue;
        }
        let line = line_of(&reader, &row);
        let cell = |column: &str| -> Result<Option<f64>, String> {
            let text = find(column).and_then(|at| row.get(at)).unwrap_or_default();
            if text.is_empty() {
                return Ok(None);
            }
            let wrong = || format!("{file}:{line}: `{text}` in column `{column}` is no number above 0");
            amount(text).map(Some).ok_or_else(wrong)
        };
        let source = format!("row `{name}` of {file}");
        let ends = (
            cell("low")?,
            cell("high")?,
            confidence(find("confidence").and_then(|at| row.get(at)), &file, line)?,
        );
        return match (cell("capacity")?, ends) {
            (value, (Some(low), Some(high), confidence)) if low <= high => {
                let value = value.unwrap_or((low + high) / 2.0);
                Ok(InstanceCapacity::new(Capacity::around(value, (low, high), confidence), source))
            }
            (_, (Some(_), Some(_), _)) => Err(format!("{file}:{line}: `low` is above `high`; swap the two")),
            (Some(value), _) => Ok(InstanceCapacity {
                per_second: row.get(amounts).is_some_and(|text| text.contains('/')),
                ..InstanceCapacity::new(Capacity::exact(value), format!("{source}, taken at its word"))
            }),
            (None, _) => Err(format!("{file}:{line}: the capacity is missing; {columns}")),
        };
    }
    let help = loadline_model::diagnostic::suggestion(name, known.iter().map(String::as_str));
    Err(format!("{file} has no row `{name}`; {help}"))
}

/// The confidence of an interval, as a share or in per cent.
fn confidence(text: Option<&str>, file: &impl std::fmt::Display, line: u64) -> Result<f64, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(CONFIDENCE) };
    let wrong =
        || format!("{file}:{line}: `{text}` in column `confidence` is no share; write one such as 90%");
    parse_fraction(text).ok().filter(|c| *c > 0.0 && *c < 1.0).ok_or_else(wrong)
}

/// A history of utilisation, and the utilisation to plan for.
#[derive(Debug, Clone, PartialEq)]
pub struct UtilisationHistory {
    /// The utilisation of an instance, a share or in per cent.
    pub utilisation: Series,
    /// How many instances served, where that changed.
    pub instances: Option<Series>,
    /// The utilisation to plan for, above 0, at most 1.
    pub target: f64,
}

impl UtilisationHistory {
    /// Reads a file as `reading` says, which names the columns of time and utilisation, and its column `instances` where
    /// that is given.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn load(
        path: &Path,
        reading: &Reading,
        instances: Option<&str>,
        target: f64,
    ) -> Result<UtilisationHistory, String> {
        let column = |value: Option<String>| -> Result<Series, String> {
            let reading =
                Reading { columns: Columns { value, ..reading.columns.clone() }, ..reading.clone() };
            let mut all = load_files(path, &reading, Parts::default()).map_err(|e| e.to_string())?;
            match all.len() {
                1 => Ok(all.remove(0)),
                n => Err(format!("{} holds {n} series: give a file with one", path.display())),
            }
        };
        let instances = instances.map(|name| column(Some(name.to_owned()))).transpose()?;
        let utilisation = column(reading.columns.value.clone())?;
        Ok(UtilisationHistory { utilisation, instances, target })
    }
}

/// With four significant digits.
fn significant(value: f64) -> String {
    let decimals = (3 - value.abs().max(1e-9).log10().floor() as i32).clamp(0, 12) as usize;
    format!("{value:.decimals$}")
}

/// The demand that one instance carries at the target utilisation, from where the histories of `demand` (of all
/// instances) and utilisation cover the same times; `instances` served where the history does not say.
///
/// # Errors
/// Where they do not, or where utilisation does not grow with demand.
pub fn of_utilisation(
    demand: &Series,
    history: &UtilisationHistory,
    instances: u32,
) -> Result<InstanceCapacity, String> {
    let at = |series: &Series, time: i64| -> Option<f64> {
        let index = usize::try_from(series.axis.index(time)).ok()?;
        (series.axis.time(index).number() == time).then(|| series.values.get(index).copied())?
    };
    let used = &history.utilisation;
    let highest = used.values.iter().copied().fold(0.0, f64::max);
    let scale = if highest > SHARE_MAX { 100.0 } else { 1.0 };
    if highest > SHARE_MAX * scale {
        return Err(format!(
            "the utilisation goes up to {highest}, which is neither a share nor per cent: name its column with \
             --utilisation-value"
        ));
    }
    let pairs: Vec<(f64, f64)> = (0..demand.values.len())
        .filter_map(|t| {
            let time = demand.axis.time(t).number();
            let count = match &history.instances {
                Some(series) => at(series, time)?,
                None => f64::from(instances),
            };
            (count > 0.0).then_some((demand.values[t] / count, at(used, time)? / scale))
        })
        .collect();
    if pairs.len() < 8 {
        return Err(format!(
            "demand and utilisation share {} points in time: too few to see how one grows with the other",
            pairs.len()
        ));
    }
    let target = history.target;
    let least = pairs.iter().map(|(_, utilisation)| *utilisation).fold(f64::INFINITY, f64::min);
    let unclear = || match target <= least {
        true => format!(
            "{:.0} % utilisation is less than these instances ever had, {:.0} % at least: give a target above that",
            100.0 * target,
            100.0 * least
        ),
        false => {
            "utilisation does not clearly grow with demand: no capacity can be derived from these histories"
                .to_owned()
        }
    };
    let found = per_instance(&pairs, target, CONFIDENCE).ok_or_else(unclear)?;
    let (low, high) = found.interval.filter(|(low, _)| *low > 0.0).ok_or_else(unclear)?;
    let mut notes = Vec::new();
    if scale > 1.0 {
        notes.push("the utilisation was read as per cent".into());
    }
    if found.reach > 1.0 {
        notes.push(format!(
            "the capacity lies {:.2} times beyond the largest demand that an instance was seen with ({}): the \
             curve is drawn on, which only a load test can confirm",
            found.reach,
            significant(found.observed_max)
        ));
    }
    if found.bends != 0 {
        let way = if found.bends > 0 { "upwards: it carries less" } else { "downwards: it carries more" };
        notes.push(format!(
            "utilisation bends {way} than a straight line says; a parabola is followed, where it reaches that far, and the \
             interval goes from there to the line"
        ));
    }
    let percent = 100.0 * target;
    let source = format!(
        "derived from {} pairs of demand and utilisation (worth {:.0}) at {percent:.0} % utilisation, a 90 % interval",
        pairs.len(),
        found.effective
    );
    Ok(InstanceCapacity {
        observed_max: Some(found.observed_max),
        notes,
        ..InstanceCapacity::new(Capacity::around(found.demand, (low, high), CONFIDENCE), source)
    })
}

#[cfg(test)]
mod tests {
    use loadline_model::series::Axis;

    use super::*;

    #[test]
    fn capacities_as_people_write_them() {
        let capacity = |text: &str| parse_capacity(text).map(|c| (c.capacity, c.per_second));
        assert_eq!(capacity("1200"), Ok((Capacity::exact(1200.0), false)));
        assert_eq!(capacity("1200/s"), Ok((Capacity::exact(1200.0), true)));
        assert_eq!(capacity("1100..1300"), Ok((Capacity::interval(1100.0, 1300.0, 0.9), false)));
        for text in ["0", "-5", "x", "5..1", "nan", "..", "1/fortnight"] {
            assert!(parse_capacity(text).is_err(), "{text}");
        }
    }

    #[test]
    fn documents_of_saturate() {
        let document = |value: &str, interval: &str| {
            measured(&format!(
                r#"{{"schema":"loadline/saturation@1","capacity_per_s":{value},"interval":{interval},"confidence":0.9}}"#
            ))
        };
        let whole = document("10.0", "[9.0,12.0]").unwrap();
        assert_eq!(whole.capacity, Capacity::around(10.0, (9.0, 12.0), 0.9));
        let open = document("null", "[9.0,null]").unwrap();
        assert_eq!(open.capacity, Capacity::exact(9.0));
        assert!(open.notes[0].contains("no upper bound"));
        assert!(document("null", "null").is_err() && measured("{}").is_err());
    }

    fn series(values: Vec<f64>) -> Series {
        Series {
            id: String::new(),
            axis: Axis::Clock { start_s: 0, step_s: 3600 },
            values,
            counted_over_s: None,
            notes: vec![],
        }
    }

    /// Four instances at 10 % and 0.2 % more for each request a second of one: 70 % are 300 each.
    /// 20/s is 1,200 a minute; what is no rate is in the demand's unit already.
    #[test]
    fn a_rate_is_turned_into_the_unit_of_the_demand() {
        let middle = |text: &str, per_s| parse_capacity(text).unwrap().in_unit(per_s).capacity.quantile(0.5);
        assert_eq!(middle("20/s", Some(60.0)), 1200.0);
        assert_eq!(middle("1200/m", Some(60.0)), 1200.0);
        assert_eq!((middle("20", Some(60.0)), middle("20/s", None)), (20.0, 20.0));
    }

    #[test]
    fn utilisation_tells_the_capacity() {
        let demand: Vec<f64> = (0..400).map(|t| 600.0 + f64::from(t * 37 % 101)).collect();
        let noise = |t: usize| f64::from((t * 61 % 17) as u32) / 17.0 - 0.5;
        let used: Vec<f64> =
            demand.iter().enumerate().map(|(t, d)| 10.0 + 0.2 * d / 4.0 + noise(t)).collect();
        let history = UtilisationHistory { utilisation: series(used), instances: None, target: 0.7 };
        let found = of_utilisation(&series(demand.clone()), &history, 4).unwrap();
        assert!((found.capacity.quantile(0.5) - 300.0).abs() < 10.0, "{found:?}");
        assert!(found.notes.iter().any(|n| n.contains("per cent")));
        assert!(found.notes.iter().any(|n| n.contains("times beyond")), "{:?}", found.notes);
        let counts = UtilisationHistory { instances: Some(series(vec![4.0; 400])), ..history.clone() };
        let same = of_utilisation(&series(demand.clone()), &counts, 1).unwrap();
        assert_eq!(same.capacity, found.capacity);
        let flat = UtilisationHistory { utilisation: series(vec![0.5; 400]), ..history };
        assert!(of_utilisation(&series(demand), &flat, 4).unwrap_err().contains("does not clearly grow"));
    }
}
