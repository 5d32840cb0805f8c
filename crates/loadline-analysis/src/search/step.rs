//! What one step showed: from its seconds and the objectives to a [`Step`] of the search.

use loadline_model::recording::{GeneratorSecond, Second};
use loadline_model::run::{LoadModel, Validity, ValidityVerdict};
use loadline_model::saturation::StepVerdict;
use loadline_model::slo::{Metric, Slo, Timing};

use super::figure::{Events, Figure, Scope};
use super::interval::{Interval, Values};
use super::variation::Moments;
use super::{Hopeless, Step};
use crate::steady_state::{Quantile, Settling, quantile, ratio, settling};
use crate::validity::{Sent, Watch};

/// Who completes less than this share of what is offered falls behind. A step that does not settle either is overloaded,
/// whatever its objectives say.
const KEEPS_UP_SHARE: f64 = 0.97;

/// Who completes this share of what is offered from the beginning has no response times as long as the step, and a backlog
/// that then grows in its second half by at least this share of what it did in the first comes to no end: requests that take
/// exponential times of a mean as long as the step complete less at first, and ever more.
const SOME: f64 = 0.25;
const STEADILY: f64 = 0.8;

/// With fewer requests in the service on average hardly one waits for another.
const ALONE: f64 = 0.1;
/// ln of the factor over the limit that waiting does not explain then.
const SLOW: f64 = 0.25;

/// What a step was asked to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// The load: an arrival rate per second, or users.
    pub load: f64,
    /// Which of the two.
    pub model: LoadModel,
    /// How long load was offered, in seconds; what ended later came in before.
    pub duration_s: f64,
    /// How long the step took, draining included, in seconds.
    pub took_s: f64,
    /// Whether it is the confirming run.
    pub confirming: bool,
    /// Whether so many requests failed that it was ended, which is a breach of its own.
    pub failing: bool,
    /// The confidence of the intervals of its figures, 0 to 1.
    pub confidence: f64,
}

/// Gathers the seconds of one step; far smaller than they are.
#[derive(Debug, Clone)]
pub struct Measured {
    slos: Vec<Slo>,
    names: Vec<String>,
    first: Option<u64>,
    seconds: Vec<Interval>,
    delay: Vec<Values>,
    watch: Watch,
    sent: Sent,
}

/// What a step showed, with all its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// For the search.
    pub step: Step,
    /// Whether the figures say something about the service.
    pub validity: Validity,
    /// Seconds left out at the beginning; `None` where the service never settled.
    pub warmup_s: Option<f64>,
    /// Whether the service completed what was offered; a backlog that grows is a breach of its own, and so is failing
    /// most requests.
    pub keeps_up: bool,
    /// The objectives, in their order.
    pub figures: Vec<Figure>,
    /// Which of them stands worst.
    pub worst: Option<usize>,
    /// Flows completed per second once settled.
    pub achieved_per_s: Option<f64>,
    /// Its interval, autocorrelation considered; `None` with less than two seconds.
    pub achieved_interval_per_s: Option<(f64, f64)>,
    /// Flows completed over those that fell due, once settled; `None` where none did.
    pub completed_share: Option<f64>,
    /// Mean requests in the system once settled, by Little's law.
    pub concurrency: Option<f64>,
    /// Median response time of all requests.
    pub p50_ms: Option<f64>,
    /// 99th percentile of the response time of all requests, with its interval.
    pub p99: Option<Quantile>,
    /// Requests that ended, once settled.
    pub requests: u64,
    /// Flows that were completed, once settled.
    pub flows: u64,
    /// Failed requests over all requests.
    pub error_rate: Option<f64>,
}

impl Judged {
    /// Whether throughput is what was offered, but for what is always on its way.
    pub fn completes_offered(&self) -> bool {
        completes(self.completed_share)
    }

    /// The verdict in documents: that of the intervals shown there. What never settled is not surely kept.
    pub fn verdict(&self) -> StepVerdict {
        let any = |verdict| self.figures.iter().any(|figure| figure.verdict == verdict);
        match &self.step {
            step if step.generator_limited => StepVerdict::GeneratorLimited,
            _ if !self.keeps_up || any(StepVerdict::Fail) => StepVerdict::Fail,
            step if step.kept => StepVerdict::Pass,
            _ => StepVerdict::Unclear,
        }
    }
}

