//! The canvas under plotters: writes compact SVG with classes in place of colours.
//!
//! Plotters draws in whole units, so the canvas is ten times the size of the picture and writes tenths: curves stay
//! smooth, and coordinates short. Colours arrive as roles (see [`Role`]) and leave as CSS classes, so that one
//! picture serves the light and the dark theme.

use std::convert::Infallible;
use std::fmt::Write as _;

use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::palette::Role;

/// Canvas units in one unit of the picture.
pub const UNITS: i32 = 10;

/// Where a text stands to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A picture in the making.
#[derive(Debug)]
pub struct Canvas {
    width: u32,
    height: u32,
    body: String,
    /// The role of the filled path that is still open: neighbouring rectangles of a role share one path.
    open: Option<Role>,
}

impl Canvas {
    /// An empty picture of `width` × `height`.
    pub fn new(width: u32, height: u32) -> Self {
        Canvas { width, height, body: String::new(), open: None }
    }

    /// What was drawn, as the inside of an `<svg>`.
    pub fn into_body(mut self) -> String {
        self.close();
        self.body
    }

    /// Writes `text` with its vertical middle at `y`.
    pub fn text(
        &mut self,
        (x, y): (f64, f64),
        text: &str,
        role: Role,
        size: f64,
        anchor: Anchor,
        bold: bool,
    ) {
        self.close();
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if bold { " font-weight=\"600\"" } else { "" };
        // Half the height of a capital below the middle.
        let baseline = y + size * 0.36;
        let class = role.class();
        let _ = write!(
            self.body,
            "<text class=\"t {class}\" x=\"{x:.1}\" y=\"{baseline:.1}\" font-size=\"{size}\"{anchor}{weight}>"
        );
        escape_into(&mut self.body, text);
        self.body.push_str("</text>\n");
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.body.push_str("\"/>\n");
        }
    }

    fn area(&mut self, role: Role) {
        if self.open != Some(role) {
            self.close();
            let _ = write!(self.body, "<path class=\"a {}\" d=\"", role.class());
            self.open = Some(role);
        }
    }

    /// `M` to the first point, then relative lines: in tenths, so no error adds up.
    fn points(&mut self, points: impl IntoIterator<Item = BackendCoord>) {
        let mut last: Option<BackendCoord> = None;
        for (x, y) in points {
            match last {
                None => {
                    self.body.push('M');
                    self.pair(x, y);
                    self.body.push('l');
                }
                Some(at) if at == (x, y) => continue,
                Some((px, py)) => {
                    if !self.body.ends_with('l') && x >= px {
                        self.body.push(' ');
                    }
                    self.pair(x - px, y - py);
                }
            }
            last = Some((x, y));
        }
        if self.body.ends_with('l') {
            self.body.push_str("0 0");
        }
    }

    fn pair(&mut self, x: i32, y: i32) {
        push_tenths(&mut self.body, x);
        if y >= 0 {
            self.body.push(' ');
        }
        push_tenths(&mut self.body, y);
    }
}

fn push_tenths(out: &mut String, tenths: i32) {
    if tenths < 0 {
        out.push('-');
    }
    let (whole, part) = (tenths.abs() / UNITS, tenths.abs() % UNITS);
    if whole > 0 || part == 0 {
        let _ = write!(out, "{whole}");
    }
    if part > 0 {
        let _ = write!(out, ".{part}");
    }
}

/// Appends `text` fit for XML text and attributes; characters that XML forbids are replaced.
pub fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width * UNITS as u32, self.height * UNITS as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect(point, (point.0 + UNITS, point.1 + UNITS), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if !fill {
            return self.draw_path([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], style);
        }
        self.area(Role::from_backend(style.color()));
        self.body.push('M');
        self.pair(x0, y0);
        for (command, length) in [('h', x1 - x0), ('v', y1 - y0), ('h', x0 - x1)] {
            self.body.push(command);
            push_tenths(&mut self.body, length);
        }
        self.body.push('z');
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.close();
        let class = Role::from_backend(style.color()).class();
        let mut width = String::new();
        push_tenths(&mut width, style.stroke_width() as i32);
        let _ = write!(self.body, "<path class=\"l {class}\" stroke-width=\"{width}\" d=\"");
        self.points(path);
        self.body.push_str("\"/>\n");
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.close();
        let class = Role::from_backend(style.color()).class();
        let kind = if fill { 'a' } else { 'l' };
        let (cx, cy, r) = (center.0, center.1, radius as i32);
        self.body.push_str(&format!("<circle class=\"{kind} {class}\""));
        for (name, tenths) in [("cx", cx), ("cy", cy), ("r", r)] {
            let _ = write!(self.body, " {name}=\"");
            push_tenths(&mut self.body, tenths);
            self.body.push('"');
        }
        self.body.push_str("/>\n");
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.area(Role::from_backend(style.color()));
        self.points(path);
        self.body.push('z');
        Ok(())
    }

    /// Texts of plotters' own elements, by their anchor's left middle; ours go through [`Canvas::text`].
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let at = (f64::from(x) / f64::from(UNITS), f64::from(y) / f64::from(UNITS));
        let role = Role::from_backend(style.color());
        self.text(at, text, role, style.size() / f64::from(UNITS), Anchor::Start, false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_tenths_and_exact() {
        let mut canvas = Canvas::new(10, 10);
        canvas.draw_path([(5, 120), (15, 117), (15, 117), (9, 118)], &Role::Grid.to_backend()).unwrap();
        let body = canvas.into_body();
        assert!(body.contains("d=\"M.5 12l1-.3-.6 .1\""), "{body}");
    }

    #[test]
    fn rectangles_of_one_role_share_a_path() {
        let mut canvas = Canvas::new(10, 10);
        for (x, role) in [(0, Role::Heat(1)), (10, Role::Heat(1)), (20, Role::Heat(2))] {
            canvas.draw_rect((x, 0), (x + 10, 10), &role.to_backend(), true).unwrap();
        }
        let body = canvas.into_body();
        assert_eq!(body.matches("<path").count(), 2, "{body}");
        assert_eq!(body.matches("h1v1h-1z").count(), 3, "{body}");
    }

    #[test]
    fn text_is_escaped() {
        let mut canvas = Canvas::new(10, 10);
        canvas.text((0.0, 0.0), "a<b>&\"\u{1}\n", Role::Ink, 12.0, Anchor::Start, false);
        assert!(canvas.into_body().contains(">a&lt;b&gt;&amp;&quot;\u{fffd} </text>"));
    }
}
