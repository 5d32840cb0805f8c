//! Flows and what they do.

use std::time::Duration;

use super::{
    check,
    load::redirects,
    read::{Fields, Reader},
    types::*,
    yaml::{Kind, Node},
};
use crate::{
    diagnostic::{nearest, suggestion},
    units,
};

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
const OTHERS: [&str; 6] = ["request", "think", "repeat", "while", "if", "set"];
const ROUNDS_MAX: u64 = 1_000_000;
const ROUNDS_OF_WHILE: u32 = 1000;

/// `flows`.
pub(super) fn flows(node: &Node, reader: &mut Reader) -> Vec<Flow> {
    let items = reader.list(node, "flows");
    let mut flows: Vec<Flow> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(mut fields) = reader.fields(item, "a flow") else { continue };
        let name = fields.get("name").and_then(|node| reader.text(node, "name"));
        let name = name.unwrap_or_else(|| Text { value: format!("flow {}", index + 1), span: item.span });
        let weight = fields.get("weight").map_or(Some(1.0), |node| reader.positive(node, "weight"));
        let steps = match fields.need(reader, "steps", "list what the flow does: `steps: [{ get: / }]`") {
            Some(node) => steps(node, "steps", reader),
            None => Vec::new(),
        };
        fields.finish(reader, "a flow");
        if flows.iter().any(|flow| flow.name.value == name.value) {
            let message = format!("two flows are named `{}`", name.value);
            reader.problem("duplicate-name", name.span, message, "give each flow a name of its own");
        }
        flows.push(Flow { name, weight: weight.unwrap_or(1.0), steps });
    }
    if items.is_empty() && matches!(&node.kind, Kind::List(_)) {
        reader.problem("missing-key", node.span, "`flows` is empty", "add one: `- steps: [{ get: / }]`");
    }
    flows
}

fn steps(node: &Node, field: &str, reader: &mut Reader) -> Vec<Step> {
    let items = reader.list(node, field);
    if items.is_empty() && matches!(&node.kind, Kind::List(_)) {
        let message = format!("`{field}` is empty");
        reader.problem("missing-key", node.span, message, "add a step such as `- get: /`");
    }
    items.iter().filter_map(|item| step(item, reader)).collect()
}

fn step(node: &Node, reader: &mut Reader) -> Option<Step> {
    let mut fields = match &node.kind {
        Kind::Map(_) => reader.fields(node, "a step")?,
        _ => {
            return reader.wrong(
                node,
                "a step",
                "a mapping",
                "write one such as `- get: /` or `- think: 1s`",
            );
        }
    };
    let branches = fields.has("then") || fields.has("else");
    let is_action = |key: &&Text| {
        let name = key.value.as_str();
        METHODS.contains(&name) || (OTHERS.contains(&name) && (name != "if" || branches))
    };
    let actions: Vec<_> = fields.keys().filter(is_action).collect();
    let step = match actions.as_slice() {
        [action] => match action.value.as_str() {
            "think" => think(&mut fields, reader),
            "set" => set(&mut fields, reader),
            "repeat" => repeat(&mut fields, reader),
            "while" => repeat_while(&mut fields, reader),
            "if" => condition(&mut fields, reader),
            method => return request(method, fields, reader),
        },
        [] => return no_action(&fields, reader),
        [first, second, ..] => {
            let message = format!("one step does both `{}` and `{}`", first.value, second.value);
            reader.problem("conflict", second.span, message, "make two steps of it, each after its own `- `");
            return None;
        }
    };
    fields.finish(reader, "this step");
    step
}

fn no_action(fields: &Fields, reader: &mut Reader) -> Option<Step> {
    let known = METHODS.into_iter().chain(OTHERS);
    let meant = fields.keys().find_map(|key| Some((key, nearest(&key.value, known.clone())?)));
    match meant.filter(|(key, meant)| key.value != *meant) {
        Some((key, meant)) => {
            let message = format!("unknown key `{}` in a step", key.value);
            reader.problem("unknown-key", key.span, message, format!("did you mean `{meant}`?"));
        }
        None => {
            let all: Vec<_> = known.map(|name| format!("`{name}`")).collect();
            let help = format!("a step has one of {}", all.join(", "));
            reader.problem("missing-key", fields.span, "this step does nothing", help);
        }
    }
    None
}

/// `1s` or `1s..3s`.
fn think(fields: &mut Fields, reader: &mut Reader) -> Option<Step> {
    let node = fields.get("think")?;
    let text = reader.text(node, "think")?;
    let (min, max) = text.value.split_once("..").unwrap_or((&text.value, &text.value));
    let min: Duration = reader.unit(&text, min, units::parse_duration)?;
    let max: Duration = reader.unit(&text, max, units::parse_duration)?;
    if max < min {
        let help = format!("write `think: {}..{}`", units::format_duration(max), units::format_duration(min));
        reader.problem("unit", node.span, "the range ends before it begins", help);
    }
    Some(Step::Think { min, max })
}

