//! Waiting until an instant, more exactly than the runtime's timer of one millisecond.
//!
//! One timerfd a thread is armed for the earliest of a heap of instants. The clock is CLOCK_MONOTONIC, as bare
//! nanoseconds, so that instants of this process can be set against those of another.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// Nanoseconds on CLOCK_MONOTONIC.
pub(super) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

pub(super) struct Timer {
    fd: AsyncFd<OwnedFd>,
    sleepers: Mutex<Sleepers>,
}

#[derive(Default)]
struct Sleepers {
    heap: BinaryHeap<Sleeper>,
    /// How many have come: of those due together the first to come is woken first.
    turns: u64,
}

struct Sleeper {
    due: u64,
    turn: u64,
    waker: Waker,
}

impl Timer {
    /// A timer of the current runtime, which drives it as long as both live.
    #[expect(
        deprecated,
        reason = "the successor of `AsyncFd::new` is unsafe; an `OwnedFd` keeps what it asks for"
    )]
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let timer = Arc::new(Self { fd: AsyncFd::new(fd)?, sleepers: Mutex::default() });
        tokio::spawn({
            let timer = timer.clone();
            async move { timer.drive().await }
        });
        Ok(timer)
    }

    /// Ready from `due` on. `waiting` is the caller's, and empty at the first call for an instant.
    pub(super) fn poll_until(&self, cx: &mut Context<'_>, due: u64, waiting: &mut Option<Waker>) -> Poll<()> {
        if due <= now() {
            *waiting = None;
            return Poll::Ready(());
        }
        if !waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waiting = Some(cx.waker().clone());
            self.add(due, cx.waker().clone());
        }
        Poll::Pending
    }

    fn add(&self, due: u64, waker: Waker) {
        let mut sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        if sleepers.heap.peek().is_none_or(|earliest| due < earliest.due) {
            self.arm(due);
        }
        sleepers.turns += 1;
        let turn = sleepers.turns;
        sleepers.heap.push(Sleeper { due, turn, waker });
    }

    fn arm(&self, due: u64) {
        let (seconds, nanos) = ((due / 1_000_000_000) as i64, (due % 1_000_000_000) as i64);
        let at = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec { tv_sec: seconds, tv_nsec: nanos },
        };
        timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &at)
            .expect("a timerfd takes any instant to come");
    }

    /// Wakes all that are due whenever the descriptor fires. It is not read: it is watched for edges, and each
    /// expiry is one, read or not.
    async fn drive(&self) {
        while let Ok(mut fired) = self.fd.readable().await {
            fired.clear_ready();
            let mut sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
            let now = now();
            while sleepers.heap.peek().is_some_and(|earliest| earliest.due <= now) {
                sleepers.heap.pop().expect("there was one").waker.wake();
            }
            if let Some(earliest) = sleepers.heap.peek() {
                self.arm(earliest.due);
            }
        }
    }
}

impl Ord for Sleeper {
    /// The earliest is the greatest, as the heap wants it.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.turn).cmp(&(self.due, self.turn))
    }
}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Sleeper {}
