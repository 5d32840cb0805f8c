//! A test of this suite: it passes, fails, or is skipped because something it needs is not installed.
//!
//! Those that measure run alone; the others run beside one another. What was skipped is listed at the end, and
//! under `LOADLINE_REQUIRE_ALL=1` a skip is a failure.

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError, RwLock};

use libtest_mimic::{Arguments, Completion, Trial};

use super::machine::ask_for_priority;

/// Something that a test needs is not there: what, and how to get it.
#[derive(Debug)]
pub(crate) struct Skip(pub(crate) String);

/// What a test function may return.
pub(crate) trait Ending {
    fn skipped(self) -> Option<Skip>;
}

impl Ending for () {
    fn skipped(self) -> Option<Skip> {
        None
    }
}

impl Ending for Result<(), Skip> {
    fn skipped(self) -> Option<Skip> {
        self.err()
    }
}

/// Whether a test can bear others beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Room {
    Alone,
    Beside,
}

static MACHINE: RwLock<()> = RwLock::new(());
static SKIPPED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Tests at a time, of those that bear it: most of their time is waiting.
const BESIDE: usize = 3;

/// One test; `path` is its module path and name.
pub(crate) fn trial<E: Ending>(
    path: impl Into<String>,
    room: Room,
    test: impl FnOnce() -> E + Send + 'static,
) -> Trial {
    let path = path.into();
    let name = path.trim_start_matches("journeys::").to_owned();
    let shown = name.clone();
    Trial::ignorable_test(name, move || {
        // A test that failed has poisoned nothing: the lock guards no data.
        let skipped = match room {
            Room::Alone => {
                let _turn = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
                test().skipped()
            }
            Room::Beside => {
                let _turn = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
                test().skipped()
            }
        };
        let Some(Skip(reason)) = skipped else { return Ok(Completion::Completed) };
        if std::env::var("LOADLINE_REQUIRE_ALL").is_ok_and(|value| value == "1") {
            return Err(format!("nothing may be skipped here, but {reason}").into());
        }
        SKIPPED.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{shown}: {reason}"));
        Ok(Completion::ignored_with(reason))
    })
}

/// `trials! { Alone: a, b; Beside: c; }`: the tests of a module.
macro_rules! trials {
    ($($room:ident: $($test:ident),+;)+) => {
        vec![$($($crate::support::harness::trial(
            concat!(module_path!(), "::", stringify!($test)),
            $crate::support::harness::Room::$room,
            $test,
        )),+),+]
    };
}
pub(crate) use trials;

/// Runs the tests that the command line asks for and lists what was skipped.
pub(crate) fn main(trials: Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    ask_for_priority();
    arguments.test_threads.get_or_insert(BESIDE);
    let conclusion = libtest_mimic::run(&arguments, trials);
    let skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    if !skipped.is_empty() {
        println!("skipped, for want of what they need:");
        skipped.iter().for_each(|line| println!("    {line}"));
        println!();
    }
    conclusion.exit_code()
}
