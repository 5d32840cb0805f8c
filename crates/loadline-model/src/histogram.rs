//! Latency histograms and the HdrHistogram log.
//!
//! Every duration is kept in whole microseconds, 1 µs to 1 h, with three significant digits. Histograms are
//! added, never averaged.

/// A histogram of durations in microseconds.
pub type Histogram = hdrhistogram::Histogram<u64>;

/// The shortest duration that is told apart, in microseconds.
pub const LOWEST_US: u64 = 1;
/// The longest duration that is told apart, in microseconds: one hour. Longer ones count as this.
pub const HIGHEST_US: u64 = 3_600_000_000;
/// Significant decimal digits kept.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// An empty histogram with the bounds above. Takes 184 KiB once it is written to.
pub fn new() -> Histogram {
    Histogram::new_with_bounds(LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS)
        .expect("the bounds are constants that fit")
}
