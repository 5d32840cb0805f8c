//! JSONPath (RFC 9535), compiled once.

use jsonpath_rust::{
    parser::{model::JpQuery, parse_json_path},
    query::js_path_process,
};
use serde_json::Value;

/// A compiled path.
#[derive(Debug)]
pub(super) enum JsonPath {
    /// Names and indices only, as most are.
    Plain(Vec<Key>),
    /// Anything else.
    Query(Box<JpQuery>),
}

#[derive(Debug, PartialEq)]
pub(super) enum Key {
    Name(String),
    Index(usize),
}

impl JsonPath {
    /// Reads a path; `None` if it is none.
    pub(super) fn parse(path: &str) -> Option<JsonPath> {
        match plain(path) {
            Some(keys) => Some(JsonPath::Plain(keys)),
            None => parse_json_path(path).ok().map(|query| JsonPath::Query(Box::new(query))),
        }
    }

    /// The first value found.
    pub(super) fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match self {
            JsonPath::Plain(keys) => keys.iter().try_fold(value, |value, key| match key {
                Key::Name(name) => value.as_object()?.get(name),
                Key::Index(index) => value.as_array()?.get(*index),
            }),
            JsonPath::Query(query) => {
                js_path_process(query, value).ok()?.into_iter().next().map(|found| found.val)
            }
        }
    }
}

/// `$.a.b[0]`
fn plain(path: &str) -> Option<Vec<Key>> {
    let mut rest = path.strip_prefix('$')?;
    let mut keys = Vec::new();
    while !rest.is_empty() {
        if let Some(from) = rest.strip_prefix('.') {
            let end = from.find(['.', '[']).unwrap_or(from.len());
            let name = &from[..end];
            let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
            if name.is_empty() || !name.chars().all(word) || name.starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            keys.push(Key::Name(name.into()));
            rest = &from[end..];
        } else {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            if index.is_empty()
                || !index.bytes().all(|b| b.is_ascii_digit())
                || (index.len() > 1 && index.starts_with('0'))
            {
                return None;
            }
            keys.push(Key::Index(index.parse().ok()?));
            rest = after;
        }
    }
    Some(keys)
}
