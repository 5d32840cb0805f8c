//! How throughput grows with concurrency: fits, predictions and their intervals.

pub mod closed;
pub mod crossing;
pub mod estimate;
pub mod family;
pub mod fit;
pub mod mixture;
pub mod points;
pub mod queue;
pub mod reciprocal;
pub mod region;
mod sampler;
pub mod usl;

pub use closed::{ClosedFit, Measured};
pub use crossing::{CrossingError, compare_with_curve, crossings, crossings_of_users};
pub use fit::{Model, Request, fit};
pub use mixture::Mixture;
pub use points::{Points, PointsError};
