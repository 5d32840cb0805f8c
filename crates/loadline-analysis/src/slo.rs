//! Whether a run kept its objectives.
//!
//! A figure without data never passes: it is inconclusive. A quantile with fewer than ten samples beyond it is no
//! figure. An objective over windows has to hold in each of them; windows slide by one second and go by the time of
//! completion, and one in which a request older than the limit is still on its way is broken.

use std::collections::VecDeque;

use loadline_model::histogram::{self, Histogram, quantile_ms};
use loadline_model::recording::{RequestSecond, Second};
use loadline_model::run::{SloResult, Verdict};
use loadline_model::slo::{Comparison, Metric, Slo, Timing};

use crate::latency::too_few_samples;
use crate::summary::UNANSWERED;

/// What an objective can speak of, over the whole run or one window of it.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Response times of the requests in question.
    pub response: &'a Histogram,
    /// Their service times.
    pub service: &'a Histogram,
    /// Requests that ended.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Flows completed without error; requests without error where one is named.
    pub completed_ok: u64,
    /// The length of the time in question, in seconds.
    pub seconds: f64,
}

/// What was observed, or why nothing was.
type Observation = Result<f64, &'static str>;

const NO_DATA: &str = "no requests to judge by";
const TOO_FEW: &str = "too few samples: fewer than 10 beyond the quantile";

fn observe(metric: Metric, evidence: &Evidence<'_>) -> Observation {
    if evidence.requests == 0 {
        return Err(NO_DATA);
    }
    let of = |timing| match timing {
        Timing::Response => evidence.response,
        Timing::Service => evidence.service,
    };
    match metric {
        Metric::Quantile(timing, q) => {
            quantile_ms(of(timing), q).filter(|_| !too_few_samples(of(timing).len(), q)).ok_or(TOO_FEW)
        }
        Metric::Mean(timing) => Ok(of(timing).mean() / 1e3),
        Metric::Max(timing) => Ok(of(timing).max() as f64 / 1e3),
        Metric::ErrorRate => Ok(evidence.failed as f64 / evidence.requests as f64),
        Metric::Throughput if evidence.seconds > 0.0 => Ok(evidence.completed_ok as f64 / evidence.seconds),
        Metric::Throughput => Err(NO_DATA),
    }
}

/// Judges `slo` by the whole of a run.
pub fn judge(slo: &Slo, evidence: &Evidence<'_>) -> SloResult {
    result(slo, observe(slo.metric, evidence), None)
}

fn result(slo: &Slo, observed: Observation, broken: Option<String>) -> SloResult {
    let (verdict, reason) = match (&observed, broken) {
        (_, Some(reason)) => (Verdict::Fail, Some(reason)),
        (Ok(value), None) if slo.comparison.holds(*value, slo.limit) => (Verdict::Pass, None),
        (Ok(_), None) => (Verdict::Fail, None),
        (Err(reason), None) => (Verdict::Inconclusive, Some((*reason).to_owned())),
    };
    let unit = slo.metric.unit().to_owned();
    SloResult { slo: slo.text.clone(), verdict, observed: observed.ok(), limit: slo.limit, unit, reason }
}

/// Follows an objective over windows.
#[derive(Debug)]
pub struct Windows {
    slo: Slo,
    length_s: u64,
    seconds: VecDeque<Kept>,
    worst: Option<f64>,
    /// The first window without a figure: its start, and why.
    silent: Option<(u64, &'static str)>,
    /// The first broken window: its start, and what was seen.
    broken: Option<String>,
}

/// One second, as small as it can be kept.
#[derive(Debug)]
struct Kept {
    second: u64,
    values: Vec<(u64, u64)>,
    requests: u64,
    failed: u64,
    completed_ok: u64,
    /// Of the requests on their way at its end.
    oldest_ms: Option<f64>,
}

impl Windows {
    /// For an objective that has windows; `None` for one over the whole run.
    pub fn of(slo: &Slo) -> Option<Self> {
        let length_s = slo.over?.as_secs_f64().ceil().max(1.0) as u64;
        let seconds = VecDeque::new();
        Some(Windows { slo: slo.clone(), length_s, seconds, worst: None, silent: None, broken: None })
    }

    /// Takes the next second of the measured part. One that does not follow the last begins anew.
    pub fn push(&mut self, second: &Second) {
        if self.seconds.back().is_some_and(|last| last.second + 1 != second.second) {
            self.seconds.clear();
        }
        self.seconds.push_back(self.keep(second));
        if self.seconds.len() as u64 > self.length_s {
            self.seconds.pop_front();
        }
        if self.seconds.len() as u64 == self.length_s {
            self.judge_window();
        }
    }

