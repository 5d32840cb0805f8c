//! How the engine drives: threads, bounds and connections.

use std::str::FromStr;
use std::time::Duration;

use loadline::generator::client::http::{HttpSettings, Reuse};
use loadline::run::{MAX_IN_FLIGHT, RunOptions};

use super::input;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineFlags {
    /// Connections, and so requests at once; arrivals that wait for one are counted late. `per-user`: each user has its
    /// own, in the open model each flow [default: as many as are in flight]
    #[arg(long, value_name = "N|per-user", env = "LOADLINE_CONNECTIONS", conflicts_with_all = ["no_keepalive"])]
    connections: Option<ConnectionLimit>,
    /// Flows in flight at once; arrivals beyond wait and are counted late
    #[arg(long, value_name = "N", default_value_t = MAX_IN_FLIGHT, value_parser = clap::value_parser!(u32).range(1..), env = "LOADLINE_MAX_IN_FLIGHT")]
    max_in_flight: u32,
    /// Threads that drive the load [default: as the load needs, at most one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), env = "LOADLINE_WORKERS")]
    workers: Option<u32>,
    /// How long requests in flight are waited for at the end [default: their time-out]. After Ctrl-C, or an objective
    /// that ended the run, it is 2s at most; a second Ctrl-C ends it at once
    #[arg(long, value_name = "TIME", value_parser = input::duration, env = "LOADLINE_DRAIN")]
    drain: Option<Duration>,
}

impl EngineFlags {
    /// `options` with what these flags say.
    pub(crate) fn apply(&self, options: RunOptions) -> RunOptions {
        let http = match self.connections {
            Some(ConnectionLimit::PerUser) => HttpSettings { reuse: Reuse::Visitor, ..options.http },
            _ => options.http,
        };
        let connections = match self.connections {
            Some(ConnectionLimit::AtMost(limit)) => Some(limit),
            _ => None,
        };
        let (workers, max_in_flight, drain) = (self.workers, self.max_in_flight, self.drain);
        RunOptions { workers, max_in_flight, connections, drain, http, ..options }
    }
}

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
enum ConnectionLimit {
    AtMost(u32),
    PerUser,
}

impl FromStr for ConnectionLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("per-user", _) => Ok(ConnectionLimit::PerUser),
            (_, Ok(limit)) if limit > 0 => Ok(ConnectionLimit::AtMost(limit)),
            _ => Err("write a number from 1 on, or per-user".to_owned()),
        }
    }
}
