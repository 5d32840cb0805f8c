//! What may be shown of a failure: never a secret, and never much.

use http::HeaderMap;
use loadline_model::scenario::is_sensitive;
use minijinja::value::Value;
use serde_json::Value as Json;

use super::{request::RequestStep, session::Session};
use crate::exchange::{ErrorClass, Failure, Request};

/// Characters of one example, and of a value within it.
const EXAMPLE_CHARS_MAX: usize = 200;
const VALUE_CHARS_MAX: usize = 60;

const STRUCK: &str = "***";

impl RequestStep {
    /// A failure in a line of at most 200 characters: `POST /orders (order): $.status is "x", expected "ok"`. Values
    /// of secret variables are struck out, and so is what `sent` carried in headers that hold secrets, and captures
    /// whose names say that they do.
    pub fn example(&self, session: &Session, sent: Option<&Request>, failure: &Failure) -> String {
        let detail = match (&failure.detail, failure.class) {
            (Some(detail), _) => detail.as_ref(),
            (None, class) => plainly(class),
        };
        let detail = session.strike(detail, sent);
        shortened(&format!("{}: {detail}", self.label), EXAMPLE_CHARS_MAX)
    }
}

/// The class in words, where nothing more is known.
fn plainly(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Connect => "no connection",
        ErrorClass::Dns => "the name does not resolve",
        ErrorClass::Tls => "the TLS handshake failed",
        ErrorClass::Timeout => "no complete answer in time",
        ErrorClass::Reset => "closed before the answer was complete",
        ErrorClass::Protocol => "what came is not HTTP",
        ErrorClass::Status4xx => "a status from 400 to 499",
        ErrorClass::Status5xx => "a status from 500",
        ErrorClass::Check => "a check failed",
        ErrorClass::Capture => "a capture found nothing",
        ErrorClass::Template => "the request could not be made from its template",
        ErrorClass::Redirect => "a redirect could not be followed",
        ErrorClass::TooLarge => "the body is too long to be looked at",
        ErrorClass::Unanswered => "still in flight at the end",
    }
}

impl Session {
    /// `text` without secrets: values of secret variables, of captures and variables whose names say that they hold
    /// one, and of such headers of the request that was `sent`.
    pub fn strike(&self, text: &str, sent: Option<&Request>) -> String {
        let mut secrets = self.names().secrets.clone();
        let state = self.state();
        let named = self.names().slots.iter().filter(|(name, _)| is_sensitive(name));
        secrets.extend(named.filter_map(|(_, slot)| plain(&state.values[*slot])));
        drop(state);
        sent.into_iter().for_each(|request| carried(&request.headers, &mut secrets));
        secrets.retain(|secret| !secret.is_empty());
        // Longer ones first, so that none is left in part.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(text.to_owned(), |text, secret| without(&text, secret))
    }
}

fn plain(value: &Value) -> Option<String> {
    (!value.is_undefined() && !value.is_none()).then(|| value.to_string())
}

/// The secrets in headers: what follows the scheme of credentials, the values of cookies, all of any other.
fn carried(headers: &HeaderMap, secrets: &mut Vec<String>) {
    for (name, value) in headers.iter().filter(|(name, _)| is_sensitive(name.as_str())) {
        let Ok(value) = value.to_str() else { continue };
        secrets.push(value.to_owned());
        secrets.extend(value.split_once(' ').map(|(_, credentials)| credentials.to_owned()));
        if name == http::header::COOKIE {
            let pairs = value.split("; ").filter_map(|pair| pair.split_once('='));
            secrets.extend(pairs.map(|(_, value)| value.to_owned()));
        }
    }
}

/// Strikes `secret` out; a short one only where it stands alone, lest half of every text be struck.
fn without(text: &str, secret: &str) -> String {
    if secret.chars().count() >= 4 {
        return text.replace(secret, STRUCK);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        let alone = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        out.push_str(before);
        out.push_str(if alone { STRUCK } else { secret });
        rest = after;
    }
    out + rest
}

/// At most `chars` characters; a longer text ends in `…`.
pub(super) fn shortened(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars - 1).chain(['…']).collect(),
    }
}

/// What was found at `place` of an answer: `is "x"`, `is absent`. What the place's name calls a secret is not shown,
/// nor what is within lists and objects.
pub(super) fn found(place: &str, value: Option<&Json>) -> String {
    match value {
        None => "is absent".to_owned(),
        Some(Json::Array(items)) => format!("is a list of {}", items.len()),
        Some(Json::Object(fields)) => format!("is an object with {} fields", fields.len()),
        Some(_) if is_sensitive(place) => format!("is {STRUCK}"),
        Some(value) => format!("is {}", quoted(value)),
    }
}

/// A value as JSON, cut where it is long.
pub(super) fn quoted(value: &Json) -> String {
    match value {
        Json::String(text) => Json::String(shortened(text, VALUE_CHARS_MAX)).to_string(),
        other => shortened(&other.to_string(), VALUE_CHARS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_struck_where_it_stands_alone() {
        assert_eq!(without("$.pin is 123, not 1234", "123"), "$.pin is ***, not 1234");
        assert_eq!(without("is \"hunter22x\"", "hunter22"), "is \"***x\"");
    }

    #[test]
    fn long_texts_are_cut_at_characters() {
        assert_eq!(shortened("äöüß", 4), "äöüß");
        assert_eq!(shortened("äöüßé", 4), "äöü…");
    }
}
