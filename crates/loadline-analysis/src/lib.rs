//! The analysis: what the recordings and histories say, and how sure that is. Pure functions of documents of the
//! model: no clock, no files, no async.
//!
//! What a queue of two workers would do, and whether what was measured keeps an objective:
//!
//! ```
//! use loadline_analysis::queueing::mmc::Mmc;
//! use loadline_analysis::slo::{Evidence, judge};
//! use loadline_model::histogram;
//! use loadline_model::run::Verdict;
//!
//! // 100 requests a second at two workers that take 10 ms each: by Erlang's C a third of them has to wait.
//! let queue = Mmc::new(100.0, 100.0, 2)?;
//! assert!((queue.probability_of_waiting() - 1.0 / 3.0).abs() < 1e-12);
//!
//! // Response times of 1 to 2,000 ms, each once, in microseconds.
//! let mut response = histogram::new();
//! (1..=2000).for_each(|ms| histogram::record_n(&mut response, ms * 1000, 1));
//! let service = response.clone();
//! let measured = Evidence {
//!     response: &response,
//!     service: &service,
//!     requests: 2000,
//!     failed: 0,
//!     completed_ok: 2000,
//!     seconds: 20.0,
//! };
//! assert_eq!(judge(&"p99 < 1s".parse()?, &measured).verdict, Verdict::Fail);
//! assert_eq!(judge(&"throughput >= 100/s".parse()?, &measured).verdict, Verdict::Pass);
//! // Two samples beyond a quantile are too few to speak of it.
//! assert_eq!(judge(&"p99.9 < 9s".parse()?, &measured).verdict, Verdict::Inconclusive);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod changes;
pub mod compare;
pub mod forecast;
pub mod headroom;
pub mod ingest;
pub mod latency;
mod numeric;
pub mod queueing;
pub mod resources;
pub mod saturation;
pub mod search;
pub mod slo;
pub mod steady_state;
pub mod summary;
pub mod validity;
