//! The monotonic clock of the system, with one `timerfd` a worker.
//!
//! tokio's own timer has a grain of one millisecond, too coarse to pace requests with. To be woken from sleep takes a
//! virtual machine some 30 to 60 µs, and costs as much CPU as several requests. So there are three rhythms, by how many
//! instants are waited for:
//!
//! - up to 2,500 a second the timer is armed 60 µs early and the rest is spent looking for answers: precise, and it
//!   takes at most that much of a core;
//! - up to 8,000 a second it is armed for the instant itself;
//! - beyond, the worker naps for a tenth of a millisecond and then does all that has come up, answers included, for half
//!   the CPU. What is due leaves up to that much later, which is counted as the generator's delay; answers end when the
//!   kernel had them ([`Stamps`]), so that they are no longer for it. Without stamps, it is woken for each.

use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Clock, Nanos, SECOND, Timers};
use crate::client::lean::Stamps;

/// Instants that are farther apart than this on average are waited for precisely.
const PRECISE_GAP: Nanos = 400_000;
const EARLY: Nanos = 60_000;
/// Those that are nearer than this are left to naps.
const NAP_GAP: Nanos = 125_000;
const NAP: Nanos = 100_000;

/// An instant of the system's monotonic clock that all workers of a run share as their zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(Nanos);

impl Epoch {
    /// The instant `lead` from now: time for the workers to get ready.
    pub fn after(lead: Duration) -> Self {
        Epoch(monotonic() + lead.as_nanos() as Nanos)
    }
}

fn monotonic() -> Nanos {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as Nanos * SECOND + now.tv_nsec as Nanos
}

/// The system's clock for one worker. Before the epoch it stands at zero.
#[derive(Debug, Clone)]
pub struct RealClock {
    epoch: Epoch,
    timers: Timers,
}

impl Clock for RealClock {
    fn now(&self) -> Nanos {
        monotonic().saturating_sub(self.epoch.0)
    }

    fn timers(&self) -> &Timers {
        &self.timers
    }

    fn thread_cpu_time(&self) -> Option<Duration> {
        let used = clock_gettime(ClockId::ThreadCPUTime);
        Some(Duration::new(used.tv_sec as u64, used.tv_nsec as u32))
    }

    fn thread_waiting_time(&self) -> Option<Duration> {
        // Documentation/scheduler/sched-stats.rst: time on the processor, time waiting on a run queue (both in
        // nanoseconds), and how often it was run.
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        told.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
    }
}

impl RealClock {
    /// A clock that counts from `epoch`.
    pub fn new(epoch: Epoch) -> Self {
        RealClock { epoch, timers: Timers::default() }
    }

    /// Runs `work` to its end, waking what waits for an instant at that instant. Has to be called within a tokio
    /// runtime with I/O. Naps only while `stamps` say that it makes no answer longer.
    ///
    /// # Errors
    /// When the system grants no `timerfd`.
    pub async fn drive<F: Future>(&self, work: F, stamps: &Stamps) -> io::Result<F::Output> {
        let mut alarm = Alarm::new()?;
        let mut rhythm = Rhythm::default();
        let mut work = pin!(work);
        // Before the epoch the clock stands still: what ran then would seem to take no time.
        poll_fn(|context| match monotonic() >= self.epoch.0 {
            true => Poll::Ready(io::Result::Ok(())),
            false => alarm.poll_at(self.epoch.0, context)?.map(Ok),
        })
        .await?;
        poll_fn(|context| {
            loop {
                self.timers.wake_due(self.now());
                if let Poll::Ready(output) = work.as_mut().poll(context) {
                    return Poll::Ready(Ok(output));
                }
                let Some(due) = self.timers.earliest() else { return Poll::Pending };
                rhythm.note(due);
                let early = if rhythm.gap > PRECISE_GAP { EARLY } else { 0 };
                // What is due already waits for one look at I/O, too: or a busy loop would never see an answer.
                if due <= self.now() + early {
                    return look_again(context);
                }
                if rhythm.napping && stamps.on_all() {
                    self.nap();
                    return look_again(context);
                }
                if alarm.poll_at(self.epoch.0 + due - early, context)?.is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Sleeps up to the next tenth of a millisecond, whatever happens meanwhile.
    fn nap(&self) {
        let until = timespec(self.epoch.0 + (self.now() / NAP + 1) * NAP);
        // A signal cuts it short, which is as well.
        let _ = clock_nanosleep_absolute(ClockId::Monotonic, &until);
    }
}

/// How densely the instants lie that are waited for.
struct Rhythm {
    last: Nanos,
    /// A moving average.
    gap: Nanos,
    napping: bool,
}

impl Default for Rhythm {
    fn default() -> Self {
        Rhythm { last: 0, gap: SECOND, napping: false }
    }
}

impl Rhythm {
    fn note(&mut self, due: Nanos) {
        if due > self.last {
            self.gap = (15 * self.gap + (due - self.last)) / 16;
            self.last = due;
            // A worker that naps sees one instant a nap, or fewer.
            self.napping = self.gap < if self.napping { 2 * NAP_GAP } else { NAP_GAP };
        }
    }
}

fn timespec(at: Nanos) -> Timespec {
    Timespec { tv_sec: (at / SECOND) as i64, tv_nsec: (at % SECOND) as _ }
}

/// Lets the runtime look for I/O without sleeping, then polls this task again.
fn look_again<T>(context: &mut Context<'_>) -> Poll<T> {
    let turn = pin!(tokio::task::yield_now());
    let _ = turn.poll(context);
    Poll::Pending
}

/// A `timerfd` that the runtime watches.
struct Alarm {
    fd: AsyncFd<OwnedFd>,
    armed_for: Option<Nanos>,
}

impl Alarm {
    fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd: OwnedFd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // SAFETY: an `OwnedFd` is open and stays the same descriptor for as long as it lives, and the `AsyncFd`
        // that owns it gives it out by shared reference only.
        #[expect(unsafe_code, reason = "tokio asks for this promise about descriptors")]
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE)? };
        Ok(Alarm { fd, armed_for: None })
    }

    /// Ready once `at`, on the system's monotonic clock, has passed.
    fn poll_at(&mut self, at: Nanos, context: &mut Context<'_>) -> io::Result<Poll<()>> {
        if self.armed_for != Some(at) {
            let once = Itimerspec { it_interval: timespec(0), it_value: timespec(at) };
            timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
            self.armed_for = Some(at);
        }
        // Setting a timer takes an earlier expiry off the descriptor, but not off the runtime's mind: what is ready
        // too early is that. The runtime looks for edges, so an expiry need not be read.
        while let Poll::Ready(mut guard) = self.fd.poll_read_ready(context)? {
            guard.clear_ready();
            if monotonic() >= at {
                self.armed_for = None;
                return Ok(Poll::Ready(()));
            }
        }
        Ok(Poll::Pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What runs before the epoch would see a clock that stands still: requests that take no time.
    #[tokio::test]
    async fn nothing_runs_before_the_epoch() {
        let lead = Duration::from_millis(50);
        let (created, clock) = (monotonic(), RealClock::new(Epoch::after(lead)));
        let begun = clock.drive(async { monotonic() }, &Stamps::default()).await.unwrap();
        assert!(begun - created >= lead.as_nanos() as Nanos);
    }
}
