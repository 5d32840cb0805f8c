//! The load generator: a pure schedule says when, a script says what, a client sends it, a recorder keeps it.
//!
//! [`run::run`] drives real load. The very same loop runs in virtual time against a simulated service, which shows
//! what belongs to what: here one worker that takes 8 ms a request is asked for 100 requests a second, in no time.
//!
//! ```
//! use std::sync::{Arc, mpsc};
//! use std::time::Duration;
//!
//! use loadline_generator::arrivals::{Load, Source, Stage, TimedStage};
//! use loadline_generator::client::simulated::SimulatedServer;
//! use loadline_generator::clock::simulated::SimulatedClock;
//! use loadline_generator::collect::Collector;
//! use loadline_generator::dispatch::{self, Settings};
//! use loadline_generator::recorder::Recorder;
//! use loadline_generator::schedule::{Arrivals, RateStage};
//! use loadline_generator::script::Script;
//! use loadline_generator::stop::StopHandle;
//! use loadline_model::scenario::Scenario;
//!
//! let scenario = Scenario::for_url("http://service/", "GET", &[], None)?;
//! let no_files = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
//! let script = Arc::new(Script::compile(&scenario, &no_files).expect("it has no faults"));
//!
//! // When: 100/s for two seconds, evenly spaced.
//! let duration = Duration::from_secs(2);
//! let rate = RateStage { from_per_s: 100.0, to_per_s: 100.0, duration, arrivals: Arrivals::Uniform };
//! let (feeder, stages) = mpsc::channel();
//! feeder.send(TimedStage { start: 0, stage: Stage { load: Load::Rate(rate), warmup: false } })?;
//! drop(feeder);
//! let source = Source::new(7, 0, 1, 0, stages);
//!
//! // To whom, and what is kept of it.
//! let clock = SimulatedClock::new();
//! let service = SimulatedServer::new(clock.clone(), 1, || Duration::from_millis(8));
//! let (out, seconds) = mpsc::sync_channel(8);
//! let recorder = Recorder::new(0, script.request_names.len(), out, mpsc::channel().1);
//!
//! let drain = Duration::from_secs(30);
//! let settings =
//!     Settings { seed: 7, max_in_flight: 1000, connections: None, drain, stop: StopHandle::new() };
//! clock.drive(dispatch::run(settings, script.clone(), source, clock.clone(), service, recorder))?;
//!
//! let mut collector = Collector::new(script.request_names.clone(), 1);
//! let (mut requests, mut longest_us) = (0, 0);
//! for second in seconds {
//!     collector.push(second);
//!     while let Some(second) = collector.pop(|| None) {
//!         for request in &second.requests {
//!             requests += request.counts.requests;
//!             longest_us = longest_us.max(request.durations.response.max());
//!         }
//!     }
//! }
//! assert_eq!(requests, 200);
//! // Nobody waits for anybody, and three significant digits hold 8 ms to 8 µs.
//! assert!((8_000..8_008).contains(&longest_us), "{longest_us}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod arrivals;
pub mod client;
pub mod clock;
pub mod collect;
pub mod dispatch;
pub mod exchange;
mod flow;
pub mod random;
pub mod recorder;
pub mod run;
pub mod schedule;
pub mod script;
pub mod simulation;
pub mod stop;
pub mod system;
