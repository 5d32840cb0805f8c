//! What the service is told to be: everything that a test needs to compute the truth.

use std::net::SocketAddr;
use std::str::FromStr;

use loadline_model::units::UnitError;
use serde::{Deserialize, Serialize};

use super::distribution::ServiceTime;
use super::units::duration_ms;

/// The configuration of a service, as `GET /config` prints it and `--config` reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether an address other than loopback may be listened on.
    pub allow_remote: bool,
    /// Requests served at a time; 0 for as many as come, so that none waits.
    pub workers: usize,
    /// Requests that may wait for a worker; those beyond are answered 503 at once.
    pub queue: usize,
    /// How long a worker is busy with a request.
    pub service: ServiceTime,
    /// The share of requests answered 500.
    pub error_share: f64,
    /// The share of requests answered with a good status and a wrong body.
    pub check_failure_share: f64,
    /// The share of requests whose connection is reset instead of an answer.
    pub reset_share: f64,
    /// Whether a reset comes in the middle of the body, and not before the first byte.
    pub reset_mid_body: bool,
    /// Spans in which nothing is answered.
    pub stalls: Vec<Stall>,
    /// What the stalls are counted from.
    pub stall_from: StallFrom,
    /// How long a body takes from its first piece to its last. No worker is held for it.
    pub slow_body_ms: f64,
    /// The size of the body of a plain page.
    pub body_bytes: usize,
    /// Fixes service times, errors and tokens, by order of arrival.
    pub seed: u64,
    /// Threads that serve, each with connections of its own.
    pub threads: usize,
    /// How many exchanges are recorded with their instants (32 bytes each); 0 for none.
    pub arrivals_max: usize,
}

/// What is due within `length_s` from `from_s` on is answered at its end. Queue and workers go on meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// When it begins, by [`ServeConfig::stall_from`].
    pub from_s: f64,
    /// How long it takes.
    pub length_s: f64,
}

/// The instant that stalls are counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StallFrom {
    /// The arrival of the first request.
    #[default]
    FirstRequest,
    /// The start of the service.
    Start,
}

/// A configuration that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not a loopback address.
    #[error("{0} is open to other machines; listen on 127.0.0.1, or allow it with --allow-remote")]
    Remote(SocketAddr),
    /// Shares that are no probabilities.
    #[error(
        "the shares of errors ({errors}), check failures ({checks}) and resets ({resets}) must be 0 to 1 together"
    )]
    Shares {
        /// [`ServeConfig::error_share`].
        errors: f64,
        /// [`ServeConfig::check_failure_share`].
        checks: f64,
        /// [`ServeConfig::reset_share`].
        resets: f64,
    },
    /// A service time without sense.
    #[error("service {0}: {1}")]
    Service(ServiceTime, &'static str),
    /// A stall before the beginning, or endless.
    #[error("stall {0}s+{1}s: both must be from 0 to 1e6 seconds")]
    Stall(f64, f64),
    /// A slow body that never ends.
    #[error("slow_body_ms {0}: must be from 0 to 3600000")]
    SlowBody(f64),
    /// A page that would not fit into memory.
    #[error("body_bytes {0}: must be at most 1 GiB")]
    Body(usize),
    /// No thread to serve on, or too many.
    #[error("threads {0}: must be from 1 to 256")]
    Threads(usize),
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            allow_remote: false,
            workers: 0,
            queue: 1000,
            service: ServiceTime::Constant { ms: 0.0 },
            error_share: 0.0,
            check_failure_share: 0.0,
            reset_share: 0.0,
            reset_mid_body: false,
            stalls: Vec::new(),
            stall_from: StallFrom::FirstRequest,
            slow_body_ms: 0.0,
            body_bytes: 1024,
            seed: 0,
            threads: 1,
            arrivals_max: 0,
        }
    }
}

impl ServeConfig {
    /// Says what cannot be served, before anything is.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !self.listen.ip().is_loopback() && !self.allow_remote {
            return Err(ConfigError::Remote(self.listen));
        }
        let (errors, checks, resets) = (self.error_share, self.check_failure_share, self.reset_share);
        let shares = [errors, checks, resets, errors + checks + resets];
        if !shares.iter().all(|share| (0.0..=1.0 + 1e-12).contains(share)) {
            return Err(ConfigError::Shares { errors, checks, resets });
        }
        if let Some(fault) = self.service.fault() {
            return Err(ConfigError::Service(self.service, fault));
        }
        let within = |s: f64| (0.0..=1e6).contains(&s);
        if let Some(stall) = self.stalls.iter().find(|stall| !within(stall.from_s) || !within(stall.length_s))
        {
            return Err(ConfigError::Stall(stall.from_s, stall.length_s));
        }
        if !(0.0..=3600e3).contains(&self.slow_body_ms) {
            return Err(ConfigError::SlowBody(self.slow_body_ms));
        }
        if self.body_bytes > 1 << 30 {
            return Err(ConfigError::Body(self.body_bytes));
        }
        if !(1..=256).contains(&self.threads) {
            return Err(ConfigError::Threads(self.threads));
        }
        Ok(())
    }
}

impl FromStr for Stall {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (from, length) = text.split_once('+').ok_or_else(|| UnitError {
            message: format!("`{text}` is not a stall"),
            help: "write when it begins and how long it takes, such as `10s+2s`".into(),
        })?;
        Ok(Self { from_s: duration_ms(from)? / 1e3, length_s: duration_ms(length)? / 1e3 })
    }
}