fn set(fields: &mut Fields, reader: &mut Reader) -> Option<Step> {
    let entries = reader.entries(fields.get("set")?, "set");
    let mut values = Vec::new();
    for (key, node) in entries {
        super::load::name(key, &[], reader);
        values.push((key.clone(), node.to_value()));
    }
    Some(Step::Set(values))
}

fn repeat(fields: &mut Fields, reader: &mut Reader) -> Option<Step> {
    let times = fields.get("repeat").and_then(|node| reader.count(node, "repeat", 1, ROUNDS_MAX));
    let steps = inner(fields, "steps", "list what is repeated under `steps`", reader);
    Some(Step::Repeat { times: times? as u32, condition: None, steps })
}

fn repeat_while(fields: &mut Fields, reader: &mut Reader) -> Option<Step> {
    let condition = fields.get("while").and_then(|node| expression(node, "while", reader));
    let times = fields.get("max").map(|node| reader.count(node, "max", 1, ROUNDS_MAX));
    let steps = inner(fields, "steps", "list what is repeated under `steps`", reader);
    let times = times.map_or(Some(ROUNDS_OF_WHILE), |max| max.map(|max| max as u32));
    Some(Step::Repeat { times: times?, condition: Some(condition?), steps })
}

fn condition(fields: &mut Fields, reader: &mut Reader) -> Option<Step> {
    let condition = fields.get("if").and_then(|node| expression(node, "if", reader));
    let then = inner(fields, "then", "list what is done under `then`", reader);
    let otherwise = fields.get("else").map(|node| steps(node, "else", reader)).unwrap_or_default();
    Some(Step::If { condition: condition?, then, otherwise })
}

fn inner(fields: &mut Fields, name: &'static str, help: &str, reader: &mut Reader) -> Vec<Step> {
    fields.need(reader, name, help).map(|node| steps(node, name, reader)).unwrap_or_default()
}

/// `if` and `while` take an expression as it is.
fn expression(node: &Node, field: &str, reader: &mut Reader) -> Option<Text> {
    let text = reader.text(node, field)?;
    if text.value.contains("${{") {
        let span = reader.source.locate(text.span, "${{");
        let bare = text.value.replace("${{", "").replace("}}", "");
        let help = format!("write it without the braces: `{field}: {}`", bare.trim());
        reader.problem("template", span, format!("`{field}` is an expression already"), help);
        return None;
    }
    Some(text)
}

fn request(action: &str, mut fields: Fields, reader: &mut Reader) -> Option<Step> {
    let line = match METHODS.into_iter().find(|method| *method == action) {
        Some(method) => request_line(method, &mut fields, reader),
        None => any_method(&mut fields, reader),
    };
    let (method, url) = line.unwrap_or_default();
    let condition = fields.get("if").and_then(|node| expression(node, "if", reader));
    let name = fields.get("name").and_then(|node| reader.text(node, "name"));
    let request = Request {
        name: name.unwrap_or_else(|| Text { value: label(&method.value, &url.value), span: url.span }),
        headers: fields.get("headers").map(|n| reader.pairs(n, "headers")).unwrap_or_default(),
        query: fields.get("query").map(|n| reader.pairs(n, "query")).unwrap_or_default(),
        body: body(&mut fields, reader),
        auth: fields.get("auth").and_then(|n| auth(n, reader)),
        timeout: fields.get("timeout").and_then(|n| reader.span_of_time(n, "timeout")),
        redirects: fields.get("redirects").and_then(|n| redirects(n, reader)),
        check: fields.get("check").and_then(|n| check::check(n, reader)).unwrap_or_default(),
        capture: fields.get("capture").map(|n| check::captures(n, reader)).unwrap_or_default(),
        method,
        url,
    };
    fields.finish(reader, "a request");
    let step = Step::Request(Box::new(request));
    Some(match condition {
        Some(condition) => Step::If { condition, then: vec![step], otherwise: Vec::new() },
        None => step,
    })
}

fn request_line(method: &'static str, fields: &mut Fields, reader: &mut Reader) -> Option<(Text, Text)> {
    let (key, node) = fields.entry(method)?;
    let url = reader.text(node, method)?;
    check_url(&url, reader);
    Some((Text { value: method.to_uppercase(), span: key.span }, url))
}

fn any_method(fields: &mut Fields, reader: &mut Reader) -> Option<(Text, Text)> {
    let mut line = reader.fields(fields.get("request")?, "request")?;
    let help = "write `request: { method: PROPFIND, url: / }`";
    let method = line.need(reader, "method", help).and_then(|node| reader.text(node, "method"));
    let url = line.need(reader, "url", help).and_then(|node| reader.text(node, "url"));
    line.finish(reader, "`request`");
    let (mut method, url) = (method?, url?);
    method.value.make_ascii_uppercase();
    if method.value.is_empty() || !method.value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        reader.problem(
            "method",
            method.span,
            format!("`{}` is no method", method.value),
            "use letters: `PROPFIND`",
        );
    }
    check_url(&url, reader);
    Some((method, url))
}

