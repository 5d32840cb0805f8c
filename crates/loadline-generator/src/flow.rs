//! One flow from its first step to its last: the life of a user's visit.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use slab::Slab;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::arrivals::Arrival;
use crate::client::Client;
use crate::clock::{Clock, Nanos};
use crate::exchange::{ErrorClass, Failure, Request, Response};
use crate::recorder::{Ended, Gauge, Gauges, Recorder};
use crate::script::{self, RequestStep, Script, Session, Step, first_request};

/// What the flows of one worker share.
#[derive(Debug)]
pub(crate) struct Shared<C, K> {
    pub(crate) script: Arc<Script>,
    pub(crate) clock: C,
    pub(crate) client: K,
    pub(crate) recorder: RefCell<Recorder>,
    /// Requests on their way.
    pub(crate) on_their_way: RefCell<Slab<OnItsWay>>,
    /// A place each for requests at once, where connections are limited.
    pub(crate) connections: Option<Semaphore>,
    /// Arrivals that wait for a place among those in flight.
    pub(crate) waiting: Cell<u64>,
    /// At the last hand-over.
    pub(crate) cpu_seen: Cell<Option<CpuSeen>>,
}

/// What a worker's thread had used of its processor by some time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuSeen {
    at: Nanos,
    used: Duration,
    /// Waited for while others had it.
    waited: Option<Duration>,
}

impl CpuSeen {
    pub(crate) fn by_now(clock: &impl Clock) -> Option<Self> {
        let (used, waited) = (clock.thread_cpu_time()?, clock.thread_waiting_time());
        Some(CpuSeen { at: clock.now(), used, waited })
    }

    /// The shares of a core used, and used or waited for, since `before`. `None` of the sliver of a second in which a run
    /// ends: it is nothing but work, and says nothing of the run.
    fn shares_since(&self, before: &CpuSeen) -> Option<(f64, f64)> {
        const SLIVER_S: f64 = 0.1;
        let wall = Duration::from_nanos(self.at.saturating_sub(before.at)).as_secs_f64();
        let used = self.used.saturating_sub(before.used).as_secs_f64();
        let waited =
            self.waited.zip(before.waited).map_or(Duration::ZERO, |(now, then)| now.saturating_sub(then));
        (wall >= SLIVER_S).then(|| ((used / wall).min(1.0), ((used + waited.as_secs_f64()) / wall).min(1.0)))
    }
}

/// A request on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnItsWay {
    name: usize,
    warmup: bool,
    intended: Nanos,
    /// What the generator alone added between the intended time and sending.
    delay: Duration,
    /// `None` while it waits for a connection.
    sent: Option<Nanos>,
}

/// A flow that came to its end.
pub(crate) struct Finished {
    pub(crate) arrival: Arrival,
    pub(crate) session: Session,
    /// No request of it failed.
    pub(crate) ok: bool,
}

impl<C: Clock, K: Client> Shared<C, K> {
    /// Records what ended at `done`, in the second in which it ended.
    fn record(&self, ended: &Ended, done: Nanos) {
        self.roll(done);
        self.recorder.borrow_mut().record(ended);
    }

    /// Hands the recorder's second over if it has passed at `now`.
    pub(crate) fn roll(&self, now: Nanos) {
        if self.recorder.borrow().is_due(now) {
            let gauges = self.gauges(now);
            self.recorder.borrow_mut().hand_over(now, gauges);
        }
    }

    /// How this worker stands at `now`.
    pub(crate) fn gauges(&self, now: Nanos) -> Gauges {
        let mut names = vec![Gauge::default(); self.script.request_names.len()];
        for (_, request) in self.on_their_way.borrow().iter() {
            let gauge = &mut names[request.name];
            let age = Duration::from_nanos(now.saturating_sub(request.intended));
            gauge.in_flight += 1;
            gauge.oldest = gauge.oldest.max(Some(age));
        }
        let connections = self.client.take_connections();
        let (cpu, cpu_wanted) = self.cpu_shares().unzip();
        Gauges { names, waiting: self.waiting.get(), cpu, cpu_wanted, connections }
    }

    fn cpu_shares(&self) -> Option<(f64, f64)> {
        let seen = CpuSeen::by_now(&self.clock)?;
        seen.shares_since(&self.cpu_seen.replace(Some(seen))?)
    }

    /// Counts what is on its way at `now` as unanswered, with the time it has waited.
    pub(crate) fn give_up(&self, now: Nanos) {
        let unanswered = std::mem::take(&mut *self.on_their_way.borrow_mut());
        for (_, request) in unanswered {
            self.record(&request.ended(now, Some(ErrorClass::Unanswered), 0, 0), now);
        }
    }

