//! `loadline headroom`: capacity against demand to come.

use std::path::{Path, PathBuf};

use loadline::analysis::headroom::{Capacity, Policy, Redundancy};
use loadline::forecast::{Horizon, Request};
use loadline::headroom::{Change, Question, headroom_of, parse_capacity};
use loadline::model::headroom::HeadroomDocument;
use loadline::model::plan::{Plan, parse_fraction, parse_span};
use loadline::model::series::Time;
use loadline::plan::headroom_of_plan;
use loadline::prometheus::Access;

use super::exit::{Exit, UserError};
use super::forecast::sort;
use super::output::{Output, check_writable};
use super::source::SourceFlags;

/// Join capacity and demand: when it runs out, how likely, how many instances are needed by when
#[derive(Debug, clap::Args)]
pub(crate) struct Headroom {
    /// A plan file (YAML), which says all of this; its files are relative to it
    #[arg(value_name = "PLAN", required_unless_present = "capacity")]
    plan: Option<PathBuf>,
    /// The demand: CSV, TSV, NDJSON or Parquet, or a folder of them; several series are summed
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    demand: Option<PathBuf>,
    #[command(flatten)]
    source: SourceFlags,
    /// The capacity of one instance: a number in the demand's unit, a rate, a range (1100..1300, taken as a 90 %
    /// interval), or the file of a saturation document
    #[arg(long, value_parser = parse_capacity, conflicts_with = "plan")]
    capacity: Option<Capacity>,
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
    #[arg(long, default_value = "none", value_parser = Redundancy::parse)]
    redundancy: Redundancy,
    /// The short peak over the mean of one sampling interval
    #[arg(long, default_value_t = 1.0, value_parser = at_least_one)]
    burst: f64,
    /// The share of an instance's capacity to be used
    #[arg(long, default_value = "100%", value_parser = share_or_all)]
    utilisation: f64,
    /// From ordering to serving, such as 14d
    #[arg(long, value_parser = parse_span)]
    lead_time: Option<f64>,
    /// What autoscaling takes, such as 5m
    #[arg(long, default_value = "0s", value_parser = parse_span)]
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

fn growth(text: &str) -> Result<Change, String> {
    within(text, "write a rate of growth a year, such as 20%", |v| v > -1.0).map(Change::Growth)
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
        let (json, output, instances) = (self.json, self.output.clone(), self.instances);
        if self.plan.is_some() && self.source.is_given() {
            return Err(UserError::input(
                "the plan says where demand comes from: give it or --prometheus, not both",
            ));
        }
        let document = match &self.plan {
            Some(path) => of_plan(path, self.horizon, &self.source.access()?)?,
            None => self.plain()?,
        };
        let data = if json {
            format!("{}\n", serde_json::to_string_pretty(&document)?)
        } else {
            summary(&document, instances)
        };
        out.write(&output, data.as_bytes())?;
        Ok(Exit::Done)
    }

    /// Demand and capacity from flags.
    fn plain(self) -> anyhow::Result<HeadroomDocument> {
        let Some(capacity) = self.capacity else {
            return Err(UserError::input("give a plan, or --demand (or --prometheus) and --capacity"));
        };
        let series = self.source.load(self.demand, "--demand FILE")?;
        let request = Request { horizon: self.horizon, seasons: self.season, ..Request::default() };
        let question = Question {
            capacity,
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
        headroom_of(&series, &request, &question).map_err(sort)
    }
}

fn of_plan(path: &Path, horizon: Option<Horizon>, access: &Access) -> anyhow::Result<HeadroomDocument> {
    let text = super::input::text(path)?;
    let plan = Plan::parse(&text, &path.display().to_string()).map_err(UserError::Diagnostics)?;
    let base = path.parent().unwrap_or(Path::new("."));
    headroom_of_plan(&plan, base, horizon, access).map_err(sort)
}

fn summary(document: &HeadroomDocument, instances: u32) -> String {
    let end = document.probability.last().expect("a horizon of at least one step");
    let date = |at: Option<Time>| at.map_or("not before the end".into(), |at| at.to_string());
    let mut text = document.service.as_ref().map(|s| format!("first to run out: {s}\n")).unwrap_or_default();
    let now = document.headroom_now.map_or("unknown".into(), |now| format!("{:.1} %", 100.0 * now));
    text += &format!("headroom now: {now}\n");
    text += &format!("probability of running out by {}: {:.0} %\n", end.date, 100.0 * end.exceeded_by);
    let out = &document.runs_out;
    text += &format!("runs out: 10 %: {}; 50 %: {}; 90 %: {}\n", date(out.p10), date(out.p50), date(out.p90));
    if let Some(most) = document.instances.iter().filter(|i| i.needed.is_some()).max_by_key(|i| i.needed) {
        let needed = most.needed.unwrap_or_default();
        let now = if document.service.is_none() { format!("{instances} now; ") } else { String::new() };
        text += &format!("instances: {now}at most {needed} needed, at {}\n", most.date);
    }
    if let Some(order) = document.order_by {
        text += &format!("order by: {order}\n");
    }
    if let Some(eaten) = document.error_budget_eaten {
        text += &format!("of 30 days' error budget overload is expected to eat {:.1} %\n", 100.0 * eaten);
    }
    for outlook in document.services.iter().chain(&document.what_ifs) {
        let what_if = outlook.what_if.as_ref().map(|w| format!(", {w}")).unwrap_or_default();
        let needed = outlook.needed_max.map_or("unknown".into(), |n| n.to_string());
        text += &format!(
            "  {}{what_if}: runs out (50 %) {}; {:.0} % by the end; at most {needed} instances\n",
            outlook.service,
            date(outlook.runs_out.p50),
            100.0 * outlook.exceeded_by_end
        );
    }
    document.notes.iter().for_each(|note| text += &format!("note: {note}\n"));
    text
}