fn check_url(url: &Text, reader: &mut Reader) {
    let absolute = ["http://", "https://", "${{"].iter().any(|start| url.value.starts_with(start));
    if !absolute && !url.value.starts_with('/') {
        let help = match url.value.contains("://") {
            true => "only `http://` and `https://` are known".into(),
            false => format!("begin it with `/` (a path on the target): `/{}`", url.value),
        };
        reader.problem("url", url.span, format!("`{}` is neither a path nor a URL", url.value), help);
    }
}

/// The label of a request without a name: method and path, templates as they are written, no query.
pub(super) fn label(method: &str, url: &str) -> String {
    let path = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '{']) => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => url,
    };
    let mut end = path.len();
    let mut from = 0;
    while let Some(at) = path[from..].find(['?', '#', '$']).map(|at| from + at) {
        if !path[at..].starts_with("${{") {
            if path[at..].starts_with('$') {
                from = at + 1;
                continue;
            }
            end = at;
            break;
        }
        from = path[at..].find("}}").map_or(path.len(), |close| at + close + 2);
    }
    format!("{method} {}", &path[..end])
}

fn body(fields: &mut Fields, reader: &mut Reader) -> Body {
    let kinds = ["json", "form", "text", "file", "multipart"];
    let given: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| fields.entry(kind).map(|(key, node)| (kind, key, node)))
        .collect();
    if let [first, second, ..] = given.as_slice() {
        let message = format!("a request has both a `{}` and a `{}` body", first.0, second.0);
        reader.problem("conflict", second.1.span, message, "keep one of them");
    }
    let Some((kind, _, node)) = given.first() else { return Body::None };
    match *kind {
        "json" => Body::Json(node.to_value()),
        "form" => Body::Form(reader.pairs(node, "form")),
        "multipart" => Body::Multipart(parts(node, reader)),
        "text" => reader.text(node, "text").map_or(Body::None, Body::Text),
        _ => reader.text(node, "file").map_or(Body::None, Body::File),
    }
}

fn parts(node: &Node, reader: &mut Reader) -> Vec<Part> {
    let entries = reader.entries(node, "multipart");
    let part = |(name, node): &(Text, Node)| {
        let Kind::Map(_) = &node.kind else {
            let content = PartContent::Text(reader.text(node, &name.value)?);
            return Some(Part { name: name.clone(), content, filename: None, content_type: None });
        };
        let mut fields = reader.fields(node, &name.value)?;
        let help = "write `file: PATH`, or a plain text for a simple field";
        let file = fields.need(reader, "file", help).and_then(|node| reader.text(node, "file"));
        let filename = fields.get("filename").and_then(|node| reader.text(node, "filename"));
        let content_type = fields.get("type").and_then(|node| reader.text(node, "type"));
        fields.finish(reader, "a part");
        Some(Part { name: name.clone(), content: PartContent::File(file?), filename, content_type })
    };
    entries.iter().filter_map(part).collect()
}

fn auth(node: &Node, reader: &mut Reader) -> Option<Auth> {
    let mut fields = reader.fields(node, "auth")?;
    let help = "give `auth: { bearer: TOKEN }` or `auth: { basic: { user: U, password: P } }`";
    let bearer = fields.get("bearer").map(|node| reader.text(node, "bearer"));
    let basic = fields.get("basic").map(|node| basic(node, reader));
    let span = fields.span;
    if !fields.finish(reader, "`auth`") {
        return None;
    }
    match (bearer, basic) {
        (Some(token), None) => token.map(Auth::Bearer),
        (None, Some(basic)) => basic,
        _ => {
            reader.problem("conflict", span, "`auth` needs either `bearer` or `basic`", help);
            None
        }
    }
}

fn basic(node: &Node, reader: &mut Reader) -> Option<Auth> {
    let mut fields = reader.fields(node, "basic")?;
    let help = "write `basic: { user: U, password: P }`";
    let user = fields.need(reader, "user", help).and_then(|node| reader.text(node, "user"));
    let password = fields.need(reader, "password", help).and_then(|node| reader.text(node, "password"));
    fields.finish(reader, "`basic`");
    Some(Auth::Basic { user: user?, password: password? })
}

/// Every request of the flows, those within loops and branches included, in the order of the file.
pub(super) fn requests<'a>(steps: &'a [Step], found: &mut Vec<&'a Request>) {
    for step in steps {
        match step {
            Step::Request(request) => found.push(request),
            Step::Repeat { steps, .. } => requests(steps, found),
            Step::If { then, otherwise, .. } => {
                requests(then, found);
                requests(otherwise, found);
            }
            Step::Think { .. } | Step::Set(_) => {}
        }
    }
}

pub(super) fn unknown_choice(text: &Text, choices: &[&str], what: &str, reader: &mut Reader) {
    let help = suggestion(&text.value, choices.iter().copied());
    reader.problem("unknown-value", text.span, format!("`{}` is no {what}", text.value), help);
}
