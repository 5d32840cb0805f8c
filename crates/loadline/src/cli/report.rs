//! `loadline report`: the charted report again, from run directories.

use std::path::{Path, PathBuf};

use loadline::model::run::{RunDocument, Status};
use loadline::render::run;

use super::exit::{Exit, UserError, sort_directory};
use super::output::Output;
use super::planning::write_charts;

/// Make the report of a run again from its directory, for a run that was killed as well
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// Run directories
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Where to; the ending tells what: .html, .md, .json, .png, .svg (a folder of charts); - prints JSON
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
}

impl Report {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let [directory] = self.directories.as_slice() else {
            return self.many(out);
        };
        render(directory, &self.output, out)?;
        Ok(Exit::Done)
    }

    /// Several runs make an array of summaries.
    fn many(&self, out: &Output) -> anyhow::Result<Exit> {
        if !is_json(&self.output) {
            let message = "several runs can be reported as JSON only; give `-o FILE.json`, or one directory";
            return Err(UserError::input(message));
        }
        let mut summaries = Vec::new();
        for directory in &self.directories {
            summaries.push(loadline::report::summarise(directory).map_err(sort_directory)?.1);
        }
        out.write(&self.output, format!("{}\n", serde_json::to_string_pretty(&summaries)?).as_bytes())?;
        Ok(Exit::Done)
    }
}

fn is_json(path: &Path) -> bool {
    path == Path::new("-") || ending(path) == "json"
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}

/// Writes the report of a run directory in the form that the ending of `path` asks for.
pub(crate) fn render(directory: &Path, path: &Path, out: &Output) -> anyhow::Result<()> {
    if is_json(path) {
        let (document, summary) = loadline::report::summarise(directory).map_err(sort_directory)?;
        note_incomplete(&document, out);
        return out.write(path, format!("{}\n", serde_json::to_string_pretty(&summary)?).as_bytes());
    }
    let form = ending(path);
    if !["html", "md", "png", "svg", "xml"].contains(&form) {
        return Err(UserError::input(format!(
            "{}: the ending says what to write: .html, .md, .json, .png, .xml (JUnit) or .svg (a folder of charts)",
            path.display()
        )));
    }
    let view = loadline::report::view(directory).map_err(sort_directory)?;
    note_incomplete(&view.run, out);
    match form {
        "html" => out.write(path, run::html(&view).as_bytes()),
        "md" => out.write(path, run::markdown(&view).as_bytes()),
        "png" => out.write(path, &run::png(&view)),
        "xml" => out.write(path, run::junit(&view.summary).as_bytes()),
        _ => write_charts(path, &run::charts(&view), out),
    }
}

fn note_incomplete(document: &RunDocument, out: &Output) {
    if document.status == Status::Incomplete {
        out.say(format!(
            "note: the run is incomplete: {}",
            document.ended_by.as_deref().unwrap_or("it ended early")
        ));
    }
}
