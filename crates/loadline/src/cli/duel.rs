//! `loadline duel`: two builds in one run, until it is clear whether they differ.

use std::path::{Path, PathBuf};
use std::time::Duration;

use loadline::analysis::compare::duel::Rules;
use loadline::duel::{DuelError, DuelOptions, FinishedDuel, duel};
use loadline::model::comparison::DuelEnd;
use loadline::model::scenario::{self, Scenario};
use loadline::render::comparison::Page;
use loadline::run::RunOptions;

use super::compare::share;
use super::engine::EngineFlags;
use super::exit::{Exit, UserError, sort};
use super::http::HttpFlags;
use super::live::Live;
use super::output::{Output, talk};
use super::run::{Arrivals, DEFAULT_RATE_PER_S, interrupt_on_ctrl_c};
use super::verdict::VerdictFlags;
use super::{headers, input};

/// Load two builds together and judge whether the candidate is worse
///
/// Each build gets the scenario's whole load at the same time, request by request in an order drawn by lot, so that
/// noise of the machine is in both and cancels. The duel ends as soon as the case is clear, and looking after every
/// second costs no confidence. The measured part of the load is repeated until then.
#[derive(Debug, clap::Args)]
pub(crate) struct Duel {
    /// Where the base is: a URL
    base: String,
    /// Where the candidate is
    candidate: String,
    /// A scenario file, `-` for one on stdin, or a path such as /products for a plain GET [default: the path of the URLs]
    scenario: Option<String>,
    #[command(flatten)]
    judge: JudgeFlags,
    #[command(flatten)]
    load: LoadFlags,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    engine: EngineFlags,
    /// The run directory, new or empty [default: runs/<name>-<time>-<id>]
    #[arg(long, value_name = "DIR", env = "LOADLINE_OUT", help_heading = "Results")]
    out: Option<PathBuf>,
    #[command(flatten)]
    results: VerdictFlags,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Verdict")]
pub(super) struct JudgeFlags {
    /// The change that does not matter, such as 2%; 0 asks for any change at all [default: 2%]
    ///
    /// A candidate that is shown to fail more often, by more than this share of the base's rate, has regressed, however small
    /// the rates. Where that is not shown, error rates pass once they are shown to differ by less than half a point, which
    /// takes some 1,900 requests a side without an error.
    #[arg(long, value_name = "SHARE", value_parser = share, env = "LOADLINE_TOLERANCE")]
    pub(super) tolerance: Option<f64>,
    /// The confidence of the verdict, such as 99% [default: 99%]
    #[arg(long, value_name = "SHARE", value_parser = share, env = "LOADLINE_CONFIDENCE")]
    pub(super) confidence: Option<f64>,
    /// The metrics to judge: quantiles such as p50 or p99.9, mean, error_rate, throughput [default: p50,p90,error_rate]
    #[arg(long, value_delimiter = ',', value_name = "NAMES", env = "LOADLINE_METRICS")]
    pub(super) metrics: Vec<String>,
    /// When it ends at the latest [default: 3m]
    #[arg(long, value_name = "TIME", value_parser = input::duration)]
    pub(super) max_time: Option<Duration>,
}

impl JudgeFlags {
    /// A duel that is judged so.
    pub(super) fn options(&self, run: RunOptions) -> DuelOptions {
        let usual = DuelOptions::default();
        let metrics =
            if self.metrics.is_empty() { usual.rules.metrics.clone() } else { self.metrics.clone() };
        DuelOptions {
            rules: Rules {
                tolerance: self.tolerance.unwrap_or(usual.rules.tolerance),
                confidence: self.confidence.unwrap_or(usual.rules.confidence),
                metrics,
            },
            max_time: self.max_time.unwrap_or(usual.max_time),
            run,
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Load")]
struct LoadFlags {
    /// Arrivals of flows per second and build, such as 500/s (open model)
    #[arg(long, value_name = "RATE", value_parser = input::rate, env = "LOADLINE_RATE", conflicts_with = "users")]
    rate: Option<f64>,
    /// How arrivals are spread [default: uniform]
    #[arg(long, value_enum, env = "LOADLINE_ARRIVALS")]
    arrivals: Option<Arrivals>,
    /// Users of each build who wait for each answer (closed model)
    #[arg(long, value_name = "N", env = "LOADLINE_USERS")]
    users: Option<u32>,
    /// Load that does not count, before the rest [default: that of the scenario, else 2s]
    #[arg(long, value_name = "TIME", value_parser = input::duration, env = "LOADLINE_WARMUP")]
    warmup: Option<Duration>,
    /// Fixes arrivals, lots, data rows, think times and choices between flows
    #[arg(long, value_name = "N", env = "LOADLINE_SEED")]
    seed: Option<u64>,
    /// Longest time from sending to the last byte of the answer [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = input::duration, env = "LOADLINE_TIMEOUT")]
    timeout: Option<Duration>,
}

impl Duel {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let ([mut base, mut candidate], folder) = self.scenarios()?;
        if base.load.is_none() && self.load.rate.is_none() && self.load.users.is_none() {
            out.say(format!(
                "no load given: {DEFAULT_RATE_PER_S}/s for each build (change it with --rate or --users)"
            ));
            base.set_rate(DEFAULT_RATE_PER_S).map_err(UserError::input)?;
        }
        self.load.apply(&mut base).map_err(UserError::input)?;
        candidate = Scenario { target: candidate.target, ..base.clone() };
        self.results.check()?;
        let options = self.judge.options(self.engine.apply(RunOptions {
            out: self.out.clone(),
            base: folder,
            http: self.http.settings()?,
            command: headers::recorded(std::env::args()),
            ..RunOptions::default()
        }));
        hold(&base, &candidate, options, &self.results, out)
    }

    /// The scenario with the base's and with the candidate's target, and the folder its files are relative to.
    fn scenarios(&self) -> anyhow::Result<([Scenario; 2], PathBuf)> {
        let urls = [&self.base, &self.candidate];
        let path = self.scenario.as_deref();
        if let Some(file) = path.filter(|path| !path.starts_with('/') || Path::new(path).is_file()) {
            let (scenario, folder) = input::scenario(Path::new(file))?;
            let both = urls.map(|url| {
                let mut one = scenario.clone();
                one.set_target(url).map(|()| one).map_err(UserError::input)
            });
            let [base, candidate] = both;
            return Ok(([base?, candidate?], folder));
        }
        let of = |url: &String| {
            let url = path.map_or(url.clone(), |path| format!("{}{path}", url.trim_end_matches('/')));
            Scenario::for_url(&url, "GET", &[], None).map_err(UserError::input)
        };
        let [base, candidate] = urls.map(of);
        let (base, candidate) = (base?, candidate?);
        if base.requests().first().map(|one| &one.url) != candidate.requests().first().map(|one| &one.url) {
            return Err(UserError::input(
                "base and candidate have different paths; give the URLs without one, and the path (or a scenario) as the third argument",
            ));
        }
        Ok(([base, candidate], PathBuf::from(".")))
    }
}

/// Holds a duel and hands out what came of it.
pub(super) fn hold(
    base: &Scenario,
    candidate: &Scenario,
    options: DuelOptions,
    results: &VerdictFlags,
    out: &Output,
) -> anyhow::Result<Exit> {
    interrupt_on_ctrl_c(options.run.stop.clone())?;
    let mut live = Live::new(out);
    let finished = duel(base, candidate, options, |progress| live.show(progress)).map_err(sort_duel)?;
    live.close();
    let FinishedDuel { comparison, responses, run, unreachable } = &finished;
    let silent = [base, candidate].into_iter().zip(unreachable).find(|(_, silent)| **silent);
    if let Some((side, _)) = silent {
        let url = scenario::strike_url(&side.target.value);
        talk(format_args!(
            "error: {url} is unreachable: no attempt got a connection; is it running, and is the address right?"
        ));
        return Ok(Exit::Failed);
    }
    let page = Page { responses: Some(responses), ..Page::of(comparison) };
    let (document, report) = (run.directory.join("comparison.json"), run.directory.join("report.html"));
    out.write(&document, format!("{}\n", serde_json::to_string_pretty(comparison)?).as_bytes())?;
    out.write(&report, loadline::render::comparison::html(&page).as_bytes())?;
    out.say(format!("report: {}", report.display()));
    results.write(&page, out)?;
    if comparison.duel.as_ref().is_some_and(|duel| duel.ended == DuelEnd::Interrupted) {
        out.say("interrupted; what was measured until then is written");
        return Ok(Exit::Interrupted);
    }
    Ok(results.exit_of(comparison))
}

impl LoadFlags {
    fn apply(&self, scenario: &mut Scenario) -> Result<(), scenario::OverrideError> {
        self.rate.map_or(Ok(()), |rate| scenario.set_rate(rate))?;
        self.users.map_or(Ok(()), |users| scenario.set_users(users))?;
        self.warmup.map_or(Ok(()), |warmup| scenario.set_warmup(warmup))?;
        self.arrivals.map_or(Ok(()), |arrivals| scenario.set_arrivals(arrivals.into()))?;
        self.timeout.map_or(Ok(()), |timeout| scenario.set_timeout(timeout))?;
        if let Some(seed) = self.seed {
            scenario.set_seed(seed);
        }
        Ok(())
    }
}

fn sort_duel(error: DuelError) -> anyhow::Error {
    match error {
        DuelError::Run(error) => sort(error),
        error => UserError::input(error),
    }
}
