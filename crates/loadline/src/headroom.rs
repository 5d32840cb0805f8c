//! Headroom from files: demand is read and forecast, its joint paths are set against the capacity.

mod answer;
mod capacity;
mod demand;

use loadline_analysis::headroom::{Policy, Redundancy};
use loadline_model::headroom::{HeadroomDocument, SCHEMA, ServiceHeadroom};
use loadline_model::series::{Series, Time};

pub use answer::answer;
pub use capacity::{
    InstanceCapacity, UtilisationHistory, measured, of_table, of_utilisation, parse_capacity,
};
pub use demand::Demand;

use crate::forecast::{PlanningError, Request};

/// A supposed change of demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// For a while demand is this many times as large.
    Times {
        /// How many times.
        factor: f64,
        /// When it begins; at once where not given.
        from: Option<Time>,
        /// When it ends (not included); never where not given.
        until: Option<Time>,
    },
    /// Growth beside that of the forecast, a fraction each year.
    Growth(f64),
}

/// What capacity is set against demand, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The capacity of one instance, in the unit of the demand.
    pub capacity: InstanceCapacity,
    /// Instances there are.
    pub instances: u32,
    /// How capacity is to be planned; its lag is taken from `lag_s`.
    pub policy: Policy,
    /// What may be lost of the instances that are needed, where it is not what may be lost of those that there are: after
    /// a loss that has used up what was spare.
    pub restored: Option<Redundancy>,
    /// The day that orders can be made from; where not given, or before the end of the history, that end.
    pub today: Option<Time>,
    /// Seconds from ordering to serving.
    pub lead_time_s: Option<f64>,
    /// Seconds that autoscaling takes; 0 where instances are ordered.
    pub lag_s: f64,
    /// The promised share of good requests.
    pub availability: Option<f64>,
    /// What an instance costs a month.
    pub price: Option<f64>,
    /// The currency of that.
    pub currency: String,
}

impl Question {
    /// Of one instance of a capacity, without a policy.
    pub fn new(capacity: InstanceCapacity) -> Question {
        Question {
            capacity,
            instances: 1,
            policy: Policy::default(),
            restored: None,
            today: None,
            lead_time_s: None,
            lag_s: 0.0,
            availability: None,
            price: None,
            currency: String::new(),
        }
    }
}

/// Forecasts the sum of `all` series, which count by `per_s` seconds (where known), as `changes` make it, and sets it
/// against the capacity.
///
/// # Errors
/// Where the series do not cover the same times, or do not allow for a forecast.
pub fn headroom_of(
    all: &[Series],
    per_s: Option<f64>,
    request: &Request,
    changes: &[Change],
    question: &Question,
) -> Result<HeadroomDocument, PlanningError> {
    let demand = Demand::forecast(all, request, per_s)?.changed(changes);
    Ok(document(answer("", &demand, question)))
}

