//! A saturation model through points measured anywhere, and the loads at which objectives are met exactly.
//!
//! ```
//! use loadline::fit::{FitOptions, fit};
//! use loadline::points;
//!
//! // An M/M/1 queue with a service time of 5 ms: the mean response time is 1 / (200 - rate) seconds.
//! let csv = "rate,latency_ms\n50,6.6667\n100,10\n150,20\n180,50\n";
//! let measured = points::read(csv.as_bytes(), "measured.csv", None)?;
//! let options = FitOptions { slos: vec!["mean < 40ms".parse()?], ..FitOptions::default() };
//! let found = fit(&measured, &options)?;
//! assert!((found.crossings[0].rate_per_s - 175.0).abs() < 1.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use loadline_analysis::saturation::{
    ClosedFit, CrossingError, Measured, Model, Points, PointsError, Request, compare_with_curve, crossings,
    crossings_of_users,
};
use loadline_model::fit::{Crossing, FitDocument};
use loadline_model::slo::Slo;

use crate::points::{Load, Measurements, Point};

/// What is wanted of a fit.
#[derive(Debug, Clone)]
pub struct FitOptions {
    /// The model.
    pub model: Model,
    /// Confidence of all intervals, 0 to 1, both excluded.
    pub confidence: f64,
    /// Concurrencies at which to predict, above 0; closed networks take time in proportion to the largest.
    pub at: Vec<f64>,
    /// Objectives on the response time whose crossings to find; they need latencies.
    pub slos: Vec<Slo>,
}

impl Default for FitOptions {
    fn default() -> Self {
        FitOptions { model: Model::Auto, confidence: 0.95, at: Vec::new(), slos: Vec::new() }
    }
}

/// Why there is no fit.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// Too few points, or some that cannot be.
    #[error(transparent)]
    Points(#[from] PointsError),
    /// An objective that no response time crosses.
    #[error(transparent)]
    Crossing(#[from] CrossingError),
    /// Objectives on what was not measured.
    #[error(
        "objectives need the latency of every point: add a column `latency_ms` with the mean response time"
    )]
    NoLatencies,
}

/// Fits a model to points; `adequate` and `reasons` of the document say what it is worth.
///
/// # Errors
/// Where the points are too few, or an objective is about something else than their latencies.
pub fn fit(measured: &Measurements, options: &FitOptions) -> Result<FitDocument, FitError> {
    let points = points_of(measured, options.model)?;
    let FitOptions { model, confidence, at, slos } = options.clone();
    let crossings = if slos.is_empty() { Vec::new() } else { crossings_of(measured, &slos, confidence)? };
    let mut document = loadline_analysis::saturation::fit(&points, &Request { model, confidence, at });
    if crossings.iter().any(|crossing| crossing.users.is_some()) {
        document.sources.insert("crossings".to_owned(), "closed".to_owned());
    }
    document.crossings = crossings;
    Ok(document)
}

/// The load at which each objective is met: by users who wait where their number was measured, else by a queue.
fn crossings_of(measured: &Measurements, slos: &[Slo], confidence: f64) -> Result<Vec<Crossing>, FitError> {
    let closed = measured.load == Load::Concurrency;
    if measured.points.iter().any(|point| point.latency_s.is_none()) {
        return Err(FitError::NoLatencies);
    }
    if closed && let Some(fit) = ClosedFit::new(&users_of(&measured.points)) {
        let most = measured.points.iter().map(|point| point.concurrency).fold(0.0, f64::max);
        let mut found = crossings_of_users(&fit, most, slos, confidence)?;
        compare_with_curve(&mut found, &points_of(measured, Model::Auto)?, confidence);
        return Ok(found);
    }
    let mut found = crossings(&points_of(measured, Model::Queue)?, slos, confidence)?;
    if closed {
        found.iter_mut().for_each(|crossing| crossing.reasons.push(CLOSED.to_owned()));
    }
    Ok(found)
}

/// Points as those of users who wait for their answers.
fn users_of(measured: &[Point]) -> Vec<Measured> {
    let one = |point: &Point| {
        let Point { concurrency: users, throughput, latency_s } = *point;
        Some(Measured { users, throughput, latency: latency_s? })
    };
    measured.iter().filter_map(one).collect()
}

/// What is said of crossings where the load was a mean concurrency, or more users than a network is worked out for.
const CLOSED: &str = "the load was given as a concurrency: if users waited for their answers, this is the rate of a queue \
                      with as long service times but open arrivals, not that of these users; a mean crosses there, a \
                      percentile may cross elsewhere";

fn points_of(measured: &Measurements, model: Model) -> Result<Points, PointsError> {
    let of_rate = |point: &Point| Some((point.throughput, point.latency_s?));
    let latencies: Option<Vec<(f64, f64)>> = measured.points.iter().map(of_rate).collect();
    match latencies {
        Some(latencies) if model == Model::Queue || measured.load == Load::Rate => {
            Points::of_rates(&latencies)
        }
        _ => Points::new(
            &measured.points.iter().map(|point| (point.concurrency, point.throughput)).collect::<Vec<_>>(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points;

    /// Users who do not think keep Little's law exactly: users = throughput × latency, as rates and latencies do by the way
    /// their concurrency is worked out. Which they are only the columns tell.
    #[test]
    fn users_who_do_not_think_are_users() {
        let of = |csv: &str| {
            let slos = vec!["p99 < 900ms".parse().unwrap()];
            let measured = points::read(csv.as_bytes(), "p.csv", None).unwrap();
            fit(&measured, &FitOptions { slos, ..FitOptions::default() }).unwrap()
        };
        let users = of("users,rps,latency_ms\n1,10,100\n2,20,100\n4,32,125\n8,40,200\n");
        assert_eq!(users.sources["crossings"], "closed");
        assert!(users.crossings[0].users.is_some() && users.queue.is_none(), "{users:?}");
        let rates = of("rps,latency_ms\n10,100\n20,100\n32,125\n40,200\n");
        assert_eq!(rates.sources["crossings"], "queue");
        assert!(rates.crossings[0].users.is_none() && rates.queue.is_some(), "{rates:?}");
    }
}
