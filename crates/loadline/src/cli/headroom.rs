//! `loadline headroom`: capacity against demand to come.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use loadline::analysis::headroom::{Policy, Redundancy};
use loadline::analysis::ingest::{Columns, Reading, UTILISATIONS};
use loadline::forecast::{Horizon, Request};
use loadline::headroom::{
    Change, Demand, InstanceCapacity, Question, UtilisationHistory, answer, document, of_utilisation,
    parse_capacity,
};
use loadline::model::headroom::HeadroomDocument;
use loadline::model::plan::{parse_fraction, parse_per, parse_price, parse_span};
use loadline::model::series::Time;
use loadline::plan::{Asked, headroom_of_plan};
use loadline::prometheus::Access;
use loadline::render::headroom as render;

use super::exit::{Exit, UserError};
use super::forecast::sort;
use super::output::{Output, check_apart, check_writable};
use super::planning::{EventFlags, Form, write_charts};
use super::source::SourceFlags;

/// What --output can write.
const FORMS: [Form; 5] = [Form::Html, Form::Markdown, Form::Json, Form::Svg, Form::Text];

/// What a plan says of each of its files and servers itself.
const OF_ROWS: [&str; 9] =
    ["time", "value", "series", "step", "aggregate", "timezone", "files", "only", "last"];

/// Join capacity and demand: when it runs out, how likely, how many instances are needed by when
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("carries").args(["capacity", "utilisation_history"]))]
pub(crate) struct Headroom {
    /// A plan file (YAML), which says all of this; its files are relative to it
    #[arg(value_name = "PLAN", required_unless_present_any = ["carries", "demand"], conflicts_with_all = OF_ROWS)]
    plan: Option<PathBuf>,
    /// The demand: CSV, TSV, NDJSON or Parquet, or a folder of them; several series are summed
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    demand: Option<PathBuf>,
    #[command(flatten)]
    source: SourceFlags,
    /// What the demand counts by: second, minute, hour or day; a capacity given as a rate is turned into that
    #[arg(long, value_parser = parse_per, conflicts_with = "plan")]
    per: Option<f64>,
    /// The capacity of one instance: a number in the demand's unit, a rate, a range (1100..1300, taken as a 90 %
    /// interval), or the file of a saturation document
    #[arg(long, value_parser = parse_capacity, allow_hyphen_values = true, conflicts_with = "plan")]
    capacity: Option<InstanceCapacity>,
    /// In place of a capacity: a file with the history of utilisation, a share or in per cent, to derive it from
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan", "capacity"], requires = "at_utilisation")]
    utilisation_history: Option<PathBuf>,
    /// Its column of the utilisation [default: found]
    #[arg(long, value_name = "COL", requires = "utilisation_history")]
    utilisation_value: Option<String>,
    /// Its column of the number of instances [default: --instances, always]
    #[arg(long, value_name = "COL", requires = "utilisation_history")]
    utilisation_instances: Option<String>,
    /// The utilisation at which an instance is as full as it may be, such as 70%
    #[arg(long, value_name = "SHARE", value_parser = share_or_all, requires = "utilisation_history")]
    at_utilisation: Option<f64>,
    /// How far ahead: steps (48) or a duration (90d)
    #[arg(long, value_parser = Horizon::parse)]
    horizon: Option<Horizon>,
    /// Season lengths in steps, such as 24,168 [default: found]
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    season: Option<Vec<usize>>,
    #[command(flatten)]
    events: EventFlags,
    #[command(flatten)]
    policy: PolicyFlags,
    /// Growth a year beside that of the forecast, such as 20%
    #[arg(long, value_parser = growth, allow_hyphen_values = true, conflicts_with = "plan")]
    growth: Option<Change>,
    /// The day that orders can be made from, such as 2026-11-21 [default: the clock's; the end of the history where that
    /// is later]
    #[arg(long, value_name = "DATE", value_parser = date)]
    today: Option<Time>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Where to; the ending tells what: .html, .md, .json, .svg (a folder of charts), .txt
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// How capacity is to be planned, and what it costs; a plan says it itself.
#[derive(Debug, clap::Args)]
struct PolicyFlags {
    /// Instances there are
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_hyphen_values = true, conflicts_with = "plan")]
    instances: u32,
    /// The probability with which capacity has to suffice
    #[arg(long, default_value = "90%", value_parser = share, conflicts_with = "plan")]
    quantile: f64,
    /// What may be lost: none, n+1, n+2, or one of so many zones (zones:3)
    #[arg(long, default_value = "none", value_parser = Redundancy::parse, conflicts_with = "plan")]
    redundancy: Redundancy,
    /// The short peak over the mean of one sampling interval
    #[arg(long, default_value_t = 1.0, value_parser = at_least_one, conflicts_with = "plan")]
    burst: f64,
    /// The share of an instance's capacity to be used
    #[arg(long, default_value = "100%", value_parser = share_or_all, conflicts_with = "plan")]
    utilisation: f64,
    /// From ordering to serving, such as 14d
    #[arg(long, value_parser = parse_span, allow_hyphen_values = true, conflicts_with = "plan")]
    lead_time: Option<f64>,
    /// What autoscaling takes, such as 5m
    #[arg(long, default_value = "0s", value_parser = parse_span, allow_hyphen_values = true, conflicts_with = "plan")]
    autoscaling_lag: f64,
    /// The promised share of good requests, such as 99.9%; says how much of 30 days' error budget overload eats
    #[arg(long, value_parser = share, conflicts_with = "plan")]
    availability: Option<f64>,
    /// What an instance costs, such as 140/month or 0.19/h
    #[arg(long, value_parser = parse_price, allow_hyphen_values = true, conflicts_with = "plan")]
    price: Option<f64>,
    /// The currency of that, such as EUR
    #[arg(long, default_value = "", hide_default_value = true, conflicts_with = "plan")]
    currency: String,
}

