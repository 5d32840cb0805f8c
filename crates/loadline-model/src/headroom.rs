//! `loadline/headroom@1`: capacity against demand to come.

use serde::{Deserialize, Serialize};

use crate::forecast::SeriesForecast;
use crate::series::Time;

/// The schema of [`HeadroomDocument`].
pub const SCHEMA: &str = "loadline/headroom@1";

/// What `headroom --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadroomDocument {
    /// [`SCHEMA`].
    pub schema: String,
    /// What the plan is called; empty without a plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// 1 − demand / capacity at the policy's quantile; the demand is the highest of the latest season.
    pub headroom_now: Option<f64>,
    /// When it runs out.
    pub runs_out: RunsOut,
    /// For each step, the probability that demand has been above capacity at least once by then.
    pub probability: Vec<Probability>,
    /// For each step, the fewest instances with which capacity suffices until then with the policy's quantile.
    pub instances: Vec<Instances>,
    /// The latest date to order: the lead time before the first step at which more are needed than there are; `null`
    /// without a lead time, or where nothing has to be ordered within the horizon.
    pub order_by: Option<Time>,
    /// The day that this was asked on: the end of the history, or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<Time>,
    /// The share of an error budget that expected overload eats in its first 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_budget_eaten: Option<f64>,
    /// Of a plan, the service that the fields above speak of: the one that is first to be more likely to have run out than
    /// its policy allows; where none is, the one most likely to run out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Of a plan, the services in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Outlook>,
    /// Of a plan, the services under each what-if.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what_ifs: Vec<Outlook>,
    /// Everything about each service, in the order of the plan; one entry without a plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<ServiceHeadroom>,
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
    /// What the dearest month costs; `null` without a price.
    #[serde(default)]
    pub cost_per_month_max: Option<f64>,
    /// As in [`HeadroomDocument`].
    #[serde(default)]
    pub error_budget_eaten: Option<f64>,
    /// What a reader should know of the what-if besides what holds for the plan itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Everything about one service: what a page shows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceHeadroom {
    /// Its name; empty without a plan.
    pub service: String,
    /// Instances there are.
    pub instances_now: u32,
    /// What they carry.
    pub capacity: CapacityDocument,
    /// How capacity is planned.
    pub policy: PolicyDocument,
    /// The demand: its history, its forecast by joint paths (known events included), and how it did on the past. Its
    /// `points` hold the central 80 % and 95 % of the paths.
    pub demand: SeriesForecast,
    /// As in [`HeadroomDocument`].
    pub headroom_now: Option<f64>,
    /// As in [`HeadroomDocument`].
    pub runs_out: RunsOut,
    /// As in [`HeadroomDocument`].
    pub probability: Vec<Probability>,
    /// As in [`HeadroomDocument`].
    pub instances: Vec<Instances>,
    /// As in [`HeadroomDocument`].
    pub order_by: Option<Time>,
    /// As in [`HeadroomDocument`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<Time>,
    /// What overload does to the error budget; `null` without a promise of availability.
    pub error_budget: Option<ErrorBudget>,
    /// What the instances cost; `null` without a price.
    pub cost: Option<Cost>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// What a service carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityDocument {
    /// Where it comes from, in words.
    pub source: String,
    /// Of one instance, in the unit of the demand: the central 90 %.
    pub per_instance: Band,
    /// Of all instances as the policy lets them be used: after what may be lost, the share to be used, and the burst.
    pub usable: Band,
    /// Where it was derived from utilisation: the largest demand of an instance it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_max: Option<f64>,
}

/// A median with the central 90 % around it; the three are equal for a number taken at its word.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// The 5 % quantile.
    pub low: f64,
    /// The median.
    pub value: f64,
    /// The 95 % quantile.
    pub high: f64,
}

/// How capacity is planned, as it was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyDocument {
    /// The probability with which capacity has to suffice.
    pub quantile: f64,
    /// `none`, `n+1`, `zones:3`, …
    pub redundancy: String,
    /// The short peak over the mean of one sampling interval.
    pub burst: f64,
    /// The share of an instance's capacity to be used.
    pub utilisation: f64,
    /// Seconds from ordering to serving.
    pub lead_time_s: Option<f64>,
    /// Seconds that autoscaling takes.
    pub autoscaling_lag_s: f64,
}

/// What expected overload does to an error budget of 30 days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorBudget {
    /// The promised share of good requests.
    pub availability: f64,
    /// The share of the budget of the first 30 days that overload is expected to eat; above 1 it is overdrawn.
    pub eaten: f64,
    /// The probability that it is overdrawn in the first 30 days.
    pub overdrawn: f64,
    /// The share eaten in the worst 30 days of the horizon.
    pub worst: f64,
    /// When these begin.
    pub worst_from: Time,
    /// Days that the first figure rests on: fewer than 30 where the horizon is shorter.
    pub days: f64,
}

/// What the instances needed cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Such as `EUR`; empty where not said.
    pub currency: String,
    /// The price of an instance a month.
    pub instance_per_month: f64,
    /// What the instances there are cost a month.
    pub now_per_month: f64,
    /// The calendar months of the horizon (30 days each, where there are no dates).
    pub months: Vec<MonthCost>,
}

/// One month's cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonthCost {
    /// Such as `2026-12`; `1`, `2`, … where there are no dates.
    pub month: String,
    /// Days of it within the horizon.
    pub days: f64,
    /// The instances paid for: the most needed in it; with autoscaling their mean over time.
    pub instances: Option<f64>,
    /// What a whole month of them costs.
    pub per_month: Option<f64>,
    /// The same over the requests expected, in millions.
    pub per_million_requests: Option<f64>,
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
