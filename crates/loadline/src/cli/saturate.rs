//! `loadline saturate`: finds the highest load within the objectives and says how sure that is.

use std::path::PathBuf;
use std::time::Duration;

use loadline::generator::schedule::Arrivals as Spread;
use loadline::generator::stop::StopHandle;
use loadline::model::run::{LoadModel, Status, ValidityVerdict, Verdict};
use loadline::model::saturation::{SaturationDocument, SearchEnd};
use loadline::model::scenario::Scenario;
use loadline::model::slo::Slo;
use loadline::run::RunOptions;
use loadline::saturate::{FinishedSearch, MetricsSource, SaturateError, SaturateOptions};

use super::engine::EngineFlags;
use super::exit::{Exit, UserError, sort};
use super::http::HttpFlags;
use super::live_search::LiveSearch;
use super::output::{Output, talk};
use super::results::{OnInconclusive, ResultFlags};
use super::run::{Arrivals, RequestFlags, interrupt_on_ctrl_c, slo};
use super::{headers, input};

/// Users at most where the number is not given.
const USERS_MOST: u32 = 1000;

/// Find the highest load that a service sustains within its objectives, with an interval
///
/// TARGET is a scenario file or a URL. Steps of load rise until an objective breaks, then go where they tell most,
/// until a longer run at the capacity can confirm it and make the interval narrow enough. The run directory keeps all that was
/// measured and saturation.json; the report is written beside it as report.html.
///
/// A step is called kept or broken where all of its interval is on that side of the limit, otherwise unclear. The search
/// does not go by these words: it estimates the capacity from how far all steps were from the limit, each for as much as
/// it tells, and takes an unclear step as kept or broken only to say how far the next one may go.
///
/// Exit codes: 0 found (or kept up to --max-rate), 3 the capacity is below --require or no load keeps the objectives,
/// 5 inconclusive: the interval holds --require or, without it, is wider than ±25 %, or the time was spent before an
/// objective broke or was kept, 6 the generator was the bottleneck: the capacity is at least what was driven.
#[derive(Debug, clap::Args)]
pub(crate) struct Saturate {
    /// A scenario file, `-` for one on stdin, or a URL
    target: Option<String>,
    #[command(flatten)]
    search: SearchFlags,
    #[command(flatten)]
    evidence: EvidenceFlags,
    #[command(flatten)]
    request: RequestFlags,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    engine: EngineFlags,
    #[command(flatten)]
    results: ResultFlags,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Search")]
struct SearchFlags {
    /// An objective, such as 'p99 < 200ms' or 'error_rate < 0.1%'; may be repeated, replaces those of the file
    #[arg(long, value_name = "SLO", value_parser = slo)]
    slo: Vec<Slo>,
    /// How arrivals are spread, where rates are searched for; evenly spaced ones make a service look larger than it is
    /// [default: poisson]
    #[arg(long, value_enum, env = "LOADLINE_ARRIVALS")]
    arrivals: Option<Arrivals>,
    /// Search for the number of users in a closed loop instead, at most MOST [default: 1000]
    #[arg(long, value_name = "MOST", num_args = 0..=1, conflicts_with_all = ["min_rate", "max_rate"])]
    users: Option<Option<String>>,
    /// Half the width of the interval over the capacity at which to end, at least 2%
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = input::share, env = "LOADLINE_PRECISION")]
    precision: f64,
    /// Confidence of the interval
    #[arg(long, value_name = "SHARE", default_value = "90%", value_parser = input::share)]
    confidence: f64,
    /// How long the search may take; a backlog at its end is waited for no longer than --timeout
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = input::duration, env = "LOADLINE_MAX_TIME")]
    max_time: Duration,
    /// Never below this rate; the search begins there [default: begins at 10/s]
    #[arg(long, value_name = "RATE", value_parser = input::rate)]
    min_rate: Option<f64>,
    /// Never above this rate
    #[arg(long, value_name = "RATE", value_parser = input::rate)]
    max_rate: Option<f64>,
    /// Never more than this factor above the largest load that kept, or may have kept, the objectives
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0, value_parser = growth)]
    growth: f64,
    /// The least length of a step near the capacity, at least 3s
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = input::duration)]
    step: Duration,
    /// Cut a step short in which a larger share of requests fails; it counts as broken
    #[arg(long, value_name = "SHARE", default_value = "50%", value_parser = input::share)]
    abort_errors: f64,
    /// The capacity that is required, in flows of a scenario: the exit code says whether it is there
    #[arg(long, value_name = "RATE", value_parser = input::rate, env = "LOADLINE_REQUIRE")]
    require: Option<f64>,
    /// Fixes arrivals, data rows, think times and choices between flows
    #[arg(long, value_name = "N", env = "LOADLINE_SEED")]
    seed: Option<u64>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Resources")]
