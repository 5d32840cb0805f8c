//! `loadline fit`: a saturation model through points measured anywhere.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use loadline::analysis::saturation::Model;
use loadline::fit::{FitError, FitOptions, fit};
use loadline::model::fit::{Crossing, FitDocument, Interval};
use loadline::model::slo::Slo;
use loadline::points::{self, Measurements};

use super::exit::{Exit, UserError};
use super::output::Output;
use super::planning::Form;

/// Fit a saturation model to points measured anywhere
#[derive(Debug, clap::Args)]
pub(crate) struct Fit {
    /// A CSV with `concurrency,throughput[,latency_ms]` (also as `users`, `threads`, `vus`, `n` … and `rps`, `tps` …) or
    /// `rate,latency_ms`; the latency is the mean response time; semicolons or tabs do for commas; `-` reads stdin
    file: PathBuf,
    /// Only the rows of this system, where a column `system`, `series` or the like names several
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// The model: `usl` by least squares; `queue`, M/M/c through the latencies; `auto`, all families of curves weighted by
    /// the evidence for them, or M/M/c for rates and latencies that are nearer to it
    ///
    /// The families: `amdahl` (contention alone), `usl` (contention and coherency: a peak), `plateau` (a smooth bend to a
    /// ceiling), `pool` (a sharp one: K connections, all busy), `servers` (users who wait for c servers), `network` (users who
    /// wait at several stations in a row), `thrashing` (servers that get slower beyond a load).
    #[arg(long, value_enum, default_value_t = ModelName::Auto)]
    model: ModelName,
    /// Predict at this concurrency, at most 100000 (repeatable)
    #[arg(long, value_name = "N", value_parser = concurrency, allow_negative_numbers = true)]
    at: Vec<f64>,
    /// Find the rate at which this objective on the response time is met exactly, by a queue through the latencies
    /// (repeatable): `p99 < 200ms`, `mean < 50ms`; a percentile is that of exponential service times. Where the load was
    /// whole numbers of users, their number, too
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
        let measured = read(&self.file, self.only.as_deref())?;
        let options = FitOptions { model, confidence: self.confidence, at: self.at, slos: self.slo };
        let document = fit(&measured, &options).map_err(|error| match error {
            FitError::Crossing(error) => UserError::input(error),
            error => UserError::input(format!("{}: {error}", self.file.display())),
        })?;
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
}

