//! Headroom in three sentences: how much there is, when it ends, and what to do by when.

use loadline_model::headroom::{HeadroomDocument, RunsOut, ServiceHeadroom};
use loadline_model::series::Time;

use crate::chart::dates::when;
use crate::format::{NONE, count, number, percent, plural};
use crate::page::Tone;

/// From here on running out is more likely than not.
const LIKELY: f64 = 0.5;
/// Whoever plans for a greater risk is told how to plan for a smaller one.
const RISK: f64 = 0.1;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Running out within the horizon is more likely than the policy allows, and as likely as not, or more.
    RunsOut,
    /// It is less likely than not, but more so than the policy allows.
    AtRisk,
    /// The policy is kept to the end of the horizon.
    Lasts,
}

impl Outcome {
    pub(super) fn word(self) -> &'static str {
        match self {
            Outcome::RunsOut => "RUNS OUT",
            Outcome::AtRisk => "AT RISK",
            Outcome::Lasts => "LASTS",
        }
    }

    pub(super) fn tone(self) -> Tone {
        match self {
            Outcome::RunsOut => Tone::Bad,
            Outcome::AtRisk => Tone::Doubt,
            Outcome::Lasts => Tone::Good,
        }
    }
}

/// How a service stands: the policy's quantile decides, as it does over the instances needed and the date to order by.
pub fn outcome(service: &ServiceHeadroom) -> Outcome {
    match by_end(service) {
        p if p <= 1.0 - service.policy.quantile + 1e-9 => Outcome::Lasts,
        p if p >= LIKELY => Outcome::RunsOut,
        _ => Outcome::AtRisk,
    }
}

/// The service that the document's own fields speak of.
pub(super) fn leading(document: &HeadroomDocument) -> Option<&ServiceHeadroom> {
    let named = document.service.as_ref();
    let found = document.details.iter().find(|d| named.is_none_or(|name| d.service == *name));
    found.or(document.details.first())
}

pub(super) fn name(service: &ServiceHeadroom) -> &str {
    if service.service.is_empty() { "the service" } else { &service.service }
}

pub(super) fn by_end(service: &ServiceHeadroom) -> f64 {
    service.probability.last().map_or(0.0, |p| p.exceeded_by)
}

/// Probabilities of whole per cents: no more is known.
pub(super) fn probability(p: f64) -> String {
    match p {
        p if p > 0.0 && p < 0.005 => "less than 1%".to_owned(),
        p if p < 1.0 && p > 0.995 => "more than 99%".to_owned(),
        p if (LIKELY - 0.005..LIKELY).contains(&p) => "just under 50%".to_owned(),
        p => percent((p * 100.0).round() / 100.0),
    }
}

/// A share as it was given: a promise of 99.95 % is not one of 100 %.
pub(super) fn promised(value: f64) -> String {
    format!("{}%", (value * 1e8).round() / 1e6)
}

/// A share with a tenth of a per cent at most.
pub(super) fn share(value: f64) -> String {
    percent((value * 1000.0).round() / 1000.0)
}

pub(super) fn date(time: Option<Time>) -> String {
    time.map_or("not before the end".to_owned(), when)
}

/// The last time of the history.
fn end_of_history(service: &ServiceHeadroom) -> Option<Time> {
    service.demand.history.last().map(|p| p.time)
}

/// The day that this was asked on.
pub(super) fn today(service: &ServiceHeadroom) -> Option<Time> {
    service.today.or(end_of_history(service))
}

/// When the latest peak was: today, or at the end of a history that ended before.
fn then(service: &ServiceHeadroom) -> String {
    let steps: Vec<i64> = service.probability.iter().take(2).map(|p| p.date.number()).collect();
    let step = if let [first, second] = steps[..] { second - first } else { i64::MAX / 4 };
    match (end_of_history(service), today(service)) {
        (Some(end), Some(today)) if today.number() - end.number() > 3 * step => {
            format!("At the end of its history, {},", when(end))
        }
        _ => "Today".to_owned(),
    }
}

/// The most instances needed, and when first.
pub(super) fn most_needed(service: &ServiceHeadroom) -> Option<(u64, Time)> {
    let known = service.instances.iter().filter_map(|i| Some((i.needed?, i.date)));
    known.reduce(|most, next| if next.0 > most.0 { next } else { most })
}

/// The three sentences.
pub(super) fn summary(service: &ServiceHeadroom) -> [String; 3] {
    [now(service), end(service), action(service)]
}

fn now(service: &ServiceHeadroom) -> String {
    let who = name(service);
    match service.headroom_now {
        Some(now) if now >= 0.0 => {
            format!(
                "{} {who} carries its latest peak with {} of what may be used{} to spare.",
                then(service),
                share(now),
                surely(service)
            )
        }
        Some(now) => {
            format!(
                "{} the latest peak of {who} is {} above what may be used{}.",
                then(service),
                share(-now),
                surely(service)
            )
        }
        None => format!("How much {who} has to spare today is unknown."),
    }
}

/// With which probability what may be used today is there, where that is not plain.
pub(super) fn surely(service: &ServiceHeadroom) -> String {
    let band = &service.capacity.usable;
    if band.high > band.low {
        format!(" with {} probability", promised(service.policy.quantile))
    } else {
        String::new()
    }
}

fn end(service: &ServiceHeadroom) -> String {
    let p = by_end(service);
    let last = service.probability.last().map_or(NONE.to_owned(), |p| when(p.date));
    let RunsOut { p10, p50, .. } = service.runs_out;
    match (p10, p50) {
        (Some(first), Some(even)) if first == even => {
            format!(
                "By {} it will probably have run out; by {last} the probability is {}.",
                when(even),
                probability(p)
            )
        }
        (Some(first), Some(even)) => format!(
            "It will as likely as not have run out by {}, with a risk of one in ten by {}; by {last} the probability \
             is {}.",
            when(even),
            when(first),
            probability(p)
        ),
        (Some(first), None) => format!(
            "The risk of running out reaches one in ten by {} and {} by {last}.",
            when(first),
            probability(p)
        ),
        _ => format!("The probability of running out by {last} is {}.", probability(p)),
    }
}