    /// A place for one more request, and whether it had to be waited for.
    async fn connection(&self, warmup: bool) -> Option<SemaphorePermit<'_>> {
        let places = self.connections.as_ref()?;
        if let Ok(place) = places.try_acquire() {
            return Some(place);
        }
        self.recorder.borrow_mut().flows(warmup).late += 1;
        places.acquire().await.ok()
    }
}

impl OnItsWay {
    fn ended(&self, done: Nanos, error: Option<ErrorClass>, bytes_received: u64, bytes_sent: u64) -> Ended {
        let sent = self.sent.unwrap_or(done);
        Ended {
            name: self.name,
            warmup: self.warmup,
            response: Duration::from_nanos(done.saturating_sub(self.intended)),
            service: Duration::from_nanos(done.saturating_sub(sent)),
            delay: self.delay,
            error,
            bytes_received,
            bytes_sent,
        }
    }
}

/// Runs the flow of `arrival` from `ready`, the instant at which it could start: its intended one, or that at which
/// a place among those in flight was free. A failed request ends the flow: what follows would rest on it.
pub(crate) async fn run<C: Clock, K: Client>(
    shared: std::rc::Rc<Shared<C, K>>,
    mut session: Session,
    seed: u64,
    arrival: Arrival,
    ready: Nanos,
) -> Finished {
    let script = shared.script.clone();
    let seat = script.seat(seed, script::Arrival::from(&arrival));
    let steps = &script.flows[script.flow_of(seed, seat)].steps;
    let mut visit = Visit {
        shared: &shared,
        session: &mut session,
        visitor: arrival.user,
        warmup: arrival.warmup,
        intended: arrival.at,
        ready,
    };
    let walked = visit.steps(steps).await;
    let ok = walked.is_ok();
    // Nothing follows the step that could not be worked out: what led there is to blame.
    let _ = walked.map_err(|stop| visit.blame(stop, steps));
    Finished { arrival, session, ok }
}

/// Where a flow stands.
struct Visit<'a, C, K> {
    shared: &'a Shared<C, K>,
    session: &'a mut Session,
    visitor: u32,
    warmup: bool,
    /// When the next request is intended to start.
    intended: Nanos,
    /// From when on nothing but the generator holds it back.
    ready: Nanos,
}

/// Why a flow goes no further.
enum Stop {
    /// A request failed, and was recorded as failed.
    Failed,
    /// What a step rests on could not be worked out; the request that would have come next is yet to be found.
    Undecided(Box<Failure>),
}

