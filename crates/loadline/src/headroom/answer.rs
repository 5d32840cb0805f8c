//! One service's answer: its demand against its capacity, in a document.

use loadline_analysis::headroom::cost::{Month, bills};
use loadline_analysis::headroom::{Budget, Policy, Redundancy, headroom, headroom_now, overload, usable};
use loadline_model::headroom::{
    Band, CapacityDocument, Cost, ErrorBudget, Instances, MonthCost, PolicyDocument, Probability, RunsOut,
    ServiceHeadroom,
};
use loadline_model::plan::MONTH_DAYS;
use loadline_model::series::Time;

use super::{Demand, Question};

/// Days of an error budget.
const BUDGET_DAYS: f64 = 30.0;
const DAY_S: f64 = 86_400.0;

/// Sets the demand of `service` (empty without a plan) against its capacity.
pub fn answer(service: &str, demand: &Demand, question: &Question) -> ServiceHeadroom {
    let is_assumed = question.capacity.per_second && demand.per_s.is_none();
    let question = &Question { capacity: question.capacity.in_unit(demand.per_s), ..question.clone() };
    let step_s = demand.axis().step_s();
    let policy = Policy { lag_steps: step_s.map_or(0.0, |step| question.lag_s / step), ..question.policy };
    let capacity = &question.capacity.capacity;
    let result = headroom(&demand.paths, capacity, question.instances, &policy);
    let at = |p: f64| result.runs_out(p).map(|step| demand.time(step));
    let restored = question.restored.map(|redundancy| {
        headroom(&demand.paths, capacity, question.instances, &Policy { redundancy, ..policy })
    });
    let plan = restored.as_ref().unwrap_or(&result);
    let dates = (0..demand.steps()).map(|step| demand.time(step));
    let probability = dates.clone().zip(&result.exceeded_by);
    let instances = dates.zip(&plan.needed);
    let mut notes = [&question.capacity.notes[..], &demand.notes].concat();
    if is_assumed {
        notes.push(
            "the demand is taken to be per second, as the capacity is: where it counts by something else, say so \
             (`per`)"
                .into(),
        );
    }
    if question.restored.is_some_and(|redundancy| redundancy != Redundancy::None) {
        notes.push(
            "the loss is what the redundancy was for: headroom and risk are those of the instances that are left; the \
             instances needed, those left included, allow for the next one"
                .into(),
        );
    }
    let today = today(demand, question, &mut notes);
    let usable_now = usable(capacity, question.instances, &policy, 0.5);
    notes.extend(tie(demand, usable_now));
    if usable_now <= 0.0 {
        notes.push(format!(
            "of {} no instance is left to serve under this redundancy: all demand is above what may be used",
            question.instances
        ));
    }
    let error_budget = error_budget(demand, question);
    if step_s.is_none() {
        let lost = [
            (question.lead_time_s.is_some() || question.lag_s > 0.0, "lead time and lag were left out"),
            (question.availability.is_some(), "an error budget was left out"),
        ];
        let said = lost.iter().filter(|l| l.0).map(|l| format!("the demand has no dates: {}", l.1));
        notes.extend(said);
    }
    if let Some(budget) = error_budget.as_ref().filter(|b| b.days < BUDGET_DAYS - 1e-9) {
        notes.push(format!(
            "the error budget was looked at over the {:.0} days of the horizon only",
            budget.days
        ));
    }
    let scaled = question.lag_s > 0.0;
    let cost = cost(demand, question, if scaled { &plan.following } else { &plan.needed }, &mut notes);
    ServiceHeadroom {
        service: service.into(),
        instances_now: question.instances,
        capacity: CapacityDocument {
            source: question.capacity.source.clone(),
            per_instance: band(|q| capacity.quantile(q)),
            usable: band(|q| usable(capacity, question.instances, &policy, q)),
            observed_max: question.capacity.observed_max,
        },
        policy: PolicyDocument {
            quantile: policy.quantile,
            redundancy: policy.redundancy.to_string(),
            burst: policy.burst,
            utilisation: policy.utilisation,
            lead_time_s: question.lead_time_s,
            autoscaling_lag_s: question.lag_s,
        },
        demand: demand.document(),
        headroom_now: headroom_now(demand.peak(), capacity, question.instances, &policy),
        runs_out: RunsOut { p10: at(0.1), p50: at(0.5), p90: at(0.9) },
        probability: probability.map(|(date, p)| Probability { date, exceeded_by: *p }).collect(),
        instances: instances.map(|(date, needed)| Instances { date, needed: *needed }).collect(),
        order_by: order_by(demand, question, &plan.needed),
        today,
        error_budget,
        cost,
        notes,
    }
}

/// The lead time before the first step that needs more than there are.
fn order_by(demand: &Demand, question: &Question, needed: &[Option<u64>]) -> Option<Time> {
    let lead = question.lead_time_s?;
    let have = u64::from(question.instances);
    match demand.time(needed.iter().position(|n| n.is_none_or(|n| n > have))?) {
        Time::Clock(seconds) => Some(Time::Clock(seconds - lead.ceil() as i64)),
        Time::Step(_) => None,
    }
}

