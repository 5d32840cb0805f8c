//! Queues with general service or arrivals, by their first two moments.

use super::mmc::erlang_c;
use super::{Means, QueueError, at_least_one, not_negative, positive, stable};

/// M/G/1, exact: W_q = λ E[S²] / (2 (1 − ρ)) (Pollaczek 1930, Khinchine 1932), with `scv_service` the squared
/// coefficient of variation of the service time.
///
/// # Errors
/// Where a parameter is out of range, or the utilisation is not below 1.
pub fn mg1(arrival_rate: f64, service_time: f64, scv_service: f64) -> Result<Means, QueueError> {
    let load = positive("the arrival rate", arrival_rate)? * positive("the service time", service_time)?;
    let utilisation = stable(load)?;
    not_negative("the squared variation of service", scv_service)?;
    let wait = utilisation * service_time * (1.0 + scv_service) / (2.0 * (1.0 - utilisation));
    Ok(Means::from_wait(arrival_rate, service_time, utilisation, wait))
}

/// G/G/c, approximate: the wait of M/M/c times (c_a² + c_s²) / 2 (A. O. Allen, *Probability, Statistics, and
/// Queueing Theory*, 1990, section 5.4, after Cunneen). Exact for M/M/c and M/G/1.
///
/// # Errors
/// Where a parameter is out of range, or the utilisation is not below 1.
pub fn ggc(
    arrival_rate: f64,
    service_time: f64,
    servers: u32,
    scv_arrivals: f64,
    scv_service: f64,
) -> Result<Means, QueueError> {
    let offered = positive("the arrival rate", arrival_rate)? * positive("the service time", service_time)?;
    let c = f64::from(at_least_one("the number of servers", servers)?);
    let utilisation = stable(offered / c)?;
    not_negative("the squared variation of arrivals", scv_arrivals)?;
    not_negative("the squared variation of service", scv_service)?;
    let wait_mmc = erlang_c(servers, offered) * service_time / (c * (1.0 - utilisation));
    let wait = wait_mmc * (scv_arrivals + scv_service) / 2.0;
    Ok(Means::from_wait(arrival_rate, service_time, utilisation, wait))
}
