//! Stages, defaults, variables, data sources and objectives.

use std::time::Duration;

use super::{
    env::Env,
    read::{Fields, Reader},
    types::*,
    yaml::{Kind, Node},
};
use crate::{
    diagnostic::{Span, suggestion},
    slo::Slo,
    units,
};

const USERS_MAX: u64 = 1_000_000;
/// Arrivals per second; no machine sends as many.
pub(super) const RATE_MAX: f64 = 1e7;

/// `load`: all stages are of one model.
pub(super) fn load(node: &Node, reader: &mut Reader) -> Option<Load> {
    let before = reader.problems.len();
    let (mut open, mut closed) = (Vec::new(), Vec::new());
    for item in reader.list(node, "load") {
        let Some(mut fields) = reader.fields(item, "a stage of `load`") else { continue };
        match (fields.has("rate"), fields.has("users")) {
            (true, false) if closed.is_empty() => open.extend(open_stages(&mut fields, reader)),
            (false, true) if open.is_empty() => closed.extend(closed_stage(&mut fields, reader)),
            (false, false) => {
                fields.need(reader, "rate", "give `rate: 500/s` (open model) or `users: 50` (closed model)");
                fields.get("users");
            }
            (true, true) => {
                let help = "an open stage has `rate`, a closed one `users`: keep one of them";
                reader.problem("mixed-load", fields.span, "a stage has both `rate` and `users`", help);
                continue;
            }
            _ => {
                let help = "use `rate` in all stages (open model) or `users` in all stages (closed model)";
                reader.problem("mixed-load", fields.span, "open and closed stages are mixed", help);
                continue;
            }
        }
        fields.finish(reader, "a stage of `load`");
    }
    if before == reader.problems.len() && open.is_empty() && closed.is_empty() {
        reader.problem(
            "missing-key",
            node.span,
            "`load` has no stage",
            "add one: `- { rate: 100/s, for: 1m }`",
        );
    }
    Some(if closed.is_empty() { Load::Open(open) } else { Load::Closed(closed) })
}

fn open_stages(fields: &mut Fields, reader: &mut Reader) -> Vec<OpenStage> {
    let rate = fields.get("rate").and_then(|node| ramp(node, reader));
    let duration = stage_length(fields, reader);
    let warmup = fields.get("warmup").and_then(|node| reader.boolean(node, "warmup")).unwrap_or(false);
    let kinds = [("uniform", Arrivals::Uniform), ("poisson", Arrivals::Poisson)];
    let arrivals = fields.get("arrivals").map(|node| reader.choice(node, "arrivals", &kinds));
    let steps = fields.get("steps").map(|node| reader.count(node, "steps", 2, 1000));
    let (Some((from, to)), Some(duration)) = (rate, duration) else { return Vec::new() };
    let arrivals = arrivals.flatten().unwrap_or_default();
    let stage =
        |from_per_s, to_per_s, duration| OpenStage { from_per_s, to_per_s, duration, warmup, arrivals };
    match steps.flatten() {
        None => vec![stage(from, to, duration)],
        Some(steps) => {
            let rate = |n: u64| from + (to - from) * n as f64 / (steps - 1) as f64;
            (0..steps).map(|n| stage(rate(n), rate(n), duration / steps as u32)).collect()
        }
    }
}

/// `500/s` or `50/s -> 500/s`.
fn ramp(node: &Node, reader: &mut Reader) -> Option<(f64, f64)> {
    let text = reader.text(node, "rate")?;
    let mut rate = |part: &str| {
        let rate = reader.unit(&text, part, units::parse_rate)?;
        if rate > RATE_MAX {
            let help = "the highest is `10000000/s`";
            return reader.wrong(node, "rate", "lower", help);
        }
        Some(rate)
    };
    let (from, to) = match text.value.split_once("->") {
        Some((from, to)) => (rate(from)?, rate(to)?),
        None => (rate(&text.value)?, rate(&text.value)?),
    };
    if from.max(to) <= 0.0 {
        return reader.wrong(node, "rate", "above zero", "write one such as `100/s`, or leave the stage out");
    }
    Some((from, to))
}

fn stage_length(fields: &mut Fields, reader: &mut Reader) -> Option<Duration> {
    let node = fields.need(reader, "for", "say how long the stage lasts: `for: 1m`")?;
    reader.span_of_time(node, "for")
}

