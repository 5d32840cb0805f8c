//! A plan: services, what they can carry, what is asked of them, and how capacity is to be planned.
//!
//! ```yaml
//! name: shop
//! horizon: 90d
//! services:
//!   - name: front
//!     demand: { file: demand.csv, value: requests_per_s }
//!     capacity: 1100..1300        # of one instance; a number, a rate, a range, or a saturation document
//!     instances: 8
//!   - name: search
//!     demand: { prometheus: "http://127.0.0.1:9090", query: "sum(rate(searches_total[1h]))", last: 180d }
//!     capacity: search.json
//!   - name: database
//!     calls: { front: 2.5 }       # its demand is 2.5 times that of front
//!     capacity: 9000
//!     instances: 3
//! policy: { quantile: 95%, redundancy: n+1, burst: 1.2, lead_time: 14d }
//! what_ifs:
//!   - { name: launch, from: 2026-12-01, factor: 1.3 }
//!   - { name: faster, efficiency: 10% }
//! ```

use std::sync::Arc;

use crate::{
    diagnostic::{Diagnostic, Source, suggestion},
    scenario::{
        Text,
        read::Reader,
        yaml::{self, Node},
    },
    series::Time,
    units,
};

/// A plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it is called.
    pub name: String,
    /// How far ahead: steps or a duration.
    pub horizon: Option<Text>,
    /// The services, in the order of the file; every name is there once.
    pub services: Vec<Service>,
    /// How capacity is to be planned.
    pub policy: PlanPolicy,
    /// What to look at besides.
    pub what_ifs: Vec<WhatIf>,
    /// The text it was read from.
    pub source: Arc<Source>,
}

/// One service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: Text,
    /// Where its demand comes from.
    pub demand: DemandSource,
    /// What one instance carries, as written.
    pub capacity: Text,
    /// How many there are.
    pub instances: u32,
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
    },
    /// Other services of the plan, each with the calls that one unit of its demand makes.
    Calls(Vec<(Text, f64)>),
}

/// How capacity is to be planned; see the fields of the same names on the command line.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanPolicy {
    /// The probability with which capacity has to suffice.
    pub quantile: f64,
    /// What may be lost.
    pub redundancy: Redundancy,
    /// The short peak over the mean of one sampling interval.
    pub burst: f64,
    /// The share of an instance's capacity to be used.
    pub utilisation: f64,
    /// Seconds from ordering to serving.
    pub lead_time_s: Option<f64>,
    /// Seconds that autoscaling takes.
    pub autoscaling_lag_s: f64,
    /// The promised share of good requests.
    pub availability: Option<f64>,
}

impl Default for PlanPolicy {
    /// No margin at all; the median.
    fn default() -> PlanPolicy {
        PlanPolicy {
            quantile: 0.5,
            redundancy: Redundancy::None,
            burst: 1.0,
            utilisation: 1.0,
            lead_time_s: None,
            autoscaling_lag_s: 0.0,
            availability: None,
        }
    }
}

/// A change to be looked at beside the plan itself.
#[derive(Debug, Clone)]
pub struct WhatIf {
    /// What it is called.
    pub name: String,
    /// From when on `factor` holds; from the beginning where not given.
    pub from: Option<Time>,
    /// How many times as large demand is.
    pub factor: f64,
    /// Growth a year beside that of the forecast.
    pub growth: f64,
    /// What an instance carries more, as a fraction.
    pub efficiency: f64,
}

/// What has to survive the loss of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Redundancy {
    /// Nothing is spare.
    #[default]
    None,
    /// N + k: so many instances are spare.
    Spare(u32),
    /// Instances are spread evenly over so many zones (at least 2), one of which may be lost.
    Zones(u32),
}

impl Redundancy {
    /// Reads `none`, `n+1`, `n+2`, … or `zones:3`.
    pub fn parse(text: &str) -> Result<Redundancy, String> {
        let lower = text.trim().to_ascii_lowercase();
        let spare = || lower.strip_prefix("n+").and_then(|k| k.parse().ok()).map(Redundancy::Spare);
        let zones = || {
            let zones = lower.strip_prefix("zones:").and_then(|z| z.trim().parse().ok());
            zones.filter(|z| *z >= 2).map(Redundancy::Zones)
        };
        let none = (lower == "none").then_some(Redundancy::None);
        none.or_else(spare)
            .or_else(zones)
            .ok_or_else(|| format!("`{text}` is no redundancy; write `none`, `n+1`, `n+2` or `zones:3`"))
    }
}

