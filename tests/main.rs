//! Journeys through the built binary, against real servers.
//!
//! `cargo test -p loadline --test journeys -- NAME` runs those whose name holds NAME.

mod support;

mod bad_scenarios;
mod bad_targets;
mod baselines;
mod ci_examples;
mod components;
mod dependencies;
mod differential;
mod duel;
mod exit_codes;
mod handing_out;
mod headroom;
mod hlog;
mod ingest;
mod kill;
mod prometheus;
mod reports;
mod reproducible;
mod run;
mod saturate;
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
        dependencies::trials(),
        bad_scenarios::trials(),
        exit_codes::trials(),
        handing_out::trials(),
        headroom::trials(),
        secrets::trials(),
        slo::trials(),
        kill::trials(),
        hlog::trials(),
        ingest::trials(),
        prometheus::trials(),
        scripted::trials(),
        scenarios::trials(),
        differential::trials(),
        reproducible::trials(),
        reports::trials(),
        bad_targets::trials(),
        run::trials(),
        saturate::trials(),
        stall::trials(),
        validity::trials(),
        duel::trials(),
        baselines::trials(),
        ci_examples::trials(),
    ];
    support::harness::main(trials.into_iter().flatten().collect())
}
