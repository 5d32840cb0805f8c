//! Markdown for a pull request's comment or a step's summary.

use loadline_model::comparison::Comparison;

use super::words::{HEADS, remarks, row, sentence};
use crate::run::markdown::escape;

/// The comparison as Markdown: the verdict in a sentence, a table with a row a metric, and what was left out.
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = format!("### {}: {}\n\n", comparison.verdict.name(), escape(&sentence(comparison)));
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&line(HEADS.map(str::to_owned).to_vec()));
    out.push_str(&line(vec!["---".to_owned(); HEADS.len()]));
    for metric in &comparison.metrics {
        out.push_str(&line(row(metric).iter().map(|cell| escape(cell)).collect()));
    }
    out.push('\n');
    remarks(comparison).iter().for_each(|remark| out.push_str(&format!("- {}\n", escape(remark))));
    out
}
