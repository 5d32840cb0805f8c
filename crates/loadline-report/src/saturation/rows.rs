//! The tables of a search, as text that every format shows in its own way.

use loadline_model::fit::Interval;
use loadline_model::run::{LoadModel, RunDocument};
use loadline_model::saturation::{SaturationDocument, StepDocument, StepFigure, StepVerdict};

use super::headline::users_of;
use crate::format::{NONE, command, length, ms, number, percent, rate, with_unit};
use crate::page::{Figure, Tile, Tone};

pub(super) fn per_s(per_s: f64) -> String {
    format!("{}/s", rate(per_s))
}

/// The capacity as people read it: `248/s`, `248 flows/s (512 requests/s)`, or `40 users (1,950/s)`.
pub fn capacity(document: &SaturationDocument) -> Option<String> {
    let capacity = document.capacity_per_s?;
    Some(match (document.capacity_users, document.requests_per_flow) {
        // One more than fits would break the objectives.
        (Some(users), _) => format!("{} ({})", users_of(users.floor()), per_s(capacity)),
        (None, Some(each)) => format!("{} flows/s ({} requests/s)", rate(capacity), rate(capacity * each)),
        (None, None) => per_s(capacity),
    })
}

/// The word for the verdict on a step.
pub(super) fn verdict_word(verdict: StepVerdict) -> &'static str {
    match verdict {
        StepVerdict::Pass => "kept",
        StepVerdict::Fail => "broken",
        StepVerdict::Unclear => "unclear",
        StepVerdict::GeneratorLimited => "generator",
    }
}

pub(super) fn verdict_tone(verdict: StepVerdict) -> Tone {
    match verdict {
        StepVerdict::Pass => Tone::Good,
        StepVerdict::Fail => Tone::Bad,
        StepVerdict::Unclear => Tone::Plain,
        StepVerdict::GeneratorLimited => Tone::Doubt,
    }
}

/// The objective that a search is about: the one that limits, or else the first.
pub(super) fn objective(document: &SaturationDocument) -> Option<&str> {
    document.limited_by.as_deref().or_else(|| document.slos.first().map(String::as_str))
}

/// That objective's figure in a step.
pub(super) fn figure<'a>(document: &SaturationDocument, step: &'a StepDocument) -> Option<&'a StepFigure> {
    let slo = objective(document)?;
    step.figures.iter().find(|figure| figure.slo == slo)
}

fn range(interval: Option<Interval>, unit: &str) -> String {
    match interval {
        Some((low, Some(high))) => format!("{} – {}", with_unit(low, unit), with_unit(high, unit)),
        Some((low, None)) => format!("≥ {}", with_unit(low, unit)),
        None => NONE.to_owned(),
    }
}

/// The load of a step: `240/s`, `40 users`.
pub(super) fn load(step: &StepDocument) -> String {
    step.users.map_or_else(|| per_s(step.rate_per_s), users_of)
}

/// The headings of the table of steps.
pub(super) fn columns(document: &SaturationDocument) -> Vec<String> {
    let interval = format!("{} interval", percent(document.confidence));
    let p99 = (!is_p99(document)).then(|| "p99".to_owned());
    let rest = [named(document).to_owned(), interval, "failed".to_owned(), "settled after".to_owned()];
    ["load", "done", "in flight", "p50"]
        .map(str::to_owned)
        .into_iter()
        .chain(p99)
        .chain(rest)
        .chain(["length".to_owned()])
        .collect()
}

/// What the objective is about: `p99`, `error_rate`.
pub(super) fn named(document: &SaturationDocument) -> &str {
    let objective = objective(document).unwrap_or("objective");
    objective.split(['<', '>']).next().unwrap_or(objective).trim()
}

fn is_p99(document: &SaturationDocument) -> bool {
    objective(document)
        .is_some_and(|slo| named(document) == "p99" && !slo.contains(" for ") && !slo.contains(" over "))
}