fn within(text: &str, help: &str, fits: fn(f64) -> bool) -> Result<f64, String> {
    let value = parse_fraction(text)?;
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

fn date(text: &str) -> Result<Time, String> {
    let time = Time::parse(text).filter(|time| matches!(time, Time::Clock(_)));
    time.ok_or_else(|| format!("`{text}` is no date; write one such as 2026-11-21"))
}

/// The clock's day, at its midnight (UTC), so that reports of one day are the same.
fn day() -> Time {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    Time::Clock(seconds - seconds % 86_400)
}

fn growth(text: &str) -> Result<Change, String> {
    within(text, "write a rate of growth a year, such as 20%", |v| v > -1.0).map(Change::Growth)
}

impl Headroom {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let form = Form::of(&self.output, self.json.then_some(Form::Json), &FORMS)?;
        if form != Form::Svg {
            check_writable(&self.output)?;
            check_apart(&self.output, self.demand.as_deref().or(self.plan.as_deref()))?;
        }
        if self.plan.is_some() && self.source.is_given() {
            return Err(UserError::input(
                "the plan says where demand comes from: give it or --prometheus, not both",
            ));
        }
        let output = self.output.clone();
        let document = match &self.plan {
            Some(path) => self.of_plan(path, &self.source.access()?)?,
            None => self.plain()?,
        };
        let data = match form {
            Form::Json => format!("{}\n", serde_json::to_string_pretty(&document)?),
            Form::Markdown => render::markdown(&document),
            Form::Html => render::html(&document),
            Form::Svg => {
                write_charts(&output, &render::charts(&document), out)?;
                return Ok(Exit::Done);
            }
            _ => render::text(&document),
        };
        out.write(&output, data.as_bytes())?;
        Ok(Exit::Done)
    }

    /// Demand and capacity from flags.
    fn plain(self) -> anyhow::Result<HeadroomDocument> {
        let events = self.events.events()?;
        let reading = self.source.reading_beside();
        let series = self.source.load(self.demand, "--demand FILE")?;
        let request = Request {
            horizon: self.horizon,
            seasons: self.season,
            events,
            zone: reading.zone.clone(),
            ..Request::default()
        };
        let demand = Demand::forecast(&series, &request, self.per).map_err(sort)?;
        let policy = self.policy;
        let capacity = match (self.capacity, self.utilisation_history, self.at_utilisation) {
            (Some(capacity), ..) => capacity,
            (None, Some(path), Some(at)) => {
                let columns = Columns {
                    value: self.utilisation_value,
                    usual_values: UTILISATIONS,
                    ..Columns::default()
                };
                let reading = Reading { columns, ..reading };
                UtilisationHistory::load(&path, &reading, self.utilisation_instances.as_deref(), at)
                    .and_then(|history| of_utilisation(demand.history(), &history, policy.instances))
                    .map_err(UserError::input)?
            }
            _ => {
                return Err(UserError::input(
                    "give --capacity, or --utilisation-history and --at-utilisation",
                ));
            }
        };
        let question = Question {
            instances: policy.instances,
            policy: Policy {
                quantile: policy.quantile,
                burst: policy.burst,
                utilisation: policy.utilisation,
                redundancy: policy.redundancy,
                lag_steps: 0.0,
            },
            today: Some(self.today.unwrap_or_else(day)),
            lead_time_s: policy.lead_time,
            lag_s: policy.autoscaling_lag,
            availability: policy.availability,
            price: policy.price,
            currency: policy.currency,
            ..Question::new(capacity)
        };
        let changes: Vec<Change> = self.growth.into_iter().collect();
        Ok(document(answer("", &demand.changed(&changes), &question)))
    }

    fn of_plan(&self, path: &Path, access: &Access) -> anyhow::Result<HeadroomDocument> {
        let (plan, base) = super::input::plan(path)?;
        let events = self.events.events()?;
        let today = Some(self.today.unwrap_or_else(day));
        let asked = Asked { horizon: self.horizon, seasons: self.season.clone(), events, today };
        headroom_of_plan(&plan, &base, &asked, access).map_err(sort)
    }
}
