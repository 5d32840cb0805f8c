//! What one worker records: counts and histograms by named request, handed over once a second by rotation.
//!
//! The recorder knows no clock: every call says when. A request counts in the second in which it ended.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::time::Duration;

use loadline_model::histogram::{self, Histogram};

use crate::clock::{Nanos, SECOND};
use crate::examples::{Example, Examples};
use crate::exchange::ErrorClass;

/// One request that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The request's place in the scenario's list of names.
    pub name: usize,
    /// Belongs to a warm-up stage.
    pub warmup: bool,
    /// Intended → done.
    pub response: Duration,
    /// Sent → done.
    pub service: Duration,
    /// Intended → sent, as far as the generator alone was the reason.
    pub delay: Duration,
    /// Why it failed.
    pub error: Option<ErrorClass>,
    /// Bytes of the body received.
    pub bytes_received: u64,
    /// Bytes of the body sent.
    pub bytes_sent: u64,
}

/// Counts of flows and arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowCounts {
    /// Arrivals that fell due.
    pub offered: u64,
    /// Flows started.
    pub started: u64,
    /// Flows completed.
    pub completed: u64,
    /// Flows completed without a failed request.
    pub completed_ok: u64,
    /// Arrivals that had to wait for a place among those in flight, and requests that waited for a connection.
    pub late: u64,
    /// Arrivals given up.
    pub dropped: u64,
}

impl FlowCounts {
    /// Adds those of another worker or second.
    pub fn add(&mut self, other: &FlowCounts) {
        self.offered += other.offered;
        self.started += other.started;
        self.completed += other.completed;
        self.completed_ok += other.completed_ok;
        self.late += other.late;
        self.dropped += other.dropped;
    }
}

/// What one named request did: three histograms, for `response = ok + failed`.
#[derive(Debug, Clone)]
pub struct NameBank {
    /// Response times of requests without error.
    pub ok: Histogram,
    /// Response times of failed requests.
    pub failed: Histogram,
    /// Service times.
    pub service: Histogram,
    /// Generator delays.
    pub delay: Histogram,
    /// Failed requests, by the order of [`ErrorClass::ALL`].
    pub errors: [u64; ErrorClass::ALL.len()],
    /// Requests ended.
    pub requests: u64,
    /// Bytes of bodies received.
    pub bytes_received: u64,
    /// Bytes of bodies sent.
    pub bytes_sent: u64,
}

impl NameBank {
    /// One of so many.
    fn among(names: usize) -> Self {
        let none = histogram::among(names);
        NameBank {
            ok: none.clone(),
            failed: none.clone(),
            service: none.clone(),
            delay: none,
            errors: [0; ErrorClass::ALL.len()],
            requests: 0,
            bytes_received: 0,
            bytes_sent: 0,
        }
    }

    fn record(&mut self, ended: &Ended) {
        let response = if ended.error.is_none() { &mut self.ok } else { &mut self.failed };
        histogram::record(response, ended.response);
        histogram::record(&mut self.service, ended.service);
        histogram::record(&mut self.delay, ended.delay);
        if let Some(class) = ended.error {
            self.errors[class as usize] += 1;
        }
        self.requests += 1;
        self.bytes_received += ended.bytes_received;
        self.bytes_sent += ended.bytes_sent;
    }

    fn clear(&mut self) {
        if self.requests > 0 {
            let histograms = [&mut self.ok, &mut self.failed, &mut self.service, &mut self.delay];
            // To reset is to write, and pages that nobody writes to take no memory.
            histograms
                .into_iter()
                .filter(|histogram| !histogram.is_empty())
                .for_each(|histogram| histogram.reset());
            self.errors = [0; ErrorClass::ALL.len()];
            (self.requests, self.bytes_received, self.bytes_sent) = (0, 0, 0);
        }
    }
}

/// What was recorded in one second, for the measured part or for warm-up.
#[derive(Debug, Clone, Default)]
pub struct Bank {
    /// By the request's place in the list of names; `None` until it was first recorded.
    pub names: Vec<Option<Box<NameBank>>>,
    /// Flows and arrivals.
    pub flows: FlowCounts,
}

impl Bank {
    fn clear(&mut self) {
        self.names.iter_mut().flatten().for_each(|name| name.clear());
        self.flows = FlowCounts::default();
    }
}

