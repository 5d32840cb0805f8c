//! How capacity is to be planned: with which probability it has to suffice, what may be lost, and what may be used.

use super::values::{Limits, parse_fraction, parse_span, value};
use crate::scenario::{read::Reader, yaml::Node};

/// How capacity is to be planned; see the fields of the same names on the command line.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanPolicy {
    /// The probability with which capacity has to suffice.
    pub quantile: f64,
    /// What may be lost.
    pub redundancy: Redundancy,
    /// The short peak over the mean of one sampling interval.
    pub burst: f64,
    /// The share of an instance's capacity to be used.
    pub utilisation: f64,
    /// Seconds from ordering to serving.
    pub lead_time_s: Option<f64>,
    /// Seconds that autoscaling takes; 0 where instances are ordered rather than scaled.
    pub autoscaling_lag_s: f64,
    /// The promised share of good requests.
    pub availability: Option<f64>,
}

impl Default for PlanPolicy {
    /// A risk of one in ten, and no other margin.
    fn default() -> PlanPolicy {
        PlanPolicy {
            quantile: 0.9,
            redundancy: Redundancy::None,
            burst: 1.0,
            utilisation: 1.0,
            lead_time_s: None,
            autoscaling_lag_s: 0.0,
            availability: None,
        }
    }
}

/// What has to survive the loss of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Redundancy {
    /// Nothing is spare.
    #[default]
    None,
    /// N + k: so many instances are spare.
    Spare(u32),
    /// Instances are spread evenly over so many zones (at least 2), one of which may be lost.
    Zones(u32),
}

impl Redundancy {
    /// Reads `none`, `n+1`, `n+2`, … or `zones:3`.
    pub fn parse(text: &str) -> Result<Redundancy, String> {
        let lower = text.trim().to_ascii_lowercase();
        let spare = || lower.strip_prefix("n+").and_then(|k| k.parse().ok()).map(Redundancy::Spare);
        let zones = || {
            let zones = lower.strip_prefix("zones:").and_then(|z| z.trim().parse().ok());
            zones.filter(|z| *z >= 2).map(Redundancy::Zones)
        };
        let none = (lower == "none").then_some(Redundancy::None);
        none.or_else(spare)
            .or_else(zones)
            .ok_or_else(|| format!("`{text}` is no redundancy; write `none`, `n+1`, `n+2` or `zones:3`"))
    }
}

impl std::fmt::Display for Redundancy {
    /// As it is read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Redundancy::None => write!(f, "none"),
            Redundancy::Spare(spare) => write!(f, "n+{spare}"),
            Redundancy::Zones(zones) => write!(f, "zones:{zones}"),
        }
    }
}

/// Reads a policy; what it does not say is as in `usual`.
pub(super) fn policy(node: &Node, usual: &PlanPolicy, reader: &mut Reader) -> Option<PlanPolicy> {
    let mut fields = reader.fields(node, "a policy")?;
    let share: Limits<f64> = (|v| v > 0.0 && v < 1.0, "write a share between 0 and 1, such as 95%");
    let used: Limits<f64> = (|v| v > 0.0 && v <= 1.0, "write a share above 0, such as 70%");
    let factor: Limits<f64> = (|v| v >= 1.0, "write a factor of at least 1, such as 1.3");
    let span: Limits<f64> = (|v| v >= 0.0, "write a duration such as 14d");
    let any: Limits<Redundancy> = (|_| true, "write none, n+1, n+2 or zones:3");
    let policy = PlanPolicy {
        quantile: value(fields.get("quantile"), "quantile", reader, parse_fraction, share)
            .unwrap_or(usual.quantile),
        redundancy: value(fields.get("redundancy"), "redundancy", reader, Redundancy::parse, any)
            .unwrap_or(usual.redundancy),
        burst: value(fields.get("burst"), "burst", reader, parse_fraction, factor).unwrap_or(usual.burst),
        utilisation: value(fields.get("utilisation"), "utilisation", reader, parse_fraction, used)
            .unwrap_or(usual.utilisation),
        lead_time_s: value(fields.get("lead_time"), "lead_time", reader, parse_span, span)
            .or(usual.lead_time_s),
        autoscaling_lag_s: value(fields.get("autoscaling_lag"), "autoscaling_lag", reader, parse_span, span)
            .unwrap_or(usual.autoscaling_lag_s),
        availability: value(fields.get("availability"), "availability", reader, parse_fraction, share)
            .or(usual.availability),
    };
    fields.finish(reader, "a policy");
    Some(policy)
}
