//! What tests of this workspace need besides the toolchain: one that is absent is named in the list at the end, also
//! where the test that needs it belongs to another crate.

use libtest_mimic::Trial;

use crate::support::harness::{Skip, trials};
use crate::support::tools::{program, python_with_hdrhistogram};

pub(crate) fn trials() -> Vec<Trial> {
    trials! { Beside: nginx_takes_load, promtool_reads_metrics,
    prometheus_keeps_histories, chromium_looks_at_pages, hdrhistogram_reads_logs; }
}

fn nginx_takes_load() -> Result<(), Skip> {
    program("nginx", "nginx-light").map(drop)
}

fn promtool_reads_metrics() -> Result<(), Skip> {
    program("promtool", "prometheus").map(drop)
}

fn prometheus_keeps_histories() -> Result<(), Skip> {
    program("prometheus", "prometheus").map(drop)
}

fn chromium_looks_at_pages() -> Result<(), Skip> {
    program("chromium", "chromium").map(drop)
}

fn hdrhistogram_reads_logs() -> Result<(), Skip> {
    python_with_hdrhistogram().map(drop)
}
