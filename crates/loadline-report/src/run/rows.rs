//! The tables of a run, as text that every format shows in its own way.

use loadline_model::run::{Latency, RunDocument, SloResult, Status, Summary};

use super::headline::{failed, loop_kind};
use crate::format::{self, NONE, bytes, count, ms, percent, rate, with_unit};
use crate::page::{Figure, Tile};

/// A quantile by the name of its field, such as `p99_ms`.
pub(super) fn quantile(latency: &Latency, field: &str) -> Figure {
    let value = match field {
        "p50_ms" => latency.p50_ms,
        "p90_ms" => latency.p90_ms,
        "p95_ms" => latency.p95_ms,
        "p99_ms" => latency.p99_ms,
        "p999_ms" => latency.p999_ms,
        "p9999_ms" => latency.p9999_ms,
        "mean_ms" => latency.mean_ms,
        _ => latency.max_ms,
    };
    let few = value.is_some() && latency.too_few_samples.iter().any(|f| f == field);
    Figure { text: value.map_or(NONE.to_owned(), ms), few }
}

/// The columns of a latency table: heading and field.
pub(super) const COLUMNS: [(&str, &str); 7] = [
    ("p50", "p50_ms"),
    ("p90", "p90_ms"),
    ("p95", "p95_ms"),
    ("p99", "p99_ms"),
    ("p99.9", "p999_ms"),
    ("max", "max_ms"),
    ("mean", "mean_ms"),
];

/// The three or four durations of a run with their names; `response_ok` where a request failed.
pub(super) fn durations(summary: &Summary) -> Vec<(&'static str, &Latency)> {
    let ok = (summary.errors.total > 0).then_some(("response ok", &summary.response_ok));
    let rest = [("service", &summary.service), ("generator delay", &summary.delay)];
    [("response", &summary.response)].into_iter().chain(ok).chain(rest).collect()
}

/// The key figures of a run.
pub(super) fn tiles(summary: &Summary) -> Vec<Tile> {
    let tile = |label, figure, note: String| Tile { label, figure, note };
    let per_s = summary.requests_per_s.map_or(NONE.to_owned(), |r| format!("{}/s", rate(r)));
    let within = format::length(summary.duration_s);
    let share = summary.errors.rate.map_or(NONE.to_owned(), percent);
    let response = |field| quantile(&summary.response, field);
    let service = |field| format!("service {}", quantile(&summary.service, field).in_short());
    vec![
        tile("Requests", Figure::plain(per_s), format!("{} in {within}", count(summary.requests))),
        tile(
            "Failed",
            Figure::plain(share),
            if summary.errors.total == 0 { "no errors".to_owned() } else { by_class(summary) },
        ),
        tile("Response p50", response("p50_ms"), service("p50_ms")),
        tile("Response p99", response("p99_ms"), service("p99_ms")),
        tile("Response p99.9", response("p999_ms"), service("p999_ms")),
        tile("Longest", response("max_ms"), service("max_ms")),
    ]
}

/// `timeout 3, status_5xx 12`; the most frequent first, at most four.
fn by_class(summary: &Summary) -> String {
    let mut classes: Vec<(&String, &u64)> = summary.errors.by_class.iter().collect();
    classes.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let more = if classes.len() > 4 { ", …" } else { "" };
    let parts: Vec<String> =
        classes.iter().take(4).map(|(class, n)| format!("{class} {}", count(**n))).collect();
    format!("{}{more}", parts.join(", "))
}

/// What happened to the load besides: asked and got, late, dropped, unanswered, connections.
pub(super) fn load_rows(summary: &Summary) -> Vec<(&'static str, String)> {
    let per_s = |r: Option<f64>| r.map_or(NONE.to_owned(), |r| format!("{}/s", rate(r)));
    let mut rows = vec![
        ("asked for", format!("{} flows", per_s(summary.offered_per_s))),
        ("started", format!("{} flows", per_s(summary.achieved_per_s))),
        ("done without error", format!("{} flows", per_s(summary.throughput_per_s))),
        ("errors", failed(summary)),
    ];
    let classes = summary.errors.by_class.iter().map(|(class, n)| format!("{class} {}", count(*n)));
    if summary.errors.total > 0 {
        rows.push(("by class", classes.collect::<Vec<_>>().join(", ")));
    }
    for (name, n, meaning) in [
        ("late", summary.late, "waited for a place in flight or a connection"),
        ("dropped", summary.dropped, "were never sent"),
        ("unanswered", summary.unanswered, unanswered(summary.status)),
    ] {
        if n > 0 {
            rows.push((name, format!("{} {meaning}", count(n))));
        }
    }
    rows.push(("connections", connections(summary)));
    if let Some(cpu) = summary.cpu_ms_per_request {
        rows.push(("cpu of the service", format!("{} a request", ms(cpu))));
    }
    rows
}

