//! Reads how busy a service's resources are, once a second beside the load.
//!
//! A thread of its own asks the service's `/metrics`, or a Prometheus server, and keeps what
//! [`rules`](loadline_analysis::resources::rules) understand of the answers. Time, size and number are bounded; an
//! answer that cannot be had is counted and is no reason to fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use loadline_analysis::resources::exposition::{parse, parse_answer};
use loadline_analysis::resources::rules::{read, selector};
use loadline_analysis::resources::{Sample, Scrape};
use loadline_generator::client::tls::TlsSettings;

const EVERY: Duration = Duration::from_secs(1);
/// An answer is waited for no longer than this.
const PATIENCE: Duration = Duration::from_millis(900);
/// And read no farther.
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
    /// A Prometheus server that scrapes it, by its base URL.
    Prometheus(String),
}

/// What was read so far.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Where.
    pub source: String,
    /// By time.
    pub scrapes: Vec<Scrape>,
    /// How often it failed.
    pub failed: u64,
    /// Why, the last time.
    pub error: Option<String>,
}

/// Reads while it lives.
#[derive(Debug)]
pub(crate) struct Sampler {
    source: MetricsSource,
    read: Arc<Mutex<Metrics>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    pub(crate) fn new(source: &MetricsSource) -> Self {
        let (MetricsSource::Page(url) | MetricsSource::Prometheus(url)) = source;
        let read = Metrics { source: url.clone(), ..Metrics::default() };
        Sampler {
            source: source.clone(),
            read: Arc::new(Mutex::new(read)),
            stop: Arc::new(AtomicBool::new(false)),
            thread: None,
        }
    }

    /// Begins; now is the start of the run. It goes on for `most_s` and a minute at most.
    pub(crate) fn start(&mut self, most_s: f64) {
        let (source, read, stop) = (self.source.clone(), self.read.clone(), self.stop.clone());
        let began = Instant::now();
        let until = began + Duration::from_secs_f64(most_s + 60.0);
        let sample = move || {
            let reader = match Reader::new(&source) {
                Ok(reader) => reader,
                Err(error) => return note(&read, Err(error)),
            };
            for turn in 0..SCRAPES_MOST as u32 {
                let due = began + EVERY * turn;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if stop.load(Ordering::Relaxed) || Instant::now() > until {
                    return;
                }
                let asked = began.elapsed().as_secs_f64();
                let samples = reader.read();
                let at_s = 0.5 * (asked + began.elapsed().as_secs_f64());
                note(&read, samples.map(|samples| Scrape { at_s, readings: self::read(&samples) }));
            }
        };
        // Without a thread there is no evidence, and a search all the same.
        match thread::Builder::new().name("metrics".to_owned()).spawn(sample) {
            Ok(thread) => self.thread = Some(thread),
            Err(error) => note(&self.read, Err(error.to_string())),
        }
    }

    /// Why nothing at all was read in the first seconds.
    pub(crate) fn failure(&self) -> Option<String> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.error.clone().filter(|_| read.scrapes.is_empty() && read.failed >= FAILURES_LEAST)
    }

    /// What was read so far.
    pub(crate) fn read(&self) -> Metrics {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

fn note(read: &Mutex<Metrics>, scrape: Result<Scrape, String>) {
    let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
    match scrape {
        Ok(scrape) => read.scrapes.push(scrape),
        Err(error) => {
            read.failed += 1;
            read.error = Some(error);
        }
    }
}

/// Asks one source.
struct Reader {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    url: String,
    is_page: bool,
}

impl Reader {
    fn new(source: &MetricsSource) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(words)?;
        let tls = TlsSettings::default().build().map_err(words)?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(words)?;
        let (url, is_page) = match source {
            MetricsSource::Page(url) => (url.clone(), true),
            MetricsSource::Prometheus(base) => {
                let query: String = form_urlencoded::byte_serialize(selector().as_bytes()).collect();
                (format!("{}/api/v1/query?query={query}", base.trim_end_matches('/')), false)
            }
        };
        Ok(Reader { runtime, client, url, is_page })
    }

    fn read(&self) -> Result<Vec<Sample>, String> {
        let text = self.runtime.block_on(self.text())?;
        if self.is_page { Ok(parse(&text)) } else { parse_answer(&text) }
    }

    async fn text(&self) -> Result<String, String> {
        let mut answer = self.client.get(&self.url).send().await.map_err(words)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(words)? {
            body.extend_from_slice(&piece);
            if body.len() > BYTES_MOST {
                return Err(format!("the answer is larger than {} MiB", BYTES_MOST >> 20));
            }
        }
        // A Prometheus server says in the body what is wrong.
        if !status.is_success() && self.is_page {
            return Err(format!("it answered {status}"));
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

/// The innermost cause: what stands around it may show the URL, and that may hold a password.
fn words(error: impl std::error::Error + 'static) -> String {
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
