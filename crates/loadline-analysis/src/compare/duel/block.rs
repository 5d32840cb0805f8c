//! What a block of a duel says of a metric: the log ratio of the candidate's figure over the base's.

use loadline_model::histogram::{self, Histogram};
use loadline_model::recording::RequestSecond;

/// Samples that a block has on either side at least.
const SAMPLES_MIN: f64 = 20.0;
/// Samples beyond a quantile that a block has at least. Fewer than a figure of its own would need: a block's noise is
/// in its ratio, and both sides bear it alike.
const BEYOND_MIN: f64 = 5.0;

/// A metric of a duel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Of the response time, 0 to 1.
    Quantile(f64),
    /// Of the response time.
    Mean,
    /// Requests without error.
    Throughput,
    /// Failed requests over all.
    ErrorRate,
}

impl Kind {
    /// `p50`, `p99.9` or `p999`, `mean`, `throughput`, `error_rate`, each with or without its unit.
    pub(super) fn parse(name: &str) -> Option<Kind> {
        match name {
            "mean" | "mean_ms" => Some(Kind::Mean),
            "throughput" | "throughput_per_s" => Some(Kind::Throughput),
            "error_rate" => Some(Kind::ErrorRate),
            quantile => {
                let digits = quantile.strip_suffix("_ms").unwrap_or(quantile).strip_prefix('p')?;
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                // p999 is how 99.9 is written in columns.
                let dotted = match digits.len() {
                    3.. if !digits.contains('.') => format!("{}.{}", &digits[..2], &digits[2..]),
                    _ => digits.to_owned(),
                };
                let percent: f64 = dotted.parse().ok().filter(|_| plain)?;
                (0.0 < percent && percent < 100.0).then_some(Kind::Quantile(percent / 100.0))
            }
        }
    }

    pub(super) fn higher_is_better(self) -> bool {
        self == Kind::Throughput
    }

    /// The figure of one side: in milliseconds, a rate of errors, or a count for throughput.
    pub(super) fn figure(self, side: &Tally) -> Option<f64> {
        let some = side.requests > 0;
        match self {
            Kind::Quantile(q) => quantile_us(&side.response, q).map(|us| us / 1e3),
            Kind::Mean => some.then(|| side.response.mean() / 1e3),
            Kind::Throughput => some.then_some((side.requests - side.failed) as f64),
            Kind::ErrorRate => some.then(|| side.failed as f64 / side.requests as f64),
        }
    }

    /// The standard error of the figure's logarithm were the samples independent: for a quantile half the way between
    /// those a standard error of the count below and above (Woodruff, *J. Am. Stat. Assoc.* 47, 1952).
    fn error(self, side: &Tally) -> Option<f64> {
        let n = side.requests as f64;
        match self {
            Kind::Quantile(q) => {
                let step = (q * (1.0 - q) / n).sqrt();
                let [low, high] =
                    [(q - step).max(0.0), (q + step).min(1.0)].map(|q| quantile_us(&side.response, q));
                Some(0.5 * (high? / low?).ln())
            }
            Kind::Mean => Some(side.response.stdev() / side.response.mean() / n.sqrt()),
            Kind::Throughput | Kind::ErrorRate => Some(n.sqrt().recip()),
        }
    }

    /// The requests of a side that a block takes.
    pub(super) fn samples_needed(self) -> u64 {
        let wanted = match self {
            Kind::Quantile(q) => SAMPLES_MIN.max(BEYOND_MIN / (1.0 - q)).max(BEYOND_MIN / q),
            Kind::Mean | Kind::Throughput => SAMPLES_MIN,
            Kind::ErrorRate => 1.0,
        };
        // 1 − 0.99 is a little more than 0.01.
        (wanted - 1e-6).ceil() as u64
    }

    /// Whether a block has enough samples on a side.
    fn enough(self, side: &Tally) -> bool {
        side.requests >= self.samples_needed()
    }
}

/// What one side did, over a block or over a duel.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) response: Histogram,
    pub(super) requests: u64,
    pub(super) failed: u64,
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally { response: histogram::new(), requests: 0, failed: 0 }
    }

    pub(super) fn add(&mut self, request: &RequestSecond) {
        self.response.add(&request.durations.response).expect("all histograms have the same bounds");
        self.requests += request.counts.requests;
        self.failed += request.counts.errors.values().sum::<u64>();
    }

    pub(super) fn merge(&mut self, other: &Tally) {
        self.response.add(&other.response).expect("all histograms have the same bounds");
        self.requests += other.requests;
        self.failed += other.failed;
    }

    fn clear(&mut self) {
        self.response.reset();
        (self.requests, self.failed) = (0, 0);
    }
}

