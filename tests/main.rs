//! Journeys through the built binary, against real servers.
//!
//! `cargo test -p loadline --test journeys -- NAME` runs those whose name holds NAME.

mod support;

mod bad_scenarios;
mod bad_targets;
mod components;
mod exit_codes;
mod headroom;
mod hlog;
mod kill;
mod reports;
mod reproducible;
mod run;
mod scenarios;
mod scripted;
mod secrets;
mod slo;
mod stall;
mod structure;
mod validity;

fn main() -> std::process::ExitCode {
    let trials = [
        components::trials(),
        structure::trials(),
        bad_scenarios::trials(),
        exit_codes::trials(),
        headroom::trials(),
        secrets::trials(),
        slo::trials(),
        kill::trials(),
        hlog::trials(),
        scripted::trials(),
        scenarios::trials(),
        reproducible::trials(),
        reports::trials(),
        bad_targets::trials(),
        run::trials(),
        stall::trials(),
        validity::trials(),
    ];
    support::harness::main(trials.into_iter().flatten().collect())
}
