//! Asking a run to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Nanos;

/// Why, or how, a run is to stop. A later, stronger word overrides an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// A data source whose rows are used once has none left.
    OutOfRows = 1,
    /// What was to be found out is known.
    Decided = 2,
    /// An objective with `abort` was broken.
    Objective = 3,
    /// Nothing but failed attempts to connect.
    Unreachable = 4,
    /// The user asked; requests on their way get a moment.
    Interrupted = 5,
    /// The user asked again; requests on their way are unanswered.
    AtOnce = 6,
}

/// Asks the workers of a run to stop. Clones speak to the same run.
#[derive(Debug, Clone, Default)]
pub struct StopHandle(Arc<Word>);

#[derive(Debug, Default)]
struct Word {
    stop: AtomicU8,
    /// When the load ended for it; 0: it did not.
    load_ended: AtomicU64,
}

impl StopHandle {
    /// A run that nobody asked to stop.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop.
    pub fn request(&self, stop: Stop) {
        self.0.stop.fetch_max(stop as u8, Ordering::Relaxed);
    }

    /// The strongest word so far.
    pub fn requested(&self) -> Option<Stop> {
        [Stop::AtOnce, Stop::Interrupted, Stop::Unreachable, Stop::Objective, Stop::Decided, Stop::OutOfRows]
            .into_iter()
            .find(|stop| *stop as u8 == self.0.stop.load(Ordering::Relaxed))
    }

    /// Arrivals were stopped at `now`; the last worker to do so decides.
    pub(crate) fn load_ended(&self, now: Nanos) {
        self.0.load_ended.fetch_max(now.max(1), Ordering::Relaxed);
    }

    /// How long after the start of the run arrivals were stopped, if they were.
    pub fn load_ended_after(&self) -> Option<Duration> {
        Some(self.0.load_ended.load(Ordering::Relaxed)).filter(|ended| *ended > 0).map(Duration::from_nanos)
    }
}
