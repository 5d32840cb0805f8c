//! What one objective looks like in a step: the figure, its interval, and how far it is from the limit.

use loadline_model::saturation::StepVerdict;
use loadline_model::slo::{Comparison, Metric, Slo};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::interval::{Interval, Values};
use crate::steady_state::{Ratio, quantile, ratio};

/// Scores are cut off here: e³ times the limit is as broken as a service can be.
const SCORE_MOST: f64 = 3.0;
/// The error of a score that nothing is known about.
const ERROR_MOST: f64 = 3.0;
/// Below the rate that an objective on throughput asks for, and of those offered, this share has to be completed.
const COMPLETED_SHARE: f64 = 0.98;

/// Events that an objective allows a share of (requests beyond the limit of a quantile, or failed): how many there
/// were against how many are allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Events {
    /// How many there were.
    pub seen: f64,
    /// How many would meet the objective exactly.
    pub allowed: f64,
    /// How many come together, since requests that wait for one another are alike: the variance of `seen` over
    /// that of as many independent events; at least 1.
    pub clump: f64,
    /// How often the allowed there can be at most: where every request is an event.
    pub most: f64,
}

impl Events {
    /// So often the allowed where nothing bounds them.
    pub(super) const UNBOUNDED: f64 = 1e6;

    /// As informative as a score with this standard error.
    pub fn of_score(score: f64, error: f64) -> Events {
        let seen = error.powi(-2);
        Events { seen, allowed: seen * (-score).exp(), clump: 1.0, most: Self::UNBOUNDED }
    }
}

/// One objective in one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The objective, as it was written.
    pub slo: String,
    /// What was observed; `None` without data.
    pub observed: Option<f64>,
    /// Its interval, autocorrelation considered; `None` where the data give none.
    pub interval: Option<(f64, f64)>,
    /// The unit of both: `ms`, `ratio` or `per_s`.
    pub unit: &'static str,
    /// ln(observed / limit), or its negative where the objective asks for more: above 0 it is broken.
    pub score: f64,
    /// The standard error of the score.
    pub error: f64,
    /// The same as counts.
    pub events: Events,
    /// Whether fewer than ten independent samples lie beyond the quantile.
    pub too_few_samples: bool,
    /// The verdict: kept or broken where all of the interval is on that side of the limit, otherwise unclear.
    pub verdict: StepVerdict,
}

/// What an objective is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The intervals once the service had settled.
    pub(super) intervals: &'a [Interval],
    /// Which group of each interval.
    pub(super) group: usize,
    /// Whether the objective names a request.
    pub(super) named: bool,
    /// Of the interval reported, 0 to 1.
    pub(super) confidence: f64,
}

/// A figure before it is compared with the limit.
struct Observed {
    value: f64,
    interval: Option<(f64, f64)>,
    /// Standard error of the logarithm.
    log_error: f64,
    too_few_samples: bool,
}

impl Figure {
    pub(super) fn of(slo: &Slo, scope: &Scope<'_>) -> Figure {
        let observed = match slo.over {
            Some(length) => windows(slo, scope, (length.as_secs_f64().ceil() as usize).max(1)),
            None => observe(slo, scope),
        };
        let Some(observed) = observed else { return Figure::without_data(slo) };
        let (score, error) = scored(slo, scope, &observed);
        let mut events = Events::of_score(score, error);
        if slo.over.is_none() && upper_bound(slo) {
            events = count(slo, scope).unwrap_or(events);
        }
        Figure {
            slo: slo.text.clone(),
            observed: Some(observed.value),
            interval: observed.interval,
            unit: slo.metric.unit(),
            score,
            error,
            events,
            too_few_samples: observed.too_few_samples,
            verdict: verdict(slo, observed.interval, (score, error)),
        }
    }

    /// A threshold without data is neither kept nor broken.
    fn without_data(slo: &Slo) -> Figure {
        Figure {
            slo: slo.text.clone(),
            observed: None,
            interval: None,
            unit: slo.metric.unit(),
            score: 0.0,
            error: ERROR_MOST,
            events: Events::of_score(0.0, ERROR_MOST),
            too_few_samples: true,
            verdict: StepVerdict::Unclear,
        }
    }
}

fn upper_bound(slo: &Slo) -> bool {
    matches!(slo.comparison, Comparison::Below | Comparison::AtMost)
}

