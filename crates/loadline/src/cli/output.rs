//! Where words go: data to stdout, talk to stderr, documents to files or `-`.

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;

use super::exit::UserError;

/// What the user wants to see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    quiet: bool,
    colour: bool,
}

impl Output {
    pub(crate) fn new(quiet: bool, no_color: bool) -> Self {
        let refused = no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Output { quiet, colour: !refused }
    }

    /// Whether anything but errors and data is said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(crate) fn colour_stdout(&self) -> bool {
        self.colour && io::stdout().is_terminal()
    }

    pub(crate) fn colour_stderr(&self) -> bool {
        self.colour && io::stderr().is_terminal()
    }

    /// Talk.
    pub(crate) fn say(&self, line: impl std::fmt::Display) {
        if !self.quiet {
            talk(line);
        }
    }

    /// Data on stdout.
    pub(crate) fn print(&self, data: &[u8]) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        unless_gone(stdout.write_all(data).and_then(|()| stdout.flush())).context("failed to write to stdout")
    }

    /// A document to a file, or to stdout for `-`.
    pub(crate) fn write(&self, path: &Path, data: &[u8]) -> anyhow::Result<()> {
        if is_stdout(path) {
            return self.print(data);
        }
        unless_gone(fs::write(path, data)).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
                no_place(path, &error)
            }
            _ => anyhow::Error::from(error).context(format!("failed to write {}", path.display())),
        })
    }
}

/// Fails early where a file cannot be written later.
pub(crate) fn check_writable(path: &Path) -> anyhow::Result<()> {
    if is_stdout(path) {
        return Ok(());
    }
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map(drop)
        .map_err(|error| no_place(path, &error))
}

fn no_place(path: &Path, error: &io::Error) -> anyhow::Error {
    UserError::input(format!("cannot write to {}: {error}", path.display()))
}

/// A line on stderr. Whoever listened may be gone: that is no reason to stop a measurement.
pub(crate) fn talk(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether `-` stands for stdout.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// A reader that went away has had enough. That is no failure, and it changes no verdict either.
fn unless_gone(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}