fn closed_stage(fields: &mut Fields, reader: &mut Reader) -> Option<ClosedStage> {
    let users = fields.get("users").and_then(|node| reader.count(node, "users", 1, USERS_MAX));
    let duration = stage_length(fields, reader);
    let warmup = fields.get("warmup").and_then(|node| reader.boolean(node, "warmup")).unwrap_or(false);
    let pacing = fields.get("pacing").and_then(|node| reader.span_of_time(node, "pacing"));
    Some(ClosedStage { users: users? as u32, duration: duration?, warmup, pacing })
}

/// `defaults`.
pub(super) fn defaults(node: &Node, reader: &mut Reader) -> Option<Defaults> {
    let mut fields = reader.fields(node, "defaults")?;
    let plain = Defaults::default();
    let defaults = Defaults {
        timeout: fields
            .get("timeout")
            .and_then(|n| reader.span_of_time(n, "timeout"))
            .unwrap_or(plain.timeout),
        headers: fields.get("headers").map(|n| reader.pairs(n, "headers")).unwrap_or_default(),
        redirects: fields.get("redirects").and_then(|n| redirects(n, reader)).unwrap_or(plain.redirects),
        cookies: fields.get("cookies").and_then(|n| reader.boolean(n, "cookies")).unwrap_or(plain.cookies),
    };
    fields.finish(reader, "`defaults`");
    Some(defaults)
}

pub(super) fn redirects(node: &Node, reader: &mut Reader) -> Option<u32> {
    reader.count(node, "redirects", 0, 50).map(|count| count as u32)
}

/// Names that templates know already.
pub const BUILT_IN: [&str; 2] = ["iteration", "user"];

/// A name that templates can use: a word that is neither built in nor taken.
pub(super) fn name(key: &Text, taken: &[&Text], reader: &mut Reader) {
    let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let reserved = ["true", "false", "none", "not", "and", "or", "in", "is", "if", "else"];
    if key.value.is_empty()
        || !key.value.chars().all(word)
        || key.value.starts_with(|c: char| c.is_ascii_digit())
    {
        let message = format!("`{}` is no name for a variable", key.value);
        reader.problem("name", key.span, message, "use letters, digits and `_`, beginning with a letter");
    } else if BUILT_IN.contains(&key.value.as_str()) || reserved.contains(&key.value.as_str()) {
        let message = format!("`{}` has a meaning of its own in expressions", key.value);
        reader.problem("name", key.span, message, "choose another name");
    } else if taken.iter().any(|other| other.value == key.value) {
        let message = format!("`{}` names both a variable and a data source", key.value);
        reader.problem("name", key.span, message, "give one of them another name");
    }
}

/// `variables`.
pub(super) fn variables(node: &Node, env: Env, reader: &mut Reader) -> Vec<Variable> {
    let entries = reader.entries(node, "variables");
    let mut variables = Vec::new();
    for (key, node) in entries {
        name(key, &[], reader);
        let (value, secret) = match &node.kind {
            Kind::Map(_) => match described(key, node, env, reader) {
                Some(described) => described,
                None => continue,
            },
            _ => (node.to_value(), false),
        };
        if let Some(text) = value.strings().into_iter().find(|text| text.value.contains("${{")) {
            let help = "variables are constants; compute values in a flow with a `set` step";
            reader.problem(
                "template",
                text.span,
                format!("the variable `{}` holds a template", key.value),
                help,
            );
        }
        variables.push(Variable { name: key.clone(), value, secret });
    }
    variables
}

/// `{ env: NAME, secret: true }` or `{ value: …, secret: true }`.
fn described(key: &Text, node: &Node, env: Env, reader: &mut Reader) -> Option<(Value, bool)> {
    let mut fields = reader.fields(node, &key.value)?;
    let secret = fields.get("secret").and_then(|node| reader.boolean(node, "secret")).unwrap_or(false);
    let from_env = fields.get("env").map(|node| environment(node, env, reader));
    let given = fields.get("value").map(Node::to_value);
    let span = fields.span;
    if !fields.finish(reader, "a variable") {
        return None;
    }
    let help = "give `value: …`, or `env: NAME` for one from the environment";
    match (from_env, given) {
        (Some(value), None) => Some((value?, secret)),
        (None, Some(value)) => Some((value, secret)),
        (None, None) => {
            reader.problem("missing-key", span, format!("the variable `{}` has no value", key.value), help);
            None
        }
        (Some(_), Some(_)) => {
            reader.problem("conflict", span, format!("the variable `{}` has two values", key.value), help);
            None
        }
    }
}

