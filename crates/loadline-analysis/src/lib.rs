//! The analysis: what the recordings and histories say, and how sure that is. Pure functions of documents of the
//! model: no clock, no files, no async.

mod numeric;
pub mod queueing;

pub mod saturation;