/// Reads a number or per cents: `0.95`, `95%`.
pub fn parse_fraction(text: &str) -> Result<f64, String> {
    let (digits, scale) = match text.trim().strip_suffix('%') {
        Some(digits) => (digits, 100.0),
        None => (text, 1.0),
    };
    let value = digits.trim().parse::<f64>().ok().filter(|v| v.is_finite());
    value
        .map(|v| v / scale)
        .ok_or_else(|| format!("`{text}` is no number; write one such as `0.95` or `95%`"))
}

/// Reads `14d`, `2w` or a duration of [`units`] into seconds.
pub fn parse_span(text: &str) -> Result<f64, String> {
    let text = text.trim();
    for (unit, seconds) in [("w", 604_800.0), ("d", 86_400.0)] {
        let count = text.strip_suffix(unit).and_then(|n| n.trim().parse::<f64>().ok());
        if let Some(count) = count.filter(|c| c.is_finite() && *c >= 0.0) {
            return Ok(count * seconds);
        }
    }
    let help = |_| format!("`{text}` is no duration; write one such as `14d`, `2w` or `36h`");
    units::parse_duration(text).map(|d| d.as_secs_f64()).map_err(help)
}

impl Plan {
    /// Reads a plan. `file` is the name that messages show.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(text: &str, file: &str) -> Result<Plan, Vec<Diagnostic>> {
        let source = Source::new(file, text);
        let root = yaml::parse(&source).map_err(|diagnostic| vec![diagnostic])?;
        let mut reader = Reader { source, problems: Vec::new() };
        let plan = plan(&root, &mut reader);
        reader.problems.sort_by_key(|problem| problem.span.start);
        match plan {
            Some(plan) if reader.problems.is_empty() => Ok(plan),
            _ => Err(reader.problems),
        }
    }
}

fn plan(root: &Node, reader: &mut Reader) -> Option<Plan> {
    let mut fields = reader.fields(root, "a plan")?;
    let name = fields.get("name").and_then(|node| reader.text(node, "name"));
    let horizon = fields.get("horizon").and_then(|node| reader.text(node, "horizon"));
    let services = fields.need(reader, "services", "list at least one service");
    let services: Vec<Service> = services
        .map(|node| reader.list(node, "services").iter().filter_map(|node| service(node, reader)).collect())
        .unwrap_or_default();
    let policy = fields.get("policy").and_then(|node| policy(node, reader)).unwrap_or_default();
    let what_ifs = fields
        .get("what_ifs")
        .map(|node| reader.list(node, "what_ifs").iter().filter_map(|node| what_if(node, reader)).collect())
        .unwrap_or_default();
    fields.finish(reader, "a plan");
    check_names(&services, reader);
    if services.is_empty() && reader.problems.is_empty() {
        reader.problem("no-service", root.span, "the plan has no service", "list at least one");
    }
    let name = name.map_or_else(|| "plan".into(), |name| name.value);
    Some(Plan { name, horizon, services, policy, what_ifs, source: reader.source.clone() })
}

/// Every name once, and calls only from services further up, so that no demand rests on itself.
fn check_names(services: &[Service], reader: &mut Reader) {
    for (at, service) in services.iter().enumerate() {
        let above: Vec<&str> = services[..at].iter().map(|s| s.name.value.as_str()).collect();
        if above.contains(&service.name.value.as_str()) {
            let message = format!("there are two services `{}`", service.name.value);
            reader.problem("duplicate", service.name.span, message, "give each a name of its own");
        }
        let DemandSource::Calls(calls) = &service.demand else { continue };
        for (caller, _) in calls.iter().filter(|(caller, _)| !above.contains(&caller.value.as_str())) {
            let message = format!("no service `{}` stands above `{}`", caller.value, service.name.value);
            let help = format!("callers come first; {}", suggestion(&caller.value, above.iter().copied()));
            reader.problem("unknown-service", caller.span, message, help);
        }
    }
}

