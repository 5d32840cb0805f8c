//! Demand from files: rows of CSV, TSV, lines of JSON and (feature `ingest`) Parquet become evenly spaced series, and
//! what was done to them is said.
//!
//! 1. A reader gives rows, part by part: [`read`] for text, [`read_parquet`] for Parquet.
//! 2. Rows are added up by steps of time as they come, so that memory goes with the steps and not with the rows.
//! 3. [`Files`] makes one series of a folder's files where each goes on where the one before ends.
//! 4. [`regular`] finds the step, aggregates, fills gaps, and notes all that it does.

mod cells;
mod clock;
mod collector;
mod columns;
mod counter;
mod fill;
mod join;
mod months;
#[cfg(feature = "ingest")]
mod parquet;
mod reading;
mod regular;
mod rows;
mod step;

pub use clock::Zone;
pub use collector::RawSeries;
pub use columns::{Columns, UTILISATIONS};
pub use join::{Files, Parts};
#[cfg(feature = "ingest")]
pub use parquet::read_parquet;
pub use reading::{Aggregate, Reading, Step};
pub use regular::regular;
pub use rows::{Format, read};

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