/// The cells of a step below [`columns`].
pub(super) fn cells(document: &SaturationDocument, step: &StepDocument) -> Vec<String> {
    let or_none = |value: Option<String>| value.unwrap_or_else(|| NONE.to_owned());
    let figure = figure(document, step);
    let first = [
        load(step),
        or_none(step.achieved_per_s.map(per_s)),
        or_none(step.concurrency.map(number)),
        or_none(step.p50_ms.map(ms)),
    ];
    let p99 = (!is_p99(document)).then(|| or_none(step.p99_ms.map(ms)));
    let rest = [
        or_none(figure.and_then(|f| f.observed.map(|value| with_unit(value, &f.unit)))),
        figure.map_or_else(|| NONE.to_owned(), |f| range(f.interval, &f.unit)),
        or_none(step.error_rate.map(percent)),
        step.warmup_s.map_or_else(|| "never".to_owned(), length),
        length(step.duration_s),
    ];
    first.into_iter().chain(p99).chain(rest).collect()
}

/// What a step is, besides its figures.
pub(super) fn remarks(step: &StepDocument) -> String {
    let confirming = step.confirming.then(|| "confirming run".to_owned());
    confirming.into_iter().chain(step.notes.iter().cloned()).collect::<Vec<_>>().join("; ")
}

/// One line on a step, for those who watch: `240/s for 16 s: kept, p99 31.2 ms (29.1 ms – 33 ms)`.
pub fn step_line(document_slo: Option<&str>, step: &StepDocument) -> String {
    let of = |slo: &str| step.figures.iter().find(|figure| figure.slo == slo);
    // What is worst may be known to be kept; what leaves the step open is told then.
    let open = step.figures.iter().find(|figure| figure.verdict == Some(StepVerdict::Unclear));
    let open = open.filter(|_| step.verdict == StepVerdict::Unclear);
    let worst = document_slo.and_then(of).or_else(|| step.worst.as_deref().and_then(of));
    let worst = worst.filter(|worst| open.is_none() || worst.verdict == Some(StepVerdict::Unclear));
    let worst = worst.or(open).or(step.figures.first());
    let figure = worst.map_or(String::new(), |figure| {
        let observed = figure.observed.map_or(NONE.to_owned(), |value| with_unit(value, &figure.unit));
        let interval =
            figure.interval.map_or(String::new(), |i| format!(" ({})", range(Some(i), &figure.unit)));
        format!(", {}: {observed}{interval}", figure.slo)
    });
    let remarks = remarks(step);
    let remarks = if remarks.is_empty() { remarks } else { format!(" [{remarks}]") };
    format!("{} for {}: {}{figure}{remarks}", load(step), length(step.duration_s), verdict_word(step.verdict))
}

/// Between ends that are this far apart a maximum is not known.
const PEAK_VAGUE: f64 = 2.0;

/// The largest throughput by the saturation curve, with its interval. One that may as well be twice as large is none.
pub(super) fn maximum(document: &SaturationDocument) -> Option<(f64, Option<Interval>)> {
    let peak = &document.fit.as_ref()?.peak;
    let known = peak.interval.is_none_or(|(low, high)| high.is_some_and(|high| high < PEAK_VAGUE * low));
    peak.throughput_per_s.filter(|_| known).map(|throughput| (throughput, peak.interval))
}