fn service(node: &Node, reader: &mut Reader) -> Option<Service> {
    let mut fields = reader.fields(node, "a service")?;
    let name = fields.need(reader, "name", "give the service a name").and_then(|n| reader.text(n, "name"));
    let file = fields.get("demand").map(|node| demand(node, reader));
    let calls = fields.get("calls").map(|node| calls(node, reader));
    let capacity = fields.need(reader, "capacity", "say what one instance carries: `capacity: 1200`");
    let capacity = capacity.and_then(|node| reader.text(node, "capacity"));
    let instances = fields.get("instances").map_or(Some(1), |n| reader.count(n, "instances", 1, 1_000_000));
    let span = fields.span;
    fields.finish(reader, "a service");
    let demand = match (file, calls) {
        (Some(file), None) => file,
        (None, Some(calls)) => Some(DemandSource::Calls(calls)),
        _ => {
            let help = "write `demand: { file: demand.csv }` or `calls: { caller: 2.5 }`, not both";
            reader.problem("demand", span, "a service needs `demand` or `calls`", help);
            None
        }
    };
    Some(Service { name: name?, demand: demand?, capacity: capacity?, instances: instances? as u32 })
}

fn demand(node: &Node, reader: &mut Reader) -> Option<DemandSource> {
    let mut fields = reader.fields(node, "demand")?;
    if let Some(url) = fields.get("prometheus") {
        let url = reader.text(url, "prometheus");
        let query = fields.need(reader, "query", "write the expression (PromQL) whose result is the demand");
        let query = query.and_then(|n| reader.text(n, "query"));
        let span: (fn(f64) -> bool, &str) = (|v| v > 0.0, "write a duration such as 180d");
        let last_s = value(fields.get("last"), "last", reader, parse_span, span);
        let step = fields.get("step").and_then(|n| reader.text(n, "step"));
        fields.finish(reader, "demand from Prometheus");
        return Some(DemandSource::Prometheus { url: url?, query: query?, last_s, step });
    }
    let help = "name the file with the history, or the address of a server with `prometheus`";
    let file = fields.need(reader, "file", help).and_then(|n| reader.text(n, "file"));
    let mut text = |name: &'static str| fields.get(name).and_then(|n| reader.text(n, name));
    let (time, value, series) = (text("time"), text("value"), text("series"));
    let (step, aggregate, timezone) = (text("step"), text("aggregate"), text("timezone"));
    fields.finish(reader, "demand");
    Some(DemandSource::File { file: file?, time, value, series, step, aggregate, timezone })
}

fn calls(node: &Node, reader: &mut Reader) -> Vec<(Text, f64)> {
    let entries = reader.entries(node, "calls");
    entries
        .iter()
        .filter_map(|(name, node)| Some((name.clone(), reader.positive(node, &name.value)?)))
        .collect()
}

/// Reads a text with `parse` and keeps it where it `fits`.
fn value<T: Copy>(
    node: Option<&Node>,
    field: &str,
    reader: &mut Reader,
    parse: fn(&str) -> Result<T, String>,
    (fits, help): (fn(T) -> bool, &str),
) -> Option<T> {
    let node = node?;
    let text = reader.text(node, field)?;
    match parse(&text.value) {
        Ok(value) if fits(value) => Some(value),
        Ok(_) => {
            reader.problem("out-of-range", node.span, format!("`{field}` cannot be `{}`", text.value), help);
            None
        }
        Err(message) => {
            reader.problem("unit", node.span, message, help);
            None
        }
    }
}

fn policy(node: &Node, reader: &mut Reader) -> Option<PlanPolicy> {
    let mut fields = reader.fields(node, "a policy")?;
    let usual = PlanPolicy::default();
    let share: (fn(f64) -> bool, &str) =
        (|v| v > 0.0 && v < 1.0, "write a share between 0 and 1, such as 95%");
    let used: (fn(f64) -> bool, &str) = (|v| v > 0.0 && v <= 1.0, "write a share above 0, such as 70%");
    let factor: (fn(f64) -> bool, &str) = (|v| v >= 1.0, "write a factor of at least 1, such as 1.3");
    let span: (fn(f64) -> bool, &str) = (|v| v >= 0.0, "write a duration such as 14d");
    let any: (fn(Redundancy) -> bool, &str) = (|_| true, "write none, n+1, n+2 or zones:3");
    let policy = PlanPolicy {
        quantile: value(fields.get("quantile"), "quantile", reader, parse_fraction, share)
            .unwrap_or(usual.quantile),
        redundancy: value(fields.get("redundancy"), "redundancy", reader, Redundancy::parse, any)
            .unwrap_or_default(),
        burst: value(fields.get("burst"), "burst", reader, parse_fraction, factor).unwrap_or(usual.burst),
        utilisation: value(fields.get("utilisation"), "utilisation", reader, parse_fraction, used)
            .unwrap_or(usual.utilisation),
        lead_time_s: value(fields.get("lead_time"), "lead_time", reader, parse_span, span),
        autoscaling_lag_s: value(fields.get("autoscaling_lag"), "autoscaling_lag", reader, parse_span, span)
            .unwrap_or_default(),
        availability: value(fields.get("availability"), "availability", reader, parse_fraction, share),
    };
    fields.finish(reader, "a policy");
    Some(policy)
}

