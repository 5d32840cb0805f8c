//! A whole run: one thread and one single-threaded runtime per worker, sharing nothing on the hot path.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use loadline_model::recording::Second;

use crate::arrivals::{Load, Source, Stage, TimedStage};
use crate::client::choice::AnyClient;
use crate::client::http::{ClientError, Done, HttpSettings};
use crate::clock::Nanos;
use crate::clock::real::{Epoch, RealClock};
use crate::collect::Collector;
use crate::dispatch::{self, Settings};
use crate::recorder::{Recorder, WorkerSecond};
use crate::script::Script;
use crate::stop::{Stop, StopHandle};
use crate::system::{Thief, ask_for_short_turns};

/// Seconds that a worker may be ahead of whoever collects them.
const HAND_OVERS_WAITING_MAX: usize = 4;

/// What a run is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is sent.
    pub script: Arc<Script>,
    /// Fixes arrivals, data rows, think times and choices between flows.
    pub seed: u64,
    /// Threads that drive the load; at least one.
    pub workers: u32,
    /// Flows at once, over all workers.
    pub max_in_flight: u32,
    /// Requests at once, over all workers; `None`: as many as flows need.
    pub connections: Option<u32>,
    /// How long flows may go on after the last stage.
    pub drain: Duration,
    /// The largest number of users of any stage; 0 in the open model.
    pub users_max: u32,
    /// How requests are sent.
    pub http: HttpSettings,
}

/// What happens in a run, in order. Screen, files and exporters are readers of it.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// All workers are ready; the first arrival may come.
    Started,
    /// A second has passed.
    Second(Second),
    /// Nothing follows.
    Ended {
        /// Why it ended early, where it did.
        stopped: Option<Stop>,
        /// How long after the start arrivals were stopped, where they were.
        load_ended: Option<Duration>,
    },
}

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The client cannot be set up as asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The system refuses a thread, a timer or a runtime.
    #[error("failed to start a worker")]
    System(#[from] std::io::Error),
    /// A fault of ours.
    #[error("a worker of the generator died; this is a bug")]
    Died,
}

/// Brings stages to all workers of a run; a run is over when its feeder is dropped and the last stage has passed.
#[derive(Debug)]
pub struct Feeder(Vec<Sender<TimedStage>>);

/// The workers' ends of a [`Feeder`].
#[derive(Debug)]
pub struct Stages(pub(crate) Vec<Receiver<TimedStage>>);

impl Feeder {
    /// A feeder and the ends for `workers` workers.
    pub fn new(workers: u32) -> (Feeder, Stages) {
        let (senders, receivers) = (0..workers).map(|_| channel()).unzip();
        (Feeder(senders), Stages(receivers))
    }

    /// Adds a stage. A worker that is gone needs none.
    pub fn push(&self, stage: TimedStage) {
        for worker in &self.0 {
            let _ = worker.send(stage);
        }
    }
}

impl Stages {
    /// Stages that follow one another from the start of the run.
    pub fn fixed(stages: &[Stage], workers: u32) -> Stages {
        let (feeder, ends) = Feeder::new(workers);
        let mut start = 0;
        for &stage in stages {
            feeder.push(TimedStage { start, stage });
            start += stage.duration().as_nanos() as Nanos;
        }
        ends
    }
}

impl Plan {
    /// One worker without bounds but 10,000 flows at once, for load that is fed as it goes.
    pub fn new(script: Arc<Script>, seed: u64, http: HttpSettings) -> Self {
        Plan {
            script,
            seed,
            workers: 1,
            max_in_flight: 10_000,
            connections: None,
            drain: Duration::from_secs(30),
            users_max: 0,
            http,
        }
    }

    pub(crate) fn settings(&self, worker: u32, stop: &StopHandle) -> Settings {
        let share = |of| share(of, worker, self.workers);
        Settings {
            seed: self.seed,
            max_in_flight: share(self.max_in_flight).max(1) as usize,
            connections: self.connections.map(|all| share(all).max(1) as usize),
            drain: self.drain,
            stop: stop.clone(),
        }
    }
}

/// What falls to one worker of what all have together.
fn share(of: u32, worker: u32, workers: u32) -> u32 {
    of / workers + u32::from(worker < of % workers)
}

/// The largest number of users and the highest arrival rate of any stage.
pub fn extremes(stages: &[Stage]) -> (u32, f64) {
    stages.iter().fold((0, 0.0), |(users, rate), stage| match stage.load {
        Load::Rate(stage) => (users, stage.from_per_s.max(stage.to_per_s).max(rate)),
        Load::Users(stage) => (users.max(stage.users), rate),
    })
}

