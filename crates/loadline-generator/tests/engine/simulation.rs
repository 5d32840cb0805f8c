//! A run in virtual time.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};
use std::time::Duration;

use loadline_generator::arrivals::{Load, Source, Stage, TimedStage, UserStage};
use loadline_generator::client::Client;
use loadline_generator::client::simulated::SimulatedServer;
use loadline_generator::clock::simulated::SimulatedClock;
use loadline_generator::clock::{Clock, Nanos};
use loadline_generator::collect::Collector;
use loadline_generator::dispatch::{self, Settings};
use loadline_generator::exchange::{Failure, Request, Response};
use loadline_generator::recorder::Recorder;
use loadline_generator::run::extremes;
use loadline_generator::schedule::{Arrivals, RateStage};
use loadline_generator::script::Script;
use loadline_generator::stop::StopHandle;
use loadline_model::recording::{Durations, GeneratorSecond, Second};
use loadline_model::scenario::Scenario;

/// One request a flow.
pub(crate) const PAGE: &str = "flows: [{ steps: [{ get: /, timeout: 1h }] }]\n";

/// A run: what, how much, and within which bounds.
pub(crate) struct Simulation {
    pub(crate) script: Arc<Script>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) seed: u64,
    pub(crate) workers: u32,
    pub(crate) max_in_flight: usize,
    pub(crate) connections: Option<usize>,
    pub(crate) drain: Duration,
    pub(crate) stop: StopHandle,
}

/// What came of it, over all seconds.
pub(crate) struct Outcome {
    pub(crate) seconds: Vec<Second>,
    /// Of the measured part.
    pub(crate) durations: Durations,
    /// Of the measured part.
    pub(crate) flows: GeneratorSecond,
}

/// A stage of the open model at a constant rate.
pub(crate) fn rate(per_s: f64, length: Duration, arrivals: Arrivals) -> Stage {
    Stage {
        load: Load::Rate(RateStage { from_per_s: per_s, to_per_s: per_s, duration: length, arrivals }),
        warmup: false,
    }
}

/// A stage of the closed model.
pub(crate) fn users(users: u32, length: Duration, pacing: Duration) -> Stage {
    Stage { load: Load::Users(UserStage { users, duration: length, pacing }), warmup: false }
}

pub(crate) fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Compiles flows; their only data file has the rows a, b and c.
pub(crate) fn script(flows: &str) -> Arc<Script> {
    let text = format!("target: http://service\n{flows}");
    let scenario = Scenario::parse(&text, "test.yaml", |_| None).expect("a good scenario");
    Arc::new(Script::compile(&scenario, &|_| Ok(b"name\na\nb\nc\n".to_vec())).expect("a good script"))
}

impl Simulation {
    pub(crate) fn new(flows: &str, stages: &[Stage]) -> Self {
        Simulation {
            script: script(flows),
            stages: stages.to_vec(),
            seed: 7,
            workers: 1,
            max_in_flight: 10_000,
            connections: None,
            drain: s(3600),
            stop: StopHandle::new(),
        }
    }

    /// Against a queue with `servers` servers, whose service times are drawn by `service_time`.
    pub(crate) fn against_queue(
        &self,
        servers: usize,
        service_time: impl FnMut() -> Duration + Clone + 'static,
    ) -> Outcome {
        self.run(|clock| SimulatedServer::new(clock, servers, service_time.clone()))
    }

