//! `loadline compare`: the verdict between two groups of runs.

use std::path::PathBuf;

use loadline::analysis::changes::{changes, series_columns};
use loadline::analysis::compare::{Groups, Options, compare};
use loadline::model::run_table::RunTable;
use loadline::render::comparison::Page;
use loadline::runs::{Gatherer, RunsError};

use super::exit::{Exit, UserError, sort_directory};
use super::output::Output;
use super::verdict::VerdictFlags;

/// Judge whether a change made a service slower, smaller or less reliable
///
/// Runs are run directories, baselines, folders of them, or CSV tables with one row a run; `-` is a CSV on stdin. A metric
/// passes where it is shown to be within the tolerance, and regresses where it is shown to be worse by more. In a table
/// every column of numbers is a metric, such as the CPU time per request of a service.
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
    /// A metric of which more is better (repeatable; names with throughput, hits or success in them, and those that end with
    /// `_per_s`, tell so themselves)
    #[arg(long, value_delimiter = ',', value_name = "COL")]
    higher_is_better: Vec<String>,
    /// A metric of which less is better, whatever its name says (repeatable)
    #[arg(long, value_delimiter = ',', value_name = "COL")]
    lower_is_better: Vec<String>,
    #[command(flatten)]
    results: VerdictFlags,
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

/// Fails where a table has rows about several things: their runs are no runs of one.
fn one_series(table: &RunTable) -> anyhow::Result<()> {
    let columns = series_columns(table);
    if columns.is_empty() {
        return Ok(());
    }
    Err(UserError::input(format!(
        "the rows are about several things: they differ in `{}`; a comparison is of runs of one, so keep the rows of one in \
         each file",
        columns.join("` and `")
    )))
}

impl Compare {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        self.results.check()?;
        let mut gatherer = Gatherer::default();
        let base = gatherer.gather(&self.base).map_err(sort_runs)?;
        let of_base = gatherer.take_responses();
        let candidate = gatherer.gather(&self.candidate).map_err(sort_runs)?;
        let responses = of_base.zip(gatherer.take_responses()).map(|(base, candidate)| [base, candidate]);
        let history = gatherer.gather_history(&self.history).map_err(sort_runs)?;
        [&base, &candidate, &history].into_iter().try_for_each(one_series)?;
        let options = Options {
            tolerance: self.tolerance,
            confidence: self.confidence,
            metrics: self.metrics.clone(),
            higher_is_better: self.higher_is_better.clone(),
            lower_is_better: self.lower_is_better.clone(),
        };
        let known = (!self.history.is_empty()).then_some(&history);
        let groups = Groups { base: &base, candidate: &candidate, history: known };
        let mut comparison = compare(groups, &options).map_err(UserError::input)?;
        comparison.notes.append(&mut gatherer.notes);
        let found = known.and_then(|history| changes(history, &[], self.confidence).ok());
        let page = Page {
            comparison: &comparison,
            responses: responses.as_ref(),
            runs: Some([&history, &base, &candidate]),
            changes: found.as_ref(),
        };
        self.results.write(&page, out)?;
        Ok(self.results.exit_of(&comparison))
    }
}
