//! YAML as a tree in which every node knows its place.

use std::{collections::HashMap, sync::Arc};

use granit_parser::{Event, Parser, ScalarStyle, Span as YamlSpan, StructureStyle};

use super::types::{Text, Value};
use crate::diagnostic::{Diagnostic, Source, Span};

/// More nodes than any scenario has; a bound on what aliases can unfold to.
const NODES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// `plain` ones stand without quotes and may be numbers, booleans or null.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Text, Node)>),
}

impl Node {
    /// What it is, in the words of whoever wrote it.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::Scalar { .. } if self.is_null() => "nothing".into(),
            Kind::Scalar { text, .. } if text.chars().count() <= 40 => format!("`{text}`"),
            Kind::Scalar { .. } => "a text".into(),
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a mapping".into(),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    pub(crate) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar { .. } if self.is_null() => Value::Null,
            Kind::Scalar { text, plain } => plain_value(text)
                .filter(|_| *plain)
                .unwrap_or_else(|| Value::String(Text { value: text.clone(), span: self.span })),
            Kind::List(items) => Value::List(items.iter().map(Node::to_value).collect()),
            Kind::Map(entries) => {
                Value::Map(entries.iter().map(|(k, v)| (k.clone(), v.to_value())).collect())
            }
        }
    }

    fn size(&self) -> usize {
        match &self.kind {
            Kind::Scalar { .. } => 1,
            Kind::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Kind::Map(entries) => 1 + entries.iter().map(|(_, value)| 1 + value.size()).sum::<usize>(),
        }
    }
}

/// Booleans and numbers. A leading zero (a postcode, a telephone number) keeps the text.
fn plain_value(text: &str) -> Option<Value> {
    match text {
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        _ => {}
    }
    serde_json::from_str::<serde_json::Number>(text).ok().map(Value::Number)
}

type Result<T> = std::result::Result<T, Diagnostic>;

