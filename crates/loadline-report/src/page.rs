//! What every page shares: one file that loads nothing, its banner, tiles, tables and charts.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::chart::document::{inline, page_style};
use crate::chart::{Picture, Size};

const STYLE: &str = include_str!("page.css");

/// How a sentence is meant, for colour and icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// A promise was broken.
    Bad,
    /// The figures do not tell, or cannot be trusted.
    Doubt,
    /// Neither: nothing was promised.
    Plain,
}

impl Tone {
    /// A CSS class.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Doubt => "doubt",
            Tone::Plain => "plain",
        }
    }
}

/// A figure with its label of doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) text: String,
    /// Fewer than ten samples lie beyond the quantile.
    pub(crate) few: bool,
}

impl Figure {
    pub(crate) fn plain(text: String) -> Self {
        Figure { text, few: false }
    }

    /// The text with its doubt in words: `≈ 8.8 ms, too few samples`.
    pub(crate) fn in_words(&self) -> String {
        if self.few { format!("≈ {}, too few samples", self.text) } else { self.text.clone() }
    }

    /// The text with its doubt as a sign: `≈ 8.8 ms`.
    pub(crate) fn in_short(&self) -> String {
        if self.few { format!("≈ {}", self.text) } else { self.text.clone() }
    }
}

/// One of the large figures at the top of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) label: &'static str,
    pub(crate) figure: Figure,
    /// What the figure is to be read against.
    pub(crate) note: String,
}

/// Widths that charts are drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// The whole width of a page.
    Full,
    /// Two beside each other.
    Half,
    /// A telephone.
    Narrow,
}

impl Width {
    pub(crate) fn size(self, height: u32) -> Size {
        match self {
            Width::Full => Size { width: 1080, height },
            Width::Half => Size { width: 524, height: height * 4 / 5 },
            Width::Narrow => Size { width: 360, height: height * 4 / 5 },
        }
    }
}

/// A whole page around `content`, which is to have an element with the id `charts`.
pub(crate) fn document(title: &str, content: &Markup, footer: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="Loadline";
                title { (title) }
                style { (PreEscaped(page_style())) (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#charts" { "Skip to the charts" }
                main { (content) }
                footer { (footer) }
            }
        }
    };
    page.into_string()
}

/// The banner that a page begins with: the verdict as a word and a sentence, then lines that qualify it.
pub(crate) fn banner(tone: Tone, name: &str, word: &str, sentence: &str, lines: &Markup) -> Markup {
    html! {
        header class={ "verdict " (tone.class()) } {
            p.name { (name) }
            h1 { strong { (word) } " — " (sentence) }
            (lines)
        }
    }
}

pub(crate) fn key_figures(tiles: &[Tile]) -> Markup {
    html! {
        section aria-label="Key figures" {
            dl.tiles {
                @for tile in tiles {
                    div {
                        dt { (tile.label) }
                        dd.figure { (figure(&tile.figure)) }
                        dd.note { (tile.note) }
                    }
                }
            }
        }
    }
}

/// A figure; one that rests on too few samples is muted and says so.
fn figure(figure: &Figure) -> Markup {
    html! {
        @if figure.few {
            span.few title="fewer than ten samples lie beyond this percentile" {
                "≈ " (figure.text) span.words { "too few samples" }
            }
        } @else { (figure.text) }
    }
}

/// The same in a table, where the words would not fit: they stand below it.
pub(crate) fn short(figure: &Figure) -> Markup {
    html! { @if figure.few { span.few { "≈ " (figure.text) } } @else { (figure.text) } }
}

/// A word in a pill.
pub(crate) fn badge(tone: Tone, word: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { (word) } }
}

/// A chart drawn twice, for wide and for narrow screens: text in a picture that shrinks cannot be read.
pub(crate) fn chart(width: Width, draw: impl Fn(Width) -> Option<Picture>) -> Markup {
    let Some(wide) = draw(width) else { return html! {} };
    let narrow = draw(Width::Narrow);
    html! {
        figure {
            div.wide { (PreEscaped(inline(&wide, &format!("{}-w", wide.name)))) }
            @if let Some(narrow) = narrow {
                div.narrow { (PreEscaped(inline(&narrow, &format!("{}-n", narrow.name)))) }
            }
        }
    }
}

pub(crate) fn pairs(rows: &[(&'static str, String)]) -> Markup {
    html! { dl.pairs { @for (name, value) in rows { dt { (name) } dd { (value) } } } }
}

/// A table that scrolls by itself on a narrow screen, by keyboard too.
pub(crate) fn scroll(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}
