//! `loadline forecast`: demand from historical metrics.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget};

use loadline::analysis::forecast::Method;
use loadline::analysis::ingest::Columns;
use loadline::forecast::{Horizon, PlanningError, Request, forecast_all, load};
use loadline::model::diagnostic::nearest;
use loadline::model::forecast::{ForecastDocument, SeriesForecast};
use loadline::model::series::Series;

use super::exit::{Exit, UserError};
use super::output::{Output, check_writable};

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
    /// What to print [default: a summary]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Where to
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
        check_writable(&self.output)?;
        let series = self.columns.load(&self.source)?;
        let method = match self.model {
            Model::Auto => Method::Auto,
            Model::SeasonalNaive => Method::SeasonalNaive,
        };
        let request = Request { horizon: self.horizon, seasons: self.season, levels: self.level, method };
        let document = forecast_all(&series, &request, progress(series.len(), out)).map_err(sort)?;
        let mut data = Vec::new();
        match self.format.or(self.json.then_some(Format::Json)) {
            Some(Format::Json) => {
                serde_json::to_writer_pretty(&mut data, &document)?;
                data.push(b'\n');
            }
            Some(Format::Csv) => document.write_csv(&mut data)?,
            None => data = summary(&document).into_bytes(),
        }
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

fn summary(document: &ForecastDocument) -> String {
    document.series.iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

fn paragraph(series: &SeriesForecast) -> String {
    let name = if series.id.is_empty() { "demand" } else { &series.id };
    let last = series.points.last().expect("a horizon of at least one step");
    let highest = series.points.iter().max_by(|a, b| a.value.total_cmp(&b.value)).expect("the same");
    let mut text = format!("{name}: {}\n", series.model);
    text += &format!("  at {}: {}", last.time, figure(last.value));
    for bound in &last.bounds {
        text += &format!(", {} to {} ({} %)", figure(bound.low), figure(bound.high), bound.level);
    }
    text += &format!("\n  highest median: {} at {}\n", figure(highest.value), highest.time);
    let backtest = &series.backtest;
    let ratio = backtest.error_to_naive.map_or("unknown".into(), |r| format!("{r:.2}"));
    text += &format!("  {} backtests: error to seasonal naive {ratio}", backtest.count);
    if let (Some(c80), Some(c95)) = (backtest.coverage_80, backtest.coverage_95) {
        text += &format!(", {:.0} % within the 80 % interval, {:.0} % within 95 %", 100.0 * c80, 100.0 * c95);
    }
    text += "\n";
    for note in &series.notes {
        text += &format!("  note: {note}\n");
    }
    if !series.findings.is_empty() {
        text +=
            &format!("  {} outliers or level shifts in the history (see --json)\n", series.findings.len());
    }
    text
}

/// Four significant digits.
fn figure(value: f64) -> String {
    let digits = (3 - value.abs().max(1e-9).log10().floor() as i32).clamp(0, 9) as usize;
    format!("{value:.digits$}")
}