struct EvidenceFlags {
    /// Read how busy the service's resources are from its own /metrics (Prometheus text), once a second
    #[arg(long, value_name = "URL")]
    metrics: Option<String>,
    /// Read it from a Prometheus server instead, which scrapes the service at least twice a step
    #[arg(long, value_name = "URL", conflicts_with = "metrics")]
    prometheus: Option<String>,
    /// Only of series with these labels, such as 'job="shop"' [default: all that the server has]
    #[arg(long, value_name = "LABELS", requires = "prometheus", value_parser = input::matchers)]
    prometheus_match: Option<String>,
}

impl SearchFlags {
    /// Users send when they are ready.
    fn note_no_arrivals(&self, users: Option<u32>, out: &Output) {
        if users.is_some() && self.arrivals.is_some() {
            out.say(
                "note: --arrivals says nothing here: with --users a request is sent when its user is ready",
            );
        }
    }

    /// A requirement that the search may deny, but cannot show.
    fn note_out_of_reach(&self, out: &Output) {
        if let (Some(required), Some(most)) = (self.require, self.max_rate)
            && required > most
        {
            out.say(format!(
                "note: --require {required}/s is above --max-rate {most}/s: the search may show that it is not there, but \
                 never that it is"
            ));
        }
    }
}

fn growth(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 1.0 && value <= 10.0 => Ok(value),
        _ => Err("it has to be a factor above 1 and at most 10".into()),
    }
}

impl Saturate {
    pub(crate) fn run(mut self, out: &Output) -> anyhow::Result<Exit> {
        let users = self.users_most()?;
        let Some(target) = self.target.take() else {
            return Err(UserError::input("TARGET is missing: give a scenario file or a URL"));
        };
        let (mut scenario, base) = self.request.scenario(&target)?;
        self.override_scenario(&mut scenario)?;
        self.results.check_search()?;
        let stop = StopHandle::new();
        let options = self.options(base, users, stop.clone())?;
        options.course(&scenario).map_err(sorted)?;
        self.search.note_out_of_reach(out);
        self.search.note_no_arrivals(users, out);
        interrupt_on_ctrl_c(stop)?;
        let mut live = LiveSearch::new(out, users.is_some());
        let finished = loadline::saturate::saturate(&scenario, &options, |progress| live.show(progress))
            .map_err(sorted)?;
        live.close();
        self.results.hand_out_search(&finished, out)?;
        Ok(exit_of(&finished, self.results.on_inconclusive, out))
    }

    /// The most users, where users are searched for. `--users` alone may stand before TARGET.
    fn users_most(&mut self) -> anyhow::Result<Option<u32>> {
        let Some(most) = self.search.users.take() else { return Ok(None) };
        match most {
            None => Ok(Some(USERS_MOST)),
            Some(text) => match text.parse::<u32>() {
                Ok(most) if most > 1 => Ok(Some(most)),
                Err(_) if self.target.is_none() => {
                    self.target = Some(text);
                    Ok(Some(USERS_MOST))
                }
                _ => Err(UserError::input(format!(
                    "--users {text}: the most users has to be a whole number above 1"
                ))),
            },
        }
    }

    fn override_scenario(&self, scenario: &mut Scenario) -> anyhow::Result<()> {
        let mut apply = || {
            self.request.target.as_deref().map_or(Ok(()), |url| scenario.set_target(url))?;
            self.request.timeout.map_or(Ok(()), |timeout| scenario.set_timeout(timeout))?;
            if let Some(seed) = self.search.seed {
                scenario.set_seed(seed);
            }
            if self.search.slo.is_empty() { Ok(()) } else { scenario.set_slos(self.search.slo.clone()) }
        };
        apply().map_err(UserError::input)
    }

