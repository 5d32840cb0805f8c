//! One metric of a duel: its blocks, and what they say.

use loadline_model::comparison::{MetricComparison, Verdict};
use loadline_model::run_table::ALL;

use super::Rules;
use super::block::{Block, Kind, Ratio, Tally};
use super::errors::{ErrorCounts, rate_interval};
use crate::compare::none::ERROR_RATE_MARGIN;
use crate::compare::sequential::Sequence;

/// The most times the requests there are that a duel is asked to go on for.
const MUCH_LONGER: f64 = 64.0;
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
        let margin = margin(base, rules);
        let [low, high] = difference(totals, rules.confidence);
        Standing {
            worse: if candidate > base * (1.0 + rules.tolerance) { chance } else { 1.0 },
            better: if candidate < base { chance } else { 1.0 },
            within: low > -margin && high < margin && chance > 1.0 - rules.confidence,
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
            min_detectable_difference: None,
            more_runs_needed: None,
            more_time_needed_s: None,
            reasons: Vec::new(),
        };
        if self.kind == Kind::ErrorRate {
            describe_errors(&mut metric, totals, seconds, rules);
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
                metric.more_time_needed_s = worthwhile(seconds as f64 / blocks as f64 * more as f64);
                let time = match metric.more_time_needed_s {
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
            metric.reasons.push(longer(rules.tolerance, metric.more_time_needed_s));
        }
    }
}

/// Seconds that are worth waiting for, rounded; at least ten.
fn worthwhile(more_s: f64) -> Option<f64> {
    const LONGEST_S: f64 = 3600.0;
    (more_s < LONGEST_S).then(|| more_s.max(10.0).round())
}

/// What would settle a metric whose interval crosses an edge.
fn longer(tolerance: f64, more_s: Option<f64>) -> String {
    let crosses = if tolerance > 0.0 { "the interval crosses the tolerance" } else { "no change is shown" };
    match more_s {
        Some(more_s) => format!("{crosses}; about {more_s} s more, or a higher rate, would decide"),
        None if tolerance > 0.0 => {
            format!("{crosses}, and the change is so near its edge that time would hardly decide")
        }
        None => format!("{crosses}, and a tolerance of 0 leaves nothing to pass"),
    }
}

/// The largest difference of error rates that does not matter.
fn margin(base: f64, rules: &Rules) -> f64 {
    ERROR_RATE_MARGIN.max(rules.tolerance * base)
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
        // Fewer errors than none there cannot be.
        (metric.low, metric.high) = (Some((interval[0] / base).max(-1.0)), Some(interval[1] / base));
    } else {
        (metric.difference, metric.difference_interval) = (Some(candidate - base), Some(interval));
    }
    // How much larger the candidate's rate can be than was seen.
    let detectable = (interval[1] - (candidate - base)) * POWER;
    metric.min_detectable_change = (base > 0.0).then_some(detectable / base);
    metric.min_detectable_difference = (base == 0.0).then_some(detectable);
    if metric.verdict != Verdict::Inconclusive {
        return;
    }
    let margin = margin(base, rules);
    let come = if base + candidate > 0.0 {
        "errors came, and too few to tell whose they are"
    } else {
        "no errors came"
    };
    let times = times_until_within(totals, margin, rules.confidence);
    metric.more_time_needed_s = times.and_then(|times| worthwhile((times - 1.0) * seconds as f64));
    let until = match metric.more_time_needed_s {
        Some(more_s) => format!("about {more_s} s more like this, or a higher rate, would show it"),
        None => "time alone would hardly show it".into(),
    };
    let (reach, percent) = (interval[1].max(-interval[0]), 100.0);
    metric.reasons.push(format!(
        "{come}: so many requests leave a difference of {:.2} points possible, and {:.2} do not matter; {until}",
        reach * percent,
        margin * percent
    ));
}

/// How many times the requests, errors in the same shares, show that the rates differ by less than the margin.
fn times_until_within(totals: &[Tally; 2], margin: f64, confidence: f64) -> Option<f64> {
    let within = |times: f64| {
        let counts = |side: &Tally| [side.failed, side.requests].map(|count| (count as f64 * times) as u64);
        let [low, high] = difference_of([&totals[0], &totals[1]].map(counts), confidence);
        low > -margin && high < margin
    };
    let (mut inside, mut outside) = (MUCH_LONGER, 1.0);
    if !within(inside) {
        return None;
    }
    for _ in 0..20 {
        let between = 0.5 * (inside + outside);
        if within(between) { inside = between } else { outside = between }
    }
    Some(inside)
}

fn rates(totals: &[Tally; 2]) -> Option<[f64; 2]> {
    let [base, candidate] = [&totals[0], &totals[1]].map(|side| Kind::ErrorRate.figure(side));
    Some([base?, candidate?])
}

/// The interval of the difference of error rates: from the ends of both sides' own, each at half the risk.
fn difference(totals: &[Tally; 2], confidence: f64) -> [f64; 2] {
    difference_of([&totals[0], &totals[1]].map(|side| [side.failed, side.requests]), confidence)
}

fn difference_of(counts: [[u64; 2]; 2], confidence: f64) -> [f64; 2] {
    let each = 1.0 - (1.0 - confidence) / 2.0;
    let [base, candidate] = counts.map(|[failed, requests]| rate_interval(failed, requests, each));
    [candidate[0] - base[1], candidate[1] - base[0]]
}