fn unanswered(status: Status) -> &'static str {
    match status {
        Status::Complete => "were still in flight when the drain ended",
        Status::Interrupted => "were still in flight when the run was interrupted, and are no failures",
        Status::Running | Status::Incomplete => {
            "were still in flight when the run was ended, and are no failures"
        }
    }
}

/// Failures in words: class and example, the most frequent class first.
pub(super) fn examples(summary: &Summary) -> Vec<(&str, &str)> {
    let errors = &summary.errors;
    let count = |class: &String| errors.by_class.get(class).copied().unwrap_or(0);
    let mut classes: Vec<_> = errors.examples.iter().collect();
    classes.sort_by(|a, b| count(b.0).cmp(&count(a.0)).then_with(|| a.0.cmp(b.0)));
    classes
        .into_iter()
        .flat_map(|(class, texts)| texts.iter().map(|text| (class.as_str(), text.as_str())))
        .collect()
}

fn connections(summary: &Summary) -> String {
    let c = &summary.connections;
    let opened = format!("{} opened", count(c.opened));
    let took = |what: &str, mean: Option<f64>, max: Option<f64>| {
        Some(format!("{what} {} on average, {} at most", ms(mean?), max.map_or(NONE.to_owned(), ms)))
    };
    let parts = [
        Some(opened),
        took("connecting", c.connect_mean_ms, c.connect_max_ms),
        took("name resolution", c.dns_mean_ms, c.dns_max_ms),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Observed value and limit of an objective.
pub(super) fn observed(slo: &SloResult) -> String {
    slo.observed.map_or(NONE.to_owned(), |value| with_unit(value, &slo.unit))
}

/// How the run was made.
pub(super) fn how(run: &RunDocument, summary: &Summary) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("command", format::command(&run.command)),
        ("target", run.target.clone()),
        ("started", run.started_at.clone()),
        ("load", loop_kind(run)),
        ("seed", run.seed.to_string()),
        ("workers", run.workers.to_string()),
        ("in flight at most", count(u64::from(run.max_in_flight))),
        ("connections", connections(summary)),
        ("host", host(run)),
        (
            "versions",
            run.versions.iter().map(|(name, v)| format!("{name} {v}")).collect::<Vec<_>>().join(", "),
        ),
        ("run", format!("{} {}", run.name, run.id)),
    ];
    rows.extend(run.ended_by.iter().map(|why| ("ended by", why.clone())));
    rows.retain(|(_, value)| !value.is_empty());
    rows
}

fn host(run: &RunDocument) -> String {
    let host = &run.host;
    let cpus = format::plural(u64::from(host.cpus), "processor", "processors");
    let parts = [Some(host.system.clone()), Some(cpus), host.cpu_model.clone(), host.memory_bytes.map(bytes)];
    parts.into_iter().flatten().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The stages: what, how long, how, and whether they count.
pub(super) fn stages(run: &RunDocument) -> Vec<[String; 4]> {
    let load =
        |stage: &loadline_model::run::StageRecord| match (stage.users, stage.from_per_s, stage.to_per_s) {
            (Some(users), ..) => format::plural(u64::from(users), "user", "users"),
            (None, Some(from), Some(to)) if from != to => format!("{}/s → {}/s", rate(from), rate(to)),
            (None, from, to) => to.or(from).map_or(NONE.to_owned(), |r| format!("{}/s", rate(r))),
        };
    let row = |stage: &loadline_model::run::StageRecord| {
        [
            load(stage),
            format::length(stage.duration_s),
            stage.arrivals.clone().unwrap_or_else(|| NONE.to_owned()),
            if stage.warmup { "warm-up".to_owned() } else { "measured".to_owned() },
        ]
    };
    run.stages.iter().map(row).collect()
}

/// Notes of run and summary, each once.
pub(super) fn notes(run: &RunDocument, summary: &Summary) -> Vec<String> {
    let mut notes = summary.notes.clone();
    for note in &run.notes {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    notes
}
