//! The scenario as it is kept in a run directory: resolved, with every secret struck out.

use serde_json::Value as Json;

use super::{Scenario, types::Value};

const STRUCK: &str = "***";

/// Parts of names whose values are kept out of files, in lower case without `-` and `_`.
const SENSITIVE: [&str; 14] = [
    "authorization",
    "token",
    "secret",
    "password",
    "passwd",
    "pwd",
    "apikey",
    "accesskey",
    "privatekey",
    "cookie",
    "credential",
    "session",
    "signature",
    "bearer",
];

/// Whether a header, query parameter or field of this name probably holds a secret.
pub fn is_sensitive(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).flat_map(char::to_lowercase).collect();
    matches!(plain.as_str(), "auth" | "sig" | "pass" | "code" | "xauth")
        || SENSITIVE.iter().any(|part| plain.contains(part))
}

/// Strikes out the user info of a URL and the values of query parameters that look like secrets.
pub fn strike_url(url: &str) -> String {
    let (before, rest) = match url.find("://") {
        Some(at) if !url[..at].contains('/') => url.split_at(at + 3),
        _ => ("", url),
    };
    let authority = if before.is_empty() { 0 } else { rest.find(['/', '?', '#']).unwrap_or(rest.len()) };
    let rest = match rest[..authority].rfind('@') {
        Some(at) => format!("{STRUCK}{}", &rest[at..]),
        None => rest.into(),
    };
    let Some((path, query)) = rest.split_once('?') else { return format!("{before}{rest}") };
    format!("{before}{path}?{}", strike_pairs(query))
}

/// Strikes out such values of `name=value&name=value`.
fn strike_pairs(pairs: &str) -> String {
    let pairs = pairs.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_sensitive(name) => format!("{name}={STRUCK}"),
        _ => pair.into(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

impl Scenario {
    /// The scenario as resolved, as JSON, without secrets: values of secret variables wherever they stand,
    /// credentials, headers and fields whose names say so, user info and such query values of URLs.
    pub fn record(&self) -> Json {
        let mut record = serde_json::to_value(self).expect("a scenario has no keys but text");
        let secrets = self.secrets();
        strike(&mut record, &secrets);
        record
    }

    /// A text without the values of secret variables and without the secrets of URLs.
    pub fn strike(&self, text: &str) -> String {
        struck(text, &self.secrets())
    }

    /// The values of secret variables, longer ones first.
    pub fn secrets(&self) -> Vec<String> {
        let hidden = self.variables.iter().filter(|variable| variable.secret);
        let mut secrets = Vec::new();
        hidden.for_each(|variable| collect(&variable.value, &mut secrets));
        // Longer ones first, so that none is left in part.
        secrets.sort_by_key(|secret: &String| std::cmp::Reverse(secret.len()));
        secrets
    }
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.value.is_empty() => secrets.push(text.value.clone()),
        Value::Number(number) => secrets.push(number.to_string()),
        Value::List(items) => items.iter().for_each(|item| collect(item, secrets)),
        Value::Map(entries) => entries.iter().for_each(|(_, value)| collect(value, secrets)),
        _ => {}
    }
}

fn strike(json: &mut Json, secrets: &[String]) {
    match json {
        Json::String(text) => *text = struck(text, secrets),
        Json::Array(items) => {
            if let [Json::String(name), value] = items.as_mut_slice()
                && is_sensitive(name)
            {
                *value = STRUCK.into();
            }
            items.iter_mut().for_each(|item| strike(item, secrets));
        }
        Json::Object(fields) => {
            let named = fields.get("name").and_then(Json::as_str).is_some_and(is_sensitive);
            if fields.get("secret").is_some_and(|secret| secret == true || named) {
                fields.insert("value".into(), STRUCK.into());
            }
            for (name, value) in fields.iter_mut() {
                match value {
                    Json::String(_) | Json::Number(_) if is_sensitive(name) => *value = STRUCK.into(),
                    _ => strike(value, secrets),
                }
            }
        }
        _ => {}
    }
}

fn struck(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_string();
    for secret in secrets {
        // A very short one would strike out half of every other text.
        if text == *secret || (secret.chars().count() >= 4 && text.contains(secret.as_str())) {
            text = text.replace(secret.as_str(), STRUCK);
        }
    }
    if text.contains("://") || text.starts_with('/') {
        strike_url(&text)
    } else if text.starts_with(['{', '['])
        && let Ok(mut json) = serde_json::from_str::<Json>(&text)
    {
        // A body given as text may be JSON, or a form, with names that tell.
        strike(&mut json, secrets);
        json.to_string()
    } else {
        strike_pairs(&text)
    }
}
