//! A plan: services, what they can carry, what is asked of them, and how capacity is to be planned.
//!
//! ```yaml
//! name: shop
//! horizon: 90d
//! services:
//!   - name: front
//!     demand: { file: demand.csv, value: requests_per_s }    # `only: eu` takes one of several series
//!     capacity: 1100..1300        # of one instance; a number, a rate, a range, or a saturation document
//!     instances: 8
//!     price: 140/month
//!   - name: search
//!     demand: { prometheus: "http://127.0.0.1:9090", query: "sum(rate(searches_total[1h]))", last: 180d }
//!     capacity: search.json
//!   - name: database
//!     calls: { front: 2.5 }       # its demand is 2.5 times that of front
//!     capacity: 9000
//!     instances: 3
//!     policy: { redundancy: n+2 } # beside that of the plan
//! policy: { quantile: 95%, redundancy: n+1, burst: 1.2, lead_time: 14d }
//! prices: { instance: 95/month, currency: EUR }
//! events:
//!   - { name: launch, from: 2026-12-01, factor: 1.3 }
//!   - { name: Christmas, on: 12-25 }
//! what_ifs:
//!   - { name: campaign, from: 2026-11-02, until: 2026-11-08, factor: 1.5 }
//!   - { name: faster, efficiency: 10% }
//! ```

mod capacity;
mod event;
mod policy;
mod values;
mod what_if;

use std::sync::Arc;

pub use capacity::{CapacitySource, UtilisationSource};
pub use event::{Event, EventSource, Every};
pub use policy::{PlanPolicy, Redundancy};
pub use values::{MONTH_DAYS, parse_fraction, parse_per, parse_price, parse_span};
pub use what_if::WhatIf;

use crate::{
    diagnostic::{Diagnostic, Source, suggestion},
    scenario::{
        Text,
        read::Reader,
        yaml::{self, Kind, Node},
    },
};
use values::{Limits, value};

/// A plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it is called.
    pub name: String,
    /// How far ahead: steps or a duration.
    pub horizon: Option<Text>,
    /// The services, in the order of the file; every name is there once.
    pub services: Vec<Service>,
    /// What money prices are in, such as `EUR`; empty where not said.
    pub currency: String,
    /// What is known to change every demand read from a file.
    pub events: Vec<EventSource>,
    /// What to look at besides.
    pub what_ifs: Vec<WhatIf>,
    /// The text it was read from.
    pub source: Arc<Source>,
}

/// One service. It has a demand of its own, callers, or both.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: Text,
    /// Where its own demand comes from.
    pub demand: Option<DemandSource>,
    /// Seconds that a demand counts by: requests a second are 1; `None` where not said.
    pub per_s: Option<f64>,
    /// Other services of the plan, each with the calls that one unit of its demand makes here.
    pub calls: Vec<(Text, f64)>,
    /// What one instance carries.
    pub capacity: CapacitySource,
    /// How many there are.
    pub instances: u32,
    /// What an instance costs a month; `None` where not said.
    pub price: Option<f64>,
    /// How its capacity is to be planned.
    pub policy: PlanPolicy,
}

/// Where the demand of a service comes from.
#[derive(Debug, Clone)]
pub enum DemandSource {
    /// A file with a history.
    File {
        /// The file, relative to the plan.
        file: Text,
        /// The column of the time.
        time: Option<Text>,
        /// The column of the demand.
        value: Option<Text>,
        /// The column that parts many series.
        series: Option<Text>,
        /// The distance of points.
        step: Option<Text>,
        /// What the rows of one step make.
        aggregate: Option<Text>,
        /// Where times without an offset are local.
        timezone: Option<Text>,
        /// The only series that count; all where empty.
        only: Vec<Text>,
    },
    /// A Prometheus server.
    Prometheus {
        /// Its address.
        url: Text,
        /// The expression (PromQL).
        query: Text,
        /// How far back, in seconds; 180 days where not given.
        last_s: Option<f64>,
        /// The distance of points.
        step: Option<Text>,
        /// The only series that count; all where empty.
        only: Vec<Text>,
    },
}

/// Whether a text is meant to be a plan rather than a scenario: it has `services` at the top and no `flows`.
pub fn is_plan(text: &str) -> bool {
    let has = |key: &str| {
        text.lines().any(|line| line.trim_end().strip_prefix(key).is_some_and(|r| r.starts_with(':')))
    };
    has("services") && !has("flows")
}

/// The JSON Schema (2020-12) of plan files, for editors.
pub fn schema() -> serde_json::Value {
    serde_json::from_str(include_str!("plan/schema.json")).expect("the schema is a constant")
}

