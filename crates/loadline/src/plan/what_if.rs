//! What a what-if changes: of the demand, and of what it is set against.

use loadline_analysis::headroom::Policy;
use loadline_model::plan::{Plan, Redundancy, Service, WhatIf};
use loadline_model::series::Time;

use crate::headroom::{Change, InstanceCapacity, Question};

/// Whether it is about that service.
pub(super) fn about(what_if: &WhatIf, service: &Service) -> bool {
    what_if.service.as_ref().is_none_or(|name| *name == service.name.value)
}

/// What it changes of the demand of a service that it is about.
pub(super) fn changes(what_if: &WhatIf) -> Vec<Change> {
    let WhatIf { factor, from, until, growth, .. } = *what_if;
    vec![Change::Times { factor, from, until }, Change::Growth(growth)]
}

/// What a service's demand is set against, as planned or as the what-if makes it.
pub(super) fn question(
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