/// Judges a step by all of its seconds, in order: those in which load was offered, and those in which what was
/// still on its way ended.
pub fn judge(seconds: &[Second], slos: &[Slo], asked: &Asked) -> Judged {
    let mut measured = Measured::new(slos);
    seconds.iter().for_each(|second| measured.push(second));
    measured.judge(asked)
}

impl Measured {
    /// For a step that is judged by these objectives.
    pub fn new(slos: &[Slo]) -> Self {
        let mut names: Vec<String> = slos.iter().filter_map(|slo| slo.request.clone()).collect();
        names.sort();
        names.dedup();
        Measured {
            slos: slos.to_vec(),
            names,
            first: None,
            seconds: Vec::new(),
            delay: Vec::new(),
            watch: Watch::default(),
            sent: Sent::default(),
        }
    }

    /// Takes the next second. The first one is the one in which the step began.
    pub fn push(&mut self, second: &Second) {
        let first = *self.first.get_or_insert(second.second);
        // Seconds in which nothing happened may be left out by whoever recorded them.
        let nothing = Interval::default_for(&self.names);
        self.seconds.resize(second.second.saturating_sub(first) as usize, nothing);
        self.push_interval(Interval::of(second, &self.names));
        self.delay.extend(second.requests.iter().map(|r| Values::from(&r.durations.delay)));
        for line in &second.generator {
            let GeneratorSecond { offered, started, dropped, .. } = line;
            self.sent.offered += offered;
            self.sent.started += started;
            self.sent.dropped += dropped;
            self.watch.push(line);
        }
    }

    /// Takes the next second from another source than a recording: without a word on the generator. Its groups are
    /// all requests, then those of each name that an objective is about, in the order of the names.
    pub fn push_interval(&mut self, interval: Interval) {
        self.seconds.push(interval);
    }

    /// What they showed.
    pub fn judge(&self, asked: &Asked) -> Judged {
        let intervals = self.folded(asked.duration_s);
        let means: Vec<f64> = responses(&intervals);
        let (from, drifts) = match settling(&means) {
            Settling::From(cut) => (cut, false),
            Settling::Never => (intervals.len() / 2, true),
            Settling::Unknown => (0, false),
        };
        let rest = &intervals[from..];
        let figures: Vec<Figure> = self.slos.iter().map(|slo| self.figure(slo, rest, asked)).collect();
        let worst = (0..figures.len()).max_by(|a, b| figures[*a].score.total_cmp(&figures[*b].score));
        let all: Vec<&Values> = rest.iter().map(|i| i.groups[0].values(Timing::Response)).collect();
        let p99 = quantile(&all, 0.99, asked.confidence);
        let completed = rest.iter().map(|i| i.completed).sum::<u64>() as f64;
        let offered = rest.iter().map(|i| i.offered).sum::<u64>() as f64;
        let done: Vec<(f64, f64)> = rest.iter().map(|i| (i.completed as f64, 1.0)).collect();
        let completed_share = (offered > 0.0).then_some(completed / offered);
        let in_time = asked.model == LoadModel::Closed || completes(completed_share);
        // A few seconds at twice what the service can do break nothing yet.
        let kept_so_far = worst.is_none_or(|worst| figures[worst].score < 0.0);
        let backlog = match Backlog::of(rest) {
            _ if asked.model == LoadModel::Closed || !kept_so_far => Backlog::Steady,
            // In a long step what is on its way is little beside what was completed, but may grow to its end.
            Backlog::Grows if in_time && Backlog::of(&rest[rest.len() / 2..]) == Backlog::Steady => {
                Backlog::Steady
            }
            Backlog::Grows if in_time => Backlog::Overload,
            backlog => backlog,
        };
        let settled = !drifts && backlog == Backlog::Steady;
        let keeps_up = (in_time || !drifts) && backlog != Backlog::Overload && !asked.failing;
        let together = Values::merged(all.iter().copied());
        let validity = self.validity(asked, &together);
        let (requests, failed) =
            rest.iter().fold((0, 0), |s, i| (s.0 + i.groups[0].requests, s.1 + i.groups[0].failed));
        let some = requests > 0;
        let seconds = rest.len() as f64;
        let all_offered = intervals.iter().map(|i| i.offered).sum::<u64>() as f64;
        let offered_per_s = all_offered / intervals.len().max(1) as f64;
        let generator_limited = validity.verdict == ValidityVerdict::GeneratorLimited;
        let concurrency = some.then(|| together.sum() / 1e6 / seconds);
        let worst_slo = worst.map(|k| (&self.slos[k], &figures[k]));
        let hopeless = match worst_slo {
            _ if asked.failing && failed == requests => Some(Hopeless::AllFailed),
            Some((slo, figure)) if is_slow_alone(slo, figure, concurrency) => Some(Hopeless::Alone),
            _ => None,
        };
        Judged {
            step: Step {
                hopeless,
                kept: settled && keeps_up && figures.iter().all(|figure| figure.verdict == StepVerdict::Pass),
                offered_per_s,
                completed_share: completed_share.filter(|_| asked.model == LoadModel::Open).unwrap_or(1.0),
                settled,
                generator_limited,
                responses: Moments::from(&together),
                ..step(asked, worst.map(|k| &figures[k]), keeps_up)
            },
            validity,
            warmup_s: settled.then_some(from as f64),
            keeps_up,
            figures,
            worst,
            achieved_per_s: (seconds > 0.0).then_some(completed / seconds),
            achieved_interval_per_s: ratio(&done, 0.0).map(|rate| rate.interval(asked.confidence)),
            completed_share,
            concurrency,
            p50_ms: some.then(|| together.quantile(0.5) as f64 / 1e3),
            p99,
            requests,
            flows: completed as u64,
            error_rate: some.then(|| failed as f64 / requests as f64),
        }
    }

