//! The journey of a search: the highest load that a service sustains within its objectives, with an interval.
//!
//! [`saturate`] drives a scenario against a service and leaves a run directory with `saturation.json`. What it is made
//! of can be used without files: [`explore`] joins the search to an [`Engine`], which drives real load
//! ([`RealLoad`]) or a client of your own in virtual time ([`VirtualLoad`]); [`document`] says what came of it.
//!
//! ```
//! use std::time::Duration;
//! use loadline::generator::client::simulated::SimulatedServer;
//! use loadline::model::scenario::Scenario;
//! use loadline::saturate::{SaturateOptions, VirtualLoad, search_in};
//!
//! // One worker that takes 4 ms for each request can do 250/s; arrivals are evenly spaced.
//! let mut scenario = Scenario::for_url("http://service/", "GET", &[], None).unwrap();
//! scenario.set_slos(vec!["p99 < 20ms".parse().unwrap()]).unwrap();
//! let options = SaturateOptions {
//!     arrivals: loadline::generator::schedule::Arrivals::Uniform,
//!     ..SaturateOptions::default()
//! };
//! let mut engine = VirtualLoad(|clock| SimulatedServer::new(clock, 1, || Duration::from_millis(4)));
//! let found = search_in(&scenario, &options, &mut engine).unwrap();
//! let capacity = found.capacity_per_s.unwrap();
//! assert!((capacity / 250.0 - 1.0).abs() < 0.05, "{capacity}");
//! ```

mod document;
mod engine;
pub mod metrics;
mod pilot;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use loadline_analysis::search::{Capacity, Search};
use loadline_generator::arrivals::{Load, Stage, UserStage};
use loadline_generator::run::{Feeder, Plan, RunError, RunEvent};
use loadline_generator::schedule::{Arrivals, RateStage};
use loadline_generator::stop::{Stop, StopHandle};
use loadline_model::recording::Second;
use loadline_model::run::{LoadModel, RunDocument, Status};
use loadline_model::saturation::{SaturationDocument, StepDocument};
use loadline_model::scenario::{self, Scenario};
use loadline_model::slo::Slo;

use crate::directory::{RunDirectory, write_json};
use crate::run::{JourneyError, Reach, RunOptions, compile};
pub use document::{Circumstances, document};
pub use engine::{Engine, RealLoad, VirtualLoad};
pub use metrics::MetricsSource;
use metrics::Sampler;
use pilot::Pilot;
pub use pilot::{Course, End, Leg};

/// The name of the document in a run directory.
pub const DOCUMENT_FILE: &str = "saturation.json";

/// Rates between which is searched where none are given, and the first one, in arrivals per second.
const RATES: (f64, f64) = (0.1, 1e6);
const FIRST_RATE: f64 = 10.0;
/// The same for users.
const USERS: (f64, f64) = (1.0, 1000.0);
/// Requests of a step near the capacity.
const STEP_REQUESTS: f64 = 4_000.0;
/// The least time for a search: a step or two.
const LEAST_TIME: Duration = Duration::from_secs(10);
/// A backlog is waited for no longer than this, in seconds.
const DRAIN_MOST_S: u64 = 30;
/// Arrivals per second that one worker is trusted with.
const RATE_PER_WORKER: f64 = 10_000.0;

/// How a search is made.
#[derive(Debug, Clone)]
pub struct SaturateOptions {
    /// As for any run: directory, workers, HTTP, and what stops it.
    pub run: RunOptions,
    /// Whether the rate of arrivals is searched for (open) or the number of users (closed).
    pub model: LoadModel,
    /// How arrivals are spread, in the open model. Evenly spaced ones make a service look larger than it is.
    pub arrivals: Arrivals,
    /// Never below this load: a rate per second or users.
    pub least: Option<f64>,
    /// Never above this load.
    pub most: Option<f64>,
    /// Never more than this factor above the largest load that kept the objectives.
    pub growth: f64,
    /// Half the width of the interval over the capacity at which the search ends.
    pub precision: f64,
    /// The confidence of the interval, 0 to 1.
    pub confidence: f64,
    /// How long it may take.
    pub max_time: Duration,
    /// The least length of a step near the capacity.
    pub step: Duration,
    /// A step in which a larger share of requests fails is cut short, 0 to 1.
    pub abort_error_share: f64,
    /// The capacity that is required, for the verdict.
    pub required_per_s: Option<f64>,
    /// Where to read how busy the service's resources are.
    pub metrics: Option<MetricsSource>,
}

