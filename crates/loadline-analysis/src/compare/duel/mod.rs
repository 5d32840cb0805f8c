//! The verdict between two builds that are loaded together, second by second, until the case is clear.
//!
//! A run sends each pair of arrivals one to each build, in an order drawn by lot. The [`Referee`] is handed its seconds.
//! It gathers them into blocks with enough samples, takes one log ratio a block and metric, candidate over base, and
//! asks after every second whether the case is decided; [`super::sequential`] says why looking that often costs nothing.
//! Noise that lasts for more than a few requests, such as another program's burst, is in both sides of a block; what
//! does not cancel counts for less, since a block in which both took longer than usual is trusted less.
//!
//! Verdicts are those of [`super::compare`]: Holm's procedure corrects *regressed* and *improved* for the number of
//! metrics. Seconds in which the generator was in the way are left out; if they are the larger part, all is invalid.

mod block;
mod errors;
mod metric;
mod rates;

use loadline_model::comparison::{Comparison, SCHEMA, Verdict};
use loadline_model::recording::Second;
use loadline_model::run::DuelTerms;

use self::block::{Kind, Tally};
use self::metric::Tracked;
use super::verdict::{holm, overall};
use crate::validity::is_second_limited;

/// What is asked of a duel.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The change that does not matter, as a fraction of the base, at least 0. 0 asks for any change at all.
    pub tolerance: f64,
    /// The confidence of the intervals, between 0.5 and 1; they hold at all times together.
    pub confidence: f64,
    /// The metrics: quantiles such as `p50` or `p99.9`, `mean`, `error_rate`, `throughput`.
    pub metrics: Vec<String>,
}

/// The tolerance of a duel where none is given. One process of a build may differ by a per cent from the next, by the
/// layout of its memory and the like, and a duel sees one process of each.
pub const TOLERANCE: f64 = 0.02;
/// The metrics where none are given: those that a few minutes at a modest rate can decide.
pub const METRICS: [&str; 3] = ["p50", "p90", "error_rate"];

impl Default for Rules {
    fn default() -> Self {
        Rules { tolerance: TOLERANCE, confidence: 0.99, metrics: METRICS.map(str::to_owned).to_vec() }
    }
}

impl From<&DuelTerms> for Rules {
    fn from(terms: &DuelTerms) -> Self {
        let DuelTerms { tolerance, confidence, ref metrics, .. } = *terms;
        Rules { tolerance, confidence, metrics: metrics.clone() }
    }
}

/// Why a duel cannot be judged as asked.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum RulesError {
    /// The tolerance is no fraction.
    #[error("the tolerance is {0}; give a fraction of the base from 0 up to 100%, such as 2%")]
    Tolerance(f64),
    /// The confidence is no probability.
    #[error("the confidence is {0}; give one from 50% up to, but not including, 100%, such as 99%")]
    Confidence(f64),
    /// A metric that a duel cannot tell.
    #[error(
        "a duel has no metric `{0}`; there are quantiles such as p50 or p99.9, mean, error_rate and throughput"
    )]
    Metric(String),
    /// No metric at all.
    #[error("no metric is asked for; name one, such as p50")]
    NoMetric,
}

/// Judges a duel.
#[derive(Debug)]
pub struct Referee {
    rules: Rules,
    /// Requests of the base; those that follow are the candidate's.
    base_names: Vec<String>,
    metrics: Vec<Tracked>,
    totals: [Tally; 2],
    seconds_used: u64,
    /// Which seconds were left out.
    left_out: Vec<u64>,
    /// Seconds in a row in which a side failed every request, and the requests.
    failing: [(u64, u64); 2],
    /// Which sides fail every request, once the duel has ended for it.
    dead: [bool; 2],
    decided: bool,
}

/// A side that fails every request for so many seconds, and so many requests, is dead: there is nothing to compare.
const DEAD_SECONDS: u64 = 5;
const DEAD_REQUESTS: u64 = 20;

impl Referee {
    /// For a run whose requests have these names: those of the base, then as many of the candidate.
    ///
    /// # Errors
    /// When the rules ask for what cannot be told.
    pub fn new(rules: Rules, request_names: &[String]) -> Result<Referee, RulesError> {
        if !(0.0..1.0).contains(&rules.tolerance) {
            return Err(RulesError::Tolerance(rules.tolerance));
        }
        if !(0.5..1.0).contains(&rules.confidence) {
            return Err(RulesError::Confidence(rules.confidence));
        }
        let mut metrics: Vec<Tracked> = Vec::new();
        for name in &rules.metrics {
            let kind = Kind::parse(name).ok_or_else(|| RulesError::Metric(name.clone()))?;
            if metrics.iter().all(|metric| metric.kind != kind) {
                metrics.push(Tracked::new(name, kind));
            }
        }
        if metrics.is_empty() {
            return Err(RulesError::NoMetric);
        }
        let base_names = request_names[..request_names.len() / 2].to_vec();
        let totals = [Tally::new(), Tally::new()];
        Ok(Referee {
            rules,
            base_names,
            metrics,
            totals,
            seconds_used: 0,
            left_out: Vec::new(),
            failing: [(0, 0); 2],
            dead: [false; 2],
            decided: false,
        })
    }

