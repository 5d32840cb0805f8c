//! What `changes` prints on a terminal.

use loadline_model::changes::Changes;

use super::text::{align, plain};
use super::words::signed;
use crate::format::{NONE, number, percent, plural};

/// The changes as aligned text, and what is known of each metric, above all that it has none.
pub fn text(changes: &Changes) -> String {
    let mut out = String::new();
    if !changes.changes.is_empty() {
        let heads = ["metric", "run", "time", "commit", "before", "after", "change", "interval"];
        let rows = changes.changes.iter().map(|change| {
            let [first, last] = change.index_interval;
            let place = if first == last { String::new() } else { format!(" ({first} … {last})") };
            let interval = |[low, high]: [f64; 2]| format!("{} … {}", signed(low), signed(high));
            vec![
                change.metric.clone(),
                format!("{}{place}", change.index),
                change.time.clone().unwrap_or_default(),
                change.commit.clone().unwrap_or_default(),
                number(change.before),
                number(change.after),
                change.change.map_or(NONE.to_owned(), signed),
                change.interval.map_or(NONE.to_owned(), interval),
            ]
        });
        align(&mut out, std::iter::once(heads.map(str::to_owned).to_vec()).chain(rows).collect());
        out.push('\n');
    }
    for metric in &changes.metrics {
        let found = match metric.changes {
            0 => "no change".to_owned(),
            n => plural(n as u64, "change", "changes"),
        };
        let runs = plural(metric.runs as u64, "run", "runs");
        let seen = metric.min_detectable_change.map_or(String::new(), |change| {
            format!("; one of {} in the middle would have been found", percent(change))
        });
        out.push_str(&plain(&format!("{}: {found} in {runs}{seen}", metric.metric)));
        out.push('\n');
        metric.notes.iter().for_each(|note| out.push_str(&format!("  note: {}\n", plain(note))));
    }
    out
}
