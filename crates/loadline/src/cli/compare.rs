//! `loadline compare`: the verdict between two groups of runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use loadline::analysis::compare::{Groups, Options, compare};
use loadline::model::comparison::{Comparison, Verdict};
use loadline::render::comparison::{annotations, junit, markdown, text};
use loadline::runs::{Gatherer, RunsError};

use super::exit::{Exit, UserError, sort_directory};
use super::output::{Output, check_writable, talk};

/// Judge whether a change made a service slower, smaller or less reliable
///
/// Runs are run directories, folders of them, or CSV tables with one row a run; `-` is a CSV on stdin. A metric
/// passes where it is shown to be within the tolerance, and regresses where it is shown to be worse by more.
#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// Runs of the base
    #[arg(required = true, value_name = "BASE")]
    base: Vec<PathBuf>,
    /// Runs of the candidate
    #[arg(long, required = true, num_args = 1.., value_name = "NEW")]
    candidate: Vec<PathBuf>,
    /// Earlier runs of the same thing, which tell how large noise and drift usually are
    #[arg(long, num_args = 1.., value_name = "FILE")]
    history: Vec<PathBuf>,
    /// The change that does not matter, such as 5%; 0 asks for any change at all
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share, env = "LOADLINE_TOLERANCE")]
    tolerance: f64,
    /// The metrics to judge, with or without their unit [default: all there are]
    #[arg(long, value_delimiter = ',', value_name = "NAMES", env = "LOADLINE_METRICS")]
    metrics: Vec<String>,
    /// The confidence of the intervals, such as 95%
    #[arg(long, value_name = "SHARE", default_value = "95%", value_parser = share, env = "LOADLINE_CONFIDENCE")]
    confidence: f64,
    /// A metric of which more is better (repeatable; throughput and rates are known to be)
    #[arg(long, value_delimiter = ',', value_name = "COL")]
    higher_is_better: Vec<String>,
    /// Whether to pass when the runs do not tell
    #[arg(long, value_enum, default_value = "fail", env = "LOADLINE_ON_INCONCLUSIVE")]
    on_inconclusive: OnInconclusive,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write Markdown, for a pull request's comment
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Print GitHub annotations on stderr, and append Markdown to the file in GITHUB_STEP_SUMMARY where it is set
    #[arg(long)]
    github: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnInconclusive {
    Pass,
    Fail,
}

/// `5%` or `0.05`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is no share; write a percentage such as 5%, or a fraction such as 0.05");
    let number =
        |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    match text.trim().strip_suffix('%') {
        Some(percent) => number(percent).map(|value| value / 100.0).ok_or_else(wrong),
        None => number(text).filter(|value| *value <= 1.0).ok_or_else(wrong),
    }
}

/// Sorts the errors of gathering runs into the user's and ours.
pub(super) fn sort_runs(error: RunsError) -> anyhow::Error {
    match error {
        RunsError::Directory(error) => sort_directory(error),
        error => UserError::input(error),
    }
}

impl Compare {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        for file in [&self.junit, &self.markdown].into_iter().flatten() {
            check_writable(file)?;
        }
        let mut gatherer = Gatherer::default();
        let base = gatherer.gather(&self.base).map_err(sort_runs)?;
        let candidate = gatherer.gather(&self.candidate).map_err(sort_runs)?;
        let history = gatherer.gather_history(&self.history).map_err(sort_runs)?;
        let options = Options {
            tolerance: self.tolerance,
            confidence: self.confidence,
            metrics: self.metrics.clone(),
            higher_is_better: self.higher_is_better.clone(),
        };
        let history = (!self.history.is_empty()).then_some(&history);
        let groups = Groups { base: &base, candidate: &candidate, history };
        let mut comparison = compare(groups, &options).map_err(UserError::input)?;
        comparison.notes.append(&mut gatherer.notes);
        self.write(&comparison, out)?;
        Ok(exit_of(comparison.verdict, self.on_inconclusive))
    }

    fn write(&self, comparison: &Comparison, out: &Output) -> anyhow::Result<()> {
        if let Some(file) = &self.junit {
            out.write(file, junit(comparison).as_bytes())?;
        }
        if let Some(file) = &self.markdown {
            out.write(file, markdown(comparison).as_bytes())?;
        }
        if self.github {
            talk(annotations(comparison).trim_end());
            if let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) {
                let append = || {
                    OpenOptions::new()
                        .append(true)
                        .create(true)
                        .open(&file)?
                        .write_all(markdown(comparison).as_bytes())
                };
                append().context("failed to append to the file in GITHUB_STEP_SUMMARY")?;
            }
        }
        if self.json {
            return out.print(format!("{}\n", serde_json::to_string_pretty(comparison)?).as_bytes());
        }
        let taken = [&self.junit, &self.markdown].into_iter().flatten().any(|file| file.as_os_str() == "-");
        if taken { Ok(()) } else { out.print(text(comparison, out.colour_stdout()).as_bytes()) }
    }
}

fn exit_of(verdict: Verdict, on_inconclusive: OnInconclusive) -> Exit {
    match verdict {
        Verdict::Pass | Verdict::Improved => Exit::Done,
        Verdict::Regressed => Exit::Regressed,
        Verdict::Inconclusive if on_inconclusive == OnInconclusive::Pass => Exit::Done,
        Verdict::Inconclusive => Exit::Inconclusive,
        Verdict::Invalid => Exit::Invalid,
    }
}
