//! Reads how busy a service's resources are, beside the load.
//!
//! A thread of its own asks the service's `/metrics` once a second, or a Prometheus server now and then for all that it
//! scraped meanwhile, and keeps what [`rules`](loadline_analysis::resources::rules) understand of the answers. Time, size
//! and number are bounded; an answer that cannot be had is counted and is no reason to fail.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use loadline_analysis::resources::Scrape;
use loadline_analysis::resources::exposition::{parse, parse_answer, parse_time};
use loadline_analysis::resources::rules::{read, selector};
use loadline_generator::client::tls::TlsSettings;

/// A page is read so often, and its answer is waited for no longer than that.
const PAGE_EVERY: Duration = Duration::from_secs(1);
const PAGE_PATIENCE: Duration = Duration::from_millis(900);
/// A Prometheus server says when it scraped what, so that it need not be asked as often as it scrapes. What is asked for goes
/// back farther than the last time: a slow scrape comes in late.
const SERVER_EVERY: Duration = Duration::from_secs(5);
const SERVER_PATIENCE: Duration = Duration::from_secs(4);
const SERVER_WINDOW: &str = "20s";
/// Clocks that differ by less are taken for one.
const CLOCKS_AGREE_S: f64 = 0.5;
/// No answer is read farther than this.
const BYTES_MOST: usize = 8 << 20;
/// Readings kept; beyond them nothing more is read.
const SCRAPES_MOST: usize = 4 * 3600;

/// A service that is just starting may fail to answer so often less one.
const FAILURES_LEAST: u64 = 3;

/// Where a service tells of its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsSource {
    /// A page in Prometheus' text format: the service's own `/metrics`.
    Page(String),
    /// A Prometheus server that scrapes it.
    Prometheus {
        /// Its base URL.
        url: String,
        /// Which of its series are the service's, as label matchers such as `job="shop"`; empty for all.
        matchers: String,
    },
}

/// What was read so far.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Where.
    pub source: String,
    /// By time.
    pub scrapes: Vec<Scrape>,
    /// How often it answered.
    pub answered: u64,
    /// How often it failed.
    pub failed: u64,
    /// Why, the last time.
    pub error: Option<String>,
}

/// Reads until it is finished or let go of.
#[derive(Debug)]
pub(crate) struct Sampler {
    source: MetricsSource,
    read: Arc<Mutex<Metrics>>,
    /// The thread that reads, which ends when the other half of its channel is gone.
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Sampler {
    pub(crate) fn new(source: &MetricsSource) -> Self {
        let (MetricsSource::Page(url) | MetricsSource::Prometheus { url, .. }) = source;
        let read = Metrics { source: url.clone(), ..Metrics::default() };
        Sampler { source: source.clone(), read: Arc::new(Mutex::new(read)), thread: None }
    }

    /// Begins; now is the start of the run. It goes on for `most_s` and a minute at most.
    pub(crate) fn start(&mut self, most_s: f64) {
        let (source, read) = (self.source.clone(), self.read.clone());
        let (stop, stopped) = channel();
        let began = Began { instant: Instant::now(), timestamp: Timestamp::now() };
        let most = Duration::from_secs_f64(most_s + 60.0);
        let sample = move || match Reader::new(&source, began) {
            Ok(mut reader) => reader.read_until(&stopped, most, &read),
            Err(error) => note(&read, Err(error)),
        };
        // Without a thread there is no evidence, and a search all the same.
        match thread::Builder::new().name("metrics".to_owned()).spawn(sample) {
            Ok(thread) => self.thread = Some((stop, thread)),
            Err(error) => note(&self.read, Err(error.to_string())),
        }
    }

    /// Why nothing at all was read the first few times.
    pub(crate) fn failure(&self) -> Option<String> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let knows_some = read.scrapes.iter().any(|scrape| !scrape.readings.is_empty());
        match &read.error {
            _ if knows_some => None,
            Some(error) if read.failed >= FAILURES_LEAST => Some(error.clone()),
            _ => {
                (read.answered >= FAILURES_LEAST).then(|| "no metric of a known resource is in it".to_owned())
            }
        }
    }

    /// What was read so far.
    pub(crate) fn read(&self) -> Metrics {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads once more and ends.
    pub(crate) fn finish(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            drop(stop);
            // One that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.finish();
    }
}

fn note(read: &Mutex<Metrics>, scrapes: Result<Vec<Scrape>, String>) {
    let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
    match scrapes {
        Ok(scrapes) => {
            read.answered += 1;
            read.scrapes.extend(scrapes);
        }
        Err(error) => {
            read.failed += 1;
            read.error = Some(error);
        }
    }
}

/// When the run began.
#[derive(Debug, Clone, Copy)]
struct Began {
    instant: Instant,
    timestamp: Timestamp,
}

impl Began {
    /// Seconds since then.
    fn elapsed_s(self) -> f64 {
        self.instant.elapsed().as_secs_f64()
    }