impl Plan {
    /// Reads a plan. `file` is the name that messages show.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(text: &str, file: &str) -> Result<Plan, Vec<Diagnostic>> {
        let source = Source::new(file, text);
        let empty = |diagnostic: Diagnostic| {
            match diagnostic.code {
            "empty" => diagnostic.with_help(
                "a plan needs at least `services`, each with a name, a demand and a capacity; see scenarios/plans/shop.yaml",
            ),
            _ => diagnostic,
        }
        };
        let root = yaml::parse(&source).map_err(|diagnostic| vec![empty(diagnostic)])?;
        let mut reader = Reader { source, problems: Vec::new() };
        let plan = plan(&root, &mut reader);
        reader.problems.sort_by_key(|problem| problem.span.start);
        match plan {
            Some(plan) if reader.problems.is_empty() => Ok(plan),
            _ => Err(reader.problems),
        }
    }
}

/// What a service looks like.
const NO_SERVICE: &str =
    "list at least one: `- { name: front, demand: { file: demand.csv }, capacity: 1200 }`";

/// What services have where they say nothing else.
struct Usual {
    policy: PlanPolicy,
    price: Option<f64>,
}

fn plan(root: &Node, reader: &mut Reader) -> Option<Plan> {
    let mut fields = reader.fields(root, "a plan")?;
    let name = fields.get("name").and_then(|node| reader.text(node, "name"));
    let horizon = fields.get("horizon").and_then(|node| reader.text(node, "horizon"));
    let none = PlanPolicy::default();
    let policy = fields.get("policy").and_then(|node| policy::policy(node, &none, reader)).unwrap_or(none);
    let (price, currency) = fields.get("prices").map(|node| prices(node, reader)).unwrap_or_default();
    let usual = Usual { policy, price };
    let listed = fields.need(reader, "services", NO_SERVICE);
    let services: Vec<Service> = listed
        .map(|node| {
            let nodes = reader.list(node, "services");
            nodes.iter().filter_map(|node| service(node, &usual, reader)).collect()
        })
        .unwrap_or_default();
    let events = fields
        .get("events")
        .map(|node| reader.list(node, "events").iter().filter_map(|n| event::event(n, reader)).collect());
    let names: Vec<&str> = services.iter().map(|s| s.name.value.as_str()).collect();
    let what_ifs = fields.get("what_ifs").map(|node| {
        let nodes = reader.list(node, "what_ifs");
        nodes.iter().filter_map(|node| what_if::what_if(node, &names, reader)).collect()
    });
    fields.finish(reader, "a plan");
    // Where a service could not be read, its callers would only be missed because of that.
    let count = listed.map_or(0, |node| if let Kind::List(items) = &node.kind { items.len() } else { 0 });
    if services.len() == count {
        check_names(&services, reader);
    }
    if services.is_empty() && reader.problems.is_empty() {
        reader.problem("no-service", root.span, "the plan has no service", NO_SERVICE);
    }
    Some(Plan {
        name: name.map_or_else(|| "plan".into(), |name| name.value),
        horizon,
        services,
        currency,
        events: events.unwrap_or_default(),
        what_ifs: what_ifs.unwrap_or_default(),
        source: reader.source.clone(),
    })
}

/// Every name once, and calls only from services further up, so that no demand rests on itself.
fn check_names(services: &[Service], reader: &mut Reader) {
    for (at, service) in services.iter().enumerate() {
        let above: Vec<&str> = services[..at].iter().map(|s| s.name.value.as_str()).collect();
        if above.contains(&service.name.value.as_str()) {
            let message = format!("there are two services `{}`", service.name.value);
            reader.problem("duplicate", service.name.span, message, "give each a name of its own");
        }
        for (caller, _) in service.calls.iter().filter(|(caller, _)| !above.contains(&caller.value.as_str()))
        {
            let message = format!("no service `{}` stands above `{}`", caller.value, service.name.value);
            let help = match above[..] {
                [] => "callers come first: move this service below the one that calls it, which it must not call in turn"
                    .to_owned(),
                _ => format!("callers come first; {}", suggestion(&caller.value, above.iter().copied())),
            };
            reader.problem("unknown-service", caller.span, message, help);
        }
    }
}

