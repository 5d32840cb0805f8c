//! Headroom as text.

use loadline_model::headroom::HeadroomDocument;

use super::rows::{HEADS, costs, outlooks, total_costs};
use super::words::{budget, capacity, date, leading, name, notes, outcome, policy, summary};
use crate::forecast::words::{backtest, event, findings};

/// The three sentences of the service that runs out first, the figures behind them, and all services at a glance.
pub fn text(document: &HeadroomDocument) -> String {
    let Some(first) = leading(document) else { return String::new() };
    let mut text = format!("{} — {}\n", outcome(first).word(), name(first));
    summary(first).iter().for_each(|sentence| text += &format!("{sentence}\n"));
    let out = &first.runs_out;
    text +=
        &format!("\nruns out   10 %: {}; 50 %: {}; 90 %: {}\n", date(out.p10), date(out.p50), date(out.p90));
    text += &format!("policy     {}\n", policy(first));
    text += &format!("capacity   {}\n", capacity(first));
    text += &format!("forecast   {}\n", backtest(&first.demand));
    budget(first).iter().for_each(|line| text += &format!("errors     {line}\n"));
    first.demand.events.iter().for_each(|e| text += &format!("event      {}\n", event(e)));
    for row in costs(first) {
        let instances = if row[1] == "1" { "instance" } else { "instances" };
        text += &format!(
            "cost       {}: {} {instances}, {} a month, {} a million requests\n",
            row[0], row[1], row[2], row[3]
        );
    }
    findings(&first.demand).iter().for_each(|finding| text += &format!("history    {finding}\n"));
    let rows = outlooks(document);
    if !rows.is_empty() {
        text += "\n";
        text += &table(&rows);
        total_costs(document).iter().for_each(|line| text += &format!("\n{line}\n"));
    }
    let notes = notes(document);
    if !notes.is_empty() {
        text += "\n";
    }
    notes.iter().for_each(|note| text += &format!("note: {note}\n"));
    text
}

/// Columns as wide as their widest cell.
fn table(rows: &[[String; 9]]) -> String {
    let heads = HEADS.map(str::to_owned);
    let all = || std::iter::once(&heads).chain(rows);
    let widths: Vec<usize> =
        (0..HEADS.len()).map(|i| all().map(|row| row[i].chars().count()).max().unwrap_or(0)).collect();
    all()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
                .collect();
            format!("  {}\n", cells.join("  ").trim_end())
        })
        .collect()
}
