//! `loadline check`: what is wrong with a file, without any traffic.

use std::path::{Path, PathBuf};

use loadline::forecast::PlanningError;
use loadline::model::plan::{Plan, is_plan};
use loadline::model::scenario::Scenario;

use super::exit::{Exit, UserError, sort};
use super::input::{folder_of, name_of, text};
use super::output::Output;

/// Read scenario and plan files and say what is wrong with them, without any traffic
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Scenario or plan files (a plan has `services`); `-` reads stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Check {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let mut wrong = Vec::new();
        for file in &self.files {
            match checked(file) {
                Ok(()) => out.say(format!("{}: fine", file.display())),
                Err(error) => match error.downcast::<UserError>()? {
                    UserError::Diagnostics(diagnostics) => wrong.extend(diagnostics),
                    other => return Err(other.into()),
                },
            }
        }
        if wrong.is_empty() { Ok(Exit::Done) } else { Err(UserError::Diagnostics(wrong).into()) }
    }
}

fn checked(file: &Path) -> anyhow::Result<()> {
    let (text, name, base) = (text(file)?, name_of(file), folder_of(file));
    if is_plan(&text) {
        let plan = Plan::parse(&text, &name).map_err(UserError::Diagnostics)?;
        return loadline::plan::check(&plan, &base).map_err(|error| match error {
            PlanningError::Plan(diagnostics) => UserError::Diagnostics(diagnostics).into(),
            error => UserError::input(error),
        });
    }
    let env = |variable: &str| std::env::var(variable).ok();
    let scenario = Scenario::parse(&text, &name, env).map_err(UserError::Diagnostics)?;
    loadline::run::compile(&scenario, &base).map(drop).map_err(sort)
}
