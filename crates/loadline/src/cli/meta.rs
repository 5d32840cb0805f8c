//! What the tool says about itself: schemas, shell completions, a man page.

use clap::{CommandFactory, ValueEnum};

use super::Cli;
use super::exit::{Exit, UserError};
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

/// Print the manual page, of the whole or of a verb
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The verb, such as `run`
    verb: Option<String>,
}

impl Man {
    pub(crate) fn run(self, out: &Output) -> anyhow::Result<Exit> {
        let mut command = Cli::command();
        command.build();
        let page = match &self.verb {
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(command).render(&mut page)?;
                page.extend_from_slice(exit_status().as_bytes());
                page
            }
            Some(verb) => page_of(&command, verb)?,
        };
        out.print(&page)?;
        Ok(Exit::Done)
    }
}

/// The page of one verb, named as it is called.
fn page_of(command: &clap::Command, verb: &str) -> anyhow::Result<Vec<u8>> {
    let Some(found) = command.find_subcommand(verb) else {
        let verbs: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        return Err(UserError::input(format!("there is no verb `{verb}`; there are {}", verbs.join(", "))));
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(found.clone().display_name(format!("loadline-{verb}"))).render(&mut page)?;
    Ok(page)
}

/// The exit codes as a section of a manual page (man-pages(7)).
fn exit_status() -> String {
    const MEANINGS: [(Exit, &str); 8] = [
        (Exit::Done, "done, and every gate passed"),
        (Exit::Failed, "the tool failed: target unreachable, disk full, a bug"),
        (Exit::Usage, "bad usage or bad input"),
        (Exit::Gate, "a gate failed: an objective was broken"),
        (Exit::Regressed, "regressed"),
        (Exit::Inconclusive, "inconclusive: too little evidence for a gate"),
        (Exit::Invalid, "invalid measurement: the generator was the bottleneck"),
        (Exit::Interrupted, "interrupted; what was measured until then is written"),
    ];
    let entry = |(exit, meaning): &(Exit, &str)| format!(".TP\n\\fB{}\\fR\n{meaning}\n", *exit as u8);
    format!(".SH \"EXIT STATUS\"\n{}", MEANINGS.iter().map(entry).collect::<String>())
}
