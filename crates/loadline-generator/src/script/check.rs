//! Checks: whether an answer is what it should be.

use std::{ops::RangeInclusive, time::Duration};

use http::HeaderName;
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
    session::Session,
    template::{Escape, Template},
};
use crate::exchange::{BODY_KEPT_BYTES_MAX, ErrorClass, Response};

/// The compiled checks of a request.
#[derive(Debug, Default)]
pub(super) struct Checks {
    status: Option<Vec<RangeInclusive<u16>>>,
    header: Vec<(HeaderName, Vec<Condition>)>,
    body: Vec<Condition>,
    json: Vec<(JsonPath, Vec<Condition>)>,
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
    pub fn judge(&self, session: &mut Session, answer: &Response) -> Result<(), ErrorClass> {
        self.keep_cookies(session, answer);
        self.checks.status(answer.status)?;
        if self.keep_body && answer.body_len > BODY_KEPT_BYTES_MAX as u64 {
            return Err(ErrorClass::TooLarge);
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

    fn status(&self, status: u16) -> Result<(), ErrorClass> {
        let expected = self.status.as_ref().map(|ranges| ranges.iter().any(|range| range.contains(&status)));
        match (expected, status) {
            (Some(true), _) => Ok(()),
            (_, 500..) => Err(ErrorClass::Status5xx),
            (_, 400..500) => Err(ErrorClass::Status4xx),
            (Some(false), _) => Err(ErrorClass::Check),
            (None, _) => Ok(()),
        }
    }

    fn run(&self, session: &Session, answer: &Response, json: Option<&Json>) -> Result<(), ErrorClass> {
        if let Some((comparison, limit)) = self.duration {
            require(comparison.holds(answer.service_time.as_secs_f64(), limit.as_secs_f64()))?;
        }
        for (name, conditions) in &self.header {
            let value = answer.headers.get(name).and_then(|value| value.to_str().ok());
            let value = value.map(|value| Json::String(value.into()));
            hold(conditions, value.as_ref(), session)?;
        }
        if !self.body.is_empty() {
            let text = Json::String(String::from_utf8_lossy(&answer.body).into_owned());
            hold(&self.body, Some(&text).filter(|_| !answer.body.is_empty()), session)?;
        }
        for (path, conditions) in &self.json {
            hold(conditions, json.and_then(|json| path.first(json)), session)?;
        }
        Ok(())
    }
}

fn require(holds: bool) -> Result<(), ErrorClass> {
    if holds { Ok(()) } else { Err(ErrorClass::Check) }
}

fn hold(conditions: &[Condition], value: Option<&Json>, session: &Session) -> Result<(), ErrorClass> {
    conditions.iter().try_for_each(|condition| require(condition.holds(value, session)?))
}

impl Condition {
    fn holds(&self, value: Option<&Json>, session: &Session) -> Result<bool, ErrorClass> {
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
fn equal(value: &Json, expected: &Assigned, session: &Session) -> Result<bool, ErrorClass> {
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
            Some((self.json_path(path)?, conditions))
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
