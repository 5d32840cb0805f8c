//! The search for the highest load within the objectives, as a pure state machine.
//!
//! [`Search::next`] looks at all steps run so far and says what to do: run another, or end. It ascends
//! geometrically until an objective breaks, then puts steps in the middle of the capacity's posterior ([`posterior`])
//! and on either side of it, until a longer run at the capacity is enough to make the interval as narrow as was asked
//! for, and ends with that.
//!
//! A load is an arrival rate in the open model, a number of users in the closed one.

mod curve;
pub mod figure;
pub mod interval;
pub mod posterior;
pub mod step;
mod tail;
pub mod variation;

use figure::Events;
use posterior::Posterior;
pub use step::{Asked, Judged, Measured, judge};
use variation::Moments;

/// How to search.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The first load.
    pub start: f64,
    /// Never below this load.
    pub least: f64,
    /// Never above this load.
    pub most: f64,
    /// Never more than this factor above the largest load that kept the objectives; above 1.
    pub growth: f64,
    /// Half the width of the interval over the capacity at which to end.
    pub precision: f64,
    /// The confidence of the interval, 0 to 1.
    pub confidence: f64,
    /// Time for all steps, in seconds.
    pub time_s: f64,
    /// The shortest of all steps, in seconds: long enough for each objective to say something.
    pub least_s: f64,
    /// The shortest step near the capacity, in seconds.
    pub step_s: f64,
    /// The fewest flows of a step near the capacity.
    pub step_requests: f64,
}

/// What one step showed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The load that was offered.
    pub load: f64,
    /// How long it took, in seconds, draining included.
    pub took_s: f64,
    /// Flows per second that this made: the load itself, or what so many users started.
    pub offered_per_s: f64,
    /// Of these, the share that was completed meanwhile: less than 1 where a backlog grew, or flows take longer than the
    /// lead-in; 1 for users, who offer no more than they complete.
    pub completed_share: f64,
    /// ln(observed / limit) of the objective that stands worst: above 0 it is broken.
    pub score: f64,
    /// The standard error of the score.
    pub error: f64,
    /// The same as counts of what the objective allows a share of; see [`Events::of_score`].
    pub events: Events,
    /// The response times of all its requests.
    pub responses: Moments,
    /// Whether the objectives were surely kept: all of each interval is on the good side of its limit.
    pub kept: bool,
    /// Why a lower load would not keep the objectives either.
    pub hopeless: Option<Hopeless>,
    /// Whether the service settled; where it did not, the score is a lower bound.
    pub settled: bool,
    /// Whether the generator was the bottleneck.
    pub generator_limited: bool,
    /// Whether this was the confirming run.
    pub confirming: bool,
}

/// A breach that load has no part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hopeless {
    /// All requests failed.
    AllFailed,
    /// An objective on the response time is broken by far where hardly one request is served at a time.
    Alone,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Run a step.
    Run {
        /// The load.
        load: f64,
        /// How long, in seconds.
        duration_s: f64,
        /// Whether it is the longer run that confirms the capacity.
        confirming: bool,
    },
    /// The search is over.
    Converged(Capacity),
    /// The search cannot give a figure.
    Doomed(Doom),
}

/// The highest load within the objectives.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// The median; `None` where no upper bound was found.
    pub load: Option<f64>,
    /// The interval; its upper end `None` where none was found.
    pub interval: (f64, Option<f64>),
    /// Its confidence.
    pub confidence: f64,
    /// Whether the interval is as narrow as was asked for.
    pub precise: bool,
}

/// Why there is no capacity.
#[derive(Debug, Clone, PartialEq)]
pub enum Doom {
    /// The generator could not offer more.
    GeneratorLimited {
        /// The load it could not offer.
        at: f64,
        /// The largest load that surely kept the objectives before.
        at_least: Option<f64>,
    },
    /// The objectives are broken at the least load already.
    NothingPasses {
        /// The load.
        at: f64,
    },
    /// The objectives are broken whatever the load.
    Regardless {
        /// The lowest load driven.
        at: f64,
        /// The reason.
        why: Hopeless,
    },
    /// The time was spent before an objective broke.
    OutOfTime {
        /// The load of the last step.
        at: f64,
        /// The largest load that surely kept the objectives.
        at_least: Option<f64>,
    },
}

