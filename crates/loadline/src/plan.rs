//! Headroom of a plan: its services' demand, their capacities, and its what-ifs.

use std::path::Path;

use loadline_analysis::headroom::{Capacity, Policy};
use loadline_analysis::ingest::{Aggregate, Columns, Parts, Reading, Step, Zone};
use loadline_model::diagnostic::Diagnostic;
use loadline_model::headroom::{HeadroomDocument, Outlook};
use loadline_model::plan::{DemandSource, Plan, Service, WhatIf};
use loadline_model::scenario::Text;
use loadline_model::series::Time;

use crate::demand::{Source, load};
use crate::forecast::{Horizon, PlanningError, Request};
use crate::headroom::{Change, Demand, Question, answer, parse_capacity};
use crate::prometheus::{Access, Query};

/// The headroom of every service of `plan`, whose files are relative to `base`. The fields of the document itself are
/// those of the service most likely to run out. `horizon` goes before the plan's own; `access` says how servers with
/// demand are reached.
///
/// # Errors
///
/// What cannot be used of the plan, with its place, or of the files it names.
pub fn headroom_of_plan(
    plan: &Plan,
    base: &Path,
    horizon: Option<Horizon>,
    access: &Access,
) -> Result<HeadroomDocument, PlanningError> {
    let wrong = |text: &Text, message: String| {
        PlanningError::Plan(vec![Diagnostic::new("value", &plan.source, text.span, message)])
    };
    let own = plan
        .horizon
        .as_ref()
        .map(|text| Horizon::parse(&text.value).map_err(|m| wrong(text, m)))
        .transpose()?;
    let request = Request { horizon: horizon.or(own), ..Request::default() };
    let mut demands: Vec<Demand> = Vec::new();
    let mut capacities = Vec::new();
    for service in &plan.services {
        let capacity = resolve(&service.capacity, base).map_err(|m| wrong(&service.capacity, m))?;
        capacities.push(capacity);
        let demand = match &service.demand {
            DemandSource::Calls(calls) => called(plan, calls, &demands)
                .ok_or_else(|| wrong(&service.name, "its callers do not cover the same times".into()))?,
            source => {
                let source = source_of(source, base).map_err(|(text, message)| wrong(text, message))?;
                Demand::forecast(&load(&source, access)?, &request)?
            }
        };
        demands.push(demand);
    }
    let documents = |what_if: Option<&WhatIf>| -> Vec<HeadroomDocument> {
        let of = |((service, demand), capacity): ((&Service, &Demand), &Capacity)| {
            answer(demand.clone(), &question(plan, service, *capacity, what_if))
        };
        plan.services.iter().zip(&demands).zip(&capacities).map(of).collect()
    };
    let outlooks = |documents: &[HeadroomDocument], what_if: Option<&WhatIf>| -> Vec<Outlook> {
        plan.services.iter().zip(documents).map(|(s, d)| outlook(s, d, what_if)).collect()
    };
    let now = documents(None);
    let services = outlooks(&now, None);
    let what_ifs = plan.what_ifs.iter().flat_map(|w| outlooks(&documents(Some(w)), Some(w))).collect();
    let first = (0..services.len())
        .rev()
        .max_by(|a, b| services[*a].exceeded_by_end.total_cmp(&services[*b].exceeded_by_end))
        .expect("a plan has a service");
    let service = Some(services[first].service.clone());
    Ok(HeadroomDocument { service, services, what_ifs, ..now[first].clone() })
}

/// Days of history asked of a server where the plan does not say.
const HISTORY_S: f64 = 180.0 * 86_400.0;

