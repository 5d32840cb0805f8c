//! What `compare` prints on a terminal.

use loadline_model::comparison::{Comparison, Verdict};

use super::words::{HEADS, remarks, row, sentence};

/// The comparison as aligned text, the verdict first; with ANSI colours when asked for.
pub fn text(comparison: &Comparison, colour: bool) -> String {
    let code = match comparison.verdict {
        Verdict::Pass | Verdict::Improved => "1;32",
        Verdict::Regressed => "1;31",
        Verdict::Inconclusive | Verdict::Invalid => "1;33",
    };
    let word = comparison.verdict.name();
    let word = if colour { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() };
    let mut out = format!("{word}: {}\n\n", plain(&sentence(comparison)));
    let heads = HEADS.map(str::to_owned).to_vec();
    let rows = std::iter::once(heads).chain(comparison.metrics.iter().map(row)).collect();
    align(&mut out, rows);
    out.push('\n');
    remarks(comparison).iter().for_each(|remark| out.push_str(&format!("{}\n", plain(remark))));
    out
}

/// Writes lines with columns two spaces apart.
pub(super) fn align(out: &mut String, rows: Vec<Vec<String>>) {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        out.push_str(&format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end()));
    }
}

/// Text without control characters: what stands in a table must not steer a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
