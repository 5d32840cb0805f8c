//! The demonstration: a service whose truth is known, driven by a scripted scenario, and what was measured beside
//! what is true.

mod headroom;

use loadline_analysis::queueing::mmc::Mmc;
use loadline_model::scenario::Scenario;

use crate::directory::{DirectoryError, RecordedRun};
use crate::run::{FinishedRun, JourneyError, Progress, RunOptions, run};
use crate::serve::{self, ServeConfig, ServiceTime, Stats};

pub use headroom::{headroom, true_capacity};

/// The scenario, as it stands in `scenarios/demo.yaml`.
const SCENARIO: &str = include_str!("../../../scenarios/demo.yaml");

const WORKERS: u32 = 2;
const SERVICE_MS: f64 = 5.0;
const ERROR_SHARE: f64 = 0.005;

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
    /// What was measured beside what is true.
    pub compared: Vec<Compared>,
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
    /// What the run left behind could not be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Starts a service on loopback, drives the demonstration's scenario against it for some twenty seconds, and puts
/// what was measured beside what is true. Blocks the calling thread.
///
/// # Errors
/// When service or run cannot be started.
pub fn demo(options: RunOptions, watch: impl FnMut(Progress<'_>)) -> Result<Demo, DemoError> {
    let service = serve::start(ServeConfig {
        workers: WORKERS as usize,
        service: ServiceTime::Exponential { mean_ms: SERVICE_MS },
        error_share: ERROR_SHARE,
        seed: 11,
        ..ServeConfig::default()
    })?;
    let scenario = scenario(&format!("http://{}", service.addr()));
    let run = run(&scenario, options, watch)?;
    let stats = service.stop().stats;
    let compared = compare(&run, &stats)?;
    Ok(Demo { run, compared })
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
