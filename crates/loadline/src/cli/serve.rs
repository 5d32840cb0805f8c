//! `loadline serve`: a service whose truth is known, until it is told to end.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, BufWriter};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::task::Poll;

use anyhow::Context;
use loadline::serve::units::{duration_ms, share};
use loadline::serve::{Record, ServeConfig, ServiceTime, Stall, StallFrom, start, write_csv};
use loadline_model::units::{UnitError, parse_size};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{Exit, UserError};
use super::input;
use super::output::{Output, check_writable};

/// Serve with known service times, faults and stalls, for trying, teaching and testing
///
/// Prints `listening on http://ADDRESS` and serves until SIGINT or SIGTERM. Its paths: /login, /products,
/// /products/ID, /orders, /echo, /redirect?to=/path, /cookies, /upload, and a plain page for any other; about
/// itself /healthz, /config, /stats (exact counts) and /metrics (Prometheus).
///
/// /login takes POST with a user and a password, as JSON or a form, and answers with a token; /orders takes POST with
/// that token as bearer; /products?page=N lists products, from 1 on. For example: loadline serve --listen
/// 127.0.0.1:8080 --service exp:5ms --workers 2, then curl -d '{"user":"ann","password":"x"}'
/// http://127.0.0.1:8080/login
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// A configuration as /config prints it; flags override it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Allow an address that other machines can reach
    #[arg(long)]
    allow_remote: bool,
    /// Requests served at a time; 0 for as many as come, so that none waits [default: 0]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Requests that may wait for a worker; more are answered 503 at once [default: 1000]
    #[arg(long, value_name = "N")]
    queue: Option<usize>,
    /// Service time: const:5ms, exp:5ms (mean), lognormal:5ms,0.5 (median, sigma) or bimodal:2ms,50ms,0.05
    /// [default: const:0ms]
    #[arg(long, value_name = "TIME")]
    service: Option<ServiceTime>,
    /// Share of requests answered 500
    #[arg(long, value_name = "SHARE", value_parser = share)]
    errors: Option<f64>,
    /// Share of requests answered with a good status and a wrong body
    #[arg(long, value_name = "SHARE", value_parser = share)]
    check_failures: Option<f64>,
    /// Share of requests whose connection is reset
    #[arg(long, value_name = "SHARE", value_parser = share)]
    resets: Option<f64>,
    /// Reset in the middle of the body, not before the answer
    #[arg(long)]
    reset_mid_body: bool,
    /// Answer nothing for a while: 10s+2s for two seconds from ten seconds on (repeatable)
    #[arg(long = "stall", value_name = "FROM+LENGTH")]
    stalls: Vec<Stall>,
    /// What stalls are counted from [default: first-request]
    #[arg(long, value_name = "INSTANT", value_parser = ["first-request", "start"])]
    stall_from: Option<String>,
    /// How long a body takes from its first piece to its last
    #[arg(long, value_name = "DURATION", value_parser = duration_ms)]
    slow_body: Option<f64>,
    /// Size of a plain page [default: 1KiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    body: Option<usize>,
    /// Fixes service times, faults and tokens by order of arrival [default: 0]
    #[arg(long)]
    seed: Option<u64>,
    /// Threads to serve on [default: 1]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// At the end write when each request arrived and was answered, in ns of CLOCK_MONOTONIC, as CSV
    #[arg(long, value_name = "FILE")]
    arrivals: Option<PathBuf>,
    /// How many requests --arrivals keeps
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    arrivals_max: usize,
    /// Print the configuration as JSON when ready
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let config = self.resolve()?;
        if let Some(path) = &self.arrivals {
            check_writable(path)?;
        }
        raise_descriptors();
        let ended = Ending::new()?;
        let listen = config.listen;
        let service = start(config).with_context(|| format!("failed to serve on {listen}"))?;
        if self.print_config {
            out.print(format!("{}\n", serde_json::to_string(service.config())?).as_bytes())?;
        }
        out.print(format!("listening on http://{}\n", service.addr()).as_bytes())?;
        ended.wait();
        let record = service.stop();
        out.say(format!("served {} requests, reset {}", record.stats.requests, record.stats.resets));
        if let Some(path) = &self.arrivals {
            write(path, record, out).with_context(|| format!("failed to write {}", path.display()))?;
        }
        Ok(Exit::Done)
    }

    /// The configuration of the file, or the default one, with the flags over it.
    fn resolve(&self) -> anyhow::Result<ServeConfig> {
        let mut config = self.config.as_deref().map_or_else(|| Ok(ServeConfig::default()), read)?;
        set(&mut config.listen, self.listen);
        set(&mut config.workers, self.workers);
        set(&mut config.queue, self.queue);
        set(&mut config.service, self.service);
        set(&mut config.error_share, self.errors);
        set(&mut config.check_failure_share, self.check_failures);
        set(&mut config.reset_share, self.resets);
        set(&mut config.slow_body_ms, self.slow_body);
        set(&mut config.body_bytes, self.body);
        set(&mut config.seed, self.seed);
        set(&mut config.threads, self.threads);
        config.allow_remote |= self.allow_remote;
        config.reset_mid_body |= self.reset_mid_body;
        if !self.stalls.is_empty() {
            config.stalls.clone_from(&self.stalls);
        }
        if let Some(from) = &self.stall_from {
            config.stall_from = if from == "start" { StallFrom::Start } else { StallFrom::FirstRequest };
        }
        config.arrivals_max = if self.arrivals.is_some() { self.arrivals_max } else { 0 };
        config.check().map_err(UserError::input)?;
        Ok(config)
    }
}

fn set<T>(field: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *field = value;
    }
}

fn read(path: &Path) -> anyhow::Result<ServeConfig> {
    let config = serde_json::from_str(&input::text(path)?);
    config.map_err(|error| {
        let help = "write JSON as `loadline serve --print-config` prints it";
        UserError::input(format!("{}: {error}; {help}", path.display()))
    })
}

fn write(path: &Path, mut record: Record, out: &Output) -> io::Result<()> {
    if record.exchanges_missed > 0 {
        out.say(format!("{} requests more than --arrivals-max are not in the file", record.exchanges_missed));
    }
    match path.to_str() {
        Some("-") => write_csv(&mut record.exchanges, &mut io::stdout().lock()),
        _ => write_csv(&mut record.exchanges, &mut BufWriter::new(File::create(path)?)),
    }
}

/// Lets the service hold as many connections as the system allows a process that asks for it.
fn raise_descriptors() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Refused, it serves what the soft limit allows, and makes the others wait.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// SIGINT and SIGTERM, listened for from the beginning: one that comes while the service starts is not lost.
struct Ending(Runtime, Signal, Signal);

impl Ending {
    fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let guard = runtime.enter();
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        drop(guard);
        Ok(Self(runtime, interrupt, terminate))
    }

    fn wait(self) {
        let Self(runtime, mut interrupt, mut terminate) = self;
        runtime.block_on(poll_fn(|cx| {
            let asked = interrupt.poll_recv(cx).is_ready() || terminate.poll_recv(cx).is_ready();
            if asked { Poll::Ready(()) } else { Poll::Pending }
        }));
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut addresses =
        text.to_socket_addrs().map_err(|error| format!("{error}; write it like 127.0.0.1:8080"))?;
    addresses.next().ok_or_else(|| "no such address; write it like 127.0.0.1:8080".into())
}

fn bytes(text: &str) -> Result<usize, UnitError> {
    // What a narrower platform cannot hold is refused as too large a page.
    Ok(usize::try_from(parse_size(text)?).unwrap_or(usize::MAX))
}
