//! The engine in virtual time: the very code that drives real load, held against closed forms, to the microsecond.

mod bounds;
mod closed;
mod open;
mod queues;
mod recording;
mod schedule;
mod simulation;
mod undecided;
mod unread;
mod workers;
