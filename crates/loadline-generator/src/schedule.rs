//! When arrivals come: a pure function of the stages and a seed, with no clock and no I/O.
//!
//! A stage asks for an arrival rate `r(t)`, in arrivals per second, that runs straight from `a` to `b` over its
//! duration `d`. The arrivals expected up to `t` are `Λ(t) = a·t + (b − a)·t²/(2d)`. Arrival `k` comes where
//! `Λ(t)` reaches
//!
//! - **uniform**: `k`, so that a constant rate gives even gaps and no arrival is lost at the seam of two stages;
//! - **Poisson**: the sum of `k + 1` independent exponential variates of mean one, which gives a Poisson process
//!   of rate `r(t)` (time change; Çinlar, *Introduction to Stochastic Processes*, 1975, ch. 4.7).
//!
//! Each worker walks through all arrivals and keeps those whose index is its own modulo the number of workers:
//! so the arrivals of a run do not depend on how many workers share it.

use std::time::Duration;

use crate::clock::{Nanos, SECOND};
use crate::random;

/// How arrivals are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrivals {
    /// Evenly.
    #[default]
    Uniform,
    /// As a Poisson process: independent users.
    Poisson,
}

/// Some time at a rate that is constant or changes steadily.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateStage {
    /// Arrivals per second at the beginning.
    pub from_per_s: f64,
    /// Arrivals per second at the end.
    pub to_per_s: f64,
    /// How long.
    pub duration: Duration,
    /// How the arrivals are spread.
    pub arrivals: Arrivals,
}

impl RateStage {
    /// Arrivals expected up to `t` seconds: `Λ(t)`.
    pub fn expected_until(&self, t: f64) -> f64 {
        self.from_per_s * t + self.slope() * t * t / 2.0
    }

    /// The time in seconds at which `Λ(t) = count`; infinite where it never does.
    fn reaches(&self, count: f64) -> f64 {
        if count <= 0.0 {
            return 0.0;
        }
        // The stable root of (slope/2)·t² + from·t − count = 0.
        let discriminant = self.from_per_s * self.from_per_s + 2.0 * self.slope() * count;
        if discriminant < 0.0 {
            return f64::INFINITY;
        }
        2.0 * count / (self.from_per_s + discriminant.sqrt())
    }

    fn slope(&self) -> f64 {
        let duration_s = self.duration.as_secs_f64();
        if duration_s > 0.0 { (self.to_per_s - self.from_per_s) / duration_s } else { 0.0 }
    }
}

/// One arrival of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Counted over all workers and stages, from 0.
    pub index: u64,
    /// When it is to happen.
    pub at: Nanos,
}

/// The arrivals of stages that follow one another.
#[derive(Debug, Clone)]
pub struct Schedule {
    seed: u64,
    next_index: u64,
    /// The expected count at which the next arrival comes, since the start of the run.
    next_mark: f64,
    /// `Λ` at the start of the current stage, since the start of the run.
    before: f64,
    arrivals: Arrivals,
}

impl Schedule {
    /// The arrivals under `seed`, before the first stage.
    pub fn new(seed: u64) -> Self {
        Schedule { seed, next_index: 0, next_mark: 0.0, before: 0.0, arrivals: Arrivals::Uniform }
    }

    /// The arrivals of `stage`, which starts at `start`; `end` it with [`Schedule::leave`].
    pub fn next(&mut self, stage: &RateStage, start: Nanos) -> Option<Due> {
        if stage.arrivals != self.arrivals {
            self.change(stage.arrivals);
        }
        let total = stage.expected_until(stage.duration.as_secs_f64());
        let mark = self.next_mark - self.before;
        // A rounding error must not lose or invent an arrival at the end of a stage.
        if mark >= total - 1e-9 * total.max(1.0) {
            return None;
        }
        let at = start + (stage.reaches(mark).min(stage.duration.as_secs_f64()) * SECOND as f64) as Nanos;
        let due = Due { index: self.next_index, at };
        self.next_index += 1;
        self.next_mark += match self.arrivals {
            Arrivals::Uniform => 1.0,
            Arrivals::Poisson => random::exponential(self.seed, self.next_index),
        };
        Some(due)
    }

    /// Ends `stage`: what it had expected and not yet reached counts towards the next.
    pub fn leave(&mut self, stage: &RateStage) {
        self.before += stage.expected_until(stage.duration.as_secs_f64());
    }

    /// Another spread begins where the old one stands: even arrivals at once, independent ones after a gap.
    fn change(&mut self, arrivals: Arrivals) {
        self.arrivals = arrivals;
        self.next_mark = match arrivals {
            Arrivals::Uniform => self.before,
            Arrivals::Poisson => self.before + random::exponential(self.seed, self.next_index),
        };
    }
}

/// Whether arrival `index` belongs to `worker` of `workers`.
pub fn is_of_worker(index: u64, worker: u32, workers: u32) -> bool {
    index % u64::from(workers) == u64::from(worker)
}
