//! The instants at which requests arrived and were answered, for those who compute truths on this side.

use std::io::{self, Write};

/// One request as the service saw it. Instants are nanoseconds on CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// When its last byte had been read.
    pub arrived: u64,
    /// When the last byte of its answer had been given to the kernel, or its connection was reset; `None` if its
    /// client went away first.
    pub answered: Option<u64>,
    /// The status answered, 0 if none was.
    pub status: u16,
}

/// A bounded list of exchanges.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    pub(super) kept: Vec<Exchange>,
    pub(super) missed: u64,
}

impl Exchanges {
    pub(super) fn add(&mut self, exchange: Exchange, max: usize) {
        if self.kept.len() < max { self.kept.push(exchange) } else { self.missed += 1 }
    }
}

/// Writes exchanges as CSV, by arrival: `arrived_ns,answered_ns,status`, the second empty where none was.
///
/// # Errors
/// Those of the writer.
pub fn write_csv(exchanges: &mut [Exchange], out: &mut impl Write) -> io::Result<()> {
    exchanges.sort_unstable_by_key(|exchange| exchange.arrived);
    writeln!(out, "arrived_ns,answered_ns,status")?;
    for Exchange { arrived, answered, status } in exchanges {
        match answered {
            Some(answered) => writeln!(out, "{arrived},{answered},{status}")?,
            None => writeln!(out, "{arrived},,{status}")?,
        }
    }
    out.flush()
}
