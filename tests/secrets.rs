//! What is secret stays out of all that a run leaves behind.

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::{Ended, command, run, start};
use crate::support::serve::Serve;

pub(crate) fn trials() -> Vec<Trial> {
    trials! { Beside: a_scripted_run_leaves_no_secret, a_command_line_leaves_no_secret, faults_quote_no_secret; }
}

/// Every secret in these tests holds this word, and nothing else does.
const SECRET: &str = "sesame";

/// All files below a folder, with their names.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        match entry.is_dir() {
            true => found.extend(files(&entry)),
            false => found.push((entry.display().to_string(), fs::read(&entry).expect("a file"))),
        }
    }
    found
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

#[track_caller]
fn leaves_nothing(folder: &Folder, ended: &Ended, words: &[&str]) {
    let run = files(&folder.join("run"));
    assert!(run.len() >= 3, "{run:?}");
    let talk = [
        ("stdout".to_owned(), ended.stdout.clone().into_bytes()),
        ("stderr".to_owned(), ended.stderr.clone().into_bytes()),
    ];
    for (name, bytes) in run.iter().chain(&talk) {
        for word in words {
            assert!(!holds(bytes, word), "`{word}` in {name}: {}", String::from_utf8_lossy(bytes));
        }
    }
}

const SCENARIO: &str = r#"
name: secrets
target: http://admin:sesame-userinfo@ADDRESS
load: [{ rate: 50/s, for: 1s }]
defaults: { headers: { x-api-key: sesame-key } }
variables:
  password: { env: SHOP_PASSWORD, secret: true }
  db_password: sesame-variable
flows:
  - name: buy
    steps:
      - post: /login?access_token=sesame-query
        name: login
        json: { user: "${{ password }}", password: "${{ password }}" }
        capture: { token: { json: $.token }, session: { cookie: session } }
      - post: /orders
        headers: { authorization: "Bearer ${{ token }}" }
        json: { password: sesame-body }
        check: { status: 201 }
      - get: /cookies
        headers: { cookie: "own=sesame-cookie" }
      - post: /echo
        auth: { basic: { user: me, password: sesame-basic } }
        form: { password: sesame-form }
        check: { body: { contains: "${{ password }}" } }
slos: [p50 < 10s]
"#;

/// The token that `serve` gives out begins with the user's name in hexadecimal.
fn a_scripted_run_leaves_no_secret() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("secrets");
    let file = folder.write("scenario.yaml", &SCENARIO.replace("ADDRESS", serve.address()));
    let mut line = command(&["run", &file, "--out", "run"]);
    line.env("SHOP_PASSWORD", "sesame-env");
    let ended = start(&folder, line).end();
    assert!(ended.stdout.contains("login"), "{}", ended.stdout);
    let token: String = b"sesame-env".iter().map(|byte| format!("{byte:02x}")).collect();
    leaves_nothing(&folder, &ended, &[SECRET, &token]);
    for form in ["-", "again.html", "again.md", "again.json"] {
        let again = run(&folder, &["report", "run", "-o", form]).expect(0);
        leaves_nothing(&folder, &again, &[SECRET, &token]);
        let written = fs::read(folder.join(form)).unwrap_or_default();
        assert!(!holds(&written, SECRET) && !holds(&written, &token), "in {form}");
    }
}

fn a_command_line_leaves_no_secret() {
    let serve = Serve::start(&[]);
    let folder = Folder::new("line");
    let url = format!("http://me:sesame-user@{}/?token=sesame-token&page=2", serve.address());
    let line = [
        "run",
        &url,
        "--rate",
        "50/s",
        "--duration",
        "1s",
        "--out",
        "run",
        "-H",
        "Authorization: Bearer sesame-bearer",
        "--header=Cookie: a=sesame-cookie",
        "-H",
        "x-auth-token:sesame-header",
        "--body",
        "{\"password\":\"sesame-body\"}",
        "-H",
        "accept: text/html",
    ];
    let ended = run(&folder, &line);
    leaves_nothing(&folder, &ended, &[SECRET]);
    let document = fs::read_to_string(folder.join("run/run.json")).expect("it is written");
    assert!(
        document.contains("page=2") && document.contains("text/html"),
        "what is no secret is kept: {document}"
    );
    assert_eq!(serve.settled_stats()["requests"], 50);
}

/// A target that is not there is named, its password is not.
fn faults_quote_no_secret() {
    let gone = Serve::start(&[]);
    let address = gone.address().to_owned();
    drop(gone);
    let folder = Folder::new("faults");
    let url = format!("http://me:sesame-user@{address}/?password=sesame-query");
    let ended = run(&folder, &["run", &url, "--rate", "5/s", "--duration", "1s", "--out", "run"]).expect(1);
    assert!(ended.stderr.contains(&address), "{}", ended.stderr);
    leaves_nothing(&folder, &ended, &[SECRET]);
}
