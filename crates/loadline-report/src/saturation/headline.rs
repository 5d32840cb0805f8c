//! The search in a sentence: what was found and how sure it is.

use loadline_model::fit::Interval;
use loadline_model::run::{LoadModel, Status, ValidityVerdict, Verdict};
use loadline_model::saturation::{CutOff, SaturationDocument, SearchEnd, StepVerdict};

use super::rows::{capacity, per_s};
use crate::format::{length, ms, percent, plural};
use crate::page::Tone;

/// The first thing a report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// `CAPACITY`, `AT LEAST`, `INCONCLUSIVE`, `INVALID`, `NOTHING PASSES`, `NOT FOUND`; with a requirement `PASS` or
    /// `FAIL`.
    pub word: &'static str,
    /// How it is meant.
    pub tone: Tone,
    /// One sentence, without the word.
    pub sentence: String,
    /// Whether the figures can be trusted, and why, in plain words.
    pub validity: String,
    /// How far the search came, where that is not its end.
    pub status: Option<String>,
}

/// The headline of a search.
pub fn headline(document: &SaturationDocument) -> Headline {
    let limited = document.validity.verdict == ValidityVerdict::GeneratorLimited;
    let found = finding(document);
    let (word, tone, sentence) = match (document.verdict, document.required_per_s) {
        _ if limited => ("INVALID", Tone::Doubt, format!("the generator was the bottleneck; {found}")),
        (Some(verdict), Some(required)) => {
            let (word, tone) = match verdict {
                Verdict::Pass => ("PASS", Tone::Good),
                Verdict::Fail => ("FAIL", Tone::Bad),
                Verdict::Inconclusive | Verdict::Invalid => ("INCONCLUSIVE", Tone::Doubt),
            };
            (word, tone, format!("{} was required; {found}", per_s(required)))
        }
        _ if document.is_vague() => {
            ("INCONCLUSIVE", Tone::Doubt, format!("too little was measured: {found}"))
        }
        _ if document.capacity_per_s.is_some() => ("CAPACITY", Tone::Good, found),
        _ if document.interval.is_some() => ("AT LEAST", Tone::Plain, found),
        _ if document.status != Status::Complete || document.end == Some(SearchEnd::OutOfTime) => {
            ("NOT FOUND", Tone::Doubt, found)
        }
        _ => ("NOTHING PASSES", Tone::Bad, found),
    };
    Headline { word, tone, sentence, validity: validity(document), status: status(document) }
}

fn finding(document: &SaturationDocument) -> String {
    let within = match &document.limited_by {
        Some(slo) => format!(" within {slo}"),
        None => " within the objectives".to_owned(),
    };
    match (capacity(document), document.interval) {
        (Some(capacity), Some((low, Some(high)))) => {
            let sure = percent(document.confidence);
            let range = range(document, (low, Some(high)));
            let cut = cut_off(document.cut_off);
            format!("{capacity}{within}; with {sure} confidence between {range}{cut}")
        }
        (Some(capacity), _) => format!("{capacity}{within}"),
        (None, Some((low, _))) => {
            let why = document.reasons.first().map_or(String::new(), |why| format!(": {why}"));
            match document.interval_users {
                Some((users, _)) => format!("it takes at least {} ({}){why}", users_of(users), per_s(low)),
                None => format!("it takes at least {}{why}", per_s(low)),
            }
        }
        (None, None) => {
            document.reasons.first().cloned().unwrap_or_else(|| "the search found no capacity".to_owned())
        }
    }
}

/// Which end of the range is no finding.
pub(super) fn cut_off(cut: CutOff) -> &'static str {
    match (cut.low, cut.high) {
        (true, true) => " (both ends are the loads allowed: it may be less or more)",
        (true, false) => " (cut off at the least allowed: it may be less)",
        (false, true) => " (cut off at the most allowed: it may be more)",
        (false, false) => "",
    }
}

fn range(document: &SaturationDocument, (low, high): Interval) -> String {
    let high = high.unwrap_or(low);
    match (document.model, document.interval_users) {
        (LoadModel::Closed, Some((least, Some(most)))) => {
            format!("{} and {} ({} and {})", least.round(), users_of(most), per_s(low), per_s(high))
        }
        _ => format!("{} and {}", per_s(low), per_s(high)),
    }
}

pub(super) fn users_of(users: f64) -> String {
    plural(users.round() as u64, "user", "users")
}

fn validity(document: &SaturationDocument) -> String {
    let validity = &document.validity;
    let steps = plural(document.steps.len() as u64, "step", "steps");
    let figures = format!("{steps} in {}", length(document.elapsed_s.round()));
    match validity.verdict {
        _ if document.steps.is_empty() => "Nothing was measured: no step came to its end.".to_owned(),
        ValidityVerdict::Valid => {
            let late =
                document.steps.iter().filter(|step| step.verdict == StepVerdict::GeneratorLimited).count();
            let generator = match late {
                0 => "the generator was not in the way".to_owned(),
                1 => "the generator was in the way of 1, which counts for nothing against the service"
                    .to_owned(),
                _ => format!(
                    "the generator was in the way of {late}, which count for nothing against the service"
                ),
            };
            let others = if late > 0 { "; in the others" } else { ";" };
            let delay = validity.generator_delay_p99_ms.map_or(String::new(), |delay| {
                format!("{others} it sent within {} of the schedule (p99)", ms(delay))
            });
            format!("Valid measurement, {figures}: {generator}{delay}.")
        }
        ValidityVerdict::GeneratorLimited => {
            format!("No capacity can be told, {figures}: {}.", validity.reasons.join("; "))
        }
    }
}

fn status(document: &SaturationDocument) -> Option<String> {
    match document.status {
        Status::Complete => None,
        Status::Interrupted => Some("Interrupted by the user: what was measured until then.".to_owned()),
        Status::Running | Status::Incomplete => {
            Some("Incomplete: the search did not come to its end.".to_owned())
        }
    }
}
