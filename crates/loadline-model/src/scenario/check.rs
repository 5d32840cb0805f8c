//! Checks and captures.

use std::ops::RangeInclusive;

use super::{
    read::{Fields, Reader},
    steps::unknown_choice,
    types::*,
    yaml::{Kind, Node},
};
use crate::{slo::Comparison, units};

/// `check`.
pub(super) fn check(node: &Node, reader: &mut Reader) -> Option<Check> {
    let mut fields = reader.fields(node, "check")?;
    let check = Check {
        status: fields.get("status").and_then(|node| statuses(node, reader)),
        header: fields.get("header").map(|node| by_name(node, "header", reader)).unwrap_or_default(),
        body: fields.get("body").map(|node| conditions(node, reader)).unwrap_or_default(),
        json: fields.get("json").map(|node| by_name(node, "json", reader)).unwrap_or_default(),
        duration: fields.get("duration").and_then(|node| bound(node, reader)),
    };
    fields.finish(reader, "`check`");
    Some(check)
}

/// `201`, `2xx`, or a list of these.
fn statuses(node: &Node, reader: &mut Reader) -> Option<Vec<RangeInclusive<u16>>> {
    match &node.kind {
        Kind::List(items) => items.iter().map(|item| status(item, reader)).collect(),
        _ => status(node, reader).map(|range| vec![range]),
    }
}

fn status(node: &Node, reader: &mut Reader) -> Option<RangeInclusive<u16>> {
    let text = reader.text(node, "status")?;
    let class = text.value.strip_suffix("xx").and_then(|class| class.parse::<u16>().ok());
    let range = match (class, text.value.parse::<u16>()) {
        (Some(class @ 1..=5), _) => Some(class * 100..=class * 100 + 99),
        (_, Ok(code @ 100..=599)) => Some(code..=code),
        _ => None,
    };
    if range.is_none() {
        let help = "write a code such as `201`, a class such as `2xx`, or a list of these";
        reader.problem("status", text.span, format!("`{}` is no status", text.value), help);
    }
    range
}

fn by_name(node: &Node, field: &str, reader: &mut Reader) -> Vec<(Text, Vec<Condition>)> {
    let entries = reader.entries(node, field);
    entries.iter().map(|(key, node)| (key.clone(), conditions(node, reader))).collect()
}

/// A value to be equal to, `exists`, `not_empty`, or a mapping of conditions all of which have to hold.
fn conditions(node: &Node, reader: &mut Reader) -> Vec<Condition> {
    match &node.kind {
        Kind::Scalar { text, plain: true } if text == "exists" => vec![Condition::Exists(true)],
        Kind::Scalar { text, plain: true } if text == "not_empty" => vec![Condition::NotEmpty],
        Kind::Map(entries) if !entries.is_empty() => {
            let Some(fields) = reader.fields(node, "a condition") else { return Vec::new() };
            described(fields, reader)
        }
        _ => vec![Condition::Equals(node.to_value())],
    }
}

fn described(mut fields: Fields, reader: &mut Reader) -> Vec<Condition> {
    let signs = [
        ("lt", Comparison::Below),
        ("lte", Comparison::AtMost),
        ("gt", Comparison::Above),
        ("gte", Comparison::AtLeast),
    ];
    let mut all = Vec::new();
    all.extend(fields.get("equals").map(|node| Condition::Equals(node.to_value())));
    all.extend(fields.get("not").map(|node| Condition::Not(node.to_value())));
    all.extend(fields.get("contains").and_then(|n| reader.text(n, "contains")).map(Condition::Contains));
    all.extend(fields.get("matches").and_then(|n| reader.text(n, "matches")).map(Condition::Matches));
    all.extend(fields.get("exists").and_then(|n| reader.boolean(n, "exists")).map(Condition::Exists));
    for (name, sign) in signs {
        let Some(node) = fields.get(name) else { continue };
        match node.to_value() {
            value @ (Value::Number(_) | Value::String(_)) => {
                let template = matches!(&value, Value::String(text) if text.value.contains("${{"));
                if template || matches!(value, Value::Number(_)) {
                    all.push(Condition::Compare(sign, value));
                    continue;
                }
                reader.wrong::<()>(node, name, "a number", "write a number or a template");
            }
            _ => {
                reader.wrong::<()>(node, name, "a number", "write a number or a template");
            }
        }
    }
    fields.finish(reader, "a condition");
    all
}

