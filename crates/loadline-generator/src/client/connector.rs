//! How connections come about: name resolution by policy, and what each phase takes.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use tower_layer::Layer;
use tower_service::Service;

use super::Connections;

/// When a host name is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DnsPolicy {
    /// Once a worker; its connections go round the addresses found.
    #[default]
    Once,
    /// For each new connection.
    Always,
}

tokio::task_local! {
    /// What name resolution took within the connection attempt that is being polled.
    static DNS_TIME: Cell<Duration>;
}

/// Counts and times connections of one worker. Clones share the counts.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    opened: Arc<Mutex<Connections>>,
    attempts: Arc<Semaphore>,
}

/// Connections that one worker opens at once. Opening costs many times what a request does: where answers are
/// slow to come at the start of a run, more at once would leave the worker no time to read those that came.
const ATTEMPTS_MAX: usize = 64;

impl Default for Meter {
    fn default() -> Self {
        Meter { opened: Arc::default(), attempts: Arc::new(Semaphore::new(ATTEMPTS_MAX)) }
    }
}

impl Meter {
    pub(super) fn take(&self) -> Connections {
        std::mem::take(&mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a connection that took `total`, name resolution included.
    pub(super) fn opened(&self, total: Duration, dns: Duration) {
        let connect = total.saturating_sub(dns);
        let one = Connections { opened: 1, dns, dns_max: dns, connect, connect_max: connect };
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).add(&one);
    }
}

impl<S> Layer<S> for Meter {
    type Service = Metered<S>;

    fn layer(&self, inner: S) -> Metered<S> {
        Metered { inner, meter: self.clone() }
    }
}

/// A connector whose successes are timed.
#[derive(Debug, Clone)]
pub(super) struct Metered<S> {
    inner: S,
    meter: Meter,
}

impl<S, R> Service<R> for Metered<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: Send,
    S::Error: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let meter = self.meter.clone();
        let connecting = self.inner.call(request);
        let attempts = self.meter.attempts.clone();
        Box::pin(DNS_TIME.scope(Cell::default(), async move {
            let _attempt = attempts.acquire_owned().await;
            let begun = Instant::now();
            let connection = connecting.await?;
            meter.opened(begun.elapsed(), DNS_TIME.with(Cell::get));
            Ok(connection)
        }))
    }
}

/// Resolves names by a policy.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    policy: DnsPolicy,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

#[derive(Debug)]
struct Known {
    addresses: Vec<SocketAddr>,
    next: usize,
}

impl Known {
    /// The addresses, beginning with another one each time.
    fn rotate(&mut self) -> Vec<SocketAddr> {
        let mut addresses = self.addresses.clone();
        addresses.rotate_left(self.next % self.addresses.len());
        self.next += 1;
        addresses
    }
}

impl Resolver {
    pub(super) fn new(policy: DnsPolicy) -> Self {
        Resolver { policy, known: Arc::default() }
    }

    /// The addresses of `host`, without port, and what it took to learn them.
    pub(super) async fn lookup(&self, host: &str) -> Result<(Vec<SocketAddr>, Duration), Unresolved> {
        if self.policy == DnsPolicy::Once
            && let Some(known) = self.known().get_mut(host)
        {
            return Ok((known.rotate(), Duration::ZERO));
        }
        let begun = Instant::now();
        let found = tokio::net::lookup_host((host, 0)).await.map(Iterator::collect::<Vec<_>>);
        let addresses = match found {
            Ok(addresses) if !addresses.is_empty() => addresses,
            found => return Err(Unresolved { host: host.to_owned(), source: found.err() }),
        };
        self.known().insert(host.to_owned(), Known { addresses: addresses.clone(), next: 1 });
        Ok((addresses, begun.elapsed()))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that has no address. It stands in the chain of an error's sources, where the class is looked for.
#[derive(Debug, thiserror::Error)]
#[error("the name `{host}` does not resolve")]
pub(super) struct Unresolved {
    host: String,
    source: Option<std::io::Error>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let (addresses, took) = resolver.lookup(name.as_str()).await?;
            let _ = DNS_TIME.try_with(|time| time.set(took));
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
