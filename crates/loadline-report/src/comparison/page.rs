//! The pages of a comparison and of a history: one file each that loads nothing.

use loadline_model::changes::{Changes, Finding, MetricHistory};
use loadline_model::comparison::{Comparison, MetricComparison, Verdict};
use loadline_model::histogram::Histogram;
use loadline_model::run_table::{ALL, Figure, RunTable};
use maud::{Markup, html};

use super::forest::{differences_of, forest, undrawn, with_differences};
use super::history::Line;
use super::overlay::{differences, distributions};
use super::words::{
    HEADS, change, detectable, finding, interval, is_difference, name, of_series, remarks, row, sentence,
    signed,
};
use crate::format::{NONE, number, percent, plural};
use crate::page::{Figure as Shown, Tile, Tone, Width, badge, banner, chart, document, key_figures, scroll};

/// Charts of single metrics at most; the tables have all.
const CHARTS_MAX: usize = 8;

/// What a page shows.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The comparison.
    pub comparison: &'a Comparison,
    /// Response times of base and candidate, where they are known.
    pub responses: Option<&'a [Histogram; 2]>,
    /// Earlier runs, those of the base and those of the candidate.
    pub runs: Option<[&'a RunTable; 3]>,
    /// Change points in the earlier runs.
    pub changes: Option<&'a Changes>,
}

impl<'a> Page<'a> {
    /// With the comparison alone.
    pub fn of(comparison: &'a Comparison) -> Page<'a> {
        Page { comparison, responses: None, runs: None, changes: None }
    }
}

/// The page as one HTML document.
pub fn html(page: &Page<'_>) -> String {
    let comparison = page.comparison;
    let word = comparison.verdict.name().to_uppercase();
    let title = if comparison.duel.is_some() { "duel" } else { "comparison" };
    let content = html! {
        (header(comparison, title, &word))
        (key_figures(&tiles(comparison)))
        section #charts tabindex="-1" {
            h2 { "Change" }
            (chart(Width::Full, |width| forest(comparison, width)))
            @for metric in with_differences(comparison) {
                (chart(Width::Full, |width| differences_of(comparison, metric, width)))
            }
            @if let Some(undrawn) = undrawn(comparison) { p.hint { (undrawn) } }
            (metrics(comparison))
            @if let Some(responses) = page.responses {
                h2 { "Distribution" }
                (chart(Width::Full, |width| distributions(responses, width)))
                (chart(Width::Full, |width| differences(responses, width)))
                p.hint { "All requests that count, taken together: for the eye. The verdict rests on runs or blocks." }
            }
            @if let Some(tables) = page.runs { (run_by_run(page, &Line::of_groups(tables), tables)) }
        }
        section {
            h2 { "How it was compared" }
            ul { @for remark in remarks(comparison) { li { (remark) } } }
        }
    };
    let footer = "Made by Loadline from the comparison; the same comparison makes the same page.";
    document(&format!("{word} — {title}"), &content, footer)
}

fn header(comparison: &Comparison, title: &str, word: &str) -> Markup {
    let lines = html! {
        @if let Some(duel) = &comparison.duel {
            p { (duel.candidate_target) " (candidate) against " (duel.base_target) " (base)" }
        }
        @for remark in remarks(comparison).iter().take(1) { p { (remark) } }
    };
    banner(tone(comparison.verdict), title, word, &sentence(comparison), &lines)
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass | Verdict::Improved => Tone::Good,
        Verdict::Regressed => Tone::Bad,
        Verdict::Inconclusive | Verdict::Invalid => Tone::Doubt,
    }
}

/// The metric that the verdict rests on, with its figures and what they show; and how much the runs tell at all.
fn tiles(comparison: &Comparison) -> Vec<Tile> {
    let telling = telling(comparison);
    let change = telling.map(|metric| Tile {
        label: match metric.verdict {
            Verdict::Regressed => "worst change",
            Verdict::Improved => "best change",
            Verdict::Pass => "largest change, within the tolerance",
            Verdict::Inconclusive | Verdict::Invalid => "largest change, not shown either way",
        },
        figure: Shown::plain(change(metric)),
        note: format!("{}: {}, interval {}", name(metric), metric.verdict.name(), interval(metric)),
    });
    let is_known = |metric: &&MetricComparison| detectable(metric) != NONE;
    let seen = telling.filter(is_known).map(|metric| Tile {
        label: "detectable",
        figure: Shown::plain(detectable(metric)),
        note: format!(
            "{}: were it worse by so much, four cases of five would be called regressed",
            name(metric)
        ),
    });
    let decided = comparison.metrics.iter().filter(|metric| metric.verdict != Verdict::Inconclusive).count();
    let decided = Tile {
        label: "metrics decided",
        figure: Shown::plain(format!("{decided} of {}", comparison.metrics.len())),
        note: format!(
            "tolerance {}, confidence {}",
            percent(comparison.tolerance),
            percent(comparison.confidence)
        ),
    };
    [change, seen, Some(decided)].into_iter().flatten().collect()
}