/// Drives `plan` through `stages` to its end, calling `on_event` for all that happens. Blocks the calling thread.
///
/// # Errors
/// When the client or a worker cannot be set up. What goes wrong with requests is no error but data.
pub fn run(
    plan: &Plan,
    stages: Stages,
    stop: &StopHandle,
    mut on_event: impl FnMut(RunEvent),
) -> Result<(), RunError> {
    let (seconds_in, seconds) = sync_channel(HAND_OVERS_WAITING_MAX * plan.workers as usize);
    let mut starting = Vec::new();
    for (worker, stages) in stages.0.into_iter().enumerate() {
        starting.push(start_worker(plan, worker as u32, stages, stop, seconds_in.clone())?);
    }
    drop(seconds_in);
    let mut workers = Vec::new();
    for starting in starting {
        workers.push(starting.ready()?);
    }
    let epoch = Epoch::after(Duration::from_millis(1));
    for worker in &workers {
        let _ = worker.go.send(epoch);
    }
    on_event(RunEvent::Started);
    collect(plan, &seconds, &workers, &mut on_event);
    for worker in workers {
        worker.thread.join().map_err(|_| RunError::Died)??;
    }
    on_event(RunEvent::Ended { stopped: stop.requested(), load_ended: stop.load_ended_after() });
    Ok(())
}

fn collect(
    plan: &Plan,
    seconds: &Receiver<WorkerSecond>,
    workers: &[Worker],
    on_event: &mut impl FnMut(RunEvent),
) {
    let mut collector = Collector::new(plan.script.request_names.clone(), plan.workers);
    let mut thief = Thief::watch();
    while let Ok(second) = seconds.recv() {
        let worker = second.worker as usize;
        let banks = collector.push(second);
        // A worker that is gone, or has spare banks enough, needs none.
        let _ = workers[worker].spare.try_send(banks);
        while let Some(second) = collector.pop(|| thief.share()) {
            on_event(RunEvent::Second(second));
        }
    }
}

type Banks = Box<crate::recorder::Banks>;

struct Starting {
    ready: Receiver<Result<(), RunError>>,
    worker: Worker,
}

struct Worker {
    go: Sender<Epoch>,
    spare: std::sync::mpsc::SyncSender<Banks>,
    thread: thread::JoinHandle<std::io::Result<()>>,
}

impl Starting {
    fn ready(self) -> Result<Worker, RunError> {
        self.ready.recv().map_err(|_| RunError::Died)??;
        Ok(self.worker)
    }
}

fn start_worker(
    plan: &Plan,
    index: u32,
    stages: Receiver<TimedStage>,
    stop: &StopHandle,
    out: std::sync::mpsc::SyncSender<WorkerSecond>,
) -> Result<Starting, RunError> {
    let (go, when) = channel::<Epoch>();
    let (spare, spare_out) = sync_channel(2);
    let (ready_in, ready) = sync_channel(1);
    let settings = plan.settings(index, stop);
    let mut plan = plan.clone();
    if plan.users_max == 0 {
        // Users who wait ask how fast it goes: they have no schedule whose truth would be worth the CPU.
        plan.http.done = Done::Received;
    }
    let drive = move || -> std::io::Result<()> {
        ask_for_short_turns();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let _guard = runtime.enter();
        let client = match AnyClient::new(&plan.http, plan.script.target.starts_with("https:")) {
            Ok(client) => client,
            Err(error) => {
                let _ = ready_in.send(Err(error.into()));
                return Ok(());
            }
        };
        let ahead = share(plan.http.connect_ahead, index, plan.workers);
        runtime.block_on(client.connect_ahead(&plan.script.target, ahead));
        let _ = ready_in.send(Ok(()));
        let Ok(epoch) = when.recv() else { return Ok(()) };
        let clock = RealClock::new(epoch);
        let source = Source::new(plan.seed, index, plan.workers, plan.users_max, stages);
        let recorder = Recorder::new(index, plan.script.request_names.len(), out, spare_out);
        runtime.block_on(drive_with(settings, plan.script, source, clock, client, recorder))
    };
    let thread = thread::Builder::new().name(format!("load-{index}")).spawn(drive)?;
    Ok(Starting { ready, worker: Worker { go, spare, thread } })
}

async fn drive_with(
    settings: Settings,
    script: Arc<Script>,
    source: Source,
    clock: RealClock,
    client: AnyClient,
    recorder: Recorder,
) -> std::io::Result<()> {
    let stamps = client.stamps();
    let load = dispatch::run(settings, script, source, clock.clone(), client, recorder);
    clock.drive(load, &stamps).await
}
