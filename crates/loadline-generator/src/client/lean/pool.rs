//! Connections that are kept for later, by origin, and requests that wait for one.
//!
//! A request takes the connection that was freed last. Where none is idle it waits for whichever comes first: one
//! that another request frees, or its own new one. A freed connection goes to the request that has waited longest.
//! What it leaves half open is finished by the next that waits.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::Uri;
use http::uri::{Authority, Scheme};
use rustls::pki_types::ServerName;

use super::stream::{Connection, Connector};
use crate::client::http::Reuse;
use crate::exchange::{ErrorClass, Failure};

/// Connections that one worker opens at once.
const ATTEMPTS_MAX: usize = 256;
/// Opening takes many times what a request does. After so many at once there is one more each so often, and a
/// worker that fell behind catches up by sending requests, not by opening connections for them.
const ATTEMPTS_AT_ONCE: u32 = 32;
const ATTEMPT_EVERY: Duration = Duration::from_micros(250);

type Opening = Pin<Box<dyn Future<Output = Result<(Connection, Duration), Failure>>>>;

/// A connection that is being opened. Only while a request waits for it, and drives it, does its time pass.
struct Attempt {
    opening: Opening,
    waited: Duration,
    driven_since: Instant,
}

impl Attempt {
    /// The connection, how long it took and how much of that the name did.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(Connection, Duration, Duration), Failure>> {
        let opened = ready!(self.opening.as_mut().poll(context));
        Poll::Ready(
            opened.map(|(connection, dns)| (connection, self.waited + self.driven_since.elapsed(), dns)),
        )
    }
}

/// The connections of one worker.
pub(super) struct Pool {
    connector: Rc<Connector>,
    origins: RefCell<HashMap<String, Rc<Origin>>>,
    /// The one asked for last, as its URI named it: mostly the next request's, too.
    last: RefCell<Option<(Scheme, Authority, Rc<Origin>)>>,
    /// Attempts to connect that a request drives.
    attempts: Cell<usize>,
    /// When those begun so far would have been begun evenly.
    paced_until: Cell<Instant>,
    next_ticket: Cell<u64>,
    reuse: Reuse,
}

/// Scheme, host and port.
pub(super) struct Origin {
    host: String,
    port: u16,
    /// The name under which the server must show itself, where TLS is spoken.
    server: Option<ServerName<'static>>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// The one freed last is at the end.
    idle: Vec<Connection>,
    /// The idle one of each visitor, where each has its own.
    owned: HashMap<u32, Connection>,
    /// In the order in which they came.
    waiting: BTreeMap<u64, Waiter>,
    /// Attempts whose requests found another connection.
    orphans: Vec<Attempt>,
}

#[derive(Default)]
struct Waiter {
    waker: Option<Waker>,
    /// Freed by another request.
    given: Option<Connection>,
    /// Drives an attempt of its own.
    connects: bool,
    /// Takes its own new connection only.
    only_new: bool,
}