impl Step {
    /// Whether one was surely broken, by two standard errors.
    pub fn fails(&self) -> bool {
        self.score - 2.0 * self.error > 0.0
    }

    /// Whether the objectives were not even seen kept: broken, or nobody knows.
    pub fn is_open(&self) -> bool {
        !self.settled || self.score >= 0.0
    }
}

impl Step {
    /// The load that was completed where far more was offered than the objectives allow: about the most that the service
    /// can, or less where it works the worse the more is asked of it. So it bounds the steps to come until a load near it
    /// is kept.
    fn throughput(&self) -> Option<f64> {
        (self.fails() && self.completed_share < OVERLOADED).then_some(self.load * self.completed_share)
    }

    /// Where the objectives are broken here, how far above it is still worth looking: a breach may be bad luck.
    fn bound(&self) -> f64 {
        if self.score > 0.7 { self.load } else { 1.15 * self.load }
    }
}

impl Search {
    /// The longest that a step near the capacity may take, in seconds.
    pub fn longest_s(&self) -> f64 {
        LONGEST_SHARE * self.time_s
    }

    /// What to do after these steps.
    pub fn next(&self, steps: &[Step]) -> Next {
        let Some(last) = steps.last() else {
            return self.ascend(self.start);
        };
        let spent: f64 = steps.iter().map(|step| step.took_s).sum();
        // What the generator spoiled says nothing about the service.
        let limited = last.generator_limited;
        let steps: Vec<Step> = steps.iter().filter(|step| !step.generator_limited).copied().collect();
        let steps = steps.as_slice();
        let kept = steps.iter().filter(|s| !s.is_open()).map(|s| s.load).reduce(f64::max);
        if limited && steps.is_empty() && last.load > self.least && spent < self.time_s {
            // At its very start: the service may take less than the generator cannot drive.
            return self.ascend(last.load / (self.growth * self.growth));
        }
        if limited {
            return Next::Doomed(Doom::GeneratorLimited { at: last.load, at_least: surely_kept(steps) });
        }
        let broken = steps.iter().filter(|s| s.fails()).map(|s| s.load).reduce(f64::min);
        if let (None, Some(why)) = (surely_kept(steps), regardless(steps)) {
            return Next::Doomed(Doom::Regardless { at: last.load, why });
        }
        match (kept, broken) {
            (kept, None) => self.climb(steps, last, kept, spent),
            (None, Some(broken)) if broken <= self.least => Next::Doomed(Doom::NothingPasses { at: broken }),
            (None, Some(broken)) if last.load < broken => self.look_longer(steps, last, spent),
            (None, Some(broken)) => self.ascend(broken / (self.growth * self.growth)),
            (Some(kept), Some(_)) => self.refine(steps, kept, spent),
        }
    }

    /// Nothing has broken yet.
    fn climb(&self, steps: &[Step], last: &Step, kept: Option<f64>, spent: f64) -> Next {
        if last.load >= self.most && !last.is_open() && is_surely_kept(steps, last.load) {
            return self.confirm_most(steps, last, spent);
        }
        if spent >= self.time_s {
            return out_of_time(steps, last);
        }
        if last.load >= self.most {
            // Neither kept nor broken: what a short look leaves open a longer one tells.
            let duration_s = (2.0 * last.took_s).min(self.time_s - spent).max(self.step_s);
            return Next::Run { load: self.most, duration_s, confirming: false };
        }
        // Where nothing was kept yet there is no going up.
        let Some(kept) = kept else { return self.look_longer(steps, last, spent) };
        let most = self.growth * kept;
        if !last.is_open() {
            return self.ascend((last.load * self.growth.powf(power(steps, last))).min(most));
        }
        // A few slow requests among few. Once more for longer, then on from there.
        if looks(steps, last.load) < OPEN_MOST {
            return self.look_longer(steps, last, spent);
        }
        if last.load > ALMOST * most {
            return self.between(steps, kept, last.load, spent);
        }
        self.ascend((last.load * self.growth.sqrt()).min(most))
    }

