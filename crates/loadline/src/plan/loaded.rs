//! A plan with what its files hold: the demand of each service, its own and its callers', and its capacity.

use std::path::Path;

use loadline_model::diagnostic::{Diagnostic, Span};
use loadline_model::headroom::ServiceHeadroom;
use loadline_model::plan::{EventSource, Plan, Service, WhatIf};
use loadline_model::scenario::Text;
use loadline_model::series::Time;

use super::Asked;
use super::sources;
use super::what_if::{about, changes, question};
use crate::forecast::{Horizon, PlanningError, Request};
use crate::headroom::{Demand, InstanceCapacity, answer};
use crate::prometheus::Access;

/// A plan with what its files hold.
pub(super) struct Loaded<'a> {
    plan: &'a Plan,
    request: Request,
    today: Option<Time>,
    /// The demand of each service that is read from a file or a server.
    own: Vec<Option<Demand>>,
    capacities: Vec<InstanceCapacity>,
}

impl<'a> Loaded<'a> {
    pub(super) fn read(
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
                EventSource::Calendar(file) => file.span,
                EventSource::Event(_) => Span::default(),
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
            own.push(sources::demand(plan, service, base, &request, access)?);
        }
        let mut loaded = Loaded { plan, request, today: asked.today, own, capacities: Vec::new() };
        let demands = loaded.demands(None)?;
        for (service, demand) in plan.services.iter().zip(&demands) {
            let capacity = sources::capacity(service, demand, base)
                .map_err(|message| wrong(plan, service.capacity.span(), message))?;
            loaded.capacities.push(capacity);
        }
        Ok(loaded)
    }

    /// Whether `service` is called by `caller`, directly or through others.
    pub(super) fn calls(&self, service: &str, caller: &str) -> bool {
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
            let callers: Vec<(&str, &Demand, f64)> = service
                .calls
                .iter()
                .filter_map(|(name, times)| Some((name.value.as_str(), demands.get(index(name)?)?, *times)))
                .collect();
            let demand = match (own, &callers[..]) {
                (Some(own), []) => own,
                (own, callers) => self.sum(service, own, callers)?,
            };
            demands.push(demand);
        }
        Ok(demands)
    }

    /// What a service has to carry of its own and of its callers', each with its name and how often it calls.
    fn sum(
        &self,
        service: &Service,
        own: Option<Demand>,
        callers: &[(&str, &Demand, f64)],
    ) -> Result<Demand, PlanningError> {
        let parts = own.iter().map(|d| (d, 1.0)).chain(callers.iter().map(|(_, d, times)| (*d, *times)));
        if let Some(sum) = Demand::sum(&parts.collect::<Vec<_>>(), &self.request) {
            return Ok(match &own {
                Some(own) => sum.noting(own),
                None => sum,
            });
        }
        let own = own.iter().map(|d| format!("its own goes on {}", d.goes_on()));
        let others = callers.iter().map(|(name, d, _)| format!("that of `{name}` {}", d.goes_on()));
        let each = own.chain(others).collect::<Vec<_>>().join(", ");
        let message = format!(
            "its demands do not go on at the same time in the same steps, and so have no sum: {each}; give histories that \
             end together, or cut those that are longer"
        );
        Err(wrong(self.plan, service.name.span, message))
    }

    pub(super) fn answers(&self, what_if: Option<&WhatIf>) -> Vec<ServiceHeadroom> {
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

/// That the plan cannot be used, with the place; what follows a `; ` is the way out.
pub(super) fn wrong(plan: &Plan, span: Span, message: String) -> PlanningError {
    PlanningError::Plan(vec![match message.split_once("; ") {
        Some((message, help)) => Diagnostic::new("value", &plan.source, span, message).with_help(help),
        None => Diagnostic::new("value", &plan.source, span, message),
    }])
}