/// Steps after the end of the history from which on it is said to have ended.
const STALE_STEPS: i64 = 3;

/// The later of the day asked on and the last time of the history.
fn today(demand: &Demand, question: &Question, notes: &mut Vec<String>) -> Option<Time> {
    let (Time::Clock(_), step) = (demand.time(0), demand.axis().step()) else { return None };
    let end = demand.last_time().number();
    let today = match question.today {
        Some(Time::Clock(today)) if today > end => today,
        Some(Time::Clock(early)) if early < end => {
            let (early, end) = (Time::Clock(early), Time::Clock(end));
            notes.push(format!(
                "today ({early}) is before the end of the history: orders are counted from that, {end}"
            ));
            return Some(end);
        }
        _ => return Some(Time::Clock(end)),
    };
    if today - end > STALE_STEPS * step {
        let last = demand.time(demand.steps() - 1);
        let days = (today - end) as f64 / DAY_S;
        let ago = if days < 2.0 { format!("{:.0} hours", 24.0 * days) } else { format!("{days:.0} days") };
        notes.push(format!(
            "the history ends at {}, {ago} before today ({}): what came since is not known, and the horizon, which goes on \
             from there, ends at {last}; bring the history up to date",
            Time::Clock(end),
            Time::Clock(today)
        ));
    }
    Some(Time::Clock(today))
}

/// A demand whose expected peak is what may be used, neither more nor less.
fn tie(demand: &Demand, usable: f64) -> Option<String> {
    let peak = |path: &Vec<f64>| path.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let ties = demand.paths.iter().filter(|path| (peak(path) / usable - 1.0).abs() < 1e-9).count();
    (2 * ties > demand.paths.len()).then(|| {
        "the peak of demand equals what may be used exactly: that is not exceeded, and nothing is to spare".into()
    })
}

fn band(quantile: impl Fn(f64) -> f64) -> Band {
    Band { low: quantile(0.05), value: quantile(0.5), high: quantile(0.95) }
}

fn error_budget(demand: &Demand, question: &Question) -> Option<ErrorBudget> {
    let (availability, step_s) = (question.availability?, demand.axis().step_s()?);
    let steps = ((BUDGET_DAYS * DAY_S / step_s).round() as usize).clamp(1, demand.steps());
    let budget = Budget { share: 1.0 - availability, steps };
    let capacity = &question.capacity.capacity;
    let found = overload(&demand.paths, capacity, question.instances, question.policy.burst, &budget);
    Some(ErrorBudget {
        availability,
        eaten: found.eaten,
        overdrawn: found.overdrawn,
        worst: found.worst,
        worst_from: demand.time(found.worst_from),
        days: steps as f64 * step_s / DAY_S,
    })
}

fn cost(
    demand: &Demand,
    question: &Question,
    needed: &[Option<u64>],
    notes: &mut Vec<String>,
) -> Option<Cost> {
    let price = question.price?;
    let per_s = demand.per_s.unwrap_or_else(|| {
        if !question.capacity.per_second {
            notes.push(
                "the cost of a million requests takes the demand as requests a second: say so, or what it counts by, \
                 with `per`"
                    .into(),
            );
        }
        1.0
    });
    let months = months(demand);
    let requests = |month: &Month| Some(demand.mean(month.steps.clone()) / per_s * MONTH_DAYS * DAY_S);
    let scaled = question.lag_s > 0.0;
    let bills =
        bills(needed, &months.iter().map(|m| m.1.clone()).collect::<Vec<_>>(), price, scaled, requests);
    let step_s = demand.axis().step_s();
    let spare = |needed: &Option<u64>| needed.is_some_and(|n| n < u64::from(question.instances));
    if !scaled && months.iter().any(|(_, month)| needed[month.steps.clone()].iter().all(spare)) {
        notes.push(format!(
            "a month costs the instances needed in it, as if spare ones were given back: the {} that there are cost {} a month \
             until they are",
            question.instances,
            price * f64::from(question.instances)
        ));
    }
    let months = months.into_iter().zip(bills).map(|((month, steps), bill)| MonthCost {
        month,
        days: step_s.map_or(0.0, |step| steps.steps.len() as f64 * step / DAY_S),
        instances: bill.instances,
        per_month: bill.per_month,
        per_million_requests: bill.per_million,
    });
    Some(Cost {
        currency: question.currency.clone(),
        instance_per_month: price,
        now_per_month: price * f64::from(question.instances),
        months: months.collect(),
    })
}

/// The calendar months of the horizon with their names; all of it as one where there are no dates.
fn months(demand: &Demand) -> Vec<(String, Month)> {
    let name = |step: usize| match demand.time(step) {
        Time::Clock(_) => demand.time(step).to_string().chars().take(7).collect(),
        Time::Step(_) => "horizon".to_owned(),
    };
    let mut all: Vec<(String, Month)> = Vec::new();
    for step in 0..demand.steps() {
        let name: String = name(step);
        match all.last_mut() {
            Some((last, month)) if *last == name => month.steps.end = step + 1,
            _ => all.push((name, Month { steps: step..step + 1 })),
        }
    }
    all
}
