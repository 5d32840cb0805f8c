//! The run in a sentence: verdict and validity in plain words.

use loadline_model::run::{LoadModel, RunDocument, SloResult, Status, Summary, ValidityVerdict, Verdict};

use crate::format::{self, ms, plural, rate, with_unit};
use crate::page::Tone;

/// The first thing a report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// `PASS`, `FAIL`, `INCONCLUSIVE`, `INVALID` or `MEASURED`.
    pub word: &'static str,
    /// How it is meant.
    pub tone: Tone,
    /// One sentence, without the word.
    pub sentence: String,
    /// Whether the figures can be trusted, and why, in plain words.
    pub validity: String,
    /// How far the run came, where that is not its end.
    pub status: Option<String>,
}

/// The word for a verdict.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::Invalid => "INVALID",
    }
}

/// How a verdict is meant.
pub fn verdict_tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Fail => Tone::Bad,
        Verdict::Inconclusive | Verdict::Invalid => Tone::Doubt,
    }
}

/// The headline of a run.
pub fn headline(summary: &Summary) -> Headline {
    let limited = summary.validity.verdict == ValidityVerdict::GeneratorLimited;
    let (word, tone, sentence) = match summary.verdict {
        _ if limited && all_failed(summary) => (
            "INVALID",
            Tone::Bad,
            format!("{}; besides, {}", nothing_worked(summary), limited_sentence(summary)),
        ),
        _ if limited => ("INVALID", Tone::Doubt, limited_sentence(summary)),
        None if all_failed(summary) => ("MEASURED", Tone::Bad, nothing_worked(summary)),
        Some(verdict) => (verdict_word(verdict), verdict_tone(verdict), judged(summary, verdict)),
        None if summary.requests == 0 => ("MEASURED", Tone::Plain, "nothing: no request ended".to_owned()),
        None => ("MEASURED", Tone::Plain, format!("{}; no objectives were set", measured(summary))),
    };
    Headline { word, tone, sentence, validity: validity(summary), status: status(summary) }
}

fn all_failed(summary: &Summary) -> bool {
    summary.requests > 0 && summary.errors.total == summary.requests
}

/// `all 20 requests failed: connect 20`.
fn nothing_worked(summary: &Summary) -> String {
    let classes: Vec<String> = summary
        .errors
        .by_class
        .iter()
        .map(|(class, count)| format!("{class} {}", format::count(*count)))
        .collect();
    let all = plural(summary.requests, "request", "requests");
    format!("all {all} failed: {}", classes.join(", "))
}

fn limited_sentence(summary: &Summary) -> String {
    match summary.validity.reasons.as_slice() {
        [] => "the generator was the bottleneck".to_owned(),
        reasons => format!("the generator was the bottleneck: {}", reasons.join("; ")),
    }
}

fn judged(summary: &Summary, verdict: Verdict) -> String {
    let all = summary.slos.len() as u64;
    let those: Vec<&SloResult> = summary.slos.iter().filter(|slo| slo.verdict == verdict).collect();
    let load = load(summary);
    match verdict {
        Verdict::Pass if all == 1 => format!("the objective was kept at {load}"),
        Verdict::Pass => format!("all {all} objectives kept at {load}"),
        Verdict::Fail => {
            let first = those.first().map_or(String::new(), |slo| format!(": {}", broken(slo)));
            let more =
                if those.len() > 1 { format!(", and {} more", those.len() - 1) } else { String::new() };
            format!("{} broken at {load}{first}{more}", share_of(those.len(), all))
        }
        Verdict::Inconclusive | Verdict::Invalid => {
            let first = those.first().map_or(String::new(), |slo| {
                let reason = slo.reason.as_deref().unwrap_or("the data do not tell");
                format!(": {} — {reason}", slo.slo)
            });
            format!("{} cannot be judged at {load}{first}", share_of(those.len(), all))
        }
    }
}

fn share_of(some: usize, all: u64) -> String {
    if all == 1 { "the objective".to_owned() } else { format!("{some} of {all} objectives") }
}

fn broken(slo: &SloResult) -> String {
    match slo.observed {
        Some(observed) => format!("{}, observed {}", slo.slo, with_unit(observed, &slo.unit)),
        None => slo.slo.clone(),
    }
}

/// What was driven: `500 requests/s`, or flows where a flow has several requests; users in the closed model.
pub fn load(summary: &Summary) -> String {
    match (summary.requests_per_s, summary.model) {
        (None, _) => "no load".to_owned(),
        (Some(per_s), LoadModel::Open) => format!("{} requests/s", rate(per_s)),
        (Some(per_s), LoadModel::Closed) => format!("{} requests/s (closed loop)", rate(per_s)),
    }
}

fn measured(summary: &Summary) -> String {
    let p99 = summary.response.p99_ms.map_or(String::new(), |p99| format!(", p99 {}", ms(p99)));
    format!("{}{p99}, {}", load(summary), failed(summary))
}

/// `no errors`, `3 of 30,000 requests failed (0.01%)`.
pub fn failed(summary: &Summary) -> String {
    if summary.errors.total == 0 {
        return "no errors".to_owned();
    }
    let share = summary.errors.rate.map_or(String::new(), |share| format!(" ({})", format::percent(share)));
    let of = plural(summary.requests, "request", "requests");
    format!("{} of {of} failed{share}", format::count(summary.errors.total))
}

fn validity(summary: &Summary) -> String {
    let validity = &summary.validity;
    let delay =
        validity.generator_delay_p99_ms.map(|d| format!("sent within {} of the schedule (p99)", ms(d)));
    let cpu = validity.generator_cpu.map(|c| format!("used {} of a core", format::percent(c)));
    let figures = [delay, cpu].into_iter().flatten().collect::<Vec<_>>().join(" and ");
    let sentence = match validity.verdict {
        ValidityVerdict::Valid => "Valid measurement: the generator was not in the way",
        ValidityVerdict::GeneratorLimited => {
            "Do not use these figures as the service's: they say what the generator could do"
        }
    };
    if figures.is_empty() { format!("{sentence}.") } else { format!("{sentence}; it {figures}.") }
}

fn status(summary: &Summary) -> Option<String> {
    let measured = format::length(summary.duration_s);
    match summary.status {
        Status::Complete => None,
        Status::Running => Some(format!(
            "Incomplete: the run is still going on or ended without a word; these are its first {measured}."
        )),
        Status::Incomplete => Some(format!("Incomplete: the run ended early; {measured} were measured.")),
        Status::Interrupted => Some(format!("Interrupted by the user; {measured} were measured.")),
    }
}

/// One line on how the load came: `open loop, uniform arrivals`.
pub fn loop_kind(run: &RunDocument) -> String {
    match run.model {
        LoadModel::Closed => "closed loop: each user waits for the answer before the next request".to_owned(),
        LoadModel::Open => {
            let mut kinds: Vec<&str> = run.stages.iter().filter_map(|s| s.arrivals.as_deref()).collect();
            kinds.dedup();
            match kinds.as_slice() {
                [] => "open loop".to_owned(),
                kinds => format!("open loop, {} arrivals", kinds.join(" then ")),
            }
        }
    }
}