/// `< 200ms`.
fn bound(node: &Node, reader: &mut Reader) -> Option<(Comparison, std::time::Duration)> {
    let text = reader.text(node, "duration")?;
    let signs = [
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("<", Comparison::Below),
        (">", Comparison::Above),
    ];
    let found =
        signs.iter().find_map(|(sign, comparison)| Some((*comparison, text.value.strip_prefix(sign)?)));
    let Some((comparison, limit)) = found else {
        let message = format!("`{}` is no bound on a duration", text.value);
        reader.problem("unit", text.span, message, "write it as `duration: \"< 200ms\"`");
        return None;
    };
    Some((comparison, reader.unit(&text, limit, units::parse_duration)?))
}

/// `capture`.
pub(super) fn captures(node: &Node, reader: &mut Reader) -> Vec<Capture> {
    let entries = reader.entries(node, "capture");
    let mut captures = Vec::new();
    for (key, node) in entries {
        super::load::name(key, &[], reader);
        captures.extend(capture(key, node, reader));
    }
    captures
}

const SOURCES: [&str; 4] = ["json", "header", "regex", "cookie"];

fn capture(name: &Text, node: &Node, reader: &mut Reader) -> Option<Capture> {
    if let Kind::Scalar { .. } = node.kind {
        let text = reader.text(node, &name.value)?;
        if text.value.starts_with('$') {
            return reader.wrong(node, &name.value, "a mapping", "write `{ json: \"$.path\" }`");
        }
        unknown_choice(&text, &SOURCES, "source of a capture", reader);
        return None;
    }
    let mut fields = reader.fields(node, &name.value)?;
    let given: Vec<_> = SOURCES
        .into_iter()
        .filter_map(|kind| Some((kind, reader_text(&mut fields, kind, reader)?)))
        .collect();
    let group = fields.entry("group").map(|(key, node)| (key.span, reader.count(node, "group", 0, 99)));
    let default = fields.get("default").map(Node::to_value);
    let span = fields.span;
    if !fields.finish(reader, "a capture") {
        return None;
    }
    if given.len() != 1 {
        let message = format!("the capture `{}` needs one source", name.value);
        reader.problem("capture", span, message, "give one of `json`, `header`, `regex`, `cookie`");
        return None;
    }
    let (kind, text) = given.into_iter().next()?;
    if let (Some((span, _)), true) = (&group, kind != "regex") {
        reader.problem("capture", *span, "`group` without `regex`", "leave it out");
    }
    let group = group.and_then(|(_, group)| group).map(|group| group as u32);
    let from = match kind {
        "json" => CaptureFrom::Json(text),
        "header" => CaptureFrom::Header(text),
        "cookie" => CaptureFrom::Cookie(text),
        _ => CaptureFrom::Regex { group: group.unwrap_or(u32::from(has_group(&text.value))), pattern: text },
    };
    Some(Capture { name: name.clone(), from, default })
}

fn reader_text(fields: &mut Fields, kind: &'static str, reader: &mut Reader) -> Option<Text> {
    fields.get(kind).and_then(|node| reader.text(node, kind))
}

/// Whether a pattern has a capturing group; then the first of them is what is wanted.
fn has_group(pattern: &str) -> bool {
    let mut escaped = false;
    pattern.char_indices().any(|(at, c)| {
        let opens = c == '(' && !escaped;
        escaped = c == '\\' && !escaped;
        let rest = &pattern[at..];
        opens && (!rest.starts_with("(?") || rest.starts_with("(?P<") || rest.starts_with("(?<"))
    })
}
