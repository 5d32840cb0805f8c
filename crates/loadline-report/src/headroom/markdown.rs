//! Headroom as Markdown.

use loadline_model::headroom::HeadroomDocument;

use super::rows::{COST_HEADS, HEADS, costs, outlooks, total_costs};
use super::words::{budget, capacity, leading, name, notes, outcome, policy, summary};
use crate::forecast::words::{backtest, event, findings};
use crate::run::markdown::escape;

/// The three sentences, all services at a glance, and a section for each.
pub fn markdown(document: &HeadroomDocument) -> String {
    let Some(first) = leading(document) else { return String::new() };
    let mut out = format!("### {} — {}\n\n", outcome(first).word(), escape(name(first)));
    out += &format!("{}\n\n", escape(&summary(first).join(" ")));
    let rows = outlooks(document);
    if !rows.is_empty() {
        table(&mut out, &HEADS, &rows);
        total_costs(document).iter().for_each(|line| out += &format!("{}\n\n", escape(line)));
    }
    for service in &document.details {
        if document.details.len() > 1 {
            out += &format!(
                "#### {}: {}\n\n{}\n\n",
                escape(name(service)),
                outcome(service).word(),
                escape(&summary(service).join(" "))
            );
        }
        let mut lines = vec![
            format!("policy: {}", policy(service)),
            format!("capacity: {}", capacity(service)),
            format!("forecast: {}", backtest(&service.demand)),
        ];
        lines.extend(budget(service));
        lines.extend(service.demand.events.iter().map(event));
        lines.extend(findings(&service.demand));
        lines.iter().for_each(|line| out += &format!("- {}\n", escape(line)));
        out.push('\n');
        let costs = costs(service);
        if !costs.is_empty() {
            table(&mut out, &COST_HEADS, &costs);
        }
    }
    notes(document).iter().for_each(|note| out += &format!("- {}\n", escape(note)));
    out
}

fn table<const N: usize>(out: &mut String, heads: &[&str; N], rows: &[[String; N]]) {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&line(heads.iter().map(|h| (*h).to_owned()).collect()));
    out.push_str(&line(vec!["---".to_owned(); N]));
    rows.iter().for_each(|row| out.push_str(&line(row.iter().map(|cell| escape(cell)).collect())));
    out.push('\n');
}
