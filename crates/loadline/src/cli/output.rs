//! Where words go: data to stdout, talk to stderr, documents to files or `-`.

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;

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
        unless_gone(fs::write(path, data)).map_err(|error| not_written(path, error))
    }

    /// Markdown to a file. The file that `GITHUB_STEP_SUMMARY` names is added to, as GitHub's actions want it.
    pub(crate) fn write_markdown(&self, path: &Path, text: &str) -> anyhow::Result<()> {
        if !is_step_summary(path) {
            return self.write(path, text.as_bytes());
        }
        let file = fs::OpenOptions::new().append(true).create(true).open(path);
        unless_gone(file.and_then(|mut file| file.write_all(text.as_bytes())))
            .map_err(|error| not_written(path, error))
    }
}

/// Whether `path` is the summary of a step of GitHub's actions, which every step adds to.
fn is_step_summary(path: &Path) -> bool {
    std::env::var_os("GITHUB_STEP_SUMMARY")
        .is_some_and(|summary| !summary.is_empty() && path == Path::new(&summary))
}

/// Fails early where a file cannot be written later, and leaves nothing behind.
pub(crate) fn check_writable(path: &Path) -> anyhow::Result<()> {
    if is_stdout(path) {
        return Ok(());
    }
    let is_new = fs::symlink_metadata(path).is_err();
    let opened = fs::OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| not_written(path, error))?;
    if is_new {
        // It could be made just now, and so it can later.
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// Fails where a result would take the place of what it is made from.
pub(crate) fn check_apart(output: &Path, input: Option<&Path>) -> anyhow::Result<()> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    match (real(output), input.and_then(real)) {
        (Some(output_is), Some(input_is)) if output_is == input_is => Err(super::exit::UserError::input(
            format!("{} is what is read: give the result a file of its own", output.display()),
        )),
        _ => Ok(()),
    }
}

/// A place that cannot be written to is the user's to mend; a full disk is not.
fn not_written(path: &Path, error: io::Error) -> anyhow::Error {
    use io::ErrorKind as K;
    let reason = match error.kind() {
        K::NotFound => "there is no such folder",
        K::NotADirectory => "a part of the path is a file",
        K::IsADirectory => "it is a folder",
        K::PermissionDenied => "permission denied",
        _ => return anyhow::Error::from(error).context(format!("failed to write {}", path.display())),
    };
    super::exit::UserError::input(format!("cannot write to {}: {reason}", path.display()))
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
