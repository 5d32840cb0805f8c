//! How throughput grows with concurrency: fits, predictions and their intervals.

pub mod family;
pub mod mixture;
pub mod points;
mod sampler;
pub mod usl;

pub use mixture::Mixture;
pub use points::{Points, PointsError};
