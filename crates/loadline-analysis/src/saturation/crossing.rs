//! Where objectives on the response time are crossed.

use loadline_model::fit::Crossing;
use loadline_model::slo::{Comparison, Metric, Slo, Timing};

use super::closed::{ClosedFit, USERS_MOST};
use super::estimate::Estimate;
use super::fit::{Model, Request, fit};
use super::points::Points;
use super::queue::QueueFit;

/// A queue that misses the latencies by more than this typically does not describe them.
const MISSED_MOST: f64 = 0.1;

/// Rates that differ by a larger share than this contradict each other.
const APART: f64 = 0.05;

/// So near the most users that are looked at they are the bound and no finding.
const ALMOST: f64 = 0.99;

/// Why a crossing cannot be found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CrossingError {
    /// Another metric than a response time, or another comparison than an upper limit.
    #[error(
        "`{slo}` is no upper limit of a response time: use `mean < 50ms` or a percentile such as `p99 < 200ms`"
    )]
    Metric {
        /// The objective.
        slo: String,
    },
    /// An objective for one request or over windows.
    #[error("`{slo}`: points are about all requests and the whole time; leave out `for`, `over` and `abort`")]
    Scope {
        /// The objective.
        slo: String,
    },
}

/// The rates at which `slos` are met exactly, by the M/M/c queues that explain `points`: mean requests in the system
/// (by Little's law rate times mean latency) against the rate. A percentile is that of M/M/c's response time, since
/// points tell the mean alone. Where the queue misses the latencies its crossings say so.
///
/// # Errors
/// Where an objective is no upper limit of a mean or a percentile of the response time.
pub fn crossings(points: &Points, slos: &[Slo], confidence: f64) -> Result<Vec<Crossing>, CrossingError> {
    let quantiles = slos.iter().map(quantile).collect::<Result<Vec<_>, _>>()?;
    let fit = QueueFit::new(points);
    let missed = fit.typical_miss(points);
    let reasons: Vec<String> = (missed > MISSED_MOST)
        .then(|| {
            let percent = 100.0 * missed;
            format!(
                "the queue misses the latencies by {percent:.0} % typically: the service is no such queue"
            )
        })
        .into_iter()
        .collect();
    let most = points.levels().iter().map(|level| level.mean).fold(0.0, f64::max);
    let crossing = |(slo, quantile): (&Slo, Option<f64>)| {
        let rate = fit.crossing(quantile, slo.limit / 1e3, confidence);
        let interval = (rate.low, Some(rate.high));
        Crossing {
            slo: slo.text.clone(),
            rate_per_s: rate.value,
            interval,
            users: None,
            users_interval: None,
            beyond_tested: rate.value / most,
            reasons: reasons.iter().cloned().chain(never(rate, slo, "the least load")).collect(),
        }
    };
    Ok(slos.iter().zip(quantiles).map(crossing).collect())
}

/// The numbers of users who wait for their answers at which `slos` are met exactly, and the rates that they make, by the
/// closed systems that explain what was measured with up to `most` of them.
///
/// # Errors
/// As for [`crossings`].
pub fn crossings_of_users(
    fit: &ClosedFit,
    most: f64,
    slos: &[Slo],
    confidence: f64,
) -> Result<Vec<Crossing>, CrossingError> {
    let crossing = |slo: &Slo| {
        let quantile = quantile(slo)?;
        let met = fit.meeting(quantile, slo.limit / 1e3, confidence);
        let mut reasons = Vec::new();
        if fit.missed > MISSED_MOST {
            let percent = 100.0 * fit.missed;
            reasons.push(format!("the closed systems miss the latencies by {percent:.0} % typically"));
        }
        if let Some(times) = fit.overfull {
            reasons.push(format!(
                "throughput × latency exceeds the users ({times:.2} times as many), of whom no more can wait than there are: \
                 check the units"
            ));
        }
        let networks = fit.network_weight();
        if quantile.is_some() && networks > 0.5 {
            // Left out it may not be: where objectives are on percentiles there would be no answer at all.
            let percent = 100.0 * (1.0 - networks);
            reasons.push(format!(
                "the mean latencies are those of several stations one after the other; the percentile is that of one \
                 queue with as long ones, which the means are of with a probability of {percent:.0} %"
            ));
        }
        reasons.extend(never(met.users, slo, "one user"));
        // Beyond as many users nothing is worked out.
        let users = met.users;
        if users.value >= ALMOST * USERS_MOST {
            reasons.push(format!("{USERS_MOST} users are the most that are looked at: it may take more"));
        }
        let high = (users.high < ALMOST * USERS_MOST).then_some(users.high);
        Ok(Crossing {
            slo: slo.text.clone(),
            rate_per_s: met.rate.value,
            interval: (met.rate.low, Some(met.rate.high)),
            users: Some(users.value),
            users_interval: Some((users.low, high)),
            beyond_tested: users.value / most,
            reasons,
        })
    };
    slos.iter().map(crossing).collect()
}

