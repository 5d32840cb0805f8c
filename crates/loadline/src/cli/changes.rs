//! `loadline changes`: change points in a history of runs.

use std::path::PathBuf;

use loadline::analysis::changes::changes;
use loadline::render::comparison::{changes_html, changes_text};
use loadline::runs::Gatherer;

use super::compare::{share, sort_runs};
use super::exit::{Exit, UserError};
use super::output::{Output, check_writable};

/// Find lasting changes of level in a history of runs
///
/// HISTORY is a CSV with one row a run, in order of time or with a column `time`, and optionally a column `commit`;
/// or a folder of run directories. No change is placed inside a commit.
#[derive(Debug, clap::Args)]
pub(crate) struct Changes {
    /// A CSV, `-` for one on stdin, or a folder of run directories
    #[arg(required = true, value_name = "HISTORY")]
    history: PathBuf,
    /// The metrics to look at, by their columns [default: all there are]
    #[arg(long, value_delimiter = ',', value_name = "NAMES", env = "LOADLINE_METRICS")]
    metrics: Vec<String>,
    /// The confidence of the intervals, such as 95%
    #[arg(long, value_name = "SHARE", default_value = "95%", value_parser = share, env = "LOADLINE_CONFIDENCE")]
    confidence: f64,
    /// Print the changes as JSON
    #[arg(long)]
    json: bool,
    /// Write the charted page
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Changes {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        self.output.as_deref().map_or(Ok(()), check_writable)?;
        let mut gatherer = Gatherer::default();
        let table = gatherer.gather(&[self.history]).map_err(sort_runs)?;
        let document = changes(&table, &self.metrics, self.confidence).map_err(UserError::input)?;
        if let Some(file) = &self.output {
            out.write(file, changes_html(&table, &document).as_bytes())?;
            if file.as_os_str() == "-" {
                return Ok(Exit::Done);
            }
        }
        gatherer.notes.iter().for_each(|note| out.say(format!("note: {note}")));
        let text = match self.json {
            true => format!("{}\n", serde_json::to_string_pretty(&document)?),
            false => changes_text(&document),
        };
        out.print(text.as_bytes())?;
        Ok(Exit::Done)
    }
}
