//! Changes to be looked at beside the plan itself.

use super::{
    event::after,
    values::{Limits, parse_fraction, value},
};
use crate::{
    scenario::{read::Reader, yaml::Node},
    series::Time,
};

/// A change to be looked at beside the plan itself.
#[derive(Debug, Clone, PartialEq)]
pub struct WhatIf {
    /// What it is called.
    pub name: String,
    /// From when on `factor` holds; from the beginning where not given.
    pub from: Option<Time>,
    /// Until when it holds (the end not included); to the end where not given.
    pub until: Option<Time>,
    /// How many times as large demand is.
    pub factor: f64,
    /// Growth a year beside that of the forecast.
    pub growth: f64,
    /// What an instance carries more, as a fraction.
    pub efficiency: f64,
    /// Instances there are, of every service it is about.
    pub instances: Option<u32>,
    /// One of so many zones is gone for good, with its instances.
    pub loses_zone_of: Option<u32>,
    /// The only service it is about; all where not given.
    pub service: Option<String>,
}

impl Default for WhatIf {
    /// Changes nothing.
    fn default() -> WhatIf {
        WhatIf {
            name: String::new(),
            from: None,
            until: None,
            factor: 1.0,
            growth: 0.0,
            efficiency: 0.0,
            instances: None,
            loses_zone_of: None,
            service: None,
        }
    }
}

/// Reads a what-if; `services` are the names there are.
pub(super) fn what_if(node: &Node, services: &[&str], reader: &mut Reader) -> Option<WhatIf> {
    let mut fields = reader.fields(node, "a what-if")?;
    let name = fields.need(reader, "name", "give it a name").and_then(|n| reader.text(n, "name"));
    let time: fn(&str) -> Result<Time, String> =
        |text| Time::parse(text).ok_or_else(|| format!("`{text}` is no time"));
    let positive: Limits<f64> = (|v| v > 0.0, "write a factor above 0, such as 1.3");
    let rate: Limits<f64> = (|v| v > -1.0, "write a change such as 20%");
    let service = fields.get("service").and_then(|n| reader.text(n, "service"));
    if let Some(name) = service.as_ref().filter(|name| !services.contains(&name.value.as_str())) {
        let help = crate::diagnostic::suggestion(&name.value, services.iter().copied());
        reader.problem("unknown-service", name.span, format!("there is no service `{}`", name.value), help);
    }
    let date: Limits<Time> = (|_| true, "write a date such as 2026-12-01");
    let count = |n: u64| n as u32;
    let (from, until) = (
        value(fields.get("from"), "from", reader, time, date),
        value(fields.get("until"), "until", reader, time, date).map(after),
    );
    let what_if = WhatIf {
        name: name.map(|n| n.value).unwrap_or_default(),
        from,
        until,
        factor: value(fields.get("factor"), "factor", reader, parse_fraction, positive).unwrap_or(1.0),
        growth: value(fields.get("growth"), "growth", reader, parse_fraction, rate).unwrap_or_default(),
        efficiency: value(fields.get("efficiency"), "efficiency", reader, parse_fraction, rate)
            .unwrap_or_default(),
        instances: fields
            .get("instances")
            .and_then(|n| reader.count(n, "instances", 1, 1_000_000))
            .map(count),
        loses_zone_of: fields
            .get("loses_zone_of")
            .and_then(|n| reader.count(n, "loses_zone_of", 2, 1000))
            .map(count),
        service: service.map(|s| s.value),
    };
    if let (Some(from), Some(until)) = (from, until)
        && until <= from
    {
        reader.problem("out-of-range", fields.span, "the what-if ends before it begins", "swap the two");
    }
    if (from.is_some() || until.is_some()) && fields.get("factor").is_none() {
        let help = "they say when `factor` holds; all else holds from the beginning";
        reader.problem("missing-key", fields.span, "`from` and `until` need a `factor`", help);
    }
    fields.finish(reader, "a what-if");
    Some(what_if)
}
