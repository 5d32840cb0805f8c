//! The built binary.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::folder::Folder;

/// No journey takes this long; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// `loadline` with arguments, untouched by the environment's own settings for it.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LOADLINE_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A command on its way; it is killed when it is let go of.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The most memory it held, as far as it was seen.
    pub(crate) peak_bytes: u64,
}

/// Starts `command` in `folder`, which takes what it says.
pub(crate) fn start(folder: &Folder, mut command: Command) -> Running {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let (stdout, stderr) = (folder.join(format!("stdout-{number}")), folder.join(format!("stderr-{number}")));
    let child = command
        .current_dir(&**folder)
        .stdout(File::create(&stdout).expect("the folder can be written"))
        .stderr(File::create(&stderr).expect("the folder can be written"))
        .spawn()
        .expect("the binary was built");
    Running { child, stdout, stderr }
}

/// Runs `loadline` to its end.
pub(crate) fn run(folder: &Folder, arguments: &[&str]) -> Ended {
    start(folder, command(arguments)).end()
}

/// `loadline run TARGET` with flags: prints JSON, writes no report, and leaves `run/` in `folder`.
pub(crate) fn measure(folder: &Folder, target: &str, flags: &[&str]) -> Ended {
    run(folder, &[&["run", target, "--json", "--no-report", "--quiet", "--out", "run"], flags].concat())
}

impl Running {
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it is running still");
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let began = Instant::now();
        let mut peak_bytes = 0;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            peak_bytes = peak_bytes.max(peak_memory(self.child.id()));
            assert!(began.elapsed() < PATIENCE, "it hangs; it said: {}", read(&self.stderr));
            std::thread::sleep(Duration::from_millis(10));
        };
        Ended { code: status.code(), stdout: read(&self.stdout), stderr: read(&self.stderr), peak_bytes }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already, as it should be, or to be gone now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// The high-water mark of a process's memory (proc(5), `VmHWM`); 0 once it is gone.
fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

impl Ended {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stderr:\n{}\nstdout:\n{}", self.stderr, self.stdout);
        self
    }

    /// Asserts that it came to its end in order: a measurement that a busy machine has spoiled is labelled as such by
    /// the exit code 6, and that is not what most tests are about.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        if self.code == Some(6) { self } else { self.expect(0) }
    }

    /// The document on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in: {}\nstderr: {}", self.stdout, self.stderr))
    }
}
