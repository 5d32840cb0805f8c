//! The report of one run.
//!
//! [`view`] works everything out from the run's documents and seconds; [`html`], [`markdown`], [`charts`] and `png`
//! show it. [`text`] and [`junit`] need the summary alone.

mod buckets;
mod charts;
mod distribution;
pub mod headline;
mod html;
mod junit;
pub(crate) mod markdown;
mod openmetrics;
#[cfg(feature = "png")]
mod png;
mod rows;
mod text;
mod view;

pub use charts::charts;
pub use html::html;
pub use junit::{junit, junit_lenient};
pub use markdown::markdown;
pub use openmetrics::openmetrics;
#[cfg(feature = "png")]
pub use png::png;
pub use text::text;
pub use view::{Distribution, Gatherer, Heat, OTHER, Point, Series, Shade, View, view};
