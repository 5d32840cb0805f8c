//! What `changes` prints on a terminal.

use loadline_model::changes::Changes;

use super::text::{align, plain};
use super::words::{finding, of_series, signed};
use crate::format::{NONE, number};

/// The changes as aligned text, and what is known of each metric, above all that it has none.
pub fn text(changes: &Changes) -> String {
    let mut out = String::new();
    if !changes.changes.is_empty() {
        let heads = ["metric", "run from 0", "time", "commit", "before", "after", "change", "interval"];
        let rows = changes.changes.iter().map(|change| {
            let [first, last] = change.index_interval;
            let place = if first == last { String::new() } else { format!(" ({first} … {last})") };
            let interval = |[low, high]: [f64; 2]| format!("{} … {}", signed(low), signed(high));
            vec![
                of_series(&change.metric, change.series.as_deref()),
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
        out.push_str(&plain(&finding(metric)));
        out.push('\n');
        metric.notes.iter().for_each(|note| out.push_str(&format!("  note: {}\n", plain(note))));
    }
    out
}