    /// Each worker has a clock and a client of its own: none of them waits for another.
    pub(crate) fn run<K: Client>(&self, client: impl Fn(SimulatedClock) -> K) -> Outcome {
        let names = self.script.request_names.clone();
        // Where a second finds no room, it is handed over with the next: the sums stay.
        let (out, handed_over) = sync_channel(64);
        let workers = self.workers;
        let collected = std::thread::spawn(move || {
            let (mut collector, mut seconds) = (Collector::new(names, workers), Vec::new());
            for second in handed_over {
                collector.push(second);
                seconds.extend(std::iter::from_fn(|| collector.pop(|| None)));
            }
            assert!(collector.is_done());
            seconds
        });
        for worker in 0..self.workers {
            let clock = SimulatedClock::new();
            let (_spare, spare) = channel();
            let recorder = Recorder::new(worker, self.script.request_names.len(), out.clone(), spare);
            let load = dispatch::run(
                self.settings(),
                self.script.clone(),
                self.source(worker),
                clock.clone(),
                client(clock.clone()),
                recorder,
            );
            clock.drive(load).expect("there is always something to wait for");
        }
        drop(out);
        Outcome::of(collected.join().expect("it collects"))
    }

    fn settings(&self) -> Settings {
        Settings {
            seed: self.seed,
            max_in_flight: self.max_in_flight,
            connections: self.connections,
            drain: self.drain,
            stop: self.stop.clone(),
        }
    }

    fn source(&self, worker: u32) -> Source {
        let (feeder, stages) = channel();
        let mut start = 0;
        for &stage in &self.stages {
            feeder.send(TimedStage { start, stage }).expect("the other end is here");
            start += stage.duration().as_nanos() as Nanos;
        }
        Source::new(self.seed, worker, self.workers, extremes(&self.stages).0, stages)
    }
}

impl Outcome {
    fn of(seconds: Vec<Second>) -> Self {
        let (mut durations, mut flows) = (Durations::empty(), GeneratorSecond::default());
        for request in seconds.iter().flat_map(|second| &second.requests).filter(|r| !r.counts.warmup) {
            durations.add(&request.durations);
        }
        for line in seconds.iter().flat_map(|second| &second.generator).filter(|line| !line.warmup) {
            flows.offered += line.offered;
            flows.started += line.started;
            flows.completed += line.completed;
            flows.completed_ok += line.completed_ok;
            flows.late += line.late;
            flows.dropped += line.dropped;
        }
        Outcome { seconds, durations, flows }
    }

    /// Requests of the measured part that failed in `class`.
    pub(crate) fn errors(&self, class: &str) -> u64 {
        let requests = self.seconds.iter().flat_map(|second| &second.requests);
        requests.filter_map(|request| request.counts.errors.get(class)).sum()
    }
}

/// The values of a histogram in microseconds, ascending; exact below two milliseconds.
pub(crate) fn values(histogram: &loadline_model::histogram::Histogram) -> Vec<u64> {
    let repeat = |v: hdrhistogram::iterators::IterationValue<u64>| {
        std::iter::repeat_n(v.value_iterated_to(), v.count_at_value() as usize)
    };
    histogram.iter_recorded().flat_map(repeat).collect()
}

/// What was sent, and when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sent {
    pub(crate) at: Nanos,
    pub(crate) what: String,
}

/// Writes down what is sent; each answer takes the same time.
#[derive(Clone)]
pub(crate) struct Scribe {
    pub(crate) clock: SimulatedClock,
    pub(crate) service_time: Duration,
    pub(crate) log: Rc<RefCell<Vec<Sent>>>,
}

impl Client for Scribe {
    async fn send(&self, request: Arc<Request>) -> Result<Response, Failure> {
        let now = self.clock.now();
        let what = format!("{} {} {:?} {:?}", request.method, request.uri, request.headers, request.body);
        self.log.borrow_mut().push(Sent { at: now, what });
        self.clock.wait_until(now + self.service_time.as_nanos() as Nanos).await;
        Ok(Response {
            status: 200,
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            body_len: 0,
            unread: Duration::ZERO,
            service_time: self.service_time,
        })
    }
}

impl Simulation {
    /// What is sent by all workers, in order, where each answer takes `service_time`.
    pub(crate) fn sent(&self, service_time: Duration) -> (Vec<Sent>, Outcome) {
        let log = Rc::new(RefCell::new(Vec::new()));
        let outcome = self.run(|clock| Scribe { clock, service_time, log: log.clone() });
        let mut sent = log.take();
        sent.sort();
        (sent, outcome)
    }
}
