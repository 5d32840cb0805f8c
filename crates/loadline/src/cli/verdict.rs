//! What `compare` and `duel` hand out: the verdict for people, for CI and as an exit code.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use loadline::model::comparison::{Comparison, Verdict};
use loadline::render::comparison::{Page, annotations, html, junit, markdown, openmetrics, text};

use super::exit::Exit;
use super::output::{Output, check_writable};

/// Where a verdict goes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Results")]
pub(super) struct VerdictFlags {
    /// Whether to pass when the figures do not tell
    #[arg(long, value_enum, default_value = "fail", env = "LOADLINE_ON_INCONCLUSIVE")]
    on_inconclusive: OnInconclusive,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
    /// Write the charted page
    #[arg(long, short, value_name = "FILE", visible_alias = "report")]
    output: Option<PathBuf>,
    /// Write JUnit XML, one case per metric
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write Markdown, for a pull request's comment
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write OpenMetrics text, for GitLab's metrics reports
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,
    /// Print GitHub annotations on stderr, and append Markdown to the file in GITHUB_STEP_SUMMARY where it is set
    #[arg(long)]
    github: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OnInconclusive {
    Pass,
    Fail,
}

impl VerdictFlags {
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.output, &self.junit, &self.markdown, &self.openmetrics].into_iter().flatten()
    }

    /// Fails early where a file cannot be written later.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.files().try_for_each(|file| check_writable(file))
    }

    /// Hands everything out.
    pub(super) fn write(&self, page: &Page<'_>, out: &Output) -> anyhow::Result<()> {
        let comparison = page.comparison;
        let write = |file: &Option<PathBuf>, make: &dyn Fn() -> String| match file {
            Some(file) => out.write(file, make().as_bytes()),
            None => Ok(()),
        };
        write(&self.output, &|| html(page))?;
        write(&self.junit, &|| junit(comparison))?;
        write(&self.markdown, &|| markdown(comparison))?;
        write(&self.openmetrics, &|| openmetrics(comparison))?;
        if self.github {
            eprint!("{}", annotations(comparison));
            append_step_summary(&markdown(comparison))?;
        }
        if self.json {
            return out.print(format!("{}\n", serde_json::to_string_pretty(comparison)?).as_bytes());
        }
        let taken = self.files().any(|file| file.as_os_str() == "-");
        if taken { Ok(()) } else { out.print(text(comparison, out.colour_stdout()).as_bytes()) }
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

/// Adds to the summary of a step of GitHub Actions, where there is one.
pub(super) fn append_step_summary(markdown: &str) -> anyhow::Result<()> {
    let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else {
        return Ok(());
    };
    let append =
        |file: &Path| OpenOptions::new().append(true).create(true).open(file)?.write_all(markdown.as_bytes());
    append(Path::new(&file)).context("failed to append to the file in GITHUB_STEP_SUMMARY")
}
