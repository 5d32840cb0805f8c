//! `loadline headroom`: capacity against demand to come.

use std::path::PathBuf;

use loadline::analysis::headroom::{Capacity, Policy, Redundancy};
use loadline::forecast::{Horizon, Request, load, seconds};
use loadline::headroom::{Change, Question, headroom_of, parse_capacity};
use loadline::model::headroom::HeadroomDocument;
use loadline::model::series::Time;

use super::exit::Exit;
use super::forecast::{ColumnFlags, sort};
use super::output::{Output, check_writable};

/// Join capacity and demand: when it runs out, how likely, how many instances are needed by when
#[derive(Debug, clap::Args)]
pub(crate) struct Headroom {
    /// The demand: CSV, TSV or NDJSON, or a folder of them; several series are summed
    #[arg(long, value_name = "FILE")]
    demand: PathBuf,
    #[command(flatten)]
    columns: ColumnFlags,
    /// The capacity of one instance: a number in the demand's unit, a rate, a range (1100..1300, taken as a 90 %
    /// interval), or the file of a saturation document
    #[arg(long, value_parser = parse_capacity)]
    capacity: Capacity,
    /// How far ahead: steps (48) or a duration (90d)
    #[arg(long, value_parser = Horizon::parse)]
    horizon: Option<Horizon>,
    /// Season lengths in steps, such as 24,168 [default: found]
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    season: Option<Vec<usize>>,
    /// Instances there are
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    instances: u32,
    /// The probability with which capacity has to suffice
    #[arg(long, default_value = "50%", value_parser = share)]
    quantile: f64,
    /// What may be lost: none, n+1, n+2, or one of so many zones (zones:3)
    #[arg(long, default_value = "none", value_parser = redundancy)]
    redundancy: Redundancy,
    /// The short peak over the mean of one sampling interval
    #[arg(long, default_value_t = 1.0, value_parser = at_least_one)]
    burst: f64,
    /// The share of an instance's capacity to be used
    #[arg(long, default_value = "100%", value_parser = share_or_all)]
    utilisation: f64,
    /// From ordering to serving, such as 14d
    #[arg(long, value_parser = span)]
    lead_time: Option<f64>,
    /// What autoscaling takes, such as 5m
    #[arg(long, default_value = "0s", value_parser = span)]
    autoscaling_lag: f64,
    /// The promised share of good requests, such as 99.9%; says how much of 30 days' error budget overload eats
    #[arg(long, value_parser = share)]
    availability: Option<f64>,
    /// A known change of demand, such as 2026-12-01=1.3 (repeatable)
    #[arg(long, value_name = "TIME=FACTOR", value_parser = event)]
    event: Vec<Change>,
    /// Growth a year beside that of the forecast, such as 20%
    #[arg(long, value_parser = growth, allow_hyphen_values = true)]
    growth: Option<Change>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Where to
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

fn number(text: &str, help: &str) -> Result<f64, String> {
    let (digits, scale) = match text.trim().strip_suffix('%') {
        Some(digits) => (digits, 100.0),
        None => (text, 1.0),
    };
    match digits.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value / scale),
        _ => Err(format!("`{text}` is no number; {help}")),
    }
}

fn within(text: &str, help: &str, fits: fn(f64) -> bool) -> Result<f64, String> {
    let value = number(text, help)?;
    if fits(value) { Ok(value) } else { Err(format!("`{text}` does not fit; {help}")) }
}

fn share(text: &str) -> Result<f64, String> {
    within(text, "write a share between 0 and 1, such as 0.95 or 95%", |v| v > 0.0 && v < 1.0)
}

fn share_or_all(text: &str) -> Result<f64, String> {
    within(text, "write a share above 0, such as 0.7 or 70%", |v| v > 0.0 && v <= 1.0)
}

fn at_least_one(text: &str) -> Result<f64, String> {
    within(text, "write a factor of at least 1, such as 1.3", |v| v >= 1.0)
}

fn growth(text: &str) -> Result<Change, String> {
    within(text, "write a rate of growth a year, such as 20%", |v| v > -1.0).map(Change::Growth)
}

fn span(text: &str) -> Result<f64, String> {
    seconds(text).ok_or_else(|| format!("`{text}` is no duration; write one such as `14d`, `2w` or `36h`"))
}

fn redundancy(text: &str) -> Result<Redundancy, String> {
    let wrong = || format!("`{text}` is no redundancy; write `none`, `n+1`, `n+2` or `zones:3`");
    let lower = text.to_ascii_lowercase();
    if lower == "none" {
        return Ok(Redundancy::None);
    }
    if let Some(spare) = lower.strip_prefix("n+") {
        return spare.parse().map(Redundancy::Spare).map_err(|_| wrong());
    }
    let zones = lower.strip_prefix("zones:").and_then(|z| z.parse().ok()).filter(|z| *z >= 2);
    zones.map(Redundancy::Zones).ok_or_else(wrong)
}

fn event(text: &str) -> Result<Change, String> {
    let help = "write a time and a factor, such as `2026-12-01=1.3`";
    let (from, factor) = text.split_once('=').ok_or_else(|| format!("`{text}` is no event; {help}"))?;
    let from = Time::parse(from).ok_or_else(|| format!("`{from}` is no time; {help}"))?;
    Ok(Change::Event { from, factor: within(factor, help, |v| v >= 0.0)? })
}

impl Headroom {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        check_writable(&self.output)?;
        let series = load(&self.demand, &self.columns.into()).map_err(sort)?;
        let request = Request { horizon: self.horizon, seasons: self.season, ..Request::default() };
        let question = Question {
            capacity: self.capacity,
            instances: self.instances,
            policy: Policy {
                quantile: self.quantile,
                burst: self.burst,
                utilisation: self.utilisation,
                redundancy: self.redundancy,
                lag_steps: 0,
            },
            lead_time_s: self.lead_time,
            lag_s: self.autoscaling_lag,
            error_budget: self.availability.map(|a| 1.0 - a),
            changes: self.event.into_iter().chain(self.growth).collect(),
        };
        let document = headroom_of(&series, &request, &question).map_err(sort)?;
        let data = if self.json {
            format!("{}\n", serde_json::to_string_pretty(&document)?)
        } else {
            summary(&document, self.instances)
        };
        out.write(&self.output, data.as_bytes())?;
        Ok(Exit::Done)
    }
}

fn summary(document: &HeadroomDocument, instances: u32) -> String {
    let end = document.probability.last().expect("a horizon of at least one step");
    let date = |at: Option<Time>| at.map_or("not before the end".into(), |at| at.to_string());
    let mut text = match document.headroom_now {
        Some(now) => format!("headroom now: {:.1} %\n", 100.0 * now),
        None => "headroom now: unknown\n".into(),
    };
    text += &format!("probability of running out by {}: {:.0} %\n", end.date, 100.0 * end.exceeded_by);
    let out = &document.runs_out;
    text += &format!("runs out: 10 %: {}; 50 %: {}; 90 %: {}\n", date(out.p10), date(out.p50), date(out.p90));
    if let Some(most) = document.instances.iter().filter(|i| i.needed.is_some()).max_by_key(|i| i.needed) {
        let needed = most.needed.unwrap_or_default();
        text += &format!("instances: {instances} now; at most {needed} needed, at {}\n", most.date);
    }
    if let Some(order) = document.order_by {
        text += &format!("order by: {order}\n");
    }
    if let Some(eaten) = document.error_budget_eaten {
        text += &format!("of 30 days' error budget overload is expected to eat {:.1} %\n", 100.0 * eaten);
    }
    document.notes.iter().for_each(|note| text += &format!("note: {note}\n"));
    text
}
