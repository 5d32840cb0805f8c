//! The search at the wheel: from the seconds of a run to the stages that follow. It knows no clock and no socket, so
//! it is the same in real and in virtual time.
//!
//! A step takes whole seconds. It is fed second by second, one ahead, so that it can be cut short; the part of a
//! second before it is a lead-in at its load, in which arrivals count as warm-up. Where a step leaves more on its way
//! than is usual at its load, nothing is fed until that has ended.

use std::time::Duration;

use loadline_analysis::search::{Asked, Capacity, Doom, Judged, Measured, Next, Search, Step};
use loadline_generator::arrivals::{Load, Stage, TimedStage, UserStage};
use loadline_generator::clock::{Nanos, SECOND};
use loadline_generator::schedule::{Arrivals, RateStage};
use loadline_model::recording::Second;
use loadline_model::run::LoadModel;
use loadline_model::slo::Slo;

/// How long after a second has ended the lead-in of the next step begins: workers look for stages ten times a second.
const LEAD_IN_AFTER: Nanos = SECOND / 4;
/// No step is shorter than this, in seconds.
pub(super) const SHORTEST_S: u64 = 3;
/// The share of the time that is kept for the confirming run, once there is something to confirm.
const FOR_CONFIRMING: f64 = 0.2;
/// A step that is this far beyond its limits (ln of observed over limit) is cut short once it has had its least.
const HOPELESS: f64 = 1.5;
/// Failed requests are looked at over this many seconds, once there are this many requests in them.
const ABORT_OVER_S: usize = 2;
const ABORT_REQUESTS_LEAST: u64 = 20;
/// So many are enough where all of them failed.
const ALL_FAILED_LEAST: u64 = 6;
/// A step that the generator spoiled is driven again, so often in all and on end: a hiccup is no limit. One that has
/// most of its processor left is not at its end, but on a machine with others.
const SPOILED_MOST: u32 = 10;
const SPOILED_ON_END: u32 = 2;
const HICCUPS_ON_END: u32 = 5;
const CPU_LEFT: f64 = 0.5;
/// Of what was offered this has to be done before a step that the generator spoiled may count as kept.
const DONE_SHARE: f64 = 0.97;
/// Steps of a search at most, whatever they show.
const STEPS_MOST: usize = 200;

/// What is searched for, and within which bounds.
#[derive(Debug, Clone)]
pub struct Course {
    /// How to search; its time is set from `max_time_s`.
    pub search: Search,
    /// Whether loads are arrival rates (open) or users (closed).
    pub model: LoadModel,
    /// How arrivals are spread, in the open model.
    pub arrivals: Arrivals,
    /// The least time from one start of a user's flow to the next, in the closed model.
    pub pacing: Duration,
    /// What has to be kept; the search is for the highest load that keeps it.
    pub slos: Vec<Slo>,
    /// For all of it, in seconds.
    pub max_time_s: f64,
    /// A step in which a larger share of requests fails is cut short, 0 to 1.
    pub abort_error_share: f64,
    /// How long a backlog is waited for, in seconds.
    pub drain_s: u64,
}

/// One step that has ended.
#[derive(Debug, Clone)]
pub struct Leg {
    /// The first of its seconds, since the start of the run.
    pub first: u64,
    /// Its length in seconds, as it was driven.
    pub length_s: u64,
    /// What it showed.
    pub judged: Judged,
    /// What a reader should know of it, in plain words.
    pub notes: Vec<String>,
    /// Left out of the search: it is driven again.
    pub spoiled: bool,
    /// More requests failed than may: a breach whatever the objectives say.
    pub failing: bool,
    /// The generator was late, and the objectives were kept all the same: lateness only makes them worse.
    pub kept_all_the_same: bool,
}

/// How the search ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// With a capacity, or with the highest load allowed.
    Converged(Capacity),
    /// Without.
    Doomed(Doom),
}

/// What follows from a second.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// To be fed, in order.
    pub(super) stages: Vec<TimedStage>,
    /// A step has ended: it is the last of [`Pilot::legs`].
    pub(super) ended: bool,
    /// A step begins.
    pub(super) begins: Option<(f64, u64, bool)>,
    /// Nothing follows.
    pub(super) over: bool,
}

/// Steers a search.
#[derive(Debug)]
pub(super) struct Pilot {
    course: Course,
    pub(super) legs: Vec<Leg>,
    steps: Vec<Step>,
    spoiled: u32,
    again: u32,
    under_way: Option<UnderWay>,
    pub(super) end: Option<End>,
}

