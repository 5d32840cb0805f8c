//! Bodies: JSON, forms, text, files and multipart.

use bytes::Bytes;
use loadline_model::scenario::{self, PartContent, Value};

use super::{
    compile::{Compiler, literal},
    random::hash,
    session::Session,
    template::{Escape, Segment, Template, percent_encode, write},
};
use crate::exchange::{ErrorClass, Failure};

/// A compiled body.
#[derive(Debug)]
pub(super) enum Body {
    Fixed(Bytes),
    /// Pieces that are joined.
    Pieces(Vec<Piece>),
}

/// A piece of a body.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Vec<u8>),
    Text(Template, Escape),
    /// A value as JSON, with its type.
    Json(Segment),
}

impl Body {
    pub(super) fn is_static(&self) -> bool {
        matches!(self, Body::Fixed(_))
    }

    pub(super) fn render(&self, session: &Session) -> Result<Bytes, Failure> {
        let pieces = match self {
            Body::Fixed(bytes) => return Ok(bytes.clone()),
            Body::Pieces(pieces) => pieces,
        };
        let mut out = Vec::new();
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Text(template, escape) => template.render_into(session, *escape, &mut text)?,
                Piece::Json(segment) => {
                    let value = segment.value(session)?;
                    text.push_str(&serde_json::to_string(&value).map_err(|_| ErrorClass::Template)?);
                }
            }
            out.extend_from_slice(text.as_bytes());
            text.clear();
        }
        Ok(out.into())
    }
}

/// Collects pieces; those that are fixed grow together.
#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    fn bytes(&mut self, bytes: &[u8]) {
        match self.0.last_mut() {
            Some(Piece::Bytes(last)) => last.extend_from_slice(bytes),
            _ => self.0.push(Piece::Bytes(bytes.to_vec())),
        }
    }

    fn text(&mut self, template: Template, escape: Escape) {
        if !template.is_static() {
            // Literals are escaped like values: within JSON and forms both are data.
            let escaped = template.map_literals(|text| escaped(text, escape));
            return self.0.push(Piece::Text(escaped, escape));
        }
        self.bytes(escaped(&literal(&template), escape).as_bytes());
    }

    fn body(self) -> Body {
        if self.0.iter().all(|piece| matches!(piece, Piece::Bytes(_))) {
            let all = self.0.into_iter().flat_map(|piece| match piece {
                Piece::Bytes(bytes) => bytes,
                _ => Vec::new(),
            });
            return Body::Fixed(all.collect::<Vec<_>>().into());
        }
        Body::Pieces(self.0)
    }
}

fn escaped(text: &str, escape: Escape) -> String {
    let mut out = String::new();
    write(&text.into(), escape, &mut out);
    out
}

impl Compiler<'_> {
    /// A body and its media type.
    pub(super) fn body(&mut self, body: &scenario::Body) -> Option<(Body, Option<String>)> {
        let mut pieces = Pieces::default();
        let media_type = match body {
            scenario::Body::None => None,
            scenario::Body::Json(value) => {
                self.json(value, &mut pieces);
                Some("application/json".into())
            }
            scenario::Body::Form(pairs) => {
                self.form(pairs, &mut pieces);
                Some("application/x-www-form-urlencoded".into())
            }
            scenario::Body::Text(text) => {
                pieces.text(self.template(text), Escape::None);
                Some("text/plain; charset=utf-8".into())
            }
            scenario::Body::File(path) => {
                pieces.bytes(&self.file(path)?);
                Some("application/octet-stream".into())
            }
            scenario::Body::Multipart(parts) => {
                let boundary = boundary(parts);
                for part in parts {
                    self.part(part, &boundary, &mut pieces)?;
                }
                pieces.bytes(format!("--{boundary}--\r\n").as_bytes());
                Some(format!("multipart/form-data; boundary={boundary}"))
            }
        };
        Some((pieces.body(), media_type))
    }

    fn json(&mut self, value: &Value, pieces: &mut Pieces) {
        match value {
            Value::String(text) => {
                let mut template = self.template(text);
                if template.whole().is_some() {
                    pieces.0.extend(template.0.pop().map(Piece::Json));
                } else {
                    pieces.bytes(b"\"");
                    pieces.text(template, Escape::Json);
                    pieces.bytes(b"\"");
                }
            }
            Value::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    pieces.bytes(if at == 0 { b"[" } else { b"," });
                    self.json(item, pieces);
                }
                pieces.bytes(if items.is_empty() { b"[]" } else { b"]" });
            }
            Value::Map(entries) => {
                for (at, (key, value)) in entries.iter().enumerate() {
                    pieces.bytes(if at == 0 { b"{\"" } else { b",\"" });
                    pieces.text(self.template(key), Escape::Json);
                    pieces.bytes(b"\":");
                    self.json(value, pieces);
                }
                pieces.bytes(if entries.is_empty() { b"{}" } else { b"}" });
            }
            plain => pieces.bytes(plain.to_json().to_string().as_bytes()),
        }
    }

    fn form(&mut self, pairs: &[(scenario::Text, scenario::Text)], pieces: &mut Pieces) {
        for (at, (name, value)) in pairs.iter().enumerate() {
            if at > 0 {
                pieces.bytes(b"&");
            }
            pieces.text(self.template(name), Escape::Url);
            pieces.bytes(b"=");
            pieces.text(self.template(value), Escape::Url);
        }
    }

    fn part(&mut self, part: &scenario::Part, boundary: &str, pieces: &mut Pieces) -> Option<()> {
        let mut head =
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"", quoted(&part.name.value));
        let file = match &part.content {
            PartContent::File(path) => Some((path, self.file(path)?)),
            PartContent::Text(_) => None,
        };
        let own = file.as_ref().and_then(|(path, _)| path.value.rsplit(['/', '\\']).next());
        if let Some(name) = part.filename.as_ref().map(|name| name.value.as_str()).or(own) {
            head.push_str(&format!("; filename=\"{}\"", quoted(name)));
        }
        let media_type = part.content_type.as_ref().map(|text| text.value.as_str());
        if let Some(media_type) = media_type.or(file.as_ref().map(|_| "application/octet-stream")) {
            head.push_str(&format!("\r\ncontent-type: {}", media_type.replace(['\r', '\n'], " ")));
        }
        pieces.bytes(format!("{head}\r\n\r\n").as_bytes());
        match (&part.content, file) {
            (PartContent::Text(text), _) => pieces.text(self.template(text), Escape::None),
            (_, Some((_, bytes))) => pieces.bytes(&bytes),
            _ => {}
        }
        pieces.bytes(b"\r\n");
        Some(())
    }
}

/// A line of its own between parts; fixed by the names of the parts, so that a run can be repeated to the byte.
fn boundary(parts: &[scenario::Part]) -> String {
    let seed = parts
        .iter()
        .flat_map(|part| part.name.value.bytes())
        .fold(0, |seed, byte| hash(seed, u64::from(byte)));
    format!("loadline-{:016x}{:016x}", hash(seed, 1), hash(seed, 2))
}

/// As browsers write names within quotes (HTML, multipart/form-data encoding).
fn quoted(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '"' | '\r' | '\n' => percent_encode(c.encode_utf8(&mut [0; 4]), &mut out, |_| false),
            c => out.push(c),
        }
    }
    out
}
