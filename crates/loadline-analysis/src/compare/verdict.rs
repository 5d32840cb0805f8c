//! From intervals to verdicts, over all metrics.

use loadline_model::comparison::{MetricComparison, Verdict};

use super::Options;
use super::metric::{ERROR_RATE, Evidence, Judged, Scale};
use super::none::ERROR_RATE_MARGIN;

/// The power that plans are made for.
pub(super) const POWER: f64 = 0.8;
/// More runs than this a side are no answer.
const MOST_RUNS: f64 = 10_000.0;

/// A metric's shift turned so that larger is worse.
struct Turned<'a> {
    evidence: &'a Evidence,
    higher_is_better: bool,
    /// The least shift for the worse that matters, and the least for the better; both at least 0.
    worse: f64,
    better: f64,
}

impl<'a> Turned<'a> {
    fn new(evidence: &'a Evidence, metric: &MetricComparison, tolerance: f64) -> Turned<'a> {
        let (up, down) = (evidence.scale.of_change(tolerance), -evidence.scale.of_change(-tolerance));
        let (worse, better) = if metric.higher_is_better { (down, up) } else { (up, down) };
        Turned { evidence, higher_is_better: metric.higher_is_better, worse, better }
    }

    fn estimate(&self) -> f64 {
        let estimate = self.evidence.shift.estimate();
        if self.higher_is_better { -estimate } else { estimate }
    }

    /// The difference of the plain means, wild runs and all.
    fn mean(&self) -> f64 {
        let pulled = self.evidence.pulled;
        self.estimate() + if self.higher_is_better { -pulled } else { pulled }
    }

    /// The probability that the shift for the worse is below `x`.
    fn below(&self, x: f64) -> f64 {
        let shift = &self.evidence.shift;
        if self.higher_is_better { shift.above(-x) } else { shift.below(x) }
    }

    /// The probability that it is above `x`.
    fn above(&self, x: f64) -> f64 {
        let shift = &self.evidence.shift;
        if self.higher_is_better { shift.below(-x) } else { shift.above(x) }
    }

    /// The evidence against "no worse than the tolerance", and against "no better", one-sided.
    fn tails(&self) -> (f64, f64) {
        (self.below(self.worse), self.above(0.0))
    }

    /// Whether the change is shown to be within the tolerance.
    fn within(&self, options: &Options) -> bool {
        let tail = (1.0 - options.confidence) / 2.0;
        // That there is no difference at all cannot be shown.
        let exact = self.worse == 0.0 || self.better == 0.0;
        !exact && self.above(self.worse) <= tail && self.below(-self.better) <= tail
    }

    /// The noise of the estimate at a tail, and that at the power.
    fn noise(&self, tail: f64) -> (f64, f64) {
        (self.evidence.shift.reach(1.0 - tail), self.evidence.shift.reach(POWER))
    }
}

/// Gives each metric its verdict, with Holm's correction over all of them.
pub(super) fn correct(judged: Vec<Judged>, options: &Options) -> Vec<MetricComparison> {
    // Where nothing is known nothing is tested.
    let chance = |Judged { metric, evidence }: &Judged| {
        let (worse, better) = Turned::new(evidence.as_ref()?, metric, options.tolerance).tails();
        Some(2.0 * worse.min(better))
    };
    let chances: Vec<Option<f64>> = judged.iter().map(chance).collect();
    let known: Vec<f64> = chances.iter().flatten().copied().collect();
    let tests = known.len();
    let mut shown = holm(&known, 1.0 - options.confidence).into_iter();
    let beyond_chance = chances.iter().map(|chance| chance.is_some() && shown.next().unwrap_or(false));
    let beyond_chance: Vec<bool> = beyond_chance.collect();
    let each = judged.into_iter().zip(beyond_chance);
    each.map(|(Judged { mut metric, evidence }, shown)| {
        if let Some(evidence) = &evidence {
            decide(&mut metric, evidence, shown, tests, options);
        }
        metric
    })
    .collect()
}

/// Which of several tests are significant together, by Holm's procedure, so that the chance of any false one is at most
/// `alpha`.
pub(super) fn holm(chances: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|&a, &b| chances[a].total_cmp(&chances[b]));
    let mut significant = vec![false; chances.len()];
    let ranked = order.iter().enumerate();
    let held = ranked.take_while(|(rank, test)| chances[**test] <= alpha / (chances.len() - rank) as f64);
    held.for_each(|(_, test)| significant[*test] = true);
    significant
}

const UNKNOWN: &str =
    "how many more runs would decide cannot be known: it hangs on how often that comes again";

