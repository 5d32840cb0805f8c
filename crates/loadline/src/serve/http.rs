//! Connections: from bytes to a visit of the model, and back when its answer is due.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::arrivals::Exchange;
use super::body::Body;
use super::endpoints::{Answer, Payload, Route};
use super::model::{Fate, Visit};
use super::shared::Shared;
use super::timer::{self, Timer};

/// How much of a request's body is kept; beyond it the answer is 413.
const BODY_MAX: usize = 1 << 20;

/// The connection is to be reset.
#[derive(Debug, thiserror::Error)]
#[error("reset on purpose")]
pub(super) struct Cut;

/// What a connection's socket, its requests and their bodies share.
pub(super) struct Link {
    pub(super) shared: Arc<Shared>,
    pub(super) timer: Arc<Timer>,
    read_at: AtomicU64,
    written_at: AtomicU64,
    cut: AtomicBool,
    exchange: Mutex<Option<Exchange>>,
}

/// Takes connections for ever.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, timer: Arc<Timer>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, shared.clone(), timer.clone()))),
            // Out of descriptors, most likely: they come back when connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// One connection from its first to its last request.
async fn converse(stream: TcpStream, shared: Arc<Shared>, timer: Arc<Timer>) {
    if stream.set_nodelay(true).is_err() {
        return; // gone already
    }
    let link = Arc::new(Link {
        shared,
        timer,
        read_at: AtomicU64::new(timer::now()),
        written_at: AtomicU64::new(0),
        cut: AtomicBool::new(false),
        exchange: Mutex::new(None),
    });
    let socket = Socket { io: TokioIo::new(stream), link: link.clone() };
    let requests = service_fn(move |request| respond(link.clone(), request));
    // How a connection ends is in the counts; its error says nothing more.
    let _ = http1::Builder::new().serve_connection(socket, requests).await;
}

async fn respond(link: Arc<Link>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
    link.record();
    let (request, body) = request.into_parts();
    if let Some(answer) = link.shared.about(request.uri.path()) {
        return Ok(response(answer, Body::Whole));
    }
    let route = Route::of(request.uri.path());
    let payload = read(route, body).await?;
    let (visit, pending) = link.arrive();
    let answer = link.shared.site.answer(route, &request, payload, visit.fate);
    let mut waiting = None;
    poll_fn(|cx| link.timer.poll_until(cx, visit.due, &mut waiting)).await;
    match visit.fate {
        Fate::Reset if !link.shared.config.reset_mid_body || answer.body.len() < 2 => Err(pending.reset()),
        Fate::Reset => {
            pending.reset();
            Ok(response(answer, |bytes| Body::cut(link.clone(), bytes)))
        }
        _ => {
            pending.answer(route, visit.fate, &answer);
            let slow_ns = (link.shared.config.slow_body_ms * 1e6) as u64;
            let slowly = |bytes| Body::slow(link.clone(), bytes, visit.due, slow_ns);
            Ok(if slow_ns == 0 { response(answer, Body::Whole) } else { response(answer, slowly) })
        }
    }
}

fn response(answer: Answer, body: impl FnOnce(bytes::Bytes) -> Body) -> Response<Body> {
    let mut response = Response::new(body(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// A request is served once its body is there, as by a server behind a buffering proxy.
async fn read(route: Route, mut body: Incoming) -> Result<Payload, Cut> {
    let mut payload = Payload::default();
    let keep = matches!(route, Route::Login | Route::Orders | Route::Echo);
    let mut kept = BytesMut::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        let Ok(data) = frame.map_err(|_| Cut)?.into_data() else { continue };
        payload.length += data.len() as u64;
        payload.too_large |= keep && payload.length > BODY_MAX as u64;
        if keep && !payload.too_large {
            kept.extend_from_slice(&data);
        }
    }
    payload.bytes = kept.freeze();
    Ok(payload)
}

impl Link {
    fn arrive(&self) -> (Visit, Pending<'_>) {
        let arrived = self.read_at.load(Relaxed);
        if self.shared.config.arrivals_max > 0 {
            *self.exchange() = Some(Exchange { arrived, answered: None, status: 0 });
        }
        (self.shared.arrive(arrived), Pending { link: self, over: false })
    }

    /// Marks the connection to be reset as soon as hyper lets go of it, which the error makes it do.
    pub(super) fn cut(&self) -> Cut {
        self.cut.store(true, Relaxed);
        Cut
    }

    fn exchange(&self) -> std::sync::MutexGuard<'_, Option<Exchange>> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over the exchange before the request that was just read, whose last byte was written by now.
    fn record(&self) {
        let Some(mut exchange) = self.exchange().take() else { return };
        if exchange.status > 0 {
            exchange.answered = Some(self.written_at.load(Relaxed)).filter(|at| *at >= exchange.arrived);
        }
        self.shared.record(exchange);
    }
}

/// A request that waits for its answer: counted as abandoned if it is let go without one.
struct Pending<'a> {
    link: &'a Link,
    over: bool,
}

impl Pending<'_> {
    fn answer(mut self, route: Route, fate: Fate, answer: &Answer) {
        self.over = true;
        if let Some(exchange) = self.link.exchange().as_mut() {
            exchange.status = answer.status.as_u16();
        }
        self.link.shared.count(|counts| {
            counts.answer(route, answer.status);
            counts.errors += u64::from(fate == Fate::Error);
            counts.full += u64::from(fate == Fate::Full);
            counts.check_failures += u64::from(answer.spoilt);
        });
    }

    fn reset(mut self) -> Cut {
        self.over = true;
        if let Some(exchange) = self.link.exchange().as_mut() {
            exchange.answered = Some(timer::now());
        }
        self.link.shared.count(|counts| counts.resets += 1);
        self.link.cut()
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.link.shared.count(|counts| counts.abandoned += 1);
        }
    }
}

/// A socket that notes when it was last read and written.
struct Socket {
    io: TokioIo<TcpStream>,
    link: Arc<Link>,
}

impl Socket {
    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if self.link.shared.config.arrivals_max > 0 && written.is_ready() {
            self.link.written_at.store(timer::now(), Relaxed);
        }
        written
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, buf));
        self.link.read_at.store(timer::now(), Relaxed);
        Poll::Ready(read)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.link.cut.load(Relaxed) {
            return Poll::Ready(Ok(())); // a FIN first would make an end of it, not a reset
        }
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.link.record();
        if self.link.cut.load(Relaxed) {
            // A socket that lingers for no time is reset when it is closed. If it is gone, so much the better.
            let _ = self.io.inner().set_zero_linger();
        }
    }
}
