//! The page of a run: one file that loads nothing.

use loadline_model::run::{RequestSummary, SloResult, Summary};
use maud::{Markup, html};

use super::charts;
use super::distribution::{distribution, heat_map};
use super::headline::{headline, verdict_tone, verdict_word};
use super::markdown::has_doubt;
use super::rows::{COLUMNS, durations, examples, how, load_rows, notes, observed, quantile, stages, tiles};
use super::view::View;
use crate::chart::Picture;
use crate::format::{NONE, bytes, count, percent, plural, rate};
use crate::page::{Width, badge, banner, chart, document, key_figures, pairs, scroll, short};

/// The whole report as one HTML document.
pub fn html(view: &View) -> String {
    let summary = &view.summary;
    let head = headline(summary);
    let content = html! {
        (header(view))
        (key_figures(&tiles(summary)))
        @if !summary.slos.is_empty() { (objectives(&summary.slos)) }
        @if !summary.errors.examples.is_empty() { (why_requests_failed(summary)) }
        (golden_signals(view))
        (tables(view))
        (how_it_was_run(view))
    };
    let footer = "Made by Loadline from the recording of the run; the same recording makes the same page.";
    document(&format!("{} — {}", head.word, summary.name), &content, footer)
}

fn header(view: &View) -> Markup {
    let head = headline(&view.summary);
    let lines = html! {
        p { (head.validity) }
        @for line in head.status.iter() { p.status { (line) } }
        @for why in view.run.ended_by.iter() { p.status { "Ended by: " (why) } }
    };
    banner(head.tone, &view.summary.name, head.word, &head.sentence, &lines)
}

fn objectives(slos: &[SloResult]) -> Markup {
    html! {
        section {
            h2 { "Objectives" }
            (scroll("Objectives", &html! {
                table.fit {
                    thead { tr { th { "verdict" } th { "objective" } th.n { "observed" } th { "reason" } } }
                    tbody {
                        @for slo in slos {
                            tr {
                                td { (badge(verdict_tone(slo.verdict), verdict_word(slo.verdict))) }
                                td { code { (slo.slo) } }
                                td.n { (observed(slo)) }
                                td { (slo.reason.as_deref().unwrap_or("")) }
                            }
                        }
                    }
                }
            }))
        }
    }
}

fn why_requests_failed(summary: &Summary) -> Markup {
    html! {
        section {
            h2 { "Why requests failed" }
            (scroll("Why requests failed", &html! {
                table.fit {
                    thead { tr { th { "error" } th { "for example" } } }
                    tbody {
                        @for (class, text) in examples(summary) {
                            tr { th scope="row" { (class) } td { (text) } }
                        }
                    }
                }
            }))
        }
    }
}

/// One chart at its place: full or half the width of the page.
type Draw = fn(&View, Width) -> Option<Picture>;

fn golden_signals(view: &View) -> Markup {
    let full: [Draw; 2] = [distribution, heat_map];
    let half: [Draw; 4] = [
        |v, w| Some(charts::traffic(v, w)),
        charts::errors,
        |v, w| Some(charts::in_flight(v, w)),
        charts::cpu,
    ];
    let latency: Draw = |v, w| Some(charts::latency(v, w));
    html! {
        section #charts tabindex="-1" {
            h2 { "Over time" }
            (chart(Width::Full, |width| latency(view, width)))
            div.pair {
                @for draw in half { (chart(Width::Half, |width| draw(view, width))) }
                @if view.series.classes.is_empty() {
                    p.calm { (no_errors(view)) }
                }
            }
            h2 { "Distribution" }
            @for draw in full { (chart(Width::Full, |width| draw(view, width))) }
            @if view.distribution.is_none() { p.calm { "No request ended in the measured part." } }
        }
    }
}

fn no_errors(view: &View) -> String {
    match view.summary.requests {
        0 => "No request ended in the measured part.".to_owned(),
        n => format!("No errors in {}.", plural(n, "request", "requests")),
    }
}

fn tables(view: &View) -> Markup {
    let summary = &view.summary;
    html! {
        section {
            h2 { "Latency" }
            (scroll("Latency", &html! {
                table {
                    thead { tr { th { "duration" } @for (name, _) in COLUMNS { th.n { (name) } } } }
                    tbody {
                        @for (name, latency) in durations(summary) {
                            tr {
                                th scope="row" { (name) }
                                @for (_, field) in COLUMNS { td.n { (short(&quantile(latency, field))) } }
                            }
                        }
                    }
                }
            }))
            p.hint {
                "Response: from the moment a request was due until it was done, so waiting counts. "
                "Service: from sending until done. Ok: of requests without error. Generator delay: what the load generator itself added."
            }
            @if !summary.requests_by_name.is_empty() {
                h2 { "Requests" }
                (scroll("Requests", &requests(&summary.requests_by_name)))
            }
            @if has_doubt(summary) { p.hint { "≈ fewer than ten samples lie beyond this percentile." } }
            h2 { "Load" }
            (pairs(&load_rows(summary)))
        }
    }
}

fn requests(requests: &[RequestSummary]) -> Markup {
    let fields = ["p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"];
    html! {
        table {
            thead { tr {
                th { "request" } th.n { "requests" } th.n { "per second" } th.n { "failed" }
                th.n { "p50" } th.n { "p90" } th.n { "p99" } th.n { "p99.9" } th.n { "max" }
                th.n { "service p99" } th.n { "received" }
            } }
            tbody {
                @for request in requests {
                    tr {
                        th scope="row" { (request.name) }
                        td.n { (count(request.requests)) }
                        td.n { (request.requests_per_s.map_or(NONE.to_owned(), rate)) }
                        td.n { (request.errors.rate.map_or(NONE.to_owned(), percent)) }
                        @for field in fields { td.n { (short(&quantile(&request.response, field))) } }
                        td.n { (short(&quantile(&request.service, "p99_ms"))) }
                        td.n { (bytes(request.bytes_received)) }
                    }
                }
            }
        }
    }
}

fn how_it_was_run(view: &View) -> Markup {
    let notes = notes(&view.run, &view.summary);
    html! {
        section {
            h2 { "How it was run" }
            (pairs(&how(&view.run, &view.summary)))
            (scroll("Stages", &html! {
                table {
                    thead { tr { th { "load" } th { "for" } th { "arrivals" } th { "counted as" } } }
                    tbody { @for row in stages(&view.run) { tr { @for cell in row { td { (cell) } } } } }
                }
            }))
            @if !notes.is_empty() { ul { @for note in notes { li { (note) } } } }
        }
    }
}
