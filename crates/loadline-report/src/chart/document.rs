//! Pictures as elements of a page and as files of their own.

use super::Picture;
use super::canvas::escape_into;
use super::palette::{BACKGROUND, FONTS, SHAPES, Theme, colours};

/// Room around a picture that stands alone.
const MARGIN: u32 = 16;

/// The picture as an element of a page that has [`page_style`]; `id` is unique in the page.
pub fn inline(picture: &Picture, id: &str) -> String {
    element(picture, id, 0, "", "")
}

/// The picture as a file of its own: with its styles for light and dark, and a background.
pub fn standalone(picture: &Picture) -> String {
    let style = format!(
        "<style>.bg{{color:{}}}{SHAPES}{}@media(prefers-color-scheme:dark){{.bg{{color:{}}}{}}}</style>\
         <rect class=\"a bg\" x=\"-{MARGIN}\" y=\"-{MARGIN}\" width=\"100%\" height=\"100%\"/>\n",
        BACKGROUND[0],
        colours(Theme::Light),
        BACKGROUND[1],
        colours(Theme::Dark),
    );
    let size = format!(
        " xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\"",
        picture.width + 2 * MARGIN,
        picture.height + 2 * MARGIN
    );
    element(picture, &picture.name, MARGIN, &size, &style)
}

/// The rules that inline pictures need, for light and dark.
pub fn page_style() -> String {
    format!(
        "{SHAPES}{}@media screen and (prefers-color-scheme:dark){{{}}}",
        colours(Theme::Light),
        colours(Theme::Dark)
    )
}

fn element(picture: &Picture, id: &str, margin: u32, attributes: &str, style: &str) -> String {
    let (width, height) = (picture.width + 2 * margin, picture.height + 2 * margin);
    let from = -i64::from(margin);
    let mut out = format!(
        "<svg{attributes} viewBox=\"{from} {from} {width} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
         font-family=\"{FONTS}\"><title id=\"{id}-t\">"
    );
    escape_into(&mut out, &picture.title);
    out.push_str(&format!("</title><desc id=\"{id}-d\">"));
    escape_into(&mut out, &picture.description);
    out.push_str("</desc>\n");
    out.push_str(style);
    out.push_str(&picture.body);
    out.push_str("</svg>");
    out
}
