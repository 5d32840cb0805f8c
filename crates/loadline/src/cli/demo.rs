//! `loadline demo`: the whole story on one machine with nothing else installed.

use std::path::{Path, PathBuf};

use anyhow::Context;
use loadline::demo::{Compared, DemoError, Progress};
use loadline::generator::stop::StopHandle;
use loadline::model::run::Status;
use loadline::run::RunOptions;

use super::exit::{Exit, sort};
use super::live::Live;
use super::live_search::LiveSearch;
use super::output::Output;
use super::run::interrupt_on_ctrl_c;

/// The objective of the demonstration's scenario that its capacity is taken at.
const P99_MS: f64 = 60.0;

/// Show the whole story: a service of known truth, load, a charted report, and what was measured beside what is true
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// The run directory, new or empty [default: runs/demo-<time>-<id>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Demo {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let stop = StopHandle::new();
        interrupt_on_ctrl_c(stop.clone())?;
        let command = vec!["loadline".to_owned(), "demo".to_owned()];
        let options = RunOptions { out: self.out, command, stop, ..RunOptions::default() };
        let (mut live, mut search) = (Live::new(out), LiveSearch::new(out, false));
        let show = |progress: Progress<'_>| match progress {
            Progress::Run(progress) => live.show(progress),
            Progress::Search(progress) => {
                live.close();
                search.show(progress);
            }
        };
        let demo = loadline::demo::demo(options, show).map_err(|error| match error {
            DemoError::Run(error) => sort(error),
            DemoError::Search(error) => super::saturate::sorted(error),
            other => other.into(),
        })?;
        live.close();
        search.close();
        let run = &demo.run;
        out.print(loadline::render::run::text(&run.summary, out.colour_stdout()).as_bytes())?;
        if let Some(found) = &demo.search {
            let text = loadline::render::saturation::text(&found.document, out.colour_stdout());
            out.print(format!("\n{text}").as_bytes())?;
        }
        out.print(truths(&demo.compared).as_bytes())?;
        out.print(planned(&run.directory, out)?.as_bytes())?;
        let folders = std::iter::once(&run.directory).chain(demo.search.iter().map(|found| &found.directory));
        let names = ["The charted report:", "The search for the capacity:"];
        for (folder, name) in folders.zip(names) {
            let page = folder.join("report.html");
            super::report::render(folder, &page, out)?;
            let page = page.canonicalize().context("failed to find the report just written")?;
            out.print(format!("\n{name} {}\n", page.display()).as_bytes())?;
        }
        let status = demo.search.map_or(run.summary.status, |found| found.document.status);
        Ok(if status == Status::Interrupted { Exit::Interrupted } else { Exit::Done })
    }
}

/// When the service runs out of what it truly carries within the scenario's p99; its page goes beside the report.
fn planned(directory: &Path, out: &Output) -> anyhow::Result<String> {
    let capacity = loadline::demo::true_capacity(P99_MS);
    let document = loadline::demo::headroom(capacity).map_err(super::forecast::sort)?;
    let page = directory.join("headroom.html");
    out.write(&page, loadline::render::headroom::html(&document).as_bytes())?;
    let page = page.canonicalize().context("failed to find the page just written")?;
    let text = loadline::render::headroom::text(&document);
    Ok(format!(
        "\nand when does it run out? (a made-up demand)\n{text}\nThe headroom, charted: {}\n",
        page.display()
    ))
}

/// A table of what was measured beside what is true.
fn truths(compared: &[Compared]) -> String {
    let mut table = format!("\n{:<22} {:>12} {:>12}   truth from\n", "against the truth", "measured", "true");
    for Compared { figure, measured, truth, source, unit } in compared {
        let show =
            |value: &f64| if unit.is_empty() { format!("{value:.0}") } else { format!("{value:.2} {unit}") };
        table.push_str(&format!("{figure:<22} {:>12} {:>12}   {source}\n", show(measured), show(truth)));
    }
    table
}
