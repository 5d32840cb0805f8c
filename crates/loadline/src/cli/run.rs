//! `loadline run`: drives load and says what came of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use loadline::generator::stop::{Stop, StopHandle};
use loadline::model::run::{Status, Summary, ValidityVerdict, Verdict};
use loadline::model::scenario::{self, OverrideError, Scenario};
use loadline::model::slo::Slo;
use loadline::run::{FinishedRun, RunOptions};
use loadline::saturate::MetricsSource;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::compare::share;
use super::duel::{JudgeFlags, hold};
use super::engine::EngineFlags;
use super::exit::{Exit, UserError, sort};
use super::http::HttpFlags;
use super::live::Live;
use super::output::{Output, talk};
use super::results::{OnInconclusive, ResultFlags};
use super::saturate::source;
use super::verdict::VerdictFlags;
use super::{headers, input};

/// The load on a URL where nothing is said.
pub(super) const DEFAULT_RATE_PER_S: f64 = 50.0;

/// Drive load against a service and judge it by its objectives
///
/// TARGET is a scenario file or a URL. Flags override the file. The run directory keeps all that was measured;
/// the report is written beside it as report.html.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// A scenario file, `-` for one on stdin, or a URL
    target: String,
    #[command(flatten)]
    duel: AgainstFlags,
    #[command(flatten)]
    load: LoadFlags,
    #[command(flatten)]
    request: RequestFlags,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    engine: EngineFlags,
    #[command(flatten)]
    resources: ResourceFlags,
    #[command(flatten)]
    results: ResultFlags,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Resources")]
struct ResourceFlags {
    /// Read the service's CPU time (process_cpu_seconds_total) from its own /metrics, once a second, and say what a
    /// request takes of it
    #[arg(long, value_name = "URL", conflicts_with = "against")]
    service_metrics: Option<String>,
    /// Read it from a Prometheus server instead
    #[arg(long, value_name = "URL", conflicts_with_all = ["service_metrics", "against"])]
    prometheus: Option<String>,
    /// Only of series with these labels, such as 'job="shop"' [default: all processes that the server scrapes]
    #[arg(long, value_name = "LABELS", requires = "prometheus", value_parser = input::matchers)]
    prometheus_match: Option<String>,
}

impl ResourceFlags {
    fn source(&self) -> anyhow::Result<Option<MetricsSource>> {
        source(self.service_metrics.as_ref(), self.prometheus.as_ref(), self.prometheus_match.as_ref())
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Load")]
struct LoadFlags {
    /// Arrivals of flows per second, such as 500/s or 30/m (open model)
    #[arg(long, value_name = "RATE", value_parser = input::rate, env = "LOADLINE_RATE", conflicts_with = "users")]
    rate: Option<f64>,
    /// How arrivals are spread [default: uniform]
    #[arg(long, value_enum, env = "LOADLINE_ARRIVALS")]
    arrivals: Option<Arrivals>,
    /// Users who wait for each answer (closed model)
    #[arg(long, value_name = "N", value_parser = input::count, env = "LOADLINE_USERS")]
    users: Option<u32>,
    /// Length of the measured part, such as 30s or 5m
    #[arg(long, value_name = "TIME", value_parser = input::duration, env = "LOADLINE_DURATION")]
    duration: Option<Duration>,
    /// Load that is left out of objectives and summary, before the measured part
    #[arg(long, value_name = "TIME", value_parser = input::duration, env = "LOADLINE_WARMUP")]
    warmup: Option<Duration>,
    /// An objective, such as 'p99 < 200ms' or 'error_rate < 0.1%'; may be repeated, replaces those of the file
    #[arg(long, value_name = "SLO", value_parser = slo, env = "LOADLINE_SLO", value_delimiter = '\n')]
    slo: Vec<Slo>,
    /// Fixes arrivals, data rows, think times and choices between flows
    #[arg(long, value_name = "N", env = "LOADLINE_SEED")]
    seed: Option<u64>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Request")]
pub(super) struct RequestFlags {
    /// Send a scenario's requests to this URL
    #[arg(
        long = "target",
        value_name = "URL",
        id = "target-url",
        env = "LOADLINE_TARGET",
        hide_env_values = true
    )]
    pub(super) target: Option<String>,
    /// Longest time from sending to the last byte of the answer [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = input::duration, env = "LOADLINE_TIMEOUT")]
    pub(super) timeout: Option<Duration>,
    /// Method, for a URL [default: GET, or POST with a body]
    #[arg(long, short = 'X', value_name = "METHOD")]
    pub(super) method: Option<String>,
    /// A header 'name: value', for a URL; may be repeated
    #[arg(long = "header", short = 'H', value_name = "HEADER", value_parser = headers::parse)]
    pub(super) headers: Vec<(String, String)>,
    /// A body, for a URL; @FILE reads it from a file
    #[arg(long, value_name = "TEXT")]
    pub(super) body: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Arrivals {
    Uniform,
    Poisson,
}

pub(super) fn slo(text: &str) -> Result<Slo, String> {
    text.parse::<Slo>().map_err(|error| error.to_string())
}

/// Another way to say `loadline duel`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Duel")]
struct AgainstFlags {
    /// Load the candidate at this URL beside the target, and judge whether it is worse, as `loadline duel` does
    #[arg(long, value_name = "URL", hide_env_values = true)]
    against: Option<String>,
    /// With --against: the change that does not matter [default: 2%]
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "against")]
    tolerance: Option<f64>,
    /// With --against: the confidence of the verdict [default: 99%]
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "against")]
    confidence: Option<f64>,
    /// With --against: the metrics to judge [default: p50,p90,error_rate]
    #[arg(long, value_delimiter = ',', value_name = "NAMES", requires = "against")]
    metrics: Vec<String>,
    /// With --against: when it ends at the latest [default: 3m]
    #[arg(long, value_name = "TIME", value_parser = input::duration, requires = "against")]
    max_time: Option<Duration>,
    /// With --against: print GitHub annotations on stderr, and append Markdown to the file in GITHUB_STEP_SUMMARY where it is
    /// set
    #[arg(long, requires = "against")]
    github: bool,
}

