//! Demand from files: CSV, TSV and lines of JSON become evenly spaced series, and what was done to them is said.

mod columns;
mod regular;
mod rows;

pub use columns::Columns;
pub use regular::regular;
pub use rows::{Format, RawSeries, Row, read};

/// What is wrong with a file of demand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}; {help}", line.map(|l| format!(":{l}")).unwrap_or_default())]
pub struct IngestError {
    /// The file as the user gave it.
    pub file: String,
    /// The line, from 1, where one is to blame.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
}

impl IngestError {
    fn new(
        file: &str,
        line: Option<u64>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> IngestError {
        IngestError { file: file.into(), line, message: message.into(), help: help.into() }
    }
}

#[cfg(test)]
mod tests;
