//! What the tool says about itself: schemas, shell completions, a man page.

use clap::{CommandFactory, ValueEnum};

use super::Cli;
use super::exit::Exit;
use super::output::Output;

/// Print the JSON Schema of a file that people write, for editors
#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// Which file
    #[arg(default_value = "scenario")]
    file: SchemaOf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaOf {
    Scenario,
    Plan,
}

impl Schema {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let schema = match self.file {
            SchemaOf::Scenario => loadline::model::scenario::schema(),
            SchemaOf::Plan => loadline::model::plan::schema(),
        };
        out.print(format!("{schema:#}\n").as_bytes())?;
        Ok(Exit::Done)
    }
}

/// Print completions for a shell
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "loadline", &mut script);
        out.print(&script)?;
        Ok(Exit::Done)
    }
}

/// Print the manual page
#[derive(Debug, clap::Args)]
pub(crate) struct Man {}

impl Man {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        out.print(&page)?;
        Ok(Exit::Done)
    }
}