    /// The seconds of the load; the requests that ended later are added to the last of them.
    fn folded(&self, duration_s: f64) -> Vec<Interval> {
        let length = (duration_s.ceil().max(1.0) as usize).min(self.seconds.len());
        let mut intervals = self.seconds[..length].to_vec();
        if let Some(last) = intervals.last_mut() {
            self.seconds[length..].iter().for_each(|late| last.add_late(late));
        }
        intervals
    }

    fn figure(&self, slo: &Slo, intervals: &[Interval], asked: &Asked) -> Figure {
        let position = slo.request.as_ref().and_then(|name| self.names.iter().position(|n| n == name));
        let group = position.map_or(0, |k| k + 1);
        let scope = Scope { intervals, group, named: position.is_some(), confidence: asked.confidence };
        Figure::of(slo, &scope)
    }

    fn validity(&self, asked: &Asked, response: &Values) -> Validity {
        let delay = Values::merged(&self.delay);
        let watch = self.watch.of_load(asked.duration_s.ceil() as u32);
        watch.judge(asked.model, self.sent, &delay.to_histogram(), &response.to_histogram())
    }
}

/// Whether an objective on the response time is broken by more than waiting for the few others can explain.
fn is_slow_alone(slo: &Slo, figure: &Figure, concurrency: Option<f64>) -> bool {
    let timed = matches!(slo.metric, Metric::Quantile(..) | Metric::Mean(_));
    let alone = concurrency.is_some_and(|present| present < ALONE);
    timed && alone && figure.verdict == StepVerdict::Fail && figure.score > SLOW
}

/// What the requests on their way, and arrivals waiting, do over a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backlog {
    /// They become no more than chance explains.
    Steady,
    /// They become more, which they also do at first where requests take longer than the step: a longer one tells.
    Grows,
    /// They become more without an end: part of what is offered is completed all the time, and the rest is not.
    Overload,
}

