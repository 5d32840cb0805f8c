//! Queueing results in closed form, stable for thousands of servers.
//!
//! | module | model |
//! |---|---|
//! | [`mmc`] | M/M/c: Erlang B and C, means, quantiles of waiting and response time, sizing |
//! | [`mmck`] | M/M/c/K: a bounded room, blocking |
//! | [`single`] | M/G/1 (Pollaczek–Khinchine) and G/G/c (Allen–Cunneen) |
//! | [`closed`] | closed networks by exact mean value analysis, M/M/c with a finite population |
//!
//! Rates are per unit of time, times in the same unit; any unit will do.

pub mod closed;
pub mod mmc;
pub mod mmck;
pub mod single;

/// Why a queueing result does not exist.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QueueError {
    /// A parameter is not a finite number of the right sign.
    #[error("{name} is {value}; it has to be {needs}")]
    Parameter {
        /// Which parameter.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it has to be.
        needs: &'static str,
    },
    /// More work arrives than the servers can do: the queue grows without bound.
    #[error("the queue is unstable: utilisation {utilisation:.4} is not below 1")]
    Unstable {
        /// Offered work over the number of servers.
        utilisation: f64,
    },
}

/// The means of a queue in its steady state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Means {
    /// The share of time that a server is busy.
    pub utilisation: f64,
    /// Requests waiting, L_q.
    pub waiting: f64,
    /// Requests present, L.
    pub present: f64,
    /// Waiting time, W_q.
    pub wait_time: f64,
    /// Response time, W = W_q + service time.
    pub response_time: f64,
}

impl Means {
    /// All means from the waiting time by Little's law (Little 1961, Operations Research 9(3)).
    fn from_wait(arrival_rate: f64, service_time: f64, utilisation: f64, wait_time: f64) -> Self {
        let response_time = wait_time + service_time;
        let waiting = arrival_rate * wait_time;
        Means { utilisation, waiting, present: arrival_rate * response_time, wait_time, response_time }
    }
}

fn positive(name: &'static str, value: f64) -> Result<f64, QueueError> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(QueueError::Parameter { name, value, needs: "a positive finite number" })
}

fn not_negative(name: &'static str, value: f64) -> Result<f64, QueueError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(value);
    }
    Err(QueueError::Parameter { name, value, needs: "a finite number of at least 0" })
}

fn at_least_one(name: &'static str, value: u32) -> Result<u32, QueueError> {
    if value > 0 {
        return Ok(value);
    }
    Err(QueueError::Parameter { name, value: 0.0, needs: "at least 1" })
}

fn stable(utilisation: f64) -> Result<f64, QueueError> {
    if utilisation < 1.0 { Ok(utilisation) } else { Err(QueueError::Unstable { utilisation }) }
}
