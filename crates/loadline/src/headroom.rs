//! Headroom from files: demand is read and forecast, its joint paths are set against the capacity.

use std::path::Path;

use loadline_analysis::headroom::{Capacity, Policy, headroom, headroom_now};
use loadline_model::headroom::{HeadroomDocument, Instances, Probability, RunsOut, SCHEMA};
use loadline_model::series::{Axis, Series, Time};
use serde::Deserialize;

use crate::forecast::{Forecasted, PlanningError, Request, forecast};

/// Joint paths drawn.
const PATHS: usize = 2000;
/// Days of an error budget.
const BUDGET_DAYS: f64 = 30.0;
const DAY_S: f64 = 86_400.0;
const YEAR_S: f64 = 365.25 * DAY_S;

/// Reads a capacity: `1200`, `1200/s`, `1100..1300` (taken as a central 90 % interval), or a file with a document of
/// `saturate`.
pub fn parse_capacity(text: &str) -> Result<Capacity, String> {
    let help = "write a number, a rate (1200/s), a range (1100..1300) or the file of a saturation document";
    if let Some((low, high)) = text.split_once("..") {
        return match (amount(low), amount(high)) {
            (Some(low), Some(high)) if low <= high => Ok(Capacity::interval(low, high, 0.9)),
            (Some(_), Some(_)) => Err(format!("the range `{text}` ends before it begins; {help}")),
            _ => Err(format!("`{text}` is no range of capacities above 0; {help}")),
        };
    }
    if let Some(value) = amount(text) {
        return Ok(Capacity::exact(value));
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
fn measured(json: &str) -> Result<Capacity, String> {
    #[derive(Deserialize)]
    struct Saturation {
        schema: String,
        capacity_per_s: Option<f64>,
        interval: (Option<f64>, Option<f64>),
        confidence: f64,
    }
    let read: Saturation =
        serde_json::from_str(json).map_err(|e| format!("this is no saturation document: {e}"))?;
    if !read.schema.starts_with("loadline/saturation@") {
        return Err(format!("the schema is `{}`, not that of a saturation document", read.schema));
    }
    match (read.interval, read.capacity_per_s) {
        ((Some(low), Some(high)), _) if 0.0 < low && low <= high => {
            Ok(Capacity::interval(low, high, read.confidence))
        }
        ((Some(low), None), _) if low > 0.0 => Ok(Capacity::exact(low)),
        (_, Some(capacity)) if capacity > 0.0 => Ok(Capacity::exact(capacity)),
        _ => Err("it holds no capacity: saturation was not found".into()),
    }
}

/// A known change of demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// From a time on, demand is this many times as large.
    Event {
        /// When.
        from: Time,
        /// How many times.
        factor: f64,
    },
    /// Growth beside that of the forecast, a fraction each year.
    Growth(f64),
}

/// What capacity is set against demand, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The capacity of one instance, in the unit of the demand.
    pub capacity: Capacity,
    /// Instances there are.
    pub instances: u32,
    /// How capacity is to be planned.
    pub policy: Policy,
    /// Seconds from ordering to serving.
    pub lead_time_s: Option<f64>,
    /// Seconds that autoscaling takes.
    pub lag_s: f64,
    /// The share of requests that may fail.
    pub error_budget: Option<f64>,
    /// What is known of the future.
    pub changes: Vec<Change>,
}

/// Demand to come, as joint paths.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    paths: Vec<Vec<f64>>,
    /// Times of the steps of a path.
    axis: Axis,
    /// Index on the axis of the first step of a path.
    begin: usize,
    /// The highest demand of the latest season.
    peak: f64,
    notes: Vec<String>,
}

impl Demand {
    /// Of the sum of `all` series.
    pub(crate) fn forecast(all: &[Series], request: &Request) -> Result<Demand, PlanningError> {
        let first = all.first().expect("a file holds at least one series");
        if let Some(other) = all.iter().find(|s| s.axis != first.axis || s.values.len() != first.values.len())
        {
            return Err(PlanningError::NotAlike { one: first.id.clone(), other: other.id.clone() });
        }
        let made: Vec<Forecasted> = all.iter().map(|s| forecast(s, request)).collect::<Result<_, _>>()?;
        Ok(Demand {
            paths: joint_paths(&made),
            axis: first.axis,
            begin: first.values.len(),
            peak: peak(all, &made[0]),
            notes: notes(all, &made),
        })
    }

