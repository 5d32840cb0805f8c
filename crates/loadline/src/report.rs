//! The journey of a report: from a run directory to a summary, and to a view that can be rendered.

use std::path::Path;

use loadline_analysis::summary::Summariser;
use loadline_model::recording::Second;
use loadline_model::run::{RunDocument, Summary};
use loadline_model::saturation::SaturationDocument;
use loadline_model::slo::Slo;
use loadline_report::run::{Gatherer, View};

use crate::directory::{DirectoryError, RecordedRun, read_json};

/// Makes the summary of a run directory again, from what was measured: for a run that was killed as well.
///
/// # Errors
/// When the directory cannot be read.
pub fn summarise(directory: &Path) -> Result<(RunDocument, Summary), DirectoryError> {
    summarise_while(directory, |_| {})
}

/// The same, with all that a report shows.
///
/// # Errors
/// When the directory cannot be read.
pub fn view(directory: &Path) -> Result<View, DirectoryError> {
    let mut gatherer = Gatherer::new();
    let (document, summary) = summarise_while(directory, |second| gatherer.push(second))?;
    Ok(gatherer.finish(&document, &summary))
}

/// The document of a search, and that of its run, where the directory is that of `saturate`; `None` where it is that
/// of another run.
///
/// # Errors
/// When the directory cannot be read.
pub fn saturation(directory: &Path) -> Result<Option<(SaturationDocument, RunDocument)>, DirectoryError> {
    let Some(document) = read_json(directory, crate::saturate::DOCUMENT_FILE)? else { return Ok(None) };
    Ok(Some((document, RecordedRun::open(directory)?.document)))
}

pub(crate) fn summarise_while(
    directory: &Path,
    mut also: impl FnMut(&Second),
) -> Result<(RunDocument, Summary), DirectoryError> {
    let mut recorded = RecordedRun::open(directory)?;
    let run = &recorded.document;
    let slos: Vec<Slo> = run.slos.iter().filter_map(|text| text.parse().ok()).collect();
    let mut summariser = Summariser::new(run.model, &run.stages, &run.request_names, &slos);
    for second in recorded.seconds()? {
        let second = second?;
        summariser.push(&second);
        also(&second);
    }
    let summary = summariser.finish(&recorded.document);
    recorded.document.summary = Some(summary.clone());
    Ok((recorded.document, summary))
}
