//! `loadline forecast`: demand from historical metrics.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget};

use loadline::analysis::forecast::Method;
use loadline::forecast::{Horizon, PlanningError, Request, forecast_all};
use loadline::render::forecast as render;

use super::exit::{Exit, UserError};
use super::output::{Output, check_apart, check_writable};
use super::planning::{EventFlags, Form, write_charts};
use super::source::SourceFlags;

/// What --output can write.
const FORMS: [Form; 6] = [Form::Html, Form::Markdown, Form::Json, Form::Svg, Form::Csv, Form::Text];

/// Forecast demand from historical metrics, with intervals calibrated by backtests
#[derive(Debug, clap::Args)]
pub(crate) struct Forecast {
    /// CSV, TSV, NDJSON or Parquet, a folder of them, or - for CSV from stdin; or see --prometheus
    #[arg(value_name = "SERIES")]
    file: Option<PathBuf>,
    #[command(flatten)]
    source: SourceFlags,
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
    /// Series forecast at a time; changes nothing in the result [default: the cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), env = "LOADLINE_THREADS")]
    threads: Option<u16>,
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
    let help = "write a probability in per cent between 1 and 100, such as 80";
    match text.trim().trim_end_matches('%').parse::<f64>() {
        Ok(level) if level > 1.0 && level < 100.0 => Ok(level),
        Ok(share) if share > 0.0 && share < 1.0 && !text.contains('%') => {
            Err(format!("that is less than one per cent; for {0} % write {0}", (share * 1e4).round() / 100.0))
        }
        _ => Err(help.into()),
    }
}

impl Forecast {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let asked = self.format.or(self.json.then_some(Format::Json)).map(|format| match format {
            Format::Json => Form::Json,
            Format::Csv => Form::Csv,
        });
        let form = Form::of(&self.output, asked, &FORMS)?;
        if form != Form::Svg {
            check_writable(&self.output)?;
            check_apart(&self.output, self.file.as_deref())?;
        }
        let events = self.events.events()?;
        let zone = self.source.reading_beside().zone;
        let series = self.source.load(self.file, "SERIES")?;
        let method = match self.model {
            Model::Auto => Method::Auto,
            Model::SeasonalNaive => Method::SeasonalNaive,
        };
        let request = Request {
            horizon: self.horizon,
            seasons: self.season,
            levels: self.level,
            method,
            threads: self.threads.map(usize::from),
            events,
            zone,
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
            Form::Markdown => render::markdown(&document).into_bytes(),
            Form::Html => render::html(&document).into_bytes(),
            Form::Svg => {
                write_charts(&self.output, &render::charts(&document), out)?;
                return Ok(Exit::Done);
            }
            _ => render::text(&document).into_bytes(),
        };
        out.write(&self.output, &data)?;
        Ok(Exit::Done)
    }
}

/// What the user can mend, and what not.
pub(crate) fn sort(error: PlanningError) -> anyhow::Error {
    match error {
        PlanningError::Plan(diagnostics) => UserError::Diagnostics(diagnostics).into(),
        error if error.is_bad_input() => UserError::input(error),
        error => error.into(),
    }
}

/// Seconds between plain lines where there is no terminal.
const LINE_S: u64 = 10;

/// Where there are many series: a bar on a terminal, elsewhere a plain line every ten seconds.
fn progress(count: usize, out: &Output) -> impl Fn() + Sync {
    let out = *out;
    let terminal = std::io::stderr().is_terminal();
    let shown = count > 20 && !out.is_quiet() && terminal;
    let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
    if !shown {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let (began, lines) = (Instant::now(), AtomicU64::new(0));
    move || {
        bar.inc(1);
        let line = began.elapsed().as_secs() / LINE_S;
        if !terminal && lines.fetch_max(line, Ordering::Relaxed) < line {
            out.say(format_args!("forecast {} of {count} series", bar.position()));
        }
    }
}
