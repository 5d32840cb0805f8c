//! `loadline serve`: a service whose truth is known.
//!
//! It has workers, a bounded queue, service times from a distribution, faults and stalls, all seeded. A [`Model`]
//! without clock or socket decides at a request's arrival when its answer is due and what it is; a thin shell over
//! hyper keeps that instant with a precise timer. What a client measures can so be held against a closed form, and
//! what it counts against exact counts.
//!
//! | path | answer |
//! |---|---|
//! | `POST /login` `{"user", "password"}` | `{"token", "user"}` and the cookie `session`; 401 without |
//! | `GET /products?page=N`, `GET /products/ID` | ten products; one |
//! | `POST /orders` with `authorization: Bearer TOKEN` | 201 `{"order", "status": "accepted"}`; 401 without |
//! | `/echo`, `/upload` | the body that was sent; `{"bytes": N}` |
//! | `/redirect?to=/path` | 302 |
//! | `/cookies?name=value` | `{"cookies": {…}}` as they came; sets those of the query |
//! | `/healthz`, `/config`, `/stats`, `/metrics` | about the service; neither delayed nor counted |
//! | any other | a plain page |
//!
//! ```
//! use loadline::serve::{ServeConfig, start};
//!
//! let config = ServeConfig { workers: 2, service: "exp:5ms".parse().unwrap(), ..ServeConfig::default() };
//! let service = start(config)?;
//! println!("http://{}/", service.addr());
//! let record = service.stop();
//! assert_eq!(record.stats.requests, 0);
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Builder;
use tokio::sync::watch;

mod arrivals;
mod body;
mod config;
mod distribution;
mod endpoints;
mod http;
mod metrics;
mod model;
mod queue;
mod shared;
mod stats;
mod timer;
pub mod units;

pub use arrivals::{Exchange, write_csv};
pub use config::{ConfigError, ServeConfig, Stall, StallFrom};
pub use distribution::{Random, ServiceTime};
pub use model::{Fate, Model, Visit};
pub use queue::{Admission, Queue};
pub use stats::Stats;

use shared::Shared;
use timer::Timer;

/// Connections that the kernel keeps ready to be accepted (it lowers this to its own bound, `somaxconn`).
const BACKLOG: i32 = 8192;

/// A service at work, on threads of its own. It ends when this is dropped.
pub struct Running {
    addr: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

/// What a service leaves behind.
#[derive(Clone, Debug)]
pub struct Record {
    /// Exact counts.
    pub stats: Stats,
    /// The first [`ServeConfig::arrivals_max`] exchanges.
    pub exchanges: Vec<Exchange>,
    /// How many exchanges there were beyond these.
    pub exchanges_missed: u64,
}

/// Starts a service and returns as soon as it can be connected to.
///
/// # Errors
/// A configuration that makes no sense ([`ConfigError`], as [`io::ErrorKind::InvalidInput`]), and whatever the
/// system says about the address, descriptors and threads.
pub fn start(config: ServeConfig) -> io::Result<Running> {
    config.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let listener = TcpListener::bind(config.listen)?;
    rustix::net::listen(&listener, BACKLOG)?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    let shared = Arc::new(Shared::new(ServeConfig { listen: addr, ..config }));
    let (stop, _) = watch::channel(false);
    let mut running = Running { addr, shared, stop, threads: Vec::new() };
    for _ in 0..running.shared.config.threads {
        let thread = serve(listener.try_clone()?, running.shared.clone(), running.stop.subscribe())?;
        running.threads.push(thread);
    }
    Ok(running)
}

/// One thread with its runtime, its timer and its share of the connections.
fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let guard = runtime.enter();
    let (listener, timer) = (tokio::net::TcpListener::from_std(listener)?, Timer::new()?);
    drop(guard);
    std::thread::Builder::new().name("serve".into()).spawn(move || {
        runtime.spawn(http::accept(listener, shared, timer));
        // Told to stop, or let go of: both end it, and dropping the runtime ends its connections.
        let _ = runtime.block_on(stop.wait_for(|stop| *stop));
    })
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The configuration, with the port that was taken.
    pub fn config(&self) -> &ServeConfig {
        &self.shared.config
    }

    /// The counts by now.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Ends the service and its connections, and hands over what it recorded.
    pub fn stop(mut self) -> Record {
        self.end();
        let exchanges = self.shared.take_exchanges();
        Record { stats: self.stats(), exchanges: exchanges.kept, exchanges_missed: exchanges.missed }
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            // One that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