impl Pool {
    pub(super) fn new(connector: Connector, reuse: Reuse) -> Self {
        Pool {
            connector: Rc::new(connector),
            origins: RefCell::default(),
            last: RefCell::default(),
            attempts: Cell::new(0),
            paced_until: Cell::new(Instant::now()),
            next_ticket: Cell::new(0),
            reuse,
        }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// How many connections are being opened.
    #[cfg(test)]
    pub(super) fn attempts(&self) -> usize {
        self.attempts.get()
    }

    /// The origin of `uri`.
    ///
    /// # Errors
    /// [`ErrorClass::Template`] if it has none that HTTP knows.
    pub(super) fn origin(&self, uri: &Uri) -> Result<Rc<Origin>, ErrorClass> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(ErrorClass::Template);
        };
        if let Some((_, _, origin)) =
            self.last.borrow().as_ref().filter(|last| last.0 == *scheme && last.1 == *authority)
        {
            return Ok(origin.clone());
        }
        let origin = self.known_or_new(uri)?;
        *self.last.borrow_mut() = Some((scheme.clone(), authority.clone(), origin.clone()));
        Ok(origin)
    }

    fn known_or_new(&self, uri: &Uri) -> Result<Rc<Origin>, ErrorClass> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(ErrorClass::Template),
        };
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let key = format!("{tls}/{host}/{port}");
        if let Some(known) = self.origins.borrow().get(&key) {
            return Ok(known.clone());
        }
        let name = || ServerName::try_from(host.clone()).map_err(|_| ErrorClass::Template);
        let server = if tls { Some(name()?) } else { None };
        let origin = Rc::new(Origin { host, port, server, state: RefCell::default() });
        self.origins.borrow_mut().insert(key, origin.clone());
        Ok(origin)
    }

    /// Opens so many connections at once; whether none failed.
    pub(super) async fn open(&self, origin: &Origin, count: u32) -> bool {
        let begun = Instant::now();
        let attempts =
            (0..count).map(|_| self.connector.open(&origin.host, origin.port, origin.server.clone()));
        let mut all = true;
        for opened in join_all(attempts).await {
            match opened {
                Ok((mut connection, dns)) => {
                    self.connector.meter.opened(begun.elapsed(), dns);
                    connection.aged = true;
                    origin.state.borrow_mut().idle.push(connection);
                }
                Err(_) => all = false,
            }
        }
        all
    }

    /// An idle connection that is still good; one that was opened ahead is for any visitor.
    pub(super) fn idle(&self, origin: &Origin, visitor: u32) -> Option<Connection> {
        loop {
            let mut state = origin.state.borrow_mut();
            let own = if self.reuse == Reuse::Visitor { state.owned.remove(&visitor) } else { None };
            let mut connection = own.or_else(|| state.idle.pop())?;
            drop(state);
            if connection.is_quiet() {
                return Some(connection);
            }
        }
    }

    /// Waits for a connection, its own new one or, unless `only_new`, one that another request frees.
    ///
    /// # Errors
    /// The class of what kept the new connection from being opened.
    pub(super) async fn wait(&self, origin: &Rc<Origin>, only_new: bool) -> Result<Connection, Failure> {
        let ticket = self.next_ticket.get();
        self.next_ticket.set(ticket + 1);
        origin.state.borrow_mut().waiting.insert(ticket, Waiter { only_new, ..Waiter::default() });
        let mut wait = Wait { pool: self, origin, ticket, attempt: None, adopted: false };
        poll_fn(|context| wait.poll(context)).await
    }

    /// Takes a connection back whose exchange is over.
    pub(super) fn put_back(&self, origin: &Origin, visitor: u32, mut connection: Connection) {
        connection.aged = true;
        match self.reuse {
            Reuse::Nobody => {}
            Reuse::Visitor => drop(origin.state.borrow_mut().owned.insert(visitor, connection)),
            Reuse::Anyone => self.share(origin, connection),
        }
    }

    /// Closes what a visitor had of its own.
    pub(super) fn leave(&self, visitor: u32) {
        if self.reuse == Reuse::Visitor {
            self.origins
                .borrow()
                .values()
                .for_each(|origin| drop(origin.state.borrow_mut().owned.remove(&visitor)));
        }
    }

    /// Gives a connection to who has waited longest for one, or keeps it.
    fn share(&self, origin: &Origin, connection: Connection) {
        let mut state = origin.state.borrow_mut();
        let longest = state.waiting.values_mut().find(|waiter| !waiter.only_new && waiter.given.is_none());
        match longest {
            Some(waiter) => {
                waiter.given = Some(connection);
                waiter.waker.take().into_iter().for_each(Waker::wake);
            }
            None => state.idle.push(connection),
        }
    }

    fn begin_attempt(&self, origin: &Rc<Origin>) -> Option<Attempt> {
        let now = Instant::now();
        let paced_until = self.paced_until.get().max(now);
        let late = paced_until > now + ATTEMPT_EVERY * ATTEMPTS_AT_ONCE;
        // The end of an attempt is what wakes those that may not begin yet: one has to be under way.
        if self.attempts.get() > 0 && (late || self.attempts.get() >= ATTEMPTS_MAX) {
            return None;
        }
        self.paced_until.set(paced_until + ATTEMPT_EVERY);
        let (connector, origin) = (self.connector.clone(), origin.clone());
        let opening =
            Box::pin(async move { connector.open(&origin.host, origin.port, origin.server.clone()).await });
        Some(Attempt { opening, waited: Duration::ZERO, driven_since: now })
    }

    /// What failed leaves its turn to another: a service that refuses is to be seen refusing at once.
    fn attempt_failed(&self) {
        let paced_until = self.paced_until.get();
        self.paced_until.set(paced_until.checked_sub(ATTEMPT_EVERY).unwrap_or(paced_until));
    }

    /// An attempt is no longer driven: the next request without one may begin.
    fn attempt_ended(&self, origin: &Origin) {
        self.attempts.set(self.attempts.get() - 1);
        self.wake_next(origin);
    }

    /// Wakes one request that may begin an attempt, of this origin rather than another.
    fn wake_next(&self, origin: &Origin) {
        if !origin.wake_next() {
            let origins = self.origins.borrow();
            let _ = origins.values().any(|origin| origin.wake_next());
        }
    }
}

