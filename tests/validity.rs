//! Valid where the generator kept up, `generator_limited` where it did not.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use libtest_mimic::Trial;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::measure;
use crate::support::machine::on_a_quiet_machine;
use crate::support::number;
use crate::support::serve::Serve;

pub(crate) fn trials() -> Vec<Trial> {
    trials! { Alone: too_little_cpu_is_said, with_cpu_enough_twenty_of_twenty_are_valid; }
}

/// Pins the calling thread, and what it starts from now on, to one processor of those that it may use.
fn pin_to_one_processor() {
    let may = sched_getaffinity(None).expect("the kernel tells");
    let first = (0..CpuSet::MAX_CPU).find(|cpu| may.is_set(*cpu)).expect("there is a processor");
    let mut one = CpuSet::new();
    one.set(first);
    sched_setaffinity(None, &one).expect("one may pin oneself");
}

/// The generator shares one processor with three threads that never rest, and is asked for 60,000 a second.
fn too_little_cpu_is_said() {
    let serve = Serve::start(&[]);
    let over = AtomicBool::new(false);
    let spin = || {
        pin_to_one_processor();
        while !over.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    };
    let ended = std::thread::scope(|scope| {
        (0..3).for_each(|_| drop(scope.spawn(spin)));
        let confined = scope.spawn(|| {
            pin_to_one_processor();
            let folder = Folder::new("confined");
            let flags = ["--rate", "60000/s", "--duration", "6s", "--drain", "1s", "--slo", "p99 < 1h"];
            measure(&folder, &serve.url("/"), &flags)
        });
        let ended = confined.join();
        over.store(true, Ordering::Relaxed);
        ended.expect("it ends")
    });
    let summary = ended.expect(6).json();
    assert_eq!(summary["validity"]["verdict"], "generator_limited");
    assert_eq!(summary["verdict"], "invalid", "no objective is kept by an invalid run");
    let reasons = summary["validity"]["reasons"].as_array().expect("reasons");
    assert!(
        reasons.iter().any(|reason| reason.as_str().is_some_and(|text| text.contains("generator"))),
        "{reasons:?}"
    );
}

fn with_cpu_enough_twenty_of_twenty_are_valid() {
    let serve = Serve::start(&["--service", "const:1ms"]);
    for run in 0..20 {
        on_a_quiet_machine(|| {
            let folder = Folder::new("valid");
            let ended = measure(&folder, &serve.url("/"), &["--rate", "500/s", "--duration", "2s"]);
            let summary = ended.json();
            assert_eq!(summary["validity"]["verdict"], "valid", "run {run}: {}", summary["validity"]);
            assert_eq!(ended.code, Some(0));
            assert!(number(&summary, "/validity/generator_delay_p99_ms") <= 1.0, "{}", summary["validity"]);
            let directory = fs::read_dir(folder.join("run")).expect("the run directory");
            assert_eq!(directory.count(), 3, "run.json, latency.hlog, intervals.ndjson");
        });
    }
}
