//! One picture of a whole report: what it says, and all its charts below one another.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::canvas::{Anchor, Canvas};
use super::labels::wrap;
use super::palette::{BACKGROUND, SHAPES, Theme, colours};
use super::{Picture, Role};

/// Inter, Latin only, under the SIL Open Font License (see `fonts/OFL.txt`).
const FONTS: [&[u8]; 2] =
    [include_bytes!("../../fonts/Inter-Regular.ttf"), include_bytes!("../../fonts/Inter-SemiBold.ttf")];
const WIDTH: u32 = 1080;
const MARGIN: u32 = 36;
const GAP: u32 = 40;
/// Picture elements for each CSS pixel.
const ZOOM: f32 = 1.5;
const HEADLINE: f64 = 22.0;
const SMALL: f64 = 15.0;

/// A line of the head; a long one is wrapped.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    text: String,
    role: Role,
    size: f64,
    bold: bool,
}

impl Line {
    /// What the report is about.
    pub(crate) fn name(text: impl Into<String>) -> Line {
        Line { text: text.into(), role: Role::Muted, size: SMALL, bold: true }
    }

    /// What it found.
    pub(crate) fn headline(text: impl Into<String>) -> Line {
        Line { text: text.into(), role: Role::Ink, size: HEADLINE, bold: true }
    }

    /// How that is to be taken.
    pub(crate) fn remark(text: impl Into<String>) -> Line {
        Line { text: text.into(), role: Role::Muted, size: SMALL, bold: false }
    }

    /// A finding of its own.
    pub(crate) fn finding(text: impl Into<String>) -> Line {
        Line { text: text.into(), role: Role::Ink, size: SMALL, bold: false }
    }
}

/// Lines and charts as a PNG on white.
pub(crate) fn png(lines: &[Line], pictures: &[Picture]) -> Vec<u8> {
    let mut database = fontdb::Database::new();
    FONTS.iter().for_each(|font| database.load_font_data(font.to_vec()));
    database.set_sans_serif_family("Inter");
    let options =
        Options { fontdb: Arc::new(database), font_family: "Inter".to_owned(), ..Options::default() };
    let (svg, width, height) = sheet(lines, pictures);
    let tree = Tree::from_str(&svg, &options).expect("our own svg is well formed");
    let zoomed = |px: u32| (px as f32 * ZOOM) as u32;
    let mut pixels = Pixmap::new(zoomed(width), zoomed(height)).expect("the size is not zero");
    resvg::render(&tree, Transform::from_scale(ZOOM, ZOOM), &mut pixels.as_mut());
    pixels.encode_png().expect("writing to memory does not fail")
}

/// One SVG with everything, in light colours: renderers of pictures know no theme.
fn sheet(lines: &[Line], pictures: &[Picture]) -> (String, u32, u32) {
    let (head, head_height) = head(lines);
    let mut body = format!("<svg x=\"{MARGIN}\" y=\"{MARGIN}\">{head}</svg>");
    let mut y = MARGIN + head_height;
    for picture in pictures {
        let (width, height) = (picture.width, picture.height);
        let inside = &picture.body;
        body.push_str(&format!(
            "<svg x=\"{MARGIN}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">{inside}</svg>"
        ));
        y += picture.height + GAP;
    }
    let (width, height) = (WIDTH + 2 * MARGIN, y - GAP + MARGIN);
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"Inter\">\
         <style>{SHAPES}{}</style><rect width=\"100%\" height=\"100%\" fill=\"{}\"/>{body}</svg>",
        colours(Theme::Light),
        BACKGROUND[0]
    );
    (svg, width, height)
}

fn head(lines: &[Line]) -> (String, u32) {
    let mut canvas = Canvas::new(WIDTH, 0);
    let mut y = 0.0;
    for Line { text, role, size, bold } in lines {
        for line in wrap(text, *size, f64::from(WIDTH)) {
            y += size * 1.4;
            canvas.text((0.0, y - size * 0.7), &line, *role, *size, Anchor::Start, *bold);
        }
    }
    (canvas.into_body(), y as u32 + GAP)
}
