//! The search as Markdown, for a pull request or a step summary.

use loadline_model::run::RunDocument;
use loadline_model::saturation::SaturationDocument;

use super::headline::headline;
use super::rows::{cells, columns, how, notes, remarks, verdict_word};
use crate::run::markdown::escape;

/// Verdict, steps and how it was run.
pub fn markdown(document: &SaturationDocument, run: &RunDocument) -> String {
    let head = headline(document);
    let mut out = format!(
        "## {}\n\n**{}** — {}\n\n{}\n",
        escape(&run.name),
        head.word,
        escape(&head.sentence),
        escape(&head.validity)
    );
    head.status.iter().for_each(|status| out.push_str(&format!("\n**{}**\n", escape(status))));
    if let Some(evidence) = &document.evidence {
        out.push_str(&format!("\n{}\n", escape(&evidence.finding)));
    }
    if !document.steps.is_empty() {
        let columns = columns(document);
        let heads: Vec<String> = columns.iter().map(|column| escape(column)).collect();
        out.push_str(&format!("\n| verdict | {} | |\n", heads.join(" | ")));
        out.push_str(&format!("|---|{}---|\n", "---:|".repeat(columns.len())));
        for step in &document.steps {
            let cells: Vec<String> = cells(document, step).iter().map(|cell| escape(cell)).collect();
            let line = format!(
                "| {} | {} | {} |\n",
                verdict_word(step.verdict),
                cells.join(" | "),
                escape(&remarks(step))
            );
            out.push_str(&line);
        }
    }
    out.push_str("\n<details><summary>How it was run</summary>\n\n| | |\n|---|---|\n");
    for (name, value) in how(document, run) {
        out.push_str(&format!("| {name} | {} |\n", escape(&value)));
    }
    out.push('\n');
    notes(document, run).iter().for_each(|note| out.push_str(&format!("- {}\n", escape(note))));
    out.push_str("\n</details>\n");
    out
}
