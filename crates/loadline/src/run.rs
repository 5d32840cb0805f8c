//! The journey of a load run: from a scenario to a run directory and a summary.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, Unit};
use loadline_analysis::resources::cores_in_use;
use loadline_analysis::summary::{Summariser, measured_spans};
use loadline_generator::arrivals::{Load, Stage, UserStage};
use loadline_generator::client::choice::check;
use loadline_generator::client::http::{HttpSettings, Reuse};
use loadline_generator::run::{Plan, RunError, RunEvent, Stages, extremes};
use loadline_generator::schedule::{Arrivals, RateStage};
use loadline_generator::script::Script;
use loadline_generator::stop::{Stop, StopHandle};
use loadline_generator::system::affordable_in_flight;
use loadline_model::diagnostic::Diagnostic;
use loadline_model::recording::Second;
use loadline_model::run::{
    DuelTerms, LoadModel, RunDocument, SCHEMA, ServiceCpu, StageRecord, Status, Summary,
};
use loadline_model::scenario::{self, Scenario};

use crate::directory::{DirectoryError, RunDirectory};
use crate::host::this_host;
use crate::saturate::MetricsSource;
use crate::saturate::metrics::{Metrics, Sampler};

/// The bound on flows in flight where none is given.
pub const MAX_IN_FLIGHT: u32 = 10_000;

/// Arrivals per second, and users, that one worker is trusted with where the number of workers is not given.
const RATE_PER_WORKER: f64 = 10_000.0;
const USERS_PER_WORKER: u32 = 64;

/// A target none of whose answers came for this long is unreachable.
const UNREACHABLE_AFTER_S: u64 = 3;

/// How a scenario is run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The run directory; `None`: `runs/<name>-<UTC time>-<short id>` in the current directory.
    pub out: Option<PathBuf>,
    /// The folder that the scenario's files are relative to.
    pub base: PathBuf,
    /// Threads that drive the load; `None`: as many as the load needs, at most one a core.
    pub workers: Option<u32>,
    /// Flows at once.
    pub max_in_flight: u32,
    /// Requests at once; `None`: as many as flows need.
    pub connections: Option<u32>,
    /// How long flows may go on after the last stage; `None`: the longest time-out of a request.
    pub drain: Option<Duration>,
    /// How requests are sent.
    pub http: HttpSettings,
    /// The command line for the record, secrets struck out.
    pub command: Vec<String>,
    /// Where the service tells of its processors, if it is to be asked.
    pub metrics: Option<MetricsSource>,
    /// Asks the run to stop.
    pub stop: StopHandle,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            out: None,
            base: PathBuf::from("."),
            workers: None,
            max_in_flight: MAX_IN_FLIGHT,
            connections: None,
            drain: None,
            http: HttpSettings::default(),
            command: Vec::new(),
            metrics: None,
            stop: StopHandle::new(),
        }
    }
}

/// What a watcher of a run is told.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// The first arrival may come.
    Started {
        /// How the run is made.
        document: &'a RunDocument,
        /// The run directory.
        directory: &'a Path,
    },
    /// A second has passed and is on disk.
    Second(&'a Second),
}

/// A run that came to its end, or was ended.
#[derive(Debug, Clone)]
pub struct FinishedRun {
    /// The run directory.
    pub directory: PathBuf,
    /// What is in its `run.json`.
    pub document: RunDocument,
    /// The summary.
    pub summary: Summary,
    /// Not one attempt to connect succeeded.
    pub unreachable: bool,
    /// What the first of these attempts failed for.
    pub no_connection: Option<String>,
}

