//! `loadline serve` as a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::folder::Folder;
use super::{http, loadline};

/// A service of known truth, killed when it is let go of.
#[derive(Debug)]
pub(crate) struct Serve {
    child: Child,
    address: String,
    arrivals: String,
    _folder: Folder,
    _stdout: BufReader<ChildStdout>,
}

/// One request as the service saw it, in nanoseconds of a monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    pub(crate) arrived: u64,
    pub(crate) answered: u64,
}

impl Serve {
    /// Serves on a free port of loopback, and returns when it can be connected to.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let folder = Folder::new("serve");
        let arrivals = folder.at("arrivals.csv");
        let all = [&["serve", "--quiet", "--arrivals", &arrivals], flags].concat();
        let mut child = loadline::command(&all).stdout(Stdio::piped()).spawn().expect("the binary was built");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it says where it listens");
        let address =
            line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("it said: {line}"));
        Serve { address: address.to_owned(), child, arrivals, _folder: folder, _stdout: stdout }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A URL of the service; `path` begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its exact counts.
    pub(crate) fn stats(&self) -> Value {
        let body = http::get(&self.address, "/stats").expect("the service answers");
        serde_json::from_str(&body).expect("the counts are JSON")
    }

    /// Its counts once nothing is on its way any more, as far as that comes within a few seconds: it notices that a
    /// client has gone after the client has.
    pub(crate) fn settled_stats(&self) -> Value {
        let began = Instant::now();
        loop {
            let stats = self.stats();
            if stats["in_flight"] == 0 || began.elapsed() > Duration::from_secs(5) {
                return stats;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the service; all exchanges that were answered, by arrival.
    pub(crate) fn stop(mut self) -> Vec<Exchange> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it is running");
        let status = self.child.wait().expect("a child can be waited for");
        assert!(status.success(), "{status}");
        let text = fs::read_to_string(&self.arrivals).expect("it wrote the arrivals");
        let exchange = |line: &str| {
            let mut columns = line.split(',').map(|column| column.parse().ok());
            Some(Exchange { arrived: columns.next()??, answered: columns.next()?? })
        };
        text.lines().skip(1).filter_map(exchange).collect()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
