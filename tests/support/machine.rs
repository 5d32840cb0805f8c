//! Whether the machine was ours while we measured.
//!
//! A measurement on a machine that others use says nothing about the product. Whether others used it is asked of
//! the kernel, not of the product: the time that processors spent on anything but this test and its children.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The share of all processors that may go to others, the host included, before a failure is put down to them.
const OTHERS_MAX: f64 = 0.05;

/// The share of one processor's time that the host may keep before a failure is put down to it: what is measured here
/// is judged at the 99th percentile, and where a hundredth of the time is not there, that is a wait for the host.
const STOLEN_MAX: f64 = 0.01;

/// So many attempts each measurement has, and more while all of them together have waited for less than this: a host that
/// is busy now is quieter some minutes later.
const ATTEMPTS: u32 = 5;
const PATIENCE_S: u64 = 900;
/// Pauses between attempts grow by this.
const PAUSE_S: u64 = 4;

/// What was spent beyond the attempts that each has.
static WAITED_S: AtomicU64 = AtomicU64::new(0);

/// Asks for a larger share of processors than others get, for this process and all that it starts. Where that is
/// refused, it is measured as it goes.
pub(crate) fn ask_for_priority() {
    let _ = rustix::process::nice(-20);
}

/// Runs a measurement. One that fails while the machine was not ours is tried again; any other failure stands.
pub(crate) fn on_a_quiet_machine(mut measure: impl FnMut()) {
    for attempt in 1.. {
        let (began, before) = (Instant::now(), Spent::by_now());
        let Err(failure) = catch_unwind(AssertUnwindSafe(&mut measure)) else { return };
        let taken = Spent::by_now().since(&before);
        eprintln!(
            "attempt {attempt} failed while others took {:.1} % of the machine, the host {:.1} % of a processor",
            taken.by_others * 100.0,
            taken.by_host * 100.0
        );
        let was_ours = taken.by_others <= OTHERS_MAX && taken.by_host < STOLEN_MAX;
        if was_ours || attempt >= ATTEMPTS && WAITED_S.load(Ordering::Relaxed) >= PATIENCE_S {
            resume_unwind(failure);
        }
        std::thread::sleep(Duration::from_secs(PAUSE_S * u64::from(attempt.min(ATTEMPTS))));
        if attempt >= ATTEMPTS {
            // At least a second, so that it ends.
            WAITED_S.fetch_add(began.elapsed().as_secs().max(1), Ordering::Relaxed);
        }
    }
}

/// Shares of processor time that this test did not get.
struct Taken {
    /// Of all processors: by anything but this process and its children that have ended, the host included.
    by_others: f64,
    /// Of the processor that lost most: by the host.
    by_host: f64,
}

/// Processor time in clock ticks.
struct Spent {
    processors: Vec<Processor>,
    /// By this process and its children that have ended.
    own: u64,
}

struct Processor {
    busy: u64,
    stolen: u64,
    /// In all, idle or not.
    all: u64,
}

impl Spent {
    fn by_now() -> Self {
        let stat = fs::read_to_string("/proc/stat").expect("the kernel tells");
        // The first line is the sum of those of the processors, which follow.
        let processors =
            stat.lines().skip(1).take_while(|line| line.starts_with("cpu")).map(Processor::read).collect();
        // proc(5): utime stime cutime cstime are fields 14 to 17; the name, field 2, may hold spaces.
        let own = fs::read_to_string("/proc/self/stat").expect("the kernel tells");
        let after_name = own.rsplit_once(')').expect("a name in parentheses").1;
        let own = after_name.split_whitespace().skip(11).take(4).map(parse).sum();
        Spent { processors, own }
    }

    fn since(&self, before: &Spent) -> Taken {
        let spent: Vec<Processor> =
            self.processors.iter().zip(&before.processors).map(|(now, then)| now.since(then)).collect();
        let busy: u64 = spent.iter().map(|one| one.busy).sum();
        let all: u64 = spent.iter().map(|one| one.all).sum();
        Taken {
            by_others: share(busy.saturating_sub(self.own - before.own), all),
            by_host: spent.iter().map(|one| share(one.stolen, one.all)).fold(0.0, f64::max),
        }
    }
}

impl Processor {
    /// proc(5): user nice system idle iowait irq softirq steal.
    fn read(line: &str) -> Self {
        let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).map(parse).collect();
        let all = ticks.iter().sum();
        Processor { busy: all - ticks[3] - ticks[4], stolen: ticks[7], all }
    }

    fn since(&self, before: &Processor) -> Processor {
        Processor {
            busy: self.busy.saturating_sub(before.busy),
            stolen: self.stolen.saturating_sub(before.stolen),
            all: self.all.saturating_sub(before.all),
        }
    }
}

fn share(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}

fn parse(figure: &str) -> u64 {
    figure.parse().expect("a count of ticks")
}
