//! Time-outs of many requests for little: they are kept in one place, and one timer fires for the earliest.
//!
//! Where all requests have the same time-out, the timer is armed about once per time-out, not once per request.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use slab::Slab;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::client::reason::no_answer_within;
use crate::exchange::{ErrorClass, Failure};

/// A time-out beyond this is none.
const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// The deadlines of one worker.
pub(super) struct Deadlines {
    shared: Arc<Shared>,
    watch: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// A deadline earlier than the one that is watched for has come.
    earlier: Notify,
}

#[derive(Default)]
struct State {
    entries: Slab<Entry>,
    watched: Option<Instant>,
}

struct Entry {
    at: Instant,
    passed: bool,
    waker: Option<Waker>,
}

/// One request's deadline; forgotten when dropped.
pub(super) struct Deadline<'a> {
    shared: &'a Shared,
    key: usize,
    timeout: Duration,
}

impl Deadlines {
    /// No deadline yet. Has to be called within a tokio runtime with time.
    pub(super) fn new() -> Self {
        let shared = Arc::<Shared>::default();
        let watch = tokio::spawn(watch(shared.clone()));
        Deadlines { shared, watch }
    }

    /// A deadline `timeout` from now.
    pub(super) fn after(&self, timeout: Duration) -> Deadline<'_> {
        let at = Instant::now() + timeout.min(TIMEOUT_MAX);
        let mut state = self.shared.lock();
        if state.watched.is_none_or(|watched| at < watched) {
            state.watched = Some(at);
            self.shared.earlier.notify_one();
        }
        let key = state.entries.insert(Entry { at, passed: false, waker: None });
        Deadline { shared: &self.shared, key, timeout }
    }
}

impl Drop for Deadlines {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Deadline<'_> {
    /// What `work` returns, or [`ErrorClass::Timeout`] if it has not by the deadline.
    pub(super) async fn bound<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Poll::Ready(outcome) = work.as_mut().poll(context) {
                return Poll::Ready(outcome);
            }
            let entry = &mut self.shared.lock().entries[self.key];
            if entry.passed {
                return Poll::Ready(Err(ErrorClass::Timeout.because(no_answer_within(self.timeout))));
            }
            match &mut entry.waker {
                Some(waker) => waker.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }
}

impl Drop for Deadline<'_> {
    fn drop(&mut self) {
        self.shared.lock().entries.remove(self.key);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes those whose deadline has passed; returns the earliest of the others.
    fn sweep(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        for (_, entry) in &mut state.entries {
            if entry.at <= now {
                entry.passed = true;
                entry.waker.take().into_iter().for_each(Waker::wake);
            }
        }
        let left = state.entries.iter().filter(|(_, entry)| !entry.passed);
        state.watched = left.map(|(_, entry)| entry.at).min();
        state.watched
    }
}

async fn watch(shared: Arc<Shared>) {
    loop {
        match shared.sweep(Instant::now()) {
            None => shared.earlier.notified().await,
            Some(at) => {
                let _ = tokio::time::timeout_at(at.into(), shared.earlier.notified()).await;
            }
        }
    }
}
