//! The reports of Loadline: charts, HTML, Markdown, JUnit, pictures and text.
//!
//! Every function here is pure: it takes documents of the model and returns text or bytes. It opens no file and
//! knows no clock, so two reports of one run are byte for byte the same. What a server or a user wrote is escaped
//! wherever it is shown.
//!
//! | module | what |
//! |---|---|
//! | [`run`] | the report of one run |
//! | [`saturation`] | the report of a search for the highest load within the objectives |
//! | [`comparison`] | the report of a comparison between runs, and of changes in a history |
//! | [`forecast`] | the report of forecasts of demand |
//! | [`headroom`] | the report of capacity against demand to come |
//! | [`chart`] | scales, labels, palette and canvas, shared by all reports |
//! | `page` | what every page shares: banner, tiles, tables, style |
//! | [`format`] | figures as people read them |
//!
//! The summary that `loadline run --json` printed, as a test result for a CI:
//!
//! ```
//! use loadline_model::run::Summary;
//! use loadline_report::run::{junit, text};
//!
//! let latency = r#"{ "p50_ms": 1.9, "p99_ms": 4.1, "max_ms": 21.0, "mean_ms": 2.0 }"#;
//! let summary: Summary = serde_json::from_str(&format!(
//!     r#"{{ "schema": "loadline/run@1", "name": "shop <&>", "status": "complete", "verdict": "fail", "model": "open",
//!           "validity": {{ "verdict": "valid", "reasons": [], "generator_delay_p99_ms": 0.08, "generator_cpu": 0.41 }},
//!           "duration_s": 60.0, "requests": 30000, "requests_per_s": 500.0, "offered_per_s": 500.0,
//!           "achieved_per_s": 499.9, "late": 0, "dropped": 0, "unanswered": 0, "connections": {{ "opened": 8 }},
//!           "errors": {{ "total": 3, "rate": 0.0001, "by_class": {{ "timeout": 3 }} }},
//!           "response": {latency}, "response_ok": {latency}, "service": {latency}, "delay": {latency},
//!           "requests_by_name": [],
//!           "slos": [{{ "slo": "p99 < 4ms", "verdict": "fail", "observed": 4.1, "limit": 4.0, "unit": "ms" }}] }}"#
//! ))?;
//! assert!(text(&summary, false).starts_with("FAIL"));
//! let xml = junit(&summary);
//! assert!(xml.contains(r#"failures="1""#) && xml.contains("shop &lt;&amp;&gt;"));
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod chart;
pub mod comparison;
pub mod forecast;
pub mod format;
pub mod headroom;
mod page;
pub mod run;
pub mod saturation;

pub use page::Tone;
