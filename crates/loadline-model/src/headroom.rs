//! `loadline/headroom@1`: capacity against demand to come.

use serde::{Deserialize, Serialize};

use crate::series::Time;

/// The schema of [`HeadroomDocument`].
pub const SCHEMA: &str = "loadline/headroom@1";

/// What `headroom --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadroomDocument {
    /// [`SCHEMA`].
    pub schema: String,
    /// 1 − demand / capacity at the policy's quantile; the demand is the highest of the latest season.
    pub headroom_now: Option<f64>,
    /// When it runs out.
    pub runs_out: RunsOut,
    /// For each step, the probability that demand has been above capacity at least once by then.
    pub probability: Vec<Probability>,
    /// For each step, the instances that the policy asks for.
    pub instances: Vec<Instances>,
    /// The latest date to order; `null` without a lead time, or where nothing has to be ordered within the horizon.
    pub order_by: Option<Time>,
    /// The share of an error budget that expected overload eats in its first 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_budget_eaten: Option<f64>,
    /// Of a plan, the service that the fields above speak of: the one most likely to run out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Of a plan, the services in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Outlook>,
    /// Of a plan, the services under each what-if.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what_ifs: Vec<Outlook>,
    /// What a reader should know besides.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One service at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// The service.
    pub service: String,
    /// What is assumed besides the plan; `null` for the plan itself.
    pub what_if: Option<String>,
    /// As in [`HeadroomDocument`].
    pub headroom_now: Option<f64>,
    /// As in [`HeadroomDocument`].
    pub runs_out: RunsOut,
    /// The probability of having run out by the end of the horizon.
    pub exceeded_by_end: f64,
    /// The most instances needed within the horizon.
    pub needed_max: Option<u64>,
    /// As in [`HeadroomDocument`].
    pub order_by: Option<Time>,
}

/// The first dates by which demand has been above capacity with that probability; `null`: not within the horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunsOut {
    /// With 10 %.
    pub p10: Option<Time>,
    /// With 50 %.
    pub p50: Option<Time>,
    /// With 90 %.
    pub p90: Option<Time>,
}

/// The probability of having run out by a date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probability {
    /// The date.
    pub date: Time,
    /// 0 to 1, never falling.
    pub exceeded_by: f64,
}

/// The instances needed at a date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instances {
    /// The date.
    pub date: Time,
    /// How many, redundancy included; `null` where the capacity of one may be nothing.
    pub needed: Option<u64>,
}