impl Origin {
    /// Wakes the request that has waited longest of those that drive no attempt and were not woken already.
    fn wake_next(&self) -> bool {
        let mut state = self.state.borrow_mut();
        let next = state
            .waiting
            .values_mut()
            .find_map(|waiter| if waiter.connects { None } else { waiter.waker.take() });
        next.map(Waker::wake).is_some()
    }
}

/// A request that waits for a connection.
struct Wait<'a> {
    pool: &'a Pool,
    origin: &'a Rc<Origin>,
    ticket: u64,
    attempt: Option<Attempt>,
    /// The attempt was begun by another request, maybe long ago.
    adopted: bool,
}

impl Wait<'_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Connection, Failure>> {
        loop {
            let given = self.waiter(|waiter| waiter.given.take());
            if let Some(mut connection) = given
                && connection.is_quiet()
            {
                self.orphan_attempt();
                return Poll::Ready(Ok(connection));
            }
            if self.attempt.is_none() {
                self.connect();
            }
            let Some(attempt) = &mut self.attempt else { break };
            match attempt.poll(context) {
                Poll::Pending => break,
                // What another request left may have lost its other side by now.
                Poll::Ready(Err(_)) if self.adopted => {
                    self.end_attempt();
                    self.waiter(|waiter| waiter.connects = false);
                }
                Poll::Ready(outcome) => {
                    if outcome.is_err() {
                        self.pool.attempt_failed();
                    }
                    self.end_attempt();
                    return Poll::Ready(outcome.map(|(mut connection, took, dns)| {
                        self.pool.connector.meter.opened(took, dns);
                        connection.aged = self.adopted;
                        connection
                    }));
                }
            }
        }
        self.waiter(|waiter| waiter.waker = Some(context.waker().clone()));
        Poll::Pending
    }

    fn waiter<T>(&self, with: impl FnOnce(&mut Waiter) -> T) -> T {
        with(
            self.origin
                .state
                .borrow_mut()
                .waiting
                .get_mut(&self.ticket)
                .expect("it waits until it is dropped"),
        )
    }

    /// Takes over what another request left, or begins an attempt if there are not too many.
    fn connect(&mut self) {
        let orphan = self.origin.state.borrow_mut().orphans.pop();
        self.adopted = orphan.is_some();
        let adopted = orphan.map(|orphan| Attempt { driven_since: Instant::now(), ..orphan });
        self.attempt = adopted.or_else(|| self.pool.begin_attempt(self.origin));
        if self.attempt.is_some() {
            self.pool.attempts.set(self.pool.attempts.get() + 1);
            self.waiter(|waiter| waiter.connects = true);
        }
    }

    fn orphan_attempt(&mut self) {
        if let Some(mut attempt) = self.attempt.take() {
            attempt.waited += attempt.driven_since.elapsed();
            self.origin.state.borrow_mut().orphans.push(attempt);
            self.pool.attempt_ended(self.origin);
        }
    }

    fn end_attempt(&mut self) {
        if self.attempt.take().is_some() {
            self.pool.attempt_ended(self.origin);
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let waiter = self.origin.state.borrow_mut().waiting.remove(&self.ticket);
        // Given to it, but it gave up before it knew.
        if let Some(connection) = waiter.and_then(|waiter| waiter.given) {
            self.pool.share(self.origin, connection);
        }
        if self.attempt.take().is_some() {
            self.pool.attempt_ended(self.origin);
        } else if self.pool.attempts.get() == 0 {
            // It may have been woken to begin the next attempt, and nobody else would be.
            self.pool.wake_next(self.origin);
        }
    }
}
