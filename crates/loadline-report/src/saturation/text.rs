//! The search on a terminal.

use loadline_model::saturation::SaturationDocument;

use super::headline::headline;
use super::rows::{cells, columns, remarks, verdict_word};
use crate::page::Tone;

/// Verdict, steps and findings as plain text, with colours where the terminal has them.
pub fn text(document: &SaturationDocument, colour: bool) -> String {
    let head = headline(document);
    let paint = match head.tone {
        _ if !colour => ("", ""),
        Tone::Good => ("\x1b[1;32m", "\x1b[0m"),
        Tone::Bad => ("\x1b[1;31m", "\x1b[0m"),
        Tone::Doubt => ("\x1b[1;33m", "\x1b[0m"),
        Tone::Plain => ("\x1b[1;34m", "\x1b[0m"),
    };
    let mut out = format!("{}{}{} — {}\n{}\n", paint.0, head.word, paint.1, head.sentence, head.validity);
    head.status.iter().for_each(|status| out.push_str(&format!("{status}\n")));
    if !document.steps.is_empty() {
        out.push('\n');
        out.push_str(&table(document));
    }
    let evidence = document.evidence.iter().map(|evidence| evidence.finding.clone());
    let notes: Vec<String> = evidence.chain(document.reasons.iter().cloned()).collect();
    if !notes.is_empty() {
        out.push('\n');
    }
    notes.iter().for_each(|note| out.push_str(&format!("note: {note}\n")));
    out
}

fn table(document: &SaturationDocument) -> String {
    let mut rows = vec![columns(document)];
    rows[0].insert(0, "verdict".to_owned());
    for step in &document.steps {
        let mut row = cells(document, step);
        row.insert(0, verdict_word(step.verdict).to_owned());
        rows.push(row);
    }
    let width = |k: usize| rows.iter().map(|row| row[k].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let remarks = std::iter::once(String::new()).chain(document.steps.iter().map(remarks));
    let line = |(row, remarks): (&Vec<String>, String)| {
        let cell = |(k, cell): (usize, &String)| match k {
            0 => format!("  {cell:<0$}", widths[k]),
            _ => format!("  {cell:>0$}", widths[k]),
        };
        let cells: String = row.iter().enumerate().map(cell).collect();
        format!("{}\n", format!("{cells}  {remarks}").trim_end())
    };
    rows.iter().zip(remarks).map(line).collect()
}
