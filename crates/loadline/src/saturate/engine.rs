//! Who drives the load of a search.

use loadline_generator::client::Client;
use loadline_generator::clock::simulated::SimulatedClock;
use loadline_generator::run::{Plan, RunError, RunEvent, Stages};
use loadline_generator::stop::StopHandle;

/// Drives stages that are fed as it goes, and tells what happens.
pub trait Engine {
    /// Drives `plan` to the end of its stages.
    ///
    /// # Errors
    /// When load cannot be driven at all.
    fn run(
        &mut self,
        plan: &Plan,
        stages: Stages,
        stop: &StopHandle,
        on_event: &mut dyn FnMut(RunEvent),
    ) -> Result<(), RunError>;
}

/// Real load over sockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealLoad;

impl Engine for RealLoad {
    fn run(
        &mut self,
        plan: &Plan,
        stages: Stages,
        stop: &StopHandle,
        on_event: &mut dyn FnMut(RunEvent),
    ) -> Result<(), RunError> {
        loadline_generator::run::run(plan, stages, stop, on_event)
    }
}

/// The same dispatch in virtual time, against the client that the function makes: nothing takes time but waiting.
#[derive(Debug, Clone)]
pub struct VirtualLoad<F>(pub F);

impl<K: Client, F: FnMut(SimulatedClock) -> K> Engine for VirtualLoad<F> {
    fn run(
        &mut self,
        plan: &Plan,
        stages: Stages,
        stop: &StopHandle,
        on_event: &mut dyn FnMut(RunEvent),
    ) -> Result<(), RunError> {
        loadline_generator::simulation::simulate(plan, stages, stop, &mut self.0, on_event)
    }
}
