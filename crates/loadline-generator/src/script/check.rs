//! Checks: whether an answer is what it should be.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use http::{HeaderName, StatusCode};
use loadline_model::{
    scenario::{self, Text},
    slo::Comparison,
};
use regex::Regex;
use serde_json::Value as Json;

use super::{
    compile::Compiler,
    expression::Assigned,
    json::JsonPath,
    request::RequestStep,
    reveal::{found, quoted, shortened},
    session::Session,
    template::{Escape, Template},
};
use crate::exchange::{BODY_KEPT_BYTES_MAX, ErrorClass, Failure, Response};

/// The compiled checks of a request.
#[derive(Debug, Default)]
pub(super) struct Checks {
    status: Option<Vec<RangeInclusive<u16>>>,
    header: Vec<(HeaderName, Vec<Condition>)>,
    body: Vec<Condition>,
    /// By the path as it is written.
    json: Vec<(String, JsonPath, Vec<Condition>)>,
    duration: Option<(Comparison, Duration)>,
}

#[derive(Debug)]
enum Condition {
    Equals(Assigned),
    Not(Assigned),
    Contains(Template),
    Matches(Regex),
    Exists(bool),
    NotEmpty,
    Compare(Comparison, Assigned),
}

impl RequestStep {
    /// Whether the answer is good: keeps its cookies, runs the checks, then the captures. A status that a check
    /// expects is no error; without such a check one from 400 is.
    ///
    /// # Errors
    ///
    /// The class of the first thing that is wrong.
    pub fn judge(&self, session: &mut Session, answer: &Response) -> Result<(), Failure> {
        self.keep_cookies(session, answer);
        self.checks.status(answer.status)?;
        if self.keep_body && answer.body_len > BODY_KEPT_BYTES_MAX as u64 {
            return Err(ErrorClass::TooLarge.because("the body is too long to be looked at"));
        }
        let json = self.reads_json().then(|| serde_json::from_slice(&answer.body).ok()).flatten();
        self.checks.run(session, answer, json.as_ref())?;
        self.captures.iter().try_for_each(|capture| capture.take(session, answer, json.as_ref()))
    }

    fn reads_json(&self) -> bool {
        !self.checks.json.is_empty() || self.captures.iter().any(|capture| capture.reads_json())
    }
}

impl Checks {
    pub(super) fn need_body(&self) -> bool {
        !(self.body.is_empty() && self.json.is_empty())
    }

    pub(super) fn need_headers(&self) -> bool {
        !self.header.is_empty()
    }

    fn status(&self, status: u16) -> Result<(), Failure> {
        let expected = self.status.as_ref().map(|ranges| ranges.iter().any(|range| range.contains(&status)));
        match (expected, status) {
            (Some(true), _) => Ok(()),
            (_, 500..) => Err(ErrorClass::Status5xx.because(self.status_in_words(status))),
            (_, 400..500) => Err(ErrorClass::Status4xx.because(self.status_in_words(status))),
            (Some(false), _) => Err(ErrorClass::Check.because(self.status_in_words(status))),
            (None, _) => Ok(()),
        }
    }

    /// `404 Not Found, expected 200`
    fn status_in_words(&self, status: u16) -> String {
        let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let name = name.map(|name| format!(" {name}")).unwrap_or_default();
        let range = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
            (from, to) if from == to => from.to_string(),
            (from, to) => format!("{from} to {to}"),
        };
        let expected = self.status.iter().flatten().map(range).collect::<Vec<_>>().join(" or ");
        let expected = if expected.is_empty() { expected } else { format!(", expected {expected}") };
        format!("status {status}{name}{expected}")
    }

    fn run(&self, session: &Session, answer: &Response, json: Option<&Json>) -> Result<(), Failure> {
        if let Some((comparison, limit)) = self.duration
            && !comparison.holds(answer.service_time.as_secs_f64(), limit.as_secs_f64())
        {
            let took = answer.service_time;
            let detail = format!("it took {took:.1?}, expected {} {limit:?}", comparison.symbol());
            return Err(ErrorClass::Check.because(detail));
        }
        for (name, conditions) in &self.header {
            let value = answer.headers.get(name).and_then(|value| value.to_str().ok());
            let value = value.map(|value| Json::String(value.into()));
            hold(&format_args!("header {name}"), conditions, value.as_ref(), session)?;
        }
        if !self.body.is_empty() {
            let text = Json::String(String::from_utf8_lossy(&answer.body).into_owned());
            hold(&"the body", &self.body, Some(&text).filter(|_| !answer.body.is_empty()), session)?;
        }
        for (place, path, conditions) in &self.json {
            hold(place, conditions, json.and_then(|json| path.first(json)), session)?;
        }
        Ok(())
    }
}

/// Whether all conditions on what was found at `place` hold.
fn hold(
    place: &dyn Display,
    conditions: &[Condition],
    value: Option<&Json>,
    session: &Session,
) -> Result<(), Failure> {
    for condition in conditions {
        if !condition.holds(value, session)? {
            let place = place.to_string();
            let (found, expected) = (found(&place, value), condition.in_words(session));
            return Err(ErrorClass::Check.because(format!("{place} {found}, expected {expected}")));
        }
    }
    Ok(())
}

