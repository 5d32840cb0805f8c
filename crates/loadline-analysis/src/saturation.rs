//! How throughput grows with concurrency: fits, predictions and their intervals.

pub mod crossing;
pub mod estimate;
pub mod family;
pub mod fit;
pub mod mixture;
pub mod points;
pub mod queue;
pub mod reciprocal;
mod sampler;
pub mod usl;

pub use crossing::{CrossingError, crossings};
pub use fit::{Model, Request, fit, queue as queue_of};
pub use mixture::Mixture;
pub use points::{Points, PointsError};
