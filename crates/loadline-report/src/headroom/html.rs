//! The page of headroom: one file that loads nothing.

use loadline_model::headroom::{HeadroomDocument, ServiceHeadroom};
use maud::{Markup, html as markup};

use super::charts::Charts;
use super::rows::{COST_HEADS, HEADS, costs, outlooks, total_costs};
use super::words::{
    budget, by_end, capacity, date, leading, money, most_needed, name, notes, outcome, policy, probability,
    share, summary, surely, today,
};
use crate::chart::dates::when;
use crate::forecast::stands_out;
use crate::forecast::words::{backtest, event};
use crate::format::{NONE, number};
use crate::page::{Figure, Tile, Width, badge, banner, chart, document, key_figures, scroll};

/// The whole report as one HTML document.
pub fn html(headroom: &HeadroomDocument) -> String {
    let Some(first) = leading(headroom) else {
        return document("Headroom", &markup! { p { "No service." } }, "Made by Loadline.");
    };
    let many = headroom.details.len() > 1;
    let title = if headroom.name.is_empty() { name(first) } else { &headroom.name };
    let content = markup! {
        (header(headroom, first, title))
        (key_figures(&tiles(first)))
        @if !headroom.services.is_empty() && (many || !headroom.what_ifs.is_empty()) { (at_a_glance(headroom)) }
        div #charts tabindex="-1" {
            @for (index, service) in headroom.details.iter().enumerate() {
                (section(headroom, service, index, many))
            }
        }
        (how(headroom))
    };
    let footer = "Made by Loadline from the history, the capacity and the plan; the same make the same page.";
    document(&format!("{} — {title}", outcome(first).word()), &content, footer)
}

/// The first of the three sentences behind the word, the other two below it.
fn header(headroom: &HeadroomDocument, first: &ServiceHeadroom, title: &str) -> Markup {
    let [now, end, action] = summary(first);
    let others: Vec<String> = headroom
        .details
        .iter()
        .filter(|d| d.service != first.service)
        .map(|d| format!("{} by the end for {}", probability(by_end(d)), name(d)))
        .collect();
    let lines = markup! {
        p { (end) " " (action) }
        @if !others.is_empty() { p.hint { "First to run out: " (name(first)) ". Besides: " (others.join(", ")) "." } }
    };
    let found = outcome(first);
    banner(found.tone(), title, found.word(), &now, &lines)
}

fn tiles(service: &ServiceHeadroom) -> Vec<Tile> {
    let tile = |label, text: String, note: String| Tile { label, figure: Figure::plain(text), note };
    let needed = most_needed(service);
    let last = service.probability.last().map_or(String::new(), |p| format!("by {}", when(p.date)));
    let mut tiles = vec![
        tile(
            "Headroom now",
            service.headroom_now.map_or(NONE.to_owned(), share),
            format!("of what may be used{}", surely(service)),
        ),
        tile("Runs out (50 %)", service.runs_out.p50.map_or("later".to_owned(), when), {
            format!("10 %: {}; 90 %: {}", date(service.runs_out.p10), date(service.runs_out.p90))
        }),
        tile("Probability", probability(by_end(service)), last),
        tile(
            "Instances needed",
            needed.map_or("no bound".to_owned(), |n| n.0.to_string()),
            format!("at most; {} now", service.instances_now),
        ),
    ];
    let passed = service.order_by.zip(today(service)).is_some_and(|(order, today)| order <= today);
    tiles.push(tile(
        "Order by",
        service.order_by.map_or(NONE.to_owned(), when),
        match (service.policy.lead_time_s, passed) {
            (None, _) => "no lead time given".to_owned(),
            (Some(_), true) => "this date has passed".to_owned(),
            (Some(lead), false) => format!("lead time {} days", number(lead / 86_400.0)),
        },
    ));
    match (&service.cost, &service.error_budget) {
        (Some(cost), _) => {
            let dearest = cost.months.iter().filter_map(|m| m.per_month).reduce(f64::max);
            tiles.push(tile(
                "Dearest month",
                dearest.map_or(NONE.to_owned(), |c| money(c, &cost.currency)),
                format!("now {}", money(cost.now_per_month, &cost.currency)),
            ));
        }
        (None, Some(budget)) => {
            tiles.push(tile("Error budget", share(budget.eaten), format!("eaten in {:.0} days", budget.days)))
        }
        (None, None) => {
            let band = &service.capacity.per_instance;
            tiles.push(tile("Capacity", number(band.value), "of one instance".to_owned()));
        }
    }
    tiles
}