/// What the interval says, as it is shown; without one, and of throughput that nobody asked for, what the score does.
fn verdict(slo: &Slo, interval: Option<(f64, f64)>, (score, error): (f64, f64)) -> StepVerdict {
    let (low, high) = match interval {
        Some((low, high)) if slo.metric != Metric::Throughput => (low, high),
        // Less than the objective asks for, because less was offered, is no breach, but it is not kept either.
        Some((_, high)) if high < slo.limit && score < 0.0 => return StepVerdict::Unclear,
        _ => return of_sides(score + 2.0 * error < 0.0, score - 2.0 * error > 0.0),
    };
    match slo.comparison {
        Comparison::Below => of_sides(high < slo.limit, low >= slo.limit),
        Comparison::AtMost => of_sides(high <= slo.limit, low > slo.limit),
        Comparison::Above => of_sides(low > slo.limit, high <= slo.limit),
        Comparison::AtLeast => of_sides(low >= slo.limit, high < slo.limit),
    }
}

fn of_sides(kept: bool, broken: bool) -> StepVerdict {
    match (kept, broken) {
        (true, _) => StepVerdict::Pass,
        (_, true) => StepVerdict::Fail,
        _ => StepVerdict::Unclear,
    }
}

/// The score with its error.
fn scored(slo: &Slo, scope: &Scope<'_>, observed: &Observed) -> (f64, f64) {
    let score = match slo.metric {
        Metric::ErrorRate => return share_score(slo, scope),
        Metric::Throughput if keeps_up(scope) && observed.value < slo.limit => -1.0,
        _ if upper_bound(slo) => (observed.value / slo.limit).ln(),
        _ => (slo.limit / observed.value).ln(),
    };
    let score = if score.is_nan() { 0.0 } else { score };
    (score.clamp(-SCORE_MOST, SCORE_MOST), observed.log_error.clamp(1e-4, ERROR_MOST))
}

/// Less throughput than the objective asks for is no breach while less is offered, and completed.
fn keeps_up(scope: &Scope<'_>) -> bool {
    let offered: u64 = scope.intervals.iter().map(|i| i.offered).sum();
    let completed: u64 = scope.intervals.iter().map(|i| i.completed_ok).sum();
    completed as f64 >= COMPLETED_SHARE * offered as f64
}

/// Of an error rate: half an event more on either side keeps a share of 0 finite.
fn share_score(slo: &Slo, scope: &Scope<'_>) -> (f64, f64) {
    let Some(Events { seen, allowed, clump, .. }) = count(slo, scope) else { return (0.0, ERROR_MOST) };
    let score = ((seen + 0.5) / (allowed + 0.5)).ln();
    let score = if upper_bound(slo) { score } else { -score };
    (score.clamp(-SCORE_MOST, SCORE_MOST), (clump / (seen + 0.5)).sqrt())
}

/// The events that the objective counts; `None` where it counts none.
fn count(slo: &Slo, scope: &Scope<'_>) -> Option<Events> {
    let groups = || scope.intervals.iter().map(|i| &i.groups[scope.group]);
    let (pairs, share): (Vec<(f64, f64)>, f64) = match slo.metric {
        Metric::ErrorRate => (groups().map(|g| (g.failed as f64, g.requests as f64)).collect(), slo.limit),
        Metric::Quantile(timing, q) => {
            let beyond = |values: &Values| (values.beyond(1e3 * slo.limit) as f64, values.len() as f64);
            (groups().map(|g| beyond(g.values(timing))).collect(), 1.0 - q)
        }
        _ => return None,
    };
    let share_seen = crate::steady_state::share(&pairs)?;
    let requests: f64 = pairs.iter().map(|pair| pair.1).sum();
    let clump = (requests / share_seen.effective_samples).max(1.0);
    let seen = pairs.iter().map(|pair| pair.0).sum();
    // An objective that allows no event at all is judged as if it allowed half of one.
    let allowed = (share * requests).max(0.5);
    Some(Events { seen, allowed, clump, most: (requests / allowed).max(1.01) })
}

