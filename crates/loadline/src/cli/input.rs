//! Reading what the user points at: scenario files, URLs, values with units.

use std::path::{Path, PathBuf};
use std::time::Duration;

use loadline::model::plan::Plan;
use loadline::model::scenario::Scenario;
use loadline::model::units;

use super::exit::UserError;

/// Reads a scenario file; also the folder that its files are relative to. `-` is stdin.
pub(crate) fn scenario(path: &Path) -> anyhow::Result<(Scenario, PathBuf)> {
    let text = text(path)?;
    let scenario = Scenario::parse(&text, &name_of(path), |variable| std::env::var(variable).ok())
        .map_err(UserError::Diagnostics)?;
    Ok((scenario, folder_of(path)))
}

/// Reads a plan; also the folder that its files are relative to. `-` is stdin.
pub(crate) fn plan(path: &Path) -> anyhow::Result<(Plan, PathBuf)> {
    let text = text(path)?;
    Ok((Plan::parse(&text, &name_of(path)).map_err(UserError::Diagnostics)?, folder_of(path)))
}

/// The name that messages show.
pub(crate) fn name_of(path: &Path) -> String {
    if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() }
}

/// The folder that files named in `path` are relative to.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// The text of a file, or of stdin for `-`.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    let read = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            _ => error.to_string(),
        };
        UserError::input(format!("cannot read {}: {reason}", path.display()))
    })
}

/// `250us`, `20ms`, `1.5s`, `2m`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    units::parse_duration(text).map_err(|error| error.to_string())
}

/// `500/s`, `30/m`; per second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    units::parse_rate(text).map_err(|error| error.to_string())
}
