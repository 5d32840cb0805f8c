//! `loadline forecast`: demand from historical metrics.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget};

use loadline::analysis::forecast::Method;
use loadline::analysis::ingest::Columns;
use loadline::forecast::{Horizon, PlanningError, Request, forecast_all, load};
use loadline::model::diagnostic::nearest;
use loadline::model::series::Series;
use loadline::render::forecast as render;

use super::exit::{Exit, UserError};
use super::output::{Output, check_writable};
use super::planning::{EventFlags, Form, write_charts};

/// Forecast demand from historical metrics, with intervals calibrated by backtests
#[derive(Debug, clap::Args)]
pub(crate) struct Forecast {
    /// CSV, TSV or NDJSON, a folder of them, or - for CSV from stdin
    #[arg(value_name = "SERIES")]
    source: PathBuf,
    #[command(flatten)]
    columns: ColumnFlags,
    /// How far ahead: steps (48) or a duration (90d)
    #[arg(long, value_parser = Horizon::parse)]
    horizon: Option<Horizon>,
    /// Season lengths in steps, such as 24,168 [default: found]
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    season: Option<Vec<usize>>,
    /// Probabilities of the intervals, in per cent
    #[arg(long, value_delimiter = ',', default_value = "80,95", value_parser = level)]
    level: Vec<f64>,
    /// The way to forecast
    #[arg(long, value_enum, default_value_t = Model::Auto)]
    model: Model,
    #[command(flatten)]
    events: EventFlags,
    /// What to print [default: as the ending of --output says, a summary on stdout]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Where to; the ending tells what: .html, .md, .json, .csv, .svg (a folder of charts), .txt
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// The columns of a file of demand.
#[derive(Debug, clap::Args)]
pub(crate) struct ColumnFlags {
    /// The column of the time [default: found]
    #[arg(long, value_name = "COL")]
    time: Option<String>,
    /// The column of the demand [default: found]
    #[arg(long, value_name = "COL")]
    value: Option<String>,
    /// The column that parts many series in one file [default: found]
    #[arg(long, value_name = "COL")]
    series: Option<String>,
    /// Only the series of this name (repeatable)
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
}

impl ColumnFlags {
    /// Reads the series that are asked for.
    pub(crate) fn load(self, source: &Path) -> anyhow::Result<Vec<Series>> {
        let columns = Columns { time: self.time, value: self.value, series: self.series };
        let mut all = load(source, &columns).map_err(sort)?;
        let names = all.iter().map(|s| s.id.as_str());
        if let Some(unknown) = self.only.iter().find(|id| !names.clone().any(|name| name == id.as_str())) {
            let help = nearest(unknown, names).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            return Err(UserError::input(format!("{} has no series `{unknown}`{help}", source.display())));
        }
        all.retain(|s| self.only.is_empty() || self.only.contains(&s.id));
        Ok(all)
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Model {
    /// A combination weighted by backtests; seasonal naive where that is not worse
    Auto,
    /// The value one season ago
    SeasonalNaive,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Json,
    Csv,
}

fn level(text: &str) -> Result<f64, String> {
    let level = text.trim().trim_end_matches('%').parse::<f64>();
    level
        .ok()
        .filter(|l| *l > 0.0 && *l < 100.0)
        .ok_or_else(|| "write a probability in per cent between 0 and 100, such as 80".into())
}

impl Forecast {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let asked = self.format.or(self.json.then_some(Format::Json)).map(|format| match format {
            Format::Json => Form::Json,
            Format::Csv => Form::Csv,
        });
        let form = Form::of(&self.output, asked)?;
        if form != Form::Svg {
            check_writable(&self.output)?;
        }
        let events = self.events.events()?;
        let series = self.columns.load(&self.source)?;
        let method = match self.model {
            Model::Auto => Method::Auto,
            Model::SeasonalNaive => Method::SeasonalNaive,
        };
        let request = Request {
            horizon: self.horizon,
            seasons: self.season,
            levels: self.level,
            method,
            events,
            history: matches!(form, Form::Html | Form::Svg),
        };
        let document = forecast_all(&series, &request, progress(series.len(), out)).map_err(sort)?;
        let data = match form {
            Form::Json => format!("{}\n", serde_json::to_string_pretty(&document)?).into_bytes(),
            Form::Csv => {
                let mut data = Vec::new();
                document.write_csv(&mut data)?;
                data
            }
            Form::Text => render::text(&document).into_bytes(),
            Form::Markdown => render::markdown(&document).into_bytes(),
            Form::Html => render::html(&document).into_bytes(),
            Form::Svg => {
                write_charts(&self.output, &render::charts(&document), out)?;
                return Ok(Exit::Done);
            }
        };
        out.write(&self.output, &data)?;
        Ok(Exit::Done)
    }
}

/// What the user can mend, and what not.
pub(crate) fn sort(error: PlanningError) -> anyhow::Error {
    match error {
        PlanningError::Plan(diagnostics) => UserError::Diagnostics(diagnostics).into(),
        error => UserError::input(error),
    }
}

/// A bar on a terminal, where there are many series.
fn progress(count: usize, out: &Output) -> impl Fn() + Sync {
    let shown = count > 20 && !out.is_quiet() && std::io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
    if !shown {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    move || bar.inc(1)
}
