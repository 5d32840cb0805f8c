//! The scenario as it was resolved: environment filled in, defaults applied, every field of its type.
//!
//! Templates (`${{ … }}`) are still text here; whoever sends requests compiles them. [`Text`] keeps its place in
//! the file, so that later stages can point at it too.

mod stages;

use std::{ops::RangeInclusive, time::Duration};

use serde::{Serialize, Serializer};

use crate::{
    diagnostic::Span,
    slo::{Comparison, Slo},
    units,
};

pub use stages::{Arrivals, ClosedStage, Load, OpenStage};

/// A string with its place in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The string, environment filled in.
    pub value: String,
    /// Where it stands; quotes included.
    pub span: Span,
}

impl From<&str> for Text {
    fn from(value: &str) -> Text {
        Text { value: value.into(), span: Span::default() }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.value)
    }
}

/// Data as in JSON, each string with its place.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string; may hold templates.
    String(Text),
    /// A list.
    List(Vec<Value>),
    /// A mapping in the order of the file.
    Map(Vec<(Text, Value)>),
}

impl Value {
    /// The same as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(value) => value.clone().into(),
            Value::String(text) => text.value.clone().into(),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| (key.value.clone(), value.to_json())).collect()
            }
        }
    }

    /// Each string within, keys of mappings left out.
    pub fn strings(&self) -> Vec<&Text> {
        match self {
            Value::String(text) => vec![text],
            Value::List(items) => items.iter().flat_map(Value::strings).collect(),
            Value::Map(entries) => entries.iter().flat_map(|(_, value)| value.strings()).collect(),
            _ => Vec::new(),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// What holds for every request that does not say otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Defaults {
    /// From sending to the last byte.
    #[serde(serialize_with = "duration")]
    pub timeout: Duration,
    /// Headers of every request.
    pub headers: Vec<(Text, Text)>,
    /// How many redirects are followed.
    pub redirects: u32,
    /// Whether cookies are kept for each user.
    pub cookies: bool,
}

impl Default for Defaults {
    fn default() -> Defaults {
        Defaults { timeout: Duration::from_secs(30), headers: Vec::new(), redirects: 0, cookies: true }
    }
}

/// A named constant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variable {
    /// The name templates use.
    pub name: Text,
    /// The value, from the file or from the environment.
    pub value: Value,
    /// Whether it is kept out of everything written.
    pub secret: bool,
}

/// Rows that flows draw from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataSource {
    /// The name templates use, as in `${{ users.email }}`.
    pub name: Text,
    /// The file, as written: relative to the scenario's folder.
    pub file: Text,
    /// How the file is written.
    pub format: DataFormat,
    /// Which row an arrival gets.
    pub pick: Pick,
}

/// How a data file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// Which row an arrival gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// One after the other, from the first again after the last.
    Sequential,
    /// Any, fixed by the seed.
    Random,
    /// One after the other; the run ends when they are used up.
    Once,
}

/// What one user does from first to last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flow {
    /// The name.
    pub name: Text,
    /// How often it is chosen, relative to the other flows.
    pub weight: f64,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One thing that a flow does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Sends a request and waits for the answer.
    Request(Box<Request>),
    /// Waits.
    Think {
        /// At least this long.
        #[serde(serialize_with = "duration")]
        min: Duration,
        /// At most this long; evenly distributed between.
        #[serde(serialize_with = "duration")]
        max: Duration,
    },
    /// Does steps again and again.
    Repeat {
        /// At most this many rounds.
        times: u32,
        /// Before each round: go on only if this expression holds.
        #[serde(rename = "while", skip_serializing_if = "Option::is_none")]
        condition: Option<Text>,
        /// What is done in each round.
        steps: Vec<Step>,
    },
    /// Does one thing or another.
    If {
        /// An expression.
        condition: Text,
        /// What is done if it holds.
        then: Vec<Step>,
        /// What is done if not.
        #[serde(rename = "else")]
        otherwise: Vec<Step>,
    },
    /// Gives variables of this flow new values.
    Set(Vec<(Text, Value)>),
}

