//! `loadline report`: the charted report again, from run directories.

use std::path::{Path, PathBuf};

use loadline::model::run::{RunDocument, Status};
use loadline::model::saturation::SaturationDocument;
use loadline::render::{run, saturation};

use super::exit::{Exit, UserError, sort_directory};
use super::output::{Output, is_stdout};
use super::planning::write_charts;

/// Make the report of a run again from its directory, for a run that was killed as well
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// Run directories
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Where to; the ending tells what: .html, .md, .json, .png, .xml (JUnit), .svg (a folder of charts); - prints
    /// JSON [default: report.html in DIR]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Report {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let [directory] = self.directories.as_slice() else {
            return self.many(out);
        };
        let output = self.output.clone().unwrap_or_else(|| directory.join("report.html"));
        render(directory, &output, out)?;
        if output != Path::new("-") {
            out.say(format!("report: {}", output.display()));
        }
        Ok(Exit::Done)
    }

    /// Several runs make an array of summaries.
    fn many(&self, out: &Output) -> anyhow::Result<Exit> {
        let Some(output) = self.output.as_deref().filter(|output| is_json(output)) else {
            let message = "several runs can be reported as JSON only; give `-o FILE.json`, or one directory";
            return Err(UserError::input(message));
        };
        let mut summaries = Vec::new();
        for directory in &self.directories {
            summaries.push(loadline::report::summarise(directory).map_err(sort_directory)?.1);
        }
        out.write(output, format!("{}\n", serde_json::to_string_pretty(&summaries)?).as_bytes())?;
        Ok(Exit::Done)
    }
}

fn is_json(path: &Path) -> bool {
    is_stdout(path) || ending(path) == "json"
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}

/// Writes the report of a run directory in the form that the ending of `path` asks for.
pub(crate) fn render(directory: &Path, path: &Path, out: &Output) -> anyhow::Result<()> {
    if let Some((document, run)) = loadline::report::saturation(directory).map_err(sort_directory)? {
        return render_saturation(&document, &run, path, out);
    }
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

/// The same for the directory of a search.
fn render_saturation(
    document: &SaturationDocument,
    run: &RunDocument,
    path: &Path,
    out: &Output,
) -> anyhow::Result<()> {
    note_incomplete(run, out);
    match ending(path) {
        _ if is_json(path) => {
            out.write(path, format!("{}\n", serde_json::to_string_pretty(document)?).as_bytes())
        }
        "html" => out.write(path, saturation::html(document, run).as_bytes()),
        "md" => out.write(path, saturation::markdown(document, run).as_bytes()),
        "xml" => out.write(path, saturation::junit(document).as_bytes()),
        "svg" => write_charts(path, &saturation::charts(document), out),
        _ => Err(UserError::input(format!(
            "{}: the ending says what to write of a search: .html, .md, .json, .xml (JUnit) or .svg (a folder of charts)",
            path.display()
        ))),
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
