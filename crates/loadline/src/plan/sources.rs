//! Where a service of a plan has its demand and its capacity from: files, relative to the plan, and servers.

use std::path::Path;

use loadline_analysis::headroom::Capacity;
use loadline_analysis::ingest::{Aggregate, Columns, Parts, Reading, Step, UTILISATIONS, Zone};
use loadline_model::plan::{CapacitySource, DemandSource, Plan, Service};
use loadline_model::scenario::Text;

use super::loaded::wrong;
use crate::demand::{Source, load};
use crate::forecast::{PlanningError, Request};
use crate::headroom::{
    Demand, InstanceCapacity, UtilisationHistory, of_table, of_utilisation, parse_capacity,
};
use crate::prometheus::{Access, Query};

/// The forecast of a service's own demand, where it has one.
pub(super) fn demand(
    plan: &Plan,
    service: &Service,
    base: &Path,
    request: &Request,
    access: &Access,
) -> Result<Option<Demand>, PlanningError> {
    let Some(source) = &service.demand else { return Ok(None) };
    let (DemandSource::File { only, .. } | DemandSource::Prometheus { only, .. }) = source;
    let source = source_of(source, base).map_err(|(text, message)| wrong(plan, text.span, message))?;
    let mut all = load(&source, access)?;
    let names: Vec<String> = only.iter().map(|name| name.value.clone()).collect();
    crate::demand::only(&mut all, &names).map_err(|(unknown, meant)| {
        let help = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        let span = only.iter().find(|name| name.value == unknown).map_or(service.name.span, |name| name.span);
        wrong(plan, span, format!("the demand has no series `{unknown}`{help}"))
    })?;
    let zone = match source {
        Source::Files { reading, .. } => reading.zone,
        Source::Prometheus(_) => None,
    };
    Demand::forecast(&all, &Request { zone, ..request.clone() }, service.per_s).map(Some)
}

/// Days of history asked of a server where the plan does not say.
const HISTORY_S: f64 = 180.0 * 86_400.0;

/// Where the demand of a service is read; an error names the text that is to blame.
fn source_of<'a>(source: &'a DemandSource, base: &Path) -> Result<Source, (&'a Text, String)> {
    match source {
        DemandSource::File { file, time, value, series, step, aggregate, timezone, only: _ } => {
            let reading = Reading {
                columns: Columns {
                    time: name(time),
                    value: name(value),
                    series: name(series),
                    ..Columns::default()
                },
                step: read(step, Step::parse)?,
                aggregate: read(aggregate, Aggregate::parse)?.unwrap_or_default(),
                zone: read(timezone, Zone::parse)?,
            };
            Ok(Source::Files { path: base.join(&file.value), reading, parts: Parts::default() })
        }
        DemandSource::Prometheus { url, query, last_s, step, only: _ } => Ok(Source::Prometheus(Query {
            url: url.value.clone(),
            query: query.value.clone(),
            last_s: last_s.unwrap_or(HISTORY_S),
            step_s: read(step, Step::parse_seconds)?,
        })),
    }
}

/// A field that need not be there, read by `parse`; an error names its text.
fn read<T>(
    text: &Option<Text>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, (&Text, String)> {
    text.as_ref().map(|text| parse(&text.value).map_err(|message| (text, message))).transpose()
}

fn name(text: &Option<Text>) -> Option<String> {
    text.as_ref().map(|text| text.value.clone())
}

/// How a history beside the demand is read: at the same times.
fn reading_beside(demand: Option<&DemandSource>, columns: Columns) -> Result<Reading, String> {
    let (step, timezone) = match demand {
        Some(DemandSource::File { step, timezone, .. }) => (step, timezone),
        Some(DemandSource::Prometheus { step, .. }) => (step, &None),
        None => (&None, &None),
    };
    let message = |(_, message)| message;
    let (step, zone) =
        (read(step, Step::parse).map_err(message)?, read(timezone, Zone::parse).map_err(message)?);
    Ok(Reading { columns, step, zone, ..Reading::default() })
}

/// A capacity as the plan says it; files are relative to it.
pub(super) fn capacity(service: &Service, demand: &Demand, base: &Path) -> Result<InstanceCapacity, String> {
    match &service.capacity {
        CapacitySource::Written(text) => {
            let file = base.join(&text.value);
            if file.is_file() {
                parse_capacity(&file.display().to_string())
            } else {
                parse_capacity(&text.value)
            }
        }
        CapacitySource::Interval { low, high, confidence, .. } => {
            let interval = Capacity::interval(*low, *high, *confidence);
            let source = format!("given as a {:.0} % interval", 100.0 * confidence);
            Ok(InstanceCapacity::new(interval, source))
        }
        CapacitySource::Table { file, row } => {
            of_table(&base.join(&file.value), row.as_ref().map_or(&service.name.value, |row| &row.value))
        }
        CapacitySource::Utilisation(source) => {
            let columns = Columns {
                time: name(&source.time),
                value: name(&source.value),
                usual_values: UTILISATIONS,
                ..Columns::default()
            };
            let reading = reading_beside(service.demand.as_ref(), columns)?;
            let (file, instances) = (base.join(&source.file.value), name(&source.instances));
            let history = UtilisationHistory::load(&file, &reading, instances.as_deref(), source.target)?;
            of_utilisation(demand.history(), &history, service.instances)
        }
    }
}
