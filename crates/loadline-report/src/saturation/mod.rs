//! The report of a search for the highest load within the objectives.
//!
//! [`headline`] puts it into a sentence, [`rows`] into tables; [`html`], [`markdown`], [`charts`], `png`, [`junit`]
//! and [`text`] show it. All of them take the document of the search; page, Markdown and PNG that of its run, too.

mod charts;
mod headline;
mod html;
mod junit;
mod latency;
mod markdown;
#[cfg(feature = "png")]
mod png;
mod rows;
mod text;
mod throughput;

pub use charts::charts;
pub use headline::{Headline, headline};
pub use html::html;
pub use junit::{junit, junit_lenient};
pub use markdown::markdown;
#[cfg(feature = "png")]
pub use png::png;
pub use rows::{capacity, step_line};
pub use text::text;
