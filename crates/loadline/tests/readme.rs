//! What README shows is what the command says.

use std::path::Path;
use std::process::Command;

/// Files are measured once, so that the figures are the same everywhere.
#[test]
fn the_fit_of_the_readme_can_be_made_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let flags = ["fit", "scenarios/data/points.csv", "--at", "32", "--slo", "mean < 50ms"];
    let said = Command::new(env!("CARGO_BIN_EXE_loadline")).args(flags).current_dir(&root).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains("loadline fit scenarios/data/points.csv --at 32 --slo 'mean < 50ms'"));
    let said: Vec<&str> = said.lines().map(str::trim_end).collect();
    assert!(
        said.len() > 10 && readme.contains(&said.join("\n")),
        "README says otherwise:\n{}",
        said.join("\n")
    );
}
