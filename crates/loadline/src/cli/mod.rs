//! The command line: it reads flags, calls the journeys of the library, and says what came of it.
//!
//! stdout is data, stderr is talk. Every verb has a file of its own with its flags and a `run` that gives an [`Exit`].

mod changes;
mod check;
mod compare;
mod demo;
mod duel;
mod engine;
mod exit;
mod fit;
mod forecast;
mod headers;
mod headroom;
mod http;
mod input;
mod live;
mod live_search;
mod meta;
mod output;
mod planning;
mod report;
mod results;
mod run;
mod saturate;
mod serve;
mod source;
mod verdict;

use std::ffi::OsString;

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
    #[arg(long, short, global = true, env = "LOADLINE_QUIET", value_parser = input::yes_or_no())]
    quiet: bool,
    /// Use no colours (the variable NO_COLOR does the same)
    #[arg(long, global = true, env = "LOADLINE_NO_COLOR", value_parser = input::yes_or_no())]
    no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Demo),
    Run(run::Run),
    Saturate(saturate::Saturate),
    Report(report::Report),
    Fit(fit::Fit),
    Forecast(forecast::Forecast),
    Headroom(Box<headroom::Headroom>),
    Check(check::Check),
    Compare(compare::Compare),
    Duel(duel::Duel),
    Changes(changes::Changes),
    Serve(serve::Serve),
    Schema(meta::Schema),
    Completions(meta::Completions),
    Man(meta::Man),
}

/// Runs the command line.
pub(crate) fn main() -> Exit {
    let command = without_overruled_environment(Cli::command(), std::env::args_os());
    let matches = match command.try_get_matches() {
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
        Verb::Saturate(verb) => verb.run(&out),
        Verb::Report(verb) => verb.run(&out),
        Verb::Fit(verb) => verb.run(&out),
        Verb::Forecast(verb) => verb.run(&out),
        Verb::Headroom(verb) => verb.run(&out),
        Verb::Check(verb) => verb.run(&out),
        Verb::Compare(verb) => verb.run(&out),
        Verb::Duel(verb) => verb.run(&out),
        Verb::Changes(verb) => verb.run(&out),
        Verb::Serve(verb) => verb.run(&out),
        Verb::Schema(verb) => verb.run(&out),
        Verb::Completions(verb) => verb.run(&out),
        Verb::Man(verb) => verb.run(&out),
    };
    outcome.unwrap_or_else(|error| fail(&out, &error))
}

/// Flags that exclude one another.
const ALTERNATIVES: [[&str; 2]; 2] = [["rate", "users"], ["connections", "no_keepalive"]];

/// A flag goes before the environment, also before what the environment says for a flag that excludes it.
fn without_overruled_environment(
    mut command: clap::Command,
    args: impl Iterator<Item = OsString>,
) -> clap::Command {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let given = |id: &str| {
        let flag = format!("--{}", id.replace('_', "-"));
        args.iter().any(|arg| arg.split('=').next() == Some(&flag))
    };
    for verb in command.get_subcommands_mut() {
        for [one, other] in ALTERNATIVES.into_iter().flat_map(|[a, b]| [[a, b], [b, a]]) {
            if given(one) && verb.get_arguments().any(|arg| arg.get_id() == other) {
                *verb = std::mem::take(verb).mut_arg(other, |arg| arg.env(None));
            }
        }
    }
    command
}

/// Help and version are data; anything else that clap has to say is bad usage.
fn usage(error: &clap::Error) -> Exit {
    // A closed pipe is no reason to fail.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

/// Says what went wrong: faults in what the user gave, or ours.
fn fail(out: &output::Output, error: &anyhow::Error) -> Exit {
    match error.downcast_ref::<UserError>() {
        Some(UserError::Diagnostics(diagnostics)) => {
            for diagnostic in diagnostics {
                output::talk(format_args!("{}\n", diagnostic.render(out.colour_stderr())));
            }
            Exit::Usage
        }
        Some(_) => {
            output::talk(format_args!("error: {error:#}"));
            Exit::Usage
        }
        None => {
            output::talk(format_args!("error: {error:#}"));
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
