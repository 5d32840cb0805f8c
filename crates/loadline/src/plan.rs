//! Headroom of a plan: its services' demand, their capacities, and its what-ifs.

use std::path::Path;

use loadline_analysis::headroom::{Capacity, Policy};
use loadline_analysis::ingest::{Aggregate, Columns, Parts, Reading, Step, UTILISATIONS, Zone};
use loadline_model::diagnostic::{Diagnostic, Span};
use loadline_model::headroom::{HeadroomDocument, Outlook, ServiceHeadroom};
use loadline_model::plan::{CapacitySource, DemandSource, Event, Plan, Redundancy, Service, WhatIf};
use loadline_model::scenario::Text;
use loadline_model::series::Time;

use crate::demand::{Source, load};
use crate::forecast::{Horizon, PlanningError, Request};
use crate::headroom::{
    Change, Demand, InstanceCapacity, Question, UtilisationHistory, answer, document, of_table,
    of_utilisation, parse_capacity,
};
use crate::prometheus::{Access, Query};

/// What is asked of a plan beside what it says itself.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Goes before the plan's own.
    pub horizon: Option<Horizon>,
    /// Season lengths in steps; found where not given.
    pub seasons: Option<Vec<usize>>,
    /// Added to the plan's own.
    pub events: Vec<Event>,
    /// As in [`Question`].
    pub today: Option<Time>,
}

/// The headroom of every service of `plan`, whose files are relative to `base`. The fields of the document itself are
/// those of the service most likely to run out. `access` says how servers with demand are reached.
///
/// # Errors
///
/// What cannot be used of the plan, with its place, or of the files it names.
pub fn headroom_of_plan(
    plan: &Plan,
    base: &Path,
    asked: &Asked,
    access: &Access,
) -> Result<HeadroomDocument, PlanningError> {
    let loaded = Loaded::read(plan, base, asked, access)?;
    let now = loaded.answers(None);
    let services: Vec<Outlook> = now.iter().map(|answer| outlook(answer, None)).collect();
    // A change of demand goes on to those who are called.
    let about = |what_if: &WhatIf, answer: &&ServiceHeadroom| {
        let passed_on = what_if.factor != 1.0 || what_if.growth != 0.0;
        what_if
            .service
            .as_ref()
            .is_none_or(|name| *name == answer.service || passed_on && loaded.calls(&answer.service, name))
    };
    let mut what_ifs = Vec::new();
    for what_if in &plan.what_ifs {
        let answers = loaded.answers(Some(what_if));
        what_ifs.extend(answers.iter().filter(|a| about(what_if, a)).map(|a| outlook(a, Some(what_if))));
    }
    let first = (0..services.len())
        .rev()
        .max_by(|a, b| services[*a].exceeded_by_end.total_cmp(&services[*b].exceeded_by_end))
        .expect("a plan has a service");
    let service = Some(services[first].service.clone());
    Ok(HeadroomDocument {
        name: plan.name.clone(),
        service,
        services,
        what_ifs,
        details: now.clone(),
        ..document(now[first].clone())
    })
}

/// Reads what the plan names, servers included, and says what is wrong with it: as [`headroom_of_plan`] would, without
/// the answer.
///
/// # Errors
///
/// As there.
pub fn check(plan: &Plan, base: &Path, access: &Access) -> Result<(), PlanningError> {
    Loaded::read(plan, base, &Asked::default(), access).map(drop)
}

/// A plan with what its files hold.
struct Loaded<'a> {
    plan: &'a Plan,
    request: Request,
    today: Option<Time>,
    /// The demand of each service that is read from a file or a server.
    own: Vec<Option<Demand>>,
    capacities: Vec<InstanceCapacity>,
}