/// The step that is being driven or drained.
#[derive(Debug)]
struct UnderWay {
    load: f64,
    confirming: bool,
    /// The second of its lead-in.
    lead_in: u64,
    /// In seconds; smaller than planned where it was cut short.
    length_s: u64,
    measured: Measured,
    /// Failed requests and requests of its last seconds.
    failed: Vec<(u64, u64)>,
    notes: Vec<String>,
    cut: bool,
    /// It was cut short because most requests failed, however good it was before.
    failing: bool,
    /// How often its load was driven before, and spoiled.
    again: u32,
}

impl UnderWay {
    fn first(&self) -> u64 {
        self.lead_in + 1
    }

    /// The second after its last.
    fn end(&self) -> u64 {
        self.first() + self.length_s
    }
}

impl Pilot {
    pub(super) fn new(course: Course) -> Self {
        Pilot {
            course,
            legs: Vec::new(),
            steps: Vec::new(),
            spoiled: 0,
            again: 0,
            under_way: None,
            end: None,
        }
    }

    /// The first step; its lead-in is in the first second of the run.
    pub(super) fn begin(&mut self) -> Turn {
        self.follow(0)
    }

    /// The search, within the time that is left to it.
    fn search(&self) -> Search {
        let kept_back = if self.steps.iter().any(Step::fails) { FOR_CONFIRMING } else { 0.0 };
        Search { time_s: (1.0 - kept_back) * self.course.max_time_s, ..self.course.search.clone() }
    }

    /// What the steps say so far: the ends and the middle of the interval.
    pub(super) fn estimate(&self) -> Option<Capacity> {
        let by_now = Search { time_s: 0.0, ..self.course.search.clone() };
        match by_now.next(&self.steps) {
            Next::Converged(capacity) => Some(capacity),
            _ => None,
        }
    }

    /// Ends the search where it is: what a step under way has shown is lost to it.
    pub(super) fn stop(&mut self) {
        if self.end.is_none() {
            let by_now = Search { time_s: 0.0, ..self.course.search.clone() };
            self.end = match by_now.next(&self.steps) {
                Next::Converged(capacity) => Some(End::Converged(capacity)),
                Next::Doomed(doom) => Some(End::Doomed(doom)),
                Next::Run { .. } => None,
            };
        }
    }

    /// Takes the next second of the run, which has just ended.
    pub(super) fn take(&mut self, second: &Second) -> Turn {
        let Some(mut step) = self.under_way.take() else { return Turn::default() };
        let now = second.second + 1;
        if now > step.first() {
            step.measured.push(second);
            if now <= step.end() {
                step.failed.push(failed(second));
            }
            if !step.cut && now + 1 < step.end() {
                self.cut_short(&mut step, now);
            }
        }
        if now < step.end() {
            // The second that has begun is fed already.
            let stages = if now + 1 < step.end() { vec![self.stage(step.load, now + 1)] } else { Vec::new() };
            self.under_way = Some(step);
            return Turn { stages, ..Turn::default() };
        }
        let judged = self.judge(&step, now);
        let backlog: u64 = second.generator.iter().map(|line| line.in_flight + line.waiting).sum();
        let drained_s = now - step.end();
        if is_overhang(&judged, backlog, drained_s) && drained_s < self.course.drain_s {
            self.under_way = Some(step);
            return Turn::default();
        }
        if drained_s >= self.course.drain_s.max(1) && backlog > 0 {
            step.notes
                .push(format!("{backlog} requests were on their way still, {drained_s} s after its end"));
        }
        self.conclude(step, judged);
        Turn { ended: true, ..self.follow(now) }
    }

    /// Ends a step early that hurts the service, or shows nothing more. What was fed is driven: one second.
    fn cut_short(&self, step: &mut UnderWay, now: u64) {
        let driven_s = now - step.first();
        let recent = &step.failed[step.failed.len().saturating_sub(ABORT_OVER_S)..];
        step.failing = self.is_failing(recent);
        let reason = if step.failing {
            let (failed, requests) = sums(recent);
            format!("{:.0} % of the requests failed", failed as f64 / requests as f64 * 100.0)
        } else if driven_s >= SHORTEST_S && !step.confirming && self.is_hopeless(step, now) {
            "the objectives were broken by far".to_owned()
        } else {
            return;
        };
        step.length_s = driven_s + 1;
        step.cut = true;
        step.notes.push(format!("cut short after {} s: {reason}", step.length_s));
    }