    /// The most that is allowed was kept. A few seconds do not show what a bucket, a cache or a leak does later on.
    fn confirm_most(&self, steps: &[Step], last: &Step, spent: f64) -> Next {
        let wanted_s = (CONFIRMING_LENGTH * self.usual_s(steps, last.load)).min(self.longest_s());
        let duration_s = wanted_s.max(self.least_s).min(self.time_s - spent);
        if last.confirming || duration_s < self.step_s {
            let interval = (last.load, None);
            return Next::Converged(Capacity {
                load: None,
                interval,
                confidence: self.confidence,
                precise: true,
            });
        }
        Next::Run { load: last.load, duration_s, confirming: true }
    }

    fn ascend(&self, load: f64) -> Next {
        let load = load.clamp(self.least, self.most);
        Next::Run { load, duration_s: self.ascent_s(load, &[]), confirming: false }
    }

    /// As long as few requests take: until the first breach seconds count and not precision.
    fn ascent_s(&self, load: f64, steps: &[Step]) -> f64 {
        let (shortest_s, longest_s) = ASCENT_S;
        let shortest_s = shortest_s.min(self.step_s);
        (ASCENT_REQUESTS / flows_per_s(steps, load)).clamp(shortest_s, longest_s).max(self.least_s)
    }

    /// At the same load, which was left open: twice as long each time. Where that does not tell for as long as a step may
    /// be, lower.
    fn look_longer(&self, steps: &[Step], last: &Step, spent: f64) -> Next {
        if spent >= self.time_s {
            return out_of_time(steps, last);
        }
        let duration_s = self.ascent_s(last.load, steps) * 2.0_f64.powi(looks(steps, last.load) as i32);
        let longest_s = self.longest_s().max(self.least_s);
        if duration_s > 2.0 * longest_s && last.load > self.least {
            return self.ascend(last.load / (self.growth * self.growth));
        }
        Next::Run { load: last.load, duration_s: duration_s.min(longest_s), confirming: false }
    }

    /// Below a load that was left open, as high as is allowed after the load kept: once more there might say the same
    /// for ever. Twice as long each time it comes to this.
    fn between(&self, steps: &[Step], kept: f64, open: f64, spent: f64) -> Next {
        let again = steps.iter().filter(|step| step.load > ALMOST * open && step.is_open()).count() - 1;
        let load = (kept * open).sqrt();
        let longer_s = self.ascent_s(load, steps) * 2.0_f64.powi(again as i32);
        Next::Run { load, duration_s: longer_s.min(self.time_s - spent).max(self.step_s), confirming: false }
    }

