//! The journey of a baseline: from a run directory to one file that can be kept beside the code.

use std::fs;
use std::path::{Path, PathBuf};

use loadline_model::baseline::{Baseline, Blocks};
use loadline_model::run::RunDocument;

use crate::directory::DirectoryError;
use crate::report::summarise_while;

/// The baseline of the run in a directory.
///
/// # Errors
/// When the directory cannot be read.
pub fn of_directory(directory: &Path) -> Result<Baseline, DirectoryError> {
    let mut blocks = Blocks::default();
    let (document, _) = summarise_while(directory, |second| blocks.push(second))?;
    Ok(Baseline::new(document, blocks.finish()))
}

/// Where a baseline of this run goes: the path itself, or a file of its own in it where it is a folder.
pub fn place(path: &Path, run: &RunDocument) -> PathBuf {
    let folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
    if !folder {
        return path.to_owned();
    }
    let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = run.name.chars().map(plain).take(60).collect();
    let time: String = run.started_at.chars().filter(|c| *c != '-' && *c != ':').collect();
    path.join(format!("{name}-{time}-{}.json", run.id))
}

/// Writes the baseline of the run in a directory; where it went.
///
/// # Errors
/// When the directory cannot be read, or the file cannot be written.
pub fn save(directory: &Path, path: &Path) -> Result<PathBuf, DirectoryError> {
    let baseline = of_directory(directory)?;
    let place = place(path, &baseline.run);
    let fault = |source| DirectoryError::Io { action: "write", path: place.clone(), source };
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(fault)?;
    }
    let mut bytes = Vec::new();
    baseline.write(&mut bytes).and_then(|()| fs::write(&place, bytes)).map_err(fault)?;
    Ok(place)
}
