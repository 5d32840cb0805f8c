//! The demonstration: a service whose truth is known, driven by a scripted scenario, then searched for its capacity,
//! and what was measured beside what is true.

mod headroom;

use std::time::Duration;

use loadline_analysis::queueing::mmc::{self, Mmc};
use loadline_model::run::Status;
use loadline_model::scenario::Scenario;

use crate::directory::{DirectoryError, RecordedRun};
use crate::run::{FinishedRun, JourneyError, RunOptions, run};
use crate::saturate::{FinishedSearch, MetricsSource, SaturateError, SaturateOptions, saturate};
use crate::serve::{self, Running, ServeConfig, ServiceTime, Stats};
use crate::{run as running, saturate as searching};

pub use headroom::{headroom, true_capacity};

/// The scenario, as it stands in `scenarios/demo.yaml`.
const SCENARIO: &str = include_str!("../../../scenarios/demo.yaml");

const WORKERS: u32 = 2;
const SERVICE_MS: f64 = 5.0;
const ERROR_SHARE: f64 = 0.005;

/// The objective that the capacity is searched for, and how long: together with the run less than two minutes.
const LIMIT_MS: f64 = 40.0;
const SEARCH: Duration = Duration::from_secs(75);
/// The folder of the search within the run directory.
const SEARCH_FOLDER: &str = "saturation";

/// One figure that the run measured, and what it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// What it is.
    pub figure: &'static str,
    /// What was measured.
    pub measured: f64,
    /// What is true.
    pub truth: f64,
    /// Where the truth comes from.
    pub source: &'static str,
    /// The unit of both; empty for counts.
    pub unit: &'static str,
}

/// The demonstration's outcome.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The run.
    pub run: FinishedRun,
    /// The search; `None` where the run was interrupted.
    pub search: Option<FinishedSearch>,
    /// What was measured beside what is true.
    pub compared: Vec<Compared>,
}

/// What a watcher of the demonstration is told.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// Of the run.
    Run(running::Progress<'a>),
    /// Of the search.
    Search(searching::Progress<'a>),
}

/// Why there was no demonstration.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The service could not be started.
    #[error("failed to start the demonstration's service")]
    Serve(#[from] std::io::Error),
    /// The run could not be made.
    #[error(transparent)]
    Run(#[from] JourneyError),
    /// The search could not be made.
    #[error(transparent)]
    Search(#[from] SaturateError),
    /// What the run left behind could not be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Starts a service on loopback, drives the demonstration's scenario against it for some twenty seconds, searches for
/// its capacity for another minute, and puts what was measured beside what is true. Blocks the calling thread.
///
/// # Errors
/// When service or run cannot be started.
pub fn demo(options: RunOptions, mut watch: impl FnMut(Progress<'_>)) -> Result<Demo, DemoError> {
    let service = serve::start(ServeConfig {
        workers: WORKERS as usize,
        service: ServiceTime::Exponential { mean_ms: SERVICE_MS },
        error_share: ERROR_SHARE,
        seed: 11,
        ..ServeConfig::default()
    })?;
    let scenario = scenario(&format!("http://{}", service.addr()));
    let run = run(&scenario, options.clone(), |progress| watch(Progress::Run(progress)))?;
    let mut compared = compare(&run, &service.stats())?;
    let mut search = None;
    if run.summary.status != Status::Interrupted {
        let found = find_capacity(&service, &run, options, |progress| watch(Progress::Search(progress)))?;
        compared.extend(compare_capacity(&found));
        search = Some(found);
    }
    Ok(Demo { run, search, compared })
}

fn find_capacity(
    service: &Running,
    run: &FinishedRun,
    options: RunOptions,
    watch: impl FnMut(searching::Progress<'_>),
) -> Result<FinishedSearch, DemoError> {
    let url = format!("http://{}/", service.addr());
    let mut scenario = Scenario::for_url(&url, "GET", &[], None).expect("the address is one of a service");
    scenario.name = "demo: saturation".to_owned();
    scenario.slos = vec![format!("p99 < {LIMIT_MS}ms").parse().expect("the objective is a constant")];
    let options = SaturateOptions {
        run: RunOptions { out: Some(run.directory.join(SEARCH_FOLDER)), ..options },
        max_time: SEARCH,
        metrics: Some(MetricsSource::Page(format!("{url}metrics"))),
        ..SaturateOptions::default()
    };
    Ok(saturate(&scenario, &options, watch)?)
}

fn compare_capacity(found: &FinishedSearch) -> Option<Compared> {
    let truth = mmc::capacity(1e3 / SERVICE_MS, WORKERS, 0.99, LIMIT_MS / 1e3).ok()??;
    let measured = found.document.capacity_per_s?;
    Some(Compared {
        figure: "capacity, p99 < 40ms",
        measured,
        truth,
        source: "the closed form of M/M/2",
        unit: "/s",
    })
}

fn scenario(target: &str) -> Scenario {
    let env = |name: &str| (name == "TARGET").then(|| target.to_owned());
    Scenario::parse(SCENARIO, "demo.yaml", env).expect("the scenario is a constant and a test reads it")
}

/// The service is a queue of `c` workers with exponential service times, and every request is an arrival of it: by
/// the theorem of Baskett, Chandy, Muntz and Palacios (1975) visits of several requests leave the distribution of an
/// M/M/c queue at the total arrival rate as it is.
fn compare(run: &FinishedRun, stats: &Stats) -> Result<Vec<Compared>, DirectoryError> {
    let summary = &run.summary;
    let (requests, errors) = counted(run)?;
    let exact = "the service's own count";
    let mut compared = vec![
        Compared {
            figure: "requests",
            measured: requests as f64,
            truth: stats.requests as f64,
            source: exact,
            unit: "",
        },
        Compared {
            figure: "errors (status 500)",
            measured: errors as f64,
            truth: stats.errors as f64,
            source: exact,
            unit: "",
        },
    ];
    let queue = Mmc::new(summary.requests_per_s.unwrap_or(0.0), 1e3 / SERVICE_MS, WORKERS);
    if let Ok(queue) = queue {
        let formula = "M/M/2 at the rate measured";
        let figures = [
            ("mean response", summary.response.mean_ms, queue.means().response_time * 1e3),
            ("p50 response", summary.response.p50_ms, queue.response_quantile(0.5) * 1e3),
            ("p99 response", summary.response.p99_ms, queue.response_quantile(0.99) * 1e3),
        ];
        for (figure, measured, truth) in figures {
            let measured = measured.unwrap_or(f64::NAN);
            compared.push(Compared { figure, measured, truth, source: formula, unit: "ms" });
        }
    }
    Ok(compared)
}

/// Requests and failed requests of the whole run, warm-up included, as the service counts them.
fn counted(run: &FinishedRun) -> Result<(u64, u64), DirectoryError> {
    let mut counted = (0, 0);
    for second in RecordedRun::open(&run.directory)?.seconds()? {
        for request in second?.requests {
            counted.0 += request.counts.requests;
            counted.1 += request.counts.errors.values().sum::<u64>();
        }
    }
    Ok(counted)
}
