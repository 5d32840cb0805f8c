//! The load generator: a pure schedule says when, a script says what, a client sends it, a recorder keeps it.

pub mod exchange;
pub mod script;
