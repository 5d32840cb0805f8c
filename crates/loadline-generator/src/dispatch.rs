//! The one loop that drives all load: arrivals that are due are started, flows that end are counted.
//!
//! What varies is a value: the [`Source`] of arrivals, the [`Script`], the [`Clock`] and the [`Client`]. An arrival
//! is started at its instant whatever became of those before it; only the bound on flows in flight makes it wait,
//! and that is counted.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, Stream};
use slab::Slab;
use tokio::sync::Semaphore;

use crate::arrivals::{Arrival, Source};
use crate::client::Client;
use crate::clock::{Clock, Nanos};
use crate::flow::{self, CpuSeen, Finished, Shared};
use crate::recorder::{FlowCounts, Recorder};
use crate::script::{self, Script, Session};
use crate::stop::{Stop, StopHandle};

/// How often a worker looks whether it is to stop, and whether a second has passed.
const TICK: Duration = Duration::from_millis(100);

/// Flows that may end before the clock is looked at again.
const COMPLETIONS_PER_TURN: usize = 16;

/// Arrivals that may be started before the clock is looked at again.
const ARRIVALS_PER_TURN: usize = 4_096;

/// Arrivals that may wait for a place, over all workers; those beyond are dropped and counted.
const WAITING_MAX: usize = 1 << 20;

/// How long flows may go on after the user asked to stop.
const DRAIN_WHEN_STOPPED: Duration = Duration::from_secs(2);

/// One worker's share of the bounds, and what it needs besides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Fixes everything random.
    pub seed: u64,
    /// Flows at once.
    pub max_in_flight: usize,
    /// Requests at once; `None`: as many as flows need.
    pub connections: Option<usize>,
    /// How long flows may go on after the last stage.
    pub drain: Duration,
    /// Asks the worker to stop.
    pub stop: StopHandle,
}

/// Drives one worker's share of the load to its end, and hands over what was recorded.
pub async fn run<C: Clock, K: Client>(
    settings: Settings,
    script: Arc<Script>,
    source: Source,
    clock: C,
    client: K,
    recorder: Recorder,
) {
    let shared = Rc::new(Shared {
        script,
        client,
        recorder: RefCell::new(recorder),
        on_their_way: RefCell::new(Slab::new()),
        connections: settings.connections.map(Semaphore::new),
        waiting: Cell::new(0),
        cpu_seen: Cell::new(CpuSeen::by_now(&clock)),
        clock,
    });
    let seed = settings.seed;
    let start = |session, arrival, ready| flow::run(shared.clone(), session, seed, arrival, ready);
    let mut flows = FuturesUnordered::new();
    let mut worker = Dispatch::new(settings, source, shared.clone());
    poll_fn(|context| worker.poll(&mut flows, &start, context)).await;
    drop(flows);
    let now = shared.clock.now();
    shared.give_up(now);
    let gauges = shared.gauges(now);
    drop(worker);
    let shared = Rc::into_inner(shared).expect("the flows and the loop are gone");
    shared.recorder.into_inner().finish(gauges);
}

struct Dispatch<C, K> {
    settings: Settings,
    source: Source,
    shared: Rc<Shared<C, K>>,
    waiting: VecDeque<Arrival>,
    /// Sessions of users that come again, and of flows that are over: their memory is used again.
    sessions: Sessions,
    next_tick: Nanos,
    armed_for: Option<Nanos>,
    drain_until: Option<Nanos>,
}

impl<C: Clock, K: Client> Dispatch<C, K> {
    fn new(settings: Settings, source: Source, shared: Rc<Shared<C, K>>) -> Self {
        let users_return = source.users_return();
        Dispatch {
            settings,
            source,
            shared,
            waiting: VecDeque::new(),
            sessions: Sessions { by_user: HashMap::new(), idle: Vec::new(), users_return },
            next_tick: 0,
            armed_for: None,
            drain_until: None,
        }
    }

