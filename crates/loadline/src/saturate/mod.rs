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

mod cut_off;
mod document;
mod engine;
pub mod metrics;
mod options;
mod pilot;
mod users;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use loadline_analysis::search::{Capacity, Doom, Hopeless};
use loadline_generator::arrivals::{Load, Stage, UserStage};
use loadline_generator::run::{Feeder, Plan, RunError, RunEvent};
use loadline_generator::schedule::RateStage;
use loadline_generator::stop::{Stop, StopHandle};
use loadline_model::recording::Second;
use loadline_model::run::{LoadModel, RunDocument, Status};
use loadline_model::saturation::{SaturationDocument, StepDocument};
use loadline_model::scenario::{self, Scenario};

use crate::directory::{RunDirectory, write_json};
use crate::run::{Reach, compile};
pub use document::{Circumstances, document};
pub use engine::{Engine, RealLoad, VirtualLoad};
pub use metrics::MetricsSource;
use metrics::Sampler;
pub use options::{SaturateError, SaturateOptions};
use pilot::Pilot;
pub use pilot::{Course, End, Leg};

/// The name of the document in a run directory.
pub const DOCUMENT_FILE: &str = "saturation.json";

/// A target that has answered is given up after so many seconds in which no attempt got a connection: it may be begun anew.
const LOST_AFTER_S: u64 = 10;
/// Arrivals per second that one worker is trusted with.
const RATE_PER_WORKER: f64 = 10_000.0;

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
    /// Nothing of the service's resources can be read; the search goes on without them.
    Unread {
        /// Where they were to be read, without secrets.
        source: &'a str,
        /// Why not.
        error: &'a str,
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
    /// Not one attempt to connect succeeded, or none did any more at its end: the target is gone, and there is no capacity.
    pub unreachable: bool,
    /// What the first attempt to connect that failed said.
    pub no_connection: Option<String>,
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
        unread_told: false,
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
    unread_told: bool,
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
                if self.reach.is_hopeless(second) || self.reach.lost_s >= LOST_AFTER_S {
                    stop.request(Stop::Unreachable);
                }
                self.tell_unread();
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

    /// Says once that resources cannot be read, while there is time to mend it.
    fn tell_unread(&mut self) {
        let Some(sampler) = self.sampler.as_ref().filter(|_| !self.unread_told) else { return };
        if let Some(error) = sampler.failure() {
            self.unread_told = true;
            let source = scenario::strike_url(&sampler.read().source);
            (self.watch)(Progress::Unread { source: &source, error: &error });
        }
    }

    fn write(&self, explored: &Explored) -> Result<(), crate::directory::DirectoryError> {
        let document = self.document(explored);
        write_json(self.directory.path(), DOCUMENT_FILE, &document)
    }

    fn document(&self, explored: &Explored) -> SaturationDocument {
        let read = self.sampler.as_ref().map(Sampler::read);
        document(explored, self.course, &self.circumstances, read.as_ref())
    }

    /// Whether the target is gone: for long, or when all requests failed whatever the load.
    fn is_lost(&self, explored: &Explored) -> bool {
        let whatever =
            matches!(explored.end, Some(End::Doomed(Doom::Regardless { why: Hopeless::AllFailed, .. })));
        self.reach.lost_s >= if whatever { 1 } else { LOST_AFTER_S }
    }

    fn finish(mut self, explored: &Explored) -> Result<FinishedSearch, SaturateError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        self.sampler.iter_mut().for_each(Sampler::finish);
        let lost = self.is_lost(explored);
        let explored = if lost {
            // What broke the objectives then was no load.
            &Explored { end: None, stopped: Some(Stop::Unreachable), ..explored.clone() }
        } else {
            explored
        };
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
            unreachable: self.reach.is_unreachable() || lost,
            no_connection: self.reach.why().map(str::to_owned),
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
    let (plan, mut notes) =
        crate::run::plan(scenario, &options.run, script, &[Stage { load, warmup: false }]);
    notes.extend(left_out(scenario, options.model));
    Ok((plan, notes))
}

/// What of the scenario a search has no use for.
fn left_out(scenario: &Scenario, model: LoadModel) -> impl Iterator<Item = String> {
    let closed = matches!(scenario.load, Some(scenario::Load::Closed(_)));
    let users = (closed && model == LoadModel::Open).then(|| {
        "the scenario's users are not driven: arrival rates are searched for; --users searches for users"
            .to_owned()
    });
    let others = scenario.slos.iter().filter(|slo| !options::is_limit(slo));
    users
        .into_iter()
        .chain(others.map(|slo| format!("`{}` is left out of the search: load does not break it", slo.text)))
}