/// Says of crossings of users where the saturation curve through `points`, of users and throughput, makes another rate of as
/// many: closed systems never get slower with more users, as a curve with coherency does.
pub fn compare_with_curve(crossings: &mut [Crossing], points: &Points, confidence: f64) {
    let at: Vec<f64> = crossings.iter().filter_map(|crossing| crossing.users).filter(|n| *n > 0.0).collect();
    let predictions = fit(points, &Request { model: Model::Auto, confidence, at }).predictions;
    for crossing in crossings {
        let of_as_many = predictions.iter().find(|p| Some(p.concurrency) == crossing.users);
        let Some((users, value)) = of_as_many.and_then(|p| Some((p.concurrency, p.throughput_per_s?))) else {
            continue;
        };
        let (low, high) = of_as_many.and_then(|p| p.interval).unwrap_or((value, Some(value)));
        let apart = (crossing.rate_per_s / value - 1.0).abs();
        let outside = crossing.rate_per_s < low || high.is_some_and(|high| crossing.rate_per_s > high);
        if outside && apart > APART {
            crossing.reasons.push(format!(
                "the saturation curve makes {value:.0}/s of {users:.0} users, not {:.0}/s: the service is no such closed \
                 system",
                crossing.rate_per_s
            ));
        }
    }
}

/// Why a crossing at no load at all is none, or may be none where the interval of `load` reaches above it; `least` is the
/// least load that there can be.
fn never(load: Estimate, slo: &Slo, least: &str) -> Option<String> {
    let (how, what) = match slo.metric {
        Metric::Quantile(..) => (" with exponential service times", "a percentile"),
        _ => ("", "the mean"),
    };
    let text = &slo.text;
    match load {
        Estimate { high, .. } if high <= 0.0 => {
            Some(format!("no load keeps `{text}`: {what} without any load is longer already{how}"))
        }
        Estimate { value, .. } if value <= 0.0 => Some(format!(
            "{least} may break `{text}` already: {what} without any load is likelier above the limit than below{how}"
        )),
        _ => None,
    }
}

/// The quantile in question; `None` for the mean.
fn quantile(slo: &Slo) -> Result<Option<f64>, CrossingError> {
    let upper = matches!(slo.comparison, Comparison::Below | Comparison::AtMost);
    if slo.request.is_some() || slo.over.is_some() || slo.abort_after.is_some() {
        return Err(CrossingError::Scope { slo: slo.text.clone() });
    }
    match slo.metric {
        Metric::Quantile(Timing::Response, q) if upper => Ok(Some(q)),
        Metric::Mean(Timing::Response) if upper => Ok(None),
        _ => Err(CrossingError::Metric { slo: slo.text.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queueing::mmc::{self, Mmc};

    /// M/M/4 with 20 ms: the closed form says where the mean and the p99 cross their limits.
    #[test]
    fn finds_where_a_known_queue_crosses() {
        let pairs: Vec<(f64, f64)> = [20.0, 60.0, 100.0, 130.0, 150.0, 170.0, 180.0]
            .map(|rate| (Mmc::new(rate, 50.0, 4).unwrap().means().present, rate))
            .to_vec();
        let slos = ["p99 < 150ms", "mean < 40ms", "p50 < 1ms"].map(|slo| slo.parse::<Slo>().unwrap());
        let found = crossings(&Points::new(&pairs).unwrap(), &slos, 0.95).unwrap();
        let mean = |rate: f64| Mmc::new(rate, 50.0, 4).unwrap().means().response_time;
        let truths = [
            mmc::capacity(50.0, 4, 0.99, 0.15).unwrap().unwrap(),
            mmc::bisect(0.0, 200.0, |r| r == 0.0 || r < 199.999 && mean(r) <= 0.04),
        ];
        for (crossing, truth) in found.iter().zip(truths) {
            assert!((crossing.rate_per_s / truth - 1.0).abs() < 0.02, "{crossing:?} for {truth}");
            let (low, high) = crossing.interval;
            assert!(low <= truth * 1.001 && truth <= high.unwrap() * 1.001, "{crossing:?} for {truth}");
            assert!((crossing.beyond_tested - crossing.rate_per_s / 180.0).abs() < 1e-12);
        }
        assert_eq!(found[2].rate_per_s, 0.0, "an idle service takes longer than 1 ms");
    }

    /// 50 users who think for 50 ms before four workers of 20 ms: they wait for their answers, so that the latency grows
    /// in a straight line where that of a queue with open arrivals would have no end.
    #[test]
    fn a_queue_that_misses_the_latencies_says_so() {
        let pairs: Vec<(f64, f64)> = [1, 4, 8, 16, 32, 64, 128, 256]
            .map(|users| {
                let means = crate::queueing::closed::repairman(0.02, 4, 0.05, users).unwrap();
                (f64::from(users) - 0.05 * means.throughput, means.throughput)
            })
            .to_vec();
        let slo = "mean < 100ms".parse().unwrap();
        let found = crossings(&Points::new(&pairs).unwrap(), &[slo], 0.95).unwrap();
        assert!(found[0].reasons.iter().any(|r| r.contains("misses the latencies")), "{found:?}");
        let open: Vec<(f64, f64)> = [20.0, 60.0, 100.0, 130.0, 150.0, 170.0]
            .map(|rate| (Mmc::new(rate, 50.0, 4).unwrap().means().present, rate))
            .to_vec();
        let slo = "mean < 40ms".parse().unwrap();
        assert!(crossings(&Points::new(&open).unwrap(), &[slo], 0.95).unwrap()[0].reasons.is_empty());
    }

    #[test]
    fn what_points_do_not_tell_is_an_error() {
        let points = Points::new(&[(1.0, 10.0), (2.0, 18.0), (3.0, 24.0)]).unwrap();
        for slo in
            ["error_rate < 1%", "service p99 < 5ms", "p99 > 5ms", "p99 < 5ms for list", "throughput > 4/s"]
        {
            assert!(crossings(&points, &[slo.parse().unwrap()], 0.95).is_err(), "{slo}");
        }
    }
}