/// Where the demand of a service is read; an error names the text that is to blame.
fn source_of<'a>(source: &'a DemandSource, base: &Path) -> Result<Source, (&'a Text, String)> {
    fn read<T>(
        text: &Option<Text>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, (&Text, String)> {
        text.as_ref().map(|text| parse(&text.value).map_err(|message| (text, message))).transpose()
    }
    match source {
        DemandSource::File { file, time, value, series, step, aggregate, timezone } => {
            let name = |text: &Option<Text>| text.as_ref().map(|t| t.value.clone());
            let reading = Reading {
                columns: Columns { time: name(time), value: name(value), series: name(series) },
                step: read(step, Step::parse)?,
                aggregate: read(aggregate, Aggregate::parse)?.unwrap_or_default(),
                zone: read(timezone, Zone::parse)?,
            };
            Ok(Source::Files { path: base.join(&file.value), reading, parts: Parts::default() })
        }
        DemandSource::Prometheus { url, query, last_s, step } => Ok(Source::Prometheus(Query {
            url: url.value.clone(),
            query: query.value.clone(),
            last_s: last_s.unwrap_or(HISTORY_S),
            step_s: read(step, Step::parse_seconds)?,
        })),
        DemandSource::Calls(_) => unreachable!("demand of callers is not read"),
    }
}

/// A capacity as written; a file is relative to the plan.
fn resolve(text: &Text, base: &Path) -> Result<Capacity, String> {
    let file = base.join(&text.value);
    if file.is_file() { parse_capacity(&file.display().to_string()) } else { parse_capacity(&text.value) }
}

/// The demand that callers make, who stand further up.
fn called(plan: &Plan, calls: &[(Text, f64)], demands: &[Demand]) -> Option<Demand> {
    let index = |name: &Text| plan.services.iter().position(|s| s.name.value == name.value);
    let parts: Option<Vec<(&Demand, f64)>> =
        calls.iter().map(|(name, times)| Some((demands.get(index(name)?)?, *times))).collect();
    Demand::sum(&parts?)
}

fn question(plan: &Plan, service: &Service, capacity: Capacity, what_if: Option<&WhatIf>) -> Question {
    let policy = &plan.policy;
    let changes = what_if.map(|w| {
        vec![
            Change::Event { from: w.from.unwrap_or(Time::Clock(i64::MIN)), factor: w.factor },
            Change::Growth(w.growth),
        ]
    });
    Question {
        capacity: capacity.times(1.0 + what_if.map_or(0.0, |w| w.efficiency)),
        instances: service.instances,
        policy: Policy {
            quantile: policy.quantile,
            burst: policy.burst,
            utilisation: policy.utilisation,
            redundancy: policy.redundancy,
            lag_steps: 0,
        },
        lead_time_s: policy.lead_time_s,
        lag_s: policy.autoscaling_lag_s,
        error_budget: policy.availability.map(|a| 1.0 - a),
        changes: changes.unwrap_or_default(),
    }
}

fn outlook(service: &Service, document: &HeadroomDocument, what_if: Option<&WhatIf>) -> Outlook {
    let needed: Option<Vec<u64>> = document.instances.iter().map(|i| i.needed).collect();
    Outlook {
        service: service.name.value.clone(),
        what_if: what_if.map(|w| w.name.clone()),
        headroom_now: document.headroom_now,
        runs_out: document.runs_out.clone(),
        exceeded_by_end: document.probability.last().map_or(0.0, |p| p.exceeded_by),
        needed_max: needed.and_then(|n| n.into_iter().max()),
        order_by: document.order_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (String, std::path::PathBuf) {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/plans");
        (std::fs::read_to_string(base.join("shop.yaml")).unwrap(), base)
    }

    #[test]
    fn the_sample_runs_out_and_says_what_would_help() {
        let (text, base) = sample();
        let document =
            headroom_of_plan(&Plan::parse(&text, "shop.yaml").unwrap(), &base, None, &Access::default())
                .unwrap();
        assert_eq!(
            (document.services.len(), document.what_ifs.len(), document.probability.len()),
            (2, 6, 120)
        );
        let of = |name: &str| document.what_ifs.iter().find(|o| o.what_if.as_deref() == Some(name)).unwrap();
        let plan = document.services[0].exceeded_by_end;
        assert!(of("launch in December").exceeded_by_end >= plan);
        assert!(of("10 % faster code").exceeded_by_end <= plan);
        assert_eq!(
            document.probability.last().unwrap().exceeded_by,
            document.services.iter().map(|s| s.exceeded_by_end).fold(0.0, f64::max)
        );
    }

    #[test]
    fn a_capacity_that_is_none_has_its_place() {
        let (text, base) = sample();
        let plan = Plan::parse(&text.replace("1400", "much"), "shop.yaml").unwrap();
        let Err(PlanningError::Plan(diagnostics)) = headroom_of_plan(&plan, &base, None, &Access::default())
        else {
            panic!()
        };
        assert!(diagnostics[0].to_string().starts_with("shop.yaml:13:15: `much` is neither a capacity"));
    }
}
