//! One metric: its values, their scale, the shift between the sides and what follows from it.

use loadline_model::comparison::{MetricComparison, Verdict};
use loadline_model::run_table::{Figure, RunFigures};

use super::robust::median;
use super::shift::{self, Sample, Shift, Side};
use super::{Asked, Options};

/// What runs of the same thing are taken to differ by where nothing tells: fresh machines in the cloud differ by more
/// in one case of several, one machine by a third of it.
const BETWEEN_RUNS: f64 = 0.05;
/// The weight of that: few degrees of freedom mean wide tails.
const ASSUMED_FREE: f64 = 4.0;
const ERROR_RATE: &str = "error_rate";

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

    fn to_change(self, shift: f64) -> Option<f64> {
        match self {
            Scale::Log => Some(shift.exp_m1()),
            Scale::Linear(0.0) => None,
            Scale::Linear(level) => Some(shift / level.abs()),
        }
    }
}

struct Value {
    side: Side,
    time_s: Option<f64>,
    value: f64,
}

/// Works out the shift of one metric.
pub(super) fn judge(asked: Asked, runs: Runs<'_>, options: &Options) -> Judged {
    let sides = [(Side::History, runs.history), (Side::Base, runs.base), (Side::Candidate, runs.candidate)];
    let mut values: Vec<Value> = sides
        .into_iter()
        .flat_map(|(side, runs)| runs.iter().map(move |run| (side, run)))
        .filter_map(|(side, run)| {
            let value = *run.values.get(&asked.figure)?;
            Some(Value { side, time_s: run.time_s, value })
        })
        .collect();
    let of = |side| {
        values.iter().filter(move |value| value.side == side).map(|value| value.value).collect::<Vec<_>>()
    };
    let (base, candidate) = (of(Side::Base), of(Side::Candidate));
    let asked_figure = asked.figure.clone();
    let mut metric = empty(asked, &base, &candidate);
    let missing = missing(&base, &candidate, runs);
    let incomplete = !missing.is_empty();
    metric.reasons.extend(missing);
    if base.is_empty() || candidate.is_empty() {
        return Judged { metric, evidence: None };
    }
    let ordered = in_time_order(&mut values);
    let scale = if values.iter().all(|value| value.value > 0.0) {
        Scale::Log
    } else {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        (metric.base, metric.candidate) = (Some(mean(&base)), Some(mean(&candidate)));
        Scale::Linear(mean(&base))
    };
    let sample = Sample {
        values: values
            .iter()
            .map(|value| if scale == Scale::Log { value.value.ln() } else { value.value })
            .collect(),
        sides: values.iter().map(|value| value.side).collect(),
        ordered,
        resolution: resolution(&values, scale),
    };
    let alone = || of_single_runs(&metric, runs, &asked_figure, scale);
    let Some((shift, reason)) = shift::estimate(&sample).map(|shift| (shift, None)).or_else(alone) else {
        let few =
            "too few runs to tell noise from a change: give more runs a side, or earlier ones as history";
        metric.reasons.push(few.into());
        return Judged { metric, evidence: None };
    };
    metric.reasons.extend(reason);
    let both_signs = values.iter().any(|v| v.value < 0.0) && values.iter().any(|v| v.value > 0.0);
    if both_signs {
        metric.reasons.push("some values are below 0 and others above: check the column".into());
    }
    let incomplete = incomplete || shift.lopsided || both_signs;
    describe(&mut metric, &shift, scale, options);
    Judged { metric, evidence: Some(Evidence { shift, scale, incomplete }) }
}

/// The shift between a single run a side, from the noise within each and a noise between runs that is assumed, since
/// nothing tells it: large enough for most machines, so that only what is plain is called.
fn of_single_runs(
    metric: &MetricComparison,
    runs: Runs<'_>,
    figure: &Figure,
    scale: Scale,
) -> Option<(Shift, Option<String>)> {
    let ([base], [candidate]) = (runs.base, runs.candidate) else { return None };
    if metric.base == Some(0.0) && metric.candidate == Some(0.0) && figure.name == ERROR_RATE {
        // Not one error on either side: as with more runs, there is nothing that could be worse.
        return Some((Shift::known(0.0, f64::MIN_POSITIVE, ASSUMED_FREE)?, None));
    }
    if scale != Scale::Log {
        return None;
    }
    let within = [base, candidate].map(|run| run.errors_within.get(figure).copied());
    let [of_base, of_candidate] = [within[0]?, within[1]?];
    let squares = of_base.powi(2) + of_candidate.powi(2) + 2.0 * BETWEEN_RUNS.powi(2);
    let estimate = (metric.candidate? / metric.base?).ln();
    let reason = format!(
        "one run a side cannot tell the noise between runs: {:.0} % a run are assumed; more runs, or earlier ones as history, would tell",
        BETWEEN_RUNS * 100.0
    );
    Some((Shift::known(estimate, squares.sqrt(), ASSUMED_FREE)?, Some(reason)))
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
        more_runs_needed: None,
        reasons: Vec::new(),
    }
}

fn missing(base: &[f64], candidate: &[f64], runs: Runs<'_>) -> Vec<String> {
    let sides = [("base", base.len(), runs.base.len()), ("candidate", candidate.len(), runs.candidate.len())];
    let lacking = sides.into_iter().filter(|(_, have, all)| have < all || *all == 0);
    lacking
        .map(|(side, have, all)| match (have, all) {
            (_, 0) => format!("no valid run of the {side} is left"),
            (0, _) => format!("no run of the {side} has this metric"),
            _ => format!("{} of {all} runs of the {side} lack this metric", all - have),
        })
        .collect()
}

/// Puts runs in the order of time where it is known, and says whether it is. Earlier runs are in order as they stand;
/// with them, and without times, candidates are taken to come after the base, which is the careful reading.
fn in_time_order(values: &mut [Value]) -> bool {
    let earlier = values.iter().take_while(|value| value.side == Side::History).count();
    let timed = |values: &[Value]| values.iter().all(|value| value.time_s.is_some());
    let key = |a: &Value, b: &Value| a.time_s.unwrap_or(0.0).total_cmp(&b.time_s.unwrap_or(0.0));
    if timed(values) {
        values.sort_by(key);
    } else if timed(&values[earlier..]) {
        values[earlier..].sort_by(key);
    } else {
        return earlier > 0;
    }
    true
}

/// The step of the last decimal place that any run uses, on the scale of the shift. Values of a few digits, such as
/// 0.033, say no more than that.
fn resolution(values: &[Value], scale: Scale) -> f64 {
    let values: Vec<f64> = values.iter().map(|value| value.value).collect();
    if values.iter().all(|value| *value == 0.0) {
        return 0.0;
    }
    let places =
        values.iter().map(|value| value.to_string().split_once('.').map_or(0, |(_, places)| places.len()));
    let step = 10f64.powi(-(places.max().unwrap_or(0).min(300) as i32));
    if scale == Scale::Log { step / median(&values) } else { step }
}

fn describe(metric: &mut MetricComparison, shift: &Shift, scale: Scale, options: &Options) {
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
    metric.low = scale.to_change(interval[0]);
    metric.high = scale.to_change(interval[1]);
    if metric.change.is_none() {
        metric.difference = Some(shift.estimate());
        metric.difference_interval = Some(interval);
    }
}