/// Why a run could not be made, or was cut short.
#[derive(Debug, thiserror::Error)]
pub enum JourneyError {
    /// The scenario has faults.
    #[error("the scenario has {} fault(s)", .0.len())]
    Scenario(Vec<Diagnostic>),
    /// The scenario says what, but not how much.
    #[error("there is no load; give the scenario a `load`, or a rate or a number of users")]
    NoLoad,
    /// The run directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The generator.
    #[error(transparent)]
    Generator(#[from] RunError),
}

/// Drives `scenario` to its end and leaves a run directory with a summary. Blocks the calling thread.
///
/// # Errors
/// When the scenario cannot be compiled, or directory or generator fail. Requests that fail are no error but data.
pub fn run(
    scenario: &Scenario,
    options: RunOptions,
    mut watch: impl FnMut(Progress<'_>),
) -> Result<FinishedRun, JourneyError> {
    let script = compile(scenario, &options.base)?;
    check(&options.http, scenario.target.value.starts_with("https:")).map_err(RunError::from)?;
    let stages = stages(scenario.load.as_ref().ok_or(JourneyError::NoLoad)?);
    drive(scenario, script, &stages, None, options, &mut watch)
}

/// Drives a compiled script through stages and keeps the record; `terms` are those of a duel.
pub(crate) fn drive(
    scenario: &Scenario,
    script: Arc<Script>,
    stages: &[Stage],
    terms: Option<DuelTerms>,
    options: RunOptions,
    watch: &mut impl FnMut(Progress<'_>),
) -> Result<FinishedRun, JourneyError> {
    let (plan, notes) = plan(scenario, &options, script, stages);
    let started = Timestamp::now();
    let mut document = document(scenario, &options, &plan, stages, notes, started);
    document.duel = terms;
    let path = options.out.clone().unwrap_or_else(|| default_directory(&document, started));
    let mut directory = RunDirectory::create(&path, &document, started.as_millisecond() as f64 / 1e3)?;
    let mut summariser =
        Summariser::new(document.model, &document.stages, &document.request_names, &scenario.slos);
    let mut reach = Reach::default();
    let mut failed = None;
    let mut broken = None;
    let mut ended = (None, None);
    let stop = &options.stop;
    let mut sampler = options.metrics.as_ref().map(Sampler::new);
    let length_s: f64 = document.stages.iter().map(|stage| stage.duration_s).sum();
    watch(Progress::Started { document: &document, directory: &path });
    loadline_generator::run::run(&plan, Stages::fixed(stages, plan.workers), stop, |event| match event {
        RunEvent::Started => sampler.iter_mut().for_each(|sampler| sampler.start(length_s)),
        RunEvent::Second(second) => {
            if let Err(error) = directory.append(&second) {
                failed.get_or_insert(error);
                stop.request(Stop::AtOnce);
            }
            summariser.push(&second);
            if let Some(slo) = summariser.broken().filter(|_| broken.is_none()) {
                broken = Some(slo.text.clone());
                stop.request(Stop::Objective);
            }
            if reach.is_hopeless(&second) {
                stop.request(Stop::Unreachable);
            }
            watch(Progress::Second(&second));
        }
        RunEvent::Ended { stopped, load_ended } => ended = (stopped, load_ended),
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let (stopped, load_ended) = ended;
    document.load_ended_s = load_ended.map(|after| after.as_secs_f64());
    (document.status, document.ended_by) = ending(stopped, broken, reach.why.as_deref());
    if let Some(mut sampler) = sampler {
        sampler.finish();
        note_cpu(&mut document, &sampler.read());
    }
    let summary = summariser.finish(&document);
    document.summary = Some(summary.clone());
    directory.finish(&document)?;
    let unreachable = reach.is_unreachable();
    Ok(FinishedRun { directory: path, document, summary, unreachable, no_connection: reach.why })
}

/// Notes what the service said of its processors, or why it is not known.
fn note_cpu(document: &mut RunDocument, read: &Metrics) {
    let source = scenario::strike_url(&read.source);
    let spans = measured_spans(&document.stages);
    document.service_cpu =
        cores_in_use(&read.scrapes, &spans).map(|cores| ServiceCpu { cores, source: source.clone() });
    if document.service_cpu.is_none() {
        let why = match &read.error {
            Some(error) => error.as_str(),
            None => "there is no process_cpu_seconds_total in it that covers the measured part",
        };
        document.notes.push(format!("the CPU time of the service is not known from {source}: {why}"));
    }
}

/// Compiles a scenario, reading its files relative to `base`.
///
/// # Errors
/// [`JourneyError::Scenario`] with all that is wrong.
pub fn compile(scenario: &Scenario, base: &Path) -> Result<Arc<Script>, JourneyError> {
    let load_file = |path: &Path| std::fs::read(base.join(path));
    Script::compile(scenario, &load_file).map(Arc::new).map_err(JourneyError::Scenario)
}

/// The stages of a scenario as the generator drives them.
pub(crate) fn stages(load: &scenario::Load) -> Vec<Stage> {
    match load {
        scenario::Load::Open(stages) => stages.iter().map(open_stage).collect(),
        scenario::Load::Closed(stages) => stages.iter().map(closed_stage).collect(),
    }
}

fn open_stage(stage: &scenario::OpenStage) -> Stage {
    let arrivals = match stage.arrivals {
        scenario::Arrivals::Uniform => Arrivals::Uniform,
        scenario::Arrivals::Poisson => Arrivals::Poisson,
    };
    let &scenario::OpenStage { from_per_s, to_per_s, duration, warmup, .. } = stage;
    Stage { load: Load::Rate(RateStage { from_per_s, to_per_s, duration, arrivals }), warmup }
}

fn closed_stage(stage: &scenario::ClosedStage) -> Stage {
    let pacing = stage.pacing.unwrap_or_default();
    let users = UserStage { users: stage.users, duration: stage.duration, pacing };
    Stage { load: Load::Users(users), warmup: stage.warmup }
}

/// How the generator is to drive the scenario, and what was chosen for the user.
pub(crate) fn plan(
    scenario: &Scenario,
    options: &RunOptions,
    script: Arc<Script>,
    stages: &[Stage],
) -> (Plan, Vec<String>) {
    let (users_max, rate_max_per_s) = extremes(stages);
    let (max_in_flight, lowered) = affordable_in_flight(options.max_in_flight);
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let needed = ((rate_max_per_s / RATE_PER_WORKER).ceil() as u32).max(users_max.div_ceil(USERS_PER_WORKER));
    let workers = options.workers.unwrap_or(needed.clamp(1, cores));
    let plan = Plan {
        script,
        seed: scenario.seed,
        workers: workers.max(1),
        max_in_flight,
        connections: options.connections,
        drain: options.drain.unwrap_or_else(|| longest_timeout(scenario)),
        users_max,
        http: options.http.clone(),
    };
    let ahead = plan.http.connect_ahead;
    let connections = [
        (plan.http.reuse == Reuse::Visitor).then(|| "each user has connections of its own".to_owned()),
        (plan.http.reuse == Reuse::Nobody).then(|| "each request opens a connection of its own".to_owned()),
        plan.connections.map(|limit| format!("at most {limit} connections")),
        (ahead > 0).then(|| format!("{ahead} connections were opened before the clock started")),
    ];
    let notes = lowered.into_iter().chain(connections.into_iter().flatten()).collect();
    (plan, notes)
}

/// The longest time-out of a request.
pub(crate) fn longest_timeout(scenario: &Scenario) -> Duration {
    let timeouts = scenario.requests().into_iter().filter_map(|request| request.timeout);
    timeouts.chain([scenario.defaults.timeout]).max().unwrap_or_default()
}

pub(crate) fn document(
    scenario: &Scenario,
    options: &RunOptions,
    plan: &Plan,
    stages: &[Stage],
    notes: Vec<String>,
    started: Timestamp,
) -> RunDocument {
    RunDocument {
        schema: SCHEMA.to_owned(),
        name: scenario.name.clone(),
        id: short_id(started),
        status: Status::Running,
        started_at: whole_seconds(started).to_string(),
        command: options.command.clone(),
        target: shown_target(scenario),
        duel: None,
        scenario: scenario.record(),
        stages: stages.iter().map(stage_record).collect(),
        slos: scenario.slos.iter().map(|slo| slo.text.clone()).collect(),
        request_names: plan.script.request_names.clone(),
        model: scenario.model().unwrap_or(LoadModel::Open),
        seed: plan.seed,
        versions: BTreeMap::from([("loadline".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        host: this_host(),
        workers: plan.workers,
        max_in_flight: plan.max_in_flight,
        notes,
        load_ended_s: None,
        ended_by: None,
        service_cpu: None,
        summary: None,
    }
}

/// The target for the record: user info, query values and secrets struck out.
pub(crate) fn shown_target(scenario: &Scenario) -> String {
    scenario::strike_url(&scenario.strike(&scenario.target.value))
}

pub(crate) fn stage_record(stage: &Stage) -> StageRecord {
    let duration_s = stage.duration().as_secs_f64();
    let base = StageRecord {
        from_per_s: None,
        to_per_s: None,
        users: None,
        duration_s,
        warmup: stage.warmup,
        arrivals: None,
    };
    match stage.load {
        Load::Users(UserStage { users, .. }) => StageRecord { users: Some(users), ..base },
        Load::Rate(RateStage { from_per_s, to_per_s, arrivals, .. }) => StageRecord {
            from_per_s: Some(from_per_s),
            to_per_s: Some(to_per_s),
            arrivals: Some(match arrivals {
                Arrivals::Uniform => "uniform".to_owned(),
                Arrivals::Poisson => "poisson".to_owned(),
            }),
            ..base
        },
    }
}

/// How the run ended, and why where it ended early.
fn ending(
    stopped: Option<Stop>,
    broken: Option<String>,
    no_connection: Option<&str>,
) -> (Status, Option<String>) {
    match stopped {
        None => (Status::Complete, None),
        Some(Stop::OutOfRows) => {
            (Status::Complete, Some("the rows of a data source were used up".to_owned()))
        }
        Some(Stop::Decided) => (Status::Complete, Some("the case was decided".to_owned())),
        Some(Stop::Objective) => {
            (Status::Incomplete, Some(format!("the objective `{}` was broken", broken.unwrap_or_default())))
        }
        Some(Stop::Unreachable) => {
            let why = no_connection.map(|why| format!(": {why}")).unwrap_or_default();
            (Status::Incomplete, Some(format!("the target could not be reached{why}")))
        }
        Some(Stop::Interrupted | Stop::AtOnce) => {
            (Status::Interrupted, Some("it was interrupted".to_owned()))
        }
    }
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    time.round(Unit::Second).unwrap_or(time)
}

/// Six characters that two runs begun in the same second do not share.
fn short_id(started: Timestamp) -> String {
    let random = RandomState::new().hash_one(started.as_nanosecond());
    format!("{:06x}", random & 0xff_ffff)
}

pub(crate) fn default_directory(document: &RunDocument, started: Timestamp) -> PathBuf {
    let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = document.name.chars().map(plain).take(60).collect();
    let time = whole_seconds(started).strftime("%Y%m%dT%H%M%SZ");
    Path::new("runs").join(format!("{name}-{time}-{}", document.id))
}

/// The classes of errors in which there was no connection.
const NO_CONNECTION: [&str; 3] = ["connect", "dns", "tls"];

/// Follows whether the target was ever reached.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    ended: u64,
    no_connection: u64,
    /// Seconds with requests since the last one in which any of them got a connection.
    pub(crate) lost_s: u64,
    /// What the first attempt that failed said.
    why: Option<String>,
}

impl Reach {
    /// Takes the next second; whether to give up.
    pub(crate) fn is_hopeless(&mut self, second: &Second) -> bool {
        let before = (self.ended, self.no_connection);
        for request in &second.requests {
            self.ended += request.counts.requests;
            let count = |class| request.counts.errors.get(class).copied().unwrap_or(0);
            self.no_connection += NO_CONNECTION.map(count).iter().sum::<u64>();
            let mut examples =
                NO_CONNECTION.iter().filter_map(|class| request.counts.examples.get(*class)?.first());
            self.why = self.why.take().or(examples.next().cloned());
        }
        let (ended, without) = (self.ended - before.0, self.no_connection - before.1);
        match without {
            _ if without < ended => self.lost_s = 0,
            0 => {}
            _ => self.lost_s += 1,
        }
        second.second + 1 >= UNREACHABLE_AFTER_S && self.is_unreachable()
    }

    /// What the first attempt that failed said.
    pub(crate) fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    pub(crate) fn is_unreachable(&self) -> bool {
        self.ended > 0 && self.ended == self.no_connection
    }
}