    /// Between a load that kept the objectives and one that broke them.
    fn refine(&self, steps: &[Step], kept: f64, spent: f64) -> Next {
        let posterior = Posterior::new(steps, self.least, self.most);
        let (middle, (low, high)) = posterior.middle_and_interval(self.confidence);
        let (low, high) = (low.max(self.least), high.min(self.most));
        let middle = middle.clamp(self.least, self.most);
        // Half the width of the interval over that which is asked for.
        let wide = (high - low) / (2.0 * self.precision * middle);
        let precise = wide <= 1.0;
        // What breaks the objectives confirms nothing: once more, at what is then the capacity.
        let confirmation = steps.last().filter(|step| step.confirming);
        let confirmed = confirmation.is_some_and(|step| !step.fails());
        if spent >= self.time_s || (precise && confirmed) {
            let interval = (low, Some(high));
            return Next::Converged(Capacity {
                load: Some(middle),
                interval,
                confidence: self.confidence,
                precise,
            });
        }
        // As long as there is time for steps elsewhere, what one confirming run does not tell is not left to the next.
        let confirming = wide <= if confirmation.is_some() { 1.0 } else { CONFIRMABLE };
        let far = beyond_an_unlikely_breach(low, middle, high);
        let wanted = if confirming { middle } else { far.unwrap_or_else(|| self.telling(steps, &posterior)) };
        // A breach below a load that kept the objectives was bad luck.
        let breaches = steps.iter().filter(|step| step.fails() && step.load > kept);
        let bound = breaches.map(Step::bound).fold(self.most, f64::min);
        let wanted = if wanted < bound { wanted } else { (bound * kept).sqrt() };
        // No overload is driven twice, unless the first one showed less than the service can.
        let completed = steps.iter().filter_map(Step::throughput).reduce(f64::max);
        let completed = completed.filter(|most| REACHED * most > kept && !confirming);
        let wanted = completed.map_or(wanted, |most| wanted.min(most));
        let load = wanted.min(self.growth * kept).max(self.least);
        let telling_s = informative_s(steps, load, &posterior, self.precision);
        let length = if confirming { CONFIRMING_LENGTH } else { 1.0 };
        let wanted_s = length * self.usual_s(steps, load).max(telling_s);
        let room_s = self.longest_s().min(self.time_s - spent);
        let duration_s = wanted_s.min(room_s).max(self.step_s);
        Next::Run { load, duration_s, confirming }
    }

    /// The length of a step near the capacity whatever it is to tell, in seconds.
    fn usual_s(&self, steps: &[Step], load: f64) -> f64 {
        self.step_s.max(self.step_requests / flows_per_s(steps, load))
    }

    /// The load at which a step tells most: in turn in the middle of the posterior, below and above, there as far
    /// off as the posterior is wide, or as it takes to see how steep the response is.
    fn telling(&self, steps: &[Step], posterior: &Posterior) -> f64 {
        let apart = APART / posterior.steepness();
        let middle = posterior.quantile(0.5);
        match steps.len() % 3 {
            0 => middle,
            1 => posterior.quantile(0.3).min(middle * (1.0 - apart.min(APART_MOST))),
            _ => posterior.quantile(0.7).max(middle * (1.0 + apart.min(APART_MOST))),
        }
    }
}

/// The middle of the upper side of an interval where that is far wider than the lower one: one step there decides between
/// an unlikely breach and a far higher capacity, which any number of them where the capacity probably is would not.
fn beyond_an_unlikely_breach(low: f64, middle: f64, high: f64) -> Option<f64> {
    let (below, above) = ((middle / low).ln(), (high / middle).ln());
    (above > LOPSIDED * below).then(|| (middle * high).sqrt())
}

/// How many times as wide as the other the side of an interval is then.
const LOPSIDED: f64 = 3.0;

/// Who completes a smaller share of what is offered is overloaded beyond what chance explains in a few seconds.
const OVERLOADED: f64 = 0.9;

/// What keeps its objectives at this share of what it completed under overload can do more than it did then.
const REACHED: f64 = 0.95;

/// Steps stand as far from the capacity as changes the events by this in their logarithm, and no farther than this
/// share of it.
const APART: f64 = 0.7;
const APART_MOST: f64 = 0.2;

/// Loads that differ by less are the same but for rounding.
const ALMOST: f64 = 0.999;

/// Until an objective breaks, steps are as long as this many requests take, within these bounds in seconds.
const ASCENT_REQUESTS: f64 = 60.0;
const ASCENT_S: (f64, f64) = (3.0, 6.0);
/// A score that is above those at lower loads by less is no sign of a limit.
const RISE: f64 = 0.25;
/// How often the same load is driven where it is left open.
const OPEN_MOST: usize = 2;