    /// Whether more requests failed than may, of enough.
    fn is_failing(&self, seconds: &[(u64, u64)]) -> bool {
        let (failed, requests) = sums(seconds);
        let enough = if failed == requests { ALL_FAILED_LEAST } else { ABORT_REQUESTS_LEAST };
        requests >= enough && failed as f64 > self.course.abort_error_share * requests as f64
    }

    /// Whether it was cut short for that, or should have been by all of it.
    fn has_failed(&self, step: &UnderWay) -> bool {
        step.failing || self.is_failing(&step.failed)
    }

    fn is_hopeless(&self, step: &UnderWay, now: u64) -> bool {
        let by_now = self.judge(step, now).step;
        by_now.score - 2.0 * by_now.error > HOPELESS
    }

    fn judge(&self, step: &UnderWay, now: u64) -> Judged {
        let driven_s = now.min(step.end()) - step.first();
        step.measured.judge(&Asked {
            load: step.load,
            model: self.course.model,
            duration_s: driven_s as f64,
            took_s: (now - step.lead_in) as f64,
            confirming: step.confirming,
            failing: self.has_failed(step),
            confidence: self.course.search.confidence,
        })
    }

    fn conclude(&mut self, step: UnderWay, mut judged: Judged) {
        let failing = self.has_failed(&step);
        let mut notes = step.notes;
        let limited = judged.step.generator_limited;
        let done = judged.achieved_per_s.unwrap_or(0.0);
        let is_done = self.course.model == LoadModel::Closed || done >= DONE_SHARE * step.load;
        let kept_all_the_same = limited && !step.confirming && judged.step.kept && is_done;
        let hiccup = judged.validity.generator_cpu.is_some_and(|cpu| cpu < CPU_LEFT);
        let on_end = if hiccup { HICCUPS_ON_END } else { SPOILED_ON_END };
        let spoiled = limited && !kept_all_the_same && step.again < on_end && self.spoiled < SPOILED_MOST;
        let reasons = judged.validity.reasons.join("; ");
        if spoiled {
            self.spoiled += 1;
            notes.push(format!("driven again: {reasons}"));
        }
        if kept_all_the_same {
            judged.step.generator_limited = false;
            notes.push(format!("kept all the same, though {reasons}"));
        }
        if !spoiled {
            self.steps.push(judged.step);
        }
        self.again = if spoiled { step.again + 1 } else { 0 };
        let first = step.lead_in + 1;
        self.legs.push(Leg {
            first,
            length_s: step.length_s,
            judged,
            notes,
            spoiled,
            failing,
            kept_all_the_same,
        });
    }

    /// What comes after `now` seconds.
    fn follow(&mut self, now: u64) -> Turn {
        let left_s = self.course.max_time_s - now as f64;
        let again = self.legs.last().filter(|leg| leg.spoiled);
        let next = match again {
            Some(leg) => Next::Run {
                load: leg.judged.step.load,
                duration_s: leg.length_s as f64,
                confirming: leg.judged.step.confirming,
            },
            None => self.search().next(&self.steps),
        };
        let (load, duration_s, confirming) = match next {
            // No step takes so long that few are left.
            Next::Run { load, duration_s, confirming } => {
                (load, duration_s.min(self.course.search.longest_s()), confirming)
            }
            Next::Converged(Capacity { load: Some(load), precise, .. })
                if self.is_to_be_confirmed(left_s, precise) =>
            {
                (self.protected(load), left_s, true)
            }
            Next::Converged(capacity) => return self.ended(End::Converged(capacity)),
            Next::Doomed(doom) => return self.ended(End::Doomed(doom)),
        };
        // A second of lead-in before it, and one for what is on its way at its end.
        let room_s = (left_s - 2.0).floor().max(0.0) as u64;
        if room_s < SHORTEST_S || self.legs.len() >= STEPS_MOST {
            self.settle_for_limited();
            self.stop();
            // On its way down still: no load was found that keeps the objectives.
            self.end = self.end.take().or_else(|| {
                let at = self.steps.last()?.load;
                Some(End::Doomed(Doom::OutOfTime { at, at_least: None }))
            });
            return Turn { over: true, ..Turn::default() };
        }
        self.start(load, (duration_s.ceil() as u64).clamp(SHORTEST_S, room_s), confirming, now)
    }

