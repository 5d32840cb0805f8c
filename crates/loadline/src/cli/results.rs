//! What is handed out of a run, and where to.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use loadline::directory::check_vacant;
use loadline::model::run::{Status, Summary, ValidityVerdict};
use loadline::render::saturation;
use loadline::run::FinishedRun;
use loadline::saturate::FinishedSearch;

use super::exit::{UserError, sort_directory};
use super::input::yes_or_no;
use super::output::{Output, check_writable, is_stdout};
use super::verdict::VerdictFlags;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct ResultFlags {
    /// The run directory, new or empty [default: runs/<name>-<time>-<id>]
    #[arg(long, value_name = "DIR", env = "LOADLINE_OUT")]
    pub(crate) out: Option<PathBuf>,
    /// Print the summary as JSON
    #[arg(long, env = "LOADLINE_JSON", value_parser = yes_or_no())]
    json: bool,
    /// Write JUnit XML: a case for each objective, or for the capacity
    #[arg(long, value_name = "FILE", env = "LOADLINE_JUNIT")]
    junit: Option<PathBuf>,
    /// Write Markdown, for a pull request; the file that $GITHUB_STEP_SUMMARY names is added to, any other replaced
    #[arg(long, value_name = "FILE", env = "LOADLINE_MARKDOWN")]
    markdown: Option<PathBuf>,
    /// Write OpenMetrics text, for GitLab's metrics reports
    #[arg(long, value_name = "FILE", env = "LOADLINE_OPENMETRICS")]
    openmetrics: Option<PathBuf>,
    /// Keep a valid run as one file that `compare` reads; in a folder (with / at its end) it gets a name of its own
    #[arg(long, value_name = "FILE|DIR", env = "LOADLINE_SAVE_BASELINE")]
    save_baseline: Option<PathBuf>,
    /// Write no report.html
    #[arg(long, env = "LOADLINE_NO_REPORT", value_parser = yes_or_no())]
    no_report: bool,
    /// What an inconclusive verdict means for the exit code
    #[arg(long, value_enum, default_value = "fail", env = "LOADLINE_ON_INCONCLUSIVE")]
    pub(crate) on_inconclusive: OnInconclusive,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnInconclusive {
    Pass,
    #[default]
    Fail,
}

impl ResultFlags {
    fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.junit, &self.markdown, &self.openmetrics].into_iter().flatten().map(PathBuf::as_path)
    }

    /// What of these a duel hands out.
    pub(crate) fn of_duel(&self) -> anyhow::Result<VerdictFlags> {
        if self.save_baseline.is_some() {
            return Err(UserError::input("--save-baseline keeps a run of one build; a duel is of two"));
        }
        Ok(VerdictFlags {
            on_inconclusive: self.on_inconclusive,
            json: self.json,
            junit: self.junit.clone(),
            markdown: self.markdown.clone(),
            openmetrics: self.openmetrics.clone(),
            ..VerdictFlags::default()
        })
    }

    /// Refuses what a search does not leave.
    pub(crate) fn check_search(&self) -> anyhow::Result<()> {
        match (&self.openmetrics, &self.save_baseline) {
            (Some(_), _) => Err(UserError::input(
                "--openmetrics is for runs; a search writes --json, --junit, --markdown and saturation.json",
            )),
            (_, Some(_)) => Err(UserError::input(
                "--save-baseline keeps a run at one load; a search has many: keep a run at the capacity it finds",
            )),
            _ => self.check(),
        }
    }

    /// Fails early where a result could not be handed out later.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let files: Vec<&Path> = self.files().collect();
        if usize::from(self.json) + files.iter().filter(|file| is_stdout(file)).count() > 1 {
            return Err(UserError::input(
                "only one of --json, --junit -, --markdown - and --openmetrics - can go to stdout; give the others a file",
            ));
        }
        if let Some(directory) = &self.out {
            check_vacant(directory).map_err(sort_directory)?;
        }
        files.into_iter().try_for_each(check_writable)
    }

    /// Writes all that was asked for: where one result cannot be written, the others still are.
    pub(crate) fn hand_out(&self, finished: &FinishedRun, out: &Output) -> anyhow::Result<()> {
        let FinishedRun { directory, summary, .. } = finished;
        let write = |file: &Option<PathBuf>, make: fn(&Summary) -> String| {
            file.as_ref().map_or(Ok(()), |file| out.write(file, make(summary).as_bytes()))
        };
        let junit = write(
            &self.junit,
            match self.on_inconclusive {
                OnInconclusive::Pass => loadline::render::run::junit_lenient,
                OnInconclusive::Fail => loadline::render::run::junit,
            },
        );
        let openmetrics = write(&self.openmetrics, loadline::render::run::openmetrics);
        let told = self.tell(summary, out);
        let drawn = self.draw(directory, out);
        let saved = self.save_baseline.as_ref().map_or(Ok(()), |path| save_baseline(finished, path, out));
        junit.and(openmetrics).and(told).and(drawn).and(saved)
    }

    /// The same of a search.
    pub(crate) fn hand_out_search(&self, finished: &FinishedSearch, out: &Output) -> anyhow::Result<()> {
        let FinishedSearch { directory, run, document, .. } = finished;
        let file = |path: &Option<PathBuf>, text: &dyn Fn() -> String| {
            path.as_ref().map_or(Ok(()), |path| out.write(path, text().as_bytes()))
        };
        let junit = file(&self.junit, &|| match self.on_inconclusive {
            OnInconclusive::Pass => saturation::junit_lenient(document),
            OnInconclusive::Fail => saturation::junit(document),
        });
        let markdown = file(&self.markdown, &|| saturation::markdown(document, run));
        let page = (!self.no_report).then(|| directory.join("report.html"));
        let drawn = file(&page, &|| saturation::html(document, run));
        if let Some(page) = page.filter(|_| drawn.is_ok()) {
            out.say(format!("report: {}", page.display()));
        }
        let taken = [&self.junit, &self.markdown].into_iter().flatten().any(|file| is_stdout(file));
        let told = match self.json {
            true => out.print(format!("{}\n", serde_json::to_string_pretty(document)?).as_bytes()),
            false if taken || out.is_quiet() => Ok(()),
            false => out.print(saturation::text(document, out.colour_stdout()).as_bytes()),
        };
        junit.and(told).and(drawn).and(markdown)
    }

    /// What needs the whole recording again.
    fn draw(&self, directory: &Path, out: &Output) -> anyhow::Result<()> {
        let page = (!self.no_report).then(|| directory.join("report.html"));
        if page.is_none() && self.markdown.is_none() {
            return Ok(());
        }
        let view = loadline::report::view(directory).map_err(sort_directory)?;
        let markdown = self
            .markdown
            .as_ref()
            .map_or(Ok(()), |file| out.write_markdown(file, &loadline::render::run::markdown(&view)));
        if let Some(page) = page {
            out.write(&page, loadline::render::run::html(&view).as_bytes())?;
            out.say(format!("report: {}", page.display()));
        }
        markdown
    }

    /// The summary on stdout, unless something else goes there.
    fn tell(&self, summary: &Summary, out: &Output) -> anyhow::Result<()> {
        if self.json {
            return out.print(format!("{}\n", serde_json::to_string_pretty(summary)?).as_bytes());
        }
        let taken = self.files().any(is_stdout);
        if taken || out.is_quiet() {
            return Ok(());
        }
        out.print(loadline::render::run::text(summary, out.colour_stdout()).as_bytes())
    }
}

/// Keeps a run as a baseline; one that cannot be trusted is no measure for others.
fn save_baseline(finished: &FinishedRun, path: &Path, out: &Output) -> anyhow::Result<()> {
    let FinishedRun { directory, summary, .. } = finished;
    if summary.validity.verdict == ValidityVerdict::GeneratorLimited || summary.status != Status::Complete {
        out.say("no baseline was saved: only a valid run that came to its end makes one");
        return Ok(());
    }
    if summary.requests == summary.errors.total {
        out.say("no baseline was saved: not one request succeeded, and there is nothing to compare with");
        return Ok(());
    }
    let place = loadline::baseline::save(directory, path).map_err(sort_directory)?;
    out.say(format!("baseline: {}", place.display()));
    Ok(())
}
