//! What is wrong with a file: the message, the place, and the way out.

use std::{fmt, ops::Range, sync::Arc};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// A text with the name it is known by.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name as the user gave it.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A range of bytes in a [`Source`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Source {
    /// A source that diagnostics can share.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Source> {
        Arc::new(Source { name: name.into(), text: text.into() })
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..self.floor(byte)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// Where `part` stands within `span`, or `span` itself where it is not found as it is.
    pub fn locate(&self, span: Span, part: &str) -> Span {
        let within = self.text.get(span.start..span.end).unwrap_or_default();
        match within.find(part) {
            Some(at) if !part.is_empty() => {
                Span { start: span.start + at, end: span.start + at + part.len() }
            }
            _ => span,
        }
    }

    fn floor(&self, byte: usize) -> usize {
        self.text.floor_char_boundary(byte.min(self.text.len()))
    }

    /// The part of `span` on its first line, at least one character wide where there is one.
    fn first_line(&self, span: Span) -> Range<usize> {
        let start = self.floor(span.start);
        let rest = &self.text[start..];
        let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let least = rest.chars().next().map_or(0, char::len_utf8).min(line);
        let end = self.floor(span.end).clamp(start + least, start + line.max(least));
        start..end
    }
}

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// A short stable name of the kind of mistake, such as `unknown-key`.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The place in the text.
    pub span: Span,
    /// The way out.
    pub help: Option<String>,
    source: Arc<Source>,
}

impl Diagnostic {
    /// A mistake at `span` of `source`.
    pub fn new(
        code: &'static str,
        source: &Arc<Source>,
        span: Span,
        message: impl Into<String>,
    ) -> Diagnostic {
        let (line, column) = source.position(span.start);
        Diagnostic { code, message: message.into(), line, column, span, help: None, source: source.clone() }
    }

    /// The line it stands in.
    pub fn line_text(&self) -> &str {
        self.source.text.lines().nth(self.line.saturating_sub(1)).unwrap_or_default()
    }

    /// The file's name as the user gave it.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// The same with a way out.
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// The message with the offending line and a caret beneath it.
    pub fn render(&self, colour: bool) -> String {
        let span = self.source.first_line(self.span);
        let snippet = Snippet::source(&self.source.text)
            .path(self.file())
            .annotation(AnnotationKind::Primary.span(span));
        let mut group = Level::ERROR.primary_title(&self.message).id(self.code).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file(), self.line, self.column, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl std::error::Error for Diagnostic {}

/// The name among `known` that `name` was probably meant to be.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let longer = candidate.chars().count().max(lower.chars().count());
            *distance <= (longer / 3).max(1) && *distance < longer
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `x`?``, or else what there is to choose from.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => {
            let all: Vec<_> = known.into_iter().map(|known| format!("`{known}`")).collect();
            format!("known here: {}", all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_shows_the_line_and_a_caret() {
        let source = Source::new("shop.yaml", "name: é\nwieght: 3\n");
        let diagnostic =
            Diagnostic::new("unknown-key", &source, Span { start: 9, end: 15 }, "unknown key `wieght`")
                .with_help(suggestion("wieght", ["weight", "name"]));
        assert_eq!((diagnostic.line, diagnostic.column), (2, 1));
        let shown = [
            "error[unknown-key]: unknown key `wieght`",
            " --> shop.yaml:2:1",
            "  |",
            "2 | wieght: 3",
            "  | ^^^^^^",
            "  |",
            "  = help: did you mean `weight`?",
        ];
        assert_eq!(diagnostic.render(false), shown.join("\n"));
        assert!(diagnostic.render(true).contains("\u{1b}["));
        assert_eq!(diagnostic.to_string(), "shop.yaml:2:1: unknown key `wieght`; did you mean `weight`?");
    }

    #[test]
    fn no_place_is_out_of_reach() {
        let source = Source::new("x", "é\nb");
        for start in 0..6 {
            for end in start..7 {
                Diagnostic::new("x", &source, Span { start, end }, "m").render(true);
            }
        }
        Diagnostic::new("x", &Source::new("x", ""), Span::default(), "m").render(false);
    }
}
