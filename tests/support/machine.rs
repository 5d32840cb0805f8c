//! Whether the machine was ours while we measured.
//!
//! A measurement on a machine that others use says nothing about the product. Whether others used it is asked of
//! the kernel, not of the product: the time that processors spent on anything but this test and its children.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The share of all processors that may go to others, the host included, before a failure is put down to them.
const OTHERS_MAX: f64 = 0.05;

/// Asks for a larger share of processors than others get, for this process and all that it starts. Where that is
/// refused, it is measured as it goes.
pub(crate) fn ask_for_priority() {
    let _ = rustix::process::nice(-20);
}

/// Runs a measurement. One that fails while others took more than a twentieth of the machine is tried again, at most
/// twice; any other failure stands.
pub(crate) fn on_a_quiet_machine(mut measure: impl FnMut()) {
    for attempt in 1.. {
        let before = Spent::by_now();
        let Err(failure) = catch_unwind(AssertUnwindSafe(&mut measure)) else { return };
        let others = before.share_of_others();
        if attempt == 3 || others <= OTHERS_MAX {
            eprintln!("others took {:.0} % of the machine in attempt {attempt}", others * 100.0);
            resume_unwind(failure);
        }
        eprintln!("attempt {attempt} failed while others took {:.0} % of the machine: again", others * 100.0);
    }
}

/// Processor time in clock ticks.
struct Spent {
    /// By anybody, the host included.
    busy: u64,
    /// By this process and its children that have ended.
    own: u64,
    /// In all, idle or not.
    all: u64,
}

impl Spent {
    fn by_now() -> Self {
        // proc(5): user nice system idle iowait irq softirq steal.
        let stat = fs::read_to_string("/proc/stat").expect("the kernel tells");
        let ticks: Vec<u64> = stat
            .lines()
            .next()
            .into_iter()
            .flat_map(|line| line.split_whitespace().skip(1))
            .map(parse)
            .take(8)
            .collect();
        let all: u64 = ticks.iter().sum();
        let busy = all - ticks[3] - ticks[4];
        // proc(5): utime stime cutime cstime are fields 14 to 17; the name, field 2, may hold spaces.
        let own = fs::read_to_string("/proc/self/stat").expect("the kernel tells");
        let after_name = own.rsplit_once(')').expect("a name in parentheses").1;
        let own = after_name.split_whitespace().skip(11).take(4).map(parse).sum();
        Spent { busy, own, all }
    }

    fn share_of_others(&self) -> f64 {
        let now = Spent::by_now();
        let others = (now.busy - self.busy).saturating_sub(now.own - self.own);
        others as f64 / (now.all - self.all).max(1) as f64
    }
}

fn parse(figure: &str) -> u64 {
    figure.parse().expect("a count of ticks")
}
