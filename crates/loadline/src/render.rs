//! What a run looks like: re-exports of the report crate, for those who embed the library.

pub use loadline_report::*;
