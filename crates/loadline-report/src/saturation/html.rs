//! The page of a search: one file that loads nothing.

use loadline_model::run::RunDocument;
use loadline_model::saturation::SaturationDocument;
use maud::{Markup, html};

use super::charts::{objective_chart, resources, saturation_curve};
use super::headline::headline;
use super::latency::latency;
use super::rows::{cells, columns, how, notes, remarks, tiles, verdict_tone, verdict_word};
use super::throughput::throughput;
use crate::format::{NONE, number, percent};
use crate::page::{Width, badge, banner, chart, key_figures, pairs, scroll};

/// The whole report as one HTML document.
pub fn html(document: &SaturationDocument, run: &RunDocument) -> String {
    let head = headline(document);
    let lines = html! {
        p { (head.validity) }
        @for line in head.status.iter() { p.status { (line) } }
        @for evidence in document.evidence.iter() { p { (evidence.finding) } }
    };
    let content = html! {
        (banner(head.tone, &run.name, head.word, &head.sentence, &lines))
        (key_figures(&tiles(document)))
        (pictures(document))
        (steps(document))
        (resource_table(document))
        (how_it_was_run(document, run))
    };
    let footer = "Made by Loadline from the recording of the search; the same recording makes the same page.";
    crate::page::document(&format!("{} — {}", head.word, run.name), &content, footer)
}

fn pictures(document: &SaturationDocument) -> Markup {
    html! {
        section #charts tabindex="-1" {
            h2 { "Against the load" }
            @if document.steps.is_empty() { p.calm { "No step came to its end." } }
            (chart(Width::Full, |width| objective_chart(document, width)))
            (chart(Width::Full, |width| resources(document, width)))
            (chart(Width::Full, |width| throughput(document, width)))
            div.pair {
                (chart(Width::Half, |width| latency(document, width)))
                (chart(Width::Half, |width| saturation_curve(document, width)))
            }
            @if document.capacity_per_s.is_some() && !document.curve.is_empty() {
                p.hint {
                    "The fitted line goes through the figures of the steps; the capacity is estimated from how many requests \
                     of each step were beyond the limit, which tells more. So the line may cross the limit some percent beside it."
                }
            }
        }
    }
}

fn steps(document: &SaturationDocument) -> Markup {
    html! {
        @if !document.steps.is_empty() {
            section {
                h2 { "Steps" }
                (scroll("Steps", &html! {
                    // On a narrow screen each row is a card, in which figures carry their heads.
                    table.cards {
                        thead { tr {
                            th { "verdict" }
                            @for column in columns(document) { th.n { (column) } }
                        } }
                        tbody {
                            @for step in &document.steps {
                                tr {
                                    td { (badge(verdict_tone(step.verdict), verdict_word(step.verdict))) }
                                    @for (head, cell) in columns(document).iter().zip(cells(document, step)) {
                                        td.n data-head=(head) { (cell) }
                                    }
                                }
                                // Remarks are sentences: below the figures, since no column is wide enough.
                                @let remarks = remarks(step);
                                @if !remarks.is_empty() {
                                    tr.remarks { td colspan=(columns(document).len() + 1) { "↳ " (remarks) } }
                                }
                            }
                        }
                    }
                }))
                p.hint {
                    "In the order in which they were driven. Kept is said where the intervals of all objectives are on the good side of \
                     their limits, broken where one is all beyond its own, unclear otherwise. The search does not go by these words: the capacity \
                     is estimated from how far all steps were from the limit, unclear ones included, each for as much as \
                     it tells. In flight: requests in the service by Little's law."
                }
            }
        }
    }
}

fn resource_table(document: &SaturationDocument) -> Markup {
    let resources = document.evidence.iter().flat_map(|evidence| &evidence.resources);
    html! {
        @if resources.clone().next().is_some() {
            section {
                h2 { "Resources" }
                (scroll("Resources", &html! {
                    table.cards {
                        thead { tr {
                            th { "resource" } th.n { "in use at the capacity" } th.n { "most in a step" }
                            th.n { "full at" } th { "read from" }
                        } }
                        tbody {
                            @for resource in resources {
                                tr {
                                    th.title scope="row" { (resource.name) }
                                    td.n data-head="in use at the capacity" { (resource.at_capacity.map_or(NONE.to_owned(), percent)) }
                                    td.n data-head="most in a step" {
                                        (resource.by_step.iter().flatten().copied().reduce(f64::max)
                                            .map_or(NONE.to_owned(), percent))
                                    }
                                    td.n data-head="full at" {
                                        (resource.full_at_per_s.map_or(NONE.to_owned(), |r| format!("{}/s", number(r))))
                                    }
                                    td { code { (resource.metric) } }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

fn how_it_was_run(document: &SaturationDocument, run: &RunDocument) -> Markup {
    let notes = notes(document, run);
    html! {
        section {
            h2 { "How it was run" }
            (pairs(&how(document, run)))
            @if !notes.is_empty() { ul { @for note in notes { li { (note) } } } }
        }
    }
}
