//! Charts: what every page shares. A chart knows scales, marks and labels, and nothing of what they mean.
//!
//! [`Chart`] lays out a picture and draws through plotters on a [`canvas`]; [`scale`] has axes, [`labels`] the
//! places of words, [`palette`] the colours, and [`document`] makes a stand-alone file of a picture.

pub mod canvas;
pub(crate) mod dates;
pub mod document;
pub mod frame;
pub mod labels;
pub mod palette;
pub mod scale;
#[cfg(feature = "png")]
pub(crate) mod sheet;

pub use frame::{Axis, Chart, EndLabel, Head, Mark, Size};
pub use palette::Role;
pub use scale::Scale;

/// A drawn picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Short and unique in its report: file name, and part of ids in a page.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The same in a sentence or two for those who cannot see it.
    pub description: String,
    /// Width in CSS pixels.
    pub width: u32,
    /// Height in CSS pixels.
    pub height: u32,
    /// The inside of the `<svg>`; colours are classes (see [`palette`]).
    pub body: String,
}
