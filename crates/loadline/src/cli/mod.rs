//! The command line: it reads flags, calls the journeys of the library, and says what came of it.
//!
//! stdout is data, stderr is talk. Every verb has a file of its own with its flags and a `run` that gives an [`Exit`].

mod changes;
mod check;
mod compare;
mod demo;
mod exit;
mod fit;
mod forecast;
mod headers;
mod headroom;
mod input;
mod live;
mod meta;
mod output;
mod planning;
mod report;
mod run;
mod serve;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use exit::{Exit, UserError};

/// Load testing and capacity planning with numbers that can be trusted, or are labelled as not.
#[derive(Debug, Parser)]
#[command(name = "loadline", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb understands.
#[derive(Debug, Clone, clap::Args)]
struct Global {
    /// Say nothing but errors
    #[arg(long, short, global = true, env = "LOADLINE_QUIET")]
    quiet: bool,
    /// Use no colours (the variable NO_COLOR does the same)
    #[arg(long, global = true)]
    no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Demo),
    Run(run::Run),
    Report(report::Report),
    Fit(fit::Fit),
    Forecast(forecast::Forecast),
    Headroom(headroom::Headroom),
    Check(check::Check),
    Compare(compare::Compare),
    Changes(changes::Changes),
    Serve(serve::Serve),
    Schema(meta::Schema),
    Completions(meta::Completions),
    Man(meta::Man),
}

/// Runs the command line.
pub(crate) fn main() -> Exit {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let out = output::Output::new(cli.global.quiet, cli.global.no_color);
    let outcome = match cli.verb {
        Verb::Demo(verb) => verb.run(&out),
        Verb::Run(verb) => verb.run(&out),
        Verb::Report(verb) => verb.run(&out),
        Verb::Fit(verb) => verb.run(&out),
        Verb::Forecast(verb) => verb.run(&out),
        Verb::Headroom(verb) => verb.run(&out),
        Verb::Check(verb) => verb.run(&out),
        Verb::Compare(verb) => verb.run(&out),
        Verb::Changes(verb) => verb.run(&out),
        Verb::Serve(verb) => verb.run(&out),
        Verb::Schema(verb) => verb.run(&out),
        Verb::Completions(verb) => verb.run(&out),
        Verb::Man(verb) => verb.run(&out),
    };
    outcome.unwrap_or_else(|error| fail(&out, &error))
}

/// Help and version are data; anything else that clap has to say is bad usage.
fn usage(error: &clap::Error) -> Exit {
    // A closed pipe is no reason to fail.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

/// Says what went wrong: faults in what the user gave, or ours.
fn fail(out: &output::Output, error: &anyhow::Error) -> Exit {
    if output::is_broken_pipe(error) {
        return Exit::Done;
    }
    match error.downcast_ref::<UserError>() {
        Some(UserError::Diagnostics(diagnostics)) => {
            for diagnostic in diagnostics {
                eprintln!("{}\n", diagnostic.render(out.colour_stderr()));
            }
            Exit::Usage
        }
        Some(_) => {
            eprintln!("error: {error:#}");
            Exit::Usage
        }
        None => {
            eprintln!("error: {error:#}");
            Exit::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// clap looks for names used twice and the like in development builds only: so a test has to.
    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
