//! The report of capacity against demand to come: text, Markdown, page and charts.

mod charts;
mod html;
mod markdown;
mod rows;
mod text;
mod words;

pub use charts::charts;
pub use html::html;
pub use markdown::markdown;
pub use text::text;
pub use words::{Outcome, outcome};
