//! The journey of a report: from a run directory to a summary, and to a view that can be rendered.

use std::path::Path;

use loadline_analysis::compare::duel::{Referee, Rules, RulesError};
use loadline_analysis::summary::Summariser;
use loadline_model::comparison::{self, Comparison};
use loadline_model::histogram::Histogram;
use loadline_model::recording::Second;
use loadline_model::run::{RunDocument, Status, Summary};
use loadline_model::saturation::SaturationDocument;
use loadline_model::slo::Slo;
use loadline_report::run::{Gatherer, View};

use crate::directory::{DOCUMENT_FILE, DirectoryError, RecordedRun, read_json};

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

/// The comparison in a file, as `compare --json` prints it; `None` where there is none.
///
/// # Errors
/// When the file says that it is one, and cannot be read as one.
pub fn comparison(file: &Path) -> Result<Option<Comparison>, DirectoryError> {
    /// What every document says of itself.
    #[derive(serde::Deserialize)]
    struct Head {
        schema: String,
    }
    let Ok(text) = std::fs::read_to_string(file) else { return Ok(None) };
    match serde_json::from_str::<Head>(&text) {
        Ok(head) if head.schema == comparison::SCHEMA => {}
        // One that was cut short keeps its head.
        Err(error) if text.contains(comparison::SCHEMA) => {
            return Err(DirectoryError::unreadable(file, &error));
        }
        _ => return Ok(None),
    }
    serde_json::from_str(&text).map(Some).map_err(|error| DirectoryError::unreadable(file, &error))
}

/// A duel, judged again from what was measured: for one that was killed as well.
#[derive(Debug)]
pub struct Duel {
    /// The verdict and what it rests on.
    pub comparison: Comparison,
    /// Response times of base and candidate, over the seconds that count.
    pub responses: [Histogram; 2],
    /// The run that both builds were loaded in.
    pub run: RunDocument,
}

/// The duel in a directory; `None` where it is that of another run.
///
/// # Errors
/// When the directory cannot be read, or its terms ask for what cannot be told.
pub fn duel(directory: &Path) -> Result<Option<Duel>, DirectoryError> {
    let RecordedRun { document, .. } = RecordedRun::open(directory)?;
    let Some(terms) = &document.duel else { return Ok(None) };
    let wrong = |error: RulesError| DirectoryError::Document {
        path: directory.join(DOCUMENT_FILE),
        message: error.to_string(),
    };
    let mut referee = Referee::new(Rules::from(terms), &document.request_names).map_err(wrong)?;
    let (run, summary) = summarise_while(directory, |second| referee.push(second))?;
    let comparison = crate::duel::comparison(&referee, &run, &summary);
    Ok(Some(Duel { comparison, responses: referee.responses().map(Clone::clone), run }))
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
    let mut summary = summariser.finish(&recorded.document);
    if mark_cut(&mut recorded.document, summary.requests) {
        summary = summariser.finish(&recorded.document);
    }
    recorded.document.summary = Some(summary.clone());
    Ok((recorded.document, summary))
}

/// A run whose recording holds other than its summary counted has lost some of it.
fn mark_cut(run: &mut RunDocument, left: u64) -> bool {
    let Some(counted) = run.summary.as_ref().map(|stored| stored.requests).filter(|counted| *counted != left)
    else {
        return false;
    };
    run.ended_by = Some(format!("its recording is cut short: {left} of {counted} requests are left"));
    run.status = Status::Incomplete;
    true
}
