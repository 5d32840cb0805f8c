//! Templates: text with `${{ … }}`, split and compiled once.

use minijinja::{
    Expression,
    value::{Value, ValueKind},
};

use super::session::Session;
use crate::exchange::{ErrorClass, Failure};

/// What has to be done to a value that goes into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// Nothing.
    None,
    /// Percent-encoding of all but unreserved characters (RFC 3986, 2.3).
    Url,
    /// The inside of a JSON string.
    Json,
}

/// A compiled piece of a template.
#[derive(Debug)]
pub(super) enum Segment {
    Literal(String),
    /// A variable, by slot.
    Slot(usize),
    /// A column of a data source.
    Column {
        source: usize,
        column: usize,
    },
    Iteration,
    User,
    Expression(Box<Expression<'static, 'static>>),
}

/// A compiled template.
#[derive(Debug, Default)]
pub(super) struct Template(pub(super) Vec<Segment>);

impl Segment {
    pub(super) fn value(&self, session: &Session) -> Result<Value, Failure> {
        let value = match self {
            Segment::Literal(text) => Value::from(text.as_str()),
            Segment::Slot(slot) => session.state().values[*slot].clone(),
            Segment::Column { source, column } => session.column(*source, *column),
            Segment::Iteration => session.state().arrival.iteration.into(),
            Segment::User => session.state().arrival.user.into(),
            Segment::Expression(expression) => {
                let scope = Value::from_dyn_object(session.scope().clone());
                expression.eval(scope).map_err(|error| not_evaluated(&error))?
            }
        };
        if value.is_undefined() { Err(self.without_value(session)) } else { Ok(value) }
    }

    fn without_value(&self, session: &Session) -> Failure {
        let names = session.names();
        let what = match self {
            Segment::Slot(slot) => {
                names.slots.iter().find(|(_, known)| *known == slot).map(|(name, _)| name.clone())
            }
            Segment::Column { source, column } => {
                let source = &names.sources[*source];
                Some(format!("{}.{}", source.name, source.columns[*column]))
            }
            _ => None,
        };
        let what = what.map_or("an expression".to_owned(), |name| format!("`{name}`"));
        ErrorClass::Template.because(format!("{what} has no value here"))
    }
}

impl Template {
    pub(super) fn literal(text: impl Into<String>) -> Template {
        Template(vec![Segment::Literal(text.into())])
    }

    pub(super) fn is_static(&self) -> bool {
        self.0.iter().all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// The only segment, where the template is nothing but one `${{ … }}`.
    pub(super) fn whole(&self) -> Option<&Segment> {
        match self.0.as_slice() {
            [segment] if !matches!(segment, Segment::Literal(_)) => Some(segment),
            _ => None,
        }
    }

    /// Appends the rendered text; only inserted values are escaped, not the literals.
    pub(super) fn render_into(
        &self,
        session: &Session,
        escape: Escape,
        out: &mut String,
    ) -> Result<(), Failure> {
        for segment in &self.0 {
            match segment {
                Segment::Literal(text) => out.push_str(text),
                other => write(&other.value(session)?, escape, out),
            }
        }
        Ok(())
    }

    pub(super) fn render(&self, session: &Session, escape: Escape) -> Result<String, Failure> {
        let mut out = String::with_capacity(64);
        self.render_into(session, escape, &mut out)?;
        Ok(out)
    }

    /// Rewrites the literals, once, when the script is compiled.
    pub(super) fn map_literals(mut self, rewrite: impl Fn(&str) -> String) -> Template {
        for segment in &mut self.0 {
            if let Segment::Literal(text) = segment {
                *text = rewrite(text);
            }
        }
        self
    }
}

/// An expression that has no answer.
pub(super) fn not_evaluated(error: &minijinja::Error) -> Failure {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    ErrorClass::Template.because(format!("an expression has no value: {}{detail}", error.kind()))
}

/// Appends a value as text: strings as they are, all else as JSON.
pub(super) fn write(value: &Value, escape: Escape, out: &mut String) {
    match value.as_str() {
        Some(text) => write_str(text, escape, out),
        None if value.kind() == ValueKind::Number => write_str(&value.to_string(), escape, out),
        None => write_str(&serde_json::to_string(value).unwrap_or_default(), escape, out),
    }
}

fn write_str(text: &str, escape: Escape, out: &mut String) {
    match escape {
        Escape::None => out.push_str(text),
        Escape::Url => percent_encode(text, out, |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)),
        Escape::Json => {
            let quoted = serde_json::to_string(text).unwrap_or_default();
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
}

pub(super) fn percent_encode(text: &str, out: &mut String, stays: impl Fn(u8) -> bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if stays(byte) {
            out.push(byte as char);
        } else {
            out.push('%');
            out.push(HEX[usize::from(byte >> 4)] as char);
            out.push(HEX[usize::from(byte & 15)] as char);
        }
    }
}

/// Where the `${{ … }}` of a text are: literals and the source between the braces. `$${{` stands for `${{`.
pub(super) fn split(text: &str) -> Result<Vec<Piece<'_>>, &str> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${{") {
        literal.push_str(&rest[..at]);
        let from = &rest[at..];
        if literal.ends_with('$') {
            literal.push_str("{{");
            rest = &from[3..];
            continue;
        }
        let end = from.find("}}").ok_or(from)?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Expression { inner: &from[3..end], whole: &from[..end + 2] });
        rest = &from[end + 2..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// A part of a template's text.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    Literal(String),
    Expression { inner: &'a str, whole: &'a str },
}
