//! Asking a run to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Why, or how, a run is to stop. A later, stronger word overrides an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// A data source whose rows are used once has none left.
    OutOfRows = 1,
    /// An objective with `abort` was broken.
    Objective = 2,
    /// The user asked; requests on their way get a moment.
    Interrupted = 3,
    /// The user asked again; requests on their way are unanswered.
    AtOnce = 4,
}

/// Asks the workers of a run to stop. Clones speak to the same run.
#[derive(Debug, Clone, Default)]
pub struct StopHandle(Arc<AtomicU8>);

impl StopHandle {
    /// A run that nobody asked to stop.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop.
    pub fn request(&self, stop: Stop) {
        self.0.fetch_max(stop as u8, Ordering::Relaxed);
    }

    /// The strongest word so far.
    pub fn requested(&self) -> Option<Stop> {
        [Stop::AtOnce, Stop::Interrupted, Stop::Objective, Stop::OutOfRows]
            .into_iter()
            .find(|stop| *stop as u8 == self.0.load(Ordering::Relaxed))
    }
}
