//! One metric: its values, their scale, the shift between the sides and what follows from it.

use loadline_model::comparison::{MetricComparison, Verdict};
use loadline_model::run_table::{Figure, RunFigures};

use statrs::distribution::{ContinuousCDF, Normal};

use super::affected::{self, Affected};
use super::few::{self, BETWEEN_RUNS};
use super::names;
use super::none;
use super::remarks;
use super::resolution;
use super::robust::median;
use super::same;
use super::shift::{self, FEW as FEW_RUNS, Order, Sample, Shift, Side};
use super::verdict::POWER;
use super::{Asked, Options};

pub(super) const ERROR_RATE: &str = "error_rate";

/// The runs that are used.
#[derive(Clone, Copy)]
pub(super) struct Runs<'a> {
    pub(super) base: &'a [&'a RunFigures],
    pub(super) candidate: &'a [&'a RunFigures],
    pub(super) history: &'a [&'a RunFigures],
}

/// A metric with all that is known of it alone.
pub(super) struct Judged {
    pub(super) metric: MetricComparison,
    pub(super) evidence: Option<Evidence>,
}

/// The shift on the scale it was worked out on.
pub(super) struct Evidence {
    pub(super) shift: Shift,
    pub(super) scale: Scale,
    /// A figure is missing from some runs, or the runs are not alike, so that it cannot pass.
    pub(super) incomplete: bool,
    /// By how much the difference of the plain means is larger than the shift, because of wild runs.
    pub(super) pulled: f64,
    /// Whether runs of the candidate stand apart.
    pub(super) is_wild: bool,
    /// Whether the candidate is worse over all runs by more than the tolerance, whatever it is within groups of them.
    pub(super) is_worse_over_all: bool,
    /// How likely chance is to make as many runs of the candidate worse, where a part of them is.
    pub(super) affected: Option<f64>,
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// By their ratio: all are positive.
    Log,
    /// By their difference, as a fraction of this level of the base.
    Linear(f64),
}

impl Scale {
    /// A change, as a fraction of the base, on this scale. On the difference of a base of 0 any change is infinite.
    pub(super) fn of_change(self, change: f64) -> f64 {
        match self {
            Scale::Log if change <= -1.0 => f64::NEG_INFINITY,
            Scale::Log => change.ln_1p(),
            Scale::Linear(level) => change * level.abs(),
        }
    }

    pub(super) fn to_change(self, shift: f64) -> Option<f64> {
        match self {
            Scale::Log => Some(shift.exp_m1()),
            Scale::Linear(0.0) => None,
            Scale::Linear(level) => Some(shift / level.abs()),
        }
    }
}

struct Value<'a> {
    run: &'a RunFigures,
    side: Side,
    value: f64,
}

