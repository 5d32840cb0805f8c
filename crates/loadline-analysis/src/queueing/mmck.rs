//! M/M/c/K: M/M/c with room for `K` requests in all; an arrival that finds it full is lost.
//!
//! Source: the birth–death balance equations (Kleinrock, *Queueing Systems I*, 1975, section 3.8).

use super::{QueueError, at_least_one, positive};

/// An M/M/c/K queue in its steady state; it is stable at every load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmck {
    /// The probability that an arrival is lost.
    pub blocking: f64,
    /// Requests present, L.
    pub present: f64,
    /// Arrivals admitted per unit of time.
    pub admitted_rate: f64,
    /// Response time of those admitted.
    pub response_time: f64,
}

/// The steady state of `servers` with room for `room ≥ servers` requests, those in service included.
///
/// # Errors
/// Where a parameter is not positive, or the room is smaller than the number of servers.
pub fn mmck(arrival_rate: f64, service_rate: f64, servers: u32, room: u32) -> Result<Mmck, QueueError> {
    positive("the arrival rate", arrival_rate)?;
    let offered = arrival_rate / positive("the service rate", service_rate)?;
    if room < at_least_one("the number of servers", servers)? {
        let needs = "at least the number of servers";
        return Err(QueueError::Parameter { name: "the room", value: f64::from(room), needs });
    }
    // Probabilities relative to the last state, scaled down whenever they grow large: no factorial appears.
    let (mut last, mut sum, mut weighted) = (1.0_f64, 1.0_f64, 0.0_f64);
    for k in 1..=room {
        last *= offered / f64::from(k.min(servers));
        sum += last;
        weighted += f64::from(k) * last;
        if sum > 1e200 {
            (last, sum, weighted) = (last / sum, 1.0, weighted / sum);
        }
    }
    let (blocking, present) = (last / sum, weighted / sum);
    let admitted_rate = arrival_rate * (1.0 - blocking);
    Ok(Mmck { blocking, present, admitted_rate, response_time: present / admitted_rate })
}