fn decide(metric: &mut MetricComparison, evidence: &Evidence, shown: bool, tests: usize, options: &Options) {
    let turned = Turned::new(evidence, metric, options.tolerance);
    let tail = (1.0 - options.confidence) / 2.0;
    let (worse, better) = turned.tails();
    let (margin, power) = turned.noise(tail / tests as f64);
    metric.min_detectable_change =
        detectable(evidence.scale, metric.higher_is_better, turned.worse + margin + power);
    if evidence.scale == Scale::Linear(0.0) {
        metric.min_detectable_difference = Some(turned.worse + margin + power);
    }
    if evidence.affected.is_some_and(|chance| chance <= tail / tests as f64) {
        metric.verdict = Verdict::Regressed;
        return;
    }
    if turned.within(options) {
        metric.verdict = Verdict::Pass;
        if evidence.incomplete {
            metric.verdict = Verdict::Inconclusive;
            metric.reasons.push(UNKNOWN.into());
        } else if evidence.is_wild && turned.mean() > turned.worse {
            metric.verdict = Verdict::Inconclusive;
            metric.reasons.push(
                "with them the candidate's mean is worse by more than the tolerance: should they recur they are the \
                 change, which more runs would show; look at them first"
                    .into(),
            );
        }
        return;
    }
    if shown && worse < better {
        metric.verdict = Verdict::Regressed;
        return;
    }
    if shown && (evidence.is_worse_over_all || (evidence.is_wild && turned.mean() > turned.worse)) {
        metric.reasons.push(
            "no improvement: the other runs are better, and over all runs the candidate is worse by more than the \
             tolerance; look at the runs that stand apart first"
                .into(),
        );
        return;
    }
    if shown {
        metric.verdict = Verdict::Improved;
        return;
    }
    if metric.metric == ERROR_RATE && is_nearly_none(&turned, tail, options) && !evidence.incomplete {
        metric.verdict = Verdict::Pass;
        metric.reasons.push(format!(
            "errors came, too few to tell whose they are, and the rates are shown to differ by less than {:.1} %",
            100.0 * ERROR_RATE_MARGIN
        ));
        return;
    }
    if worse.min(better) <= tail {
        let ruled_out = turned.above(turned.worse) <= tail;
        metric.reasons.push(format!(
            "{} by itself, but not as one of {tests} comparisons{}",
            if worse < better { "worse" } else { "better" },
            if ruled_out { "; a regression is ruled out" } else { "" }
        ));
        metric.more_runs_needed = more_runs(metric, &turned, tail / tests as f64);
        metric.reasons.extend(
            metric.more_runs_needed.map(|runs| format!("about {runs} more runs a side would show it")),
        );
        return;
    }
    if evidence.shift.is_rounded && evidence.scale != Scale::Linear(0.0) {
        let digits =
            "the interval is that of the rounding: figures with more digits would tell, more runs would not";
        metric.reasons.push(digits.into());
        return;
    }
    if evidence.is_wild && turned.mean() > turned.worse {
        metric.reasons.push(UNKNOWN.into());
        return;
    }
    metric.more_runs_needed = more_runs(metric, &turned, tail / tests as f64);
    // Without a tolerance asked for there is none of a base of 0 either, and that needs no word.
    let of_nothing =
        if options.tolerance > 0.0 { ", and the base is 0, of which no share can be tolerated" } else { "" };
    metric.reasons.push(match (turned.worse > 0.0, metric.more_runs_needed) {
        (false, Some(runs)) => {
            format!(
                "no change is shown{of_nothing}; about {runs} more runs a side would show one of this size"
            )
        }
        (false, None) if options.tolerance > 0.0 => format!("no change is shown{of_nothing}"),
        (false, None) => "no change is shown, and a tolerance of 0 leaves nothing to pass".into(),
        (true, Some(runs)) => {
            format!("the interval crosses the tolerance; about {runs} more runs a side would decide")
        }
        (true, None) => "the change is so near the tolerance that more runs would not decide".into(),
    });
}

/// Whether error rates are shown to differ by less than does not matter, where the base is 0 and has no fraction.
fn is_nearly_none(turned: &Turned<'_>, tail: f64, options: &Options) -> bool {
    turned.evidence.scale == Scale::Linear(0.0)
        && options.tolerance > 0.0
        && turned.above(ERROR_RATE_MARGIN) <= tail
        && turned.below(-ERROR_RATE_MARGIN) <= tail
}

/// A shift for the worse as a fraction of the base, always positive.
fn detectable(scale: Scale, higher_is_better: bool, shift: f64) -> Option<f64> {
    match scale {
        Scale::Log if higher_is_better => Some(-(-shift).exp_m1()),
        Scale::Log => Some(shift.exp_m1()),
        Scale::Linear(0.0) => None,
        Scale::Linear(level) => Some(shift / level.abs()),
    }
}

/// Runs that would bring the noise of the estimate below its distance from the nearest edge of the tolerance, noise
/// falling with the root of the runs and the estimate staying what it is.
fn more_runs(metric: &MetricComparison, turned: &Turned<'_>, tail: f64) -> Option<u64> {
    let estimate = turned.estimate();
    let edges = if turned.worse == 0.0 { [0.0, 0.0] } else { [turned.worse, -turned.better] };
    let distance = edges.map(|edge| (estimate - edge).abs()).into_iter().fold(f64::INFINITY, f64::min);
    let (margin, power) = turned.noise(tail);
    // Sides of unequal size count as their harmonic mean.
    let (base, candidate) = (metric.base_runs as f64, metric.candidate_runs as f64);
    let runs = 2.0 / (1.0 / base + 1.0 / candidate);
    let wanted = runs * ((margin + power) / distance).powi(2);
    let more = (wanted - runs).ceil().max(1.0);
    (more <= MOST_RUNS).then_some(more as u64)
}

/// The worst verdict over all metrics.
pub(super) fn overall(metrics: &[MetricComparison]) -> Verdict {
    let worst = [Verdict::Invalid, Verdict::Regressed, Verdict::Inconclusive, Verdict::Improved];
    let any = |wanted| metrics.iter().any(|metric: &MetricComparison| metric.verdict == wanted);
    match worst.into_iter().find(|verdict| any(*verdict)) {
        Some(verdict) => verdict,
        None if metrics.is_empty() => Verdict::Inconclusive,
        None => Verdict::Pass,
    }
}