    /// The sum of demands, each so many times; path by path, so that the peak is that of the sum.
    pub(crate) fn sum(parts: &[(&Demand, f64)]) -> Option<Demand> {
        let first = parts.first()?.0;
        let alike = |d: &Demand| {
            d.axis.time(d.begin) == first.axis.time(first.begin) && d.axis.step() == first.axis.step()
        };
        if !parts.iter().all(|(d, _)| alike(d)) {
            return None;
        }
        let mut sum = Demand { peak: 0.0, notes: Vec::new(), ..first.clone() };
        sum.paths.iter_mut().flatten().for_each(|v| *v = 0.0);
        for (part, times) in parts {
            sum.peak += part.peak * times;
            for (path, more) in sum.paths.iter_mut().zip(&part.paths) {
                path.iter_mut().zip(more).for_each(|(a, b)| *a += b * times);
            }
        }
        Some(sum)
    }

    fn time(&self, step: usize) -> Time {
        self.axis.time(self.begin + step)
    }

    fn changed(mut self, changes: &[Change]) -> Demand {
        if changes.is_empty() {
            return self;
        }
        let step_s = self.axis.step_s().unwrap_or(0.0);
        let factors: Vec<f64> = (0..self.paths[0].len())
            .map(|step| factor(changes, self.time(step), (step + 1) as f64 * step_s))
            .collect();
        for path in &mut self.paths {
            path.iter_mut().zip(&factors).for_each(|(demand, factor)| *demand *= factor);
        }
        self
    }
}

/// Forecasts the sum of `all` series and sets it against the capacity.
pub fn headroom_of(
    all: &[Series],
    request: &Request,
    question: &Question,
) -> Result<HeadroomDocument, PlanningError> {
    Ok(answer(Demand::forecast(all, request)?, question))
}

pub(crate) fn answer(demand: Demand, question: &Question) -> HeadroomDocument {
    let demand = demand.changed(&question.changes);
    let step_s = demand.axis.step_s();
    let lag_steps = step_s.map_or(0, |step| (question.lag_s / step).ceil() as usize);
    let policy = Policy { lag_steps, ..question.policy };
    let result = headroom(&demand.paths, &question.capacity, question.instances, &policy);
    let at = |p: f64| result.runs_out(p).map(|step| demand.time(step));
    let order_by = question.lead_time_s.and_then(|lead| match at(1.0 - policy.quantile)? {
        Time::Clock(seconds) => Some(Time::Clock(seconds - lead.ceil() as i64)),
        Time::Step(_) => None,
    });
    let days = |step: usize| (step + 1) as f64 * step_s.unwrap_or(DAY_S) / DAY_S;
    let budget_end = (0..demand.paths[0].len()).rfind(|step| days(*step) <= BUDGET_DAYS).unwrap_or(0);
    let dates = (0..demand.paths[0].len()).map(|step| demand.time(step));
    let probability = dates.clone().zip(&result.exceeded_by);
    let instances = dates.zip(&result.needed);
    let mut notes = demand.notes.clone();
    if step_s.is_none() && (question.lead_time_s.is_some() || question.lag_s > 0.0) {
        notes.push("the demand has no dates: lead time and lag were left out".into());
    }
    HeadroomDocument {
        schema: SCHEMA.into(),
        headroom_now: headroom_now(demand.peak, &question.capacity, question.instances, &policy),
        runs_out: RunsOut { p10: at(0.1), p50: at(0.5), p90: at(0.9) },
        probability: probability.map(|(date, p)| Probability { date, exceeded_by: *p }).collect(),
        instances: instances.map(|(date, needed)| Instances { date, needed: *needed }).collect(),
        order_by,
        error_budget_eaten: question.error_budget.map(|budget| result.overload[budget_end] / budget),
        service: None,
        services: Vec::new(),
        what_ifs: Vec::new(),
        notes,
    }
}

/// Paths of the sum: the same draw of every series, so that what moved them together does so here.
fn joint_paths(made: &[Forecasted]) -> Vec<Vec<f64>> {
    let mut sum: Vec<Vec<f64>> = made[0].forecast.paths(PATHS, 1).collect();
    for other in &made[1..] {
        for (path, more) in sum.iter_mut().zip(other.forecast.paths(PATHS, 1)) {
            path.iter_mut().zip(more).for_each(|(a, b)| *a += b);
        }
    }
    sum
}