/// Works out the shift of one metric.
pub(super) fn judge(asked: Asked, runs: Runs<'_>, options: &Options) -> Judged {
    let sides = [(Side::History, runs.history), (Side::Base, runs.base), (Side::Candidate, runs.candidate)];
    let mut values: Vec<Value<'_>> = sides
        .into_iter()
        .flat_map(|(side, runs)| runs.iter().map(move |run| (side, run)))
        .filter_map(|(side, run)| {
            let value = *run.values.get(&asked.figure)?;
            Some(Value { run, side, value })
        })
        .collect();
    let of = |side| {
        values.iter().filter(move |value| value.side == side).map(|value| value.value).collect::<Vec<_>>()
    };
    let (base, candidate) = (of(Side::Base), of(Side::Candidate));
    let asked_figure = asked.figure.clone();
    let mut metric = empty(asked, &base, &candidate);
    let missing = remarks::missing(&asked_figure, &base, &candidate, runs);
    let incomplete = !missing.is_empty();
    metric.reasons.extend(missing);
    if base.is_empty() || candidate.is_empty() {
        return Judged { metric, evidence: None };
    }
    let both = || base.iter().chain(&candidate);
    let is_none = both().all(|value| *value == 0.0);
    let without = both().filter(|value| **value <= 0.0).count();
    if names::is_response_time(&asked_figure.name) && without > 0 {
        metric.reasons.push(format!(
            "{without} of {} runs have a response time of 0 or below, which no answer has: leave them out, or see why they \
             measured nothing",
            both().count()
        ));
        return Judged { metric, evidence: None };
    }
    if is_none && metric.higher_is_better {
        metric.reasons.push("it is 0 in all runs of both sides: there was nothing to measure".into());
        return Judged { metric, evidence: None };
    }
    if is_none {
        none::judge(&mut metric, requests(&asked_figure, runs), options);
        return without_evidence(metric, incomplete);
    }
    let earlier = of(Side::History);
    let history = remarks::about_history(&earlier, &base, !runs.history.is_empty(), options.tolerance);
    let first = base[0];
    if values.iter().all(|value| value.value == first) && base.len().min(candidate.len()) >= FEW_RUNS {
        same::judge(&mut metric, first, resolution::decimal(std::iter::once(first)), options);
        return without_evidence(metric, incomplete);
    }
    let order = in_time_order(&mut values);
    let scale = if values.iter().all(|value| value.value > 0.0) {
        Scale::Log
    } else {
        (metric.base, metric.candidate) = (Some(mean(&base)), Some(mean(&candidate)));
        Scale::Linear(mean(&base))
    };
    let sample = Sample {
        values: values
            .iter()
            .map(|value| if scale == Scale::Log { value.value.ln() } else { value.value })
            .collect(),
        sides: values.iter().map(|value| value.side).collect(),
        order,
        resolution: resolution(&values, scale),
    };
    let tail = (1.0 - options.confidence) / 2.0;
    let affected = affected(&mut metric, &sample, scale, options);
    let chance = affected.as_ref().map(|(_, affected)| affected.chance);
    let of_means = affected.map(|(shift, _)| (shift, None));
    let Some((shift, reason)) = of_means.or_else(|| shift_of(&sample, &values, scale, &asked_figure, tail))
    else {
        metric.reasons.extend(history);
        if let Some((base, candidate)) = metric.base.zip(metric.candidate) {
            // By how much they differ is known, if not what that means.
            metric.change = match scale {
                Scale::Log => Some(candidate / base - 1.0),
                Scale::Linear(level) => scale.to_change(candidate - level),
            };
        }
        plan(&mut metric, options);
        return Judged { metric, evidence: None };
    };
    let is_told = reason.is_some() || shift.is_unequal || earlier.len() >= FEW_RUNS;
    metric.reasons.extend(history.filter(|_| !shift.is_without_history));
    metric.reasons.extend(reason);
    if !is_told {
        metric.reasons.extend(remarks::borrowed_noise(base.len(), candidate.len()));
    }
    let both_signs = values.iter().any(|v| v.value < 0.0) && values.iter().any(|v| v.value > 0.0);
    if both_signs {
        metric.reasons.push("some values are below 0 and others above: check the column".into());
    }
    let shares = remarks::unlike_shares(&sample, &shift, scale, options.tolerance);
    let incomplete = incomplete || shift.lopsided || both_signs || shares.is_some();
    let is_worse = |by: f64| if metric.higher_is_better { by < 0.0 } else { by > 0.0 };
    let is_worse_over_all = shares.as_ref().is_some_and(|(by, _)| is_worse(*by));
    metric.reasons.extend(shares.map(|(_, why)| why));
    if shift.is_without_history {
        let why = "the runs scatter more than the history does, so that it does not tell how noisy they are, and is left out";
        metric.reasons.push(why.into());
    }
    let is_positive = values.iter().all(|value| value.value >= 0.0);
    describe(&mut metric, &shift, scale, is_positive, options);
    // What is within a step of rounding neither drifts nor scatters as far as anyone can see.
    if shift.widened > DRIFTING && !shift.is_rounded {
        metric.reasons.push(remarks::drifting(order).into());
    }
    if shift.is_unequal && !shift.is_rounded {
        let reason = "one side's runs scatter more than the other's: each counts by its own scatter";
        metric.reasons.push(reason.into());
        metric.reasons.extend(remarks::more_beyond(
            &sample,
            scale,
            metric.higher_is_better,
            options.tolerance,
        ));
    }
    let (is_wild, pulled) = wild(&mut metric, &values, &shift, scale, options.tolerance);
    Judged {
        metric,
        evidence: Some(Evidence {
            shift,
            scale,
            incomplete,
            pulled,
            is_wild,
            is_worse_over_all,
            affected: chance,
        }),
    }
}

