//! `loadline check`: what is wrong with a file, without any traffic.

use std::path::PathBuf;

use super::exit::{Exit, UserError, sort};
use super::input;
use super::output::Output;

/// Read scenario files and say what is wrong with them, without any traffic
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Scenario files; `-` reads stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Check {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let mut wrong = Vec::new();
        for file in &self.files {
            let checked = input::scenario(file)
                .and_then(|(scenario, base)| loadline::run::compile(&scenario, &base).map_err(sort));
            match checked {
                Ok(_) => out.say(format!("{}: fine", file.display())),
                Err(error) => match error.downcast::<UserError>()? {
                    UserError::Diagnostics(diagnostics) => wrong.extend(diagnostics),
                    other => return Err(other.into()),
                },
            }
        }
        if wrong.is_empty() { Ok(Exit::Done) } else { Err(UserError::Diagnostics(wrong).into()) }
    }
}
