//! Loadline: load testing and capacity planning with numbers that can be trusted, or are labelled as not.
//!
//! This crate holds the journeys, each of which the command line is a thin shell over:
//! [`run`](mod@run) drives a scenario and leaves a run directory, [`mod@saturate`] finds the highest load within the
//! objectives, [`report`] reads both back, [`duel`](mod@duel) loads two builds in one run and judges them, [`points`] reads
//! what was measured elsewhere and [`fit`](mod@fit) puts a model through it, [`demo`] shows it all and [`serve`] is a
//! service whose truth is known. The parts they are made of are re-exported.
//!
//! A run against such a service, judged by an objective:
//!
//! ```
//! use std::time::Duration;
//!
//! use loadline::model::scenario::Scenario;
//! use loadline::run::{RunOptions, run};
//! use loadline::serve::{ServeConfig, start};
//!
//! let service = start(ServeConfig { service: "const:5ms".parse()?, ..ServeConfig::default() })?;
//!
//! let mut scenario = Scenario::for_url(&format!("http://{}/", service.addr()), "GET", &[], None)?;
//! scenario.set_rate(100.0)?;
//! scenario.set_duration(Duration::from_secs(1))?;
//! scenario.set_slos(vec!["error_rate < 1%".parse()?])?;
//!
//! let out = std::env::temp_dir().join(format!("loadline-example-{}", std::process::id()));
//! let options = RunOptions { out: Some(out.clone()), ..RunOptions::default() };
//! let finished = run(&scenario, options, |_progress| {})?;
//! assert_eq!(finished.summary.requests, 100);
//! assert_eq!(finished.summary.requests, service.stop().stats.requests);
//! assert!(finished.summary.response.p50_ms >= Some(5.0));
//!
//! // The report is made from the run directory, now or in a year.
//! let page = loadline::render::run::html(&loadline::report::view(&out)?);
//! assert!(page.contains("error_rate"));
//! # std::fs::remove_dir_all(&out)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod baseline;
pub mod demand;
pub mod demo;
pub mod directory;
pub mod duel;
pub mod events;
pub mod fit;
pub mod forecast;
pub mod headroom;
pub mod host;
pub mod plan;
pub mod points;
pub mod prometheus;
pub mod report;
pub mod run;
pub mod runs;
pub mod saturate;
pub mod serve;

pub use loadline_analysis as analysis;
pub use loadline_generator as generator;
pub use loadline_model as model;
pub use loadline_report as render;
