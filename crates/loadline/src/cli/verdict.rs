//! What `compare` and `duel` hand out: the verdict for people, for CI and as an exit code.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use loadline::model::comparison::{Comparison, Verdict};
use loadline::render::comparison::{Page, annotations, html, junit, markdown, openmetrics, text};

use super::exit::Exit;
use super::output::{Output, check_writable, is_stdout, talk};
use super::planning::Form;
use super::results::OnInconclusive;

/// What --output can write; `-` is the first.
const FORMS: [Form; 5] = [Form::Html, Form::Markdown, Form::Json, Form::Junit, Form::Text];

/// Where a verdict goes.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Results")]
pub(super) struct VerdictFlags {
    /// Whether to pass when the figures do not tell
    #[arg(long, value_enum, default_value = "fail", env = "LOADLINE_ON_INCONCLUSIVE")]
    pub(super) on_inconclusive: OnInconclusive,
    /// Print the comparison as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Write the report; the ending tells what: .html (the charted page), .md, .json, .xml (JUnit), .txt
    #[arg(long, short, value_name = "FILE", visible_alias = "report")]
    pub(super) output: Option<PathBuf>,
    /// Write JUnit XML, one case per metric
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Write Markdown, for a pull request's comment
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,
    /// Write OpenMetrics text, for GitLab's metrics reports
    #[arg(long, value_name = "FILE")]
    pub(super) openmetrics: Option<PathBuf>,
    /// Print GitHub annotations on stderr, and append Markdown to the file in GITHUB_STEP_SUMMARY where it is set
    #[arg(long)]
    pub(super) github: bool,
}

impl VerdictFlags {
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.output, &self.junit, &self.markdown, &self.openmetrics].into_iter().flatten()
    }

    /// Fails early where a file cannot be written later.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.output.as_deref().map_or(Ok(Form::Html), |file| Form::among(file, &FORMS))?;
        self.files().try_for_each(|file| check_writable(file))
    }

    /// Hands everything out.
    pub(super) fn write(&self, page: &Page<'_>, out: &Output) -> anyhow::Result<()> {
        let comparison = page.comparison;
        let write = |file: &Option<PathBuf>, form: Form| match file {
            Some(file) => out.write(file, written(page, form, self.on_inconclusive)?.as_bytes()),
            None => Ok(()),
        };
        let form = self.output.as_deref().map_or(Ok(Form::Html), |file| Form::among(file, &FORMS))?;
        write(&self.output, form)?;
        write(&self.junit, Form::Junit)?;
        write(&self.markdown, Form::Markdown)?;
        if let Some(file) = &self.openmetrics {
            out.write(file, openmetrics(comparison).as_bytes())?;
        }
        if self.github {
            talk(annotations(comparison).trim_end());
            append_step_summary(&markdown(comparison))?;
        }
        if self.json {
            return out.print(written(page, Form::Json, self.on_inconclusive)?.as_bytes());
        }
        let taken = self.files().any(|file| is_stdout(file));
        if taken || out.is_quiet() {
            Ok(())
        } else {
            out.print(text(comparison, out.colour_stdout()).as_bytes())
        }
    }

    pub(super) fn exit_of(&self, comparison: &Comparison) -> Exit {
        match comparison.verdict {
            Verdict::Pass | Verdict::Improved => Exit::Done,
            Verdict::Regressed => Exit::Regressed,
            Verdict::Inconclusive if self.on_inconclusive == OnInconclusive::Pass => Exit::Done,
            Verdict::Inconclusive => Exit::Inconclusive,
            Verdict::Invalid => Exit::Invalid,
        }
    }
}

/// The report in one of [`FORMS`].
pub(super) fn written(
    page: &Page<'_>,
    form: Form,
    on_inconclusive: OnInconclusive,
) -> anyhow::Result<String> {
    let comparison = page.comparison;
    Ok(match form {
        Form::Markdown => markdown(comparison),
        Form::Json => serde_json::to_string_pretty(comparison)? + "\n",
        Form::Junit => junit(comparison, on_inconclusive == OnInconclusive::Pass),
        Form::Text => text(comparison, false),
        _ => html(page),
    })
}

/// Adds to the summary of a step of GitHub Actions, where there is one.
pub(super) fn append_step_summary(markdown: &str) -> anyhow::Result<()> {
    let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else {
        return Ok(());
    };
    let append =
        |file: &Path| OpenOptions::new().append(true).create(true).open(file)?.write_all(markdown.as_bytes());
    append(Path::new(&file)).context("failed to append to the file in GITHUB_STEP_SUMMARY")
}
