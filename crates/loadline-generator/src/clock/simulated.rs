//! A clock that jumps: nothing takes time but waiting.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::{Clock, Nanos, Timers};

/// A clock in virtual time. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct SimulatedClock {
    now: Rc<Cell<Nanos>>,
    timers: Timers,
}

impl Clock for SimulatedClock {
    fn now(&self) -> Nanos {
        self.now.get()
    }

    fn timers(&self) -> &Timers {
        &self.timers
    }
}

/// Work waits for something that no instant will bring: a fault of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the simulated work waits for nothing that will come")]
pub struct Deadlock;

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl SimulatedClock {
    /// A clock at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `work` to its end, jumping to the next instant whenever nothing is left to do now.
    ///
    /// # Errors
    /// [`Deadlock`] when the work is not done and waits for no instant.
    pub fn drive<F: Future>(&self, work: F) -> Result<F::Output, Deadlock> {
        self.drive_beside(work, || {})
    }

    /// The same, calling `beside` each time before time goes on: for what else happens without taking time, such as
    /// reading what the work has handed over and answering it.
    ///
    /// # Errors
    /// [`Deadlock`] when the work is not done and waits for no instant.
    pub fn drive_beside<F: Future>(&self, work: F, mut beside: impl FnMut()) -> Result<F::Output, Deadlock> {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        let mut work = pin!(work);
        loop {
            if let Poll::Ready(output) = work.as_mut().poll(&mut context) {
                return Ok(output);
            }
            if woken.0.swap(false, Ordering::Relaxed) {
                continue;
            }
            beside();
            let due = self.timers.earliest().ok_or(Deadlock)?;
            self.now.set(self.now.get().max(due));
            self.timers.wake_due(self.now.get());
        }
    }
}
