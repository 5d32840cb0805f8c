//! What the system grants and what it takes: descriptors, ports, and time stolen.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for files, timers and the runtime.
const DESCRIPTORS_KEPT: u64 = 128;

/// Lowers the bound on flows in flight to what descriptors and local ports allow; raises the soft limit of
/// descriptors first, as far as the system lets us. Gives the bound and, where it is lower, the reason.
pub fn affordable_in_flight(asked: u32) -> (u32, Option<String>) {
    let descriptors = raise_descriptors().saturating_sub(DESCRIPTORS_KEPT);
    let ports = local_ports().unwrap_or(u64::MAX);
    let asked_wide = u64::from(asked);
    if asked_wide <= descriptors.min(ports) {
        return (asked, None);
    }
    let (granted, by) = if descriptors <= ports {
        (descriptors, "the limit of open files (`ulimit -n`)")
    } else {
        (ports, "the range of local ports (net.ipv4.ip_local_port_range)")
    };
    let granted = granted.max(1) as u32;
    (granted, Some(format!("at most {granted} flows in flight instead of {asked}: {by} allows no more")))
}

/// The soft limit of descriptors after raising it to the hard one.
fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let raised = setrlimit(Resource::Nofile, wanted).is_ok();
    let now = if raised { limit.maximum } else { limit.current };
    now.unwrap_or(u64::MAX)
}

fn local_ports() -> Option<u64> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (low, high) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some((high + 1).saturating_sub(low))
}

/// Asks the kernel to give this thread short turns, and so to let it run soon after it wakes (EEVDF with custom
/// slices, Linux 6.12). It gets no more of the processor for that; where other programs compete for it, requests
/// leave sooner by a millisecond or two. Older kernels ignore it.
pub fn ask_for_short_turns() {
    const SHORTEST_NS: u64 = 100_000;
    let size = size_of::<libc::sched_attr>() as libc::c_uint;
    // SAFETY: all fields of `sched_attr` are integers, for which zero is a value.
    #[expect(unsafe_code, reason = "the C library has no function for it")]
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most `size` bytes to, and then reads as many from, a structure of that size that
    // lives through both calls; thread 0 is the calling one.
    #[expect(unsafe_code, reason = "the C library has no function for it")]
    unsafe {
        if libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) == 0 {
            attributes.sched_runtime = SHORTEST_NS;
            libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0);
        }
    }
}

/// Watches the time that the host of a virtual machine or a cgroup's limit takes away.
#[derive(Debug)]
pub struct Thief {
    cgroup: Option<PathBuf>,
    last: Reading,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Instant,
    /// Ticks stolen by the host, and ticks in all, over all processors.
    ticks: Option<(u64, u64)>,
    throttled_us: Option<u64>,
}

impl Thief {
    /// Begins to watch.
    pub fn watch() -> Self {
        let cgroup = own_cgroup();
        let last = Reading::take(cgroup.as_ref());
        Thief { cgroup, last }
    }

    /// The share of time taken since this was last asked, 0 to 1; `None` where the system does not tell.
    pub fn share(&mut self) -> Option<f64> {
        let now = Reading::take(self.cgroup.as_ref());
        let last = std::mem::replace(&mut self.last, now);
        let wall_us = now.at.duration_since(last.at).as_micros() as f64;
        let stolen = match (now.ticks, last.ticks) {
            (Some((stolen, all)), Some((stolen_before, all_before))) if all > all_before => {
                Some(stolen.saturating_sub(stolen_before) as f64 / (all - all_before) as f64)
            }
            _ => None,
        };
        let throttled = match (now.throttled_us, last.throttled_us) {
            (Some(now), Some(before)) if wall_us > 0.0 => {
                Some((now.saturating_sub(before) as f64 / wall_us).min(1.0))
            }
            _ => None,
        };
        [stolen, throttled].into_iter().flatten().reduce(f64::max)
    }
}

impl Reading {
    fn take(cgroup: Option<&PathBuf>) -> Self {
        let throttled_us =
            cgroup.and_then(|path| fs::read_to_string(path).ok()).and_then(|text| throttled_us(&text));
        let ticks = fs::read_to_string("/proc/stat").ok().and_then(|text| stolen_ticks(&text));
        Reading { at: Instant::now(), ticks, throttled_us }
    }
}

/// Of the first line of `/proc/stat`, the eighth figure (steal) and the sum of the first eight.
fn stolen_ticks(stat: &str) -> Option<(u64, u64)> {
    let figures: Vec<u64> = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace()
        .map_while(|f| f.parse().ok())
        .take(8)
        .collect();
    Some((*figures.get(7)?, figures.iter().sum()))
}

fn throttled_us(cpu_stat: &str) -> Option<u64> {
    cpu_stat.lines().find_map(|line| line.strip_prefix("throttled_usec "))?.trim().parse().ok()
}

fn own_cgroup() -> Option<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(PathBuf::from("/sys/fs/cgroup").join(path.trim_start_matches('/')).join("cpu.stat"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_steal_as_proc_5_describes_it() {
        // proc(5): user nice system idle iowait irq softirq steal guest guest_nice.
        assert_eq!(stolen_ticks("cpu  10 1 5 80 2 0 1 7 0 0\ncpu0 …"), Some((7, 106)));
        assert_eq!(stolen_ticks("cpu  10 1"), None);
        assert_eq!(throttled_us("usage_usec 5\nthrottled_usec 42\n"), Some(42));
    }
}