/// How much longer than the steps before it the confirming run is: nearly half of what the precision takes, of which each of
/// those is a third where nothing else bounds them. Half of it took .51 of the requests of an equally precise staircase
/// with 32 servers, whose steps are the shortest allowed, and told no more.
const CONFIRMING_LENGTH: f64 = 1.4;
/// How many times as wide as asked for an interval may be for the confirming run to tell the rest: what is known goes by
/// the square of it, so that √2 is half.
const CONFIRMABLE: f64 = std::f64::consts::SQRT_2;

/// The share of the time that a step near the capacity may take.
pub const LONGEST_SHARE: f64 = 1.0 / 6.0;

/// The time is spent, and no objective was surely broken above a load that kept them.
fn out_of_time(steps: &[Step], last: &Step) -> Next {
    Next::Doomed(Doom::OutOfTime { at: last.load, at_least: surely_kept(steps) })
}

/// Twice on end, at different loads, load had no part in it: once may be a cold start.
fn regardless(steps: &[Step]) -> Option<Hopeless> {
    let [.., before, last] = steps else { return None };
    last.hopeless.filter(|why| before.hopeless == Some(*why) && last.load < before.load)
}

fn surely_kept(steps: &[Step]) -> Option<f64> {
    steps.iter().map(|step| step.load).filter(|load| is_surely_kept(steps, *load)).reduce(f64::max)
}

/// By one of the steps at this load, or since none of them saw an event where three or more are allowed: of three expected
/// none comes once in twenty times (Poisson's law).
fn is_surely_kept(steps: &[Step], load: f64) -> bool {
    let at = || steps.iter().filter(|step| step.load == load);
    let allowed: f64 = at().map(|step| step.events.allowed / step.events.clump).sum();
    let none_seen = at().all(|step| step.events.seen == 0.0 && !step.is_open());
    at().any(|step| step.kept) || (none_seen && allowed > 3.0)
}

/// How often this load was driven on end.
fn looks(steps: &[Step], load: f64) -> usize {
    steps.iter().rev().take_while(|step| step.load == load).count()
}

/// Flows per second at this load, by the steps so far: users start them, too.
fn flows_per_s(steps: &[Step], load: f64) -> f64 {
    let (flows, loads) = steps.iter().fold((0.0, 0.0), |sum, s| (sum.0 + s.offered_per_s, sum.1 + s.load));
    if flows > 0.0 { load * flows / loads } else { load }
}

/// The power of the largest factor allowed by which to go up: all of it as long as load changes nothing.
fn power(steps: &[Step], last: &Step) -> f64 {
    let before = steps.iter().filter(|step| step.load < last.load && !step.is_open()).map(|step| step.score);
    let (sum, count) = before.fold((0.0, 0.0), |(sum, count), score| (sum + score, count + 1.0));
    if count > 0.0 && last.score > sum / count + RISE { 0.5 } else { 1.0 }
}

/// Clumps of events that a step near the capacity should have room for.
const CLUMPS_WANTED: (f64, f64) = (0.01, 15.0);

/// The length of a step that tells enough, by the events allowed per flow so far: a third of the clumps that the whole
/// precision takes; at most four times the longest step so far.
fn informative_s(steps: &[Step], load: f64, posterior: &Posterior, precision: f64) -> f64 {
    let steepness = posterior.steepness();
    let needed = (1.645 / (precision * steepness)).powi(2) / 3.0;
    let clumps = needed.clamp(CLUMPS_WANTED.0, CLUMPS_WANTED.1);
    let (allowed, volume) = steps.iter().fold((0.0, 0.0), |sum, step| {
        (sum.0 + step.events.allowed, sum.1 + step.offered_per_s * step.took_s)
    });
    let longest = steps.iter().map(|step| step.took_s).fold(0.0, f64::max);
    let clump = posterior.clump(volume / allowed);
    (clumps * clump / (allowed / volume * flows_per_s(steps, load))).min(4.0 * longest)
}
