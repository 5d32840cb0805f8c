//! Time, as the engine sees it: nanoseconds since the run began, and a way to wait for an instant.
//!
//! The engine never asks the system for the time; it is given a [`Clock`]. [`real::RealClock`] is a monotonic
//! clock with one `timerfd` a worker; [`simulated::SimulatedClock`] jumps from one awaited instant to the next,
//! so that the very code that drives real load can be tested exactly.

pub mod real;
pub mod simulated;

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// Nanoseconds since the run began.
pub type Nanos = u64;

/// Nanoseconds in a second.
pub const SECOND: Nanos = 1_000_000_000;

/// Tells the time and waits for an instant. Clones share one clock.
pub trait Clock: Clone {
    /// The time now.
    fn now(&self) -> Nanos;

    /// The instants that are waited for.
    fn timers(&self) -> &Timers;

    /// CPU time that the calling thread has used; `None` where nothing costs CPU time.
    fn thread_cpu_time(&self) -> Option<Duration> {
        None
    }

    /// Time that the calling thread was ready to run while others had the processor; `None` where that is not told.
    fn thread_waiting_time(&self) -> Option<Duration> {
        None
    }

    /// Waits until `due`; ready at once when that has passed.
    fn wait_until(&self, due: Nanos) -> impl Future<Output = ()> {
        let mut armed = false;
        poll_fn(move |context| {
            if self.now() >= due {
                return Poll::Ready(());
            }
            if !armed {
                self.timers().wake_at(due, context.waker());
                armed = true;
            }
            Poll::Pending
        })
    }
}

/// The instants that are waited for, earliest first. Whoever drives the clock asks for the earliest, waits for
/// it in its own way and then wakes what is due.
///
/// A wait must be polled by one task only: the waker of its first poll is the one that is kept.
#[derive(Debug, Clone, Default)]
pub struct Timers {
    waits: Rc<RefCell<BinaryHeap<Wait>>>,
}

#[derive(Debug)]
struct Wait {
    due: Nanos,
    waker: Option<Waker>,
}

impl PartialEq for Wait {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}
impl Eq for Wait {}
impl PartialOrd for Wait {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Wait {
    /// The earliest is the greatest, for the heap gives out its greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.due.cmp(&self.due)
    }
}

impl Timers {
    /// Has `waker` woken at `due`.
    pub fn wake_at(&self, due: Nanos, waker: &Waker) {
        self.waits.borrow_mut().push(Wait { due, waker: Some(waker.clone()) });
    }

    /// Has the work that is driven polled at `due`, from its root.
    pub fn poll_at(&self, due: Nanos) {
        self.waits.borrow_mut().push(Wait { due, waker: None });
    }

    /// The earliest instant that is waited for.
    pub fn earliest(&self) -> Option<Nanos> {
        self.waits.borrow().peek().map(|wait| wait.due)
    }

    /// Wakes all that waited for `now` or an instant before.
    pub fn wake_due(&self, now: Nanos) {
        while self.earliest().is_some_and(|due| due <= now) {
            let wait = self.waits.borrow_mut().pop().expect("the earliest was just seen");
            if let Some(waker) = wait.waker {
                waker.wake();
            }
        }
    }
}
