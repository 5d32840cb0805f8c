//! The report of a comparison, and of the changes in a history: a page with charts, text, Markdown, JUnit,
//! OpenMetrics and GitHub annotations.

mod changes;
mod forest;
mod github;
mod history;
mod junit;
mod markdown;
mod openmetrics;
mod overlay;
mod page;
mod text;
mod words;

pub use changes::text as changes_text;
pub use github::annotations;
pub use junit::junit;
pub use markdown::markdown;
pub(crate) use openmetrics::escape_label;
pub use openmetrics::openmetrics;
pub use page::{Page, changes_html, html};
pub use text::text;
pub use words::sentence;

#[cfg(test)]
mod tests;