    /// Takes the next second of the run; those of a warm-up count for nothing, and neither do those that come when the
    /// case is closed: the verdict is that of the moment at which it was.
    pub fn push(&mut self, second: &Second) {
        if self.decided {
            return;
        }
        let mut sides = [Tally::new(), Tally::new()];
        for request in second.requests.iter().filter(|request| !request.counts.warmup) {
            let side = usize::from(!self.base_names.contains(&request.counts.request));
            sides[side].add(request);
        }
        if sides.iter().all(|side| side.requests == 0) {
            return;
        }
        self.look_for_the_dead(&sides);
        if is_second_limited(second) {
            self.left_out.push(second.second);
            return;
        }
        self.seconds_used += 1;
        self.totals.iter_mut().zip(&sides).for_each(|(total, side)| total.merge(side));
        self.metrics.iter_mut().for_each(|metric| metric.push(&sides));
        let verdicts = self.verdicts();
        self.decided |= !self.is_invalid()
            && (verdicts.contains(&Verdict::Regressed) || !verdicts.contains(&Verdict::Inconclusive));
    }

    /// Ends the duel where a side fails every request: however quick its answers are, they are no response times.
    fn look_for_the_dead(&mut self, sides: &[Tally; 2]) {
        for (side, (seconds, requests)) in sides.iter().zip(&mut self.failing) {
            if side.failed < side.requests {
                (*seconds, *requests) = (0, 0);
            } else if side.requests > 0 {
                (*seconds, *requests) = (*seconds + 1, *requests + side.requests);
            }
        }
        let is_dead = |(seconds, requests): (u64, u64)| seconds >= DEAD_SECONDS && requests >= DEAD_REQUESTS;
        if self.failing.into_iter().any(is_dead) {
            // One that has just begun to fail as well is dead, too.
            self.dead = self.failing.map(|(seconds, _)| seconds > 0);
            self.decided = true;
        }
    }

    /// What there is to say of sides that fail every request.
    fn told_of_the_dead(&self) -> Option<String> {
        let said = match self.dead {
            [false, false] => return None,
            [false, true] => "the candidate failed every request in the end, and the base did not",
            [true, false] => "the base failed every request in the end: there is nothing to compare with",
            [true, true] => "both builds failed every request in the end: there is nothing to compare",
        };
        Some(said.to_owned())
    }

    /// Seconds that count, and seconds that were left out.
    pub fn seconds(&self) -> (u64, u64) {
        (self.seconds_used, self.left_out.len() as u64)
    }

    /// Requests of base and candidate in the seconds that count.
    pub fn requests(&self) -> [u64; 2] {
        [self.totals[0].requests, self.totals[1].requests]
    }

    /// Response times of base and candidate in the seconds that count.
    pub fn responses(&self) -> [&loadline_model::histogram::Histogram; 2] {
        [&self.totals[0].response, &self.totals[1].response]
    }

    /// Whether more seconds can change nothing that matters: a metric has regressed, or all are decided.
    pub fn is_decided(&self) -> bool {
        self.decided
    }

    /// The comparison as it stands.
    pub fn comparison(&self) -> Comparison {
        let metrics: Vec<_> = self
            .metrics
            .iter()
            .zip(self.verdicts())
            .map(|(metric, verdict)| metric.describe(&self.totals, self.seconds_used, verdict, &self.rules))
            .collect();
        let verdict = match self.dead {
            [false, true] => Verdict::Regressed,
            [true, _] => Verdict::Invalid,
            _ if self.is_invalid() => Verdict::Invalid,
            _ => overall(&metrics),
        };
        Comparison {
            schema: SCHEMA.into(),
            verdict,
            tolerance: self.rules.tolerance,
            confidence: self.rules.confidence,
            base_runs: 1,
            candidate_runs: 1,
            history_runs: 0,
            metrics,
            more_runs_needed: None,
            excluded: Vec::new(),
            notes: self.told_of_the_dead().into_iter().chain(self.left_out_by_number()).collect(),
            duel: None,
        }
    }

    /// Which seconds were left out, neighbours as a range: `seconds 3, 5 to 9`.
    fn left_out_by_number(&self) -> Option<String> {
        let runs = self.left_out.chunk_by(|before, after| before + 1 == *after);
        let each: Vec<String> = runs
            .filter_map(|run| match (run.first()?, run.last()?) {
                (first, last) if first == last => Some(first.to_string()),
                (first, last) => Some(format!("{first} to {last}")),
            })
            .collect();
        let listed = each.join(", ");
        (!each.is_empty()).then(|| format!("left out, since the generator was in the way: seconds {listed}"))
    }

    fn is_invalid(&self) -> bool {
        self.left_out.len() as u64 > self.seconds_used
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let alpha = 1.0 - self.rules.confidence;
        let standings: Vec<_> =
            self.metrics.iter().map(|metric| metric.standing(&self.totals, &self.rules)).collect();
        let tests: Vec<f64> = standings.iter().map(|standing| standing.worse.min(standing.better)).collect();
        let beyond_chance = holm(&tests, alpha);
        let is_dead = self.dead != [false, false];
        let verdict = |(standing, shown): (&metric::Standing, bool)| match (standing.within, shown) {
            // Answers of a dead side are no sign of anything but their failing.
            (true, _) | (false, true) if is_dead && standing.worse >= standing.better => {
                Verdict::Inconclusive
            }
            (true, _) => Verdict::Pass,
            (false, true) if standing.worse < standing.better => Verdict::Regressed,
            (false, true) => Verdict::Improved,
            (false, false) => Verdict::Inconclusive,
        };
        standings.iter().zip(beyond_chance).map(verdict).collect()
    }
}

#[cfg(test)]
mod tests;