fn factor(changes: &[Change], time: Time, ahead_s: f64) -> f64 {
    changes
        .iter()
        .map(|change| match *change {
            Change::Event { from, factor } if from <= time => factor,
            Change::Event { .. } => 1.0,
            Change::Growth(a_year) => (1.0 + a_year).powf(ahead_s / YEAR_S),
        })
        .product()
}

/// The highest demand of the latest season that the history holds; without one the latest demand.
fn peak(all: &[Series], made: &Forecasted) -> f64 {
    let n = all[0].values.len();
    let season = made.calendar.seasons.iter().copied().filter(|s| *s <= n).max().unwrap_or(1);
    (n - season..n).map(|t| all.iter().map(|s| s.values[t]).sum::<f64>()).fold(f64::NEG_INFINITY, f64::max)
}

fn notes(all: &[Series], made: &[Forecasted]) -> Vec<String> {
    let mut notes = Vec::new();
    if all.len() > 1 {
        notes.push(format!("the demand is the sum of {} series", all.len()));
    }
    for (series, made) in all.iter().zip(made) {
        let name = if series.id.is_empty() { String::new() } else { format!("{}: ", series.id) };
        notes.extend(series.notes.iter().chain(&made.forecast.notes).map(|note| format!("{name}{note}")));
    }
    notes
}

#[cfg(test)]
mod tests {
    use loadline_model::series::Axis;

    use super::*;
    use crate::forecast::Horizon;

    /// Demand of 100 and one more a day, in days, without noise.
    fn growing() -> Series {
        Series {
            id: String::new(),
            axis: Axis::Clock { start_s: 1_767_225_600, step_s: 86_400 },
            values: (0..200).map(|t| 100.0 + f64::from(t)).collect(),
            notes: Vec::new(),
        }
    }

    fn question(capacity: &str) -> Question {
        Question {
            capacity: parse_capacity(capacity).unwrap(),
            instances: 1,
            policy: Policy::default(),
            lead_time_s: Some(14.0 * DAY_S),
            lag_s: 0.0,
            error_budget: None,
            changes: Vec::new(),
        }
    }

    #[test]
    fn a_straight_line_runs_out_where_it_crosses() {
        let request = Request { horizon: Some(Horizon::Steps(60)), levels: vec![80.0], ..Request::default() };
        let document = headroom_of(&[growing()], &request, &question("330")).unwrap();
        // 299 is the last value; it is above 330 at the step of 331, the 32nd.
        let crossing = growing().axis.time(231);
        let Some(Time::Clock(p50)) = document.runs_out.p50 else { panic!("{:?}", document.runs_out) };
        assert!((p50 - crossing.number()).abs() <= 5 * 86_400, "{}", Time::Clock(p50));
        assert_eq!(document.order_by, Some(Time::Clock(p50 - 14 * 86_400)));
        assert!((document.headroom_now.unwrap() - (1.0 - 299.0 / 330.0)).abs() < 1e-9);
        assert_eq!((document.probability.len(), document.instances.len()), (60, 60));
        let twice = headroom_of(&[growing(), growing()], &request, &question("660")).unwrap();
        assert_eq!(twice.runs_out, document.runs_out);
        let launch = Change::Event { from: growing().axis.time(205), factor: 2.0 };
        let launched = Question { changes: vec![launch], ..question("330") };
        assert_eq!(
            headroom_of(&[growing()], &request, &launched).unwrap().runs_out.p10,
            Some(growing().axis.time(205))
        );
    }

    #[test]
    fn capacities_as_people_write_them() {
        assert_eq!(parse_capacity("1200"), Ok(Capacity::exact(1200.0)));
        assert_eq!(parse_capacity("1200/s"), Ok(Capacity::exact(1200.0)));
        assert_eq!(parse_capacity("1100..1300"), Ok(Capacity::interval(1100.0, 1300.0, 0.9)));
        for text in ["0", "-5", "x", "5..1", "nan", "..", "1/fortnight"] {
            assert!(parse_capacity(text).is_err(), "{text}");
        }
        let document = r#"{"schema":"loadline/saturation@1","capacity_per_s":10.0,"interval":[9.0,11.0],"confidence":0.9}"#;
        assert_eq!(measured(document), Ok(Capacity::interval(9.0, 11.0, 0.9)));
        let open = r#"{"schema":"loadline/saturation@1","capacity_per_s":null,"interval":[9.0,null],"confidence":0.9}"#;
        assert_eq!(measured(open), Ok(Capacity::exact(9.0)));
        assert!(measured("{}").is_err());
    }
}