/// What a block says. All but the log ratio would be the same had the builds changed places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ratio {
    /// The logarithm of the candidate's figure over the base's.
    pub(super) log: f64,
    /// The logarithm of the level of both.
    pub(super) level: f64,
    /// The standard error of the log ratio, from the block's own samples.
    pub(super) error: f64,
}

/// No block tells a difference finer than this: clocks and buckets do not.
const FINEST: f64 = 5e-4;

/// The block at hand of one metric: as many seconds as it takes for enough samples on both sides.
#[derive(Debug)]
pub(super) struct Block {
    kind: Kind,
    sides: [Tally; 2],
}

impl Block {
    pub(super) fn new(kind: Kind) -> Block {
        Block { kind, sides: [Tally::new(), Tally::new()] }
    }

    /// Adds a second; the ratio once the block is full.
    pub(super) fn push(&mut self, second: &[Tally; 2]) -> Option<Ratio> {
        self.sides.iter_mut().zip(second).for_each(|(side, add)| side.merge(add));
        if !self.sides.iter().all(|side| self.kind.enough(side)) {
            return None;
        }
        let ratio = self.ratio();
        self.sides.iter_mut().for_each(Tally::clear);
        ratio
    }

    fn ratio(&mut self) -> Option<Ratio> {
        let [base, candidate] = [&self.sides[0], &self.sides[1]].map(|side| self.kind.figure(side));
        let errors = [&self.sides[0], &self.sides[1]].map(|side| self.kind.error(side));
        let ratio = Ratio {
            log: (candidate? / base?).ln(),
            level: 0.5 * (candidate? * base?).ln(),
            error: errors[0]?.hypot(errors[1]?).max(FINEST),
        };
        [ratio.log, ratio.level, ratio.error].iter().all(|value| value.is_finite()).then_some(ratio)
    }
}

/// A quantile in microseconds, samples taken as evenly spread within their bucket: a block is compared to a tenth of a
/// per cent, which three digits do not tell apart.
fn quantile_us(histogram: &Histogram, q: f64) -> Option<f64> {
    let wanted = q * histogram.len() as f64;
    let mut before = 0.0;
    for step in histogram.iter_recorded() {
        let count = step.count_since_last_iteration() as f64;
        if before + count >= wanted {
            let low = histogram.lowest_equivalent(step.value_iterated_to()) as f64;
            let width = histogram.equivalent_range(step.value_iterated_to()) as f64;
            return Some(low + width * (wanted - before) / count);
        }
        before += count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_compare_reads_them() {
        for (name, kind) in [
            ("p50", Kind::Quantile(0.5)),
            ("p99_ms", Kind::Quantile(0.99)),
            ("p999", Kind::Quantile(0.999)),
            ("p99.9", Kind::Quantile(0.999)),
            ("mean_ms", Kind::Mean),
            ("throughput_per_s", Kind::Throughput),
            ("error_rate", Kind::ErrorRate),
        ] {
            let read = Kind::parse(name);
            match (read, kind) {
                (Some(Kind::Quantile(read)), Kind::Quantile(q)) => {
                    assert!((read - q).abs() < 1e-12, "{name}")
                }
                _ => assert_eq!(read, Some(kind), "{name}"),
            }
        }
        for name in ["p", "p0", "p100.0", "pp", "p-5", "max", "", "p5e1", "p5.5.5"] {
            assert_eq!(Kind::parse(name), None, "{name}");
        }
    }

    /// Evenly spread samples have quantiles in closed form, finer than the three digits of their buckets.
    #[test]
    fn quantiles_lie_within_buckets() {
        let mut histogram = histogram::new();
        (0..10_000u64).for_each(|at| histogram.record(100_000 + at).unwrap());
        for q in [0.1, 0.5, 0.9123] {
            let exact = 100_000.0 + q * 10_000.0;
            assert!((quantile_us(&histogram, q).unwrap() / exact - 1.0).abs() < 2e-5, "{q}");
        }
        assert_eq!(quantile_us(&histogram::new(), 0.5), None);
    }
}