    fn options(
        &self,
        base: PathBuf,
        users: Option<u32>,
        stop: StopHandle,
    ) -> anyhow::Result<SaturateOptions> {
        let search = &self.search;
        let run = self.engine.apply(RunOptions {
            out: self.results.out.clone(),
            base,
            http: self.http.settings()?,
            command: headers::recorded(std::env::args()),
            stop,
            ..RunOptions::default()
        });
        Ok(SaturateOptions {
            run,
            model: if users.is_some() { LoadModel::Closed } else { LoadModel::Open },
            arrivals: match search.arrivals {
                Some(Arrivals::Uniform) => Spread::Uniform,
                Some(Arrivals::Poisson) | None => Spread::Poisson,
            },
            least: search.min_rate,
            most: users.map(f64::from).or(search.max_rate),
            growth: search.growth,
            precision: search.precision,
            confidence: search.confidence,
            max_time: search.max_time,
            step: search.step,
            abort_error_share: search.abort_errors,
            required_per_s: search.require,
            metrics: self.evidence.source()?,
        })
    }
}

impl EvidenceFlags {
    fn source(&self) -> anyhow::Result<Option<MetricsSource>> {
        source(self.metrics.as_ref(), self.prometheus.as_ref(), self.prometheus_match.as_ref())
    }
}

/// Where the service tells of its resources: a page of its own, or a Prometheus server.
pub(super) fn source(
    page: Option<&String>,
    prometheus: Option<&String>,
    matchers: Option<&String>,
) -> anyhow::Result<Option<MetricsSource>> {
    let checked = |url: &String| match url.split_once("://") {
        Some(("http" | "https", rest)) if !rest.is_empty() => Ok(url.clone()),
        _ => Err(UserError::input(format!("`{url}` is no URL; write it as http://127.0.0.1:9090/metrics"))),
    };
    Ok(match (page, prometheus) {
        (Some(url), _) => Some(MetricsSource::Page(checked(url)?)),
        (None, Some(url)) => {
            let matchers = matchers.cloned().unwrap_or_default();
            Some(MetricsSource::Prometheus { url: checked(url)?, matchers })
        }
        (None, None) => None,
    })
}

/// Sorts what went wrong into the user's and ours.
pub(super) fn sorted(error: SaturateError) -> anyhow::Error {
    match error {
        SaturateError::Journey(error) => sort(error),
        error => UserError::input(error),
    }
}

/// The exit code; where several hold, the first of 1, 130, 6, 3, 5, 0.
fn exit_of(finished: &FinishedSearch, on_inconclusive: OnInconclusive, out: &Output) -> Exit {
    let FinishedSearch { run, document, unreachable, no_connection, .. } = finished;
    if *unreachable {
        let why = no_connection.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        let target = &run.target;
        if document.steps.iter().any(|step| step.achieved_per_s > Some(0.0)) {
            talk(format_args!(
                "error: {target} stopped answering: no attempt gets a connection any more{why}"
            ));
        } else {
            talk(format_args!(
                "error: {target} is unreachable: no attempt got a connection{why}; is it running, and is the address right? \
                 (--target for that of a scenario)"
            ));
        }
        return Exit::Failed;
    }
    if document.status == Status::Interrupted {
        out.say("interrupted; what was measured until then is written");
        return Exit::Interrupted;
    }
    let inconclusive = if on_inconclusive == OnInconclusive::Fail { Exit::Inconclusive } else { Exit::Done };
    match (document.validity.verdict, document.verdict) {
        (ValidityVerdict::GeneratorLimited, _) => Exit::Invalid,
        (_, Some(Verdict::Fail)) => Exit::Gate,
        (_, Some(Verdict::Inconclusive)) => inconclusive,
        (_, Some(_)) => Exit::Done,
        (_, None) => without_requirement(document, inconclusive),
    }
}

fn without_requirement(document: &SaturationDocument, inconclusive: Exit) -> Exit {
    match document.end {
        _ if document.is_vague() => inconclusive,
        Some(SearchEnd::Converged | SearchEnd::Imprecise | SearchEnd::AtMaximum) => Exit::Done,
        Some(SearchEnd::NothingPasses) => Exit::Gate,
        Some(SearchEnd::GeneratorLimited) => Exit::Invalid,
        Some(SearchEnd::OutOfTime) | None => inconclusive,
    }
}
