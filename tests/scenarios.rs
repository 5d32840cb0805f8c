//! Every ready scenario runs against `serve`, as it stands but for its length.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;

use crate::support::folder::Folder;
use crate::support::harness::{Room, trial};
use crate::support::loadline::{measure, run};
use crate::support::serve::Serve;
use crate::support::{count, root};

/// One test a file: a scenario that is added is tested.
pub(crate) fn trials() -> Vec<Trial> {
    let files = fs::read_dir(root().join("scenarios")).expect("the folder is there");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    assert!(files.len() >= 8, "{files:?}");
    let test = |file: PathBuf| {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        trial(format!("scenarios::{name}"), Room::Beside, move || runs(&file))
    };
    files.into_iter().map(test).collect()
}

fn runs(file: &Path) {
    let folder = Folder::new("scenario");
    let file = file.to_str().expect("a name that is text");
    run(&folder, &["check", file]).expect(0);
    let serve = Serve::start(&["--service", "exp:1ms"]);
    let flags = ["--target", &serve.url(""), "--warmup", "0s", "--duration", "2s"];
    let ended = measure(&folder, file, &flags);
    let summary = ended.json();
    assert_eq!(count(&summary, "/errors/total"), 0, "{}", summary["errors"]);
    assert_eq!((summary["status"].as_str(), count(&summary, "/unanswered")), (Some("complete"), 0));
    // Each name was asked for at least once, but for the branch that chance did not take.
    let silent = summary["requests_by_name"].as_array().expect("a list").iter();
    let silent: Vec<_> = silent.filter(|name| count(name, "/requests") == 0).collect();
    assert!(silent.is_empty(), "{silent:?}");
    assert!(count(&serve.settled_stats(), "/requests") >= count(&summary, "/requests"));
}