impl Condition {
    /// What it expects.
    fn in_words(&self, session: &Session) -> String {
        let value = |of: &Assigned| {
            let value = of.value(session).ok().and_then(|value| serde_json::to_value(value).ok());
            quoted(&value.unwrap_or_default())
        };
        match self {
            Condition::Exists(true) => "it to be there".to_owned(),
            Condition::Exists(false) => "it not to be there".to_owned(),
            Condition::NotEmpty => "it not to be empty".to_owned(),
            Condition::Equals(expected) => value(expected),
            Condition::Not(expected) => format!("anything but {}", value(expected)),
            Condition::Contains(part) => {
                let part = part.render(session, Escape::None).unwrap_or_default();
                format!("it to contain {}", quoted(&Json::String(part)))
            }
            Condition::Matches(pattern) => format!("a match of `{}`", shortened(pattern.as_str(), 60)),
            Condition::Compare(comparison, limit) => format!("{} {}", comparison.symbol(), value(limit)),
        }
    }

    fn holds(&self, value: Option<&Json>, session: &Session) -> Result<bool, Failure> {
        if let Condition::Exists(wanted) = self {
            return Ok(value.is_some() == *wanted);
        }
        let Some(value) = value else { return Ok(matches!(self, Condition::Not(_))) };
        Ok(match self {
            Condition::Exists(_) => true,
            Condition::NotEmpty => !empty(value),
            Condition::Equals(expected) => equal(value, expected, session)?,
            Condition::Not(expected) => !equal(value, expected, session)?,
            Condition::Contains(part) => contains(value, &part.render(session, Escape::None)?),
            Condition::Matches(pattern) => pattern.is_match(&text(value)),
            Condition::Compare(comparison, limit) => {
                let limit = serde_json::to_value(limit.value(session)?).unwrap_or_default();
                match (number(value), number(&limit)) {
                    (Some(value), Some(limit)) => comparison.holds(value, limit),
                    _ => false,
                }
            }
        })
    }
}

fn empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Equal as JSON, numbers by value; where one side is text (a header, a CSV column), equal as text.
fn equal(value: &Json, expected: &Assigned, session: &Session) -> Result<bool, Failure> {
    let expected_json = serde_json::to_value(expected.value(session)?).unwrap_or_default();
    let numbers = value.is_number() && expected_json.is_number() && number(value) == number(&expected_json);
    let template = matches!(expected, Assigned::Text(_));
    let texts = value.is_string() || (template && expected_json.is_string());
    let scalar =
        !(value.is_array() || value.is_object() || expected_json.is_array() || expected_json.is_object());
    Ok(*value == expected_json || numbers || (texts && scalar && text(value) == text(&expected_json)))
}

fn contains(value: &Json, part: &str) -> bool {
    match value {
        Json::Array(items) => items.iter().any(|item| text(item) == part),
        Json::Object(fields) => fields.contains_key(part),
        other => text(other).contains(part),
    }
}

fn number(value: &Json) -> Option<f64> {
    match value {
        Json::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    }
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Compiler<'_> {
    pub(super) fn checks(&mut self, check: &scenario::Check) -> Checks {
        let header = check.header.iter().filter_map(|(name, conditions)| {
            let Ok(parsed) = HeaderName::from_bytes(name.value.as_bytes()) else {
                let message = format!("`{}` is no header name", name.value);
                self.problem("header", name.span, message, "use letters, digits and `-`");
                return None;
            };
            Some((parsed, self.conditions(conditions)))
        });
        let header = header.collect();
        let json = check.json.iter().filter_map(|(path, conditions)| {
            let conditions = self.conditions(conditions);
            Some((path.value.clone(), self.json_path(path)?, conditions))
        });
        let json = json.collect();
        let body = self.conditions(&check.body);
        Checks { status: check.status.clone(), header, body, json, duration: check.duration }
    }

    fn conditions(&mut self, conditions: &[scenario::Condition]) -> Vec<Condition> {
        conditions.iter().filter_map(|condition| self.check_condition(condition)).collect()
    }

    fn check_condition(&mut self, condition: &scenario::Condition) -> Option<Condition> {
        Some(match condition {
            scenario::Condition::Equals(value) => Condition::Equals(self.assigned(value)),
            scenario::Condition::Not(value) => Condition::Not(self.assigned(value)),
            scenario::Condition::Contains(text) => Condition::Contains(self.template(text)),
            scenario::Condition::Matches(pattern) => Condition::Matches(self.regex(pattern)?),
            scenario::Condition::Exists(wanted) => Condition::Exists(*wanted),
            scenario::Condition::NotEmpty => Condition::NotEmpty,
            scenario::Condition::Compare(sign, value) => Condition::Compare(*sign, self.assigned(value)),
        })
    }

    pub(super) fn json_path(&mut self, path: &Text) -> Option<JsonPath> {
        let parsed = JsonPath::parse(&path.value);
        if parsed.is_none() {
            let help = "write a path from the root, such as `$.items[0].id`";
            self.problem("jsonpath", path.span, format!("`{}` is no JSONPath", path.value), help);
        }
        parsed
    }

    pub(super) fn regex(&mut self, pattern: &Text) -> Option<Regex> {
        match Regex::new(&pattern.value) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let reason = error.to_string();
                let reason =
                    reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
                let message = format!("`{}` is no regular expression: {reason}", pattern.value);
                let help = "put a backslash before a character that is meant as it is, such as `\\(`";
                self.problem("regex", pattern.span, message, help);
                None
            }
        }
    }
}