impl<C: Clock, K: Client> Visit<'_, C, K> {
    async fn steps(&mut self, steps: &[Step]) -> Result<(), Stop> {
        for (at, step) in steps.iter().enumerate() {
            match step {
                Step::Request(step) => self.request(step).await?,
                Step::Think(think) => {
                    let due = self.intended + think.draw(self.session).as_nanos() as Nanos;
                    self.shared.clock.wait_until(due).await;
                    (self.intended, self.ready) = (due, due);
                }
                nested => {
                    let done = self.nested(nested).await;
                    done.map_err(|stop| self.blame(stop, &steps[at + 1..]))?;
                }
            }
        }
        Ok(())
    }

    /// Records the first request of `steps` as one that could not be made, if that is why the flow stopped.
    fn blame(&self, stop: Stop, steps: &[Step]) -> Stop {
        match (stop, first_request(steps)) {
            (Stop::Undecided(failure), Some(step)) => self.unmade(step, self.shared.clock.now(), &failure),
            (stop, _) => stop,
        }
    }

    /// Records a request that could not be made.
    fn unmade(&self, step: &RequestStep, now: Nanos, failure: &Failure) -> Stop {
        self.shared.record(&self.on_its_way(step, now).ended(now, Some(failure.class), 0, 0), now);
        self.note(step, None, failure);
        Stop::Failed
    }

    /// A request that is ready at `now`.
    fn on_its_way(&self, step: &RequestStep, now: Nanos) -> OnItsWay {
        OnItsWay {
            name: step.name,
            warmup: self.warmup,
            intended: self.intended,
            delay: Duration::from_nanos(now.saturating_sub(self.ready)),
            sent: None,
        }
    }

    /// Steps that hold steps; boxed, for they may hold themselves.
    fn nested<'b>(&'b mut self, step: &'b Step) -> LocalBoxFuture<'b, Result<(), Stop>> {
        Box::pin(async move {
            match step {
                Step::Repeat(repeat) => {
                    let mut round = 0;
                    while self.decide(step, |session| repeat.goes_on(session, round))? {
                        self.steps(&repeat.steps).await?;
                        round += 1;
                    }
                }
                Step::If(branch) => {
                    let holds = self.decide(step, |session| branch.holds(session))?;
                    self.steps(if holds { &branch.then } else { &branch.otherwise }).await?;
                }
                Step::Set(set) => self.decide(step, |session| set.apply(session))?,
                Step::Request(_) | Step::Think(_) => unreachable!("handled where steps are walked"),
            }
            Ok(())
        })
    }

    /// Asks what `step` rests on.
    fn decide<T>(
        &mut self,
        step: &Step,
        ask: impl FnOnce(&mut Session) -> Result<T, Failure>,
    ) -> Result<T, Stop> {
        let asked = ask(self.session);
        asked.map_err(|failure| self.blame(Stop::Undecided(Box::new(failure)), std::slice::from_ref(step)))
    }

    async fn request(&mut self, step: &RequestStep) -> Result<(), Stop> {
        let shared = self.shared;
        let rendered = step.render(self.session);
        let started = shared.clock.now();
        let mut on_its_way = self.on_its_way(step, started);
        let request = match rendered {
            Ok(request) => request,
            Err(failure) => return Err(self.unmade(step, started, &failure)),
        };
        let key = shared.on_their_way.borrow_mut().insert(on_its_way);
        let place = shared.connection(self.warmup).await;
        let sent = if place.is_some() { shared.clock.now() } else { started };
        on_its_way.sent = Some(sent);
        shared.on_their_way.borrow_mut()[key] = on_its_way;
        let exchange = self.exchange(step, request, sent).await;
        drop(place);
        // It was done when the kernel had the answer, not when this worker got round to reading it.
        let done = ago(shared.clock.now(), exchange.unread).max(sent);
        shared.on_their_way.borrow_mut().remove(key);
        let class = exchange.failure.as_ref().map(|failure| failure.class);
        let ended = on_its_way.ended(done, class, exchange.bytes_received, exchange.bytes_sent);
        shared.record(&ended, done);
        (self.intended, self.ready) = (done, done);
        let Some(failure) = &exchange.failure else { return Ok(()) };
        self.note(step, exchange.request.as_deref(), failure);
        Err(Stop::Failed)
    }

    /// Keeps an example of a failure that was just recorded, if it is among the first of its class.
    fn note(&self, step: &RequestStep, sent: Option<&Request>, failure: &Failure) {
        let example = || step.example(self.session, sent, failure);
        self.shared.recorder.borrow_mut().note(step.name, self.warmup, failure.class, example);
    }

    /// Sends `request`, follows redirects as the step says, and judges the answer.
    async fn exchange(&mut self, step: &RequestStep, mut request: Arc<Request>, sent: Nanos) -> Exchange {
        let mut exchange = Exchange::default();
        for hop in 0.. {
            exchange.bytes_sent += request.body.len() as u64;
            // What lay unread before a redirect is over.
            exchange.unread = Duration::ZERO;
            let answer = match self.shared.client.send_for(self.visitor, request.clone()).await {
                Ok(answer) => answer,
                Err(failure) => return exchange.failed(failure, request),
            };
            exchange.bytes_received += answer.body_len;
            exchange.unread = answer.unread;
            match step.redirect(self.session, &request, &answer, hop) {
                Ok(Some(next)) => request = next,
                Ok(None) => match self.judge(step, answer, sent) {
                    Ok(()) => return exchange,
                    Err(failure) => return exchange.failed(failure, request),
                },
                Err(failure) => return exchange.failed(failure, request),
            }
        }
        exchange
    }

    fn judge(&mut self, step: &RequestStep, mut answer: Response, sent: Nanos) -> Result<(), Failure> {
        let done = ago(self.shared.clock.now(), answer.unread);
        answer.service_time = Duration::from_nanos(done.saturating_sub(sent));
        step.judge(self.session, &answer)
    }
}

/// What came of a request and its redirects.
#[derive(Default)]
struct Exchange {
    failure: Option<Failure>,
    /// The last request, where it failed.
    request: Option<Arc<Request>>,
    bytes_received: u64,
    bytes_sent: u64,
    /// How long the answer lay unread.
    unread: Duration,
}

fn ago(now: Nanos, before: Duration) -> Nanos {
    now.saturating_sub(before.as_nanos() as Nanos)
}

impl Exchange {
    fn failed(self, failure: Failure, request: Arc<Request>) -> Self {
        Exchange { failure: Some(failure), request: Some(request), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_is_no_second_to_go_by() {
        let seen = |ms: Nanos, used_ms| CpuSeen {
            at: ms * 1_000_000,
            used: Duration::from_millis(used_ms),
            waited: Some(Duration::ZERO),
        };
        let last = seen(8_000, 200);
        assert_eq!(seen(9_000, 230).shares_since(&last), Some((0.03, 0.03)));
        // The ends of all connections, within a millisecond.
        assert_eq!(seen(8_001, 202).shares_since(&last), None);
    }
}