impl Backlog {
    fn of(intervals: &[Interval]) -> Backlog {
        if intervals.len() < 3 {
            return Backlog::Steady;
        }
        let (middle, last) = (intervals.len() / 2, intervals.len() - 1);
        let grown = |from: usize, to: usize| intervals[to].backlog as f64 - intervals[from].backlog as f64;
        let sum = |from: usize, to: usize, of: fn(&Interval) -> u64| {
            intervals[from + 1..=to].iter().map(of).sum::<u64>() as f64
        };
        let offered = |from, to| sum(from, to, |i| i.offered);
        // Arrivals and completions scatter by Poisson's law: three standard deviations.
        if grown(0, last) <= 3.0 * offered(0, last).sqrt() {
            return Backlog::Steady;
        }
        let completed = |from, to| sum(from, to, |i| i.completed) / offered(from, to);
        let completes_some = completed(0, middle) >= SOME && completed(middle, last) >= SOME;
        let (before, after) =
            (grown(0, middle) / middle as f64, grown(middle, last) / (last - middle) as f64);
        if completes_some && after >= STEADILY * before { Backlog::Overload } else { Backlog::Grows }
    }
}

/// Without anything offered nothing is behind.
fn completes(share: Option<f64>) -> bool {
    share.is_none_or(|share| share >= KEEPS_UP_SHARE)
}

/// The mean response time of each interval; of one without requests that of the one before.
fn responses(intervals: &[Interval]) -> Vec<f64> {
    let mut last = 0.0;
    let mean = |interval: &Interval| {
        let values = interval.groups[0].values(Timing::Response);
        if !values.is_empty() {
            last = values.sum() / values.len() as f64;
        }
        last
    };
    intervals.iter().map(mean).collect()
}

/// What the objectives say of a load; the rest is for who knows more.
fn step(asked: &Asked, worst: Option<&Figure>, keeps_up: bool) -> Step {
    // Without objectives, and without requests, what counts is whether the service keeps up.
    let (score, error, events) =
        worst.map_or((-1.0, 0.1, Events::of_score(-1.0, 0.1)), |f| (f.score, f.error, f.events));
    let overloaded = !keeps_up && score < 1.0;
    let (score, error) = if overloaded { (1.0, 0.1) } else { (score, error) };
    Step {
        load: asked.load,
        took_s: asked.took_s,
        score,
        error,
        events: if overloaded { Events::of_score(score, error) } else { events },
        responses: Moments::default(),
        offered_per_s: asked.load,
        completed_share: 1.0,
        kept: true,
        hopeless: None,
        settled: true,
        generator_limited: false,
        confirming: asked.confirming,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at this rate of a service that has completed so many of the arrivals of the first `t` seconds by then.
    fn seconds(count: u64, rate: f64, completed: impl Fn(f64) -> f64) -> Vec<Interval> {
        let by = |k: u64| completed(k as f64).round() as u64;
        let second = |k: u64| Interval {
            offered: rate as u64,
            completed: by(k) - by(k - 1),
            backlog: k * rate as u64 - by(k),
            ..Interval::default()
        };
        (1..=count).map(second).collect()
    }

    #[test]
    fn overload_is_told_from_requests_that_take_long() {
        for count in [3, 6, 30] {
            assert_eq!(Backlog::of(&seconds(count, 320.0, |t| 160.0 * t)), Backlog::Overload, "{count} s");
            // An exponential time of a mean of 4 to 12 s: λ(t − τ(1 − e^{−t/τ})) are completed, and none before 8 s.
            for tau in [4.0, 8.0, 12.0] {
                let slow = |t: f64| 100.0 * (t - tau * (1.0 - (-t / tau).exp()));
                assert_ne!(
                    Backlog::of(&seconds(count, 100.0, slow)),
                    Backlog::Overload,
                    "{count} s of {tau} s"
                );
            }
            let constant = Backlog::of(&seconds(count, 100.0, |t| 100.0 * (t - 8.0).max(0.0)));
            assert_eq!(constant, Backlog::Grows, "{count} s");
            // What lasts a tenth of a second.
            let fast = Backlog::of(&seconds(count, 100.0, |t| 100.0 * (t - 0.1)));
            assert_eq!(fast, Backlog::Steady, "{count} s");
        }
    }
}
