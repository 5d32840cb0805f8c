//! A search for the capacity as one run of a comparison: its figure is the capacity.

use std::path::Path;

use loadline_analysis::compare::error_of_interval;
use loadline_model::run::{RunDocument, Status};
use loadline_model::run_table::{Figure, RunFigures};
use loadline_model::saturation::{SaturationDocument, SearchEnd};

use super::named;
use crate::directory::DirectoryError;
use crate::report;

/// What the search in a directory found; `None` where a run is in it, or a baseline.
pub(super) fn read(path: &Path) -> Result<Option<(SaturationDocument, RunDocument)>, DirectoryError> {
    if path.is_dir() { report::saturation(path) } else { Ok(None) }
}

/// The capacity, with its interval as the noise within the search.
pub(super) fn figures(path: &Path, document: &RunDocument, search: &SaturationDocument) -> RunFigures {
    let capacity = Figure::of_all("capacity_per_s");
    let mut run = named(path, document);
    run.invalid = invalid(search);
    if let Some(per_s) = search.capacity_per_s.filter(|per_s| *per_s > 0.0) {
        run.values.insert(capacity.clone(), per_s);
    }
    if let Some((low, Some(high))) = search.interval
        && let Some(error) = error_of_interval(low, high, search.confidence)
    {
        run.errors_within.insert(capacity, error);
    }
    run
}

/// Why there is no capacity to compare, where there is none.
fn invalid(search: &SaturationDocument) -> Option<String> {
    let why = match (search.status, search.end) {
        (Status::Complete, Some(SearchEnd::Converged | SearchEnd::Imprecise)) => return None,
        (Status::Complete, Some(SearchEnd::GeneratorLimited)) => "generator limited",
        (Status::Complete, Some(SearchEnd::AtMaximum)) => {
            "no objective was broken up to the highest load allowed"
        }
        (Status::Complete, Some(SearchEnd::OutOfTime)) => "no objective was broken in the time it had",
        (Status::Complete, Some(SearchEnd::NothingPasses)) => {
            "the objectives are broken at the least load already"
        }
        _ => "the search did not come to its end",
    };
    Some(why.into())
}