/// Reads one YAML document.
pub(crate) fn parse(source: &Arc<Source>) -> Result<Node> {
    let mut options = granit_parser::Options::default();
    options.flow_nesting_limit = DEPTH_MAX;
    options.block_nesting_limit = DEPTH_MAX;
    let parser = Parser::new_from_str_with_options(&source.text, options);
    let mut builder = Builder { source, parser, anchors: HashMap::new(), nodes: 0, open: Vec::new() };
    let mut root = None;
    while let Some((event, span)) = builder.next()? {
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(..) if root.is_none() => {
                root = match builder.next()? {
                    Some((event, span)) => Some(builder.node(event, span, 0)?),
                    None => None,
                };
            }
            _ => {
                return Err(Diagnostic::new(
                    "yaml",
                    source,
                    byte_span(&span),
                    "a second document in the same file",
                )
                .with_help("keep one scenario a file"));
            }
        }
    }
    root.ok_or_else(|| {
        Diagnostic::new("empty", source, Span::default(), "the file is empty")
            .with_help("a scenario needs at least `target` and `flows`")
    })
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    /// The `{` and `[` that are open.
    open: Vec<Span>,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, YamlSpan)>> {
        let next = self.parser.next_event().transpose();
        next.map_err(|error| {
            self.syntax_error(error.marker().byte_offset().unwrap_or_default(), &error.info())
        })
    }

    /// The three mistakes that people make most get words of their own; all else keeps the parser's.
    fn syntax_error(&self, at: usize, info: &str) -> Diagnostic {
        let span = Span { start: at, end: at + 1 };
        let (line, _) = self.source.position(at);
        let text = self.source.text.lines().nth(line - 1).unwrap_or_default();
        let error = |message: String| Diagnostic::new("yaml", self.source, span, message);
        if text.trim_start_matches(' ').starts_with('\t') {
            return error("a tab in the indentation".into()).with_help("indent with spaces");
        }
        if let Some(open) = self.open.last() {
            let (line, column) = self.source.position(open.start);
            let bracket = self.source.text[open.start..].chars().next().unwrap_or('{');
            let within = self.source.text.get(open.start..at).unwrap_or_default();
            let help = match within.rfind('$') {
                Some(_) => "put values with `${` inside `{ … }` or `[ … ]` in double quotes".into(),
                None => format!(
                    "close the `{bracket}` of line {line}, column {column}, or look for a comma or quote missing after it"
                ),
            };
            return error(format!("this does not fit into the `{bracket}` that is open here"))
                .with_help(help);
        }
        let help = "look at indentation, quotes, brackets and colons on this line and the one before";
        error(format!("this is not YAML: {info}")).with_help(help)
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<()> {
        self.nodes += nodes;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        Err(Diagnostic::new(
            "too-large",
            self.source,
            span,
            format!("more than {NODES_MAX} values in one file"),
        )
        .with_help("use fewer aliases, or put rows into a data file"))
    }

    fn node(&mut self, event: Event<'a>, yaml: YamlSpan, depth: usize) -> Result<Node> {
        let start = byte_span(&yaml);
        self.count(1, start)?;
        if depth > DEPTH_MAX {
            return Err(Diagnostic::new(
                "too-deep",
                self.source,
                start,
                format!("more than {DEPTH_MAX} levels deep"),
            ));
        }
        if event.tag().is_some() {
            let span = yaml.tag_span().map_or(start, |tag| byte_span(&tag));
            return Err(Diagnostic::new("yaml", self.source, span, "tags have no meaning here")
                .with_help("leave the tag out; quotes make a text of a number"));
        }
        let anchor = event.anchor_id();
        let node = match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                Node { span: start, kind: Kind::Scalar { text: text.into_owned(), plain } }
            }
            Event::SequenceStart(style, ..) => {
                let open = self.open.len();
                self.open.extend((style == StructureStyle::Flow).then_some(start));
                let list = self.list(start, depth)?;
                self.open.truncate(open);
                list
            }
            Event::MappingStart(style, ..) => {
                let open = self.open.len();
                self.open.extend((style == StructureStyle::Flow).then_some(start));
                let map = self.map(start, depth)?;
                self.open.truncate(open);
                map
            }
            Event::Alias(id) => {
                let mut node = self.anchors.get(&id).cloned().ok_or_else(|| {
                    Diagnostic::new("yaml", self.source, start, "an alias of something that holds it")
                })?;
                self.count(node.size(), start)?;
                if matches!(node.kind, Kind::Scalar { .. }) {
                    node.span = start;
                }
                node
            }
            _ => return Err(Diagnostic::new("yaml", self.source, start, "a value is missing here")),
        };
        if let Some(id) = anchor {
            self.anchors.insert(id, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, start: Span, depth: usize) -> Result<Node> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                return Ok(Node { span: start, kind: Kind::List(items) });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
        Err(Diagnostic::new("yaml", self.source, start, "this list does not end"))
    }

    fn map(&mut self, start: Span, depth: usize) -> Result<Node> {
        let mut entries: Vec<(Text, Node)> = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                let span = entries.first().map_or(start, |(key, _)| key.span);
                return Ok(Node { span, kind: Kind::Map(entries) });
            }
            let key = self.key(event, span, depth)?;
            if let Some((first, _)) = entries.iter().find(|(other, _)| other.value == key.value) {
                let (line, _) = self.source.position(first.span.start);
                let message = format!("`{}` stands twice", key.value);
                return Err(Diagnostic::new("duplicate-key", self.source, key.span, message)
                    .with_help(format!("it was given on line {line} already; leave one of them out")));
            }
            let Some((event, span)) = self.next()? else { break };
            let value = self.node(event, span, depth + 1)?;
            entries.push((key, value));
        }
        Err(Diagnostic::new("yaml", self.source, start, "this mapping does not end"))
    }

    fn key(&mut self, event: Event<'a>, span: YamlSpan, depth: usize) -> Result<Text> {
        let node = self.node(event, span, depth + 1)?;
        match node.kind {
            Kind::Scalar { text, .. } => Ok(Text { value: text, span: node.span }),
            _ => {
                Err(Diagnostic::new("yaml", self.source, node.span, "a key has to be a single word or text")
                    .with_help("put a value that begins with `{` or `[` in double quotes"))
            }
        }
    }
}

fn byte_span(span: &YamlSpan) -> Span {
    let range = span.byte_range().unwrap_or_default();
    Span { start: range.start, end: range.end }
}
