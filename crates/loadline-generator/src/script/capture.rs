//! Captures: what is kept of an answer.

use http::HeaderName;
use loadline_model::scenario::{self, CaptureFrom};
use minijinja::value::{Serde, Value};
use regex::Regex;
use serde_json::Value as Json;

use super::{compile::Compiler, expression::Assigned, jar, json::JsonPath, session::Session};
use crate::exchange::{ErrorClass, Failure, Response};

/// A compiled capture.
#[derive(Debug)]
pub(super) struct Capture {
    name: String,
    slot: usize,
    from: From,
    default: Option<Assigned>,
}

#[derive(Debug)]
enum From {
    Json(String, JsonPath),
    Header(HeaderName),
    Regex { pattern: Regex, group: usize },
    Cookie(String),
}

impl Capture {
    pub(super) fn needs_headers(&self) -> bool {
        matches!(self.from, From::Header(_))
    }

    pub(super) fn needs_body(&self) -> bool {
        matches!(self.from, From::Json(..) | From::Regex { .. })
    }

    pub(super) fn reads_json(&self) -> bool {
        matches!(self.from, From::Json(..))
    }

    /// Keeps what it finds, or its default.
    pub(super) fn take(
        &self,
        session: &Session,
        answer: &Response,
        json: Option<&Json>,
    ) -> Result<(), Failure> {
        let value = match (self.find(answer, json), &self.default) {
            (Some(found), _) => found,
            (None, Some(default)) => default.value(session)?,
            (None, None) => return Err(self.found_nothing(answer, json)),
        };
        session.set(self.slot, value);
        Ok(())
    }

    fn found_nothing(&self, answer: &Response, json: Option<&Json>) -> Failure {
        let place = match &self.from {
            From::Json(..) if json.is_none() => {
                format!("the body ({} bytes) is no JSON", answer.body_len)
            }
            From::Json(path, _) => format!("nothing at {path}"),
            From::Header(name) => format!("no header `{name}`"),
            From::Cookie(name) => format!("no cookie `{name}`"),
            From::Regex { pattern, .. } => format!("no match of `{pattern}`"),
        };
        ErrorClass::Capture.because(format!("capture {}: {place}", self.name))
    }

    fn find(&self, answer: &Response, json: Option<&Json>) -> Option<Value> {
        match &self.from {
            From::Json(_, path) => path.first(json?).map(|json| Value::from(Serde(json))),
            From::Header(name) => answer.headers.get(name)?.to_str().ok().map(Value::from),
            From::Cookie(name) => jar::set_cookie(&answer.headers, name).map(Value::from),
            From::Regex { pattern, group } => {
                let text = String::from_utf8_lossy(&answer.body);
                pattern.captures(&text)?.get(*group).map(|found| Value::from(found.as_str()))
            }
        }
    }
}

impl Compiler<'_> {
    pub(super) fn capture(&mut self, capture: &scenario::Capture) -> Option<Capture> {
        let from = match &capture.from {
            CaptureFrom::Json(path) => From::Json(path.value.clone(), self.json_path(path)?),
            CaptureFrom::Cookie(name) => From::Cookie(name.value.clone()),
            CaptureFrom::Header(name) => match HeaderName::from_bytes(name.value.as_bytes()) {
                Ok(name) => From::Header(name),
                Err(_) => {
                    let message = format!("`{}` is no header name", name.value);
                    self.problem("header", name.span, message, "use letters, digits and `-`");
                    return None;
                }
            },
            CaptureFrom::Regex { pattern: text, group } => {
                let pattern = self.regex(text)?;
                if *group as usize >= pattern.captures_len() {
                    let groups = pattern.captures_len() - 1;
                    let message = format!("the pattern has no group {group}");
                    self.problem(
                        "regex",
                        text.span,
                        message,
                        format!("it has {groups}; group 0 is the whole match"),
                    );
                }
                From::Regex { pattern, group: *group as usize }
            }
        };
        let default = capture.default.as_ref().map(|value| self.assigned(value));
        let name = capture.name.value.clone();
        self.known.insert(name.clone());
        Some(Capture { slot: self.slot(&name), name, from, default })
    }
}
