//! The page of a comparison: one file that loads nothing.

use loadline_model::changes::Changes;
use loadline_model::comparison::Comparison;
use loadline_model::histogram::Histogram;
use loadline_model::run_table::RunTable;

/// What a page shows.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The comparison.
    pub comparison: &'a Comparison,
    /// Response times of base and candidate, where they are known.
    pub responses: Option<&'a [Histogram; 2]>,
    /// Earlier runs, those of the base and those of the candidate.
    pub runs: Option<[&'a RunTable; 3]>,
    /// Change points in those runs.
    pub changes: Option<&'a Changes>,
}

impl<'a> Page<'a> {
    /// With the comparison alone.
    pub fn of(comparison: &'a Comparison) -> Page<'a> {
        Page { comparison, responses: None, runs: None, changes: None }
    }
}

/// The page as one HTML document.
pub fn html(page: &Page<'_>) -> String {
    super::text(page.comparison, false)
}
