//! A scenario, compiled: what each flow does, with nothing left to be parsed while load runs.
//!
//! A [`Script`] never changes and is shared by all workers. What one running flow knows is its [`Session`], which
//! follows from the seed and the arrival's index alone: results do not depend on the number of workers.

mod body;
mod capture;
mod check;
mod compile;
mod data;
mod expression;
mod functions;
mod jar;
mod json;
mod random;
mod redirect;
mod request;
mod reveal;
mod session;
mod sides;
mod template;
#[cfg(test)]
mod tests;

use std::{io, path::Path, sync::Arc, time::Duration};

use loadline_model::{diagnostic::Diagnostic, scenario::Scenario};

pub use data::OutOfRows;
pub use request::RequestStep;
pub use session::Session;
pub use sides::Seat;

use crate::exchange::Failure;
use expression::{Assigned, Condition};
use session::Names;

/// A compiled scenario.
#[derive(Debug)]
pub struct Script {
    /// What users do.
    pub flows: Vec<Flow>,
    /// The names of all requests, in the order of the scenario, each once.
    pub request_names: Vec<String>,
    /// The URL that requests without one of their own go to.
    pub target: String,
    /// Builds that the load is for: 2 in a duel, whose flows stand one build after the other.
    sides: usize,
    names: Arc<Names>,
}

/// What one user does from first to last.
#[derive(Debug)]
pub struct Flow {
    /// The name.
    pub name: String,
    /// How often it is chosen, relative to the other flows.
    pub weight: f64,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One thing that a flow does.
#[derive(Debug)]
pub enum Step {
    /// Sends a request.
    Request(Box<RequestStep>),
    /// Waits.
    Think(Think),
    /// Does steps again and again.
    Repeat(Repeat),
    /// Does one thing or another.
    If(If),
    /// Gives variables new values.
    Set(Set),
}

/// The first request of `steps` in the order in which they are written.
pub fn first_request(steps: &[Step]) -> Option<&RequestStep> {
    steps.iter().find_map(|step| match step {
        Step::Request(request) => Some(&**request),
        Step::Repeat(repeat) => first_request(&repeat.steps),
        Step::If(branch) => first_request(&branch.then).or_else(|| first_request(&branch.otherwise)),
        Step::Think(_) | Step::Set(_) => None,
    })
}

/// An arrival: one start of a flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Its number in the whole run, from 0, over all workers.
    pub index: u64,
    /// The user, in the closed model; 0 in the open one.
    pub user: u32,
    /// How many flows this user has begun before; in the open model the index.
    pub iteration: u64,
}

impl Script {
    /// Compiles a scenario. `load_file` reads a data file or a body by the path written in the scenario; whether
    /// that is relative to the scenario's folder is up to the caller.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with its templates, paths, patterns, header names and files.
    pub fn compile(
        scenario: &Scenario,
        load_file: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Script, Vec<Diagnostic>> {
        compile::script(scenario, load_file)
    }

    /// The flow of an arrival, chosen by weight among those of its side: a pure function of seed and index.
    pub fn flow_of(&self, seed: u64, seat: Seat) -> usize {
        let count = self.flows.len() / self.sides;
        let first = seat.side * count;
        if count < 2 {
            return first;
        }
        let flows = &self.flows[first..first + count];
        let total: f64 = flows.iter().map(|flow| flow.weight).sum();
        let mut left = random::unit(random::hash(seed ^ FLOWS, seat.arrival.index)) * total;
        for (at, flow) in flows.iter().enumerate() {
            left -= flow.weight;
            if left < 0.0 {
                return first + at;
            }
        }
        first + count - 1
    }

    /// The session of an arrival.
    ///
    /// # Errors
    ///
    /// [`OutOfRows`] if a data source with `pick: once` is used up.
    pub fn session(&self, seed: u64, arrival: Arrival) -> Result<Session, OutOfRows> {
        Session::new(&self.names, seed, arrival)
    }
}

/// Keeps the choice of flows apart from other uses of the seed.
const FLOWS: u64 = 0x666c_6f77_7300_0000;

/// A wait between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Think {
    min: Duration,
    max: Duration,
}

impl Think {
    /// How long this time: evenly distributed from least to most.
    pub fn draw(&self, session: &mut Session) -> Duration {
        let width = self.max.saturating_sub(self.min);
        if width.is_zero() {
            return self.min;
        }
        self.min + width.mul_f64(session.state().random.unit())
    }
}

/// Steps done again and again.
#[derive(Debug)]
pub struct Repeat {
    /// At most this many rounds.
    pub times: u32,
    /// What is done in each.
    pub steps: Vec<Step>,
    condition: Option<Condition>,
}

impl Repeat {
    /// Whether there is another round after `done` of them.
    ///
    /// # Errors
    ///
    /// [`ErrorClass::Template`] if the condition has no answer.
    pub fn goes_on(&self, session: &mut Session, done: u64) -> Result<bool, Failure> {
        match &self.condition {
            _ if done >= u64::from(self.times) => Ok(false),
            Some(condition) => condition.holds(session),
            None => Ok(true),
        }
    }
}

/// One thing or another.
#[derive(Debug)]
pub struct If {
    /// What is done if it holds.
    pub then: Vec<Step>,
    /// What is done if not.
    pub otherwise: Vec<Step>,
    condition: Condition,
}

impl If {
    /// Whether the condition holds now.
    ///
    /// # Errors
    ///
    /// [`ErrorClass::Template`] if it has no answer.
    pub fn holds(&self, session: &mut Session) -> Result<bool, Failure> {
        self.condition.holds(session)
    }
}

/// New values for variables of the flow.
#[derive(Debug)]
pub struct Set(Vec<(usize, Assigned)>);

impl Set {
    /// Works the values out, one after the other, and keeps them.
    ///
    /// # Errors
    ///
    /// [`ErrorClass::Template`] if one cannot be worked out.
    pub fn apply(&self, session: &mut Session) -> Result<(), Failure> {
        for (slot, assigned) in &self.0 {
            let value = assigned.value(session)?;
            session.set(*slot, value);
        }
        Ok(())
    }
}
