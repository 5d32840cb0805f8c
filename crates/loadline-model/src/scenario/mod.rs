//! A scenario: what is asked of which service, how often, and what it must keep.
//!
//! [`Scenario::parse`] reads the YAML that people write: unknown keys, wrong types and contradictions come back as
//! [`Diagnostic`]s, all of them at once. Templates are left as text; see [`types`] for the parts.

mod check;
mod env;
mod load;
mod overrides;
pub(crate) mod read;
mod record;
mod steps;
#[cfg(test)]
mod tests;
pub mod types;
pub(crate) mod yaml;

use std::{fmt, sync::Arc};

pub use load::BUILT_IN;
pub use overrides::OverrideError;
pub use record::{is_sensitive, strike_url};
pub use types::*;

use crate::{
    diagnostic::{Diagnostic, Source},
    run::LoadModel,
    slo::Slo,
};
use read::Reader;

/// A scenario as it was resolved.
#[derive(Clone, serde::Serialize)]
pub struct Scenario {
    /// What reports call it.
    pub name: String,
    /// Where requests go whose URL is a path.
    pub target: Text,
    /// Fixes arrivals, data rows, think times and choices between flows.
    pub seed: u64,
    /// The load; `None` where the file leaves it to the command line.
    pub load: Option<Load>,
    /// What holds for every request that does not say otherwise.
    pub defaults: Defaults,
    /// Named constants.
    pub variables: Vec<Variable>,
    /// Rows that flows draw from.
    pub data: Vec<DataSource>,
    /// What users do.
    pub flows: Vec<Flow>,
    /// What the service has to keep.
    #[serde(serialize_with = "types::slo_texts")]
    pub slos: Vec<Slo>,
    /// The text it was read from.
    #[serde(skip)]
    pub source: Arc<Source>,
}

impl fmt::Debug for Scenario {
    /// Shows the record: secrets struck out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scenario({})", self.record())
    }
}

/// The JSON Schema (2020-12) of scenario files, for editors.
pub fn schema() -> serde_json::Value {
    serde_json::from_str(include_str!("schema.json")).expect("the schema is a constant")
}

impl Scenario {
    /// Reads a scenario. `file` is the name that messages show; `env` looks an environment variable up.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(
        text: &str,
        file: &str,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Scenario, Vec<Diagnostic>> {
        let source = Source::new(file, text);
        let mut root = yaml::parse(&source).map_err(|diagnostic| vec![diagnostic])?;
        let mut reader = Reader { source, problems: Vec::new() };
        env::fill(&mut root, &env, &mut reader);
        let scenario = if reader.problems.is_empty() { read(&root, &env, &mut reader) } else { None };
        reader.problems.sort_by_key(|problem| problem.span.start);
        match scenario {
            Some(scenario) if reader.problems.is_empty() => Ok(scenario),
            _ => Err(reader.problems),
        }
    }

    /// All requests in the order of the file, those within loops and branches included.
    pub fn requests(&self) -> Vec<&Request> {
        let mut found = Vec::new();
        self.flows.iter().for_each(|flow| steps::requests(&flow.steps, &mut found));
        found
    }

    /// Who decides when the next request comes; `None` without a load.
    pub fn model(&self) -> Option<LoadModel> {
        self.load.as_ref().map(|load| match load {
            Load::Open(_) => LoadModel::Open,
            Load::Closed(_) => LoadModel::Closed,
        })
    }
}

fn read(root: &yaml::Node, env: env::Env, reader: &mut Reader) -> Option<Scenario> {
    let mut fields = reader.fields(root, "a scenario")?;
    let name = fields.get("name").and_then(|node| reader.text(node, "name"));
    let target = fields.need(reader, "target", "say where the service is: `target: http://127.0.0.1:8080`");
    let target = target.and_then(|node| target_url(node, reader));
    let seed = fields.get("seed").and_then(|node| reader.count(node, "seed", 0, u64::MAX)).unwrap_or(1);
    let load = fields.get("load").and_then(|node| load::load(node, reader));
    let defaults = fields.get("defaults").and_then(|node| load::defaults(node, reader)).unwrap_or_default();
    let variables =
        fields.get("variables").map(|node| load::variables(node, env, reader)).unwrap_or_default();
    let data = fields.get("data").map(|node| load::data(node, &variables, reader)).unwrap_or_default();
    let flows = fields.need(reader, "flows", "say what users do: `flows: [{ steps: [{ get: / }] }]`");
    let flows = flows.map(|node| steps::flows(node, reader)).unwrap_or_default();
    let slos = fields.get("slos");
    fields.finish(reader, "a scenario");
    let mut scenario = Scenario {
        name: name.map_or_else(|| stem(&reader.source.name), |name| name.value),
        target: target?,
        seed,
        load,
        defaults,
        variables,
        data,
        flows,
        slos: Vec::new(),
        source: reader.source.clone(),
    };
    let names: Vec<_> = scenario.requests().iter().map(|request| request.name.value.clone()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    scenario.slos = slos.map(|node| load::slos(node, &names, reader)).unwrap_or_default();
    Some(scenario)
}

fn target_url(node: &yaml::Node, reader: &mut Reader) -> Option<Text> {
    let text = reader.text(node, "target")?;
    if let Err(help) = overrides::check_target(&text.value) {
        reader.problem(
            "url",
            text.span,
            format!("the target `{}` is no URL", record::strike_url(&text.value)),
            help,
        );
    }
    Some(text)
}

/// `shop` of `scenarios/shop.yaml`.
fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).into()
}