fn read(path: &Path, only: Option<&str>) -> anyhow::Result<Measurements> {
    let read = if path == Path::new("-") {
        points::read(std::io::stdin().lock(), "stdin", only)
    } else {
        let file = std::fs::File::open(path)
            .map_err(|error| UserError::input(format!("cannot read {}: {error}", path.display())))?;
        points::read(std::io::BufReader::new(file), &path.display().to_string(), only)
    };
    read.map_err(UserError::input)
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

/// One line of figures: a name, a value, its interval.
type Line = (String, Option<f64>, Option<Interval>);

/// What a person reads: the figures of each model below its name.
fn table(document: &FitDocument) -> String {
    let mut text = String::new();
    let (intervals, peak) = (&document.intervals, &document.peak);
    let limit = document.usl_limit.as_ref().map_or(String::new(), |limit| format!("; at its limit: {limit}"));
    let parameters = [
        ("λ (first unit)", document.lambda, intervals.lambda),
        ("σ (contention)", document.sigma, intervals.sigma),
        ("κ (coherency)", document.kappa, intervals.kappa),
    ];
    let parameters = parameters.map(|(name, value, interval)| (name.to_owned(), value, interval));
    // Of three measurements without intervals, beside a queue that answers, they are a curve that nobody relies on.
    let queue_answers = document.sources.get("peak").is_some_and(|source| source == "queue");
    let is_told = !queue_answers || intervals.lambda.is_some();
    let parameters = parameters.into_iter().filter(|line| is_told && line.1.is_some());
    part(&mut text, &format!("USL by least squares{limit}"), parameters);
    let figures = [
        ("maximum, /s", peak.throughput_per_s, peak.interval),
        ("at concurrency", peak.concurrency, peak.concurrency_interval),
        ("90 % of it at", peak.concurrency_at_90_percent, peak.concurrency_at_90_percent_interval),
    ];
    let figures = figures.map(|(name, value, interval)| (name.to_owned(), value, interval)).into_iter();
    let predictions = document
        .predictions
        .iter()
        .map(|p| (format!("at {}", p.concurrency), p.throughput_per_s, p.interval));
    part(&mut text, &curves(document), figures.chain(predictions).chain(gains(document)));
    let queue = document.queue.iter().flat_map(|queue| {
        [
            ("servers".to_owned(), Some(queue.servers), Some(queue.servers_interval)),
            (
                "service time, ms".to_owned(),
                Some(queue.service_time_ms),
                Some(queue.service_time_interval_ms),
            ),
        ]
    });
    let crossings = document.crossings.iter().flat_map(|c| {
        let users = c.users.map(|users| (format!("{}, users", c.slo), Some(users), c.users_interval));
        users.into_iter().chain([(format!("{}, /s", c.slo), Some(c.rate_per_s), Some(c.interval))])
    });
    let closed = document.sources.get("crossings").is_some_and(|source| source == "closed");
    let model = if closed { "users who wait, through the latencies" } else { "M/M/c through the latencies" };
    part(&mut text, model, queue.chain(crossings));
    let (percent, r_squared) = (100.0 * document.intervals.confidence, number(document.r_squared));
    let _ = writeln!(text, "R² {r_squared} of {}; intervals at {percent} %", document.model);
    notes(document).iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
    text
}

/// What one more unit is worth at the loads asked for and at the largest that was measured, in ascending order.
fn gains(document: &FitDocument) -> Vec<Line> {
    let asked = document.predictions.iter();
    let asked = asked.map(|p| (p.concurrency, p.marginal_gain_per_s, p.marginal_gain_interval_per_s));
    let unasked = document.gain_at_largest.iter();
    let unasked = unasked.map(|g| (g.concurrency, g.marginal_gain_per_s, g.marginal_gain_interval_per_s));
    let mut gains: Vec<_> = asked.chain(unasked).filter(|gain| gain.1.is_some()).collect();
    gains.sort_by(|a, b| a.0.total_cmp(&b.0));
    gains.dedup_by_key(|gain| gain.0);
    // A concurrency by Little's law has as many digits as a number can have.
    let short = |n: f64| if n < 1.0 { n } else { (n * 1e3).round() / 1e3 };
    let line = |(n, gain, interval)| (format!("one more unit at {}", short(n)), gain, interval);
    gains.into_iter().map(line).collect()
}

/// Figures of one model, where it has any.
fn part(text: &mut String, model: &str, lines: impl Iterator<Item = Line>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        let _ = writeln!(text, "{model}");
    }
    for (name, value, interval) in lines {
        // Only a lower bound is known.
        let (value, range) = match (value, interval) {
            (None, Some((low, None))) => (format!("≥ {}", number(Some(low))), String::new()),
            _ => (number(value), range(interval)),
        };
        let _ = writeln!(text, "  {name:24}{value:>12}  {range}");
    }
}

/// What maximum and predictions are from.
fn curves(document: &FitDocument) -> String {
    let mut weights: Vec<_> = document.weights.iter().filter(|weight| *weight.1 >= 0.005).collect();
    weights.sort_by(|a, b| b.1.total_cmp(a.1));
    let weights: Vec<_> = weights.iter().map(|(name, weight)| format!("{name} {weight:.2}")).collect();
    match document.sources.get("peak").map(String::as_str) {
        Some("usl") => "USL: its maximum and predictions".to_owned(),
        Some("queue") => "M/M/c: its maximum and predictions".to_owned(),
        _ => format!("all families of curves by weight: {}", weights.join(", ")),
    }
}

fn notes(document: &FitDocument) -> Vec<String> {
    let mut notes = Vec::new();
    for Crossing { slo, beyond_tested, users, reasons, .. } in &document.crossings {
        if *beyond_tested > 1.0 {
            let load = if users.is_some() { "number of users" } else { "rate" };
            notes.push(format!("`{slo}` is crossed at {beyond_tested:.2} times the largest {load} measured"));
        }
        notes.extend(reasons.iter().map(|reason| format!("`{slo}`: {reason}")));
    }
    notes.extend(document.reasons.iter().cloned());
    notes.extend(extrapolations(document));
    notes
}

