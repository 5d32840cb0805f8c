//! The load generator: a pure schedule says when, a script says what, a client sends it, a recorder keeps it.

pub mod arrivals;
pub mod client;
pub mod clock;
pub mod collect;
pub mod dispatch;
pub mod examples;
pub mod exchange;
mod flow;
pub mod random;
pub mod recorder;
pub mod run;
pub mod schedule;
pub mod script;
pub mod stop;
pub mod system;
