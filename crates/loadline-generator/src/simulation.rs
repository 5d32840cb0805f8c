//! A whole run in virtual time: the dispatch of real runs, with another clock and client, in one worker.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use loadline_generator::arrivals::{Load, Stage};
//! use loadline_generator::client::{http::HttpSettings, simulated::SimulatedServer};
//! use loadline_generator::run::{Plan, RunEvent, Stages};
//! use loadline_generator::schedule::{Arrivals, RateStage};
//! use loadline_generator::{script::Script, simulation::simulate, stop::StopHandle};
//! use loadline_model::scenario::Scenario;
//!
//! let scenario = Scenario::for_url("http://service/", "GET", &[], None).unwrap();
//! let script = Script::compile(&scenario, &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap();
//! let rate = RateStage {
//!     from_per_s: 100.0,
//!     to_per_s: 100.0,
//!     duration: Duration::from_secs(3600),
//!     arrivals: Arrivals::Uniform,
//! };
//! let plan = Plan::new(Arc::new(script), 1, HttpSettings::default());
//! let stages = Stages::fixed(&[Stage { load: Load::Rate(rate), warmup: false }], 1);
//! let mut requests = 0;
//! // One worker that takes 4 ms for each request: an hour of it takes no time at all.
//! let service = |clock| SimulatedServer::new(clock, 1, || Duration::from_millis(4));
//! simulate(&plan, stages, &StopHandle::new(), service, |event| {
//!     if let RunEvent::Second(second) = event {
//!         requests += second.requests.iter().map(|r| r.counts.requests).sum::<u64>();
//!     }
//! })
//! .unwrap();
//! assert_eq!(requests, 360_000);
//! ```

use std::sync::mpsc::sync_channel;

use crate::arrivals::Source;
use crate::client::Client;
use crate::clock::simulated::SimulatedClock;
use crate::collect::Collector;
use crate::dispatch;
use crate::recorder::Recorder;
use crate::run::{Plan, RunError, RunEvent, Stages};
use crate::stop::StopHandle;

/// Hand-overs that may wait: time stands still until they are read, so there is never more than one a second.
const HAND_OVERS_WAITING_MAX: usize = 16;

/// Drives `plan` through `stages` to its end as [`run`](crate::run::run) does, in virtual time and in one worker,
/// whatever the plan says. Time stands still during `on_event`, so stages that it feeds come in time.
///
/// # Errors
/// [`RunError::Died`] where the client waits for something that no instant will bring.
pub fn simulate<K: Client>(
    plan: &Plan,
    stages: Stages,
    stop: &StopHandle,
    client: impl FnOnce(SimulatedClock) -> K,
    mut on_event: impl FnMut(RunEvent),
) -> Result<(), RunError> {
    let plan = Plan { workers: 1, ..plan.clone() };
    let names = plan.script.request_names.clone();
    let (out, handed_over) = sync_channel(HAND_OVERS_WAITING_MAX);
    let (spare, spare_out) = sync_channel(2);
    let stages = stages.0.into_iter().next().ok_or(RunError::Died)?;
    let clock = SimulatedClock::new();
    let load = dispatch::run(
        plan.settings(0, stop),
        plan.script.clone(),
        Source::new(plan.seed, 0, 1, plan.users_max, stages),
        clock.clone(),
        client(clock.clone()),
        Recorder::new(0, names.len(), out, spare_out),
    );
    let mut collector = Collector::new(names, 1);
    on_event(RunEvent::Started);
    let mut collect = || {
        for second in handed_over.try_iter() {
            // A worker that has spare banks enough needs none.
            let _ = spare.try_send(collector.push(second));
            while let Some(second) = collector.pop(|| None) {
                on_event(RunEvent::Second(second));
            }
        }
    };
    clock.drive_beside(load, &mut collect).map_err(|_| RunError::Died)?;
    collect();
    on_event(RunEvent::Ended { stopped: stop.requested(), load_ended: stop.load_ended_after() });
    Ok(())
}
