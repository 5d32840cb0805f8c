//! `loadline check`: what is wrong with a file, without any traffic.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use loadline::model::diagnostic::Diagnostic;
use loadline::model::plan::{Plan, is_plan};
use loadline::model::scenario::{Load, Scenario};
use loadline::model::slo::Slo;

use super::exit::{Exit, UserError, sort};
use super::forecast;
use super::input::{folder_of, name_of, scenario_of, text};
use super::output::Output;
use super::source::AccessFlags;

/// Read scenario and plan files and say what is wrong with them, without any load; of a plan also the files and
/// servers that it names
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Scenario or plan files (a plan has `services`); `-` reads stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Say which environment variables are not set, but do not call that wrong
    #[arg(long)]
    allow_unset_env: bool,
    #[command(flatten)]
    access: AccessFlags,
}

impl Check {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let mut wrong = Vec::new();
        for file in &self.files {
            let mut unset = BTreeSet::new();
            let checked = self.checked(file, &mut unset);
            let note = |note: &str| out.say(format!("{}: note: {note}", file.display()));
            let faults = match checked {
                Ok(notes) => {
                    notes.iter().for_each(|text| note(text));
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

    /// What is worth a note in a file that is right; `unset` takes the variables that stand for anything.
    fn checked(&self, file: &Path, unset: &mut BTreeSet<String>) -> anyhow::Result<Vec<String>> {
        let (text, name, base) = (text(file)?, name_of(file), folder_of(file));
        if is_plan(&text) {
            let plan = Plan::parse(&text, &name).map_err(UserError::Diagnostics)?;
            loadline::plan::check(&plan, &base, &self.access.access()?).map_err(forecast::sort)?;
            return Ok(Vec::new());
        }
        let scenario = scenario_of(&text, &name, |name| self.value(name, unset))?;
        loadline::run::compile(&scenario, &base).map_err(sort)?;
        Ok(notes(&scenario))
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