fn what_if(node: &Node, reader: &mut Reader) -> Option<WhatIf> {
    let mut fields = reader.fields(node, "a what-if")?;
    let name = fields.need(reader, "name", "give it a name").and_then(|n| reader.text(n, "name"));
    let time: fn(&str) -> Result<Time, String> =
        |text| Time::parse(text).ok_or_else(|| format!("`{text}` is no time"));
    let positive: (fn(f64) -> bool, &str) = (|v| v > 0.0, "write a factor above 0, such as 1.3");
    let rate: (fn(f64) -> bool, &str) = (|v| v > -1.0, "write a change such as 20%");
    let what_if = WhatIf {
        name: name.map(|n| n.value).unwrap_or_default(),
        from: value(fields.get("from"), "from", reader, time, (|_| true, "write a date such as 2026-12-01")),
        factor: value(fields.get("factor"), "factor", reader, parse_fraction, positive).unwrap_or(1.0),
        growth: value(fields.get("growth"), "growth", reader, parse_fraction, rate).unwrap_or_default(),
        efficiency: value(fields.get("efficiency"), "efficiency", reader, parse_fraction, rate)
            .unwrap_or_default(),
    };
    fields.finish(reader, "a what-if");
    Some(what_if)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "\
name: shop
horizon: 90d
services:
  - name: front
    demand: { file: demand.csv, value: requests_per_s }
    capacity: 1100..1300
    instances: 8
  - name: database
    calls: { front: 2.5 }
    capacity: 9000
policy: { quantile: 95%, redundancy: n+1, burst: 1.2, lead_time: 14d }
what_ifs:
  - { name: launch, from: 2026-12-01, factor: 1.3 }
";

    #[test]
    fn a_plan_is_read() {
        let plan = Plan::parse(PLAN, "plan.yaml").unwrap();
        assert_eq!((plan.services.len(), plan.services[1].instances), (2, 1));
        assert!(matches!(&plan.services[1].demand, DemandSource::Calls(calls) if calls[0].1 == 2.5));
        assert_eq!(plan.policy.redundancy, Redundancy::Spare(1));
        assert_eq!((plan.policy.quantile, plan.policy.lead_time_s), (0.95, Some(1_209_600.0)));
        assert_eq!(plan.what_ifs[0].from, Time::parse("2026-12-01"));
    }

    #[test]
    fn demand_of_a_server_is_read() {
        let server = "{ prometheus: 'http://me:secret@prom:9090', query: 'sum(up)', last: 30d, step: 1h }";
        let text = PLAN.replace("{ file: demand.csv, value: requests_per_s }", server);
        let plan = Plan::parse(&text, "plan.yaml").unwrap();
        let DemandSource::Prometheus { query, last_s, .. } = &plan.services[0].demand else { panic!() };
        assert_eq!((query.value.as_str(), *last_s), ("sum(up)", Some(2_592_000.0)));
        let without = Plan::parse(&text.replace("query: 'sum(up)', ", ""), "plan.yaml").unwrap_err();
        assert!(without[0].to_string().contains("PromQL"), "{}", without[0]);
    }

    #[test]
    fn mistakes_have_their_place() {
        let wrong = PLAN.replace("front: 2.5", "frnt: 2.5").replace("95%", "195%").replace("burst", "brust");
        let messages: Vec<String> =
            Plan::parse(&wrong, "plan.yaml").unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(messages[0].starts_with("plan.yaml:9:14: no service `frnt` stands above `database`"));
        assert!(messages[0].contains("did you mean `front`?"));
        assert!(messages[1].starts_with("plan.yaml:11:21: `quantile` cannot be `195%`"), "{messages:?}");
        assert!(
            messages[2].contains("unknown key `brust` in a policy; did you mean `burst`?"),
            "{messages:?}"
        );
        assert!(Plan::parse("services: []", "p").unwrap_err()[0].to_string().contains("no service"));
        for text in ["", "x", "services: 3", "services: [{}]", "[1"] {
            assert!(Plan::parse(text, "p").is_err(), "{text}");
        }
    }
}
