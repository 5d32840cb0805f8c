//! What one running flow knows: its variables, its data rows, its random numbers, its cookies.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use minijinja::value::{Object, Value};

use super::{
    Arrival,
    data::{OutOfRows, Source},
    jar::Jar,
    random::Random,
};
use crate::exchange::Request;

/// The names that templates can use, each with its place.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) slots: HashMap<String, usize>,
    pub(super) sources: Vec<Source>,
    /// What the slots hold when a flow begins.
    pub(super) initial: Vec<Value>,
    /// The values of secret variables.
    pub(super) secrets: Vec<String>,
}

/// The state of one running flow.
#[derive(Debug)]
pub struct Session {
    scope: Arc<Scope>,
    seed: u64,
    pub(super) jar: Jar,
    /// The request on its way: its URL says whose cookies an answer sets.
    pub(super) sent: Option<Arc<Request>>,
}

/// What templates see. Shared with the evaluator while an expression is worked out, and with nobody else: the lock
/// is never waited for.
#[derive(Debug)]
pub(super) struct Scope {
    names: Arc<Names>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) values: Vec<Value>,
    pub(super) rows: Vec<usize>,
    pub(super) random: Random,
    pub(super) arrival: Arrival,
}

/// The name under which functions find the scope; no template can write it.
pub(super) const SCOPE: &str = " scope";

impl Scope {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if let Some(&slot) = self.names.slots.get(key) {
            return Some(self.state().values[slot].clone()).filter(|value| !value.is_undefined());
        }
        match key {
            "iteration" => Some(self.state().arrival.iteration.into()),
            "user" => Some(self.state().arrival.user.into()),
            SCOPE => Some(Value::from_dyn_object(self.clone())),
            _ => {
                let at = self.names.sources.iter().position(|source| source.name == key)?;
                Some(self.names.sources[at].row(self.state().rows[at]))
            }
        }
    }
}

impl Session {
    pub(super) fn new(names: &Arc<Names>, seed: u64, arrival: Arrival) -> Result<Session, OutOfRows> {
        let state = State {
            values: names.initial.clone(),
            rows: rows(names, seed, arrival.index)?,
            random: Random::new(seed, arrival.index),
            arrival,
        };
        let scope = Arc::new(Scope { names: names.clone(), state: Mutex::new(state) });
        Ok(Session { scope, seed, jar: Jar::default(), sent: None })
    }

    /// Makes it the session of another arrival, keeping what was allocated. Cookies stay if `keep_cookies`: they
    /// belong to a user of the closed model, who comes back.
    ///
    /// # Errors
    ///
    /// [`OutOfRows`] if a data source with `pick: once` is used up.
    pub fn renew(&mut self, arrival: Arrival, keep_cookies: bool) -> Result<(), OutOfRows> {
        let seed = self.seed;
        let names = &self.scope.names;
        let rows = rows(names, seed, arrival.index)?;
        let mut state = self.scope.state();
        state.values.clone_from(&names.initial);
        state.rows = rows;
        state.random = Random::new(seed, arrival.index);
        state.arrival = arrival;
        drop(state);
        self.sent = None;
        if !keep_cookies {
            self.jar.clear();
        }
        Ok(())
    }

    pub(super) fn names(&self) -> &Names {
        &self.scope.names
    }

    pub(super) fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.scope.state()
    }

    pub(super) fn column(&self, source: usize, column: usize) -> Value {
        let row = self.state().rows[source];
        self.scope.names.sources[source].cell(row, column)
    }

    pub(super) fn set(&self, slot: usize, value: Value) {
        self.state().values[slot] = value;
    }
}

fn rows(names: &Names, seed: u64, index: u64) -> Result<Vec<usize>, OutOfRows> {
    names.sources.iter().enumerate().map(|(at, source)| source.pick(seed, at as u64, index)).collect()
}
