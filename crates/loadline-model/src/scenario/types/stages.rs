//! How much load, and for how long.

use std::time::Duration;

use serde::Serialize;

use super::{duration, optional_duration};

/// The load, stage after stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Arrivals come at a rate, whatever the service does.
    Open(Vec<OpenStage>),
    /// Users wait for the answer before they go on.
    Closed(Vec<ClosedStage>),
}

/// A stage of the open model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenStage {
    /// Arrivals per second at its beginning.
    pub from_per_s: f64,
    /// Arrivals per second at its end; the rate goes there in a straight line.
    pub to_per_s: f64,
    /// How long.
    #[serde(rename = "for", serialize_with = "duration")]
    pub duration: Duration,
    /// Left out of objectives and summary.
    pub warmup: bool,
    /// How arrivals are spread.
    pub arrivals: Arrivals,
}

/// A stage of the closed model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClosedStage {
    /// How many users there are.
    pub users: u32,
    /// How long.
    #[serde(rename = "for", serialize_with = "duration")]
    pub duration: Duration,
    /// Left out of objectives and summary.
    pub warmup: bool,
    /// The least time from the start of a user's flow to the start of its next one.
    #[serde(serialize_with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub pacing: Option<Duration>,
}

/// How arrivals are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly.
    #[default]
    Uniform,
    /// At random and independently of one another.
    Poisson,
}

impl Arrivals {
    /// `uniform` or `poisson`.
    pub fn name(self) -> &'static str {
        match self {
            Arrivals::Uniform => "uniform",
            Arrivals::Poisson => "poisson",
        }
    }
}
