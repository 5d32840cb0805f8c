//! The lean client: HTTP/1.1 over TCP and TLS with a codec of its own, for where reqwest would be the cost.
//!
//! A request's own future writes and reads its connection; nothing is spawned for it, and in the steady state nothing
//! is allocated for it: its head was encoded before, all connections of a worker read into one buffer, and what
//! nobody asked for is not kept of the answer.

mod chunked;
mod deadline;
mod encode;
mod parse;
mod pool;
mod socket;
mod stream;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use deadline::Deadlines;
use encode::Heads;
pub(super) use encode::announces_empty_body;
pub use parse::Answer;
use pool::{Origin, Pool};
pub use socket::Stamps;
use stream::{Connection, Connector};

use super::connector::Resolver;
use super::http::{ClientError, Done, HttpSettings, HttpVersion};
use super::reason;
use super::{Client, Connections};
use crate::exchange::{ErrorClass, Failure, Request, Response};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// Connections that are opened at once before the clock starts.
const AHEAD_AT_ONCE: u32 = 256;

/// Sends requests over HTTP/1.1. Every worker has one of its own.
pub struct LeanClient {
    heads: RefCell<Heads>,
    pool: Pool,
    deadlines: Deadlines,
    /// Nothing stays in it between two reads.
    buffer: RefCell<Box<[u8]>>,
}

impl LeanClient {
    /// Whether this client can do what `settings` ask, for `http` URLs or for `https` ones.
    pub fn suits(settings: &HttpSettings, tls: bool) -> bool {
        let version = match settings.version {
            HttpVersion::Http1 => true,
            HttpVersion::Auto => !tls,
            HttpVersion::Http2 => false,
        };
        version && settings.proxy.is_none()
    }

    /// A client with no connection yet. Has to be called within a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// When TLS cannot be set up as asked.
    pub fn new(settings: &HttpSettings) -> Result<Self, ClientError> {
        let stamped = settings.done == Done::Received;
        let connector = Connector::new(Resolver::new(settings.dns), &settings.tls, stamped);
        if settings.tls.authorities.is_some() || settings.tls.identity.is_some() {
            connector.tls()?;
        }
        Ok(LeanClient {
            heads: RefCell::new(Heads::new()),
            pool: Pool::new(connector, settings.reuse),
            deadlines: Deadlines::new(),
            buffer: RefCell::new(vec![0; READ_BYTES].into_boxed_slice()),
        })
    }

    /// Sets TLS up now, which else the first request over it does.
    ///
    /// # Errors
    /// When certificates and keys are not usable.
    pub fn prepare_tls(&self) -> Result<(), ClientError> {
        self.pool.connector().tls()?;
        Ok(())
    }

    /// Whether answers come with the instant at which the kernel had them.
    pub fn stamps(&self) -> Stamps {
        self.pool.connector().stamps.clone()
    }

    fn origin(&self, request: &Arc<Request>) -> Result<Rc<Origin>, Failure> {
        Ok(self.heads.borrow_mut().of(request, &self.pool)?.1.clone())
    }

    /// Whether an idle connection was closed, or has bytes that nobody asked for. Costs no system call where neither
    /// was told by the runtime.
    fn is_spent(&self, connection: &mut Connection, context: &mut Context<'_>) -> bool {
        connection.poll_read(context, &mut self.buffer.borrow_mut()).is_ready()
    }

    /// Opens `count` connections to `target`, some at a time, until one fails.
    pub async fn connect_ahead(&self, target: &str, count: u32) {
        let Some(origin) = target.parse().ok().and_then(|uri| self.pool.origin(&uri).ok()) else { return };
        let mut left = count;
        while left > 0 {
            let some = left.min(AHEAD_AT_ONCE);
            if !self.pool.open(&origin, some).await {
                return;
            }
            left -= some;
        }
    }