fn action(service: &ServiceHeadroom) -> String {
    let now = u64::from(service.instances_now);
    let have = format!("{} {}", if now == 1 { "is" } else { "are" }, plural(now, "instance", "instances"));
    let Some((most, at)) = most_needed(service) else {
        return format!("There {have}; how many are needed has no bound, since one may carry nothing.");
    };
    let sure = promised(service.policy.quantile);
    let dearest = service.cost.iter().flat_map(|c| &c.months).filter_map(|m| m.per_month).reduce(f64::max);
    let money = dearest.zip(service.cost.as_ref()).map_or(String::new(), |(per_month, cost)| {
        format!(
            ", for {} a month instead of {}",
            money(per_month, &cost.currency),
            money(cost.now_per_month, &cost.currency)
        )
    });
    if most <= now {
        let risky = outcome(service) == Outcome::Lasts && by_end(service) >= RISK;
        let hint = if risky { " For a smaller risk ask for a higher probability (`quantile`)." } else { "" };
        return format!(
            "To suffice with {sure} probability at most {} {} needed within the horizon; there {have}.{hint}",
            count(most),
            if most == 1 { "is" } else { "are" }
        );
    }
    let order = match (service.order_by, today(service)) {
        (Some(order), Some(today)) if order <= today => {
            let lead = service.policy.lead_time_s.unwrap_or(0.0) as i64;
            let there = Time::Clock(today.number() + lead);
            let passed = format!("; the date to order by, {}, has passed", when(order));
            format!("{passed}: what is ordered today, {}, is there by {}", when(today), when(there))
        }
        (Some(order), _) => format!("; order by {}", when(order)),
        (None, _) => String::new(),
    };
    let first = service.instances.iter().find(|i| i.needed.is_some_and(|n| n > now));
    // The date to order by belongs to the first that is missing, the money to all.
    let from = first.filter(|first| first.date < at).map_or(String::new(), |first| {
        format!("{} from {} on, and ", count(first.needed.unwrap_or(now)), when(first.date))
    });
    format!(
        "There {have}; to suffice with {sure} probability it needs {from}{} by {}{money}{order}.",
        count(most),
        when(at)
    )
}

/// An amount with its currency.
pub(super) fn money(amount: f64, currency: &str) -> String {
    if currency.is_empty() { number(amount) } else { format!("{} {currency}", number(amount)) }
}

/// The policy in words.
pub(super) fn policy(service: &ServiceHeadroom) -> String {
    let policy = &service.policy;
    let mut parts = vec![format!(
        "capacity suffices with {} probability until each date: that decides the instances needed, the date to order by \
         and the verdict",
        promised(policy.quantile)
    )];
    match policy.redundancy.split_once(':') {
        Some(("zones", zones)) => parts.push(format!("one of {zones} zones may be lost")),
        _ if policy.redundancy.starts_with("n+") => parts.push(format!("{} instances", policy.redundancy)),
        _ => {}
    }
    if policy.utilisation < 1.0 {
        parts.push(format!("{} of an instance is used", share(policy.utilisation)));
    }
    if policy.burst > 1.0 {
        parts.push(format!("peaks are {} times the mean of an interval", number(policy.burst)));
    }
    if policy.autoscaling_lag_s > 0.0 {
        parts.push(format!(
            "instances follow demand {} late, which those needed and their cost allow for; the verdict, the dates and the \
             probabilities take the {} there are as the most there can be",
            crate::format::length(policy.autoscaling_lag_s),
            service.instances_now
        ));
    }
    if let Some(lead) = policy.lead_time_s {
        parts.push(format!("orders take {} days", number(lead / 86_400.0)));
    }
    parts.join("; ")
}

/// The capacity in words.
pub(super) fn capacity(service: &ServiceHeadroom) -> String {
    let band = &service.capacity.per_instance;
    let range = if band.high > band.low {
        format!(" ({} to {} with 90% probability)", number(band.low), number(band.high))
    } else {
        String::new()
    };
    format!("{} for each instance{range}, {}", number(band.value), service.capacity.source)
}

/// What overload does to the error budget, in words.
pub(super) fn budget(service: &ServiceHeadroom) -> Option<String> {
    let budget = service.error_budget.as_ref()?;
    Some(format!(
        "Of the error budget of {:.0} days at {} overload is expected to eat {} in the first of them (it is overdrawn \
         with {} probability), and {} in the worst, from {}.",
        budget.days,
        promised(budget.availability),
        share(budget.eaten),
        probability(budget.overdrawn),
        share(budget.worst),
        when(budget.worst_from)
    ))
}

/// All notes: those of each service, then those of what-ifs that the plan itself does not have; of a document without
/// details its own.
pub(super) fn notes(document: &HeadroomDocument) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for service in &document.details {
        let many = document.details.len() > 1;
        for note in service.notes.iter().chain(&service.demand.notes) {
            let note = if many { format!("{}: {note}", service.service) } else { note.clone() };
            if !all.contains(&note) {
                all.push(note);
            }
        }
    }
    for outlook in &document.what_ifs {
        let of = outlook.what_if.as_deref().unwrap_or_default();
        all.extend(outlook.notes.iter().map(|note| format!("what if {of}, {}: {note}", outlook.service)));
    }
    if document.details.is_empty() { document.notes.clone() } else { all }
}
