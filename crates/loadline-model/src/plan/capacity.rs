//! Where the capacity of an instance comes from.

use super::values::{Limits, parse_fraction, value};
use crate::{
    diagnostic::Span,
    scenario::{
        Text,
        read::{Fields, Reader},
        yaml::{Kind, Node},
    },
};

/// What one instance carries, in the unit of the demand.
#[derive(Debug, Clone, PartialEq)]
pub enum CapacitySource {
    /// As a number, a rate, a range or the file of a saturation document.
    Written(Text),
    /// A central interval.
    Interval {
        /// Its lower end, above 0.
        low: f64,
        /// Its upper end.
        high: f64,
        /// Its probability.
        confidence: f64,
        /// Where it stands.
        span: Span,
    },
    /// A row of a CSV with `name,capacity[,low,high][,confidence]`.
    Table {
        /// The file, relative to the plan.
        file: Text,
        /// The name in the row; the service's where not given.
        row: Option<Text>,
    },
    /// Derived from histories of demand and utilisation, at a target.
    Utilisation(UtilisationSource),
}

/// A history of utilisation, to be set against the demand.
#[derive(Debug, Clone, PartialEq)]
pub struct UtilisationSource {
    /// The file, relative to the plan.
    pub file: Text,
    /// The column of the time.
    pub time: Option<Text>,
    /// The column of the utilisation, as a share or in per cent.
    pub value: Option<Text>,
    /// The column of the number of instances; the service's `instances` where not given.
    pub instances: Option<Text>,
    /// The utilisation to plan for.
    pub target: f64,
}

impl CapacitySource {
    /// Where it stands in the plan.
    pub fn span(&self) -> Span {
        match self {
            CapacitySource::Written(text) => text.span,
            CapacitySource::Interval { span, .. } => *span,
            CapacitySource::Table { file, row } => row.as_ref().unwrap_or(file).span,
            CapacitySource::Utilisation(source) => source.file.span,
        }
    }
}

const HELP: &str =
    "write `low` and `high`, `table: capacities.csv`, or `utilisation: cpu.csv` with `at: 70%`";

/// Reads the `capacity` of a service.
pub(super) fn capacity(node: &Node, reader: &mut Reader) -> Option<CapacitySource> {
    if !matches!(node.kind, Kind::Map(_)) {
        return reader.text(node, "capacity").map(CapacitySource::Written);
    }
    let mut fields = reader.fields(node, "capacity")?;
    let source = if fields.has("table") {
        table(&mut fields, reader)
    } else if fields.has("utilisation") {
        utilisation(&mut fields, reader)
    } else {
        interval(&mut fields, reader)
    };
    fields.finish(reader, "a capacity");
    source
}

fn interval(fields: &mut Fields<'_>, reader: &mut Reader) -> Option<CapacitySource> {
    let span = fields.span;
    let low = fields.need(reader, "low", HELP).and_then(|n| reader.positive(n, "low"));
    let high = fields.need(reader, "high", HELP).and_then(|n| reader.positive(n, "high"));
    let share: Limits<f64> = (|v| v > 0.0 && v < 1.0, "write a share between 0 and 1, such as 90%");
    let confidence = value(fields.get("confidence"), "confidence", reader, parse_fraction, share);
    let (low, high) = (low?, high?);
    if low > high {
        reader.problem("out-of-range", span, "the capacity's interval ends before it begins", "swap the two");
        return None;
    }
    Some(CapacitySource::Interval { low, high, confidence: confidence.unwrap_or(0.9), span })
}

fn table(fields: &mut Fields<'_>, reader: &mut Reader) -> Option<CapacitySource> {
    let mut text = |name: &'static str| fields.get(name).and_then(|n| reader.text(n, name));
    let (file, row) = (text("table"), text("row"));
    Some(CapacitySource::Table { file: file?, row })
}

fn utilisation(fields: &mut Fields<'_>, reader: &mut Reader) -> Option<CapacitySource> {
    let used: Limits<f64> = (|v| v > 0.0 && v <= 1.0, "write a share above 0, such as 70%");
    let at = fields.need(reader, "at", "say which utilisation to plan for: `at: 70%`");
    let target = value(at, "at", reader, parse_fraction, used);
    let mut text = |name: &'static str| fields.get(name).and_then(|n| reader.text(n, name));
    let (file, time, column, instances) =
        (text("utilisation"), text("time"), text("value"), text("instances"));
    Some(CapacitySource::Utilisation(UtilisationSource {
        file: file?,
        time,
        value: column,
        instances,
        target: target?,
    }))
}
