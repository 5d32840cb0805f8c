//! The report of a comparison, and of the changes in a history: text, Markdown, JUnit and GitHub annotations.

mod changes;
mod github;
mod junit;
mod markdown;
mod text;
mod words;

pub use changes::text as changes_text;
pub use github::annotations;
pub use junit::junit;
pub use markdown::markdown;
pub use text::text;
pub use words::sentence;

#[cfg(test)]
mod tests;