/// The key figures of a search.
pub(super) fn tiles(document: &SaturationDocument) -> Vec<Tile> {
    let tile = |label, text: Option<String>, note: String| Tile {
        label,
        figure: Figure::plain(text.unwrap_or_else(|| NONE.to_owned())),
        note,
    };
    let range = match document.interval {
        Some((low, Some(high))) => Some(format!("{} – {}", rate(low), per_s(high))),
        Some((low, None)) => Some(format!("≥ {}", per_s(low))),
        None => None,
    };
    let at_capacity = document.steps.iter().rev().find(|step| step.confirming);
    let users = document.interval_users.map(|(low, high)| match high {
        Some(high) => format!("{} – {} users", low.round(), high.round()),
        None => format!("≥ {} users", low.round()),
    });
    let peak = maximum(document);
    let confirmed =
        at_capacity.and_then(|step| figure(document, step)).and_then(|f| Some((f.observed?, &f.unit)));
    vec![
        tile(
            "Capacity",
            document.capacity_per_s.map(per_s),
            document.capacity_users.map_or_else(
                || "highest load within the objectives".to_owned(),
                |users| users_of(users.floor()),
            ),
        ),
        tile(
            "Interval",
            range,
            match (document.cut_off.low, document.cut_off.high) {
                (false, false) => {
                    let of = users.map_or(String::new(), |users| format!("{users}, "));
                    format!("{of}with {} confidence", percent(document.confidence))
                }
                (true, false) => "cut off below, at the least allowed".to_owned(),
                _ => "cut off above, at the most allowed".to_owned(),
            },
        ),
        tile(
            "Limited by",
            document.limited_by.clone(),
            document.evidence.as_ref().and_then(|e| e.saturated.clone()).unwrap_or_default(),
        ),
        tile(
            "Confirming run",
            confirmed.map(|(value, unit)| with_unit(value, unit)),
            at_capacity.map_or_else(
                || "no confirming run".to_owned(),
                |step| {
                    let how = verdict_word(step.verdict);
                    format!("{how}, over {} at {}", length(step.duration_s), load(step))
                },
            ),
        ),
        tile(
            "Maximum throughput",
            peak.map(|(value, _)| per_s(value)),
            peak.and_then(|(_, interval)| interval).map_or_else(
                || "the steps do not show it".to_owned(),
                |(low, high)| match high {
                    Some(high) => format!("{} – {} by the curve", rate(low), per_s(high)),
                    None => format!("≥ {} by the curve", per_s(low)),
                },
            ),
        ),
        tile(
            "Steps",
            Some(document.steps.len().to_string()),
            format!("in {}", length(document.elapsed_s.round())),
        ),
    ]
}

/// How the search was made.
pub(super) fn how(document: &SaturationDocument, run: &RunDocument) -> Vec<(&'static str, String)> {
    let arrivals = run.stages.iter().find_map(|stage| stage.arrivals.as_deref()).unwrap_or("unknown");
    let load = match document.model {
        LoadModel::Open => format!("open loop, {arrivals} arrivals; searched for the highest arrival rate"),
        LoadModel::Closed => {
            "closed loop: each user waits for the answer; searched for the most users".to_owned()
        }
    };
    let host = &run.host;
    let mut rows = vec![
        ("command", command(&run.command)),
        ("target", run.target.clone()),
        ("started", run.started_at.clone()),
        ("load", load),
        ("objectives", document.slos.join("; ")),
        ("precision", document.precision.map_or(String::new(), |p| format!("±{} asked for", percent(p)))),
        ("seed", run.seed.to_string()),
        ("workers", run.workers.to_string()),
        ("host", format!("{}, {} processors", host.system, host.cpus)),
        (
            "versions",
            run.versions.iter().map(|(name, v)| format!("{name} {v}")).collect::<Vec<_>>().join(", "),
        ),
        ("run", format!("{} {}", run.name, run.id)),
    ];
    rows.extend(document.evidence.as_ref().map(|evidence| {
        let failed =
            if evidence.failed > 0 { format!(", {} failed", evidence.failed) } else { String::new() };
        ("resources", format!("{} readings of {}{failed}", evidence.samples, evidence.source))
    }));
    rows.retain(|(_, value)| !value.is_empty());
    rows
}

/// Notes of search, fit and run, each once.
pub(super) fn notes(document: &SaturationDocument, run: &RunDocument) -> Vec<String> {
    let mut notes = document.reasons.clone();
    let fit =
        document.fit.iter().flat_map(|fit| &fit.reasons).map(|reason| format!("saturation curve: {reason}"));
    for note in fit.chain(run.notes.iter().cloned()) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}
