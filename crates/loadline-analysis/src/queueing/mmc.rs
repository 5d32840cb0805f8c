//! M/M/c: Poisson arrivals, exponential service, `c` servers, one unbounded queue, first come first served.
//!
//! Sources: A. K. Erlang (1917); R. B. Cooper, *Introduction to Queueing Theory* (1981), chapter 3.

use super::{Means, QueueError, at_least_one, not_negative, positive, stable};

/// Servers are counted up to here.
const SERVERS_MOST: f64 = 1e6;

/// Erlang's loss formula B(c, a) for `offered` work a = λ/μ, by its recursion in the inverse, which grows
/// steadily and so neither overflows nor cancels where it matters (Jagerman 1974).
pub fn erlang_b(servers: u32, offered: f64) -> f64 {
    if offered <= 0.0 {
        return if servers == 0 { 1.0 } else { 0.0 };
    }
    // 1/B(k) = 1 + (k/a)/B(k-1); overflow to infinity is the right limit, B = 0.
    let inverse = (1..=servers).fold(1.0, |inverse: f64, k| 1.0 + inverse * f64::from(k) / offered);
    1.0 / inverse
}

/// Erlang's delay formula C(c, a): the probability that an arrival has to wait. 1 where a ≥ c.
pub fn erlang_c(servers: u32, offered: f64) -> f64 {
    let utilisation = offered / f64::from(servers);
    if utilisation >= 1.0 {
        return 1.0;
    }
    let b = erlang_b(servers, offered);
    b / (1.0 - utilisation * (1.0 - b))
}

/// An M/M/c queue in its steady state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmc {
    arrival_rate: f64,
    service_rate: f64,
    servers: u32,
    waits: f64,
}

impl Mmc {
    /// A queue with Poisson arrivals at `arrival_rate`, each of `servers` working at `service_rate`.
    ///
    /// # Errors
    /// Where a parameter is not positive, or the utilisation is not below 1.
    pub fn new(arrival_rate: f64, service_rate: f64, servers: u32) -> Result<Self, QueueError> {
        positive("the arrival rate", arrival_rate)?;
        positive("the service rate", service_rate)?;
        at_least_one("the number of servers", servers)?;
        let offered = arrival_rate / service_rate;
        stable(offered / f64::from(servers))?;
        Ok(Mmc { arrival_rate, service_rate, servers, waits: erlang_c(servers, offered) })
    }

    /// The probability that an arrival has to wait (Erlang C).
    pub fn probability_of_waiting(&self) -> f64 {
        self.waits
    }

    /// The rate at which the conditional wait decays, cμ − λ.
    fn drain_rate(&self) -> f64 {
        f64::from(self.servers) * self.service_rate - self.arrival_rate
    }

    /// Means of queue length and times.
    pub fn means(&self) -> Means {
        let utilisation = self.arrival_rate / (f64::from(self.servers) * self.service_rate);
        Means::from_wait(
            self.arrival_rate,
            1.0 / self.service_rate,
            utilisation,
            self.waits / self.drain_rate(),
        )
    }

    /// P(waiting time > t) = C e^{−(cμ−λ)t}.
    pub fn wait_exceeds(&self, t: f64) -> f64 {
        self.waits * (-self.drain_rate() * t).exp()
    }

    /// P(response time > t): the wait, 0 or exponential with rate δ = cμ − λ, plus an exponential service.
    pub fn response_exceeds(&self, t: f64) -> f64 {
        let (mu, delta) = (self.service_rate, self.drain_rate());
        // (e^{−μt} − e^{−δt}) / (δ − μ), factored so that nothing cancels or overflows near δ = μ.
        let gap = (delta - mu).abs() * t;
        let ratio = if gap < 1e-12 { 1.0 } else { -(-gap).exp_m1() / gap };
        (-mu * t).exp() + self.waits * mu * t * (-mu.min(delta) * t).exp() * ratio
    }

    /// The `q` quantile of the waiting time, 0 where that share does not wait; `0 ≤ q < 1`.
    pub fn wait_quantile(&self, q: f64) -> f64 {
        (self.waits / (1.0 - q)).ln().max(0.0) / self.drain_rate()
    }

    /// The `q` quantile of the response time, `0 ≤ q < 1`.
    pub fn response_quantile(&self, q: f64) -> f64 {
        let tail = 1.0 - q;
        let mut high = -tail.ln() * (1.0 / self.service_rate + 1.0 / self.drain_rate());
        while self.response_exceeds(high) > tail {
            high *= 2.0;
        }
        bisect(0.0, high, |t| self.response_exceeds(t) > tail)
    }
}

/// The largest arrival rate at which the `q` quantile of the response time is at most `limit`; `None` where
/// even an idle service is slower than that.
///
/// # Errors
/// Where a parameter is not positive.
pub fn capacity(service_rate: f64, servers: u32, q: f64, limit: f64) -> Result<Option<f64>, QueueError> {
    positive("the limit", limit)?;
    let most = f64::from(at_least_one("the number of servers", servers)?)
        * positive("the service rate", service_rate)?;
    if (-service_rate * limit).exp() > 1.0 - q {
        return Ok(None);
    }
    let keeps = |rate: f64| {
        Mmc::new(rate, service_rate, servers).is_ok_and(|queue| queue.response_exceeds(limit) <= 1.0 - q)
    };
    Ok(Some(bisect(0.0, most, |rate| rate == 0.0 || keeps(rate))))
}

/// The fewest servers with which the `q` quantile of the *waiting* time is at most `limit`.
///
/// # Errors
/// Where a parameter is not positive, `q` is not below 1, or more than a million servers are needed.
pub fn servers_needed(arrival_rate: f64, service_rate: f64, q: f64, limit: f64) -> Result<u32, QueueError> {
    positive("the arrival rate", arrival_rate)?;
    positive("the service rate", service_rate)?;
    not_negative("the limit", limit)?;
    if !(0.0..1.0).contains(&q) {
        return Err(QueueError::Parameter {
            name: "the quantile",
            value: q,
            needs: "at least 0 and below 1",
        });
    }
    let offered = arrival_rate / service_rate;
    if offered > SERVERS_MOST {
        return Err(QueueError::Parameter {
            name: "the offered work",
            value: offered,
            needs: "at most a million",
        });
    }
    let enough =
        |servers| Mmc::new(arrival_rate, service_rate, servers).is_ok_and(|m| m.wait_quantile(q) <= limit);
    let mut servers = offered.floor() as u32 + 1;
    while !enough(servers) {
        servers += 1;
    }
    Ok(servers)
}

/// The point in `low..high` at which `holds` turns from true to false.
pub(crate) fn bisect(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}