/// A metric that is judged already: one that is missing in some runs does not pass.
fn without_evidence(mut metric: MetricComparison, incomplete: bool) -> Judged {
    if incomplete && metric.verdict == Verdict::Pass {
        metric.verdict = Verdict::Inconclusive;
    }
    Judged { metric, evidence: None }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The values of both sides, such that more is worse.
pub(super) fn sides(sample: &Sample, higher_is_better: bool) -> [Vec<f64>; 2] {
    let sign = if higher_is_better { -1.0 } else { 1.0 };
    [Side::Base, Side::Candidate].map(|side| sample.of(side).into_iter().map(|v| sign * v).collect())
}

/// What is known of the shift. Few runs without a history tell little by their scatter; beside what is usually between
/// runs they may tell more.
fn shift_of(
    sample: &Sample,
    values: &[Value<'_>],
    scale: Scale,
    figure: &Figure,
    tail: f64,
) -> Option<(Shift, Option<String>)> {
    let by_scatter = shift::estimate(sample);
    let of = |side| values.iter().filter(move |value| value.side == side);
    let count = |side| of(side).count();
    let (base, candidate) = (count(Side::Base), count(Side::Candidate));
    if base.min(candidate) >= FEW_RUNS || count(Side::History) >= FEW_RUNS {
        return Some((by_scatter?, None));
    }
    // Two runs a side and more know their noise, if not well: to assume less would make up changes on noisy machines.
    let assumed = (scale == Scale::Log && base.min(candidate) == 1)
        .then(|| of_few_runs(of(Side::Base), of(Side::Candidate), figure))
        .flatten();
    let is_sharper = |by: &Shift, than: &Shift| by.reach(1.0 - tail) < than.reach(1.0 - tail);
    let which = if base.max(candidate) == 1 { "one run a side cannot" } else { "so few runs hardly" };
    let told = "more runs, or earlier ones as history, would tell";
    let percent = 100.0 * few::BETWEEN_RUNS;
    match (by_scatter, assumed) {
        (Some(by), assumed) if assumed.as_ref().is_none_or(|than| is_sharper(&by, than)) => {
            let wide = format!(
                "so few runs hardly tell the noise between them, which makes the interval wide: {told}"
            );
            Some((by, (base + candidate < 2 * FEW_RUNS).then_some(wide)))
        }
        (_, assumed) => {
            let reason =
                format!("{which} tell the noise between runs: {percent:.0} % a run are assumed; {told}");
            Some((assumed?, Some(reason)))
        }
    }
}

/// The shift between a run or two a side that know their own noise.
fn of_few_runs<'a>(
    base: impl Iterator<Item = &'a Value<'a>>,
    candidate: impl Iterator<Item = &'a Value<'a>>,
    figure: &Figure,
) -> Option<Shift> {
    let run = |value: &Value<'_>| {
        let within = *value.run.errors_within.get(figure)?;
        (value.value > 0.0).then(|| few::Run { value: value.value.ln(), within })
    };
    let base: Vec<few::Run> = base.map(run).collect::<Option<_>>()?;
    let candidate: Vec<few::Run> = candidate.map(run).collect::<Option<_>>()?;
    few::estimate(&base, &candidate)
}

/// The requests of each side, where all its runs know theirs.
fn requests(figure: &Figure, runs: Runs<'_>) -> Option<[u64; 2]> {
    let column = Figure { name: names::REQUESTS.to_owned(), request: figure.request.clone() };
    let of_run = |run: &&RunFigures| {
        let counted = run.requests.get(&figure.request).copied();
        counted.or_else(|| run.values.get(&column).map(|requests| requests.max(0.0) as u64))
    };
    let of = |runs: &[&RunFigures]| runs.iter().map(of_run).sum::<Option<u64>>();
    (figure.name == ERROR_RATE).then_some([of(runs.base)?, of(runs.candidate)?])
}

fn empty(asked: Asked, base: &[f64], candidate: &[f64]) -> MetricComparison {
    let middle = |values: &[f64]| (!values.is_empty()).then(|| median(values));
    MetricComparison {
        metric: asked.name,
        request: asked.figure.request,
        higher_is_better: asked.higher_is_better,
        base_runs: base.len(),
        candidate_runs: candidate.len(),
        base: middle(base),
        candidate: middle(candidate),
        change: None,
        low: None,
        high: None,
        difference: None,
        difference_interval: None,
        verdict: Verdict::Inconclusive,
        min_detectable_change: None,
        min_detectable_difference: None,
        more_runs_needed: None,
        more_time_needed_s: None,
        reasons: Vec::new(),
    }
}

