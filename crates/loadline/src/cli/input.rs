//! Reading what the user points at: scenario files, URLs, values with units.

use std::path::{Path, PathBuf};
use std::time::Duration;

use loadline::model::scenario::Scenario;
use loadline::model::units;

use super::exit::UserError;

/// Reads a scenario file; also the folder that its files are relative to. `-` is stdin.
pub(crate) fn scenario(path: &Path) -> anyhow::Result<(Scenario, PathBuf)> {
    let text = text(path)?;
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let scenario = Scenario::parse(&text, &name, |variable| std::env::var(variable).ok())
        .map_err(UserError::Diagnostics)?;
    let base = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((scenario, base.to_owned()))
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

/// The value of a switch in the environment: `1`, `true`, `yes`, `on` or their opposites.
pub(crate) fn yes_or_no() -> clap::builder::BoolishValueParser {
    clap::builder::BoolishValueParser::new()
}

/// A share such as `5%` or `0.05`, above 0 and below 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let value = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse::<f64>(),
    };
    match value {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("it has to be a share such as 5% or 0.05, above 0 and below 100%".into()),
    }
}
