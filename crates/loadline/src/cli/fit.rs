//! `loadline fit`: a saturation model through points measured anywhere.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use loadline::analysis::saturation::{Model, Points, Request, crossings, fit};
use loadline::model::fit::{Crossing, FitDocument, Interval};
use loadline::model::slo::Slo;
use loadline::points::{self, Point};

use super::exit::{Exit, UserError};
use super::output::Output;
use super::planning::Form;

/// Fit a saturation model to points measured anywhere
#[derive(Debug, clap::Args)]
pub(crate) struct Fit {
    /// A CSV with `concurrency,throughput[,latency_ms]` or `rate,latency_ms`; `-` reads stdin
    file: PathBuf,
    /// The model: the USL by least squares, an M/M/c queue, or all families weighted by their evidence
    #[arg(long, value_enum, default_value_t = ModelName::Auto)]
    model: ModelName,
    /// Predict at this concurrency (repeatable)
    #[arg(long, value_name = "N", value_parser = concurrency, allow_negative_numbers = true)]
    at: Vec<f64>,
    /// Find the rate at which this objective on the response time is met exactly, by a queue through the latencies
    /// (repeatable): `p99 < 200ms`, `mean < 50ms`
    #[arg(long, value_name = "SLO")]
    slo: Vec<Slo>,
    /// Confidence of all intervals
    #[arg(long, value_name = "P", default_value = "95%", value_parser = confidence)]
    confidence: f64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Write the JSON document to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Closed networks are worked out customer by customer, and nobody was ever sure of a figure so far out.
const FARTHEST: f64 = 100_000.0;

fn concurrency(text: &str) -> Result<f64, String> {
    let at = positive(text)?;
    if at > FARTHEST { Err(format!("predictions end at {FARTHEST}")) } else { Ok(at) }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ModelName {
    Usl,
    Queue,
    Auto,
}

impl Fit {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        self.output.as_deref().map_or(Ok(Form::Json), |path| Form::among(path, &[Form::Json]))?;
        let model = match self.model {
            ModelName::Usl => Model::Usl,
            ModelName::Queue => Model::Queue,
            ModelName::Auto => Model::Auto,
        };
        let measured = read(&self.file)?;
        let points = points_of(&measured, model, &self.file)?;
        let crossings = self.crossings(&measured)?;
        let mut document = fit(&points, &Request { model, confidence: self.confidence, at: self.at });
        document.crossings = crossings;
        let json = format!("{}\n", serde_json::to_string_pretty(&document)?);
        if let Some(path) = &self.output {
            out.write(path, json.as_bytes())?;
        }
        match self.json {
            true => out.print(json.as_bytes())?,
            false if self.output.as_deref() != Some(Path::new("-")) => {
                out.print(table(&document).as_bytes())?
            }
            false => {}
        }
        Ok(Exit::Done)
    }

    fn crossings(&self, measured: &[Point]) -> anyhow::Result<Vec<Crossing>> {
        if self.slo.is_empty() {
            return Ok(Vec::new());
        }
        if measured.iter().any(|point| point.latency_s.is_none()) {
            let file = self.file.display();
            return Err(UserError::input(format!(
                "{file}: --slo needs latencies; add a column `latency_ms` with the mean response time"
            )));
        }
        let points = points_of(measured, Model::Queue, &self.file)?;
        crossings(&points, &self.slo, self.confidence).map_err(UserError::input)
    }
}

fn points_of(measured: &[Point], model: Model, file: &Path) -> anyhow::Result<Points> {
    let pairs: Vec<(f64, f64)> = measured.iter().map(|point| pair(*point, model)).collect();
    Points::new(&pairs).map_err(|e| UserError::input(format!("{}: {e}", file.display())))
}

fn read(path: &Path) -> anyhow::Result<Vec<Point>> {
    let read = if path == Path::new("-") {
        points::read(std::io::stdin().lock(), "stdin")
    } else {
        let file = std::fs::File::open(path)
            .map_err(|error| UserError::input(format!("cannot read {}: {error}", path.display())))?;
        points::read(std::io::BufReader::new(file), &path.display().to_string())
    };
    read.map_err(UserError::input)
}

/// A queue is about requests in the service: by Little's law where the latency is known.
fn pair(point: Point, model: Model) -> (f64, f64) {
    match point.latency_s {
        Some(latency) if model == Model::Queue => (point.throughput * latency, point.throughput),
        _ => (point.concurrency, point.throughput),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("it has to be a number above 0".into()),
    }
}

fn confidence(text: &str) -> Result<f64, String> {
    let value = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse::<f64>(),
    };
    match value {
        Ok(value) if (0.5..1.0).contains(&value) => Ok(value),
        _ => Err("it has to be a share such as 95% or 0.95, at least 50% and below 100%".into()),
    }
}

/// What a person reads.
fn table(document: &FitDocument) -> String {
    let mut text = String::new();
    let percent = 100.0 * document.intervals.confidence;
    let mut line = |name: &str, value: Option<f64>, interval: Option<Interval>| {
        let _ = writeln!(text, "{name:24}{:>12}  {}", number(value), range(interval));
    };
    let (intervals, peak) = (&document.intervals, &document.peak);
    if document.lambda.is_some() {
        line("λ (first unit)", document.lambda, intervals.lambda);
        line("σ (contention)", document.sigma, intervals.sigma);
        line("κ (coherency)", document.kappa, intervals.kappa);
    }
    if let Some(queue) = &document.queue {
        line("servers", Some(queue.servers), Some(queue.servers_interval));
        line("service time, ms", Some(queue.service_time_ms), Some(queue.service_time_interval_ms));
    }
    line("maximum, /s", peak.throughput_per_s, peak.interval);
    line("at concurrency", peak.concurrency, None);
    line("90 % of it at", peak.concurrency_at_90_percent, peak.concurrency_at_90_percent_interval);
    for prediction in &document.predictions {
        line(&format!("at {}", prediction.concurrency), prediction.throughput_per_s, prediction.interval);
    }
    for prediction in document.predictions.iter().filter(|p| p.marginal_gain_per_s.is_some()) {
        line(&format!("one more unit at {}", prediction.concurrency), prediction.marginal_gain_per_s, None);
    }
    for crossing in &document.crossings {
        line(&crossing.slo, Some(crossing.rate_per_s), Some(crossing.interval));
    }
    let mut weights: Vec<_> = document.weights.iter().filter(|weight| *weight.1 >= 0.005).collect();
    weights.sort_by(|a, b| b.1.total_cmp(a.1));
    let weights: Vec<_> = weights.iter().map(|(name, weight)| format!("{name} {weight:.2}")).collect();
    let (model, r_squared) = (&document.model, number(document.r_squared));
    let _ = writeln!(
        text,
        "model {model}; weights: {}; R² {r_squared}; intervals at {percent} %",
        weights.join(", ")
    );
    for crossing in document.crossings.iter().filter(|crossing| crossing.beyond_tested > 1.0) {
        let Crossing { slo, beyond_tested, .. } = crossing;
        let _ =
            writeln!(text, "note: `{slo}` is crossed at {beyond_tested:.2} times the largest rate measured");
    }
    for reason in &document.reasons {
        let _ = writeln!(text, "note: {reason}");
    }
    text
}

fn number(value: Option<f64>) -> String {
    value.map_or("—".into(), |value| match value.abs() {
        0.0 => "0".into(),
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 1e-3 => format!("{value:.5}"),
        _ => format!("{value:.3e}"),
    })
}

fn range(interval: Option<Interval>) -> String {
    interval.map_or(String::new(), |(low, high)| format!("{} … {}", number(Some(low)), number(high)))
}
