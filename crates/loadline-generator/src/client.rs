//! What sends a request. [`lean::LeanClient`] speaks HTTP/1.1 at the least cost, [`http::HttpClient`] is reqwest with
//! everything HTTP can need, [`choice::AnyClient`] chooses between them; [`simulated::SimulatedServer`] is a queue in
//! virtual time.

pub mod choice;
pub mod connector;
pub mod http;
pub mod lean;
mod reason;
pub mod simulated;
pub mod tls;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::exchange::{Failure, Request, Response};

/// Sends requests for one worker.
pub trait Client {
    /// Sends `request` and reads the answer to its end. Any status is an answer.
    fn send(&self, request: Arc<Request>) -> impl Future<Output = Result<Response, Failure>>;

    /// Sends it for `visitor`, a user of the closed model or a flow of the open one: where every visitor has
    /// connections of its own that matters, see [`http::Reuse`].
    fn send_for(
        &self,
        visitor: u32,
        request: Arc<Request>,
    ) -> impl Future<Output = Result<Response, Failure>> {
        let _ = visitor;
        self.send(request)
    }

    /// `visitor` sends no more: connections of its own can be closed.
    fn leave(&self, visitor: u32) {
        let _ = visitor;
    }

    /// What opening connections took since this was last asked.
    fn take_connections(&self) -> Connections {
        Connections::default()
    }
}

/// Connections opened, and what that took. It is part of the service time of the request that needed the
/// connection; here it stands apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// How many.
    pub opened: u64,
    /// Name resolution, summed.
    pub dns: Duration,
    /// The longest of them.
    pub dns_max: Duration,
    /// TCP and TLS handshakes, summed.
    pub connect: Duration,
    /// The longest of them.
    pub connect_max: Duration,
}

impl Connections {
    /// Adds those of another worker or second.
    pub fn add(&mut self, other: &Connections) {
        self.opened += other.opened;
        self.dns += other.dns;
        self.dns_max = self.dns_max.max(other.dns_max);
        self.connect += other.connect;
        self.connect_max = self.connect_max.max(other.connect_max);
    }
}
