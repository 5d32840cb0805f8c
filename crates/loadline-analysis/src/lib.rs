//! The analysis: what the recordings and histories say, and how sure that is. Pure functions of documents of the
//! model: no clock, no files, no async.

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