impl Run {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let (mut scenario, base) = self.request.scenario(&self.target)?;
        self.override_scenario(&mut scenario, out)?;
        self.results.check()?;
        if let Some(url) = &self.duel.against {
            return self.duel(&scenario, url, base, out);
        }
        let stop = StopHandle::new();
        let options = self.options(base, stop.clone())?;
        interrupt_on_ctrl_c(stop)?;
        let mut live = Live::new(out).watching(options.stop.clone());
        let finished =
            loadline::run::run(&scenario, options, |progress| live.show(progress)).map_err(sort)?;
        live.close();
        self.results.hand_out(&finished, out)?;
        Ok(exit_of(&finished, self.results.on_inconclusive, out))
    }

    /// The target as the base of a duel.
    fn duel(&self, base: &Scenario, url: &str, folder: PathBuf, out: &Output) -> anyhow::Result<Exit> {
        // The environment may set them for all runs, of which this is none.
        let in_environment = std::env::var("LOADLINE_SLO").unwrap_or_default();
        let of_environment: Vec<Slo> = in_environment.split('\n').filter_map(|text| slo(text).ok()).collect();
        if !self.load.slo.is_empty() && self.load.slo != of_environment {
            return Err(UserError::input(
                "--slo is about one build, and --against compares two: leave one of them out, or judge the candidate by a `run` \
                 of its own",
            ));
        }
        let mut candidate = base.clone();
        if self.target.contains("://") {
            let body = self.request.body.as_deref().map(body_text).transpose()?;
            let (method, headers) = (self.request.method(), &self.request.headers);
            let other = Scenario::for_url(url, method, headers, body.as_deref()).map_err(UserError::input)?;
            let is_bare =
                url.split("://").nth(1).is_some_and(|rest| !rest.trim_end_matches('/').contains('/'));
            let path = |scenario: &Scenario| scenario.requests().first().map(|one| one.url.clone());
            if !is_bare && path(&other) != path(base) {
                return Err(UserError::input(
                    "TARGET and --against have different paths; give --against without one",
                ));
            }
            candidate.target = other.target;
        } else {
            candidate.set_target(url).map_err(UserError::input)?;
        }
        let warmup = self.load.warmup.unwrap_or(loadline::duel::WARMUP);
        let judge = JudgeFlags {
            tolerance: self.duel.tolerance,
            confidence: self.duel.confidence,
            metrics: self.duel.metrics.clone(),
            max_time: self.duel.max_time.or(self.load.duration.map(|length| length + warmup)),
        };
        let options = judge.options(self.options(folder, StopHandle::new())?);
        let results = VerdictFlags { github: self.duel.github, ..self.results.of_duel()? };
        hold(base, &candidate, options, &results, out)
    }

    fn override_scenario(&self, scenario: &mut Scenario, out: &Output) -> anyhow::Result<()> {
        if scenario.load.is_none() && self.load.rate.is_none() && self.load.users.is_none() {
            out.say(format!(
                "no load given: {DEFAULT_RATE_PER_S}/s for 30s (change it with --rate or --users, --duration)"
            ));
            scenario.set_rate(DEFAULT_RATE_PER_S).map_err(UserError::input)?;
        }
        self.apply(scenario).map_err(UserError::input)
    }

    fn apply(&self, scenario: &mut Scenario) -> Result<(), OverrideError> {
        let load = &self.load;
        self.request.target.as_deref().map_or(Ok(()), |url| scenario.set_target(url))?;
        load.rate.map_or(Ok(()), |rate| scenario.set_rate(rate))?;
        load.users.map_or(Ok(()), |users| scenario.set_users(users))?;
        load.duration.map_or(Ok(()), |duration| scenario.set_duration(duration))?;
        load.warmup.map_or(Ok(()), |warmup| scenario.set_warmup(warmup))?;
        load.arrivals.map_or(Ok(()), |arrivals| scenario.set_arrivals(arrivals.into()))?;
        self.request.timeout.map_or(Ok(()), |timeout| scenario.set_timeout(timeout))?;
        if let Some(seed) = load.seed {
            scenario.set_seed(seed);
        }
        if !load.slo.is_empty() {
            scenario.set_slos(load.slo.clone())?;
        }
        Ok(())
    }

    fn options(&self, base: PathBuf, stop: StopHandle) -> anyhow::Result<RunOptions> {
        Ok(self.engine.apply(RunOptions {
            out: self.results.out.clone(),
            base,
            http: self.http.settings()?,
            command: headers::recorded(std::env::args()),
            metrics: self.resources.source()?,
            stop,
            ..RunOptions::default()
        }))
    }
}