/// Where noise cannot be told from a change: how many runs could, were their noise the usual one. The sides' difference
/// has the variance 2σ²/n for n runs a side, and is to lie its two quantiles beyond the tolerance.
fn plan(metric: &mut MetricComparison, options: &Options) {
    let few =
        "too few runs to tell noise from a change, so the smallest change that would be seen cannot be known";
    metric.reasons.push(few.into());
    if options.tolerance == 0.0 {
        metric.reasons.push("give more runs a side, or earlier ones as history".into());
        return;
    }
    let normal = Normal::standard();
    let quantiles = normal.inverse_cdf(0.5 + 0.5 * options.confidence) + normal.inverse_cdf(POWER);
    let wanted = 2.0 * (BETWEEN_RUNS * quantiles / options.tolerance.ln_1p()).powi(2);
    let wanted = wanted.ceil().max(3.0) as u64;
    let more = wanted.saturating_sub(metric.base_runs.min(metric.candidate_runs) as u64).max(1);
    metric.more_runs_needed = Some(more);
    metric.reasons.push(format!(
        "about {more} more runs a side would decide if runs differ by {:.0} % among themselves, as is usual; or give \
         earlier ones as history",
        BETWEEN_RUNS * 100.0
    ));
}

/// Where drift makes the error this much larger it is said.
const DRIFTING: f64 = 1.7;
/// Runs so many scales from what was fitted stand apart; so do those of a group of no more than these.
const APART: f64 = 5.0;
const FEW: usize = 2;