    fn poll<F: Future<Output = Finished>>(
        &mut self,
        flows: &mut FuturesUnordered<F>,
        start: &impl Fn(Session, Arrival, Nanos) -> F,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        for _ in 0..COMPLETIONS_PER_TURN {
            let now = self.shared.clock.now();
            self.tick(now);
            self.start_due(flows, start, now);
            if self.is_over(flows.is_empty(), now) {
                return Poll::Ready(());
            }
            match std::pin::Pin::new(&mut *flows).poll_next(context) {
                Poll::Ready(Some(finished)) => self.finish(finished),
                Poll::Ready(None) | Poll::Pending => {
                    self.arm(now);
                    return Poll::Pending;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Starts what waits and then what is due, as far as there are places.
    fn start_due<F>(
        &mut self,
        flows: &mut FuturesUnordered<F>,
        start: &impl Fn(Session, Arrival, Nanos) -> F,
        now: Nanos,
    ) where
        F: Future<Output = Finished>,
    {
        while flows.len() < self.settings.max_in_flight
            && let Some(arrival) = self.waiting.pop_front()
        {
            self.start(flows, start, arrival, now);
        }
        // However many are due: answers, the clock and a wish to stop are looked at in between.
        for _ in 0..ARRIVALS_PER_TURN {
            let Some(arrival) = self.source.pop(now) else { break };
            self.count(arrival.warmup).offered += 1;
            if flows.len() < self.settings.max_in_flight {
                self.start(flows, start, arrival, arrival.at);
            } else if self.waiting.len() < WAITING_MAX {
                self.count(arrival.warmup).late += 1;
                self.waiting.push_back(arrival);
            } else {
                self.count(arrival.warmup).dropped += 1;
            }
        }
        self.shared.waiting.set(self.waiting.len() as u64);
    }

    fn start<F>(
        &mut self,
        flows: &FuturesUnordered<F>,
        start: &impl Fn(Session, Arrival, Nanos) -> F,
        arrival: Arrival,
        ready: Nanos,
    ) where
        F: Future<Output = Finished>,
    {
        match self.sessions.open(&self.shared.script, self.settings.seed, &arrival) {
            Some(session) => {
                self.count(arrival.warmup).started += 1;
                flows.push(start(session, arrival, ready));
            }
            None => {
                // A data source that is used once has run out of rows: there is nothing left to send.
                self.count(arrival.warmup).dropped += 1;
                self.settings.stop.request(Stop::OutOfRows);
            }
        }
    }

    fn finish(&mut self, finished: Finished) {
        let now = self.shared.clock.now();
        self.shared.roll(now);
        let mut counts = self.count(finished.arrival.warmup);
        counts.completed += 1;
        counts.completed_ok += u64::from(finished.ok);
        drop(counts);
        self.source.finished(&finished.arrival, now);
        if !self.sessions.users_return {
            self.shared.client.leave(finished.arrival.user);
        }
        self.sessions.close(finished.arrival.user, finished.session);
    }

    fn tick(&mut self, now: Nanos) {
        self.shared.roll(now);
        if now < self.next_tick {
            return;
        }
        self.next_tick = now + TICK.as_nanos() as Nanos;
        let Some(stop) = self.settings.stop.requested() else { return };
        if !self.source.is_over() {
            self.source.close();
            self.settings.stop.load_ended(now);
        }
        let moment =
            if stop == Stop::AtOnce { Duration::ZERO } else { DRAIN_WHEN_STOPPED.min(self.settings.drain) };
        let until = now + moment.as_nanos() as Nanos;
        self.drain_until = Some(self.drain_until.map_or(until, |earlier| earlier.min(until)));
    }

    /// Whether the last stage has passed and the flows in flight are done, or had their time.
    fn is_over(&mut self, idle: bool, now: Nanos) -> bool {
        if !self.source.is_over() {
            return false;
        }
        while let Some(arrival) = self.waiting.pop_front() {
            self.count(arrival.warmup).dropped += 1;
        }
        let drain = self.settings.drain.as_nanos() as Nanos;
        idle || now >= *self.drain_until.get_or_insert(now + drain)
    }

    /// Has this loop polled at the next instant at which there is something to do. What it was armed for and has passed by
    /// `now` wakes it no more.
    fn arm(&mut self, now: Nanos) {
        let due = [
            self.source.next_due(),
            self.drain_until,
            Some(self.next_tick),
            Some(self.shared.recorder.borrow().due()),
        ];
        let due = due.into_iter().flatten().min();
        if self.armed_for != due || due.is_some_and(|due| due <= now) {
            self.armed_for = due;
            if let Some(due) = due {
                self.shared.clock.timers().poll_at(due);
            }
        }
    }

    fn count(&self, warmup: bool) -> RefMut<'_, FlowCounts> {
        RefMut::map(self.shared.recorder.borrow_mut(), |recorder| recorder.flows(warmup))
    }
}

/// Sessions of flows that are over: those of users who come again, by user, and the others for their memory.
struct Sessions {
    by_user: HashMap<u32, Session>,
    idle: Vec<Session>,
    users_return: bool,
}

impl Sessions {
    /// The session of `arrival`; `None` once the rows of a data source are used up.
    fn open(&mut self, script: &Script, seed: u64, arrival: &Arrival) -> Option<Session> {
        let known = if self.users_return { self.by_user.remove(&arrival.user) } else { self.idle.pop() };
        let arrival = script.seat(seed, script::Arrival::from(arrival)).arrival;
        match known {
            Some(mut session) => session.renew(arrival, self.users_return).ok().map(|()| session),
            None => script.session(seed, arrival).ok(),
        }
    }

    fn close(&mut self, user: u32, session: Session) {
        if self.users_return {
            self.by_user.insert(user, session);
        } else {
            self.idle.push(session);
        }
    }
}