fn at_a_glance(headroom: &HeadroomDocument) -> Markup {
    markup! {
        section {
            h2 { "Services and what-ifs at a glance" }
            (scroll("Services and what-ifs", &markup! {
                table.cards {
                    thead { tr { @for (i, head) in HEADS.iter().enumerate() { th.n[i > 1] { (head) } } } }
                    tbody { @for row in outlooks(headroom) {
                        // On a narrow screen each row is a card, in which figures carry their heads.
                        tr {
                            td { (row[0]) }
                            th.title scope="row" { (row[1]) }
                            @for (head, cell) in HEADS.iter().zip(&row).skip(2) {
                                td.n data-head=(head) { (cell) }
                            }
                        }
                    } }
                }
            }))
            @if let Some(line) = total_costs(headroom) { p { (line) } }
        }
    }
}

fn section(headroom: &HeadroomDocument, service: &ServiceHeadroom, index: usize, many: bool) -> Markup {
    let own = Charts { service, prefix: format!("s{}", index + 1) };
    let found = outcome(service);
    let facts: Vec<String> = [
        Some(format!("Capacity: {}.", capacity(service))),
        Some(format!("Policy: {}.", policy(service))),
        budget(service),
    ]
    .into_iter()
    .flatten()
    .chain(service.demand.events.iter().map(|e| format!("Event: {}.", event(e))))
    .collect();
    markup! {
        section {
            h2 { @if many { (name(service)) " " (badge(found.tone(), found.word())) } @else { "Demand and capacity" } }
            @if many { p { (summary(service).join(" ")) } }
            (chart(Width::Full, |w| own.demand(w)))
            div.pair {
                (chart(Width::Half, |w| own.runs_out(w)))
                (chart(Width::Half, |w| own.instances(w)))
            }
            (chart(Width::Full, |w| own.what_ifs(headroom, w)))
            ul { @for fact in &facts { li { (fact) } } }
            @if service.cost.is_some() { (cost(service)) }
            h3 { "How good the forecast is" }
            p { (backtest(&service.demand)) }
            (chart(Width::Full, |w| own.backtests(w)))
            div.pair {
                (chart(Width::Half, |w| own.season(w)))
                (stands_out(&service.demand))
            }
        }
    }
}

fn cost(service: &ServiceHeadroom) -> Markup {
    let scaled = service.policy.autoscaling_lag_s > 0.0;
    markup! {
        h3 { "What it costs" }
        (scroll("Cost", &markup! {
            table {
                thead { tr { @for (i, head) in COST_HEADS.iter().enumerate() { th.n[i > 0] { (head) } } } }
                tbody { @for row in costs(service) {
                    tr { th scope="row" { (row[0]) } @for cell in &row[1..] { td.n { (cell) } } }
                } }
            }
        }))
        p.hint {
            @if scaled { "The mean of the instances needed over each month: they follow demand." }
            @else { "The most instances needed in each month, paid for all of it." }
            " A million requests: the month's cost over the requests expected."
        }
    }
}

fn how(headroom: &HeadroomDocument) -> Markup {
    let notes = notes(headroom);
    markup! {
        @if !notes.is_empty() {
            section {
                h2 { "To be known besides" }
                ul { @for note in &notes { li { (note) } } }
            }
        }
        p.hint {
            "Probabilities come from joint paths of demand, each set against one draw of the capacity: they know what the \
             history shows and what was stated, not what has never happened."
        }
    }
}
