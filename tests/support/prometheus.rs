//! A real Prometheus, over a history that was filled in beforehand or over what it scrapes.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::harness::Skip;
use super::nginx::free_port;
use super::tools::program;

/// A Prometheus, killed when it is let go of.
#[derive(Debug)]
pub(crate) struct Prometheus {
    child: Child,
    port: u16,
    /// Goes after it.
    _folder: Folder,
}

impl Prometheus {
    /// Serves the samples of an OpenMetrics text; `web` is its configuration of TLS and users, whose files `files` are.
    pub(crate) fn start(samples: &str, web: &str, files: &[(&str, &str)]) -> Result<Self, Skip> {
        let tool = program("promtool", "prometheus")?;
        let folder = Folder::new("prometheus");
        let samples = folder.write("samples.om", samples);
        let filled = Command::new(tool)
            .args(["tsdb", "create-blocks-from", "openmetrics", &samples, &folder.at("data")])
            .output()
            .expect("promtool runs");
        assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
        files.iter().for_each(|(name, text)| drop(folder.write(name, text)));
        Self::launch(folder, "", web)
    }

    /// Scrapes two targets every second: a service as the job `shop`, and itself as the job `other`.
    pub(crate) fn scraping(service: &str) -> Result<Self, Skip> {
        let job = |name: &str, target: &str| {
            format!("- job_name: {name}\n  static_configs: [{{targets: ['{target}']}}]\n")
        };
        let jobs = job("shop", service) + &job("other", "127.0.0.1:PORT");
        let configuration = format!("global: {{scrape_interval: 1s}}\nscrape_configs:\n{jobs}");
        Self::launch(Folder::new("prometheus"), &configuration, "")
    }

    /// `PORT` in the configuration is its own.
    fn launch(folder: Folder, configuration: &str, web: &str) -> Result<Self, Skip> {
        let server = program("prometheus", "prometheus")?;
        let web = folder.write("web.yml", web);
        for _ in 0..5 {
            let port = free_port();
            let own = configuration.replace("PORT", &port.to_string());
            let configuration = folder.write("prometheus.yml", &own);
            let mut child = Command::new(&server)
                .arg(format!("--config.file={configuration}"))
                .arg(format!("--web.config.file={web}"))
                .arg(format!("--storage.tsdb.path={}", folder.at("data")))
                .arg("--storage.tsdb.retention.time=10y")
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .stdout(Stdio::null())
                .stderr(File::create(folder.join("log")).expect("the folder can be written"))
                .spawn()
                .expect("prometheus runs");
            if is_ready(&mut child, &folder) {
                return Ok(Prometheus { child, port, _folder: folder });
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!(
            "prometheus does not start: {}",
            std::fs::read_to_string(folder.join("log")).unwrap_or_default()
        );
    }

    /// Its address after the scheme and user info.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Range queries that it has answered, by its own log of requests: none is missing from its metrics.
    pub(crate) fn range_queries(&self) -> u64 {
        let metrics = super::http::get(&self.address(), "/metrics").expect("it answers");
        let counts = metrics.lines().filter(|line| {
            line.starts_with("prometheus_http_requests_total{") && line.contains("/api/v1/query_range")
        });
        counts.map(|line| line.rsplit(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0)).sum()
    }
}

/// Whether it has said that it takes requests, and does.
fn is_ready(child: &mut Child, folder: &Folder) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(30) {
        if child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return false;
        }
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        if log.contains("Server is ready") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