fn observe(slo: &Slo, scope: &Scope<'_>) -> Option<Observed> {
    let groups = || scope.intervals.iter().map(|i| &i.groups[scope.group]);
    match slo.metric {
        Metric::Quantile(timing, q) => {
            let values: Vec<&Values> = groups().map(|g| g.values(timing)).collect();
            let quantile = quantile(&values, q, scope.confidence)?;
            Some(Observed {
                value: quantile.value_ms,
                interval: Some((quantile.low_ms, quantile.high_ms)),
                log_error: quantile.log_error,
                too_few_samples: quantile.too_few_samples,
            })
        }
        Metric::Mean(timing) => {
            let all = Values::merged(groups().map(|g| g.values(timing)));
            let count = all.len() as f64;
            let mean = all.sum() / count;
            let variance = (all.sum_of_squares() / count - mean * mean).max(0.0) / count;
            let pairs = groups().map(|g| g.values(timing)).map(|v| (v.sum(), v.len() as f64));
            of_ratio(ratio(&pairs.collect::<Vec<_>>(), variance)?, 1e-3, scope)
        }
        Metric::Max(timing) => {
            let maxima: Vec<f64> = groups().map(|g| g.values(timing).max() as f64 / 1e3).collect();
            extreme(&maxima, f64::max)
        }
        Metric::ErrorRate => {
            let pairs: Vec<(f64, f64)> = groups().map(|g| (g.failed as f64, g.requests as f64)).collect();
            let rate = of_ratio(crate::steady_state::share(&pairs)?.ratio(), 1.0, scope)?;
            // No more than all of them fail.
            let interval = rate.interval.map(|(low, high)| (low, high.min(1.0)));
            Some(Observed { interval, ..rate })
        }
        Metric::Throughput => {
            let named = |i: &Interval| i.groups[scope.group].requests - i.groups[scope.group].failed;
            let ok = |i: &Interval| if scope.named { named(i) } else { i.completed_ok };
            let pairs: Vec<(f64, f64)> = scope.intervals.iter().map(|i| (ok(i) as f64, 1.0)).collect();
            of_ratio(ratio(&pairs, 0.0)?, 1.0, scope)
        }
    }
}

fn of_ratio(ratio: Ratio, scale: f64, scope: &Scope<'_>) -> Option<Observed> {
    let width = ratio.error * Normal::standard().inverse_cdf(0.5 + 0.5 * scope.confidence);
    Some(Observed {
        value: ratio.value * scale,
        interval: Some(((ratio.value - width).max(0.0) * scale, (ratio.value + width) * scale)),
        log_error: if ratio.value > 0.0 { ratio.error / ratio.value } else { ERROR_MOST },
        too_few_samples: false,
    })
}

/// The worst of all windows that slide by an interval.
fn windows(slo: &Slo, scope: &Scope<'_>, length: usize) -> Option<Observed> {
    let value = |intervals| observe_value(slo, &Scope { intervals, ..*scope });
    let worst: fn(f64, f64) -> f64 = if upper_bound(slo) { f64::max } else { f64::min };
    let apart: Vec<f64> = scope.intervals.chunks_exact(length).filter_map(value).collect();
    let all = scope.intervals.windows(length).filter_map(value).reduce(worst)?;
    Some(Observed { value: all, ..extreme(&apart, worst)? })
}

/// The figure alone.
fn observe_value(slo: &Slo, scope: &Scope<'_>) -> Option<f64> {
    let groups = || scope.intervals.iter().map(|i| &i.groups[scope.group]);
    let some = groups().any(|g| g.requests > 0);
    match slo.metric {
        _ if !some => None,
        Metric::Quantile(timing, q) => {
            Some(Values::merged(groups().map(|g| g.values(timing))).quantile(q) as f64 / 1e3)
        }
        Metric::Mean(timing) => {
            let all = Values::merged(groups().map(|g| g.values(timing)));
            Some(all.sum() / all.len() as f64 / 1e3)
        }
        Metric::Max(timing) => groups().map(|g| g.values(timing).max() as f64 / 1e3).reduce(f64::max),
        Metric::ErrorRate => {
            let (failed, requests) = groups().fold((0, 0), |s, g| (s.0 + g.failed, s.1 + g.requests));
            Some(failed as f64 / requests as f64)
        }
        Metric::Throughput => observe(slo, scope).map(|observed| observed.value),
    }
}

/// An extreme of parts. Its spread is that of the extremes of the parts: with an exponential tail that of a
/// maximum does not depend on how many it is taken of (Gumbel's law). As it is known from few parts, it is as much wider as
/// 90 % intervals by Student's law are.
fn extreme(parts: &[f64], worst: fn(f64, f64) -> f64) -> Option<Observed> {
    let value = parts.iter().copied().reduce(worst)?;
    let logs: Vec<f64> = parts.iter().filter(|part| **part > 0.0).map(|part| part.ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    if logs.len() < 3 {
        return Some(Observed { value, interval: None, log_error: ERROR_MOST, too_few_samples: true });
    }
    let freedom = (logs.len() - 1) as f64;
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.95);
    let log_error = (squares / freedom).sqrt() * student / Normal::standard().inverse_cdf(0.95);
    Some(Observed { value, interval: None, log_error, too_few_samples: false })
}
