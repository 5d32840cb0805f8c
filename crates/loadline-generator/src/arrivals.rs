//! Who arrives next: the one source of arrivals for a worker, by schedule (open model) or by users (closed).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use crate::clock::Nanos;
use crate::schedule::{RateStage, Schedule, is_of_worker};
use crate::script;

/// Some time under one kind of load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// What drives the load.
    pub load: Load,
    /// Left out of objectives and summary.
    pub warmup: bool,
}

/// What drives the load during a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Open model: arrivals come at a rate, whatever the service does.
    Rate(RateStage),
    /// Closed model: each user waits for the end of its flow before it begins the next.
    Users(UserStage),
}

/// Some time with a number of users.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UserStage {
    /// How many.
    pub users: u32,
    /// How long.
    pub duration: Duration,
    /// The least time from one start of a user's flow to the next.
    pub pacing: Duration,
}

impl Stage {
    /// How long the stage lasts.
    pub fn duration(&self) -> Duration {
        match self.load {
            Load::Rate(stage) => stage.duration,
            Load::Users(stage) => stage.duration,
        }
    }
}

/// A stage with its place in the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedStage {
    /// When it begins. A worker that learns of it later begins it at once, and what is due by then is late.
    pub start: Nanos,
    /// What happens.
    pub stage: Stage,
}

impl TimedStage {
    fn end(&self) -> Nanos {
        self.start + self.stage.duration().as_nanos() as Nanos
    }
}

/// One flow that is to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Counted over all workers, from 0; picks the flow, the data rows and everything random in it.
    pub index: u64,
    /// The user, in the closed model; in the open model every arrival is a user of its own.
    pub user: u32,
    /// How many flows this user has run before.
    pub iteration: u64,
    /// When it is to start.
    pub at: Nanos,
    /// Belongs to a warm-up stage.
    pub warmup: bool,
}

impl From<&Arrival> for script::Arrival {
    fn from(&Arrival { index, user, iteration, .. }: &Arrival) -> Self {
        script::Arrival { index, user, iteration }
    }
}

