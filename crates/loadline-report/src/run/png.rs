//! One picture of the whole report.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::charts::pictures;
use super::headline::{headline, verdict_word};
use super::rows::observed;
use super::view::View;
use crate::chart::Role;
use crate::chart::canvas::{Anchor, Canvas};
use crate::chart::labels::wrap;
use crate::chart::palette::{BACKGROUND, SHAPES, Theme, colours};

/// Inter, Latin only, under the SIL Open Font License (see `fonts/OFL.txt`).
const FONTS: [&[u8]; 2] =
    [include_bytes!("../../fonts/Inter-Regular.ttf"), include_bytes!("../../fonts/Inter-SemiBold.ttf")];
const WIDTH: u32 = 1080;
const MARGIN: u32 = 36;
const GAP: u32 = 40;
/// Picture elements for each CSS pixel.
const ZOOM: f32 = 1.5;

/// The verdict and all charts below one another, as a PNG on white.
pub fn png(view: &View) -> Vec<u8> {
    let mut database = fontdb::Database::new();
    FONTS.iter().for_each(|font| database.load_font_data(font.to_vec()));
    database.set_sans_serif_family("Inter");
    let options =
        Options { fontdb: Arc::new(database), font_family: "Inter".to_owned(), ..Options::default() };
    let (svg, width, height) = sheet(view);
    let tree = Tree::from_str(&svg, &options).expect("our own svg is well formed");
    let zoomed = |px: u32| (px as f32 * ZOOM) as u32;
    let mut pixels = Pixmap::new(zoomed(width), zoomed(height)).expect("the size is not zero");
    resvg::render(&tree, Transform::from_scale(ZOOM, ZOOM), &mut pixels.as_mut());
    pixels.encode_png().expect("writing to memory does not fail")
}

/// One SVG with everything, in light colours: renderers of pictures know no theme.
fn sheet(view: &View) -> (String, u32, u32) {
    let (title, title_height) = title(view);
    let mut body = format!("<svg x=\"{MARGIN}\" y=\"{MARGIN}\">{title}</svg>");
    let mut y = MARGIN + title_height;
    for picture in pictures(view) {
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

fn title(view: &View) -> (String, u32) {
    let head = headline(&view.summary);
    let width = f64::from(WIDTH);
    let mut canvas = Canvas::new(WIDTH, 0);
    let mut y = 0.0;
    let mut write = |text: &str, role: Role, size: f64, bold: bool| {
        for line in wrap(text, size, width) {
            y += size * 1.4;
            canvas.text((0.0, y - size * 0.7), &line, role, size, Anchor::Start, bold);
        }
    };
    write(&view.summary.name, Role::Muted, 15.0, true);
    write(&format!("{} — {}", head.word, head.sentence), Role::Ink, 22.0, true);
    write(&head.validity, Role::Muted, 15.0, false);
    head.status.iter().for_each(|status| write(status, Role::Muted, 15.0, false));
    for slo in &view.summary.slos {
        let reason = slo.reason.iter().map(|reason| format!(" ({reason})")).collect::<String>();
        let word = verdict_word(slo.verdict);
        write(&format!("{word}  {}: observed {}{reason}", slo.slo, observed(slo)), Role::Ink, 15.0, false);
    }
    let height = y as u32 + GAP;
    (canvas.into_body(), height)
}
