//! The files of Loadline: what people write, what a run leaves behind, and the documents its verbs print.
//!
//! This crate reads from [`std::io::Read`] and writes to [`std::io::Write`]. It opens no file, knows no clock
//! and no socket, and so it cannot fail for any reason but the bytes it was given.
//!
//! | module | file |
//! |---|---|
//! | [`scenario`] | a scenario: what is asked of which service, how often, and what it must keep |
//! | [`slo`] | one service level objective, as written in a scenario or after `--slo` |
//! | [`run`] | `run.json`: how a run was made, and its [`run::Summary`] |
//! | [`recording`] | `intervals.ndjson` and `latency.hlog`: what was measured, second by second |
//! | [`baseline`] | a run in one file that can be committed |
//! | [`fit`] | a saturation model fitted to points |
//! | [`saturation`] | the highest rate within the objectives |
//! | [`series`] | a series of demand, and the times it is written with |
//! | [`forecast`] | the document of `forecast` |
//! | [`plan`] | a plan: services, what they can carry and what is asked of them |
//! | [`headroom`] | the document of `headroom` |
//! | [`histogram`] | latency histograms and the HdrHistogram log format |
//! | [`run_table`] | figures of many runs, one row a run |
//! | [`comparison`] | the verdict between two groups of runs |
//! | [`changes`] | the change points in a history of runs |
//!
//! What people write is read with an error for every mistake:
//!
//! ```
//! use loadline_model::scenario::Scenario;
//!
//! let text = "target: http://127.0.0.1:8080\nload: [{ rate: 50/s, for: 1m }]\nflows: [{ steps: [{ gte: / }] }]\n";
//! let faults = Scenario::parse(text, "shop.yaml", |_| None).unwrap_err();
//! let told = faults[0].render(false);
//! assert!(told.contains("shop.yaml:3") && told.contains("did you mean `get`?"), "{told}");
//! assert!(Scenario::parse(&text.replace("gte", "get"), "shop.yaml", |_| None).is_ok());
//! ```
//!
//! Beside them: [`units`] (durations, rates, sizes as people write them) and [`diagnostic`] (what is wrong with
//! a file, where, and the way out), and [`lines`] (which line of a table that is).

pub mod baseline;
pub mod changes;
pub mod comparison;
pub mod diagnostic;
pub mod fit;
pub mod forecast;
pub mod headroom;
pub mod histogram;
pub mod lines;
pub mod plan;
pub mod recording;
pub mod run;
pub mod run_table;
pub mod saturation;
pub mod scenario;
pub mod series;
pub mod slo;
pub mod units;
