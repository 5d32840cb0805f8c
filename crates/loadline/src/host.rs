//! The machine that drives the load, as far as it says.

use std::fs;

use loadline_model::run::Host;

/// Kernel, processors and memory of this machine.
pub fn this_host() -> Host {
    let system = rustix::system::uname();
    let words = [system.sysname(), system.release(), system.machine()];
    let system = words.map(|word| word.to_string_lossy().into_owned()).join(" ");
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32);
    Host { system, cpus, cpu_model: cpu_model(), memory_bytes: memory_bytes() }
}

fn cpu_model() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_bytes() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