impl<'a> Loaded<'a> {
    fn read(
        plan: &'a Plan,
        base: &Path,
        asked: &Asked,
        access: &Access,
    ) -> Result<Loaded<'a>, PlanningError> {
        let given = plan
            .horizon
            .as_ref()
            .map(|text| Horizon::parse(&text.value).map_err(|message| wrong(plan, text.span, message)));
        let own_events = crate::events::of_plan(plan, base).map_err(|(at, message)| {
            let span = match &plan.events[at] {
                loadline_model::plan::EventSource::Calendar(file) => file.span,
                loadline_model::plan::EventSource::Event(_) => Span::default(),
            };
            wrong(plan, span, message)
        })?;
        let request = Request {
            horizon: asked.horizon.or(given.transpose()?),
            seasons: asked.seasons.clone(),
            events: own_events.into_iter().chain(asked.events.iter().cloned()).collect(),
            ..Request::default()
        };
        let mut own = Vec::new();
        for service in &plan.services {
            own.push(demand(plan, service, base, &request, access)?);
        }
        let mut loaded = Loaded { plan, request, today: asked.today, own, capacities: Vec::new() };
        let demands = loaded.demands(None)?;
        for (service, demand) in plan.services.iter().zip(&demands) {
            let capacity = capacity(service, demand, base)
                .map_err(|message| wrong(plan, service.capacity.span(), message))?;
            loaded.capacities.push(capacity);
        }
        Ok(loaded)
    }

    /// Whether `service` is called by `caller`, directly or through others.
    fn calls(&self, service: &str, caller: &str) -> bool {
        let found = self.plan.services.iter().find(|s| s.name.value == service);
        found.is_some_and(|s| {
            s.calls.iter().any(|(name, _)| name.value == caller || self.calls(&name.value, caller))
        })
    }

    /// The demand of each service: its own, changed by the what-if, and that of its callers, who stand further up.
    fn demands(&self, what_if: Option<&WhatIf>) -> Result<Vec<Demand>, PlanningError> {
        let mut demands: Vec<Demand> = Vec::new();
        for (service, own) in self.plan.services.iter().zip(&self.own) {
            let changes = what_if.filter(|w| about(w, service)).map(changes).unwrap_or_default();
            let own = own.as_ref().map(|demand| demand.changed(&changes));
            let index = |name: &Text| self.plan.services.iter().position(|s| s.name.value == name.value);
            let callers: Vec<(&Demand, f64)> = service
                .calls
                .iter()
                .filter_map(|(name, times)| Some((demands.get(index(name)?)?, *times)))
                .collect();
            let demand = match (own, &callers[..]) {
                (Some(own), []) => own,
                (own, callers) => {
                    let parts: Vec<(&Demand, f64)> =
                        own.iter().map(|d| (d, 1.0)).chain(callers.iter().copied()).collect();
                    Demand::sum(&parts, &self.request).ok_or_else(|| {
                        let message = "its own demand and that of its callers do not go on at the same time in the \
                                       same steps, and so have no sum";
                        wrong(self.plan, service.name.span, message.into())
                    })?
                }
            };
            demands.push(demand);
        }
        Ok(demands)
    }

    fn answers(&self, what_if: Option<&WhatIf>) -> Vec<ServiceHeadroom> {
        let demands = self.demands(what_if).expect("the demands were summed before");
        let services = self.plan.services.iter().zip(&demands).zip(&self.capacities);
        services
            .map(|((service, demand), capacity)| {
                let what_if = what_if.filter(|w| about(w, service));
                let question = question(self.plan, service, capacity, what_if, self.today);
                answer(&service.name.value, demand, &question)
            })
            .collect()
    }
}

fn wrong(plan: &Plan, span: Span, message: String) -> PlanningError {
    PlanningError::Plan(vec![match message.split_once("; ") {
        Some((message, help)) => Diagnostic::new("value", &plan.source, span, message).with_help(help),
        None => Diagnostic::new("value", &plan.source, span, message),
    }])
}

fn about(what_if: &WhatIf, service: &Service) -> bool {
    what_if.service.as_ref().is_none_or(|name| *name == service.name.value)
}

fn changes(what_if: &WhatIf) -> Vec<Change> {
    let from = what_if.from.unwrap_or(Time::Clock(i64::MIN));
    vec![Change::Event { from, factor: what_if.factor }, Change::Growth(what_if.growth)]
}

fn demand(
    plan: &Plan,
    service: &Service,
    base: &Path,
    request: &Request,
    access: &Access,
) -> Result<Option<Demand>, PlanningError> {
    let Some(source) = &service.demand else { return Ok(None) };
    let (DemandSource::File { only, .. } | DemandSource::Prometheus { only, .. }) = source;
    let source = source_of(source, base).map_err(|(text, message)| wrong(plan, text.span, message))?;
    let mut all = load(&source, access)?;
    let names: Vec<String> = only.iter().map(|name| name.value.clone()).collect();
    crate::demand::only(&mut all, &names).map_err(|(unknown, meant)| {
        let help = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        let span = only.iter().find(|name| name.value == unknown).map_or(service.name.span, |name| name.span);
        wrong(plan, span, format!("the demand has no series `{unknown}`{help}"))
    })?;
    Demand::forecast(&all, request, service.per_s).map(Some)
}

/// Days of history asked of a server where the plan does not say.
const HISTORY_S: f64 = 180.0 * 86_400.0;