/// A request as it is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Request {
    /// The label in results; never a rendered URL.
    pub name: Text,
    /// The method, upper case.
    pub method: Text,
    /// A path on the target, or an absolute URL.
    pub url: Text,
    /// Headers beside the defaults; they win over them.
    pub headers: Vec<(Text, Text)>,
    /// Query parameters, encoded and added to the URL.
    pub query: Vec<(Text, Text)>,
    /// The body.
    pub body: Body,
    /// Credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// The time-out, if not the default's.
    #[serde(serialize_with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How many redirects are followed, if not the default's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirects: Option<u32>,
    /// What the answer has to be.
    pub check: Check,
    /// What is kept of the answer.
    pub capture: Vec<Capture>,
}

/// What a request sends.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// JSON; a string that is one whole template keeps the type of its value.
    Json(Value),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(Text, Text)>),
    /// Text as it is.
    Text(Text),
    /// The bytes of a file.
    File(Text),
    /// `multipart/form-data`.
    Multipart(Vec<Part>),
}

/// One part of a multipart body.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The name of the form's field.
    pub name: Text,
    /// What is in it.
    pub content: PartContent,
    /// The file name told to the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<Text>,
    /// The media type told to the server.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<Text>,
}

/// What is in a part.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartContent {
    /// Text, with templates.
    Text(Text),
    /// The bytes of a file.
    File(Text),
}

/// Credentials, sent as the header `authorization`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// User and password.
    Basic {
        /// The user.
        user: Text,
        /// The password.
        password: Text,
    },
    /// A token.
    Bearer(Text),
}

/// What an answer has to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Check {
    /// Statuses that are expected; a status in here is no error, whatever it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Vec<RangeInclusive<u16>>>,
    /// Conditions on headers by name.
    pub header: Vec<(Text, Vec<Condition>)>,
    /// Conditions on the body as text.
    pub body: Vec<Condition>,
    /// Conditions on what a JSONPath finds first.
    pub json: Vec<(Text, Vec<Condition>)>,
    /// A bound on the service time.
    #[serde(serialize_with = "bound", skip_serializing_if = "Option::is_none")]
    pub duration: Option<(Comparison, Duration)>,
}

/// One condition on a value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Is this.
    Equals(Value),
    /// Is not this.
    Not(Value),
    /// Holds this text.
    Contains(Text),
    /// Is matched by this regular expression.
    Matches(Text),
    /// Is there, or is not.
    Exists(bool),
    /// Is there and is no null, empty text, empty list or empty mapping.
    NotEmpty,
    /// Is a number that stands so to this one.
    #[serde(serialize_with = "comparison")]
    Compare(Comparison, Value),
}

/// Something kept of an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capture {
    /// The variable it goes into.
    pub name: Text,
    /// Where it comes from.
    pub from: CaptureFrom,
    /// What it is where nothing is found; without one that is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// Where a capture comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureFrom {
    /// The first value that a JSONPath finds in the body.
    Json(Text),
    /// A header.
    Header(Text),
    /// A group of the first match in the body.
    Regex {
        /// The regular expression.
        pattern: Text,
        /// The group; 0 is the whole match.
        group: u32,
    },
    /// A cookie that the answer sets.
    Cookie(Text),
}

pub(super) fn comparison_sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Below => "<",
        Comparison::AtMost => "<=",
        Comparison::Above => ">",
        Comparison::AtLeast => ">=",
    }
}

fn duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&units::format_duration(*duration))
}

fn optional_duration<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(units::format_duration).serialize(serializer)
}

fn bound<S: Serializer>(bound: &Option<(Comparison, Duration)>, serializer: S) -> Result<S::Ok, S::Error> {
    bound
        .map(|(sign, limit)| format!("{} {}", comparison_sign(sign), units::format_duration(limit)))
        .serialize(serializer)
}

fn comparison<S: Serializer>(sign: &Comparison, value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    format!("{} {}", comparison_sign(*sign), value.to_json()).serialize(serializer)
}

pub(super) fn slo_texts<S: Serializer>(slos: &[Slo], serializer: S) -> Result<S::Ok, S::Error> {
    slos.iter().map(|slo| &slo.text).collect::<Vec<_>>().serialize(serializer)
}