    /// A step whose lead-in is in the second that begins now.
    fn start(&mut self, load: f64, length_s: u64, confirming: bool, lead_in: u64) -> Turn {
        let load = if self.course.model == LoadModel::Closed { self.users(load) } else { load };
        let stages = vec![self.lead_in(load, lead_in), self.stage(load, lead_in + 1)];
        self.under_way = Some(UnderWay {
            load,
            confirming,
            lead_in,
            length_s,
            measured: Measured::new(&self.course.slos),
            failed: Vec::new(),
            notes: Vec::new(),
            cut: false,
            failing: false,
            again: self.again,
        });
        Turn { stages, begins: Some((load, length_s, confirming)), ..Turn::default() }
    }

    /// Whole users; on the way up at least one more than before.
    fn users(&self, load: f64) -> f64 {
        let users = load.round().max(1.0);
        let on_the_way_up = !self.steps.iter().any(Step::fails);
        let before = self.steps.last().filter(|_| on_the_way_up).map(|step| step.load);
        before.filter(|before| load > *before).map_or(users, |before| users.max(before + 1.0))
    }

    /// No time is left to drive a spoiled step again: where no objective was broken before, the generator is the end.
    fn settle_for_limited(&mut self) {
        let broken = self.steps.iter().any(Step::fails);
        if let Some(leg) = self.legs.last_mut().filter(|leg| leg.spoiled && !broken) {
            leg.spoiled = false;
            self.steps.push(leg.judged.step);
        }
    }

    /// No load is further than the factor allowed above the largest that was kept.
    fn protected(&self, load: f64) -> f64 {
        let kept = self.steps.iter().filter(|step| !step.is_open()).map(|step| step.load);
        kept.reduce(f64::max).map_or(load, |kept| load.min(kept * self.course.search.growth))
    }

    /// Whether what is left of the time goes into a confirming run: there was none since the last step, it broke the
    /// objectives, or it could not tell all. Once most requests of one failed the service is left alone.
    fn is_to_be_confirmed(&self, left_s: f64, precise: bool) -> bool {
        let confirmed = self.steps.last().is_some_and(|step| step.confirming && !step.fails());
        let failed = self.legs.last().is_some_and(|leg| leg.failing && leg.judged.step.confirming);
        left_s >= 2.0 * SHORTEST_S as f64 && !(precise && confirmed) && !failed
    }

    fn ended(&mut self, end: End) -> Turn {
        self.end = Some(end);
        Turn { over: true, ..Turn::default() }
    }

    fn lead_in(&self, load: f64, second: u64) -> TimedStage {
        let duration = Duration::from_nanos(SECOND - LEAD_IN_AFTER);
        let stage = Stage { load: self.load(load, duration), warmup: true };
        TimedStage { start: second * SECOND + LEAD_IN_AFTER, stage }
    }

    fn stage(&self, load: f64, second: u64) -> TimedStage {
        let stage = Stage { load: self.load(load, Duration::from_secs(1)), warmup: false };
        TimedStage { start: second * SECOND, stage }
    }

    fn load(&self, load: f64, duration: Duration) -> Load {
        match self.course.model {
            LoadModel::Open => {
                let arrivals = self.course.arrivals;
                Load::Rate(RateStage { from_per_s: load, to_per_s: load, duration, arrivals })
            }
            LoadModel::Closed => {
                Load::Users(UserStage { users: load as u32, duration, pacing: self.course.pacing })
            }
        }
    }
}

/// All of them together.
fn sums(seconds: &[(u64, u64)]) -> (u64, u64) {
    seconds.iter().fold((0, 0), |sum, second| (sum.0 + second.0, sum.1 + second.1))
}

/// Failed requests, and requests, of a second.
fn failed(second: &Second) -> (u64, u64) {
    let counts = second.requests.iter().filter(|r| !r.counts.warmup).map(|request| &request.counts);
    counts.fold((0, 0), |sum, c| (sum.0 + c.errors.values().sum::<u64>(), sum.1 + c.requests))
}

/// Whether a step left more on its way than is usual at its load: until that has ended it is the step's, not the
/// next one's.
fn is_overhang(judged: &Judged, backlog: u64, drained_s: u64) -> bool {
    let usual = judged.concurrency.unwrap_or(0.0);
    let calm = judged.step.settled && judged.keeps_up && !judged.step.fails();
    if drained_s == 0 && calm { backlog as f64 > 10.0 + 3.0 * usual } else { backlog > 2 }
}
