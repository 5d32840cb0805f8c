//! The report of a search for the highest load within the objectives.
//!
//! [`headline`] puts it into a sentence, [`rows`] into tables; [`html`], [`markdown`], [`charts`], [`junit`] and
//! [`text`] show it. All of them take the document of the search; the page and Markdown take that of its run, too.

mod charts;
mod headline;
mod html;
mod junit;
mod markdown;
mod rows;
mod text;
mod throughput;

pub use charts::charts;
pub use headline::{Headline, headline};
pub use html::html;
pub use junit::{junit, junit_lenient};
pub use markdown::markdown;
pub use rows::{capacity, step_line};
pub use text::text;
