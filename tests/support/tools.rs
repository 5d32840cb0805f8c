//! Programs that a test needs and that may not be installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::harness::Skip;

/// The path of a program of a Debian package.
pub(crate) fn program(name: &str, package: &str) -> Result<PathBuf, Skip> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = [PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")];
    let found =
        std::env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| Skip(format!("{name} is not installed (apt-get install {package})")))
}

/// A Python that has the package `hdrhistogram`: that of the target folder's `venv`, or the system's.
pub(crate) fn python_with_hdrhistogram() -> Result<PathBuf, Skip> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is in the target folder");
    let candidates = [target.join("venv/bin/python"), PathBuf::from("python3")];
    let has_it = |python: &&PathBuf| {
        let import = Command::new(python).args(["-c", "import hdrh.log"]).stderr(Stdio::null()).status();
        import.is_ok_and(|status| status.success())
    };
    let missing = || {
        Skip(format!(
            "no Python with the package hdrhistogram (python3 -m venv {0} && {0}/bin/pip install hdrhistogram)",
            target.join("venv").display()
        ))
    };
    candidates.iter().find(has_it).cloned().ok_or_else(missing)
}
