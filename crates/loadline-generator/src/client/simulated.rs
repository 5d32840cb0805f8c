//! A queue in virtual time: `c` workers, first come first served, with a service time that the caller draws.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::Client;
use crate::clock::{Clock, Nanos};
use crate::exchange::{ErrorClass, Failure, Request, Response};

/// A simulated service. Clones speak to the same one.
#[derive(Clone)]
pub struct SimulatedServer<C> {
    clock: C,
    state: Rc<RefCell<Queue>>,
}

struct Queue {
    /// When each worker is free (Kiefer and Wolfowitz, 1955): an arrival goes to the first.
    free_at: Vec<Nanos>,
    service_time: Box<dyn FnMut() -> Duration>,
}

impl<C: Clock> SimulatedServer<C> {
    /// A service with `workers` workers, each of whose requests takes what `service_time` says.
    pub fn new(clock: C, workers: usize, service_time: impl FnMut() -> Duration + 'static) -> Self {
        let queue = Queue { free_at: vec![0; workers.max(1)], service_time: Box::new(service_time) };
        SimulatedServer { clock, state: Rc::new(RefCell::new(queue)) }
    }
}

impl<C: Clock> Client for SimulatedServer<C> {
    async fn send(&self, request: Arc<Request>) -> Result<Response, Failure> {
        let now = self.clock.now();
        let end = {
            let mut queue = self.state.borrow_mut();
            let service = (queue.service_time)().as_nanos() as Nanos;
            let free = queue.free_at.iter_mut().min().expect("a service has a worker");
            *free = now.max(*free) + service;
            *free
        };
        let deadline = now + request.timeout.as_nanos() as Nanos;
        self.clock.wait_until(end.min(deadline)).await;
        if end > deadline {
            return Err(ErrorClass::Timeout.into());
        }
        let service_time = Duration::from_nanos(end - now);
        let unread = Duration::ZERO;
        Ok(Response {
            status: 200,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            body_len: 0,
            unread,
            service_time,
        })
    }
}
