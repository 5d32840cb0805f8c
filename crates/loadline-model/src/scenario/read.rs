//! Reading fields of mappings: each problem is noted with its place, and reading goes on.

use std::{sync::Arc, time::Duration};

use super::{
    types::Text,
    yaml::{Kind, Node},
};
use crate::{
    diagnostic::{Diagnostic, Source, Span, nearest, suggestion},
    units,
};

/// Collects what is wrong.
pub(crate) struct Reader {
    pub(crate) source: Arc<Source>,
    pub(crate) problems: Vec<Diagnostic>,
}

impl Reader {
    pub(crate) fn problem(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Diagnostic::new(code, &self.source, span, message).with_help(help));
    }

    /// `field` was given something of another kind.
    pub(crate) fn wrong<T>(&mut self, node: &Node, field: &str, wanted: &str, help: &str) -> Option<T> {
        // A field's name stands in backticks, a description ("a step") does not.
        let field = if field.contains(' ') { field.to_string() } else { format!("`{field}`") };
        let message = format!("{field} is {}, but has to be {wanted}", node.describe());
        self.problem("wrong-type", node.span, message, help);
        None
    }

    pub(crate) fn text(&mut self, node: &Node, field: &str) -> Option<Text> {
        match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => {
                Some(Text { value: text.clone(), span: node.span })
            }
            Kind::Scalar { .. } => {
                self.wrong(node, field, "a text", "write a value after the colon, or `\"\"`")
            }
            Kind::Map(_) => {
                let help = "write a single value; one that begins with `{` needs double quotes";
                self.wrong(node, field, "a text", help)
            }
            Kind::List(_) => self.wrong(node, field, "a text", "write a single value"),
        }
    }

    pub(crate) fn boolean(&mut self, node: &Node, field: &str) -> Option<bool> {
        match &node.kind {
            Kind::Scalar { text, .. } if text == "true" => Some(true),
            Kind::Scalar { text, .. } if text == "false" => Some(false),
            _ => self.wrong(node, field, "true or false", "write `true` or `false`"),
        }
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn count(&mut self, node: &Node, field: &str, least: u64, most: u64) -> Option<u64> {
        let number = match &node.kind {
            Kind::Scalar { text, .. } => text.parse::<u64>().ok(),
            _ => None,
        };
        match number {
            Some(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                let wanted = match most {
                    u64::MAX => format!("a whole number of at least {least}"),
                    _ => format!("a whole number from {least} to {most}"),
                };
                self.wrong(node, field, &wanted, &format!("write one such as `{}`", least.max(10).min(most)))
            }
        }
    }

    pub(crate) fn positive(&mut self, node: &Node, field: &str) -> Option<f64> {
        let number = match &node.kind {
            Kind::Scalar { text, .. } => text.parse::<f64>().ok(),
            _ => None,
        };
        match number {
            Some(number) if number > 0.0 && number < 1e12 => Some(number),
            _ => self.wrong(node, field, "a number above zero", "write one such as `3` or `0.5`"),
        }
    }

    pub(crate) fn duration(&mut self, node: &Node, field: &str) -> Option<Duration> {
        let text = self.text(node, field)?;
        self.unit(&text, &text.value, units::parse_duration)
    }

    /// A duration that is not zero.
    pub(crate) fn span_of_time(&mut self, node: &Node, field: &str) -> Option<Duration> {
        let duration = self.duration(node, field)?;
        if duration.is_zero() {
            return self.wrong(node, field, "longer than zero", "write one such as `30s`");
        }
        Some(duration)
    }

    /// Reads `part` of `text` with one of the readers of [`units`].
    pub(crate) fn unit<T>(
        &mut self,
        text: &Text,
        part: &str,
        parse: fn(&str) -> Result<T, units::UnitError>,
    ) -> Option<T> {
        parse(part)
            .map_err(|error| {
                let span = self.source.locate(text.span, part.trim());
                self.problem("unit", span, error.message, error.help);
            })
            .ok()
    }

    pub(crate) fn choice<T: Copy>(&mut self, node: &Node, field: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, field)?;
        let found = choices.iter().find(|(name, _)| *name == text.value);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let help = suggestion(&text.value, names);
            self.problem(
                "unknown-value",
                node.span,
                format!("`{field}` has no choice `{}`", text.value),
                help,
            );
        }
        found.map(|(_, value)| *value)
    }

    pub(crate) fn list<'a>(&mut self, node: &'a Node, field: &str) -> &'a [Node] {
        match &node.kind {
            Kind::List(items) => items,
            _ => {
                self.wrong::<()>(node, field, "a list", "write one entry a line, each after `- `");
                &[]
            }
        }
    }

    pub(crate) fn entries<'a>(&mut self, node: &'a Node, field: &str) -> &'a [(Text, Node)] {
        match &node.kind {
            Kind::Map(entries) => entries,
            _ => {
                self.wrong::<()>(node, field, "a mapping", "write `name: value` entries");
                &[]
            }
        }
    }

    /// A mapping of names to texts.
    pub(crate) fn pairs(&mut self, node: &Node, field: &str) -> Vec<(Text, Text)> {
        let entries = self.entries(node, field);
        entries.iter().filter_map(|(key, value)| Some((key.clone(), self.text(value, &key.value)?))).collect()
    }

    pub(crate) fn fields<'a>(&mut self, node: &'a Node, field: &str) -> Option<Fields<'a>> {
        match &node.kind {
            Kind::Map(entries) => Some(Fields {
                span: node.span,
                entries,
                taken: vec![false; entries.len()],
                known: Vec::new(),
            }),
            _ => self.wrong(
                node,
                field,
                "a mapping",
                "write `name: value` entries, one a line or within `{ … }`",
            ),
        }
    }
}

/// The fields of a mapping that is being read.
pub(crate) struct Fields<'a> {
    pub(crate) span: Span,
    entries: &'a [(Text, Node)],
    taken: Vec<bool>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The value of `name`, if given.
    pub(crate) fn get(&mut self, name: &'static str) -> Option<&'a Node> {
        self.entry(name).map(|(_, node)| node)
    }

    pub(crate) fn entry(&mut self, name: &'static str) -> Option<(&'a Text, &'a Node)> {
        self.known.push(name);
        let at = self.entries.iter().position(|(key, _)| key.value == name)?;
        self.taken[at] = true;
        let (key, node) = &self.entries[at];
        Some((key, node))
    }

    /// Whether `name` is given; does not take it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.value == name)
    }

    /// The value of `name`, which has to be given.
    pub(crate) fn need(&mut self, reader: &mut Reader, name: &'static str, help: &str) -> Option<&'a Node> {
        let found = self.get(name);
        let nearly = |(key, _): &&(Text, Node)| nearest(&key.value, [name]).is_some() && key.value != name;
        if found.is_none() && !self.entries.iter().any(|entry| nearly(&entry)) {
            reader.problem("missing-key", self.span, format!("`{name}` is missing"), help);
        }
        found
    }

    /// Everything that was not asked for is a mistake; whether there was nothing of the kind.
    pub(crate) fn finish(self, reader: &mut Reader, what: &str) -> bool {
        let taken = self.taken.iter();
        for ((key, _), _) in self.entries.iter().zip(taken).filter(|(_, taken)| !**taken) {
            let help = suggestion(&key.value, self.known.iter().copied());
            reader.problem("unknown-key", key.span, format!("unknown key `{}` in {what}", key.value), help);
        }
        self.taken.iter().all(|taken| *taken)
    }

    /// The first key, for messages and for telling steps apart.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a Text> {
        self.entries.iter().map(|(key, _)| key)
    }
}
