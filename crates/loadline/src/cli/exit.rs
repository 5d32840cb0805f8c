//! Exit codes, and the one kind of error that is the user's to mend.

use loadline::directory::DirectoryError;
use loadline::model::diagnostic::Diagnostic;
use loadline::run::JourneyError;

/// How the command ends. The codes are a contract: none is ever reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and every gate passed.
    Done = 0,
    /// The tool failed.
    Failed = 1,
    /// Bad usage or bad input.
    Usage = 2,
    /// A gate failed.
    Gate = 3,
    /// Too little evidence for a gate.
    Inconclusive = 5,
    /// The measurement was spoiled by the generator.
    Invalid = 6,
    /// Interrupted.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}

/// What the user gave cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserError {
    /// A value or a path.
    #[error("{0}")]
    Input(String),
    /// A file, with places in it.
    #[error("bad input")]
    Diagnostics(Vec<Diagnostic>),
}

impl UserError {
    pub(crate) fn input(message: impl std::fmt::Display) -> anyhow::Error {
        UserError::Input(message.to_string()).into()
    }
}

/// Sorts the journeys' errors into the user's and ours.
pub(crate) fn sort(error: JourneyError) -> anyhow::Error {
    match error {
        JourneyError::Scenario(diagnostics) => UserError::Diagnostics(diagnostics).into(),
        JourneyError::NoLoad => UserError::input(error),
        JourneyError::Generator(loadline::generator::run::RunError::Client(error)) => UserError::input(error),
        JourneyError::Directory(error) => sort_directory(error),
        JourneyError::Generator(_) => error.into(),
    }
}

/// The same for run directories.
pub(crate) fn sort_directory(error: DirectoryError) -> anyhow::Error {
    if error.is_bad_input() {
        let message = format!("{:#}", anyhow::Error::from(error));
        return UserError::input(message);
    }
    error.into()
}