/// Names the runs that stand apart, and says whether some are of the candidate, and how much they pull its mean away.
fn wild(
    metric: &mut MetricComparison,
    values: &[Value<'_>],
    shift: &Shift,
    scale: Scale,
    tolerance: f64,
) -> (bool, f64) {
    let on_scale = |value: f64| if scale == Scale::Log { value.ln() } else { value };
    let alone = |at: usize| {
        let size = |label: usize| shift.labels.iter().filter(|other| **other == label).count();
        shift.groups > 1 && shift.labels.get(at).is_some_and(|label| size(*label) <= FEW)
    };
    let mut is_wild = false;
    for (side, name) in [(Side::Base, "base"), (Side::Candidate, "candidate")] {
        let of_side = || values.iter().enumerate().filter(|(_, value)| value.side == side);
        let middle = median(&of_side().map(|(_, value)| on_scale(value.value)).collect::<Vec<f64>>());
        let mut each = Vec::new();
        for (at, value) in of_side() {
            let off = on_scale(value.value) - middle;
            let far = shift.residuals.get(at).is_some_and(|residual| residual.abs() > APART * shift.spread);
            let change = scale.to_change(off);
            if (far || alone(at)) && change.is_none_or(|change| change.abs() > tolerance) {
                let by = change.map_or(String::new(), |change| format!(" by {:+.0} %", 100.0 * change));
                each.push(format!("{}{by}", value.run.run));
            }
        }
        if !each.is_empty() {
            is_wild |= side == Side::Candidate;
            metric.reasons.push(format!("runs of the {name} that stand apart: {}", each.join(", ")));
        }
    }
    let pull = |side: Side| {
        let of_side = values.iter().enumerate().filter(|(_, value)| value.side == side);
        let (moved, count) =
            of_side.fold((0.0, 0.0), |(sum, n), (at, _)| (sum + shift.moved_in(at), n + 1.0));
        moved / count
    };
    (is_wild, pull(Side::Candidate) - pull(Side::Base))
}

/// Puts runs in the order of time as far as it is known. Earlier runs are in order as they stand. Where runs of the sides
/// lack their time, so that the others' would say less than they seem to, the sides may have come in any order.
fn in_time_order(values: &mut [Value<'_>]) -> Order {
    let earlier = values.iter().take_while(|value| value.side == Side::History).count();
    let is_timed = |value: &Value<'_>| value.run.time_s.is_some();
    let time = |value: &Value<'_>| value.run.time_s.unwrap_or(0.0);
    // Of runs of one time either side may have come first: they take turns at it, so that drift is in both.
    let sort = |values: &mut [Value<'_>]| {
        values.sort_by(|a, b| time(a).total_cmp(&time(b)));
        let has = |runs: &[Value<'_>], side: Side| runs.iter().any(|run| run.side == side);
        let at_once = values.chunk_by_mut(|a, b| time(a) == time(b));
        let of_both = at_once.filter(|runs| has(runs, Side::Base) && has(runs, Side::Candidate));
        of_both.skip(1).step_by(2).for_each(<[Value<'_>]>::reverse);
    };
    let of_sides = &values[earlier..];
    let is_one_time = of_sides.len() > 2 && of_sides.iter().all(|run| time(run) == time(&of_sides[0]));
    if is_one_time && of_sides.iter().all(is_timed) {
        return Order::Assumed;
    }
    if values.iter().all(is_timed) {
        sort(values);
    } else if values[earlier..].iter().all(is_timed) {
        sort(&mut values[earlier..]);
    } else if earlier > 0 || values.iter().any(is_timed) {
        return Order::Assumed;
    } else {
        return Order::Unknown;
    }
    Order::Timed
}

/// The step to which values were rounded, on the scale of the shift.
fn resolution(values: &[Value<'_>], scale: Scale) -> f64 {
    let all: Vec<f64> = values.iter().map(|value| value.value).collect();
    if all.iter().all(|value| *value == 0.0) {
        return 0.0;
    }
    let of_sides: Vec<(Side, f64)> = values.iter().map(|value| (value.side, value.value)).collect();
    let step = resolution::decimal(all.iter().copied()).max(resolution::bucket(&of_sides).unwrap_or(0.0));
    if scale == Scale::Log { step / median(&all) } else { step }
}

/// Runs of the candidate that are worse by more than the tolerance, more of them than chance makes; then the means say by
/// how much the sides differ, and no comparison within groups.
fn affected(
    metric: &mut MetricComparison,
    sample: &Sample,
    scale: Scale,
    options: &Options,
) -> Option<(Shift, Affected)> {
    let sign = if metric.higher_is_better { -1.0 } else { 1.0 };
    let [base, candidate] = sides(sample, metric.higher_is_better);
    let least = (sign * scale.of_change(sign * options.tolerance)).max(0.0);
    let found = affected::find(&base, &candidate, sample.resolution, least)?;
    let by = scale.to_change(sign * found.by).map_or(String::new(), |by| format!(" by {:+.1} %", 100.0 * by));
    let seen = format!(
        "{} of {} runs of the candidate are worse{by} as against the base's median, and {} of {} of the base",
        found.runs,
        candidate.len(),
        found.of_base,
        base.len()
    );
    if found.is_one_stretch && sample.order == Order::Timed {
        metric.reasons.push(format!(
            "{seen}; they follow each other, so that it may be the machine: give more runs, interleaved"
        ));
        return None;
    }
    metric.reasons.push(format!(
        "{seen}: groups of their own, beyond chance, which is a regression of these runs whatever that of all is; base, \
         candidate and change are those of the means"
    ));
    let [base, candidate] = [Side::Base, Side::Candidate].map(|side| sample.of(side));
    if scale == Scale::Log {
        (metric.base, metric.candidate) = (Some(mean(&base).exp()), Some(mean(&candidate).exp()));
    }
    Some((affected::of_means(&base, &candidate)?, found))
}

/// Adds the change with its interval. What is never below 0 cannot fall by more than all of it.
fn describe(
    metric: &mut MetricComparison,
    shift: &Shift,
    scale: Scale,
    is_positive: bool,
    options: &Options,
) {
    let tail = (1.0 - options.confidence) / 2.0;
    let interval = [shift.quantile(tail), shift.quantile(1.0 - tail)];
    if shift.groups > 1 {
        let kinds = shift.groups;
        metric
            .reasons
            .push(format!("the runs fall into {kinds} separate groups and are compared within each"));
        if shift.lopsided {
            metric.reasons.push(
                "the two sides fall into them unequally, which may be the change itself: look at the runs that stand \
                 apart, and give more"
                    .into(),
            );
        }
    }
    metric.change = scale.to_change(shift.estimate());
    metric.low = scale.to_change(interval[0]).map(|low| if is_positive { low.max(-1.0) } else { low });
    metric.high = scale.to_change(interval[1]);
    if metric.change.is_none() {
        metric.difference = Some(shift.estimate());
        metric.difference_interval = Some(interval);
    }
}
