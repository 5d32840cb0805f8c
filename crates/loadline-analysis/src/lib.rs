//! The analysis: what the recordings and histories say, and how sure that is. Pure functions of documents of the
//! model: no clock, no files, no async.

pub mod forecast;
pub mod headroom;
pub mod ingest;
pub mod latency;
pub mod queueing;
pub mod slo;
pub mod summary;
pub mod validity;
