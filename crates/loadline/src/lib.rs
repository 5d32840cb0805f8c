//! Loadline: load testing and capacity planning with numbers that can be trusted, or are labelled as not.
//!
//! This crate holds the journeys, each of which the command line is a thin shell over:
//! [`run`](mod@run) drives a scenario and leaves a run directory, [`report`] reads it back,
//! [`points`] reads what was measured elsewhere, [`demo`] shows it all and [`serve`] is a service whose truth is known. The parts they are made of are re-exported.

pub mod demo;
pub mod directory;
pub mod events;
pub mod forecast;
pub mod headroom;
pub mod host;
pub mod plan;
pub mod points;
pub mod report;
pub mod run;
pub mod runs;
pub mod serve;

pub use loadline_analysis as analysis;
pub use loadline_generator as generator;
pub use loadline_model as model;
pub use loadline_report as render;