impl Default for SaturateOptions {
    fn default() -> Self {
        SaturateOptions {
            run: RunOptions::default(),
            model: LoadModel::Open,
            arrivals: Arrivals::Poisson,
            least: None,
            most: None,
            growth: 2.0,
            precision: 0.05,
            confidence: 0.9,
            max_time: Duration::from_secs(600),
            step: Duration::from_secs(5),
            abort_error_share: 0.5,
            required_per_s: None,
            metrics: None,
        }
    }
}

impl SaturateOptions {
    /// How `scenario` is searched by these options.
    ///
    /// # Errors
    /// Where the scenario has no objectives, or the bounds contradict one another.
    pub fn course(&self, scenario: &Scenario) -> Result<Course, SaturateError> {
        if scenario.slos.is_empty() {
            return Err(SaturateError::NoObjectives);
        }
        if self.max_time < LEAST_TIME {
            return Err(SaturateError::Time(self.max_time));
        }
        let (default, first) = match self.model {
            LoadModel::Open => (RATES, FIRST_RATE),
            LoadModel::Closed => (USERS, USERS.0),
        };
        let least = self.least.unwrap_or(default.0.min(self.most.unwrap_or(f64::INFINITY) / 100.0));
        let least = if self.model == LoadModel::Closed { least.max(1.0) } else { least };
        let most = self.most.unwrap_or(default.1.max(least * 1000.0));
        if !(least > 0.0 && least < most) {
            return Err(SaturateError::Bounds { least, most });
        }
        let search = Search {
            start: if self.least.is_some() { least } else { first.clamp(least, most) },
            least,
            most,
            growth: self.growth,
            precision: self.precision,
            confidence: self.confidence,
            time_s: self.max_time.as_secs_f64(),
            step_s: self.step.as_secs_f64(),
            step_requests: STEP_REQUESTS,
        };
        let longest = crate::run::longest_timeout(scenario);
        Ok(Course {
            search,
            model: self.model,
            arrivals: self.arrivals,
            pacing: pacing(scenario),
            slos: scenario.slos.iter().map(without_abort).collect(),
            max_time_s: self.max_time.as_secs_f64(),
            abort_error_share: self.abort_error_share,
            drain_s: (longest.as_secs_f64().ceil() as u64).clamp(1, DRAIN_MOST_S),
        })
    }
}

/// An objective that would end a run ends a step at most.
fn without_abort(slo: &Slo) -> Slo {
    Slo { abort_after: None, ..slo.clone() }
}

fn pacing(scenario: &Scenario) -> Duration {
    match &scenario.load {
        Some(scenario::Load::Closed(stages)) => stages.last().and_then(|stage| stage.pacing),
        _ => None,
    }
    .unwrap_or_default()
}

/// Why a search could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SaturateError {
    /// Without an objective any load is within it.
    #[error(
        "there is no objective to search by; give one such as `--slo 'p99 < 200ms'`, or `slos` in the scenario"
    )]
    NoObjectives,
    /// Bounds that hold nothing between them.
    #[error(
        "there is nothing to search between {least} and {most}: the least load has to be above 0 and below the most"
    )]
    Bounds {
        /// The least load.
        least: f64,
        /// The most.
        most: f64,
    },
    /// Too little for even a few steps.
    #[error("{} s are too little for a search: give it at least {} s (--max-time)", .0.as_secs_f64(), LEAST_TIME.as_secs())]
    Time(Duration),
    /// As for any run.
    #[error(transparent)]
    Journey(#[from] JourneyError),
}

impl From<RunError> for SaturateError {
    fn from(error: RunError) -> Self {
        SaturateError::Journey(error.into())
    }
}

impl From<crate::directory::DirectoryError> for SaturateError {
    fn from(error: crate::directory::DirectoryError) -> Self {
        SaturateError::Journey(error.into())
    }
}

