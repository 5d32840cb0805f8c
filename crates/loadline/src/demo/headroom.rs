//! The last chapter of the demonstration: when does the service run out, with the capacity that was found?

use loadline_analysis::headroom::{Capacity, Policy, Redundancy};
use loadline_analysis::ingest::{self, Format, Reading};
use loadline_analysis::queueing::mmc::Mmc;
use loadline_model::headroom::HeadroomDocument;
use loadline_model::series::Series;

use super::{SERVICE_MS, WORKERS};
use crate::forecast::{Horizon, PlanningError, Request};
use crate::headroom::{InstanceCapacity, Question, headroom_of};

/// The demand in requests a second, as it stands in `scenarios/plans/demand.csv`: made up of growth, a week, a year and noise.
const DEMAND: &str = include_str!("../../../../scenarios/plans/demand.csv");
const HORIZON_DAYS: usize = 120;
/// The room left above the latest peak today.
const ROOM: f64 = 1.12;
const LEAD_TIME_S: f64 = 14.0 * 86_400.0;

/// The sample demand against as many instances of `capacity` as carry its latest peak with some room.
///
/// # Errors
/// None for a capacity above 0.
pub fn headroom(capacity: InstanceCapacity) -> Result<HeadroomDocument, PlanningError> {
    let series = demand()?;
    let peak = series.values.iter().rev().take(7).copied().fold(0.0, f64::max);
    let each = capacity.capacity.quantile(0.05);
    let question = Question {
        instances: ((ROOM * peak / each).ceil() as u32).max(1) + 1,
        policy: Policy { quantile: 0.95, redundancy: Redundancy::Spare(1), ..Policy::default() },
        lead_time_s: Some(LEAD_TIME_S),
        availability: Some(0.999),
        ..Question::new(capacity)
    };
    let request = Request { horizon: Some(Horizon::Steps(HORIZON_DAYS)), ..Request::default() };
    headroom_of(&[series], Some(1.0), &request, &[], &question)
}

/// What one instance of the demonstration's service truly carries with a p99 below `p99_ms`: the arrival rate at which
/// the M/M/c queue that it is has that p99.
pub fn true_capacity(p99_ms: f64) -> InstanceCapacity {
    let service_rate = 1e3 / SERVICE_MS;
    let keeps = |rate: f64| {
        Mmc::new(rate, service_rate, WORKERS).is_ok_and(|queue| queue.response_quantile(0.99) * 1e3 <= p99_ms)
    };
    let (mut low, mut high) = (0.0, service_rate * f64::from(WORKERS));
    for _ in 0..60 {
        let mid = (low + high) / 2.0;
        if keeps(mid) { low = mid } else { high = mid }
    }
    let source = format!("the truth of this service: M/M/{WORKERS} at a p99 of {p99_ms} ms");
    InstanceCapacity { per_second: true, ..InstanceCapacity::new(Capacity::exact(low), source) }
}

fn demand() -> Result<Series, PlanningError> {
    let (name, reading) = ("demand.csv", Reading::default());
    let raw = ingest::read(DEMAND.as_bytes(), name, Format::Csv, &reading)?;
    Ok(ingest::regular(raw.into_iter().next().expect("the file has one series"), name, &reading)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_true_capacity_is_where_the_queue_meets_the_limit() {
        let capacity = true_capacity(60.0).capacity.quantile(0.5);
        let queue = Mmc::new(capacity, 1e3 / SERVICE_MS, WORKERS).unwrap();
        assert!((queue.response_quantile(0.99) * 1e3 - 60.0).abs() < 1e-6 && capacity < 400.0);
    }

    #[test]
    fn it_lasts_today_and_not_for_ever() {
        let document = headroom(true_capacity(60.0)).unwrap();
        assert!(document.headroom_now.unwrap() > 0.0);
        assert!(document.probability.last().unwrap().exceeded_by > 0.1);
    }
}