impl RequestFlags {
    fn method(&self) -> &str {
        self.method.as_deref().unwrap_or(if self.body.is_some() { "POST" } else { "GET" })
    }

    /// The scenario that TARGET names, a file or a URL, and the folder that its files are relative to.
    pub(super) fn scenario(&self, target: &str) -> anyhow::Result<(Scenario, PathBuf)> {
        let request = self;
        if !target.contains("://") {
            if request.method.is_some() || request.body.is_some() || !request.headers.is_empty() {
                return Err(UserError::input(
                    "--method, --header and --body are for a URL; in a scenario file they stand with the request",
                ));
            }
            return input::scenario(Path::new(target));
        }
        let body = request.body.as_deref().map(body_text).transpose()?;
        let scenario = Scenario::for_url(target, request.method(), &request.headers, body.as_deref())
            .map_err(UserError::input)?;
        Ok((scenario, PathBuf::from(".")))
    }
}

impl From<Arrivals> for scenario::Arrivals {
    fn from(arrivals: Arrivals) -> Self {
        match arrivals {
            Arrivals::Uniform => scenario::Arrivals::Uniform,
            Arrivals::Poisson => scenario::Arrivals::Poisson,
        }
    }
}

fn body_text(body: &str) -> anyhow::Result<String> {
    match body.strip_prefix('@') {
        Some(path) => input::text(Path::new(path)),
        None => Ok(body.to_owned()),
    }
}

/// The first Ctrl-C (or termination) ends the run in order, the second at once.
pub(crate) fn interrupt_on_ctrl_c(stop: StopHandle) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _guard = runtime.enter();
    let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    runtime.spawn(stop_on(interrupt, stop.clone()));
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || runtime.block_on(stop_on(terminate, stop)))?;
    Ok(())
}

async fn stop_on(mut signal: Signal, stop: StopHandle) {
    while signal.recv().await.is_some() {
        let again = stop.requested().is_some_and(|word| word >= Stop::Interrupted);
        stop.request(if again { Stop::AtOnce } else { Stop::Interrupted });
    }
}

/// The exit code; where several hold, the first of 1, 130, 6, 3, 5, 0.
fn exit_of(finished: &FinishedRun, on_inconclusive: OnInconclusive, out: &Output) -> Exit {
    let FinishedRun { document, summary, unreachable, no_connection, .. } = finished;
    if *unreachable {
        let why = no_connection.as_deref();
        talk(format_args!("error: {}", unreachable_message(&document.target, summary, why)));
        return Exit::Failed;
    }
    if summary.status == Status::Interrupted {
        out.say("interrupted; what was measured until then is written");
        return Exit::Interrupted;
    }
    match (summary.validity.verdict, summary.verdict) {
        (ValidityVerdict::GeneratorLimited, _) => Exit::Invalid,
        (_, Some(Verdict::Fail)) => Exit::Gate,
        (_, Some(Verdict::Inconclusive)) if on_inconclusive == OnInconclusive::Fail => Exit::Inconclusive,
        _ => Exit::Done,
    }
}

fn unreachable_message(target: &str, summary: &Summary, why: Option<&str>) -> String {
    // In a warm-up nothing is counted.
    let of = if summary.requests > 0 { format!("of {} attempts ", summary.requests) } else { String::new() };
    let why = why.map(|why| format!("\n  {why}")).unwrap_or_default();
    format!(
        "{target} is unreachable: none {of}got a connection; is it running, and is the address right?{why}"
    )
}
