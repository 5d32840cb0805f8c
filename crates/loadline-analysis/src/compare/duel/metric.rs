//! One metric of a duel: its blocks, and what they say.

use loadline_model::comparison::{MetricComparison, Verdict};
use loadline_model::run_table::ALL;

use super::Rules;
use super::block::{Block, Kind, Ratio, Tally};
use super::errors::{ErrorCounts, rate_interval};
use crate::compare::sequential::Sequence;

/// A difference of error rates that does not matter, however small they are: one request in a thousand.
const ERROR_RATE_MARGIN: f64 = 0.001;
/// Without one error in so many requests a side, error rates are below 1 % with 95 % confidence (the rule of three).
const FAULTLESS_REQUESTS: u64 = 300;
/// How many half-widths of the interval a change has to lie beyond the tolerance to be found in four duels of five: the
/// interval reaches some 3.5 standard errors, and 0.84 more are needed.
const POWER: f64 = 1.25;
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

const UNKNOWN: Standing = Standing { worse: 1.0, better: 1.0, within: false };

impl Tracked {
    pub(super) fn new(name: &str, kind: Kind) -> Tracked {
        let (ratios, errors) = (Sequence::new(), ErrorCounts::default());
        Tracked { name: name.into(), kind, block: Block::new(kind), ratios, levels: Vec::new(), errors }
    }

    pub(super) fn push(&mut self, second: &[Tally; 2]) {
        if self.kind == Kind::ErrorRate {
            self.errors.push([second[0].failed, second[1].failed]);
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
        if self.kind == Kind::ErrorRate { self.of_errors(totals, rules) } else { self.of_ratios(rules) }
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

    fn of_errors(&self, totals: &[Tally; 2], rules: &Rules) -> Standing {
        let Some([base, candidate]) = rates(totals) else { return UNKNOWN };
        let chance = (-self.errors.log_evidence()).exp().min(1.0);
        let margin = ERROR_RATE_MARGIN.max(rules.tolerance * base);
        let [low, high] = difference(totals, rules.confidence);
        Standing {
            worse: if candidate > base * (1.0 + rules.tolerance) { chance } else { 1.0 },
            better: if candidate < base { chance } else { 1.0 },
            within: (base + candidate == 0.0
                && totals.iter().all(|side| side.requests >= FAULTLESS_REQUESTS))
                || (low > -margin && high < margin && chance > 1.0 - rules.confidence),
        }
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
            more_runs_needed: None,
            reasons: Vec::new(),
        };
        if self.kind == Kind::ErrorRate {
            describe_errors(&mut metric, totals, seconds, rules);
        } else {
            self.describe_ratios(&mut metric, seconds, rules);
        }
        metric
    }

    fn describe_ratios(&self, metric: &mut MetricComparison, seconds: u64, rules: &Rules) {
        let open = metric.verdict == Verdict::Inconclusive;
        metric.change = self.ratios.estimate().map(f64::exp_m1);
        let Some((middle, [low, high])) = self.ratios.interval(rules.confidence) else {
            let blocks = self.ratios.len();
            metric.reasons.extend(open.then(|| {
format!("{blocks} blocks of enough requests are too few, or too noisy; ask for a higher rate or more time")
            }));
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
            metric.reasons.push(longer(rules.tolerance, needed - seconds as f64));
        }
    }
}

/// What would settle a metric whose interval crosses an edge.
fn longer(tolerance: f64, more_s: f64) -> String {
    const LONGEST_S: f64 = 3600.0;
    let crosses = if tolerance > 0.0 { "the interval crosses the tolerance" } else { "no change is shown" };
    if more_s < LONGEST_S {
        let more_s = more_s.max(10.0).round();
        format!("{crosses}; about {more_s} s more, or a higher rate, would decide")
    } else if tolerance > 0.0 {
        format!("{crosses}, and the change is so near its edge that time would hardly decide")
    } else {
        format!("{crosses}, and a tolerance of 0 leaves nothing to pass")
    }
}

fn describe_errors(metric: &mut MetricComparison, totals: &[Tally; 2], seconds: u64, rules: &Rules) {
    // A block is a second here.
    (metric.base_runs, metric.candidate_runs) = (seconds as usize, seconds as usize);
    let Some([base, candidate]) = rates(totals) else {
        metric.reasons.push("no request of one side ended".into());
        return;
    };
    let interval = difference(totals, rules.confidence);
    if base > 0.0 {
        metric.change = Some(candidate / base - 1.0);
        (metric.low, metric.high) = (Some(interval[0] / base), Some(interval[1] / base));
    } else {
        (metric.difference, metric.difference_interval) = (Some(candidate - base), Some(interval));
    }
    if metric.verdict == Verdict::Inconclusive {
        metric.reasons.push("errors came, and too few to tell whose they are".into());
    }
}

fn rates(totals: &[Tally; 2]) -> Option<[f64; 2]> {
    let [base, candidate] = [&totals[0], &totals[1]].map(|side| Kind::ErrorRate.figure(side));
    Some([base?, candidate?])
}

/// The interval of the difference of error rates: from the ends of both sides' own, each at half the risk.
fn difference(totals: &[Tally; 2], confidence: f64) -> [f64; 2] {
    let each = 1.0 - (1.0 - confidence) / 2.0;
    let [base, candidate] =
        [&totals[0], &totals[1]].map(|side| rate_interval(side.failed, side.requests, each));
    [candidate[0] - base[1], candidate[1] - base[0]]
}
