//! One metric of a duel: its blocks, and what they say.

use loadline_model::comparison::{MetricComparison, Verdict};
use loadline_model::run_table::ALL;

use super::Rules;
use super::block::{Block, Kind, Ratio, Tally};
use super::errors::ErrorCounts;
use crate::compare::sequential::Sequence;

/// How many half-widths of the interval a change has to lie beyond the tolerance to be found in four duels of five: the
/// interval reaches some 3.5 standard errors, and 0.84 more are needed.
pub(super) const POWER: f64 = 1.25;
/// The share of the blocks that are quiet.
const QUIET: f64 = 0.2;

/// A metric and its blocks so far.
#[derive(Debug)]
pub(super) struct Tracked {
    name: String,
    pub(super) kind: Kind,
    block: Block,
    ratios: Sequence,
    /// The levels of the blocks so far.
    levels: Vec<f64>,
    errors: ErrorCounts,
}

/// What the blocks say: how likely they were if the candidate were no worse than the tolerance, and if it were no
/// better; and whether the change is shown to be within the tolerance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    pub(super) worse: f64,
    pub(super) better: f64,
    pub(super) within: bool,
}

pub(super) const UNKNOWN: Standing = Standing { worse: 1.0, better: 1.0, within: false };

impl Tracked {
    pub(super) fn new(name: &str, kind: Kind) -> Tracked {
        let (ratios, errors) = (Sequence::new(), ErrorCounts::default());
        Tracked { name: name.into(), kind, block: Block::new(kind), ratios, levels: Vec::new(), errors }
    }

    pub(super) fn push(&mut self, second: &[Tally; 2]) {
        if self.kind == Kind::ErrorRate {
            let count = |of: fn(&Tally) -> u64| [of(&second[0]), of(&second[1])];
            self.errors.push(count(|side| side.failed), count(|side| side.requests));
        } else if let Some(ratio) = self.block.push(second) {
            let noise = self.noise(ratio);
            self.ratios.push_noisy(ratio.log, noise);
        }
    }

    /// How noisy a block is: by its own samples, and by how far the level of both sides lies above that of quiet blocks.
    /// Two servers that share a processor with another program are held up at different times.
    fn noise(&mut self, ratio: Ratio) -> f64 {
        let at = self.levels.partition_point(|level| *level < ratio.level);
        self.levels.insert(at, ratio.level);
        let quiet = self.levels[(QUIET * (self.levels.len() - 1) as f64) as usize];
        let excess = if self.kind == Kind::Throughput { 0.0 } else { (ratio.level - quiet).max(0.0) };
        ratio.error.hypot(excess)
    }

    pub(super) fn standing(&self, totals: &[Tally; 2], rules: &Rules) -> Standing {
        if self.kind == Kind::ErrorRate { self.errors.standing(totals, rules) } else { self.of_ratios(rules) }
    }

    fn of_ratios(&self, rules: &Rules) -> Standing {
        let Some(estimate) = self.ratios.estimate() else { return UNKNOWN };
        let limit = -(1.0 - rules.confidence).ln();
        let (sign, worse, better) = self.edges(rules.tolerance);
        let middle = sign * estimate;
        // The evidence grows with the distance from the middle, so that that at the edge holds for all beyond it.
        let against = |shift: f64| self.ratios.log_evidence(sign * shift);
        let chance = |shift: f64| (-against(shift)).exp().min(1.0);
        let inside = rules.tolerance > 0.0 && -better < middle && middle < worse;
        Standing {
            worse: if middle > worse { chance(worse) } else { 1.0 },
            better: if middle < 0.0 { chance(0.0) } else { 1.0 },
            within: inside && against(worse) >= limit && against(-better) >= limit && against(middle) < limit,
        }
    }

    /// The sign that turns a log ratio so that larger is worse, and the least log ratios that matter either way.
    fn edges(&self, tolerance: f64) -> (f64, f64, f64) {
        let (up, down) = (tolerance.ln_1p(), -(-tolerance).ln_1p());
        if self.kind.higher_is_better() { (-1.0, down, up) } else { (1.0, up, down) }
    }

