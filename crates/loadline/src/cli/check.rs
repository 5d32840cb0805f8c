//! `loadline check`: what is wrong with a file, without any traffic.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use loadline::model::diagnostic::Diagnostic;
use loadline::model::scenario::{Load, Scenario};
use loadline::model::slo::Slo;

use super::exit::{Exit, UserError, sort};
use super::input;
use super::output::Output;

/// Read scenario files and say what is wrong with them, without any traffic
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Scenario files; `-` reads stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Say which environment variables are not set, but do not call that wrong
    #[arg(long)]
    allow_unset_env: bool,
}

impl Check {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let mut wrong = Vec::new();
        for file in &self.files {
            let note = |note: &str| out.say(format!("{}: note: {note}", file.display()));
            let mut unset = BTreeSet::new();
            let checked = input::scenario_with(file, |name| self.value(name, &mut unset)).and_then(
                |(scenario, base)| {
                    loadline::run::compile(&scenario, &base).map_err(sort)?;
                    Ok(scenario)
                },
            );
            let faults = match checked {
                Ok(scenario) => {
                    notes(&scenario).iter().for_each(|text| note(text));
                    Vec::new()
                }
                Err(error) => match error.downcast::<UserError>()? {
                    UserError::Diagnostics(diagnostics) => diagnostics,
                    other => return Err(other.into()),
                },
            };
            let names: Vec<&str> = unset.iter().map(String::as_str).collect();
            if !names.is_empty() {
                note(&format!("not set in the environment: {}", names.join(", ")));
            }
            let faults: Vec<_> = faults.into_iter().filter(|fault| !is_of(fault, &names)).collect();
            if faults.is_empty() {
                out.say(format!("{}: fine", file.display()));
            }
            wrong.extend(faults);
        }
        if wrong.is_empty() { Ok(Exit::Done) } else { Err(UserError::Diagnostics(wrong).into()) }
    }

    /// The value of an environment variable; one that is not set may stand for anything, where that is allowed.
    fn value(&self, name: &str, unset: &mut BTreeSet<String>) -> Option<String> {
        std::env::var(name).ok().or_else(|| {
            self.allow_unset_env.then(|| {
                unset.insert(name.to_owned());
                PLACEHOLDER.to_owned()
            })
        })
    }
}

/// Stands for a value that is not known; `invalid` is a name that never resolves (RFC 2606).
const PLACEHOLDER: &str = "http://unset.invalid";

/// Whether a fault lies in a value that is not known: then it is none.
fn is_of(fault: &Diagnostic, unset: &[&str]) -> bool {
    unset.iter().any(|name| fault.line_text().contains(name))
}

/// What is no fault, but may not be what was meant.
fn notes(scenario: &Scenario) -> Vec<String> {
    let Some(load) = &scenario.load else {
        return vec!["it has no `load`: without flags a run sends 50/s for 30 s".to_owned()];
    };
    let measured: Duration = match load {
        Load::Open(stages) => stages.iter().filter(|s| !s.warmup).map(|s| s.duration).sum(),
        Load::Closed(stages) => stages.iter().filter(|s| !s.warmup).map(|s| s.duration).sum(),
    };
    let too_long = scenario.slos.iter().filter(|slo| slo.over.is_some_and(|over| over > measured));
    let note = |slo: &Slo| {
        format!(
            "`{}` cannot be judged: the measured part takes {measured:?}, which is less than one window; make the load \
             longer or the window shorter",
            slo.text
        )
    };
    too_long.map(note).collect()
}
