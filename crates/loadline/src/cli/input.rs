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
    let scenario = scenario_of(&text, &name_of(path), |variable| std::env::var(variable).ok())?;
    Ok((scenario, folder_of(path)))
}

/// The scenario in `text`, with an environment of its own.
pub(crate) fn scenario_of(
    text: &str,
    name: &str,
    mut environment: impl FnMut(&str) -> Option<String>,
) -> anyhow::Result<Scenario> {
    let environment = std::cell::RefCell::new(&mut environment);
    let scenario = Scenario::parse(text, name, |variable| (environment.borrow_mut())(variable));
    Ok(scenario.map_err(UserError::Diagnostics)?)
}

/// Reads a plan; also the folder that its files are relative to. `-` is stdin.
pub(crate) fn plan(path: &Path) -> anyhow::Result<(Plan, PathBuf)> {
    let text = text(path)?;
    Ok((Plan::parse(&text, &name_of(path)).map_err(UserError::Diagnostics)?, folder_of(path)))
}

/// Matchers of labels, as they stand between the braces of a selector.
pub(crate) fn matchers(text: &str) -> Result<String, String> {
    let bare = text.trim().trim_start_matches('{').trim_end_matches('}');
    let shape =
        bare.split_once('=').is_some_and(|(label, value)| !label.trim().is_empty() && value.ends_with('"'));
    if shape {
        Ok(bare.to_owned())
    } else {
        Err(r#"write labels as in a selector, such as 'job="shop"'"#.to_owned())
    }
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
            std::io::ErrorKind::NotFound if is_address(&path.to_string_lossy()) => {
                format!("there is no such file; did you mean http://{}?", path.display())
            }
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::IsADirectory => "it is a folder; give the file in it".to_owned(),
            std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            _ => error.to_string(),
        };
        UserError::input(format!("cannot read {}: {reason}", path.display()))
    })
}

/// Whether a text looks like a URL without its scheme: `localhost`, `127.0.0.1`, `shop.example:8080/products`.
fn is_address(text: &str) -> bool {
    let authority = text.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => return !host.is_empty(),
        _ => authority.trim_matches(['[', ']']),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok()
}

/// A whole number from 1 on.
pub(crate) fn count(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("write a whole number from 1 on, such as 20".to_owned()),
    }
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

/// The bytes of a file.
pub(crate) fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| UserError::input(format!("cannot read {}: {error}", path.display())))
}
#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn a_url_without_its_scheme_is_seen() {
        for address in ["localhost", "localhost:18080", "127.0.0.1/x", "[::1]:80", "shop.example:8080/a?b"] {
            assert!(is_address(address), "{address}");
        }
        for file in ["shop.yaml", "runs/shop:1", "-", "folder/shop", "a:b"] {
            assert!(!is_address(file), "{file}");
        }
    }
}
