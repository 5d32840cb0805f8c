//! The command line of Loadline.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main().into()
}
