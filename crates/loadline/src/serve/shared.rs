//! What all connections of a service share: the model, the counts, the pages.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use http::header::HeaderValue;

use super::arrivals::{Exchange, Exchanges};
use super::config::ServeConfig;
use super::endpoints::{Answer, Site};
use super::metrics;
use super::model::{Model, Visit};
use super::stats::{Counts, Stats};
use super::timer;

pub(super) struct Shared {
    pub(super) config: ServeConfig,
    pub(super) site: Site,
    state: Mutex<State>,
}

struct State {
    model: Model,
    counts: Counts,
    exchanges: Exchanges,
}

impl Shared {
    pub(super) fn new(config: ServeConfig) -> Self {
        let model = Model::new(&config, timer::now());
        let state = Mutex::new(State { model, counts: Counts::default(), exchanges: Exchanges::default() });
        Self { site: Site::new(&config), config, state }
    }

    /// No holder of the lock can panic half-way through a change that matters: a poisoned lock is as good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn arrive(&self, now: u64) -> Visit {
        let state = &mut *self.state();
        let visit = state.model.arrive(now);
        state.counts.arrive(&visit);
        visit
    }

    pub(super) fn release(&self, due: u64) -> u64 {
        self.state().model.release(due)
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.state().counts);
    }

    pub(super) fn record(&self, exchange: Exchange) {
        self.state().exchanges.add(exchange, self.config.arrivals_max);
    }

    pub(super) fn take_exchanges(&self) -> Exchanges {
        std::mem::take(&mut self.state().exchanges)
    }

    pub(super) fn stats(&self) -> Stats {
        self.state().counts.stats()
    }

    /// The answers about the service itself: never delayed, never counted.
    pub(super) fn about(&self, path: &str) -> Option<Answer> {
        let (content_type, body) = match path {
            "/healthz" => ("text/plain", "ok\n".to_owned()),
            "/config" => ("application/json", json(&self.config)),
            "/stats" => ("application/json", json(&self.stats())),
            "/metrics" => ("text/plain; version=0.0.4", self.metrics()),
            _ => return None,
        };
        Some(Answer::new(StatusCode::OK, HeaderValue::from_static(content_type), body))
    }

    fn metrics(&self) -> String {
        let (now, state) = (timer::now(), &mut *self.state());
        let seconds = state.model.first().map_or(0.0, |first| now.saturating_sub(first) as f64 / 1e9);
        metrics::render(&state.counts, state.model.queue(now), self.config.workers, seconds)
    }
}

fn json(document: &impl serde::Serialize) -> String {
    serde_json::to_string(document).expect("numbers, names and lists of them are JSON")
}
