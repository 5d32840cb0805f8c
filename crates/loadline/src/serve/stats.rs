//! Exact counts of what was asked, answered and broken.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::endpoints::Route;
use super::model::{Fate, Visit};

/// Counts since the start, as `GET /stats` prints them. Requests to `/healthz`, `/config`, `/stats` and
/// `/metrics` are in none of them.
///
/// `arrivals` = Σ `answered` + `resets` + `abandoned` + `in_flight` at every instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests that arrived whole.
    pub arrivals: u64,
    /// Requests answered.
    pub requests: u64,
    /// Requests answered, by status.
    pub by_status: BTreeMap<u16, u64>,
    /// Errors injected (500).
    pub errors: u64,
    /// Good statuses with a wrong body.
    pub check_failures: u64,
    /// Requests turned away for want of room in the queue (503).
    pub full: u64,
    /// Connections reset instead of an answer.
    pub resets: u64,
    /// Requests whose client went away before the answer, or that were waiting when the service ended.
    pub abandoned: u64,
    /// Requests that wait or are served.
    pub in_flight: u64,
}

/// Upper bounds of the histogram of service times, in nanoseconds: 1, 2.5, 5 in each decade, 100 µs to 10 s.
pub(super) const BOUNDS: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// The counts behind [`Stats`] and the metrics.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) arrivals: u64,
    pub(super) answered: BTreeMap<(Route, u16), u64>,
    pub(super) errors: u64,
    pub(super) check_failures: u64,
    pub(super) full: u64,
    pub(super) resets: u64,
    pub(super) abandoned: u64,
    /// Service times drawn for admitted requests: one count a bucket, the last for all beyond.
    pub(super) service: [u64; BOUNDS.len() + 1],
    pub(super) service_ns: u64,
}

impl Counts {
    pub(super) fn arrive(&mut self, visit: &Visit) {
        self.arrivals += 1;
        if visit.fate != Fate::Full {
            self.service[BOUNDS.partition_point(|bound| *bound < visit.service)] += 1;
            self.service_ns += visit.service;
        }
    }

    pub(super) fn answer(&mut self, route: Route, status: StatusCode) {
        *self.answered.entry((route, status.as_u16())).or_default() += 1;
    }

    pub(super) fn stats(&self) -> Stats {
        let mut by_status = BTreeMap::new();
        self.answered.iter().for_each(|((_, status), n)| *by_status.entry(*status).or_default() += n);
        let requests = by_status.values().sum();
        Stats {
            arrivals: self.arrivals,
            requests,
            by_status,
            errors: self.errors,
            check_failures: self.check_failures,
            full: self.full,
            resets: self.resets,
            abandoned: self.abandoned,
            in_flight: self.arrivals - requests - self.resets - self.abandoned,
        }
    }
}
