//! Tables that several forms show.

use loadline_model::headroom::{Cost, HeadroomDocument, Outlook, ServiceHeadroom};
use loadline_model::series::Time;

use super::words::{money, probability, share};
use crate::chart::dates::when;
use crate::format::{NONE, number};

/// The heads of [`outlooks`].
pub(super) const HEADS: [&str; 9] = [
    "service",
    "what if",
    "headroom now",
    "runs out (10 %)",
    "(50 %)",
    "by the end",
    "instances at most",
    "order by",
    "dearest month",
];

/// The services as planned, then under each what-if, in the order of the services.
pub(super) fn outlooks(document: &HeadroomDocument) -> Vec<[String; 9]> {
    let currency = document.details.iter().find_map(|d| d.cost.as_ref()).map_or("", |c| &c.currency);
    let row = |o: &Outlook| {
        [
            o.service.clone(),
            o.what_if.clone().unwrap_or_else(|| "as planned".to_owned()),
            o.headroom_now.map_or(NONE.to_owned(), share),
            within(o.runs_out.p10),
            within(o.runs_out.p50),
            probability(o.exceeded_by_end),
            o.needed_max.map_or("no bound".to_owned(), |n| n.to_string()),
            o.order_by.map_or(NONE.to_owned(), when),
            o.cost_per_month_max.map_or(NONE.to_owned(), |c| money(c, currency)),
        ]
    };
    let of = |service: &Outlook| {
        let what_ifs = document.what_ifs.iter().filter(|w| w.service == service.service).map(row);
        std::iter::once(row(service)).chain(what_ifs).collect::<Vec<_>>()
    };
    document.services.iter().flat_map(of).collect()
}

/// A date within the horizon, in a word that fits a column.
fn within(time: Option<Time>) -> String {
    time.map_or("later".to_owned(), when)
}

/// The heads of [`costs`].
pub(super) const COST_HEADS: [&str; 4] = ["month", "instances", "a month", "a million requests"];

/// What each month costs; a month of which the horizon holds a part says so.
pub(super) fn costs(service: &ServiceHeadroom) -> Vec<[String; 4]> {
    let Some(cost) = &service.cost else { return Vec::new() };
    let amount = |value: Option<f64>| value.map_or(NONE.to_owned(), |v| money(v, &cost.currency));
    let month = |days: f64, name: &str| {
        if days > 0.0 && days < 28.0 { format!("{name} ({} days)", number(days)) } else { name.to_owned() }
    };
    cost.months
        .iter()
        .map(|m| {
            [
                month(m.days, &m.month),
                m.instances.map_or(NONE.to_owned(), number),
                amount(m.per_month),
                amount(m.per_million_requests),
            ]
        })
        .collect()
}

/// What all services with a price cost together each month; nothing where that is one service, or its months differ from
/// another's.
pub(super) fn total_costs(document: &HeadroomDocument) -> Option<String> {
    let all: Vec<&Cost> = document.details.iter().filter_map(|d| d.cost.as_ref()).collect();
    let first = all.first()?;
    let months = |cost: &Cost| cost.months.iter().map(|m| m.month.clone()).collect::<Vec<_>>();
    let alike = |cost: &&Cost| cost.currency == first.currency && months(cost) == months(first);
    if all.len() < 2 || !all.iter().all(alike) {
        return None;
    }
    let sum = |i: usize| all.iter().map(|cost| cost.months[i].per_month).sum::<Option<f64>>();
    let each: Vec<String> = (0..first.months.len())
        .map(|i| {
            let amount = sum(i).map_or(NONE.to_owned(), |sum| money(sum, &first.currency));
            format!("{} {amount}", first.months[i].month)
        })
        .collect();
    let now: f64 = all.iter().map(|cost| cost.now_per_month).sum();
    let who = if all.len() == document.details.len() { "All services" } else { "All services with a price" };
    Some(format!("{who} cost {} a month now; {}.", money(now, &first.currency), each.join(", ")))
}
