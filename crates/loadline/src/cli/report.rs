//! `loadline report`: the charted report again, from run directories.

use std::path::{Path, PathBuf};

use loadline::model::run::{RunDocument, Status};
use loadline::model::saturation::SaturationDocument;
use loadline::render::comparison::Page;
use loadline::render::{run, saturation};

use super::exit::{Exit, UserError, sort_directory};
use super::output::Output;
use super::planning::{Form, write_charts};
use super::results::OnInconclusive;
use super::verdict;

/// Make the report of a run, a search or a duel again from its directory, for one that was killed as well
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// Run directories, or a comparison that `compare --json` printed
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Where to; the ending tells what: .html, .md, .json, .xml (JUnit), for runs and searches .png and .svg (a
    /// folder of charts), for comparisons .txt; - prints JSON [default: report.html in DIR]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Report {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let [directory] = self.directories.as_slice() else {
            return self.many(out);
        };
        let usual = || match directory.is_file() {
            true => directory.with_extension("html"),
            false => directory.join("report.html"),
        };
        let output = self.output.clone().unwrap_or_else(usual);
        render(directory, &output, out)?;
        if output != Path::new("-") {
            out.say(format!("report: {}", output.display()));
        }
        Ok(Exit::Done)
    }

    /// Several runs make an array of summaries.
    fn many(&self, out: &Output) -> anyhow::Result<Exit> {
        let Some(output) =
            self.output.as_deref().filter(|output| matches!(Form::among(output, &FORMS), Ok(Form::Json)))
        else {
            let message = "several runs can be reported as JSON only; give `-o FILE.json`, or one directory";
            return Err(UserError::input(message));
        };
        let mut summaries = Vec::new();
        for directory in &self.directories {
            summaries.push(loadline::report::summarise(directory).map_err(sort_directory)?.1);
        }
        out.write(output, json(&summaries)?.as_bytes())?;
        Ok(Exit::Done)
    }
}

/// What a report can be written as.
const FORMS: [Form; 6] = [Form::Json, Form::Html, Form::Markdown, Form::Junit, Form::Svg, Form::Png];
const FORMS_OF_A_COMPARISON: [Form; 5] = [Form::Json, Form::Html, Form::Markdown, Form::Junit, Form::Text];

/// Writes the report of a run directory, or of a comparison, in the form that the ending of `path` asks for.
pub(crate) fn render(directory: &Path, path: &Path, out: &Output) -> anyhow::Result<()> {
    if let Some(comparison) = loadline::report::comparison(directory).map_err(sort_directory)? {
        return render_comparison(&Page::of(&comparison), path, out);
    }
    if let Some((document, run)) = loadline::report::saturation(directory).map_err(sort_directory)? {
        return render_saturation(&document, &run, path, out);
    }
    if let Some(duel) = loadline::report::duel(directory).map_err(sort_directory)? {
        note_incomplete(&duel.run, out);
        let page = Page { responses: Some(&duel.responses), ..Page::of(&duel.comparison) };
        return render_comparison(&page, path, out);
    }
    let form = Form::among(path, &FORMS)?;
    if form == Form::Json {
        let (document, summary) = loadline::report::summarise(directory).map_err(sort_directory)?;
        note_incomplete(&document, out);
        return out.write(path, json(&summary)?.as_bytes());
    }
    let view = loadline::report::view(directory).map_err(sort_directory)?;
    note_incomplete(&view.run, out);
    match form {
        Form::Markdown => out.write(path, run::markdown(&view).as_bytes()),
        Form::Png => out.write(path, &run::png(&view)),
        Form::Junit => out.write(path, run::junit(&view.summary).as_bytes()),
        Form::Svg => write_charts(path, &run::charts(&view), out),
        _ => out.write(path, run::html(&view).as_bytes()),
    }
}

/// The same for the directory of a search.
fn render_saturation(
    document: &SaturationDocument,
    run: &RunDocument,
    path: &Path,
    out: &Output,
) -> anyhow::Result<()> {
    let form = Form::among(path, &FORMS)?;
    note_incomplete(run, out);
    match form {
        Form::Json => out.write(path, json(document)?.as_bytes()),
        Form::Markdown => out.write(path, saturation::markdown(document, run).as_bytes()),
        Form::Junit => out.write(path, saturation::junit(document).as_bytes()),
        Form::Svg => write_charts(path, &saturation::charts(document), out),
        Form::Png => out.write(path, &saturation::png(document, run)),
        _ => out.write(path, saturation::html(document, run).as_bytes()),
    }
}

/// The same for a duel, or for what `compare --json` printed.
fn render_comparison(page: &Page<'_>, path: &Path, out: &Output) -> anyhow::Result<()> {
    let form = Form::among(path, &FORMS_OF_A_COMPARISON)?;
    out.write(path, verdict::written(page, form, OnInconclusive::Fail)?.as_bytes())
}

fn json(document: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

fn note_incomplete(document: &RunDocument, out: &Output) {
    if document.status == Status::Incomplete {
        out.say(format!(
            "note: the run is incomplete: {}",
            document.ended_by.as_deref().unwrap_or("it ended early")
        ));
    }
}