    /// The metric for the document.
    pub(super) fn describe(
        &self,
        totals: &[Tally; 2],
        seconds: u64,
        verdict: Verdict,
        rules: &Rules,
    ) -> MetricComparison {
        let scale = if self.kind == Kind::Throughput { (seconds as f64).recip() } else { 1.0 };
        let figure = |side: &Tally| self.kind.figure(side).map(|figure| figure * scale);
        let mut metric = MetricComparison {
            metric: self.name.clone(),
            request: ALL.into(),
            higher_is_better: self.kind.higher_is_better(),
            base_runs: self.ratios.len(),
            candidate_runs: self.ratios.len(),
            base: figure(&totals[0]),
            candidate: figure(&totals[1]),
            change: None,
            low: None,
            high: None,
            difference: None,
            difference_interval: None,
            verdict,
            min_detectable_change: None,
            min_detectable_difference: None,
            more_runs_needed: None,
            more_time_needed_s: None,
            reasons: Vec::new(),
        };
        if self.kind == Kind::ErrorRate {
            self.errors.describe(&mut metric, totals, seconds, rules);
        } else {
            self.describe_ratios(&mut metric, seconds, rules);
        }
        metric
    }

    /// No interval yet: how many more blocks it takes, if they are no noisier than they have to be.
    fn tell_too_few(&self, metric: &mut MetricComparison, seconds: u64, rules: &Rules) {
        let (blocks, wanted) = (self.ratios.len(), Sequence::blocks_needed(rules.confidence));
        let unknown = "the smallest change that would be seen cannot be known";
        metric.reasons.push(match (blocks, wanted.saturating_sub(blocks)) {
            (0, _) => {
                let needed = self.kind.samples_needed();
                format!("not one block of {needed} requests a side was filled, so {unknown}; ask for a higher rate or more time")
            }
            (_, 0) => format!("{blocks} blocks of enough requests are too noisy for an interval, so {unknown}; ask for a higher rate or more time"),
            (_, more) => {
                // What it takes for an interval is not what it takes to decide.
                let time = match worthwhile(seconds as f64 / blocks as f64 * more as f64) {
                    Some(more_s) => format!("about {more_s} s"),
                    None => "more than an hour".to_owned(),
                };
                format!(
                    "it takes {wanted} blocks of enough requests for an interval, and there are {blocks}, so {unknown}; the \
                     rest takes {time} at this rate at least",
                )
            }
        });
    }

    fn describe_ratios(&self, metric: &mut MetricComparison, seconds: u64, rules: &Rules) {
        let open = metric.verdict == Verdict::Inconclusive;
        metric.change = self.ratios.estimate().map(f64::exp_m1);
        let Some((middle, [low, high])) = self.ratios.interval(rules.confidence) else {
            if open {
                self.tell_too_few(metric, seconds, rules);
            }
            return;
        };
        (metric.low, metric.high) = (Some(low.exp_m1()), Some(high.exp_m1()));
        let (sign, worse, better) = self.edges(rules.tolerance);
        let half = 0.5 * (high - low) * POWER;
        let detectable = sign * (worse + half);
        metric.min_detectable_change = Some(detectable.exp_m1().abs());
        if open {
            let distance = [worse, -better].map(|edge| (sign * middle - edge).abs());
            let nearest = distance.into_iter().fold(f64::INFINITY, f64::min);
            let needed = seconds as f64 * (half / nearest).powi(2);
            metric.more_time_needed_s = worthwhile(needed - seconds as f64);
            let ends = [low, high].map(|end| sign * end);
            let is_beyond = ends.iter().all(|end| *end > worse) || ends.iter().all(|end| *end < 0.0);
            metric.reasons.push(longer(rules, is_beyond, metric.more_time_needed_s));
        }
    }
}

/// Seconds that are worth waiting for, rounded; at least ten.
pub(super) fn worthwhile(more_s: f64) -> Option<f64> {
    const LONGEST_S: f64 = 3600.0;
    (more_s < LONGEST_S).then(|| more_s.max(10.0).round())
}

/// What would settle a metric whose interval crosses an edge, or that would be decided were it the only one.
fn longer(rules: &Rules, is_beyond: bool, more_s: Option<f64>) -> String {
    let (is_tolerant, metrics) = (rules.tolerance > 0.0, rules.metrics.len());
    let open = match (is_beyond, is_tolerant) {
        (true, _) if metrics > 1 => {
            format!("alone it would show a change, as one of {metrics} metrics it does not yet")
        }
        (_, true) => "the interval crosses the tolerance".to_owned(),
        (_, false) => "no change is shown".to_owned(),
    };
    match more_s {
        Some(more_s) => format!("{open}; about {more_s} s more, or a higher rate, would decide"),
        None if is_tolerant => {
            format!("{open}, and the change is so near its edge that time would hardly decide")
        }
        None => format!("{open}, and a tolerance of 0 leaves nothing to pass"),
    }
}
