//! A first-come-first-served queue in virtual time.
//!
//! With `c` workers and service times known on arrival, a request starts at `max(arrival, earliest worker free)`
//! and ends its service time later. For FIFO this is not a simulation step by step but the exact law of G/G/c
//! (Kiefer and Wolfowitz, 1955), so whoever answers at `end` keeps the model to the precision of his timer.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// What becomes of a request that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is served from `start` to `end` (both in the time of [`Queue::arrive`]).
    Admitted {
        /// When a worker takes it up.
        start: u64,
        /// When the worker is done.
        end: u64,
    },
    /// All workers are busy and the waiting room is full.
    Full,
}

/// Workers behind a bounded waiting room. Times are nanoseconds on any one clock.
#[derive(Clone, Debug)]
pub struct Queue {
    workers: usize,
    bound: usize,
    /// For every busy worker the instant at which all work given to it is done.
    busy_until: BinaryHeap<Reverse<u64>>,
    /// Starts still to come, ascending: the requests that wait.
    starts: VecDeque<u64>,
    now: u64,
    admitted_work: u64,
}

impl Queue {
    /// `workers` (0: as many as requests, so that none waits) and at most `bound` requests waiting.
    pub fn new(workers: usize, bound: usize) -> Self {
        let (busy_until, starts) = Default::default();
        Self { workers, bound, busy_until, starts, now: 0, admitted_work: 0 }
    }

    /// A request that needs `service` arrives at `now`. Time does not run backwards: an earlier `now` is
    /// taken as the latest seen.
    pub fn arrive(&mut self, now: u64, service: u64) -> Admission {
        self.advance(now);
        let start = if self.workers == 0 || self.busy_until.len() < self.workers {
            self.now
        } else if self.starts.len() >= self.bound {
            return Admission::Full;
        } else {
            let Reverse(free) =
                self.busy_until.pop().expect("all workers are busy, and there is one at least");
            self.starts.push_back(free);
            free
        };
        let end = start.saturating_add(service);
        self.busy_until.push(Reverse(end));
        self.admitted_work += service;
        Admission::Admitted { start, end }
    }

    /// Lets the work that is done by `now` leave.
    pub fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        while self.busy_until.peek().is_some_and(|Reverse(end)| *end <= self.now) {
            self.busy_until.pop();
        }
        while self.starts.front().is_some_and(|start| *start <= self.now) {
            self.starts.pop_front();
        }
    }

    /// Requests that wait for a worker, as of the last instant seen.
    pub fn waiting(&self) -> usize {
        self.starts.len()
    }

    /// Workers at work, as of the last instant seen.
    pub fn busy(&self) -> usize {
        self.busy_until.len()
    }

    /// Worker time spent until the last instant seen, in nanoseconds: all that was admitted less what is still
    /// to be done (a busy worker has no gap before it has done all work given to it).
    pub fn work_done(&self) -> u64 {
        self.admitted_work - self.busy_until.iter().map(|Reverse(end)| end - self.now).sum::<u64>()
    }
}

#[cfg(test)]
mod tests;
