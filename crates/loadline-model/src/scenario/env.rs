//! `${NAME}` and `${NAME:-default}`, filled in from the environment.
//!
//! They are filled in within values that have been read already: whatever stands in the environment cannot change
//! the structure of the file. `$${` stands for `${` itself; `${{ … }}` is left for later.

use super::{
    read::Reader,
    yaml::{Kind, Node},
};
use crate::diagnostic::Span;

pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Fills in every value below `node`.
pub(super) fn fill(node: &mut Node, env: Env, reader: &mut Reader) {
    match &mut node.kind {
        Kind::Scalar { text, .. } if text.contains("${") => *text = filled(text, node.span, env, reader),
        Kind::Scalar { .. } => {}
        Kind::List(items) => items.iter_mut().for_each(|item| fill(item, env, reader)),
        Kind::Map(entries) => entries.iter_mut().for_each(|(_, value)| fill(value, env, reader)),
    }
}

fn filled(text: &str, span: Span, env: Env, reader: &mut Reader) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if from.starts_with("${{") {
            // A template's own braces: its text is not looked into.
            let end = from.find("}}").map_or(from.len(), |end| end + 2);
            // An escaped one keeps its dollar for the template's reader.
            out.push_str(&from[..end]);
            rest = &from[end..];
        } else if before.ends_with('$') {
            out.pop();
            out.push_str("${");
            rest = &from[2..];
        } else {
            let end = from.find('}').unwrap_or(from.len());
            let whole = &from[..(end + 1).min(from.len())];
            let value = value(from.get(2..end).filter(|_| end < from.len()), whole, span, env, reader);
            out.push_str(&value.unwrap_or_default().replace("${{", "$${{"));
            rest = &from[whole.len()..];
        }
    }
    out + rest
}

fn value(inner: Option<&str>, whole: &str, span: Span, env: Env, reader: &mut Reader) -> Option<String> {
    let at = reader.source.locate(span, whole);
    let inner = inner.unwrap_or_default();
    let (name, default) =
        inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    if name.is_empty() || !name.chars().all(word) || name.starts_with(|c: char| c.is_ascii_digit()) {
        let help = "write `${NAME}` or `${NAME:-default}` for the environment, `${{ name }}` for a variable, `$${` for the characters";
        reader.problem("environment", at, format!("`{whole}` is no environment variable"), help);
        return None;
    }
    let value =
        env(name).filter(|value| default.is_none() || !value.is_empty()).or(default.map(String::from));
    if value.is_none() {
        let help = format!("set it, or give a default: `${{{name}:-default}}`");
        reader.problem("environment", at, format!("the environment variable `{name}` is not set"), help);
    }
    value
}
