//! Markdown for a pull request's comment or a step's summary.

use loadline_model::run::{RequestSummary, Summary};

use super::headline::{headline, verdict_word};
use super::rows::{COLUMNS, durations, examples, load_rows, notes, observed, quantile, tiles};
use super::view::View;
use crate::format::{NONE, count, percent, rate};

/// The run as Markdown: verdict, validity, objectives, key figures, and a table per named request.
pub fn markdown(view: &View) -> String {
    let summary = &view.summary;
    let head = headline(summary);
    let mut out = format!("### {} — {}\n\n", head.word, escape(&head.sentence));
    out.push_str(&format!("**{}**: {}\n\n", escape(&summary.name), escape(&head.validity)));
    let asides = head.status.iter().chain(view.run.ended_by.iter());
    asides.for_each(|line| out.push_str(&format!("> {}\n\n", escape(line))));
    if !summary.slos.is_empty() {
        table(&mut out, &["objective", "verdict", "observed", "reason"], slo_rows(summary));
    }
    table(
        &mut out,
        &["key figure", "value", ""],
        tiles(summary).into_iter().map(|t| vec![t.label.to_owned(), t.figure.in_words(), t.note]).collect(),
    );
    let heads: Vec<&str> = ["latency"].into_iter().chain(COLUMNS.map(|c| c.0)).collect();
    let latencies = durations(summary).into_iter().map(|(name, latency)| {
        let figures = COLUMNS.iter().map(|(_, field)| quantile(latency, field).in_short());
        [name.to_owned()].into_iter().chain(figures).collect()
    });
    table(&mut out, &heads, latencies.collect());
    table(
        &mut out,
        &["load", ""],
        load_rows(summary).into_iter().map(|(k, v)| vec![k.to_owned(), v]).collect(),
    );
    let examples = examples(summary);
    if !examples.is_empty() {
        let rows =
            examples.into_iter().map(|(class, text)| vec![class.to_owned(), text.to_owned()]).collect();
        table(&mut out, &["failed", "for example"], rows);
    }
    if !summary.requests_by_name.is_empty() {
        let rows = summary.requests_by_name.iter().map(request_row).collect();
        table(&mut out, &["request", "requests", "per second", "failed", "p50", "p90", "p99", "max"], rows);
    }
    for note in notes(&view.run, summary) {
        out.push_str(&format!("- {}\n", escape(&note)));
    }
    if has_doubt(summary) {
        out.push_str("\n≈ fewer than ten samples lie beyond this percentile.\n");
    }
    out
}

/// Whether a figure that is shown bears the sign of too few samples.
pub(super) fn has_doubt(summary: &Summary) -> bool {
    let shown = |l: &&loadline_model::run::Latency| COLUMNS.iter().any(|(_, field)| quantile(l, field).few);
    let named = summary.requests_by_name.iter().map(|r| &r.response);
    durations(summary).into_iter().map(|(_, l)| l).chain(named).any(|l| shown(&l))
}

fn slo_rows(summary: &Summary) -> Vec<Vec<String>> {
    let row = |slo: &loadline_model::run::SloResult| {
        let reason = slo.reason.clone().unwrap_or_default();
        vec![slo.slo.clone(), verdict_word(slo.verdict).to_lowercase(), observed(slo), reason]
    };
    summary.slos.iter().map(row).collect()
}

fn request_row(request: &RequestSummary) -> Vec<String> {
    let per_s = request.requests_per_s.map_or(NONE.to_owned(), rate);
    let failed = request.errors.rate.map_or(NONE.to_owned(), percent);
    let mut row = vec![request.name.clone(), count(request.requests), per_s, failed];
    let fields = ["p50_ms", "p90_ms", "p99_ms", "max_ms"];
    row.extend(fields.map(|field| quantile(&request.response, field).in_short()));
    row
}

fn table(out: &mut String, heads: &[&str], rows: Vec<Vec<String>>) {
    out.push_str(&format!("| {} |\n|{}\n", heads.join(" | "), "---|".repeat(heads.len())));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out.push('\n');
}

/// Text that says nothing to a Markdown or HTML reader but itself, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // A mention would call people to the page.
            '@' => out.push_str("@\u{2060}"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(escape("a|b <script> `x` *y*\n@z"), "a\\|b &lt;script&gt; \\`x\\` \\*y\\* @\u{2060}z");
    }
}