fn environment(node: &Node, env: Env, reader: &mut Reader) -> Option<Value> {
    let name = reader.text(node, "env")?;
    match env(&name.value) {
        Some(value) => Some(Value::String(Text { value: value.replace("${{", "$${{"), span: node.span })),
        None => {
            let message = format!("the environment variable `{}` is not set", name.value);
            let help = format!("set it before the run: `export {}=…`", name.value);
            reader.problem("environment", node.span, message, help);
            None
        }
    }
}

/// `data`.
pub(super) fn data(node: &Node, variables: &[Variable], reader: &mut Reader) -> Vec<DataSource> {
    let taken: Vec<_> = variables.iter().map(|variable| &variable.name).collect();
    let entries = reader.entries(node, "data");
    entries
        .iter()
        .filter_map(|(key, node)| {
            name(key, &taken, reader);
            source(key, node, reader)
        })
        .collect()
}

fn source(key: &Text, node: &Node, reader: &mut Reader) -> Option<DataSource> {
    let mut fields = reader.fields(node, &key.value)?;
    let csv = fields.get("csv").map(|node| (node, DataFormat::Csv));
    let jsonl = fields.get("jsonl").map(|node| (node, DataFormat::Jsonl));
    let picks = [("sequential", Pick::Sequential), ("random", Pick::Random), ("once", Pick::Once)];
    let pick = fields.get("pick").map_or(Some(Pick::Sequential), |node| reader.choice(node, "pick", &picks));
    let (span, both) = (fields.span, csv.is_some() && jsonl.is_some());
    if !fields.finish(reader, "a data source") {
        return None;
    }
    let Some((file, format)) = csv.or(jsonl).filter(|_| !both) else {
        let message = format!("the data source `{}` needs one file", key.value);
        reader.problem("missing-key", span, message, "give either `csv: FILE` or `jsonl: FILE`");
        return None;
    };
    Some(DataSource { name: key.clone(), file: reader.text(file, "file")?, format, pick: pick? })
}

/// `slos`: those that name a request have to name one that exists.
pub(super) fn slos(node: &Node, requests: &[&str], reader: &mut Reader) -> Vec<Slo> {
    reader.list(node, "slos").iter().filter_map(|item| slo(item, requests, reader)).collect()
}

fn slo(node: &Node, requests: &[&str], reader: &mut Reader) -> Option<Slo> {
    let Kind::Map(_) = &node.kind else {
        let text = reader.text(node, "an SLO")?;
        return objective(&text, requests, reader);
    };
    let mut fields = reader.fields(node, "an SLO")?;
    let slo = fields.need(reader, "slo", "write `slo: p99 < 200ms`").and_then(|n| reader.text(n, "slo"));
    let abort = fields.get("abort").and_then(|node| reader.boolean(node, "abort")).unwrap_or(false);
    let grace = fields.entry("grace").map(|(key, node)| (key.span, reader.duration(node, "grace")));
    fields.finish(reader, "an SLO");
    let text = slo?;
    let slo = objective(&text, requests, reader)?;
    if abort && slo.abort_after.is_some() {
        let help = "say it once: `abort: true` and `grace`, or `abort after` in the text";
        reader.problem("conflict", text.span, "`abort` stands in the text and beside it", help);
    }
    if let (false, Some((span, _))) = (abort, &grace) {
        reader.problem("conflict", *span, "`grace` without `abort`", "add `abort: true`");
    }
    let grace: Option<Duration> = grace.and_then(|(_, grace)| grace);
    Some(if abort { slo.aborting_after(grace.unwrap_or_default()) } else { slo })
}

fn objective(text: &Text, requests: &[&str], reader: &mut Reader) -> Option<Slo> {
    let slo: Slo = match text.value.parse() {
        Ok(slo) => slo,
        Err(error) => {
            let error: crate::slo::SloError = error;
            let span = place(text, &error.text[error.at.clone()], reader);
            reader.problem("slo", span, error.message, error.help);
            return None;
        }
    };
    if let Some(name) = slo.request.as_deref().filter(|name| !requests.contains(name)) {
        let span = place(text, name, reader);
        let help = suggestion(name, requests.iter().copied());
        reader.problem("unknown-name", span, format!("no request is named `{name}`"), help);
    }
    Some(slo)
}

fn place(text: &Text, part: &str, reader: &Reader) -> Span {
    reader.source.locate(text.span, part)
}