/// The share of all arrivals that falls to one worker.
#[derive(Debug)]
pub struct Source {
    worker: u32,
    workers: u32,
    users_max: u32,
    stages: Receiver<TimedStage>,
    current: Option<TimedStage>,
    fed: bool,
    schedule: Schedule,
    next: Option<Arrival>,
    /// Users ready to begin a flow, and when.
    ready: BinaryHeap<Reverse<(Nanos, u32)>>,
    /// By user of this worker.
    seats: Vec<Seat>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seat {
    state: Presence,
    /// Flows begun.
    iterations: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Presence {
    #[default]
    Away,
    Ready,
    Running,
}

impl Source {
    /// The share of `worker` of `workers` in what `stages` will bring; the run is over when the channel is closed
    /// and the last stage has passed. `users_max` is the largest number of users of any stage.
    pub fn new(seed: u64, worker: u32, workers: u32, users_max: u32, stages: Receiver<TimedStage>) -> Self {
        let own_users = (users_max.saturating_sub(worker)).div_ceil(workers) as usize;
        Source {
            worker,
            workers,
            users_max,
            stages,
            current: None,
            fed: true,
            schedule: Schedule::new(seed),
            next: None,
            ready: BinaryHeap::new(),
            seats: vec![Seat::default(); own_users],
        }
    }

    /// The next instant at which [`Source::pop`] may have something to give, or a stage ends. Between two stages there is
    /// none, whoever is ready.
    pub fn next_due(&self) -> Option<Nanos> {
        let stage_end = self.current?.end();
        let ready = self.ready.peek().map(|Reverse((at, _))| *at);
        [self.next.map(|arrival| arrival.at), ready, Some(stage_end)].into_iter().flatten().min()
    }

    /// Whether users come again, as they do in the closed model.
    pub fn users_return(&self) -> bool {
        self.users_max > 0
    }

    /// All stages have passed and no more will come.
    pub fn is_over(&self) -> bool {
        self.current.is_none() && !self.fed
    }

    /// The next arrival that is due by `now`.
    pub fn pop(&mut self, now: Nanos) -> Option<Arrival> {
        loop {
            if let Some(arrival) = self.pop_current(now) {
                return Some(arrival);
            }
            let ended = self.current.is_none_or(|stage| now >= stage.end());
            if !ended || !self.advance() {
                return None;
            }
        }
    }

    /// The flow of `arrival` has ended at `now`: in the closed model its user comes again.
    pub fn finished(&mut self, arrival: &Arrival, now: Nanos) {
        if !self.users_return() {
            return;
        }
        let users = match self.current {
            Some(TimedStage { start, stage: Stage { load: Load::Users(stage), .. } }) => Some((start, stage)),
            // Between two stages nobody comes; the next one seats its users anew.
            _ => None,
        };
        let stays = users.filter(|(_, stage)| arrival.user < stage.users);
        self.seat(arrival.user).state = if stays.is_some() { Presence::Ready } else { Presence::Away };
        if let Some((start, stage)) = stays {
            // A stage may be known before it begins.
            let at = now.max(start).max(arrival.at + stage.pacing.as_nanos() as Nanos);
            self.ready.push(Reverse((at, arrival.user)));
        }
    }

    /// Ends the run for this worker: no further arrival.
    pub fn close(&mut self) {
        self.current = None;
        self.next = None;
        self.ready.clear();
        self.fed = false;
    }

    fn pop_current(&mut self, now: Nanos) -> Option<Arrival> {
        let stage = self.current?;
        match stage.stage.load {
            Load::Rate(_) => {
                let arrival = self.next.filter(|arrival| arrival.at <= now)?;
                self.next = self.next_of_schedule();
                Some(arrival)
            }
            Load::Users(_) => {
                let Reverse((at, user)) = *self.ready.peek()?;
                if at > now || at >= stage.end() {
                    return None;
                }
                self.ready.pop();
                let seat = self.seat(user);
                let iteration = seat.iterations;
                *seat = Seat { state: Presence::Running, iterations: iteration + 1 };
                let index = iteration * u64::from(self.users_max) + u64::from(user);
                Some(Arrival { index, user, iteration, at, warmup: stage.stage.warmup })
            }
        }
    }

    /// Leaves the current stage and enters the next; false when there is none yet.
    fn advance(&mut self) -> bool {
        if let Some(TimedStage { stage: Stage { load: Load::Rate(stage), .. }, .. }) = self.current.take() {
            self.schedule.leave(&stage);
        }
        if !self.fed {
            return false;
        }
        self.current = match self.stages.try_recv() {
            Ok(stage) => Some(stage),
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => {
                self.fed = false;
                return false;
            }
        };
        self.next = self.next_of_schedule();
        self.seat_users();
        true
    }

    fn next_of_schedule(&mut self) -> Option<Arrival> {
        let TimedStage { start, stage: Stage { load: Load::Rate(stage), warmup } } = self.current? else {
            return None;
        };
        loop {
            let due = self.schedule.next(&stage, start)?;
            if is_of_worker(due.index, self.worker, self.workers) {
                let user = due.index as u32;
                return Some(Arrival { index: due.index, user, iteration: 0, at: due.at, warmup });
            }
        }
    }

    /// Users that the new stage has and the old had not begin at its start; those that it has no more leave.
    fn seat_users(&mut self) {
        let Some(TimedStage { start, stage: Stage { load: Load::Users(stage), .. } }) = self.current else {
            return;
        };
        let kept =
            std::mem::take(&mut self.ready).into_iter().filter(|Reverse((_, user))| *user < stage.users);
        self.ready = kept.map(|Reverse((at, user))| Reverse((at.max(start), user))).collect();
        for slot in 0..self.seats.len() {
            let user = slot as u32 * self.workers + self.worker;
            let seat = &mut self.seats[slot];
            match seat.state {
                Presence::Ready if user >= stage.users => seat.state = Presence::Away,
                Presence::Away if user < stage.users => {
                    seat.state = Presence::Ready;
                    self.ready.push(Reverse((start, user)));
                }
                _ => {}
            }
        }
    }

    fn seat(&mut self, user: u32) -> &mut Seat {
        &mut self.seats[(user / self.workers) as usize]
    }
}
