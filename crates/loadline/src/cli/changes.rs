//! `loadline changes`: change points in a history of runs.

use std::path::PathBuf;

use loadline::analysis::changes::{Part, Parting, changes_of_parts, parts};
use loadline::model::diagnostic::nearest;
use loadline::render::comparison::{changes_html, changes_text};
use loadline::runs::Gatherer;

use super::compare::{share, sort_runs};
use super::exit::{Exit, UserError};
use super::output::{Output, check_writable};
use super::planning::Form;

/// Find lasting changes of level in a history of runs
///
/// HISTORY is a CSV with one row a run, in order of time or with a column `time`, and optionally a column `commit`;
/// or a folder of run directories. No change is placed inside a commit. Where a file holds several histories each is
/// looked at by itself.
#[derive(Debug, clap::Args)]
pub(crate) struct Changes {
    /// A CSV, `-` for one on stdin, or a folder of run directories
    #[arg(required = true, value_name = "HISTORY")]
    history: PathBuf,
    /// The metrics to look at, by their columns [default: all there are]
    #[arg(long, value_delimiter = ',', value_name = "NAMES", env = "LOADLINE_METRICS")]
    metrics: Vec<String>,
    /// The columns that part several histories in one file; none: it is one [default: found]
    #[arg(long, value_delimiter = ',', value_name = "COLS", env = "LOADLINE_SERIES")]
    series: Vec<String>,
    /// Only the history of this name (repeatable)
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// The confidence of the intervals, such as 95%
    #[arg(long, value_name = "SHARE", default_value = "95%", value_parser = share, env = "LOADLINE_CONFIDENCE")]
    confidence: f64,
    /// Print the changes as JSON
    #[arg(long)]
    json: bool,
    /// Write the report; the ending tells what: .html (the charted page), .json, .txt
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Changes {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let forms = [Form::Html, Form::Json, Form::Text];
        let form = self.output.as_deref().map_or(Ok(Form::Html), |file| Form::among(file, &forms))?;
        self.output.as_deref().map_or(Ok(()), check_writable)?;
        let mut gatherer = Gatherer::lenient();
        let table = gatherer.gather(&[self.history]).map_err(sort_runs)?;
        let parting = match self.series.as_slice() {
            [] => Parting::Found,
            [none] if none == "none" => Parting::Together,
            columns => Parting::By(columns.to_vec()),
        };
        let parts = only(parts(&table, &parting).map_err(UserError::input)?, &self.only)?;
        let document = changes_of_parts(&parts, &self.metrics, self.confidence).map_err(UserError::input)?;
        let json = serde_json::to_string_pretty(&document)? + "\n";
        if let Some(file) = &self.output {
            let report = match form {
                Form::Json => json.clone(),
                Form::Text => changes_text(&document),
                _ => changes_html(&parts, &document),
            };
            out.write(file, report.as_bytes())?;
            if file.as_os_str() == "-" {
                return Ok(Exit::Done);
            }
        }
        gatherer.notes.iter().for_each(|note| out.say(note));
        for run in parts.iter().flat_map(|(_, history)| &history.runs) {
            if let Some(why) = &run.invalid {
                out.say(format!("left out: {} ({why})", run.run));
            }
        }
        let text = match self.json {
            true => json,
            false if out.is_quiet() => String::new(),
            false => changes_text(&document),
        };
        out.print(text.as_bytes())?;
        Ok(Exit::Done)
    }
}

/// The histories asked for.
fn only(mut parts: Vec<Part>, wanted: &[String]) -> anyhow::Result<Vec<Part>> {
    let names = || parts.iter().filter_map(|(name, _)| name.as_deref());
    if let Some(unknown) = wanted.iter().find(|id| !names().any(|name| name == id.as_str())) {
        let help = match nearest(unknown, names()) {
            Some(name) => format!("did you mean `{name}`?"),
            None if names().next().is_none() => "it is a single one".to_owned(),
            None => format!("there are {}", names().take(10).collect::<Vec<_>>().join(", ")),
        };
        return Err(UserError::input(format!("the file has no history `{unknown}`; {help}")));
    }
    if !wanted.is_empty() {
        parts.retain(|(name, _)| name.as_ref().is_some_and(|name| wanted.contains(name)));
    }
    Ok(parts)
}