    /// In ms since 1970 by the clock of a server that has just said what it takes to be now. The two clocks are taken for one
    /// where they differ by no more than the answer may have taken.
    fn by_clock_of(self, now_s: f64) -> i64 {
        let apart_s = now_s - self.elapsed_s() - self.timestamp.as_millisecond() as f64 / 1e3;
        let apart_ms = if apart_s.abs() > CLOCKS_AGREE_S { (1e3 * apart_s) as i64 } else { 0 };
        self.timestamp.as_millisecond() + apart_ms
    }
}

/// Asks one source.
struct Reader {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    began: Began,
    from: From,
}

enum From {
    Page { url: String },
    Server(Server),
}

/// A Prometheus server.
struct Server {
    samples_url: String,
    time_url: String,
    /// When the run began by its clock, in ms since 1970; `None` until it was asked.
    began_ms: Option<i64>,
    /// The times of the scrapes that were read, in ms since 1970.
    seen: BTreeSet<i64>,
}

impl Server {
    fn new(base: &str, matchers: &str) -> Self {
        let url = |query: &str| {
            let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
            format!("{}/api/v1/query?query={query}", base.trim_end_matches('/'))
        };
        Server {
            samples_url: url(&format!("{}[{SERVER_WINDOW}]", selector(matchers))),
            time_url: url("time()"),
            began_ms: None,
            seen: BTreeSet::new(),
        }
    }
}

impl Reader {
    fn new(source: &MetricsSource, began: Began) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(words)?;
        let tls = TlsSettings::default().build().map_err(words)?;
        let (from, patience) = match source {
            MetricsSource::Page(url) => (From::Page { url: url.clone() }, PAGE_PATIENCE),
            MetricsSource::Prometheus { url, matchers } => {
                (From::Server(Server::new(url, matchers)), SERVER_PATIENCE)
            }
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(patience)
            .build()
            .map_err(words)?;
        Ok(Reader { runtime, client, began, from })
    }

    /// Reads again and again until the other half of `stopped` is gone, and once more then.
    fn read_until(&mut self, stopped: &Receiver<()>, most: Duration, read: &Mutex<Metrics>) {
        let every = match self.from {
            From::Page { .. } => PAGE_EVERY,
            From::Server(_) => SERVER_EVERY,
        };
        let mut kept = 0;
        for turn in 0.. {
            let due = self.began.instant + every * turn;
            let wait = stopped.recv_timeout(due.saturating_duration_since(Instant::now()));
            let ended = wait != Err(RecvTimeoutError::Timeout) || self.began.instant.elapsed() > most;
            let scrapes = self.read();
            kept += scrapes.as_ref().map_or(0, Vec::len);
            note(read, scrapes);
            if ended || kept >= SCRAPES_MOST {
                return;
            }
        }
    }

    /// What is new.
    fn read(&mut self) -> Result<Vec<Scrape>, String> {
        let (client, runtime, began) = (&self.client, &self.runtime, self.began);
        let text = |url: &str, is_page| runtime.block_on(text(client, url, is_page));
        match &mut self.from {
            From::Page { url } => {
                let asked_s = began.elapsed_s();
                let readings = self::read(&parse(&text(url, true)?));
                Ok(vec![Scrape { at_s: 0.5 * (asked_s + began.elapsed_s()), readings }])
            }
            From::Server(server) => {
                let began_ms = match server.began_ms {
                    Some(began_ms) => began_ms,
                    None => began.by_clock_of(parse_time(&text(&server.time_url, false)?)?),
                };
                server.began_ms = Some(began_ms);
                let scrapes = parse_answer(&text(&server.samples_url, false)?)?.into_iter();
                let new = scrapes.filter(|(at_ms, _)| *at_ms >= began_ms && server.seen.insert(*at_ms));
                let at_s = |at_ms: i64| (at_ms - began_ms) as f64 / 1e3;
                Ok(new
                    .map(|(at_ms, samples)| Scrape { at_s: at_s(at_ms), readings: self::read(&samples) })
                    .collect())
            }
        }
    }
}

async fn text(client: &reqwest::Client, url: &str, is_page: bool) -> Result<String, String> {
    let mut answer = client.get(url).send().await.map_err(words)?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(words)? {
        body.extend_from_slice(&piece);
        if body.len() > BYTES_MOST {
            return Err(format!("the answer is larger than {} MiB", BYTES_MOST >> 20));
        }
    }
    // A Prometheus server says in the body what is wrong.
    if !status.is_success() && is_page {
        return Err(format!("it answered {status}"));
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// The innermost cause: what stands around it may show the URL, and that may hold a password.
fn words(error: impl std::error::Error + 'static) -> String {
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