/// Where the demand of a service is read; an error names the text that is to blame.
fn source_of<'a>(source: &'a DemandSource, base: &Path) -> Result<Source, (&'a Text, String)> {
    match source {
        DemandSource::File { file, time, value, series, step, aggregate, timezone, only: _ } => {
            let reading = Reading {
                columns: Columns {
                    time: name(time),
                    value: name(value),
                    series: name(series),
                    ..Columns::default()
                },
                step: read(step, Step::parse)?,
                aggregate: read(aggregate, Aggregate::parse)?.unwrap_or_default(),
                zone: read(timezone, Zone::parse)?,
            };
            Ok(Source::Files { path: base.join(&file.value), reading, parts: Parts::default() })
        }
        DemandSource::Prometheus { url, query, last_s, step, only: _ } => Ok(Source::Prometheus(Query {
            url: url.value.clone(),
            query: query.value.clone(),
            last_s: last_s.unwrap_or(HISTORY_S),
            step_s: read(step, Step::parse_seconds)?,
        })),
    }
}

/// A field that need not be there, read by `parse`; an error names its text.
fn read<T>(
    text: &Option<Text>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, (&Text, String)> {
    text.as_ref().map(|text| parse(&text.value).map_err(|message| (text, message))).transpose()
}

fn name(text: &Option<Text>) -> Option<String> {
    text.as_ref().map(|text| text.value.clone())
}

/// How a history beside the demand is read: at the same times.
fn reading_beside(demand: Option<&DemandSource>, columns: Columns) -> Result<Reading, String> {
    let (step, timezone) = match demand {
        Some(DemandSource::File { step, timezone, .. }) => (step, timezone),
        Some(DemandSource::Prometheus { step, .. }) => (step, &None),
        None => (&None, &None),
    };
    let message = |(_, message)| message;
    let (step, zone) =
        (read(step, Step::parse).map_err(message)?, read(timezone, Zone::parse).map_err(message)?);
    Ok(Reading { columns, step, zone, ..Reading::default() })
}

/// A capacity as the plan says it; files are relative to it.
fn capacity(service: &Service, demand: &Demand, base: &Path) -> Result<InstanceCapacity, String> {
    match &service.capacity {
        CapacitySource::Written(text) => {
            let file = base.join(&text.value);
            if file.is_file() {
                parse_capacity(&file.display().to_string())
            } else {
                parse_capacity(&text.value)
            }
        }
        CapacitySource::Interval { low, high, confidence, .. } => {
            let interval = Capacity::interval(*low, *high, *confidence);
            let source = format!("given as a {:.0} % interval", 100.0 * confidence);
            Ok(InstanceCapacity::new(interval, source))
        }
        CapacitySource::Table { file, row } => {
            of_table(&base.join(&file.value), row.as_ref().map_or(&service.name.value, |row| &row.value))
        }
        CapacitySource::Utilisation(source) => {
            let columns = Columns {
                time: name(&source.time),
                value: name(&source.value),
                usual_values: UTILISATIONS,
                ..Columns::default()
            };
            let reading = reading_beside(service.demand.as_ref(), columns)?;
            let (file, instances) = (base.join(&source.file.value), name(&source.instances));
            let history = UtilisationHistory::load(&file, &reading, instances.as_deref(), source.target)?;
            of_utilisation(demand.history(), &history, service.instances)
        }
    }
}

fn question(
    plan: &Plan,
    service: &Service,
    capacity: &InstanceCapacity,
    what_if: Option<&WhatIf>,
    today: Option<Time>,
) -> Question {
    let policy = &service.policy;
    let more = 1.0 + what_if.map_or(0.0, |w| w.efficiency);
    let mut instances = what_if.and_then(|w| w.instances).unwrap_or(service.instances);
    let (mut redundancy, mut restored) = (policy.redundancy, None);
    if let Some(zones) = what_if.and_then(|w| w.loses_zone_of) {
        // The largest zone is gone; what was spare against that has been used up, and has to be there again, in the zones
        // that are left: a loss never saves money.
        instances -= instances.div_ceil(zones);
        redundancy = Redundancy::None;
        restored = Some(match policy.redundancy {
            Redundancy::Zones(planned) => Redundancy::Zones((zones - 1).clamp(2, planned)),
            kept => kept,
        });
    }
    Question {
        capacity: InstanceCapacity { capacity: capacity.capacity.times(more), ..capacity.clone() },
        instances,
        policy: Policy {
            quantile: policy.quantile,
            burst: policy.burst,
            utilisation: policy.utilisation,
            redundancy,
            lag_steps: 0.0,
        },
        restored,
        today,
        lead_time_s: policy.lead_time_s,
        lag_s: policy.autoscaling_lag_s,
        availability: policy.availability,
        price: service.price,
        currency: plan.currency.clone(),
    }
}

fn outlook(answer: &ServiceHeadroom, what_if: Option<&WhatIf>) -> Outlook {
    let needed: Option<Vec<u64>> = answer.instances.iter().map(|i| i.needed).collect();
    let costs = answer.cost.iter().flat_map(|c| &c.months).filter_map(|m| m.per_month);
    Outlook {
        service: answer.service.clone(),
        what_if: what_if.map(|w| w.name.clone()),
        headroom_now: answer.headroom_now,
        runs_out: answer.runs_out.clone(),
        exceeded_by_end: answer.probability.last().map_or(0.0, |p| p.exceeded_by),
        needed_max: needed.and_then(|n| n.into_iter().max()),
        order_by: answer.order_by,
        cost_per_month_max: costs.reduce(f64::max),
        error_budget_eaten: answer.error_budget.as_ref().map(|b| b.eaten),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (String, std::path::PathBuf) {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/plans");
        (std::fs::read_to_string(base.join("shop.yaml")).unwrap(), base)
    }

    fn headroom_of(plan: &Plan, base: &Path) -> Result<HeadroomDocument, PlanningError> {
        headroom_of_plan(plan, base, &Asked::default(), &Access::default())
    }

    #[test]
    fn the_sample_runs_out_and_says_what_would_help() {
        let (text, base) = sample();
        let document = headroom_of(&Plan::parse(&text, "shop.yaml").unwrap(), &base).unwrap();
        assert_eq!(
            (document.services.len(), document.what_ifs.len(), document.probability.len()),
            (2, 9, 120)
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

    /// 200 a second for ever on instances of 25: eight serve. Three zones, one of which may be lost, need twelve.
    #[test]
    fn a_lost_zone_saves_nothing() {
        let base = std::env::temp_dir().join(format!("loadline-zones-{}", std::process::id()));
        std::fs::create_dir_all(&base).unwrap();
        let rows: String = (0..60).map(|t| format!("{},200\n", 1_767_225_600 + t * 86_400)).collect();
        std::fs::write(base.join("flat.csv"), format!("time,value\n{rows}")).unwrap();
        for (redundancy, planned, after) in
            [("zones:3", 12, 16), ("zones:2", 16, 16), ("n+1", 9, 9), ("none", 8, 8)]
        {
            let text = format!(
                "horizon: 30d\nservices:\n  - {{ name: front, demand: {{ file: flat.csv }}, capacity: 25, instances: 12, \
                 price: 10/month, policy: {{ redundancy: '{redundancy}' }} }}\nwhat_ifs:\n  - {{ name: gone, \
                 loses_zone_of: 3 }}\n"
            );
            let document = headroom_of(&Plan::parse(&text, "plan.yaml").unwrap(), &base).unwrap();
            let (plan, gone) = (&document.services[0], &document.what_ifs[0]);
            assert_eq!((plan.needed_max, gone.needed_max), (Some(planned), Some(after)), "{redundancy}");
            assert!(gone.cost_per_month_max >= plan.cost_per_month_max, "{redundancy}");
            // Of twelve instances eight are left, which carry exactly the demand.
            assert_eq!(gone.exceeded_by_end, 0.0, "{redundancy}");
        }
        std::fs::remove_dir_all(base).unwrap();
    }

    /// One instance is in one zone: with that gone nothing is left; nor does n+2 leave one of two.
    #[test]
    fn the_zone_of_a_single_instance_takes_it_away() {
        let base = std::env::temp_dir().join(format!("loadline-single-{}", std::process::id()));
        std::fs::create_dir_all(&base).unwrap();
        let rows: String = (0..60).map(|t| format!("{},20\n", 1_767_225_600 + t * 86_400)).collect();
        std::fs::write(base.join("flat.csv"), format!("time,value\n{rows}")).unwrap();
        let of = |policy: &str, instances: u32| {
            let text = format!(
                "horizon: 30d\nservices:\n  - {{ name: front, demand: {{ file: flat.csv }}, capacity: 25, instances: \
                 {instances}, policy: {{ redundancy: '{policy}' }} }}\nwhat_ifs:\n  - {{ name: gone, loses_zone_of: 3 }}\n"
            );
            headroom_of(&Plan::parse(&text, "plan.yaml").unwrap(), &base).unwrap()
        };
        let single = of("none", 1);
        assert_eq!((single.services[0].exceeded_by_end, single.what_ifs[0].exceeded_by_end), (0.0, 1.0));
        assert_eq!((single.what_ifs[0].headroom_now, single.what_ifs[0].needed_max), (None, Some(1)));
        let spare = of("n+2", 2);
        assert_eq!(spare.services[0].exceeded_by_end, 1.0);
        assert!(spare.notes.iter().any(|n| n.contains("no instance is left to serve")), "{:?}", spare.notes);
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn a_capacity_that_is_none_has_its_place() {
        let (text, base) = sample();
        let plan = Plan::parse(&text.replace("210..240", "much"), "shop.yaml").unwrap();
        let Err(PlanningError::Plan(diagnostics)) = headroom_of(&plan, &base) else { panic!() };
        assert!(diagnostics[0].to_string().starts_with("shop.yaml:9:15: `much` is neither a capacity"));
    }
}
