//! The reports of Loadline: charts, HTML, Markdown, JUnit, pictures and text.
//!
//! Every function here is pure: it takes documents of the model and returns text or bytes. It opens no file and
//! knows no clock, so two reports of one run are byte for byte the same. What a server or a user wrote is escaped
//! wherever it is shown.
//!
//! | module | what |
//! |---|---|
//! | [`run`] | the report of one run |
//! | [`comparison`] | the report of a comparison between runs, and of changes in a history |
//! | [`forecast`] | the report of forecasts of demand |
//! | [`headroom`] | the report of capacity against demand to come |
//! | [`chart`] | scales, labels, palette and canvas, shared by all reports |
//! | `page` | what every page shares: banner, tiles, tables, style |
//! | [`format`] | figures as people read them |

pub mod chart;
pub mod comparison;
pub mod forecast;
pub mod format;
pub mod headroom;
mod page;
pub mod run;

pub use page::Tone;