/// What a watcher of a search is told.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// The first arrival may come.
    Started {
        /// How the run is made; `None` without a run directory.
        run: Option<(&'a RunDocument, &'a Path)>,
    },
    /// A step begins.
    Begins {
        /// Its load: a rate per second or users.
        load: f64,
        /// Its length in seconds.
        length_s: u64,
        /// Whether it is the confirming run.
        confirming: bool,
    },
    /// A second has passed.
    Second(&'a Second),
    /// A step has ended.
    Ended {
        /// What it showed.
        step: &'a StepDocument,
        /// What all steps say so far.
        estimate: Option<&'a Capacity>,
    },
}

/// What a search came to.
#[derive(Debug, Clone)]
pub struct Explored {
    /// Its steps, in order.
    pub legs: Vec<Leg>,
    /// How it ended; `None` where it was ended before it had anything to say.
    pub end: Option<End>,
    /// Whether someone stopped it.
    pub stopped: Option<Stop>,
    /// How long it took, in seconds.
    pub elapsed_s: f64,
    /// Whether it is over; otherwise `end` is what it would say by now.
    pub finished: bool,
}

/// Steers `engine` through a search, telling `watch` all that happens. Blocks the calling thread.
///
/// # Errors
/// When the engine cannot be started. Requests that fail are no error but data.
pub fn explore(
    engine: &mut impl Engine,
    plan: &Plan,
    course: &Course,
    stop: &StopHandle,
    watch: &mut dyn FnMut(Progress<'_>, &[Leg]),
) -> Result<Explored, RunError> {
    let mut pilot = Pilot::new(course.clone());
    let (feeder, stages) = Feeder::new(plan.workers);
    let mut feeder = Some(feeder);
    let mut elapsed_s = 0.0;
    let mut stopped = None;
    engine.run(plan, stages, stop, &mut |event| {
        let turn = match event {
            RunEvent::Started => {
                watch(Progress::Started { run: None }, &[]);
                pilot.begin()
            }
            RunEvent::Second(second) => {
                elapsed_s = (second.second + 1) as f64;
                watch(Progress::Second(&second), &pilot.legs);
                // What is left of a run that was asked to stop is no step.
                if stop.requested().is_some() { Default::default() } else { pilot.take(&second) }
            }
            RunEvent::Ended { stopped: word, .. } => {
                stopped = word;
                return;
            }
        };
        if let Some(leg) = pilot.legs.last().filter(|_| turn.ended) {
            let step = document::step(leg, course);
            watch(Progress::Ended { step: &step, estimate: pilot.estimate().as_ref() }, &pilot.legs);
        }
        if let Some(feeder) = &feeder {
            turn.stages.into_iter().for_each(|stage| feeder.push(stage));
        }
        if let Some((load, length_s, confirming)) = turn.begins {
            watch(Progress::Begins { load, length_s, confirming }, &pilot.legs);
        }
        if turn.over {
            feeder = None;
        }
    })?;
    pilot.stop();
    Ok(Explored { legs: pilot.legs, end: pilot.end, stopped, elapsed_s, finished: true })
}

/// Searches without leaving anything on disk.
///
/// # Errors
/// As [`saturate`].
pub fn search_in(
    scenario: &Scenario,
    options: &SaturateOptions,
    engine: &mut impl Engine,
) -> Result<SaturationDocument, SaturateError> {
    let course = options.course(scenario)?;
    let (plan, _) = plan(scenario, options, &course)?;
    let explored = explore(engine, &plan, &course, &options.run.stop, &mut |_, _| {})?;
    Ok(document(&explored, &course, &Circumstances::of(options), None))
}

/// A search that came to its end, or was ended.
#[derive(Debug, Clone)]
pub struct FinishedSearch {
    /// The run directory.
    pub directory: PathBuf,
    /// What is in its `run.json`.
    pub run: RunDocument,
    /// What is in its `saturation.json`.
    pub document: SaturationDocument,
    /// Not one attempt to connect succeeded.
    pub unreachable: bool,
}

/// Finds the highest load that a service sustains within its objectives, and leaves a run directory: the recording
/// of all steps and `saturation.json`, which is written after each step. Blocks the calling thread.
///
/// # Errors
/// When there is nothing to search by, the scenario cannot be compiled, or directory or generator fail.
pub fn saturate(
    scenario: &Scenario,
    options: &SaturateOptions,
    watch: impl FnMut(Progress<'_>),
) -> Result<FinishedSearch, SaturateError> {
    let course = options.course(scenario)?;
    let (plan, notes) = plan(scenario, options, &course)?;
    let started = Timestamp::now();
    let mut run = crate::run::document(scenario, &options.run, &plan, &[], notes, started);
    run.model = options.model;
    let path = options.run.out.clone().unwrap_or_else(|| crate::run::default_directory(&run, started));
    let directory = RunDirectory::create(&path, &run, started.as_millisecond() as f64 / 1e3)?;
    let circumstances = Circumstances::of(options);
    let mut log = Log {
        directory,
        run,
        course: &course,
        circumstances,
        sampler: options.metrics.as_ref().map(Sampler::new),
        failed: None,
        reach: Reach::default(),
        watch,
    };
    let stop = &options.run.stop;
    let explored =
        explore(&mut RealLoad, &plan, &course, stop, &mut |progress, legs| log.take(progress, legs, stop))?;
    log.finish(&explored)
}

/// Writes down what happens, and tells it on.
struct Log<'a, W> {
    directory: RunDirectory,
    run: RunDocument,
    course: &'a Course,
    circumstances: Circumstances,
    sampler: Option<Sampler>,
    failed: Option<crate::directory::DirectoryError>,
    reach: Reach,
    watch: W,
}

impl<W: FnMut(Progress<'_>)> Log<'_, W> {
    fn take(&mut self, progress: Progress<'_>, legs: &[Leg], stop: &StopHandle) {
        let written = match progress {
            Progress::Started { .. } => {
                self.sampler.iter_mut().for_each(|sampler| sampler.start(self.course.max_time_s));
                Ok(())
            }
            Progress::Second(second) => {
                if self.reach.is_hopeless(second) {
                    stop.request(Stop::Unreachable);
                }
                self.directory.append(second)
            }
            Progress::Ended { estimate, .. } => self.write(&Explored {
                legs: legs.to_vec(),
                end: estimate.cloned().map(End::Converged),
                stopped: None,
                elapsed_s: legs.last().map_or(0.0, |leg| (leg.first + leg.length_s) as f64),
                finished: false,
            }),
            _ => Ok(()),
        };
        if let Err(error) = written {
            self.failed.get_or_insert(error);
            stop.request(Stop::AtOnce);
        }
        let run = Some((&self.run, self.directory.path()));
        (self.watch)(if let Progress::Started { .. } = progress {
            Progress::Started { run }
        } else {
            progress
        });
    }

    fn write(&self, explored: &Explored) -> Result<(), crate::directory::DirectoryError> {
        let document = self.document(explored);
        write_json(self.directory.path(), DOCUMENT_FILE, &document)
    }

    fn document(&self, explored: &Explored) -> SaturationDocument {
        let read = self.sampler.as_ref().map(Sampler::read);
        document(explored, self.course, &self.circumstances, read.as_ref())
    }

    fn finish(mut self, explored: &Explored) -> Result<FinishedSearch, SaturateError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        let document = self.document(explored);
        write_json(self.directory.path(), DOCUMENT_FILE, &document)?;
        self.run.stages = document::stages(&explored.legs, self.course);
        self.run.status = document.status;
        self.run.ended_by = match document.status {
            Status::Complete => None,
            _ => document.reasons.last().cloned(),
        };
        self.directory.finish(&self.run)?;
        Ok(FinishedSearch {
            directory: self.directory.path().to_owned(),
            run: self.run,
            document,
            unreachable: self.reach.is_unreachable(),
        })
    }
}

/// How the generator is to drive a search, and what was chosen for the user.
fn plan(
    scenario: &Scenario,
    options: &SaturateOptions,
    course: &Course,
) -> Result<(Plan, Vec<String>), SaturateError> {
    let script = compile(scenario, &options.run.base)?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let most = course.search.most;
    let duration = Duration::from_secs(1);
    let load = match course.model {
        LoadModel::Open => {
            // Where nobody says how far it may go, half of the cores are left to whatever else is here.
            let rate = most.min(RATE_PER_WORKER * (cores / 2).max(1) as f64);
            Load::Rate(RateStage { from_per_s: rate, to_per_s: rate, duration, arrivals: course.arrivals })
        }
        LoadModel::Closed => {
            Load::Users(UserStage { users: most.ceil() as u32, duration, pacing: course.pacing })
        }
    };
    Ok(crate::run::plan(scenario, &options.run, script, &[Stage { load, warmup: false }]))
}