/// The document whose own fields are those of `service`.
pub fn document(service: ServiceHeadroom) -> HeadroomDocument {
    HeadroomDocument {
        schema: SCHEMA.into(),
        name: String::new(),
        headroom_now: service.headroom_now,
        runs_out: service.runs_out.clone(),
        probability: service.probability.clone(),
        instances: service.instances.clone(),
        order_by: service.order_by,
        today: service.today,
        error_budget_eaten: service.error_budget.as_ref().map(|b| b.eaten),
        service: None,
        services: Vec::new(),
        what_ifs: Vec::new(),
        notes: service.notes.clone(),
        details: vec![service],
    }
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
            counted_over_s: None,
            notes: Vec::new(),
        }
    }

    fn question(capacity: &str) -> Question {
        Question { lead_time_s: Some(14.0 * 86_400.0), ..Question::new(parse_capacity(capacity).unwrap()) }
    }

    /// Increments of a counter in steps of a day: 86,400 of them are one a second.
    #[test]
    fn counts_are_turned_into_the_unit_of_the_capacity() {
        let request = Request { horizon: Some(Horizon::Steps(30)), ..Request::default() };
        let flat =
            Series { values: vec![86_400.0 * 250.0; 200], counted_over_s: Some(86_400.0), ..growing() };
        let needed = |series: &Series, per_s| {
            let question = Question { instances: 3, ..question("100/s") };
            let demand = Demand::forecast(std::slice::from_ref(series), &request, per_s)?;
            Ok::<_, PlanningError>(answer("", &demand, &question))
        };
        let found = needed(&flat, None).unwrap();
        let PlanningError::Unit { said, step } = needed(&flat, Some(60.0)).unwrap_err() else {
            panic!("a unit")
        };
        assert_eq!((said.as_str(), step.as_str()), ("1m", "1d"));
        assert!(found.notes.iter().all(|note| !note.contains("taken to be per second")), "{:?}", found.notes);
        // Of what may be any unit it is said.
        let gauge = Series { values: vec![250.0; 200], ..growing() };
        let told = needed(&gauge, None).unwrap();
        assert!(told.notes.iter().any(|note| note.contains("taken to be per second")), "{:?}", told.notes);
        for found in [found, told] {
            assert!(found.instances.iter().all(|step| step.needed == Some(3)), "{:?}", found.instances);
        }
    }

    /// 300 … 359 requests a second on one instance of 100 that costs 730.485 a month, that is 1 an hour: four are
    /// needed from 301 on.
    #[test]
    fn costs_and_budgets_by_hand() {
        let request = Request { horizon: Some(Horizon::Steps(60)), ..Request::default() };
        let question = Question {
            instances: 3,
            availability: Some(0.99),
            price: Some(730.485),
            ..Question::new(parse_capacity("100/s").unwrap())
        };
        let flat = Series { values: vec![350.0; 200], ..growing() };
        let document = headroom_of(&[flat], None, &request, &[], &question).unwrap();
        let service = &document.details[0];
        let cost = service.cost.as_ref().unwrap();
        // The first value is of 2026-01-01: the horizon begins 200 days later, on the 20th of July.
        let months: Vec<(&str, f64)> = cost.months.iter().map(|m| (m.month.as_str(), m.days)).collect();
        assert_eq!(months, [("2026-07", 12.0), ("2026-08", 31.0), ("2026-09", 17.0)]);
        assert!((cost.months[1].per_month.unwrap() - 4.0 * 730.485).abs() < 1e-6);
        // 4 an hour over 350 × 3,600 requests an hour.
        assert!((cost.months[1].per_million_requests.unwrap() - 4.0 / 1.26).abs() < 1e-6);
        // 50 of 350 fail; 1 % may.
        let budget = service.error_budget.as_ref().unwrap();
        assert!((budget.eaten - 50.0 / 350.0 / 0.01).abs() < 1e-6 && budget.overdrawn == 1.0);
    }

    #[test]
    fn a_straight_line_runs_out_where_it_crosses() {
        let request = Request { horizon: Some(Horizon::Steps(60)), levels: vec![80.0], ..Request::default() };
        let document = headroom_of(&[growing()], None, &request, &[], &question("330")).unwrap();
        // 299 is the last value; it is above 330 at the step of 331, the 32nd.
        let crossing = growing().axis.time(231);
        let Some(Time::Clock(p50)) = document.runs_out.p50 else { panic!("{:?}", document.runs_out) };
        assert!((p50 - crossing.number()).abs() <= 5 * 86_400, "{}", Time::Clock(p50));
        assert_eq!(document.order_by, Some(Time::Clock(p50 - 14 * 86_400)));
        assert!((document.headroom_now.unwrap() - (1.0 - 299.0 / 330.0)).abs() < 1e-9);
        assert_eq!((document.probability.len(), document.instances.len()), (60, 60));
        let twice = headroom_of(&[growing(), growing()], None, &request, &[], &question("660")).unwrap();
        assert_eq!(twice.runs_out, document.runs_out);
        let launch = Change::Times { factor: 2.0, from: Some(growing().axis.time(205)), until: None };
        assert_eq!(
            headroom_of(&[growing()], None, &request, &[launch], &question("330")).unwrap().runs_out.p10,
            Some(growing().axis.time(205))
        );
    }
}
