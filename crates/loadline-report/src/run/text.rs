//! What `run` prints on a terminal at its end.

use std::fmt::Write as _;

use loadline_model::run::{Latency, Summary};

use super::headline::{headline, verdict_tone, verdict_word};
use super::markdown::has_doubt;
use super::rows::{COLUMNS, durations, examples, load_rows, observed, quantile};
use crate::format::{NONE, count, percent, rate};
use crate::page::Tone;

/// The summary as aligned text, the verdict first; with ANSI colours when asked for.
pub fn text(summary: &Summary, colour: bool) -> String {
    let paint = Paint(colour);
    let head = headline(summary);
    let mut out = String::new();
    let _ = writeln!(out, "{} {}", paint.tone(head.tone, &format!("{} —", head.word)), plain(&head.sentence));
    let _ = writeln!(out, "{}", plain(&head.validity));
    head.status.iter().for_each(|status| {
        let _ = writeln!(out, "{}", plain(status));
    });
    summary.ended_by.iter().for_each(|why| {
        let _ = writeln!(out, "Ended by: {}", plain(why));
    });
    out.push('\n');

    if !summary.slos.is_empty() {
        let rows = summary.slos.iter().map(|slo| {
            let reason = slo.reason.as_deref().map_or(String::new(), plain);
            vec![verdict_word(slo.verdict).to_lowercase(), plain(&slo.slo), observed(slo), reason]
        });
        let tones: Vec<Tone> = summary.slos.iter().map(|slo| verdict_tone(slo.verdict)).collect();
        let lines = align(
            std::iter::once(heads(&["verdict", "objective", "observed", ""])).chain(rows).collect(),
            &[2],
        );
        for (n, line) in lines.iter().enumerate() {
            let word = line.split(' ').next().unwrap_or("");
            match n.checked_sub(1).and_then(|n| tones.get(n)) {
                Some(tone) => {
                    let _ = writeln!(out, "  {}{}", paint.tone(*tone, word), &line[word.len()..]);
                }
                None => {
                    let _ = writeln!(out, "  {}", paint.muted(line));
                }
            }
        }
        out.push('\n');
    }

    let latencies = durations(summary).into_iter().map(|(name, l)| latency_row(name.to_owned(), l));
    let names: Vec<&str> = ["latency"].into_iter().chain(COLUMNS.map(|c| c.0)).collect();
    block(&mut out, &paint, heads(&names), latencies.collect());

    if summary.requests_by_name.len() > 1 {
        let names = ["request", "requests", "per s", "failed", "p50", "p90", "p99", "max"];
        let rows = summary.requests_by_name.iter().map(|r| {
            let mut row = vec![
                plain(&r.name),
                count(r.requests),
                r.requests_per_s.map_or(NONE.to_owned(), rate),
                r.errors.rate.map_or(NONE.to_owned(), percent),
            ];
            row.extend(["p50_ms", "p90_ms", "p99_ms", "max_ms"].map(|f| quantile(&r.response, f).in_short()));
            row
        });
        block(&mut out, &paint, heads(&names), rows.collect());
    }

    let requests = vec!["requests".to_owned(), requests(summary)];
    let load = load_rows(summary).into_iter().map(|(k, v)| vec![k.to_owned(), plain(&v)]);
    for line in align(std::iter::once(requests).chain(load).collect(), &[]) {
        let _ = writeln!(out, "  {line}");
    }
    let examples = examples(summary);
    if !examples.is_empty() {
        let rows = examples.into_iter().map(|(class, text)| vec![plain(class), plain(text)]);
        let lines = align(std::iter::once(heads(&["failed", "for example"])).chain(rows).collect(), &[]);
        for (n, line) in lines.iter().enumerate() {
            let gap = if n == 0 { "\n" } else { "" };
            let line = if n == 0 { paint.muted(line) } else { line.clone() };
            let _ = writeln!(out, "{gap}  {line}");
        }
    }
    if has_doubt(summary) {
        let _ = writeln!(out, "\n{}", paint.muted("≈ fewer than ten samples lie beyond this percentile"));
    }
    for note in &summary.notes {
        let _ = writeln!(out, "note: {}", plain(note));
    }
    out
}

fn requests(summary: &Summary) -> String {
    let per_s = summary.requests_per_s.map_or(String::new(), |r| format!(", {}/s", rate(r)));
    format!("{} in {}{per_s}", count(summary.requests), crate::format::length(summary.duration_s))
}

fn latency_row(name: String, latency: &Latency) -> Vec<String> {
    [name].into_iter().chain(COLUMNS.iter().map(|(_, field)| quantile(latency, field).in_short())).collect()
}

fn heads(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A table: the first column to the left, figures to the right.
fn block(out: &mut String, paint: &Paint, head: Vec<String>, rows: Vec<Vec<String>>) {
    let right: Vec<usize> = (1..head.len()).collect();
    for (n, line) in align(std::iter::once(head).chain(rows).collect(), &right).iter().enumerate() {
        let line = if n == 0 { paint.muted(line) } else { line.clone() };
        let _ = writeln!(out, "  {line}");
    }
    out.push('\n');
}

/// Lines with columns two spaces apart; those in `right` end at the same place.
fn align(rows: Vec<Vec<String>>, right: &[usize]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| {
        rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(c, cell)| {
            let pad = " ".repeat(widths[c] - cell.chars().count());
            if right.contains(&c) { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Text without control characters: what a server sent must not steer a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// ANSI colours, or none.
struct Paint(bool);

impl Paint {
    fn tone(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "1;32",
            Tone::Bad => "1;31",
            Tone::Doubt => "1;33",
            Tone::Plain => "1",
        };
        self.code(code, text)
    }

    fn muted(&self, text: &str) -> String {
        self.code("2", text)
    }

    fn code(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
