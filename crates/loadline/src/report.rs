//! The journey of a report: from a run directory to a summary and a view that can be rendered.

use std::path::Path;

use loadline_analysis::summary::Summariser;
use loadline_model::run::{RunDocument, Summary};
use loadline_model::slo::Slo;

use crate::directory::{DirectoryError, RecordedRun};

/// Makes the summary of a run directory again, from what was measured: for a run that was killed as well.
///
/// # Errors
/// When the directory cannot be read.
pub fn summarise(directory: &Path) -> Result<(RunDocument, Summary), DirectoryError> {
    let mut recorded = RecordedRun::open(directory)?;
    let run = &recorded.document;
    let slos: Vec<Slo> = run.slos.iter().filter_map(|text| text.parse().ok()).collect();
    let mut summariser = Summariser::new(run.model, &run.stages, &run.request_names, &slos);
    for second in recorded.seconds()? {
        summariser.push(&second?);
    }
    let summary = summariser.finish(&recorded.document);
    recorded.document.summary = Some(summary.clone());
    Ok((recorded.document, summary))
}