/// Which figures lie beyond the largest concurrency tested; of predictions the farthest.
fn extrapolations(document: &FitDocument) -> impl Iterator<Item = String> {
    let (peak, top) = (&document.peak, document.tested.1);
    let farthest = document.predictions.iter().max_by(|a, b| a.beyond_tested.total_cmp(&b.beyond_tested));
    let figures = [
        (
            "90 % of the maximum is at ",
            ",",
            peak.concurrency_at_90_percent,
            peak.concurrency_at_90_percent_beyond_tested,
        ),
        ("the maximum is at ", ",", peak.concurrency, peak.concurrency_beyond_tested),
        ("", " is", farthest.map(|p| p.concurrency), farthest.map(|p| p.beyond_tested)),
    ];
    let round = |n: f64| (n * 1e3).round() / 1e3;
    figures.into_iter().filter_map(move |(what, is, concurrency, beyond)| {
        let (n, times) = (round(concurrency?), beyond.filter(|times| *times > 1.0)?);
        Some(format!("{what}{n}{is} {times:.2} times the largest concurrency measured, {}", round(top)))
    })
}

fn number(value: Option<f64>) -> String {
    value.map_or("—".into(), |value| match value.abs() {
        0.0 => "0".into(),
        size if size >= 1e9 => format!("{value:.3e}"),
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 1e-3 => format!("{value:.5}"),
        _ => format!("{value:.3e}"),
    })
}

fn range(interval: Option<Interval>) -> String {
    interval.map_or(String::new(), |(low, high)| format!("{} … {}", number(Some(low)), number(high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table_of(csv: &str) -> String {
        let measured = points::read(csv.as_bytes(), "p.csv", None).unwrap();
        table(&fit(&measured, &FitOptions::default()).unwrap())
    }

    /// The maximum of this USL is at √(0.98/0.001) = 31.3 units, and 90 % of it at 14.
    #[test]
    fn what_lies_beyond_the_measurements_is_told() {
        let usl = |n: f64| 100.0 * n / (1.0 + 0.02 * (n - 1.0) + 0.001 * n * (n - 1.0));
        let told = |top: u32| {
            let rows = (1..=top).map(f64::from).map(|n| format!("{n},{}\n", usl(n)));
            let csv = format!("users,tps\n{}", rows.collect::<String>());
            let measured = points::read(csv.as_bytes(), "p.csv", None).unwrap();
            let options = FitOptions { model: Model::Usl, ..FitOptions::default() };
            notes(&fit(&measured, &options).unwrap())
        };
        let near = told(20);
        assert!(near.iter().any(|note| note.starts_with("the maximum is at 31.305, 1.57 times")), "{near:?}");
        assert!(told(60).iter().all(|note| !note.contains("times the largest")), "{:?}", told(60));
    }

    #[test]
    fn large_figures_have_an_exponent() {
        assert_eq!(number(Some(1e99)), "1.000e99");
        assert_eq!(number(Some(1e9)), "1.000e9");
        assert_eq!(number(Some(999_999_999.0)), "999999999");
        assert_eq!(number(Some(-2.5e12)), "-2.500e12");
        let longest = |text: &str| text.lines().map(|line| line.chars().count()).max();
        let huge = table_of("users,tps\n1,1e97\n2,1.9e97\n4,3.5e97\n8,6e97\n");
        let figures = huge.split("R²").next().and_then(longest);
        assert!(figures.is_some_and(|length| length < 120), "{huge}");
    }

    /// M/M/1 with 5 ms at three rates: as many figures as a USL has parameters, which are known to any size then.
    #[test]
    fn parameters_without_intervals_are_not_told_beside_a_queue() {
        let three = "rate,latency_ms\n50,6.6667\n100,10\n180,50\n";
        let said = table_of(three);
        assert!(said.contains("M/M/c: its maximum") && !said.contains("USL by least squares"), "{said}");
        let four = table_of(&format!("{three}150,20\n"));
        assert!(four.contains("M/M/c: its maximum") && four.contains("USL by least squares"), "{four}");
    }
}