/// The metric with the farthest change among those that have the verdict of the whole; fractions go before differences,
/// which have units of their own.
fn telling(comparison: &Comparison) -> Option<&MetricComparison> {
    let shown = |metric: &&MetricComparison| metric.change.or(metric.difference).is_some();
    let fraction = |metric: &MetricComparison| metric.change.filter(|_| !is_difference(metric));
    let decides = |metric: &&MetricComparison| metric.verdict == comparison.verdict;
    let far = |metric: &MetricComparison| {
        let change = fraction(metric).or(metric.difference).unwrap_or(0.0);
        let for_the_worse = if metric.higher_is_better { -change } else { change };
        match metric.verdict {
            Verdict::Regressed | Verdict::Inconclusive | Verdict::Invalid => for_the_worse,
            Verdict::Improved => -for_the_worse,
            Verdict::Pass => change.abs(),
        }
    };
    let farthest = |a: &&MetricComparison, b: &&MetricComparison| {
        fraction(a).is_some().cmp(&fraction(b).is_some()).then(far(a).total_cmp(&far(b)))
    };
    let all = || comparison.metrics.iter().filter(shown);
    all().filter(decides).max_by(farthest).or_else(|| all().max_by(farthest))
}

/// The columns of a metric but for its reasons, which would not fit.
const FIGURES: usize = HEADS.len() - 1;

fn metrics(comparison: &Comparison) -> Markup {
    let reasons = comparison.metrics.iter().filter(|metric| !metric.reasons.is_empty());
    html! {
        (table(comparison))
        ul { @for metric in reasons { li { strong { (name(metric)) } ": " (metric.reasons.join("; ")) } } }
    }
}

fn table(comparison: &Comparison) -> Markup {
    scroll(
        "Metrics",
        &html! {
            table.cards {
                thead { tr { @for head in HEADS.iter().take(FIGURES) { th { (head) } } } }
                tbody {
                    @for metric in &comparison.metrics {
                        tr {
                            td { (badge(tone(metric.verdict), metric.verdict.name())) }
                            td.title { (name(metric)) }
                            // On a narrow screen each row is a card, in which figures carry their heads.
                            @for (head, cell) in HEADS.iter().zip(row(metric)).take(FIGURES).skip(2) {
                                td data-head=(head) { (cell) }
                            }
                        }
                    }
                }
            }
        },
    )
}

fn run_by_run(page: &Page<'_>, line: &Line<'_>, tables: [&RunTable; 3]) -> Markup {
    let of_metric = |metric: &MetricComparison| {
        let named =
            |figure: &&Figure| figure.request == metric.request && is_column(&figure.name, &metric.metric);
        tables.iter().flat_map(|table| &table.figures).find(named)
    };
    let figures: Vec<&Figure> =
        page.comparison.metrics.iter().filter_map(of_metric).take(CHARTS_MAX).collect();
    html! {
        @if !figures.is_empty() {
            h2 { "Run by run" }
            (charts(line, &figures, page.changes))
            @if let Some(changes) = page.changes { (earlier(changes, &figures, line.is_mixed())) }
        }
    }
}

/// What the earlier runs say of the metrics that are compared.
fn earlier(changes: &Changes, figures: &[&Figure], is_mixed: bool) -> Markup {
    let is_shown = |metric: &str| figures.iter().any(|figure| figure.request == ALL && figure.name == metric);
    let own = Changes {
        changes: changes.changes.iter().filter(|change| is_shown(&change.metric)).cloned().collect(),
        ..changes.clone()
    };
    html! {
        h2 { "Changes in the earlier runs" }
        @if !own.changes.is_empty() { (change_table(&own)) }
        @if is_mixed {
            p.hint { "Numbered from 0 among the earlier runs alone; the charts number them together with those of the base \
                      and of the candidate, in order of time." }
        }
        ul {
            @for metric in changes.metrics.iter().filter(|metric| is_shown(&metric.metric)) {
                li { (finding(metric)) }
                @for note in &metric.notes { li { (metric.metric) ": " (note) } }
            }
        }
    }
}

/// Whether a column is the metric, with or without its unit.
fn is_column(column: &str, metric: &str) -> bool {
    column.strip_prefix(metric).is_some_and(|unit| unit.is_empty() || unit.starts_with('_'))
}

fn charts(line: &Line<'_>, figures: &[&Figure], changes: Option<&Changes>) -> Markup {
    html! {
        @for figure in figures {
            (chart(Width::Full, |width| line.chart(figure, changes.filter(|_| figure.request == ALL), width)))
        }
    }
}

