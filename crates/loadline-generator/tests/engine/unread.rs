//! Answers that lay unread for a while: that time is the generator's, not the service's.

use std::sync::Arc;

use loadline_generator::client::Client;
use loadline_generator::clock::simulated::SimulatedClock;
use loadline_generator::clock::{Clock, Nanos};
use loadline_generator::exchange::{ErrorClass, Failure, Request, Response};
use loadline_generator::schedule::Arrivals;

use crate::simulation::{Simulation, ms, rate, s, values};

/// Hands each answer out 10 ms after sending, when it has been there for 4. What comes after a redirect is reset.
struct Dawdler {
    clock: SimulatedClock,
    redirects: bool,
}

impl Client for Dawdler {
    async fn send(&self, request: Arc<Request>) -> Result<Response, Failure> {
        self.clock.wait_until(self.clock.now() + ms(10).as_nanos() as Nanos).await;
        if request.uri.path() == "/gone" {
            return Err(ErrorClass::Reset.into());
        }
        let mut headers = http::HeaderMap::new();
        headers.insert("location", http::HeaderValue::from_static("/gone"));
        Ok(Response {
            status: if self.redirects { 302 } else { 200 },
            headers,
            body: bytes::Bytes::new(),
            body_len: 0,
            unread: ms(4),
            service_time: ms(6),
        })
    }
}

fn response_times_ms(redirects: bool) -> Vec<u64> {
    let simulation = Simulation::new(
        "flows: [{ steps: [{ get: /, redirects: 1 }] }]\n",
        &[rate(1.0, s(3), Arrivals::Uniform)],
    );
    let outcome = simulation.run(|clock| Dawdler { clock, redirects });
    assert_eq!(outcome.errors("reset"), if redirects { 3 } else { 0 });
    // Three digits are kept of them.
    values(&outcome.durations.response).into_iter().map(|us| us.div_ceil(100) / 10).collect()
}

#[test]
fn a_request_ends_when_its_answer_was_there() {
    assert_eq!(response_times_ms(false), [6; 3]);
}

/// Two hops of 10 ms: the first answer lay unread, but nothing did when the second failed.
#[test]
fn what_lay_unread_before_a_redirect_is_over() {
    assert_eq!(response_times_ms(true), [20; 3]);
}
