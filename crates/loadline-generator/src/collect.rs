//! Puts the seconds of all workers together: pure, told what it needs.

use std::collections::BTreeMap;

use loadline_model::histogram::Histogram;
use loadline_model::recording::{Durations, GeneratorSecond, RequestCounts, RequestSecond, Second};

use crate::client::Connections;
use crate::exchange::ErrorClass;
use crate::recorder::{Bank, Banks, FlowCounts, Gauge, NameBank, WorkerSecond};

/// Puts together what the workers hand over. A second is given out once every worker has passed it; what a worker
/// hands over late is merged into the second it belongs to.
#[derive(Debug)]
pub struct Collector {
    names: Vec<String>,
    /// By worker: the last second handed over; `u64::MAX` once nothing follows.
    passed: Vec<Option<u64>>,
    pending: BTreeMap<u64, Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    requests: BTreeMap<(usize, bool), RequestSecond>,
    flows: [Option<FlowCounts>; 2],
    gauges: Vec<Gauge>,
    waiting: u64,
    cpu: Option<f64>,
    cpu_wanted: Option<f64>,
    connections: Connections,
}

impl Collector {
    /// For requests of these names, from this many workers.
    pub fn new(names: Vec<String>, workers: u32) -> Self {
        Collector { names, passed: vec![None; workers as usize], pending: BTreeMap::new() }
    }

    /// Whether every worker has handed over its last second.
    pub fn is_done(&self) -> bool {
        self.passed.iter().all(|passed| *passed == Some(u64::MAX))
    }

    /// Takes one second of one worker; gives its banks back, to be used again.
    pub fn push(&mut self, second: WorkerSecond) -> Box<Banks> {
        let passed = if second.last { u64::MAX } else { second.second };
        self.passed[second.worker as usize] = Some(passed);
        let pending = self.pending.entry(second.second).or_default();
        for (bank, warmup) in [(&second.banks.measured, false), (&second.banks.warmup, true)] {
            pending.add(bank, warmup, &self.names);
        }
        for example in &second.banks.examples {
            let counts = &mut pending.request(example.name, example.warmup, &self.names).counts;
            loadline_model::run::add_examples(&mut counts.examples, example.class.name(), [&example.text]);
        }
        let gauges = second.gauges;
        pending.gauges.resize(self.names.len(), Gauge::default());
        for (into, from) in pending.gauges.iter_mut().zip(&gauges.names) {
            into.in_flight += from.in_flight;
            into.oldest = into.oldest.max(from.oldest);
        }
        pending.waiting += gauges.waiting;
        pending.cpu = larger(pending.cpu, gauges.cpu);
        pending.cpu_wanted = larger(pending.cpu_wanted, gauges.cpu_wanted);
        pending.connections.add(&gauges.connections);
        second.banks
    }

    /// The next second that all workers have passed. `stolen` is the share of time that the host or a cgroup limit
    /// took since the one before.
    pub fn pop(&mut self, stolen: impl FnOnce() -> Option<f64>) -> Option<Second> {
        let passed = self.passed.iter().copied().min().flatten()?;
        let entry = self.pending.first_entry().filter(|entry| *entry.key() <= passed)?;
        let (second, pending) = entry.remove_entry();
        Some(pending.finish(second, &self.names, stolen()))
    }
}

impl Pending {
    fn add(&mut self, bank: &Bank, warmup: bool, names: &[String]) {
        if bank.flows != FlowCounts::default() {
            self.flows[usize::from(warmup)].get_or_insert_default().add(&bank.flows);
        }
        for (name, from) in bank.names.iter().enumerate() {
            if let Some(from) = from.as_deref().filter(|from| from.requests > 0) {
                add_name(self.request(name, warmup, names), from);
            }
        }
    }

    fn request(&mut self, name: usize, warmup: bool, names: &[String]) -> &mut RequestSecond {
        self.requests.entry((name, warmup)).or_insert_with(|| RequestSecond {
            counts: RequestCounts { request: names[name].clone(), warmup, ..Default::default() },
            durations: Durations::among(names.len()),
        })
    }

    fn finish(mut self, second: u64, names: &[String], stolen: Option<f64>) -> Second {
        for (name, gauge) in std::mem::take(&mut self.gauges).into_iter().enumerate() {
            if gauge.in_flight > 0 {
                let counts = &mut self.request(name, false, names).counts;
                counts.in_flight = gauge.in_flight;
                counts.oldest_in_flight_ms = gauge.oldest.map(|age| age.as_secs_f64() * 1e3);
            }
        }
        let in_flight = self.requests.values().map(|request| request.counts.in_flight).sum();
        let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
        let now = GeneratorSecond {
            in_flight,
            waiting: self.waiting,
            cpu: self.cpu,
            cpu_wanted: self.cpu_wanted,
            stolen,
            connections_opened: self.connections.opened,
            dns_ms: ms(self.connections.dns),
            dns_max_ms: ms(self.connections.dns_max),
            connect_ms: ms(self.connections.connect),
            connect_max_ms: ms(self.connections.connect_max),
            ..Default::default()
        };
        Second {
            second,
            generator: generator_lines(now, self.flows),
            requests: self.requests.into_values().collect(),
        }
    }
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    [a, b].into_iter().flatten().reduce(f64::max)
}

/// One line for the measured part, one for warm-up, as there is something to say. What belongs to the second as a
/// whole stands on the first.
fn generator_lines(
    now: GeneratorSecond,
    [measured, warmup]: [Option<FlowCounts>; 2],
) -> Vec<GeneratorSecond> {
    let line = |base: GeneratorSecond, flows: FlowCounts, warmup| GeneratorSecond {
        offered: flows.offered,
        started: flows.started,
        completed: flows.completed,
        completed_ok: flows.completed_ok,
        late: flows.late,
        dropped: flows.dropped,
        warmup,
        ..base
    };
    match (measured, warmup) {
        (measured, None) => vec![line(now, measured.unwrap_or_default(), false)],
        (None, Some(warmup)) => vec![line(now, warmup, true)],
        (Some(measured), Some(warmup)) => {
            vec![line(now, measured, false), line(GeneratorSecond::default(), warmup, true)]
        }
    }
}

fn add_name(into: &mut RequestSecond, from: &NameBank) {
    let Durations { response, response_ok, service, delay } = &mut into.durations;
    let add = |into: &mut Histogram, from| into.add(from).expect("all histograms have the same bounds");
    add(response, &from.ok);
    add(response, &from.failed);
    add(response_ok, &from.ok);
    add(service, &from.service);
    add(delay, &from.delay);
    let counts = &mut into.counts;
    counts.requests += from.requests;
    counts.bytes_received += from.bytes_received;
    counts.bytes_sent += from.bytes_sent;
    for (class, count) in ErrorClass::ALL.into_iter().zip(from.errors) {
        if count > 0 {
            *counts.errors.entry(class.name().to_owned()).or_default() += count;
        }
    }
}