/// The page of the changes in one history, or in several by name, as one HTML document.
pub fn changes_html(parts: &[(Option<String>, RunTable)], changes: &Changes) -> String {
    let found = changes.changes.len() as u64;
    let told = changes.metrics.iter().filter(|metric| metric.finding != Finding::TooFewRuns).count();
    let count = |finding| changes.metrics.iter().filter(|metric| metric.finding == finding).count();
    let trends = count(Finding::Trend);
    let of_metrics = |finding| plural(count(finding) as u64, "metric", "metrics");
    let metrics = plural(told as u64, "metric", "metrics");
    let (tone, word, said) = match (found, told) {
        (0, 0) => (Tone::Doubt, "CANNOT TELL", "there are too few runs to show a change".to_owned()),
        (0, _) if count(Finding::LastRunsApart) > 0 => {
            let late = of_metrics(Finding::LastRunsApart);
            (
                Tone::Doubt,
                "TOO EARLY",
                format!("the latest runs differ in {late}, too few yet to tell a lasting change"),
            )
        }
        (0, _) if count(Finding::Shifted) > 0 => {
            let shifted = of_metrics(Finding::Shifted);
            (Tone::Doubt, "SHIFTED", format!("the level of {shifted} shifts where the code did not change"))
        }
        (0, _) if trends > 0 => {
            let trending = plural(trends as u64, "metric", "metrics");
            (
                Tone::Plain,
                "TREND",
                format!("the level of {trending} moves steadily, and changes at no one run"),
            )
        }
        (0, _) => {
            (Tone::Good, "NO CHANGE", format!("the level of {metrics} has not changed by what could be seen"))
        }
        _ => {
            let lasting = plural(found, "lasting change", "lasting changes");
            (Tone::Plain, "CHANGED", format!("{lasting} of level in {metrics}"))
        }
    };
    let runs: usize = parts.iter().map(|(_, history)| history.runs.len()).sum();
    let content = html! {
        (banner(tone, "history", word, &said, &html! {
            p { (plural(runs as u64, "run", "runs")) "; confidence " (percent(changes.confidence)) }
        }))
        section #charts tabindex="-1" { h2 { "Run by run" } (histories(parts, changes)) }
        section {
            h2 { "Changes" }
            @if found > 0 { (change_table(changes)) }
            ul {
                @for metric in &changes.metrics {
                    li { (finding(metric)) }
                    @for note in &metric.notes {
                        li { (of_series(&metric.metric, metric.series.as_deref())) ": " (note) }
                    }
                }
            }
        }
    };
    document(
        &format!("{word} — history"),
        &content,
        "Made by Loadline from the history; the same history makes the same page.",
    )
}

/// A chart for each metric of each history, those that have changed first.
fn histories(parts: &[(Option<String>, RunTable)], changes: &Changes) -> Markup {
    let mut metrics: Vec<&MetricHistory> = changes.metrics.iter().collect();
    metrics.sort_by_key(|metric| metric.finding != Finding::Changed);
    html! {
        @for metric in metrics.iter().take(CHARTS_MAX) {
            @if let Some((_, history)) = parts.iter().find(|(name, _)| *name == metric.series) {
                (chart(Width::Full, |width| {
                    let line = Line::of_history(history, metric.series.as_deref());
                    line.chart(&Figure::of_all(metric.metric.clone()), Some(changes), width)
                }))
            }
        }
        @if metrics.len() > CHARTS_MAX {
            p.hint { "The first " (CHARTS_MAX) " of " (metrics.len()) " are drawn; the table below has all." }
        }
    }
}

fn change_table(changes: &Changes) -> Markup {
    scroll(
        "Changes",
        &html! {
            table.cards {
                thead { tr {
                    th { "metric" } th.n { "run" } th { "at the earliest and latest" } th { "time" } th { "commit" }
                    th.n { "before" } th.n { "after" } th.n { "change" } th { "interval" }
                } }
                tbody {
                    @for change in &changes.changes {
                        tr {
                            th.title scope="row" { (of_series(&change.metric, change.series.as_deref())) }
                            td.n data-head="run" { (change.index) }
                            td data-head="at" { (change.index_interval[0]) " … " (change.index_interval[1]) }
                            td data-head="time" { (change.time.as_deref().unwrap_or(NONE)) }
                            td data-head="commit" { (change.commit.as_deref().unwrap_or(NONE)) }
                            td.n data-head="before" { (number(change.before)) }
                            td.n data-head="after" { (number(change.after)) }
                            td.n data-head="change" { (change.change.map_or(NONE.to_owned(), signed)) }
                            td data-head="interval" { (change.interval.map_or(NONE.to_owned(), |[low, high]| format!("{} … {}", signed(low), signed(high)))) }
                        }
                    }
                }
            }
        },
    )
}