    /// Whether a window was broken.
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// The verdict over all windows.
    pub fn finish(&self) -> SloResult {
        let observed = match (self.worst, self.silent) {
            (_, Some((_, reason))) => Err(reason),
            (Some(worst), None) => Ok(worst),
            (None, None) => Err("the run was shorter than one window"),
        };
        let mut result = result(&self.slo, observed, self.broken.clone());
        result.observed = self.worst;
        if let (None, Some((start, reason))) = (&self.broken, self.silent) {
            result.reason =
                Some(format!("{reason}, in the window from {start} s to {} s", start + self.length_s));
        }
        result
    }

    fn keep(&self, second: &Second) -> Kept {
        let timing = match self.slo.metric {
            Metric::Quantile(timing, _) | Metric::Mean(timing) | Metric::Max(timing) => Some(timing),
            Metric::ErrorRate | Metric::Throughput => None,
        };
        let requests: Vec<&RequestSecond> = in_question(&self.slo, second).collect();
        let mut kept = Kept {
            second: second.second,
            values: Vec::new(),
            requests: requests.iter().map(|r| r.counts.requests).sum(),
            // Windows end with the load: what is unanswered there is so because the run ended early, and is no failure.
            failed: requests.iter().map(|r| failed(r) - unanswered(r)).sum(),
            completed_ok: completed_ok(&self.slo, second),
            oldest_ms: None,
        };
        for request in requests {
            let oldest = request.counts.oldest_in_flight_ms;
            kept.oldest_ms = [kept.oldest_ms, oldest].into_iter().flatten().reduce(f64::max);
            let histogram = match timing {
                Some(Timing::Response) => &request.durations.response,
                Some(Timing::Service) => &request.durations.service,
                None => continue,
            };
            kept.values
                .extend(histogram.iter_recorded().map(|v| (v.value_iterated_to(), v.count_at_value())));
        }
        kept
    }

    fn judge_window(&mut self) {
        let start = self.seconds.front().expect("a whole window is kept").second;
        let mut durations = histogram::new();
        let (mut requests, mut failed, mut completed_ok) = (0, 0, 0);
        for kept in &self.seconds {
            kept.values.iter().for_each(|(value, count)| histogram::record_n(&mut durations, *value, *count));
            requests += kept.requests;
            failed += kept.failed;
            completed_ok += kept.completed_ok;
        }
        // A window keeps the one kind of duration that its objective speaks of.
        let (response, service) = (&durations, &durations);
        let evidence =
            Evidence { response, service, requests, failed, completed_ok, seconds: self.length_s as f64 };
        let waited_for = self.seconds.iter().any(|kept| kept.oldest_ms.is_some());
        let observed = match self.slo.metric {
            // Nothing was completed, and not for want of being asked.
            Metric::Throughput if requests == 0 && waited_for => Ok(0.0),
            metric => observe(metric, &evidence),
        };
        if let Ok(value) = observed {
            let worse = |worst: f64| {
                if is_upper_bound(self.slo.comparison) { worst.max(value) } else { worst.min(value) }
            };
            self.worst = Some(self.worst.map_or(value, worse));
        }
        if self.broken.is_none() {
            self.broken = self.breach(start, observed);
        }
        if let Err(reason) = observed {
            self.silent.get_or_insert((start, reason));
        }
    }

    fn breach(&self, start: u64, observed: Observation) -> Option<String> {
        let window = format!("in the window from {start} s to {} s", start + self.length_s);
        let timed = !matches!(self.slo.metric, Metric::ErrorRate | Metric::Throughput);
        let oldest = self.seconds.back().and_then(|kept| kept.oldest_ms).filter(|_| timed);
        if let Some(age) = oldest.filter(|age| is_upper_bound(self.slo.comparison) && *age > self.slo.limit) {
            return Some(format!("{window} a request was on its way for {age:.0} ms already"));
        }
        let value = observed.ok().filter(|value| !self.slo.comparison.holds(*value, self.slo.limit))?;
        Some(format!("broken {window}: {value:.4} {}", self.slo.metric.unit()))
    }
}

fn is_upper_bound(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Below | Comparison::AtMost)
}

fn in_question<'a>(slo: &'a Slo, second: &'a Second) -> impl Iterator<Item = &'a RequestSecond> {
    let named = move |r: &&RequestSecond| slo.request.as_ref().is_none_or(|name| *name == r.counts.request);
    second.requests.iter().filter(|r| !r.counts.warmup).filter(named)
}

/// Failed requests of one name in one second.
pub(crate) fn failed(request: &RequestSecond) -> u64 {
    request.counts.errors.values().sum()
}

fn unanswered(request: &RequestSecond) -> u64 {
    request.counts.errors.get(UNANSWERED).copied().unwrap_or(0)
}

fn completed_ok(slo: &Slo, second: &Second) -> u64 {
    match slo.request {
        Some(_) => in_question(slo, second).map(|r| r.counts.requests - failed(r)).sum(),
        None => second.generator.iter().filter(|g| !g.warmup).map(|g| g.completed_ok).sum(),
    }
}