    /// Sends `request`, a second time on a new connection if the first turns out to have been closed while idle.
    async fn exchange(&self, visitor: u32, request: &Arc<Request>) -> Result<Response, Failure> {
        let origin = self.origin(request)?;
        let mut retried = false;
        loop {
            let mut connection = match self.pool.idle(&origin, visitor).filter(|_| !retried) {
                Some(connection) => connection,
                None => self.pool.wait(&origin, retried).await?,
            };
            if connection.aged
                && poll_fn(|context| Poll::Ready(self.is_spent(&mut connection, context))).await
            {
                continue;
            }
            let mut exchange = Exchange::new(self, request);
            match poll_fn(|context| exchange.poll(&mut connection, context)).await {
                Ok(()) => {
                    let unread = connection.unread();
                    if exchange.is_clean() {
                        self.pool.put_back(&origin, visitor, connection);
                    }
                    return Ok(Response { unread, ..exchange.answer.into_response() });
                }
                // Only what was never taken is sent again: a reset after that is the service's, and is counted.
                Err(Failure { class: ErrorClass::Reset, .. })
                    if connection.aged && exchange.was_refused() && !retried =>
                {
                    retried = true
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}

impl Client for LeanClient {
    async fn send(&self, request: Arc<Request>) -> Result<Response, Failure> {
        self.send_for(0, request).await
    }

    async fn send_for(&self, visitor: u32, request: Arc<Request>) -> Result<Response, Failure> {
        self.deadlines.after(request.timeout).bound(self.exchange(visitor, &request)).await
    }

    fn leave(&self, visitor: u32) {
        self.pool.leave(visitor);
    }

    fn take_connections(&self) -> Connections {
        self.pool.connector().meter.take()
    }
}

/// One request on its way over one connection.
struct Exchange<'a> {
    client: &'a LeanClient,
    request: &'a Arc<Request>,
    upload: Upload,
    answer: Answer,
    /// A byte of the answer has come.
    answered: bool,
    /// Bytes came that do not belong to the answer.
    excess: bool,
}

/// How far the request has been sent.
enum Upload {
    /// Not at all.
    Whole,
    /// What is left of the head, and the bytes of the body that were sent.
    Part {
        head: Vec<u8>,
        body_sent: usize,
    },
    /// All of it, but TLS may hold some back.
    Unflushed,
    Done,
    /// The other side takes no more; it may have answered before.
    Refused,
}

impl<'a> Exchange<'a> {
    fn new(client: &'a LeanClient, request: &'a Arc<Request>) -> Self {
        let answer = Answer::to(request);
        Exchange { client, request, upload: Upload::Whole, answer, answered: false, excess: false }
    }

    /// Whether the other side took no more before the request was sent, and did not answer.
    fn was_refused(&self) -> bool {
        !self.answered && !matches!(self.upload, Upload::Done)
    }

    /// Whether the connection is as good as before.
    fn is_clean(&self) -> bool {
        self.answer.is_persistent() && !self.excess && matches!(self.upload, Upload::Done)
    }

    /// The connection came to its end before the answer did.
    fn broken_off(&self, class: ErrorClass, how: &str) -> Failure {
        if !self.answered && matches!(self.upload, Upload::Refused) {
            class.because(format!("{how} before it had taken the request"))
        } else if !self.answered {
            // Some that speak TLS hang up on whoever does not.
            let plain = self.request.uri.scheme_str() == Some("http");
            let hint = if plain { "; if it speaks TLS, try https://" } else { "" };
            class.because(format!("{how} before it answered{hint}"))
        } else {
            class.because(format!("{how} before the answer was complete"))
        }
    }

    /// `bytes` do not follow what came before.
    fn not_understood(&self, class: ErrorClass, bytes: &[u8]) -> Failure {
        match class {
            ErrorClass::Protocol if !self.answer.has_head() => class.because(reason::of_garbage(bytes)),
            ErrorClass::Protocol => class.because("the answer does not follow HTTP/1.1"),
            ErrorClass::TooLarge => class.because("the body is too long to be looked at"),
            other => other.into(),
        }
    }

    /// Sends and reads as far as it goes; ready once the answer is complete.
    fn poll(&mut self, connection: &mut Connection, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        while !matches!(self.upload, Upload::Done | Upload::Refused) {
            match self.poll_send(connection, context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
                Poll::Pending => break,
            }
        }
        loop {
            let buffer = &mut *self.client.buffer.borrow_mut();
            match connection.poll_read(context, buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => {
                    let ended = self.answer.close();
                    return Poll::Ready(ended.map_err(|class| self.broken_off(class, "closed")));
                }
                Poll::Ready(Ok(len)) => {
                    self.answered = true;
                    let fed = self.answer.feed(&buffer[..len]);
                    let taken = fed.map_err(|class| self.not_understood(class, &buffer[..len]))?;
                    if self.answer.is_done() {
                        self.excess = taken < len;
                        return Poll::Ready(Ok(()));
                    }
                }
                // Some servers leave TLS without a word: what ends a body of unknown length ends it so, too.
                Poll::Ready(Err(_)) => return Poll::Ready(Err(self.broken_off(ErrorClass::Reset, "reset"))),
            }
        }
    }

    /// One step of sending.
    fn poll_send(
        &mut self,
        connection: &mut Connection,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        let body = &self.request.body;
        let sent = match &mut self.upload {
            Upload::Whole => {
                let mut heads = self.client.heads.borrow_mut();
                let head = heads.of(self.request, &self.client.pool)?.0;
                let sent = connection.poll_write(context, head, body);
                // Only a full socket costs a copy: the place of the head may be another's when it goes on.
                if let Poll::Ready(Ok(sent)) = sent
                    && sent < head.len() + body.len()
                {
                    let (head, body_sent) =
                        (head[sent.min(head.len())..].to_vec(), sent.saturating_sub(head.len()));
                    self.upload = Upload::Part { head, body_sent };
                    return Poll::Ready(Ok(()));
                }
                sent.map_ok(|_| true)
            }
            Upload::Part { head, body_sent } => {
                let sent = connection.poll_write(context, head, &body[*body_sent..]);
                sent.map_ok(|sent| {
                    let of_head = sent.min(head.len());
                    head.drain(..of_head);
                    *body_sent += sent - of_head;
                    head.is_empty() && *body_sent == body.len()
                })
            }
            Upload::Unflushed => match connection.poll_flush(context) {
                Poll::Ready(Ok(())) => {
                    self.upload = Upload::Done;
                    return Poll::Ready(Ok(()));
                }
                other => other.map_ok(|()| false),
            },
            Upload::Done | Upload::Refused => return Poll::Ready(Ok(())),
        };
        match sent {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(true)) => self.upload = Upload::Unflushed,
            Poll::Ready(Ok(false)) => {}
            Poll::Ready(Err(_)) => self.upload = Upload::Refused,
        }
        Poll::Ready(Ok(()))
    }
}
