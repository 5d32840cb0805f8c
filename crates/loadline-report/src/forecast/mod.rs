//! The report of forecasts of demand: text, Markdown, page and charts.

mod backtests;
pub(crate) mod fan;
mod html;
mod markdown;
mod seasons;
mod text;
pub(crate) mod words;

pub(crate) use backtests::backtests;
pub(crate) use seasons::seasons;

pub(crate) use html::stands_out;
pub use html::{charts, html};
pub use markdown::markdown;
pub use text::text;