/// The two banks of a second.
#[derive(Debug, Clone, Default)]
pub struct Banks {
    /// What counts.
    pub measured: Bank,
    /// What warmed up.
    pub warmup: Bank,
    /// Failures in words, the first of each class.
    pub examples: Vec<Example>,
}

/// What is on its way, under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauge {
    /// How many.
    pub in_flight: u64,
    /// The age of the oldest, since its intended start.
    pub oldest: Option<Duration>,
}

/// How a worker stands at the end of a second.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// By name.
    pub names: Vec<Gauge>,
    /// Arrivals that wait for a place.
    pub waiting: u64,
    /// The share of a core that this worker's thread used since the last hand-over.
    pub cpu: Option<f64>,
    /// The share of a core that it used or waited for while others had it.
    pub cpu_wanted: Option<f64>,
    /// Connections opened since then.
    pub connections: crate::client::Connections,
}

/// One second of one worker.
#[derive(Debug)]
pub struct WorkerSecond {
    /// Which worker.
    pub worker: u32,
    /// Which second, since the start of the run; all before it are handed over too.
    pub second: u64,
    /// What was recorded.
    pub banks: Box<Banks>,
    /// How it stands.
    pub gauges: Gauges,
    /// Nothing follows from this worker.
    pub last: bool,
}

/// Records for one worker.
#[derive(Debug)]
pub struct Recorder {
    worker: u32,
    second: u64,
    banks: Box<Banks>,
    out: SyncSender<WorkerSecond>,
    spare: Receiver<Box<Banks>>,
    examples: Examples,
}

impl Recorder {
    /// Hands over to `out` and takes emptied banks back from `spare`.
    pub fn new(
        worker: u32,
        names: usize,
        out: SyncSender<WorkerSecond>,
        spare: Receiver<Box<Banks>>,
    ) -> Self {
        let mut recorder =
            Recorder { worker, second: 0, banks: Box::default(), out, spare, examples: Examples::default() };
        recorder.banks.measured.names.resize(names, None);
        recorder.banks.warmup.names.resize(names, None);
        recorder
    }

    /// Records a request that ended in the current second.
    pub fn record(&mut self, ended: &Ended) {
        let bank = self.bank(ended.warmup);
        let names = bank.names.len();
        bank.names[ended.name].get_or_insert_with(|| Box::new(NameBank::among(names))).record(ended);
    }

    /// Keeps `example` of a failed request, just recorded, if there are none or few of this name and class yet.
    pub fn note(&mut self, name: usize, warmup: bool, class: ErrorClass, example: impl FnOnce() -> String) {
        if let Some(text) = self.examples.first(name, warmup, class, example) {
            self.banks.examples.push(Example { name, warmup, class, text });
        }
    }

    /// The counts of flows of the current second.
    pub fn flows(&mut self, warmup: bool) -> &mut FlowCounts {
        &mut self.bank(warmup).flows
    }

    /// Whether the current second has passed at `now`, so that a hand-over is due.
    pub fn is_due(&self, now: Nanos) -> bool {
        now / SECOND > self.second
    }

    /// The end of the current second.
    pub fn due(&self) -> Nanos {
        (self.second + 1) * SECOND
    }

    /// Hands the current second over and begins the one of `now`. Where the receiver lags behind, nothing is lost
    /// and nobody waits: what was recorded is handed over with the next second.
    pub fn hand_over(&mut self, now: Nanos, gauges: Gauges) {
        let names = self.banks.measured.names.len();
        let mut next = self.spare.try_recv().unwrap_or_default();
        next.measured.names.resize(names, None);
        next.warmup.names.resize(names, None);
        next.measured.clear();
        next.warmup.clear();
        next.examples.clear();
        self.examples.next_second();
        let banks = std::mem::replace(&mut self.banks, next);
        let second = WorkerSecond { worker: self.worker, second: self.second, banks, gauges, last: false };
        if let Err(TrySendError::Full(kept)) = self.out.try_send(second) {
            self.banks = kept.banks;
        }
        self.second = now / SECOND;
    }

    /// Hands over what is left; nothing follows.
    pub fn finish(mut self, gauges: Gauges) {
        let banks = std::mem::take(&mut self.banks);
        // The receiver is gone only if the run was given up: then nobody wants it.
        let _ = self.out.send(WorkerSecond {
            worker: self.worker,
            second: self.second,
            banks,
            gauges,
            last: true,
        });
    }

    fn bank(&mut self, warmup: bool) -> &mut Bank {
        if warmup { &mut self.banks.warmup } else { &mut self.banks.measured }
    }
}