fn service(node: &Node, usual: &Usual, reader: &mut Reader) -> Option<Service> {
    let mut fields = reader.fields(node, "a service")?;
    let name = fields.need(reader, "name", "give the service a name").and_then(|n| reader.text(n, "name"));
    let demand = fields.get("demand").map(|node| demand(node, reader));
    let calls = fields.get("calls").map(|node| calls(node, reader));
    let source = fields.need(reader, "capacity", "say what one instance carries: `capacity: 1200`");
    let capacity = source.and_then(|node| capacity::capacity(node, reader));
    let instances = fields.get("instances").map_or(Some(1), |n| reader.count(n, "instances", 1, 1_000_000));
    let price = price(fields.get("price"), "price", reader);
    let policy = fields.get("policy").and_then(|node| policy::policy(node, &usual.policy, reader));
    let span = fields.span;
    fields.finish(reader, "a service");
    if demand.is_none() && calls.is_none() {
        let help = "write `demand: { file: demand.csv }`, `calls: { caller: 2.5 }`, or both";
        reader.problem("demand", span, "a service needs `demand` or `calls`", help);
    }
    let (demand, per_s) = match demand {
        Some(read) => read.map(|(demand, per_s)| (Some(demand), per_s))?,
        None => (None, None),
    };
    Some(Service {
        name: name?,
        demand,
        per_s,
        calls: calls.unwrap_or_default(),
        capacity: capacity?,
        instances: instances? as u32,
        price: price.or(usual.price),
        policy: policy.unwrap_or_else(|| usual.policy.clone()),
    })
}

/// The source and the seconds that it counts by.
fn demand(node: &Node, reader: &mut Reader) -> Option<(DemandSource, Option<f64>)> {
    let mut fields = reader.fields(node, "demand")?;
    let per: Limits<f64> = (|_| true, "write second, minute, hour or day");
    let per_s = value(fields.get("per"), "per", reader, parse_per, per);
    if let Some(url) = fields.get("prometheus") {
        let url = reader.text(url, "prometheus");
        let query = fields.need(reader, "query", "write the expression (PromQL) whose result is the demand");
        let query = query.and_then(|n| reader.text(n, "query"));
        let span: Limits<f64> = (|v| v > 0.0, "write a duration such as 180d");
        let last_s = value(fields.get("last"), "last", reader, parse_span, span);
        let step = fields.get("step").and_then(|n| reader.text(n, "step"));
        let only = only(fields.get("only"), reader);
        fields.finish(reader, "demand from Prometheus");
        return Some((DemandSource::Prometheus { url: url?, query: query?, last_s, step, only }, per_s));
    }
    let help = "name the file with the history, or the address of a server with `prometheus`";
    let file = fields.need(reader, "file", help).and_then(|n| reader.text(n, "file"));
    let mut text = |name: &'static str| fields.get(name).and_then(|n| reader.text(n, name));
    let (time, value, series) = (text("time"), text("value"), text("series"));
    let (step, aggregate, timezone) = (text("step"), text("aggregate"), text("timezone"));
    let only = only(fields.get("only"), reader);
    fields.finish(reader, "demand");
    let source = DemandSource::File { file: file?, time, value, series, step, aggregate, timezone, only };
    Some((source, per_s))
}

/// One name of a series, or a list of them.
fn only(node: Option<&Node>, reader: &mut Reader) -> Vec<Text> {
    let Some(node) = node else { return Vec::new() };
    let names =
        if let Kind::List(items) = &node.kind { items.as_slice() } else { std::slice::from_ref(node) };
    if names.is_empty() {
        reader.problem("value", node.span, "`only` names no series", "name one, or leave `only` out for all");
    }
    names.iter().filter_map(|name| reader.text(name, "only")).collect()
}

fn calls(node: &Node, reader: &mut Reader) -> Vec<(Text, f64)> {
    let entries = reader.entries(node, "calls");
    entries
        .iter()
        .filter_map(|(name, node)| Some((name.clone(), reader.positive(node, &name.value)?)))
        .collect()
}

fn price(node: Option<&Node>, field: &str, reader: &mut Reader) -> Option<f64> {
    let any: Limits<f64> = (|_| true, "write one such as 140/month or 0.19/h");
    value(node, field, reader, parse_price, any)
}

/// The price of an instance a month, and the currency.
fn prices(node: &Node, reader: &mut Reader) -> (Option<f64>, String) {
    let Some(mut fields) = reader.fields(node, "prices") else { return Default::default() };
    let instance = price(fields.get("instance"), "instance", reader);
    let currency = fields.get("currency").and_then(|node| reader.text(node, "currency"));
    fields.finish(reader, "prices");
    (instance, currency.map(|c| c.value).unwrap_or_default())
}

#[cfg(test)]
mod tests;
